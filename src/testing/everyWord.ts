/** Every word that the user says is somewhere in the conversation, once. */
import { beyond } from "../internal/text/beyond.ts"
import { hasSpeech, hasWord } from "../internal/text/words.ts"
import type { InvariantOptions, Report } from "./invariants.ts"
import type { Timeline } from "./timeline.ts"

// A mark that stands alone, as in French, is no word.
const words = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter(hasWord)

/** Where a text stands in some others, from a place on. */
const places = (others: ReadonlyArray<{ readonly at: number; readonly text: string }>) => {
  const all = others.map(({ at, text }) => ({ at, words: words(text) }))
  let other = 0
  let from = 0
  return {
    find: (said: ReadonlyArray<string>) => {
      for (let i = other; i < all.length; i++) {
        const one = all[i]!
        for (let j = i === other ? from : 0; j + said.length <= one.words.length; j++) {
          if (said.every((word, k) => one.words[j + k] === word)) return { at: one.at, i, to: j + said.length }
        }
      }
      return undefined
    },
    goTo: (place: { readonly i: number; readonly to: number }) => {
      other = place.i
      from = place.to
    }
  }
}

/** How long (ms) the final transcript may still come of what an interim one was used for. */
const lateFinal = 30_000

/** The interim transcripts that were used before a final one that may be the same words'. */
export const usedBefore = (timeline: Timeline, at: number): ReadonlyArray<string> =>
  timeline.of("InterimTranscriptUsed").flatMap((used) => used.at <= at && at - used.at <= lateFinal ? [used.text] : [])

/** I1: every final transcript with a word is in exactly one user turn, or was set aside; either are in order. */
export const everyWordCounts = (timeline: Timeline, options: InvariantOptions, report: Report): void => {
  const turns = timeline.of("UserSpeechCommitted").filter(({ source }) => source !== "text")
  const aside = timeline.of("UserSpeechSetAside")
  const both = [places(turns), places(aside)]
  for (const { at, final, text } of timeline.of("UserTranscript")) {
    if (!final || !hasSpeech(text)) continue
    const find = (said: ReadonlyArray<string>) =>
      both.flatMap((all) => {
        const place = all.find(said)
        return place === undefined ? [] : [{ ...place, all }]
      }).toSorted((one, other) => one.at - other.at)[0]
    const said = words(text)
    const whole = find(said)
    // Where an interim transcript was used in its place, it adds only the rest.
    const rests = usedBefore(timeline, at).map((used) => words(beyond(used, text)))
    if (whole === undefined && rests.some((rest) => rest.length === 0)) continue
    // The same may be said again later: then the whole stands there, and the rest before it.
    const found = [whole, ...rests.map(find)].flatMap((place) =>
      place ?? []
    ).toSorted((one, other) => one.at - other.at)[0]
    found?.all.goTo(found)
    if (found === undefined && options.cleared !== true) {
      report("I1", `"${text}" is in no user turn and was not set aside, or out of order`, at)
    }
  }
  const finals = timeline.of("UserTranscript").filter(({ final }) => final)
  const heard = new Map<string, number>()
  for (const { text } of [...finals, ...timeline.of("InterimTranscriptUsed")]) {
    for (const word of words(text)) heard.set(word, (heard.get(word) ?? 0) + 1)
  }
  for (const { at, text } of [...turns, ...aside]) {
    for (const word of words(text)) {
      const left = heard.get(word) ?? 0
      if (left > 0) heard.set(word, left - 1)
      else report("I1", `"${word}" is in a user turn once more than it was heard`, at)
    }
  }
}
