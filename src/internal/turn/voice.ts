/** The user's side: the voice, its words, and what they do to an agent that speaks. */
import * as Text from "../../Text.ts"
import * as Phrases from "../text/phrases.ts"
import { hasWord } from "../text/words.ts"
import {
  audible,
  breath,
  type Draft,
  interruptible,
  noWords,
  playing,
  publish,
  said,
  setAside,
  spokenAt
} from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Endpointing from "./endpointing.ts"
import * as Floor from "./floor.ts"
import type { Pause, State, Voice, Words } from "./model.ts"

/** A noise, or words that were set aside, this long ago (ms) are no part of the turn that begins now. */
const forgetAfter = 10_000

/** What is said so shortly (ms) before the agent falls silent answers it: a second, and by how much its ears err. */
const answersWithin = 1250

/** Length of the voice so far, its pauses left out. */
const sounded = (voice: Voice, now: number): number =>
  voice.soundedMs + (voice.sounding === undefined ? 0 : now - voice.sounding)

/** When the voice will have lasted long enough to interrupt; `undefined` if it cannot. */
export const interruptsAt = (s: State): number | undefined => {
  const { settings, voice } = s
  if (voice === undefined || voice.dismissed || s.pause !== undefined) return undefined
  const floor = playing(s)
  if (floor === undefined || !interruptible(s, floor)) return undefined
  if (settings.interruption.minWords > 0 && s.ears.stt && s.ears.interims) return undefined
  const missing = settings.interruption.minDuration - voice.soundedMs
  if (missing > 0 && voice.sounding === undefined) return undefined
  return Math.max((voice.sounding ?? voice.startedAt) + Math.max(0, missing), s.warmUpUntil ?? 0)
}

export const interruptByVoice = (d: Draft): void => {
  const due = interruptsAt(d.s)
  if (due !== undefined && due <= d.now) Floor.pause(d, { silent: false })
}

export const voiceStarted = (d: Draft, startedAt: number): void => {
  if (d.s.voice !== undefined) return
  if (setAside(d.s.words) && startedAt - spokenAt(d.s, d.now) > forgetAfter) EndOfTurn.keep(d)
  const overlap = audible(d.s, startedAt) && (d.s.endpointing.agent?.startedAt ?? startedAt) <= startedAt
  d.s.voice = { startedAt, sounding: startedAt, soundedMs: 0, pausedAt: undefined, dismissed: false, committed: false }
  d.s.endpointing = Endpointing.onUserStarted(d.s.endpointing, startedAt, { overlapping: playing(d.s) !== undefined })
  const silent = said(d.s.words, true) === ""
  const words = silent && startedAt - (d.s.words.stoppedAt ?? startedAt) > forgetAfter ? noWords : d.s.words
  d.s.away = false
  d.s.words = {
    ...words,
    startedAt: words.startedAt ?? startedAt,
    overlap: silent ? overlap : words.overlap && overlap,
    pausedMs: 0,
    expectedAt: undefined
  }
  d.s.decision = undefined
  d.s.holdUntil = undefined
  if (d.s.pause !== undefined) d.s.pause = { ...d.s.pause, until: undefined }
  publish(d, { _tag: "UserStartedSpeaking", startedAt })
  interruptByVoice(d)
}

export const voicePaused = (d: Draft, voiceAt: number): void => {
  const { voice } = d.s
  if (voice?.sounding === undefined) return
  const pausedAt = Math.max(voiceAt, voice.sounding)
  d.s.voice = { ...voice, sounding: undefined, pausedAt, soundedMs: sounded(voice, pausedAt) }
  interruptByVoice(d)
}

export const voiceResumed = (d: Draft, voiceAt: number): void => {
  const { voice } = d.s
  if (voice === undefined || voice.sounding !== undefined) return
  d.s.voice = { ...voice, sounding: voiceAt }
}

