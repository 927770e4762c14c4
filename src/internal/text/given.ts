/**
 * Tells whether somebody is giving something piece by piece: a number, a name that
 * is spelled, an address. A piece that sounds finished may go on. Pure.
 */
import { isCount, isSpelled, numbersIn } from "./digits.ts"
import { withoutPunctuation } from "./words.ts"

/** A street's kind stands so near to the end (words): a name, a town or a number may follow. */
const nearTheEnd = 5

/** By themselves: in English, French, Spanish, Italian, Portuguese, Polish and Russian. */
const streets = new Set(
  ("street road avenue lane boulevard terrace rue chemin impasse quai calle avenida plaza paseo " +
    "via viale piazza corso rua praça travessa ulica aleja plac улица проспект переулок площадь").split(" ")
)

/** At the end of a name, in German and Dutch. */
const compound = /\p{L}{2}(?:stra(?:ß|ss)e|platz|gasse|allee|weg|straat|laan|plein)$/u

/** Of addresses in writing that are said aloud. */
const signs = new Set("dot underscore arobase arroba chiocciola klammeraffe apenstaartje".split(" "))

/** "M as in Mike": the next letter follows. */
const likened = /(?:^|\s)(?!i\s)\p{L}[\s,]+(?:as in|wie|comme|come|como|zoals|jak|как)\s+\p{L}+\P{L}*$/iu

const isAddress = (text: string): boolean => {
  const words = withoutPunctuation(text).map((word) => word.toLowerCase())
  const last = words.slice(-nearTheEnd)
  if (last.slice(0, -1).some((word) => word === "at") && last.slice(0, -1).includes("dot")) return true
  if (last.some((word) => signs.has(word))) return true
  return numbersIn(text) > 0 && last.some((word) => streets.has(word) || compound.test(word))
}

export const isGiven = (text: string): boolean => isSpelled(text) || likened.test(text) || isAddress(text)

/** It is being given, and no more than one count was said: that may be all. */
export const isDictated = (text: string): boolean => isGiven(text) && !isCount(text)
