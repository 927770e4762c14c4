/**
 * How recognisers write a phrase: some leave out accents and apostrophes, write umlauts with two
 * letters, or small numbers in digits.
 */

import { inPhrases } from "./numberWords.ts"

const umlauts: ReadonlyMap<string, string> = new Map([["ä", "ae"], ["ö", "oe"], ["ü", "ue"], ["ß", "ss"]])

/** Letters without a mark that comes off, and the Russian one that is written without as often. */
const alike: ReadonlyMap<string, string> = new Map([["ł", "l"], ["ø", "o"], ["đ", "d"], ["ё", "е"]])

/** Without the accents of Latin letters: those of other scripts are letters of their own. */
const withoutAccents = (text: string): string =>
  text.normalize("NFD").replace(/(\p{Script=Latin})\p{M}+/gu, "$1").normalize("NFC")
    .replace(/[łøđё]/gu, (letter) => alike.get(letter)!)

const accents = (text: string): ReadonlyArray<string> => [
  text,
  withoutAccents(text),
  withoutAccents(text.replace(/[äöüß]/gu, (letter) => umlauts.get(letter)!))
]

/** "That's" as "thats", "d'accord" as "daccord" or "d accord". */
const apostrophes = (text: string): ReadonlyArray<string> => [
  text,
  text.replaceAll("'", ""),
  text.replaceAll("'", " ")
]

/** So short a word without its accent is another one: "é" and "e", "là" and "la". */
const shortest = 3

/** All spellings of a phrase in lower case, its own first. */
export const spellings = (phrase: string): ReadonlyArray<string> => {
  const own = phrase.normalize("NFC").toLowerCase().replaceAll("’", "'")
  const others = apostrophes(own).flatMap(accents).filter((other) => other.length >= shortest)
  return [...new Set([own, ...others])]
}

/** A phrase of several words, and the same with its numbers in digits: "1 moment". */
export const withDigits = (phrase: string): ReadonlyArray<string> => {
  const words = phrase.split(" ")
  const digits = words.map((word) => inPhrases.get(word) ?? word).join(" ")
  return words.length === 1 || digits === phrase ? [phrase] : [phrase, digits]
}