export const voiceEnded = (d: Draft, at: number): void => {
  const { settings, voice, words } = d.s
  if (voice === undefined) return
  const endedAt = Math.min(at, d.now)
  voicePaused(d, endedAt)
  const lasted = sounded(d.s.voice ?? voice, endedAt)
  const dismissed = d.s.voice?.dismissed === true
  const committed = d.s.voice?.committed === true
  d.s.voice = undefined
  d.s.endpointing = Endpointing.onUserEnded(
    d.s.endpointing,
    endedAt,
    dismissed ? "backchannel" : d.s.pause !== undefined ? "interruption" : "unknown"
  )
  const unheard = words.finals.length === 0 && d.s.ears.stt
  d.s.words = {
    ...words,
    stoppedAt: endedAt,
    speechMs: words.speechMs + Math.max(0, endedAt - voice.startedAt),
    expectedAt: unheard ? endedAt + settings.transcriptionTimeout : undefined
  }
  publish(d, { _tag: "UserStoppedSpeaking", startedAt: voice.startedAt, endedAt })
  d.actions.push({ _tag: "Finalize" })
  const wait = settings.interruption.falseInterruptionTimeout
  if (d.s.pause !== undefined && !d.s.pause.silent) d.s.pause = { ...d.s.pause, until: d.now + wait }
  if (
    !dismissed && !committed && d.s.speeches.some((speech) => speech.phase !== "playing" && interruptible(d.s, speech))
  ) {
    const short = lasted < settings.interruption.minDuration
    d.s.holdUntil = short ? Math.max(d.now, endedAt + Endpointing.delays(d.s.endpointing).min) : d.now + wait
  }
  limit(d)
  if (d.s.manual !== undefined && EndOfTurn.transcribed(d.s)) return EndOfTurn.commit(d, "manual")
  EndOfTurn.consider(d)
}

/** Speech that the end of the session cuts off. */
export const cutOff = (d: Draft): void => {
  const { voice } = d.s
  if (voice === undefined) return
  d.s.voice = undefined
  publish(d, { _tag: "UserStoppedSpeaking", startedAt: voice.startedAt, endedAt: d.now })
}

export const heard = (d: Draft, text: string, final: boolean, endedAt: number | undefined): void => {
  if (text.trim() === "" || isCleared(d, final, endedAt)) return
  if (!hasWord(text)) return final ? heardNothing(d) : undefined
  if (d.s.voice?.committed === true) d.s.voice = { ...d.s.voice, committed: false }
  const missed = d.s.voice === undefined && (d.s.words.finalAt ?? 0) >= (d.s.words.stoppedAt ?? 0)
  if (missed && setAside(d.s.words) && (endedAt ?? d.now) - spokenAt(d.s, d.now) > forgetAfter) EndOfTurn.keep(d)
  const { words } = d.s
  const fresh = said(words, true) === ""
  const repeated = !final && Text.equivalent(words.interim, text)
  d.s.words = {
    ...words,
    finals: final ? [...words.finals, text.trim()] : words.finals,
    interim: final ? "" : text.trim(),
    finalAt: final ? d.now : words.finalAt,
    startedAt: words.startedAt ?? d.now,
    stoppedAt: final && endedAt !== undefined
      ? Math.max(words.stoppedAt ?? 0, Math.min(endedAt, d.now))
      : words.stoppedAt,
    overlap: missed ? (fresh || words.overlap) && audible(d.s, d.now) : words.overlap,
    expectedAt: final ? undefined : words.expectedAt
  }
  if (final) {
    d.s.awayAt = undefined
    d.s.away = false
    if (d.s.manual !== undefined) return EndOfTurn.commit(d, "manual")
  }
  judge(d, repeated)
  interruptByWords(d)
  limit(d)
  if (final) EndOfTurn.speculate(d)
  if (setAside(d.s.words)) return
  if (final) EndOfTurn.consider(d)
  else if (d.s.decision !== undefined) {
    if (d.s.settings.detection === "stt") d.s.decision = undefined
    else EndOfTurn.consider(d)
  }
}

