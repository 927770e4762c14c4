/** The user's side: what was said, whether the turn is over, what it does to the agent. */
import * as Text from "../../Text.ts"
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
  if (d.s.manual !== undefined && transcribed(d.s)) return commit(d, "manual")
  consider(d)
}

/** Everything that was said has its final transcript. */
const transcribed = ({ voice, words }: State): boolean =>
  voice === undefined && words.interim === "" && words.finals.length > 0 &&
  (words.finalAt ?? 0) >= (words.stoppedAt ?? 0)

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
    if (d.s.manual !== undefined) return commit(d, "manual")
  }
  judge(d)
  interruptByWords(d)
  limit(d)
  if (final) speculate(d)
  if (d.s.words.kept) return
  if (final) consider(d)
  else if (d.s.decision !== undefined) {
    if (d.s.settings.detection === "stt") d.s.decision = undefined
    else consider(d)
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

/** Opens, or opens anew, the decision whether the turn is over. */
export const consider = (d: Draft): void => {
  const { decision, settings, words } = d.s
  if (settings.detection === "manual" || words.kept || words.finals.length === 0) return
  // Once the session drains nobody will reply: what is said is kept for its end.
  if (d.s.status === "draining") return
  if (d.s.voice !== undefined && settings.detection === "vad" && !d.s.voice.dismissed) return
  const { max, min } = Endpointing.delays(d.s.endpointing)
  const anchor = Math.min(words.stoppedAt ?? words.finalAt ?? d.now, d.now)
  const id = (decision?.id ?? d.s.turn * 1000) + 1
  const asking = d.s.ears.detector
  d.s.decision = {
    id,
    anchor,
    asking,
    commitAt: asking
      ? Math.max(d.now + settings.endpointing.detectorDeadline, anchor + min)
      : Math.max(d.now, anchor + (words.interim === "" ? min : max))
  }
  d.s.holdUntil = undefined
  if (asking) d.actions.push({ _tag: "AskDetector", decision: id, text: said(words, true) })
}

export const endOfTurn = (d: Draft, id: number, probability: number): void => {
  const { decision, settings } = d.s
  if (decision?.id !== id || !decision.asking) return
  const { max, min } = Endpointing.delays(d.s.endpointing)
  publish(d, { _tag: "EndOfTurnPredicted", probability })
  const delay = probability < settings.endpointing.threshold ? max : min
  d.s.decision = { ...decision, asking: false, commitAt: Math.max(d.now, decision.anchor + delay) }
}

/** A guess at the reply, before the turn is over. */
const speculate = (d: Draft): void => {
  const { settings, speculation, words } = d.s
  const text = said(words)
  if (speculation !== undefined && Text.equivalent(speculation.text, text)) return
  if (speculation !== undefined) discard(d)
  const spoken = words.speechMs + (d.s.voice === undefined ? 0 : d.now - d.s.voice.startedAt)
  if (
    !settings.preemption.llm || settings.detection === "manual" || d.s.status !== "open" || words.kept ||
    spoken > settings.preemption.maxSpeech || words.tries >= settings.preemption.maxTries || busy(d.s)
  ) return
  const speech = `turn-${d.s.turn}.${words.tries + 1}`
  d.s.words = { ...words, tries: words.tries + 1 }
  d.s.speculation = { speech, text }
  d.actions.push({ _tag: "Speculate", speech, turn: d.s.turn, text, tts: settings.preemption.tts })
}

export const discard = (d: Draft): void => {
  if (d.s.speculation === undefined) return
  d.actions.push({ _tag: "Stop", speech: d.s.speculation.speech })
  d.s.speculation = undefined
}

/** The turn is over, unless what was said does not count over a speaking agent. */
export const commit = (d: Draft, source: "voice" | "manual"): void => {
  const { words } = d.s
  const text = said(words, source === "manual")
  d.s.decision = undefined
  if (source === "manual") d.s.manual = undefined
  if (text === "") return
  const floor = playing(d.s)
  if (source === "voice" && floor !== undefined && interruptible(d.s, floor)) {
    if (Text.countWords(text) < d.s.settings.interruption.minWords) {
      d.s.words = { ...words, kept: true }
      return
    }
  }
  const { voice } = d.s
  d.s.words = voice === undefined ? noWords : { ...noWords, startedAt: voice.startedAt, overlap: true }
  if (voice !== undefined) {
    // The rest of the voice must interrupt anew to count.
    d.s.voice = { ...voice, committed: true, soundedMs: 0, sounding: voice.sounding === undefined ? undefined : d.now }
  }
  open(d, text, source, words.stoppedAt ?? words.finalAt ?? d.now, words.finalAt ?? d.now)
}

/** From here the words are a turn: they are in the history whatever happens. */
export const open = (
  d: Draft,
  text: string,
  source: "voice" | "text" | "manual",
  stoppedAt: number,
  finalAt: number
): void => {
  const turn = d.s.turn
  d.s.turn += 1
  if (d.s.status === "draining") {
    d.actions.push({ _tag: "KeepWords", turn, text })
    return
  }
  d.s.holdUntil = undefined
  Floor.forgetPause(d)
  const floor = playing(d.s)
  if (floor !== undefined && interruptible(d.s, floor)) {
    if (d.s.pause === undefined) Floor.pause(d, { silent: true })
  }
  d.s.pending = { turn, text }
  d.actions.push({ _tag: "CommitTurn", turn, text, source, stoppedAt, finalAt })
}

export const accepted = (d: Draft, turn: number, text: string, changed: boolean): void => {
  if (d.s.pending?.turn !== turn) return
  d.s.pending = undefined
  Floor.yieldTo(d)
  const speech = d.s.speculation
  const reuse = speech !== undefined && !changed && Text.equivalent(speech.text, text)
  if (!reuse) discard(d)
  d.s.speculation = undefined
  const id = reuse ? speech.speech : `turn-${turn}`
  Floor.enqueue(d, { id, source: "turn", protected: false, phase: "working" })
  d.actions.push(reuse ? { _tag: "Authorize", speech: id, turn } : { _tag: "StartReply", speech: id, turn })
}

export const declined = (d: Draft, turn: number): void => {
  if (d.s.pending?.turn !== turn) return
  d.s.pending = undefined
  discard(d)
  if (d.s.pause?.silent === true) d.s.pause = { ...d.s.pause, until: d.now }
}

/** Push to talk: commit what was said, once its transcript is there. */
export const commitTurn = (d: Draft, waitMs: number): void => {
  d.actions.push({ _tag: "Finalize" })
  const { voice, words } = d.s
  const until = (voice === undefined ? words.stoppedAt ?? d.now : d.now) + waitMs
  if (transcribed(d.s) || until <= d.now) return commit(d, "manual")
  d.s.manual = { until }
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
  discard(d)
  d.s.words = d.s.voice === undefined ? noWords : { ...noWords, startedAt: d.s.voice.startedAt }
}
