/** Whether a recogniser tells again what it has told for good: it is heard once, and "No. No." stays two. */
import * as Text from "../../Text.ts"
import { type Draft, spokenAt } from "./draft.ts"
import type { State } from "./model.ts"
import type { Signal } from "./signal.ts"
import type { Placed } from "./span.ts"

type Heard = Extract<Signal, { readonly _tag: "Heard" }>

/** A final transcript, by its own times, or by the voice that it is of. */
export interface Told {
  readonly text: string
  /** When it came. */
  readonly at: number
  /** Number of the turn that was open. */
  readonly turn: number
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
  readonly voicedFrom: number
  /** When the user's voice had fallen silent; the time at which it came, while that sounded. */
  readonly voicedTo: number
  /** How many were told of that voice, with those before it. */
  readonly characters: number
  /** More was heard since, but no final transcript. */
  readonly followed: boolean
}

/** Nobody says a character in less (ms), and hardly anybody takes longer. */
const perCharacter = { least: 40, most: 100 }

/** Times of the same words may be so far apart (ms): the Clock of a stream is measured. */
const apart = 100

/** Words that came so long ago (ms) are told again by nobody; without times, they may be new ones of a voice that was missed. */
const forgetAfter = { timed: 15_000, untimed: 5000 }

/** So many may be told again together. */
const mostTold = 16

const lengthOf = (text: string): number => text.trim().length

/** When the newest of the user's voices fell silent; now, while it sounds. */
const soundedTo = (s: State, now: number): number => s.user.voice._tag === "Silent" ? s.user.spokenTo : spokenAt(s, now)

/** Notes a final transcript; words without a voice say nothing of what comes after them. */
export const note = (d: Draft, { endedAt, startedAt, text }: Heard, placed: Placed): void => {
  const { owed, spokenFrom, told, turn, voice } = d.user
  const isLast = voice._tag === "Silent" || placed.startedAt < voice.startedAt
  const voicedFrom = isLast ? spokenFrom : voice.startedAt
  const last = told.at(-1)
  const before = last?.voicedFrom === voicedFrom ? last.characters : 0
  const one: Told = {
    text,
    at: d.now,
    turn,
    startedAt,
    endedAt,
    voicedFrom,
    voicedTo: soundedTo(d, d.now),
    characters: before + lengthOf(text),
    // It may be of a voice before that.
    followed: endedAt === undefined && (placed.missed || owed.some(({ words }) => words))
  }
  d.user.told = [...told.slice(1 - mostTold), one]
}

/** An interim transcript of something else follows: without times the same words may come again. */
export const follow = (d: Draft): void => {
  const last = d.user.told.at(-1)
  if (last?.followed === false) d.user.told = [...d.user.told.slice(0, -1), { ...last, followed: true }]
}

const isNear = (one: number | undefined, other: number | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && Math.abs(one - other) <= apart)

/** Whether a transcript says again what a final one before it has said, of the same voice. */
export const isRepeated = (s: State, now: number, { endedAt, final, startedAt, text }: Heard): boolean => {
  const { owed, told, turn } = s.user
  const latest = now - (endedAt === undefined ? forgetAfter.untimed : forgetAfter.timed)
  const isSame = (one: Told | undefined): one is Told =>
    one !== undefined && one.at >= latest && Text.equivalent(one.text, text)
  if (endedAt !== undefined) {
    return told.some((one) =>
      one.endedAt !== undefined && isNear(endedAt, one.endedAt) && isNear(startedAt, one.startedAt) && isSame(one)
    )
  }
  const last = told.at(-1)
  if (!isSame(last) || last.endedAt !== undefined || last.followed) return false
  const voicedTo = soundedTo(s, now)
  const each = (voicedTo - last.voicedFrom) / (last.characters + lengthOf(text))
  // There was no time to say it twice.
  if (each < perCharacter.least) return true
  // Nobody has spoken since, and nothing was left to be told: a turn later, little new can come of that voice.
  return final && each < perCharacter.most && turn > last.turn && voicedTo <= last.voicedTo &&
    !owed.some(({ words }) => words)
}
