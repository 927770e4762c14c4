/** Whether the turn is over: by silence, by the turn detector's word, or by the program's. */
import * as Text from "../../Text.ts"
import * as Phrases from "../text/phrases.ts"
import * as Aside from "./aside.ts"
import {
  audible,
  type Draft,
  interruptible,
  nothingUnheeded,
  playing,
  publish,
  reading,
  said,
  tooFewAlone
} from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import type { State, Voice } from "./model.ts"
import * as Owed from "./owed.ts"
import * as Said from "./said.ts"
import * as Turns from "./turns.ts"
import * as Verdicts from "./verdicts.ts"

/** The recogniser alone tells when a turn is over, and is not to be asked. */
export const isTold = ({ session: { ears, settings } }: State): boolean =>
  settings.detection === "stt" && ears.turns === true

/** Opens, or opens anew, the decision whether the turn is over. */
export const consider = (d: Draft): void => {
  const { voice, words } = d.user
  const { ears, settings, status } = d.session
  if (settings.detection === "manual" || tooFewAlone(words) || words.finals.length === 0) return
  // Once the session drains nobody will reply: what is said is kept for its end.
  if (status._tag === "Draining") return
  if (voice._tag !== "Silent" && settings.detection === "vad" && !voice.dismissed) return
  const { max, min } = Endpointing.delays(d.user.endpointing)
  const stoppedAt = Math.min(words.stoppedAt ?? words.finalAt ?? d.now, d.now)
  d.agent.holdUntil = undefined
  if (isTold(d)) {
    d.user.decision = { _tag: "Waiting", commitAt: d.now }
    return
  }
  if (ears.listens === true) {
    d.user.decision = { _tag: "Waiting", commitAt: Math.max(d.now, Verdicts.endsAt(d, stoppedAt, { max, min })) }
    return
  }
  if (!ears.detector) {
    d.user.decision = { _tag: "Waiting", commitAt: Math.max(d.now, stoppedAt + Verdicts.byWords(d, { max, min })) }
    return
  }
  const question = d.user.question + 1
  const commitAt = Math.max(d.now + settings.endpointing.detectorDeadline, stoppedAt + min)
  d.user.question = question
  d.user.decision = { _tag: "Asking", question, stoppedAt, commitAt }
  d.actions.push({
    _tag: "AskDetector",
    question,
    text: said(words, true),
    language: words.language ?? settings.language,
    silence: d.now - stoppedAt,
    length: d.now - (words.startedAt ?? stoppedAt)
  })
}

/** The turn detector has answered; one that listens may have been asked before the voice has ended. */
export const predicted = (d: Draft, question: number, probability: number | undefined): void => {
  const { decision, endpointing } = d.user
  if (d.session.ears.listens === true) {
    if (!Verdicts.answered(d, question, probability)) return
    if (probability !== undefined) publish(d, { _tag: "EndOfTurnPredicted", probability })
    if (decision !== undefined) consider(d)
    return
  }
  if (decision?._tag !== "Asking" || decision.question !== question) return
  const { max, min } = Endpointing.delays(endpointing)
  if (probability !== undefined) publish(d, { _tag: "EndOfTurnPredicted", probability })
  const delay = probability !== undefined && probability < (d.session.settings.endpointing.threshold ?? 0.5) ? max : min
  d.user.decision = { _tag: "Waiting", commitAt: Math.max(d.now, decision.stoppedAt + delay) }
}

/** When the silence will have been long enough, and no words are owed any more. */
export const decideAt = (s: State): number | undefined => {
  const { decision } = s.user
  return decision === undefined ? undefined : Math.max(decision.commitAt, Owed.until(s) ?? 0)
}

/** The silence has been long enough. */
export const decide = (d: Draft): void => {
  if (d.user.decision?._tag === "Asking") {
    publish(d, { _tag: "Warning", component: "detector", message: "the turn detector did not answer in time" })
  }
  commit(d, "voice")
}

