/**
 * What a transcript adds to an earlier one of the same words that was used in its
 * place. Recognisers mishear, and correct what they have told, so the place where
 * the new words begin is looked for, not counted. Total; what comes out is an end
 * of the later transcript, all of it where the two have little in common: then it
 * is of other words, and none may be lost.
 */
import * as Chars from "./chars.ts"
import { canonical, hasWord } from "./words.ts"

interface Unit {
  readonly key: string
  /** Where it begins in its text. */
  readonly at: number
}

/** Words, of a script without spaces single characters with their marks, and where each begins. */
const unitsOf = (text: string): ReadonlyArray<Unit> => {
  const units: Array<{ text: string; readonly at: number; readonly single: boolean }> = []
  for (const { 0: token, index } of text.matchAll(/\S+/gu)) {
    let at = index
    let inside = false
    for (const character of token) {
      const last = units.at(-1)
      const single = Chars.isUnspaced(character.charCodeAt(0))
      const goesOn = inside && last !== undefined &&
        (/^\p{M}$/u.test(character) || !hasWord(character) || (!single && !last.single))
      if (goesOn) last.text += character
      else units.push({ text: character, at, single })
      inside = true
      at += character.length
    }
  }
  return units.flatMap((unit) => hasWord(unit.text) ? [{ key: canonical(unit.text).join(" "), at: unit.at }] : [])
}

// Of more words than are left to compare only their number counts.
const mostCompared = 500

/** How far (words to change) `one` is from each beginning of `other`, the empty one first. */
const distances = (one: ReadonlyArray<Unit>, other: ReadonlyArray<Unit>): ReadonlyArray<number> => {
  let before = Array.from({ length: other.length + 1 }, (_, j) => j)
  for (const [i, { key }] of one.entries()) {
    const row = [i + 1]
    for (let j = 0; j < other.length; j++) {
      row.push(Math.min(before[j + 1]! + 1, row[j]! + 1, before[j]! + (key === other[j]!.key ? 0 : 1)))
    }
    before = row
  }
  return before
}

/** How many of the words of `after`, from its first on, say again what `before` says; 0 where it says something else. */
const saidAgain = (before: ReadonlyArray<Unit>, after: ReadonlyArray<Unit>): number => {
  let same = 0
  while (same < before.length && same < after.length && before[same]!.key === after[same]!.key) same++
  const one = before.slice(same)
  if (one.length === 0 || same === after.length) return same
  if (one.length > mostCompared) return Math.min(before.length, after.length)
  const other = after.slice(same, same + 2 * mostCompared)
  const costs = distances(one, other)
  const least = costs.reduce((least, cost) => Math.min(least, cost))
  if (2 * least > before.length) return 0
  const last = one.at(-1)!.key
  const places = costs.flatMap((cost, to) => cost === least ? [to] : [])
  const ending = places.filter((to) => to > 0 && other[to - 1]!.key === last)
  const closest = (ending.length > 0 ? ending : places).toSorted((a, b) =>
    Math.abs(a - one.length) - Math.abs(b - one.length)
  )
  return same + closest[0]!
}

/** The end of `later` that goes beyond what was used of `earlier`; "" if nothing does. */
export const beyond = (earlier: string, later: string): string => {
  const before = unitsOf(earlier)
  const after = unitsOf(later)
  if (before.length === 0) return later.trim()
  const next = saidAgain(before, after)
  return next === 0 ? later.trim() : later.slice(after[next]?.at ?? later.length).trim()
}