/** The recogniser has settled what it heard: there were no words in it. */
const heardNothing = (d: Draft): void => {
  const { decision, manual, words } = d.s
  const owed = words.stoppedAt !== undefined && (words.finalAt ?? 0) < words.stoppedAt
  d.s.words = { ...words, interim: "", finalAt: owed ? d.now : words.finalAt, expectedAt: undefined }
  if (manual !== undefined) return EndOfTurn.commit(d, "manual")
  if (decision !== undefined && words.interim !== "") EndOfTurn.consider(d)
}

/**
 * What the words that are said over the agent are: an answer to it, or none. It
 * is the time of the words that counts: nothing is a sign of listening to an
 * agent that nobody heard, or that has fallen silent since.
 */
const judge = (d: Draft, repeated: boolean): void => {
  if (!d.s.settings.interruption.backchannel || !d.s.words.overlap) return
  if (d.s.ears.judge) d.actions.push({ _tag: "Judge", text: said(d.s.words, true) })
  else overlap(d, verdictOf(d.s.words, repeated))
}

/** The words that no verdict has set aside. */
const unjudged = (words: Words): string => said({ ...words, finals: words.finals.slice(words.kept) }, true)

const verdictOf = (words: Words, repeated: boolean): "backchannel" | "interruption" | "unknown" => {
  const text = unjudged(words)
  if (Text.isBackchannel(text)) return "backchannel"
  if (Text.isCutIn(text)) return "interruption"
  // "No" may be the beginning of "November".
  return (words.interim === "" || repeated) && Phrases.isOutcry(text) ? "interruption" : "unknown"
}

/** A verdict may be late: it holds for the words that were asked about, and an interruption for more of them. */
export const judged = (d: Draft, text: string, verdict: "backchannel" | "interruption" | "unknown"): void => {
  const now = said(d.s.words, true)
  if (now === text || (verdict !== "backchannel" && now.startsWith(text))) overlap(d, verdict)
}

const overlap = (d: Draft, verdict: "backchannel" | "interruption" | "unknown"): void => {
  const { pause, voice, words } = d.s
  if (!words.overlap) return
  if (verdict !== "backchannel") {
    if (voice?.dismissed === true) d.s.voice = { ...voice, dismissed: false }
    if (verdict === "unknown") return interruptByVoice(d)
    cutIn(d)
    if (!setAside(words)) return
    d.s.words = { ...d.s.words, kept: 0 }
    return EndOfTurn.consider(d)
  }
  if (words.interim === "") d.s.words = { ...words, kept: words.finals.length }
  if (voice !== undefined) d.s.voice = { ...voice, dismissed: true }
  d.s.decision = undefined
  d.s.holdUntil = undefined
  // A pause that a committed turn has made, or made its own, is not for these words to end.
  if (pause?.silent === false && pause.turn === d.s.turn) Floor.resume(d)
}

/** Whether words can take the floor from who has it. */
const canInterrupt = (d: Draft): boolean => {
  const floor = playing(d.s)
  return floor !== undefined && interruptible(d.s, floor) && d.now >= (d.s.warmUpUntil ?? 0)
}

/** The words ask for the floor: the agent is silent at once. An interim may still become something else. */
const cutIn = (d: Draft): void => {
  if (!canInterrupt(d)) return
  Floor.pause(d, { silent: false })
  if (d.s.words.interim === "") d.s.words = { ...d.s.words, cutIn: true }
}

const interruptByWords = (d: Draft): void => {
  const { minWords } = d.s.settings.interruption
  const { words } = d.s
  if (minWords === 0 || !canInterrupt(d) || (setAside(words) && words.interim === "")) return
  const text = unjudged(words)
  const over = words.interim === "" && d.s.voice?.sounding === undefined
  if (Phrases.isCommand(text) || (over && Phrases.isOutcry(text))) cutIn(d)
  else if (Text.countWords(said(words, true)) >= minWords) Floor.pause(d, { silent: false })
}

/**
 * Whether what was said last was said so shortly before the agent's silence,
 * from `at` on, that it answers it: in time of the agent's speech, which goes on
 * where a pause has stopped it.
 */
