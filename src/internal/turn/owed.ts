/**
 * What the recogniser still has to give: an answer for each voice that has ended. It is waited for
 * no longer than this recogniser takes, as was measured: words may be missing, and a turn that is
 * answered without them is answered wrongly.
 */
import { type Draft, publish } from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import type { Owed, State } from "./model.ts"

/** A shorter voice (ms) says no word of which one would have to wait for the transcript. */
export const shortest = 250

/** How much longer than it usually takes an answer is waited for (ms). */
const grace = 200

/** How far before the end of the voice a recogniser may count the end of its words (ms). */
export const shortOf = 500

/** An answer that is older (ms) never comes. */
export const forgetAfter = 10_000

/** A voice has ended, or the program has asked (0 ms of voice): the recogniser is asked for what it has, and answers. */
export const ask = (d: Draft, endedAt: number, soundedMs: number): void => {
  const { ears } = d.session
  if (!ears.stt) return
  const open = d.user.owed.filter(({ askedAt }) => d.now - askedAt < forgetAfter)
  // It may have found the end by itself, and have nothing to add.
  const since = open.some((other) => other.words && isInTime(d, other))
    ? Number.POSITIVE_INFINITY
    : endedAt - d.user.settledTo
  d.user.owed = [...open, { askedAt: d.now, endedAt, words: Math.min(soundedMs, since) >= shortest }]
}

/** A final transcript has come, of words up to `endedAt` where that is known; with words, or to say that there are none. */
export const answered = (d: Draft, endedAt: number | undefined, words: boolean): void => {
  const { owed } = d.user
  if (endedAt !== undefined) {
    const to = endedAt + shortOf
    d.user.settledTo = Math.max(d.user.settledTo, Math.min(to, d.now))
    d.user.owed = owed.filter((open) => open.endedAt > to)
    return
  }
  const settled = (words ? answerable(d) : owed).find((open) => isInTime(d, open))
  d.user.settledTo = Math.max(d.user.settledTo, settled?.endedAt ?? d.now)
  d.user.owed = settled === undefined ? owed : owed.slice(owed.indexOf(settled) + 1)
}

/** What words without times may be an answer to: a voice that was too short to wait for only where no other is open. */
const answerable = (d: Draft): ReadonlyArray<Owed> => {
  const { owed } = d.user
  const long = owed.filter(({ words }) => words)
  return long.length > 0 ? long : owed.filter((open) => isInTime(d, open))
}

/** Of several voices that may have words to come, the one whose words come first. */
export const firstOfSeveral = (d: Draft): Owed | undefined => {
  const [first] = answerable(d)
  if (first === undefined) return undefined
  const { owed } = d.user
  const others = owed.slice(owed.indexOf(first) + 1)
  return others.some((open) => open.words || isInTime(d, open)) ? first : undefined
}

/** Whether the recogniser takes longer for an answer than it does. */
export const isOverdue = (d: Draft, askedAt: number): boolean => d.now > askedAt + d.session.ears.delay + grace

/** An answer may still be one to this. */
const isInTime = (d: Draft, { askedAt }: Owed): boolean => !isOverdue(d, askedAt)

const last = ({ user: { owed } }: State): Owed | undefined => owed.findLast(({ words }) => words)

/** Until when what is owed is waited for, before words become a turn; `undefined` if nothing is owed. */
export const until = (s: State): number | undefined => {
  const owed = last(s)
  if (owed === undefined) return undefined
  return Math.min(
    owed.askedAt + s.session.ears.delay + grace,
    owed.endedAt + Endpointing.delays(s.user.endpointing).max
  )
}

/** Nobody speaks, and all that was said has its transcript. */
export const isSettled = (s: State): boolean => s.user.voice._tag === "Silent" && last(s) === undefined

/** How long (ms) the transcript of words that were used, or cleared away, may still come. */
export const late = 5000

/** The same of a transcript whose times say that it is of those words. */
export const lateWithTimes = 30_000

/** An interim transcript counts for the final one: tells so, and gives what is to be known of it. */
export const use = (d: Draft, text: string, reason: "commit" | "timeout" | "close"): State["user"]["used"] => {
  publish(d, { _tag: "InterimTranscriptUsed", text, reason })
  return { text, at: d.now, until: d.now + late }
}

/** How long it is waited for words, after which an interruption was none (ms). */
export const patience = ({ session: { ears, settings } }: State): number =>
  settings.interruption.falseInterruptionTimeout ?? Math.max(800, ears.delay + 300)

/** How long after speech it is told that no transcript has come (ms): one that has stalled was asked twice by then. */
export const timeout = ({ session: { ears, settings } }: State): number =>
  settings.transcriptionTimeout ?? Math.max(5000, 2 * ears.delay)
