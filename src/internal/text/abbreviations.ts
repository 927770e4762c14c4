/** What the word before a full stop says about it, by the lexicon of its language. Pure. */
import * as Chars from "./chars.ts"
import type { Lexicon } from "./lexicon.ts"

/**
 * `none`: it ends a sentence. `never`: it does not. `numeric`: not before a number. `ambiguous`: before
 * a word that commonly begins one. `slight` stands for a word so short that it may be an abbreviation,
 * `letter` for one small letter; before small letters neither ends one.
 */
export type Doubt = "none" | "slight" | "letter" | "never" | "numeric" | "ambiguous"

/** How far back (code units) is looked. */
export const reach = 16

const dot = 0x2e
const consonants = /^[b-df-hj-np-tv-xz]+$/i

/** "I" is none: it is a word. */
const roman = /^[IVXLCDM]{2,}$/

/** "§ 5", "+49", "№ 5": a number begins so, too. */
const numberSigns = new Set([0x23, 0x2b, 0xa7, 0x2116])

export const beginsNumber = (unit: number): boolean => numberSigns.has(unit)

/** The code unit before a place in the text. */
type Before = (at: number) => number

/** The word before a place, with the full stops in it. */
export const wordBefore = (before: Before, at: number): string => {
  let start = at
  let word = ""
  while (start > 0 && word.length < reach) {
    const unit = before(start)
    if (!Chars.isWord(unit) && unit !== dot) break
    word = String.fromCharCode(unit) + word
    start--
  }
  return word
}

/** Whether a number stands before the word that begins at `start`: "2024 г.", "XX w.". */
const isCounted = (before: Before, start: number): boolean => {
  let at = start
  while (at > 0 && start - at < reach / 2 && Chars.isSpace(before(at))) at--
  return /[\p{Nd}IVXLCDM]/u.test(String.fromCharCode(before(at)))
}

/** A word with the single letters before it that are of the same abbreviation: "b" of "z. B" as "z.b". */
const withLettersBefore = (word: string, before: Before, start: number): string => {
  let whole = word
  let at = start
  while (
    at > 2 && start - at < reach / 2 && word.length < 4 && Chars.isSpace(before(at)) && before(at - 1) === dot &&
    Chars.isWord(before(at - 2)) && !Chars.isWord(before(at - 3))
  ) {
    whole = `${String.fromCharCode(before(at - 2)).toLowerCase()}.${whole}`
    at -= 3
  }
  return whole
}

/** Of a full stop behind a word that ends at `at`. */
export const doubtOf = (word: string, before: Before, at: number, lineStart: number, lexicon: Lexicon): Doubt => {
  const { ambiguous, counted, never, numeric, numericEnd, ordinals, titles } = lexicon
  if (word === "") return "slight"
  if (word.length === reach) return "none"
  const start = at - word.length
  const isLineStart = start === lineStart
  if (Chars.kindOf(word.charCodeAt(0)) === Chars.digit && /^\p{Nd}{1,3}$/u.test(word)) {
    if (isLineStart) return "never"
    return ordinals === "none" || word.length > 2 ? "none" : ordinals === "any" ? "ambiguous" : "slight"
  }
  const folded = word.toLowerCase()
  const isWithin = Chars.isJoint(before(start)) && Chars.isWord(before(start - 1))
  const isCapital = Chars.kindOf(word.charCodeAt(0)) === Chars.letter
  if (counted.has(folded) && !isCapital) return isCounted(before, start) ? "ambiguous" : "never"
  const whole = withLettersBefore(folded, before, start)
  if (never.has(whole) || never.has(folded) || isCapital && titles.has(folded)) return "never"
  if (whole !== folded && (ambiguous.has(whole) || word.length === 1)) return "ambiguous"
  if (word.length === 1 && isCapital && !Chars.isJoined(word.charCodeAt(0)) && !isWithin) {
    return isLineStart ? "never" : word === "I" ? "slight" : "ambiguous"
  }
  if (numeric.has(folded) || numericEnd?.test(folded) === true) return "numeric"
  if (ambiguous.has(folded) || word[1] === "." && /^(?:\p{L}\.)+\p{L}$/u.test(word)) return "ambiguous"
  if (word.length === 1 && !isWithin) return "letter"
  return word.length < 4 || consonants.test(word) ? "slight" : "none"
}

/** Whether a word that begins with a capital begins a sentence, behind a doubtful stop; `letter` is the one before that, if it was one. */
export const mayBegin = (word: string, doubt: Doubt, letter: string, next: number, lexicon: Lexicon): boolean => {
  if (doubt === "ambiguous") return lexicon.starters.has(word.toLowerCase())
  if (doubt === "numeric" && roman.test(word)) return false
  if (next !== dot || letter === "") return true
  // "z. B.", "n. Chr."
  const whole = `${letter}.${word.toLowerCase()}`
  return word.length > 1 && !lexicon.never.has(whole) && !lexicon.ambiguous.has(whole)
}
