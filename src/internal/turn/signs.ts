/**
 * Signs of listening that wait, and what becomes of them: they are set aside
 * where the agent goes on, and a turn where it falls silent soon after them, for
 * then they answer it. After a statement a mere continuer is one only if nobody
 * takes the floor.
 */
import * as Aside from "./aside.ts"
import { audible, type Draft, playing } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Interruption from "./interruption.ts"
import type { Sign, State } from "./model.ts"
import * as Said from "./said.ts"

/** What ends so shortly (ms) before the agent falls silent answers it: a second, and by how much its ears err. */
const answersWithin = 1250

/** After a statement a continuer is a turn only if the floor stays free for so long (ms). */
const freeFor = 2000

/** Words that go on within this time (ms) of a sign belong to it. */
const goesOnWithin = 300

/** Words that are more than a sign come: those that go on in the same breath take the signs along. */
export const goesOn = (d: Draft, startedAt: number): void => {
  const last = d.user.signs.at(-1)
  if (last === undefined) return
  if (last.turnAt === undefined && startedAt <= last.endedAt + goesOnWithin) return restore(d, d.user.signs)
  Aside.flush(d)
}

/** The words are of the turn after all. */
const restore = (d: Draft, signs: ReadonlyArray<Sign>): void => {
  const [first] = signs
  if (first === undefined) return
  const { words } = d.user
  d.user.signs = []
  d.user.words = {
    ...words,
    finals: [
      ...words.finals.slice(0, words.short),
      ...signs.map(({ text }) => text),
      ...words.finals.slice(words.short)
    ],
    startedAt: Math.min(first.startedAt, words.startedAt ?? Infinity),
    stoppedAt: Math.max(signs.at(-1)!.endedAt, words.stoppedAt ?? 0)
  }
}

/** How long after the sign the agent was heard, where it falls silent at `at`: a pause is no part of it. */
const heardAfter = (s: State, sign: Sign, at: number): number => {
  const { pause } = s.agent
  return at - sign.endedAt - sign.pausedMs -
    (pause === undefined ? 0 : Math.max(0, at - Math.max(pause.at, sign.endedAt)))
}

/** When the first sign has waited long enough for an agent that goes on; `undefined` while none waits, or it is paused. */
export const dueAt = (s: State): number | undefined => {
  const [first] = s.user.signs
  if (first === undefined || s.agent.pause !== undefined) return undefined
  if (first.turnAt !== undefined) return Math.max(...s.user.signs.map(({ turnAt }) => turnAt ?? 0))
  const floor = playing(s)
  const at = first.endedAt + first.pausedMs + answersWithin
  // Where it has run out of audio in time, it may have fallen silent.
  return floor === undefined || (floor.starvedAt !== undefined && floor.starvedAt <= at) ? undefined : at
}

export const due = (d: Draft): void => {
  const { signs } = d.user
  if (signs[0]?.turnAt !== undefined) {
    // The floor was free for all that time.
    restore(d, signs)
    d.user.words = { ...d.user.words, overlap: false, short: 0 }
    return EndOfTurn.commit(d, "voice")
  }
  const over = (sign: Sign) => sign.endedAt + sign.pausedMs + answersWithin <= d.now
  d.user.signs = signs.filter((sign) => !over(sign))
  for (const sign of signs.filter(over)) Aside.give(d, sign.text, sign.reason, sign)
}

/** A question has been heard to its end: what was said just before answers it, however little. */
export const questionEnded = (d: Draft): void => {
  const answer = d.user.signs.filter(({ startedAt }) => Said.answers(d, startedAt))
  if (answer.length === 0) return
  const before = d.user.signs.filter((sign) => !answer.includes(sign))
  for (const sign of before) Aside.give(d, sign.text, sign.reason, sign)
  restore(d, answer)
  Interruption.cutIn(d)
  EndOfTurn.consider(d)
}

/** Signs whose transcript has come when the agent was silent already. */
export const settle = (d: Draft): void => {
  const since = Said.silentSince(d)
  if (since !== undefined && d.agent.silentSince === undefined && !audible(d, d.now)) fellSilent(d, since, d)
}

/** Nobody hears the agent any more, since `at`. */
export const fellSilent = (d: Draft, at: number, state: State): void => {
  const { signs, voice } = d.user
  if (signs.length === 0 || signs[0]?.turnAt !== undefined) return
  const late = signs.filter((sign) => heardAfter(state, sign, at) <= answersWithin)
  for (const sign of signs) if (!late.includes(sign)) Aside.give(d, sign.text, sign.reason, sign)
  d.user.signs = late
  if (late.length === 0) return
  if (voice._tag !== "Silent" && voice.dismissed) d.user.voice = { ...voice, dismissed: false }
  const open = d.session.status._tag === "Open"
  if (open && late.every(({ reason }) => reason === "continuer") && !Said.asks(d, at)) {
    const turnAt = Math.max(at, late.at(-1)!.endedAt) + freeFor
    d.user.signs = late.map((sign) => ({ ...sign, turnAt }))
    return
  }
  restore(d, late)
  // Who was asked has answered, whatever the agent does in its silence.
  d.user.words = { ...d.user.words, overlap: false, short: 0, cutIn: d.user.words.cutIn || Said.asks(d, at) }
  EndOfTurn.consider(d)
}

/** Somebody has taken the floor: signs that waited for it to stay free are set aside. */
export const floorTaken = (d: Draft): void => {
  if (d.user.signs[0]?.turnAt !== undefined) Aside.flush(d)
}
