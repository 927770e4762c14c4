/** The user's side: the voice, its words, and what they do to an agent that speaks. */
import * as Text from "../../Text.ts"
import * as Decision from "./decision.ts"
import { busy, type Draft, interruptible, noWords, playing, publish, said } from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import * as Floor from "./floor.ts"
import type { State, Voice } from "./model.ts"

/** A noise this long ago (ms) is no part of the turn that begins now. */
const forgetAfter = 10_000

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
  const overlap = busy(d.s)
  d.s.voice = { startedAt, sounding: startedAt, soundedMs: 0, pausedAt: undefined, dismissed: false, committed: false }
  d.s.endpointing = Endpointing.onUserStarted(d.s.endpointing, startedAt, { overlapping: playing(d.s) !== undefined })
  const silent = said(d.s.words, true) === ""
  const words = silent && startedAt - (d.s.words.stoppedAt ?? startedAt) > forgetAfter ? noWords : d.s.words
  d.s.away = false
  d.s.words = {
    ...words,
    startedAt: words.startedAt ?? startedAt,
    overlap: silent ? overlap : words.overlap && overlap,
    kept: false,
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
  if (d.s.manual !== undefined && Decision.transcribed(d.s)) return Decision.commit(d, "manual")
  Decision.consider(d)
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
  if (d.s.voice?.committed === true) d.s.voice = { ...d.s.voice, committed: false }
  const { words } = d.s
  const fresh = said(words, true) === "" && d.s.voice === undefined
  const stale = final && words.kept && d.s.voice === undefined
  d.s.words = {
    ...words,
    finals: final ? [...words.finals, text.trim()] : words.finals,
    interim: final ? "" : text.trim(),
    finalAt: final ? d.now : words.finalAt,
    startedAt: words.startedAt ?? d.now,
    stoppedAt: final && endedAt !== undefined
      ? Math.max(words.stoppedAt ?? 0, Math.min(endedAt, d.now))
      : words.stoppedAt,
    overlap: fresh && words.stoppedAt === undefined ? busy(d.s) : words.overlap,
    kept: stale ? false : words.kept,
    expectedAt: final ? undefined : words.expectedAt
  }
  if (final) {
    d.s.awayAt = undefined
    d.s.away = false
    if (d.s.manual !== undefined) return Decision.commit(d, "manual")
  }
  judge(d)
  interruptByWords(d)
  limit(d)
  if (final) Decision.speculate(d)
  if (d.s.words.kept) return
  if (final) Decision.consider(d)
  else if (d.s.decision !== undefined) {
    if (d.s.settings.detection === "stt") d.s.decision = undefined
    else Decision.consider(d)
  }
}

/** What the words that are said over the agent are: an answer to it, or none. */
const judge = (d: Draft): void => {
  if (!d.s.settings.interruption.backchannel || !d.s.words.overlap || !busy(d.s)) return
  const text = said(d.s.words, true)
  if (d.s.ears.judge) d.actions.push({ _tag: "Judge", text })
  else overlap(d, Text.isBackchannel(text) ? "backchannel" : Text.isCutIn(text) ? "interruption" : "unknown")
}

/** A verdict may be late: it holds for the words that were asked about, and an interruption for more of them. */
export const judged = (d: Draft, text: string, verdict: "backchannel" | "interruption" | "unknown"): void => {
  const now = said(d.s.words, true)
  if (now === text || (verdict !== "backchannel" && now.startsWith(text))) overlap(d, verdict)
}

const overlap = (d: Draft, verdict: "backchannel" | "interruption" | "unknown"): void => {
  if (!d.s.words.overlap || !busy(d.s)) return
  if (verdict !== "backchannel") {
    if (d.s.words.kept) d.s.words = { ...d.s.words, kept: false }
    if (d.s.voice?.dismissed === true) d.s.voice = { ...d.s.voice, dismissed: false }
    const floor = playing(d.s)
    const deaf = d.now < (d.s.warmUpUntil ?? 0)
    if (verdict === "unknown") interruptByVoice(d)
    else if (floor !== undefined && interruptible(d.s, floor) && !deaf) Floor.pause(d, { silent: false })
    return
  }
  if (d.s.words.interim === "") d.s.words = { ...d.s.words, kept: true }
  if (d.s.voice !== undefined) d.s.voice = { ...d.s.voice, dismissed: true }
  d.s.decision = undefined
  d.s.holdUntil = undefined
  Floor.resume(d)
}

const interruptByWords = (d: Draft): void => {
  const { enabled, minWords } = d.s.settings.interruption
  const floor = playing(d.s)
  if (!enabled || minWords === 0 || floor === undefined || !interruptible(d.s, floor)) return
  if (d.s.words.kept || d.now < (d.s.warmUpUntil ?? 0)) return
  if (Text.countWords(said(d.s.words, true)) >= minWords) Floor.pause(d, { silent: false })
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
  Decision.discard(d)
  d.s.words = d.s.voice === undefined ? noWords : { ...noWords, startedAt: d.s.voice.startedAt }
}
