/** Whether somebody is giving a number or a name, sign by sign. */
import { allTens as tens, and, compounds, digits as units, teens as pairs } from "./numberWords.ts"
import { withoutPunctuation } from "./words.ts"

/** Digits in scripts that write them as words. */
const ideographs = /^[〇零一二三四五六七八九]+$/u

const digitsIn = (word: string): number => {
  const digits = word.replaceAll(/[^\p{Nd}]/gu, "").length
  if (digits > 0) return /^[\p{Nd}\p{P}]+$/u.test(word) ? digits : 0
  if (ideographs.test(word)) return word.length
  const lower = word.toLowerCase()
  if (units.has(lower)) return 1
  if (pairs.has(lower) || tens.has(lower) || compounds.has(lower)) return 2
  const parts = lower.split("-")
  return parts.length > 1 &&
      parts.every((part) => units.has(part) || pairs.has(part) || tens.has(part) || and.has(part))
    ? 2
    : 0
}

/** Letters one by one, also as "B-C"; in other scripts a word may be one. */
const lettersIn = (word: string): number =>
  /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]\p{M}*(?:[-–.]\p{L}\p{M}*)*$/u.test(word)
    ? word.replaceAll(/[^\p{L}]/gu, "").length
    : 0

/** Of a spelling alphabet; one alone is a word. */
const alphabet = new Set(
  ("alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa quebec " +
    "romeo sierra tango uniform victor whiskey x-ray xray yankee zulu").split(" ")
)

interface Sign {
  readonly digits: number
  readonly letters: number
}

const nothing: Sign = { digits: 0, letters: 0 }

/** The words of a text, as what is given by each: "twenty two" is one. */
const read = (text: string): ReadonlyArray<Sign> => {
  const words = withoutPunctuation(text).map((word) => word.toLowerCase())
  const signs: Array<Sign> = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const digits = digitsIn(word)
    if (digits > 0) signs.push({ digits, letters: 0 })
    else if (alphabet.has(word) && (alphabet.has(words[i - 1] ?? "") || alphabet.has(words[i + 1] ?? ""))) {
      signs.push({ digits: 0, letters: 1 })
    } else signs.push({ digits: 0, letters: lettersIn(word) })
    if (!tens.has(word)) continue
    const rest = and.has(words[i + 1] ?? "") ? 2 : 1
    if (units.has(words[i + rest] ?? "")) i += rest
  }
  return signs
}

// At the end of other words one is a count of rooms, an "I" or an "a"; so many, one by one or written as one, are not.
const fewestApart = 2
const fewest = 4

/** The text is digits and single letters alone, or ends in so many of them that more may follow. */
export const isSpelled = (text: string): boolean => {
  const said = read(text)
  if (said.length === 0) return false
  const ending = said.slice(said.findLastIndex(({ digits, letters }) => digits + letters === 0) + 1)
  const letters = ending.reduce((sum, word) => sum + word.letters, 0)
  const signs = ending.reduce((sum, word) => sum + word.digits, letters)
  return ending.length === said.length || Math.max(ending.length, letters) >= fewestApart || signs >= fewest
}

/** How many numbers are in it. */
export const numbersIn = (text: string): number => read(text).filter(({ digits }) => digits > 0).length

/** It is one number of at most two digits, as who counts says it: no more of it is to come. */
export const isCount = (text: string): boolean => {
  const [{ digits } = nothing, ...others] = read(text)
  return others.length === 0 && (digits === 1 || digits === 2) && !/^\P{L}*0\d/u.test(text)
}
