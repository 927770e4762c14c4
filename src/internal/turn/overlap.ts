/**
 * What the words are that are said beside the agent: an answer to it, a sign of
 * listening, a request to stop or to wait, or its own echo. It is the time of the
 * words that counts, and what the agent had said by then: nothing is a sign of
 * listening to an agent that nobody heard, or after a question of it.
 */
import * as Phrases from "../text/phrases.ts"
import * as Aside from "./aside.ts"
import { type Draft, fresh, reading, said, tooFewAlone } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Hold from "./hold.ts"
import * as Interruption from "./interruption.ts"
import type { AsideReason } from "./model.ts"
import * as Pause from "./pause.ts"
import * as Said from "./said.ts"
import * as Signs from "./signs.ts"
import type { Span } from "./span.ts"

type Verdict =
  /** A sign of listening. */
  | { readonly _tag: "Sign"; readonly reason: AsideReason }
  /** An answer, or a request to stop: the floor is the user's. */
  | { readonly _tag: "Floor" }
  | { readonly _tag: "Hold" }
  /** How many words there are, and how long the voice lasts, decides. */
  | { readonly _tag: "Unknown" }

const unknown: Verdict = { _tag: "Unknown" }

/** Whether words are judged by what they are: who pushes to talk says what counts. */
const judges = ({ session: { settings } }: Draft): boolean =>
  settings.interruption.backchannel && settings.detection !== "manual"

/** Whether words are the agent's own that came back. */
export const isEcho = (d: Draft, text: string, { endedAt, startedAt }: Span): boolean =>
  judges(d) && Said.echoes(d, text, startedAt, endedAt)

/** What kind of phrases they are; who was asked how long answers with what is a request to wait elsewhere. */
const kindOf = (d: Draft, text: string, { startedAt }: Span): Phrases.PhraseKind | undefined => {
  const kind = Phrases.phraseKind(text, reading(d))
  const answers = kind === "hold" && Phrases.isLength(text, reading(d)) && Said.asksForLength(d, startedAt)
  return answers ? undefined : kind
}

/** Whether words would be a sign of listening by what is known of them. */
export const isSign = (d: Draft, text: string, span: Span): boolean =>
  d.user.words.overlap && verdictOf(d, kindOf(d, text, span), span)._tag === "Sign"

/** Who breaks off to ask for a moment has said what came before: it is kept, and answered with what follows. */
const leaveBeforeHold = (d: Draft, span: Span): void => {
  const { words } = d.user
  const last = words.finals.length - 1
  if (!judges(d) || words.interim !== "" || last <= words.short) return
  if (kindOf(d, fresh(words), span) !== undefined || kindOf(d, words.finals[last]!, span) !== "hold") return
  d.user.words = { ...words, short: last }
}

/** Judges the words that have come, or has them judged; `sure` says that they will not become others. */
export const judge = (d: Draft, span: Span, sure: boolean): void => {
  leaveBeforeHold(d, span)
  const { words } = d.user
  const text = fresh(words)
  const kind = kindOf(d, text, span)
  if (judges(d) && d.session.ears.judge && words.overlap) {
    d.actions.push({ _tag: "Judge", text, language: words.language ?? d.session.settings.language })
    if (kind !== "cut-in" && kind !== "hold") return
  }
  const verdict = verdictOf(d, kind, span)
  if (sure || verdict._tag === "Sign") take(d, verdict, span)
  else take(d, unknown, span)
  if (judges(d) && words.overlap && verdict._tag !== "Sign") Interruption.byMeaning(d, text)
}

const verdictOf = (d: Draft, kind: Phrases.PhraseKind | undefined, { startedAt }: Span): Verdict => {
  if (!judges(d)) return kind === "cut-in" || kind === "hold" ? { _tag: "Floor" } : unknown
  if (kind === "hold") return { _tag: "Hold" }
  if (kind === "cut-in") return { _tag: "Floor" }
  if (!d.user.words.overlap) return unknown
  if (Said.answers(d, startedAt)) return { _tag: "Floor" }
  if (kind === "continuer") return { _tag: "Sign", reason: kind }
  return kind === "agreement" && !Said.mayAnswer(d, startedAt) ? { _tag: "Sign", reason: kind } : unknown
}

/** A verdict may be late: it holds for the words that were asked about, and an interruption for more of them. */
export const judged = (d: Draft, text: string, verdict: "backchannel" | "interruption" | "hold" | "unknown"): void => {
  const { voice, words } = d.user
  const now = fresh(words)
  if (text === "" || !words.overlap) return
  // Words that were too few were asked about before they were.
  const all = said(words, true)
  const same = now === text || all === text
  if (!same && (verdict === "backchannel" || verdict === "hold" || !(now.startsWith(text) || all.startsWith(text)))) {
    return
  }
  const endedAt = words.stoppedAt ?? d.now
  const span = {
    startedAt: Math.min(words.startedAt ?? d.now, endedAt),
    endedAt: voice._tag === "Silent" ? endedAt : d.now
  }
  switch (verdict) {
    case "backchannel":
      return take(d, { _tag: "Sign", reason: "classifier" }, span)
    case "hold":
      return words.interim === "" ? take(d, { _tag: "Hold" }, span) : undefined
    case "interruption":
      return take(d, { _tag: "Floor" }, span)
    case "unknown":
      return take(d, unknown, span)
  }
}

const take = (d: Draft, verdict: Verdict, span: Span): void => {
  switch (verdict._tag) {
    case "Sign":
      return listens(d, verdict.reason, span)
    case "Hold":
      return d.user.words.interim === "" ? Hold.begin(d, span) : Interruption.cutIn(d)
    case "Floor": {
      attend(d)
      Interruption.cutIn(d)
      if (!tooFewAlone(d.user.words)) return
      d.user.words = { ...d.user.words, short: 0 }
      return EndOfTurn.consider(d)
    }
    case "Unknown":
      attend(d)
      if (d.user.words.overlap) Interruption.byVoice(d)
      return Interruption.byWords(d)
  }
}

/** A voice of which too little was thought says more. */
const attend = (d: Draft): void => {
  const { voice, words } = d.user
  if (words.overlap && voice._tag !== "Silent" && voice.dismissed) d.user.voice = { ...voice, dismissed: false }
}

/** A sign of listening: the agent goes on, and the words wait for what it does next. */
const listens = (d: Draft, reason: AsideReason, span: Span): void => {
  ignore(d)
  if (d.user.words.interim !== "") return
  Aside.wait(d, reason, span)
  Signs.settle(d)
}

/** A voice has lasted: it interrupts, and words of it that could not do so in the echo's warm-up count as what they are. */
export const byVoice = (d: Draft): void => {
  const before = d.agent.pause
  Interruption.byVoice(d)
  const { words } = d.user
  if (d.agent.pause === before || words.cutIn || words.interim !== "") return
  if (Phrases.phraseKind(fresh(words), reading(d)) !== "cut-in") return
  d.user.words = { ...words, cutIn: true, short: tooFewAlone(words) ? 0 : words.short }
  EndOfTurn.consider(d)
}

/** The voice means nothing: what it has paused goes on. */
export const ignore = (d: Draft): void => {
  const { turn, voice } = d.user
  if (voice._tag !== "Silent") d.user.voice = { ...voice, dismissed: true }
  d.user.decision = undefined
  d.agent.holdUntil = undefined
  const { pause } = d.agent
  // A pause that a committed turn has made, or made its own, is not for these words to end.
  if (pause !== undefined && pause._tag !== "Yielded" && pause.turn === turn) Pause.resume(d)
}
