/** Whether somebody is giving a number or a name, sign by sign. */
import { withoutPunctuation } from "./words.ts"

const words = new Set([
  ..."zero oh o one two three four five six seven eight nine double triple hash star".split(" "),
  ..."null eins zwei zwo drei vier fünf sechs sieben acht neun".split(" "),
  ..."zéro un deux trois quatre cinq sept huit neuf".split(" "),
  ..."cero uno dos tres cuatro cinco seis siete ocho nueve".split(" "),
  ..."due tre quattro cinque sei sette otto nove".split(" "),
  ..."um dois três quatro sete oito".split(" ")
])

const signsIn = (word: string): number => {
  const digits = word.replaceAll(/[^\p{Nd}]/gu, "").length
  if (digits > 0) return /^[\p{Nd}\p{P}]+$/u.test(word) ? digits : 0
  return words.has(word.toLowerCase()) ? 1 : 0
}

/** Letters one by one, also as "B-C". */
const lettersIn = (word: string): number =>
  /^\p{L}\p{M}*(?:[-–.]\p{L}\p{M}*)*$/u.test(word) ? word.replaceAll(/[^\p{L}]/gu, "").length : 0

// At the end of other words one is a count of rooms, an "I" or an "a"; so many, one by one or written as one, are not.
const fewestApart = 2
const fewest = 4

/** The text is digits and single letters alone, or ends in so many of them that more may follow. */
export const isSpelled = (text: string): boolean => {
  const said = withoutPunctuation(text).map((word) => ({ digits: signsIn(word), letters: lettersIn(word) }))
  if (said.length === 0) return false
  const ending = said.slice(said.findLastIndex(({ digits, letters }) => digits + letters === 0) + 1)
  const letters = ending.reduce((sum, word) => sum + word.letters, 0)
  const signs = ending.reduce((sum, word) => sum + word.digits, letters)
  return ending.length === said.length || Math.max(ending.length, letters) >= fewestApart || signs >= fewest
}
