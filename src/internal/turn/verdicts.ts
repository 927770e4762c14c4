/**
 * What a turn detector that listens is asked in a silence, and what its answers
 * are worth. It is asked again as the silence grows, and believed more easily:
 * who is silent for long has rather finished. A confident end ends the voice,
 * long before the voice detector would; the rest decides how long is waited.
 */
import * as Text from "../../Text.ts"
import { isDictated, isGiven } from "../text/given.ts"
import * as Phrases from "../text/phrases.ts"
import { audible, type Draft, interruptible, playing, reading, said } from "./draft.ts"
import type { Listened, State } from "./model.ts"
import * as Owed from "./owed.ts"
import * as Said from "./said.ts"

/** Silences (ms) at which it is asked, and the probability that is an end there. Starting points: fit them to the language. */
const rungs = [{ after: 200, threshold: 0.9 }, { after: 500, threshold: 0.7 }, { after: 1000, threshold: 0.5 }] as const

/** Silence (ms) at which a recogniser that hears while one speaks is asked for what it has, beside the detector. */
const finalizeAfter = 150

/** Longest wait (ms) for more after a complete short answer to what the agent has asked. */
const shortAnswer = 600

/** Longest wait (ms) where the detector thinks that more is to come. */
const unlikely = 1500

const unasked: Listened = { asked: 0, question: undefined, askedAt: 0, finished: undefined, finalized: false }

/** Since when the user is silent, in a turn that may be over; `undefined` where that is no question. */
const silentSince = (s: State): number | undefined => {
  const { ears, settings, status } = s.session
  if (ears.listens !== true || settings.detection !== "vad" || status._tag !== "Open") return undefined
  const floor = playing(s)
  if (floor !== undefined && interruptible(s, floor) && audible(s, s.user.words.startedAt ?? 0)) return undefined
  const { voice, words } = s.user
  switch (voice._tag) {
    case "Sounding":
      return undefined
    case "Paused":
      return voice.dismissed || voice.committed ? undefined : voice.pausedAt
    case "Silent":
      return s.user.decision === undefined ? undefined : words.stoppedAt
  }
}

/** The user goes on, or the turn is another: nothing that was answered counts. */
export const reset = (d: Draft): void => {
  d.user.listened = undefined
}

/**
 * The answer is that the user has finished, and the words do not say otherwise: who
 * stops at one with which no sentence ends is not taken to have finished until the
 * last question, however it sounds.
 */
const hasFinished = (s: State): boolean => {
  const { listened, words } = s.user
  return listened?.finished === true &&
    (listened.asked === rungs.length || !Phrases.isUnfinished(said(words, true), reading(s)))
}

/** When the next question is due. */
export const askAt = (s: State): number | undefined => {
  const since = silentSince(s)
  const { listened } = s.user
  const rung = rungs[listened?.asked ?? 0]
  if (since === undefined || rung === undefined || hasFinished(s)) return undefined
  return listened?.question === undefined
    ? since + rung.after
    : Math.max(since + rung.after, listened.askedAt + s.session.settings.endpointing.detectorDeadline)
}

export const ask = (d: Draft): void => {
  const since = silentSince(d)
  if (since === undefined) return
  const { language, startedAt } = d.user.words
  const asked = rungs.filter(({ after }) => since + after <= d.now).length
  d.user.question += 1
  d.user.listened = { ...(d.user.listened ?? unasked), asked, question: d.user.question, askedAt: d.now }
  d.actions.push({
    _tag: "AskDetector",
    question: d.user.question,
    text: said(d.user.words, true),
    language: language ?? d.session.settings.language,
    silence: d.now - since,
    length: d.now - (startedAt ?? since)
  })
}

/** When the recogniser is asked for what it has heard before this pause. */
export const finalizeAt = (s: State): number | undefined => {
  const since = silentSince(s)
  const { listened, voice } = s.user
  return since === undefined || voice._tag !== "Paused" || !s.session.ears.interims || listened?.finalized === true
    ? undefined
    : since + finalizeAfter
}

export const finalize = (d: Draft): void => {
  const { voice } = d.user
  if (voice._tag !== "Paused") return
  d.user.listened = { ...(d.user.listened ?? unasked), finalized: true }
  d.actions.push({ _tag: "Finalize" })
  Owed.ask(d, voice.pausedAt, voice.soundedMs)
}

/** It has answered, or has failed and says nothing new; false where it was asked something else. */
export const answered = (d: Draft, question: number, probability: number | undefined): boolean => {
  const { listened } = d.user
  if (listened?.question !== question) return false
  const { threshold } = d.session.settings.endpointing
  const finished = probability === undefined
    ? listened.finished
    : probability >= (threshold ?? rungs[listened.asked - 1]?.threshold ?? 0.5)
  d.user.listened = { ...listened, question: undefined, finished }
  return true
}

interface Delays {
  readonly max: number
  readonly min: number
}

const hesitates = (s: State): boolean =>
  s.user.words.interim !== "" || Phrases.isHesitation(said(s.user.words), reading(s))

/** More is likely to come: so long (ms) is waited for it. */
const patient = ({ max, min }: Delays): number => Math.min(max, Math.max(min, unlikely))

/** How long a silence (ms) must be where the words alone tell whether more is to come. */
export const byWords = (s: State, delays: Delays): number => {
  if (hesitates(s)) return delays.max
  return Phrases.isUnfinished(said(s.user.words, true), reading(s)) ? patient(delays) : delays.min
}

/** When a turn whose voice has stopped at some time is over, by what is known of that silence. */
export const endsAt = (
  s: State,
  stoppedAt: number,
  { max, min }: Delays
): number => {
  const { listened, words } = s.user
  const { confidentDelay, detectorDeadline } = s.session.settings.endpointing
  const text = said(words, true)
  const mayGoOn = hesitates(s)
  const longest = isGiven(text) || mayGoOn ? max : patient({ max, min })
  const decided = listened?.finished === undefined
    ? listened?.question === undefined
      ? mayGoOn ? max : min
      : Math.max(min, listened.askedAt + detectorDeadline - stoppedAt)
    : hasFinished(s) && !mayGoOn
    ? Math.min(confidentDelay, max)
    : longest
  const brief = !mayGoOn && !isDictated(text) && words.startedAt !== undefined &&
    Said.mayAnswer(s, words.startedAt) &&
    Text.countWords(text) <= 3
  return stoppedAt + (brief ? Math.min(decided, Math.max(shortAnswer, confidentDelay)) : decided)
}
