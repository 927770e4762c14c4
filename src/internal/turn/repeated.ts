/** Whether a recogniser tells again what it has told for good: it is heard once, and "No. No." stays two. */
import * as Text from "../../Text.ts"
import { canonical } from "../text/words.ts"
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
const voicedToOf = (s: State, now: number): number =>
  s.user.voice._tag === "Silent" ? s.user.spokenTo : spokenAt(s, now)

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
    voicedTo: voicedToOf(d, d.now),
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

/** A guess at words, or at the first of them, that were told for good. */
const isOld = (one: Told, { endedAt, final, text, turn }: Heard): boolean => {
  if (final || turn !== undefined) return false
  if (endedAt !== undefined && !(one.endedAt !== undefined && endedAt <= one.endedAt)) return false
  const told = canonical(one.text)
  return canonical(text).every((word, i) => word === told[i])
}

/** Whether a transcript says again what a final one before it has said, of the same voice. */
export const isRepeated = (s: State, now: number, heard: Heard): boolean => {
  const { owed, spokenFrom, told, turn, voice } = s.user
  const { endedAt, startedAt, text } = heard
  if (text.trim() === "") return false
  const last = told.at(-1)
  if (endedAt !== undefined) {
    const isSame = (one: Told) => isNear(endedAt, one.endedAt) && isNear(startedAt, one.startedAt)
    // Of a voice that began later it cannot be: times that say so are not to be trusted.
    const voiceBegan = voice._tag === "Silent" ? spokenFrom : voice.startedAt
    return told.some((one) =>
      now - one.at <= forgetAfter.timed && one.endedAt !== undefined && voiceBegan <= one.at &&
      (one === last && isOld(one, heard) || isSame(one) && Text.equivalent(one.text, text))
    )
  }
  if (last === undefined || last.followed || last.endedAt !== undefined || now - last.at > forgetAfter.untimed) {
    return false
  }
  // Nobody has spoken since, and nothing was left to be told: a turn later, little new can come of that voice.
  const isOver = turn > last.turn && voicedToOf(s, now) <= last.voicedTo && !owed.some(({ words }) => words)
  if (isOver && isOld(last, heard)) return true
  if (!Text.equivalent(last.text, text)) return false
  const each = (voicedToOf(s, now) - last.voicedFrom) / (last.characters + lengthOf(text))
  // There was no time to say it twice.
  return each < perCharacter.least || (isOver && each < perCharacter.most)
}
