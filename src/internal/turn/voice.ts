/** The user's voice: when it begins and ends, how long it lasts, and what that sets off. */
import {
  audible,
  breath,
  type Draft,
  interruptible,
  noWords,
  playing,
  publish,
  said,
  spokenAt,
  tooFewAlone
} from "./draft.ts"
import * as Ducking from "./ducking.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Endpointing from "./endpointing.ts"
import * as Interruption from "./interruption.ts"
import * as Owed from "./owed.ts"
import * as Signs from "./signs.ts"
import * as Turns from "./turns.ts"
import * as Verdicts from "./verdicts.ts"
import * as Words from "./words.ts"

export const started = (d: Draft, startedAt: number, byAudio: boolean): void => {
  if (d.user.voice._tag !== "Silent") return
  Verdicts.reset(d)
  Signs.floorTaken(d)
  if (tooFewAlone(d.user.words) && startedAt - spokenAt(d, d.now) > Words.forgetAfter) Turns.keep(d)
  const { silentSince } = d.agent
  // Between two things that it says the agent takes a breath.
  const breathes = silentSince !== undefined && silentSince <= startedAt && startedAt - silentSince < breath
  const overlap = breathes ||
    audible(d, startedAt) && (d.user.endpointing.agent?.startedAt ?? startedAt) <= startedAt
  d.user.voice = {
    _tag: "Sounding",
    startedAt,
    since: startedAt,
    heardTo: byAudio ? startedAt : undefined,
    soundedMs: 0,
    faint: false,
    dismissed: false,
    committed: false
  }
  d.user.presence = { _tag: "Present" }
  d.user.endpointing = Endpointing.onUserStarted(d.user.endpointing, startedAt, {
    overlapping: playing(d) !== undefined
  })
  const silent = said(d.user.words, true) === ""
  const noise = silent && startedAt - (d.user.words.stoppedAt ?? startedAt) > Words.forgetAfter
  // For the voice before it no transcript is waited for any more: the turn begins here.
  const unheard = silent && d.user.words.expectedAt === undefined
  const words = noise ? noWords : d.user.words
  d.user.words = {
    ...words,
    startedAt: unheard ? startedAt : words.startedAt ?? startedAt,
    newestAt: startedAt,
    overlap: silent ? overlap : words.overlap && overlap,
    pausedMs: 0,
    expectedAt: undefined
  }
  d.user.decision = undefined
  d.agent.holdUntil = undefined
  const { pause } = d.agent
  if (pause !== undefined && pause._tag !== "Yielded") d.agent.pause = { ...pause, until: undefined }
  publish(d, { _tag: "UserStartedSpeaking", startedAt })
  Interruption.byVoice(d)
}

export const paused = (d: Draft, voiceAt: number): void => {
  const { voice } = d.user
  if (voice._tag !== "Sounding") return
  const { since, soundedMs, ...speaking } = voice
  const pausedAt = Math.max(voiceAt, since)
  d.user.voice = { ...speaking, _tag: "Paused", pausedAt, soundedMs: soundedMs + pausedAt - since }
  Interruption.byVoice(d)
}

/** More of its audio has come, and it goes on. */
export const heard = (d: Draft, to: number): void => {
  const { voice } = d.user
  if (voice._tag !== "Sounding" || voice.heardTo === undefined) return
  d.user.voice = { ...voice, heardTo: Math.max(voice.heardTo, to) }
  Interruption.byVoice(d)
  Ducking.byVoice(d)
}

/** How loud it is: who is much fainter than the user is somebody else. */
export const level = (d: Draft, below: number): void => {
  const { voice } = d.user
  if (voice._tag === "Silent") return
  d.user.voice = { ...voice, faint: below > d.session.settings.interruption.faintBelow }
}

export const resumed = (d: Draft, voiceAt: number, byAudio: boolean): void => {
  const { voice } = d.user
  // The turn detector had ended it, too soon.
  if (voice._tag === "Silent") return d.session.ears.listens === true ? started(d, voiceAt, byAudio) : undefined
  if (voice._tag !== "Paused") return
  Verdicts.reset(d)
  const { pausedAt: _, ...speaking } = voice
  d.user.voice = { ...speaking, _tag: "Sounding", since: voiceAt, heardTo: byAudio ? voiceAt : undefined }
}

export const ended = (d: Draft, at: number): void => {
  const endedAt = Math.min(at, d.now)
  paused(d, endedAt)
  const { voice, words } = d.user
  if (voice._tag === "Silent") return
  const { pause } = d.agent
  d.user.voice = { _tag: "Silent" }
  d.user.endpointing = Endpointing.onUserEnded(
    d.user.endpointing,
    endedAt,
    voice.dismissed ? "backchannel" : pause !== undefined ? "interruption" : "unknown"
  )
  const { interruption } = d.session.settings
  const heard = words.finals.length > 0 || (words.finalAt ?? Number.NEGATIVE_INFINITY) >= voice.startedAt
  const unheard = !heard && d.session.ears.stt
  d.user.words = {
    ...words,
    stoppedAt: endedAt,
    speechMs: words.speechMs + Math.max(0, endedAt - voice.startedAt),
    expectedAt: unheard ? endedAt + Owed.timeout(d) : undefined
  }
  d.user.spokenFrom = voice.startedAt
  d.user.spokenTo = endedAt
  publish(d, { _tag: "UserStoppedSpeaking", startedAt: voice.startedAt, endedAt })
  if (d.user.listened?.finalized !== true && !EndOfTurn.isTold(d)) {
    d.actions.push({ _tag: "Finalize" })
    Owed.ask(d, endedAt, voice.dismissed ? 0 : voice.soundedMs)
  }
  const wait = Owed.patience(d)
  if (pause !== undefined && pause._tag !== "Yielded") d.agent.pause = { ...pause, until: d.now + wait }
  if (
    !voice.dismissed && !voice.committed &&
    d.agent.speeches.some((speech) => speech.phase !== "playing" && interruptible(d, speech))
  ) {
    const short = voice.soundedMs < interruption.minDuration
    d.agent.holdUntil = short ? Math.max(d.now, endedAt + Endpointing.delays(d.user.endpointing).min) : d.now + wait
  }
  Words.limit(d)
  EndOfTurn.afterVoice(d)
}

/** The turn detector has answered: a confident end ends the voice, too. */
export const judged = (d: Draft, question: number, probability: number | undefined): void => {
  EndOfTurn.predicted(d, question, probability)
  const { listened, voice } = d.user
  if (listened?.finished === true && voice._tag === "Paused") ended(d, voice.pausedAt)
}

/** The end of the session cuts it off. */
export const cutOff = (d: Draft): void => {
  const { voice } = d.user
  if (voice._tag === "Silent") return
  d.user.voice = { _tag: "Silent" }
  publish(d, { _tag: "UserStoppedSpeaking", startedAt: voice.startedAt, endedAt: d.now })
}