/** The turn is over, unless what was said does not count over a speaking agent. */
export const commit = (d: Draft, source: "voice" | "manual"): void => {
  const { voice, words } = d.user
  // What is not final when it has been waited for is the best that there is.
  const whole = source === "manual" || voice._tag === "Silent"
  const text = said(words, whole)
  d.user.decision = undefined
  if (source === "manual") d.user.manualUntil = undefined
  if (text === "") return
  if (source === "voice" && tooFew(d, text)) {
    d.user.words = { ...words, short: words.finals.length }
    return
  }
  if (whole && words.interim !== "") d.user.used = Owed.use(d, words.interim, "commit")
  const sign = source === "voice" ? consents(d, text) : undefined
  if (sign !== undefined) {
    Aside.atOnce(d, sign, { startedAt: words.startedAt ?? d.now, endedAt: words.stoppedAt ?? d.now })
    d.user.words = Turns.rest(d)
    return
  }
  d.user.unheeded = words.limited ? nothingUnheeded : Turns.unheeded(d, words)
  d.user.words = Turns.rest(d)
  Verdicts.reset(d)
  d.user.voice = anew(voice, d.now)
  const stoppedAt = words.stoppedAt ?? words.finalAt ?? d.now
  const startedAt = words.startedAt ?? stoppedAt
  Turns.open(d, text, source, {
    startedAt,
    newestAt: words.newestAt ?? startedAt,
    stoppedAt,
    finalAt: words.finalAt ?? d.now,
    stops: words.cutIn
  })
}

/** Words over an agent that is heard, too few to take the floor. */
const tooFew = (d: Draft, text: string): boolean => {
  const { words } = d.user
  if (!words.overlap || words.cutIn || Text.countWords(text) >= d.session.settings.interruption.minWords) return false
  const floor = playing(d)
  return floor !== undefined && interruptible(d, floor) && audible(d, d.now)
}

/** A sign of listening, while the agent silently does what was asked for. */
const consents = (s: State, text: string): "continuer" | "agreement" | undefined => {
  const { cutIn, startedAt } = s.user.words
  const kind = Phrases.phraseKind(text, reading(s))
  const sign = kind === "continuer" || kind === "agreement" ? kind : undefined
  return s.session.settings.interruption.backchannel && playing(s) === undefined && s.user.pending === undefined &&
      !cutIn && !(startedAt !== undefined && Said.mayAnswer(s, startedAt)) &&
      s.agent.speeches.some(({ phase }) => phase === "tools")
    ? sign
    : undefined
}

/** The rest of a voice must interrupt anew to count. */
const anew = (voice: Voice, now: number): Voice => {
  switch (voice._tag) {
    case "Silent":
      return voice
    case "Sounding":
      return { ...voice, committed: true, soundedMs: 0, since: now }
    case "Paused":
      return { ...voice, committed: true, soundedMs: 0 }
  }
}

// Push to talk.

/** Everything that was said has its final transcript. */
const transcribed = ({ user: { voice, words } }: State): boolean =>
  voice._tag === "Silent" && words.interim === "" && words.finals.length > 0 &&
  (words.finalAt ?? 0) >= (words.stoppedAt ?? 0)

/** The program says that the turn is over: it is committed once its transcript is there. */
export const commitTurn = (d: Draft, waitMs: number): void => {
  d.actions.push({ _tag: "Finalize" })
  const { voice, words } = d.user
  Owed.ask(d, words.stoppedAt ?? d.now, 0)
  const until = (voice._tag === "Silent" ? words.stoppedAt ?? d.now : d.now) + waitMs
  if (transcribed(d) || until <= d.now) return commit(d, "manual")
  d.user.manualUntil = until
}

/** The voice is over: so may be the wait of the program, else it is to be decided. */
export const afterVoice = (d: Draft): void =>
  d.user.manualUntil !== undefined && transcribed(d) ? commit(d, "manual") : consider(d)