const answers = (s: State, now: number, at: number, pause: Pause | undefined): boolean => {
  const paused = s.words.pausedMs + (pause === undefined ? 0 : at - pause.at)
  return at - spokenAt(s, now) - paused <= answersWithin
}

/** Nobody hears the agent any more: what was said just now was said to that silence, whatever was made of it. */
const fellSilent = (d: Draft, at: number, pause: Pause | undefined): void => {
  const { voice, words } = d.s
  if (!answers(d.s, d.now, at, pause)) return
  if (voice?.dismissed === true) d.s.voice = { ...voice, dismissed: false }
  d.s.words = { ...words, overlap: false, kept: 0 }
  if (setAside(words)) EndOfTurn.consider(d)
}

/** The agent has more to say, and what was said over it was no more than a sign of listening, as far as is known. */
const goesOn = (s: State): boolean => {
  const text = said(s.words, true)
  return s.settings.interruption.backchannel && (text === "" || Text.isBackchannel(text)) && s.pending === undefined &&
    s.speeches.some(({ phase }) => phase !== "stopping")
}

/** Between two things that it says an agent may take a breath. */
export const fallsSilent = (d: Draft, pause: Pause | undefined, heardToTheEnd: boolean): void => {
  if (heardToTheEnd && goesOn(d.s)) d.s.silentSince = d.now
  else fellSilent(d, d.now, pause)
}

export const staysSilent = (d: Draft): void => {
  const since = d.s.silentSince
  if (since === undefined || (d.now - since < breath && goesOn(d.s))) return
  d.s.silentSince = undefined
  fellSilent(d, since, undefined)
}

/** Since when an agent that has run out of audio owes an answer to words that were set aside; `undefined` if it does not. */
const owedSince = (s: State): number | undefined => {
  const since = playing(s)?.starvedAt
  if (since === undefined || s.pause !== undefined || !setAside(s.words)) return undefined
  return answers(s, since + breath, since, undefined) ? since : undefined
}

/** When the silence of the agent will have been too long for a breath. */
export const reconsidersAt = (s: State): number | undefined => {
  const since = s.silentSince ?? owedSince(s)
  return since === undefined ? undefined : since + breath
}

export const reconsider = (d: Draft): void => {
  const since = owedSince(d.s)
  if (since !== undefined && since + breath <= d.now) fellSilent(d, since, undefined)
}

const limit = (d: Draft): void => {
  const { limits } = d.s.settings
  const { words } = d.s
  if (words.limited) return
  const count = Text.countWords(said(words, true))
  if (count < limits.maxWords && words.speechMs < limits.maxSpeech) return
  d.s.words = { ...words, limited: true }
  d.actions.push({ _tag: "TurnLimit", words: count, speechMs: words.speechMs })
  publish(d, { _tag: "UserTurnLimitReached", words: count, speechMs: words.speechMs })
}

// How long the transcript of words that were cleared away may still come (ms).
const lateTranscript = 5000

/** Whether a transcript is of words that were cleared away. */
const isCleared = (d: Draft, final: boolean, endedAt: number | undefined): boolean => {
  const { cleared } = d.s
  if (cleared === undefined || d.now > cleared.until) return false
  if (endedAt !== undefined) return endedAt <= cleared.at
  if (final) d.s.cleared = undefined
  return true
}

export const clearTurn = (d: Draft): void => {
  const { voice, words } = d.s
  // What sounded last, and whether its transcript has come.
  const soundedAt = voice === undefined ? words.stoppedAt : voice.sounding === undefined ? voice.pausedAt : d.now
  const owed = words.interim !== "" || (soundedAt !== undefined && (words.finalAt ?? 0) < soundedAt)
  d.s.cleared = owed && d.s.ears.stt ? { at: d.now, until: d.now + lateTranscript } : undefined
  d.s.decision = undefined
  d.s.manual = undefined
  EndOfTurn.discard(d)
  d.s.words = d.s.voice === undefined ? noWords : { ...noWords, startedAt: d.s.voice.startedAt }
}
