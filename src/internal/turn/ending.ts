/** How a session ends: it drains, at once or when all is said, and then it is closed. */
import type * as Event from "../../Event.ts"
import { beyond } from "../text/beyond.ts"
import { hasSpeech } from "../text/words.ts"
import type { Action } from "./action.ts"
import * as Aside from "./aside.ts"
import { type Draft, noWords, said } from "./draft.ts"
import * as Floor from "./floor.ts"
import * as Guess from "./guess.ts"
import * as LastWords from "./lastWords.ts"
import type { State } from "./model.ts"
import * as Owed from "./owed.ts"
import * as Repeated from "./repeated.ts"
import type { Signal } from "./signal.ts"
import * as Turns from "./turns.ts"
import * as Voice from "./voice.ts"

/** Why the session ends, if it does. */
export const reasonOf = ({ session: { status } }: State): Event.CloseReason | undefined =>
  status._tag === "Draining" || status._tag === "Closed" ? status.reason : undefined

/** Begins the end, or makes it a harder one. */
export const close = (d: Draft, drain: boolean, asked: Event.CloseReason): void => {
  const { status } = d.session
  const reason = reasonOf(d) ?? asked
  d.actions.push({ _tag: "Closing", drain, reason })
  d.user.waitsUntil = undefined
  if (drain) {
    if (status._tag !== "Draining" && asked === "closed") LastWords.answer(d)
    d.session.status = { _tag: "Draining", reason }
    return
  }
  silence(d)
  d.session.status = { _tag: "Draining", reason }
  LastWords.hasten(d)
}

/** Stops whatever the agent says, or was about to say. */
export const silence = (d: Draft): void => {
  Guess.discard(d)
  Floor.clear(d, true)
  d.user.pending = undefined
}

/** No transcript is waited for, and what hangs keeps no words back. */
export const abandon = (d: Draft): void => {
  LastWords.over(d)
  keep(d)
}

/** Draining is over when nothing is left to be said. */
export const finish = (d: Draft): void => {
  if (d.session.status._tag !== "Draining") return
  keepBefore(d)
  const idle = () => d.agent.speeches.length === 0 && d.user.pending === undefined
  if (LastWords.waits(d, idle()) || !idle()) return
  keep(d)
  Guess.discard(d)
  Voice.cutOff(d)
  d.session.status = { _tag: "Closed", reason: d.session.status.reason }
}

/** What the user has said, and nobody answers, stands before what is said after it. */
const keepBefore = (d: Draft): void => {
  const { user: { words }, session: { lastWords } } = d
  const waits = lastWords?.answers === true || words.interim !== "" || !Owed.isSettled(d)
  if (waits || said(words) === "" || !d.agent.speeches.some(({ phase }) => phase === "ready")) return
  Turns.keep(d)
}

/** What is said is in the history, whatever comes; a final transcript may still follow the interim one. */
const keep = (d: Draft): void => {
  Aside.flush(d)
  const { turn, words } = d.user
  if (words.interim !== "") d.user.used = Owed.use(d, words.interim, "close")
  const text = said(words, true)
  if (text !== "") {
    d.actions.push({ _tag: "KeepWords", turn, text })
    d.user.turn = turn + 1
  }
  d.session.keptInterim = words.interim
  d.user.words = noWords
}

/** Words whose transcript comes while the session says goodbye: nobody answers, but they were said. */
export const keepLate = (
  state: State,
  now: number,
  signal: Extract<Signal, { readonly _tag: "Heard" }>
): readonly [State, ReadonlyArray<Action>] => {
  const { final, text } = signal
  if (!final || Repeated.isRepeated(state, now, signal)) return [state, []]
  const { session, user } = state
  const more = beyond(session.keptInterim, text)
  const kept = { ...state, session: { ...session, keptInterim: "" } }
  return hasSpeech(more)
    ? [{ ...kept, user: { ...user, turn: user.turn + 1 } }, [{ _tag: "KeepWords", turn: user.turn, text: more }]]
    : [kept, []]
}
