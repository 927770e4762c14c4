/** Words become a turn, and a turn gets its reply. */
import * as Text from "../../Text.ts"
import * as Aside from "./aside.ts"
import { type Draft, interruptible, noWords, playing, said, tooFewAlone } from "./draft.ts"
import * as Floor from "./floor.ts"
import * as Guess from "./guess.ts"
import type { State, Words } from "./model.ts"
import * as Pause from "./pause.ts"
import * as Queue from "./queue.ts"
import * as Said from "./said.ts"
import * as Telling from "./telling.ts"

/** What is left of the words once they are a turn: their voice may go on. */
export const rest = (s: State): Words => {
  const { voice } = s.user
  const floor = playing(s)
  return voice._tag === "Silent"
    ? noWords
    : { ...noWords, startedAt: voice.startedAt, overlap: floor !== undefined && !interruptible(s, floor) }
}

/** Nobody has answered these words yet: what follows adds to them, until the agent is heard. */
export const unheeded = ({ user: { unheeded } }: State, words: Words): State["user"]["unheeded"] => ({
  words: unheeded.words + Text.countWords(said(words)),
  speechMs: unheeded.speechMs + words.speechMs
})

/** Makes the words a turn without a reply of its own: of words that were too few. */
export const keep = (d: Draft): void => {
  Aside.flush(d)
  Guess.discard(d)
  d.actions.push({ _tag: "KeepWords", turn: d.user.turn, text: said(d.user.words) })
  d.user.turn += 1
  d.user.words = rest(d)
}

/** From here the words are a turn: they are in the history whatever happens. */
export const open = (
  d: Draft,
  text: string,
  source: "voice" | "text" | "manual",
  times: {
    /** When its first voice began. */
    readonly startedAt: number
    /** When its newest one did. */
    readonly newestAt: number
    readonly stoppedAt: number
    readonly finalAt: number
    /** Its words have asked for the floor, as "stop" does. @default false */
    readonly stops?: boolean
  }
): void => {
  // What is typed answers for itself: what was kept before it stands before it.
  Aside.flush(d)
  if (source === "text" && tooFewAlone(d.user.words)) keep(d)
  const held = d.user.waitsUntil !== undefined
  d.user.waitsUntil = undefined
  Said.answered(d)
  const turn = d.user.turn
  d.user.turn += 1
  Telling.heard(d, text)
  if (d.session.status._tag === "Draining" && d.session.lastWords?.answers !== true) {
    d.actions.push({ _tag: "KeepWords", turn, text })
    return
  }
  const { finalAt, newestAt, startedAt, stoppedAt, stops = false } = times
  d.agent.holdUntil = undefined
  Pause.justify(d)
  // What has waited only because the user had asked for a moment is still to be said.
  Queue.overtake(d, held ? Number.NEGATIVE_INFINITY : startedAt, newestAt)
  const floor = playing(d)
  if (floor?.overtaken === true && interruptible(d, floor)) Pause.yieldFloor(d)
  d.user.pending = turn
  d.user.stops = stops
  d.actions.push({ _tag: "CommitTurn", turn, text, source, stoppedAt, finalAt })
}

/** The hook wants a reply: the guess, if it is one to these words. */
export const accepted = (d: Draft, turn: number, text: string, changed: boolean): void => {
  if (d.user.pending !== turn) return
  d.user.pending = undefined
  d.user.declined = 0
  Floor.yieldTo(d)
  const { guess } = d.agent
  const reuse = guess !== undefined && !changed && !Queue.announces(d) && Text.equivalent(guess.text, text)
  if (!reuse) Guess.discard(d)
  d.agent.guess = undefined
  const speech = reuse ? guess.speech : `turn-${turn}`
  Floor.enqueue(d, { id: speech, source: "turn", protected: false, phase: "working" })
  d.actions.push({ _tag: reuse ? "Authorize" : "StartReply", speech, turn })
}

/** The hook wants none: what the turn has paused goes on, unless the turn was "stop". */
export const declined = (d: Draft, turn: number): void => {
  if (d.user.pending !== turn) return
  d.user.pending = undefined
  d.user.declined += 1
  Guess.discard(d)
  if (d.user.stops) return Floor.yieldTo(d)
  Queue.spare(d)
  const { pause } = d.agent
  if (pause?._tag === "Yielded") d.agent.pause = { ...pause, until: d.now }
}
