/** Whether somebody is giving a number, digit by digit. */
import { withoutPunctuation } from "./words.ts"

const words = new Set([
  ..."zero oh o one two three four five six seven eight nine double triple hash star".split(" "),
  ..."null eins zwei zwo drei vier fünf sechs sieben acht neun".split(" "),
  ..."zéro un deux trois quatre cinq sept huit neuf".split(" "),
  ..."cero uno dos tres cuatro cinco seis siete ocho nueve".split(" "),
  ..."due tre quattro cinque sei sette otto nove".split(" "),
  ..."um dois três quatro sete oito".split(" ")
])

const lengthOf = (word: string): number => {
  const digits = word.replaceAll(/[^\p{Nd}]/gu, "").length
  if (digits > 0) return /^[\p{Nd}\p{P}]+$/u.test(word) ? digits : 0
  return words.has(word.toLowerCase()) ? 1 : 0
}

// So many at the end of other words are no count of rooms or nights any more.
const fewest = 4

/** The text is digits alone, or ends in so many that more may follow. */
export const givesDigits = (text: string): boolean => {
  const said = withoutPunctuation(text).map(lengthOf)
  if (said.length === 0) return false
  let digits = 0
  for (let i = said.length - 1; i >= 0 && said[i]! > 0; i--) digits += said[i]!
  return said.every((length) => length > 0) || digits >= fewest
}
