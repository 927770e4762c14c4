/**
 * Turn-taking: whose turn it is, when a turn is over, what an interruption is.
 *
 * `step` is pure and total: a state and a signal give the next state and what
 * to do. Timers are part of the state: `deadline` tells when the next `Tick` is
 * due, so nothing can be left running, and a conversation can be replayed,
 * shrunk and tested as a table.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Event from "./Event.ts"
import * as errorType from "./internal/metrics/errorType.ts"
import { hasWord } from "./internal/text/words.ts"
import { audible, type Draft, find, noWords, publish, said, setPhase, setStarved } from "./internal/turn/draft.ts"
import * as EndOfTurn from "./internal/turn/endOfTurn.ts"
import * as Endpointing from "./internal/turn/endpointing.ts"
import * as Floor from "./internal/turn/floor.ts"
import * as LastWords from "./internal/turn/lastWords.ts"
import type { Action, Signal, State } from "./internal/turn/model.ts"
import type { Settings } from "./internal/turn/settings.ts"
import * as Voice from "./internal/turn/voice.ts"

export type { Action, Signal, State } from "./internal/turn/model.ts"
export type { Problem, Settings } from "./internal/turn/settings.ts"
export { resolve } from "./internal/turn/settings.ts"

/**
 * How turns are taken.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * What ends a turn: silence after words (`vad`), the recogniser's final
   * transcripts alone (`stt`), or only `Session.commitTurn` (`manual`, push to
   * talk).
   *
   * @default "vad"
   */
  readonly detection?: "vad" | "stt" | "manual" | undefined
  readonly endpointing?: {
    /** `dynamic` learns from the pauses inside the user's turns. @default "fixed" */
    readonly mode?: "fixed" | "dynamic" | undefined
    /** Silence after which a turn may be over. @default "500 millis" */
    readonly minDelay?: Duration.Input | undefined
    /** Silence after which it is over, whatever a detector says; without one, after "uhm" or "let me think". @default "3 seconds" */
    readonly maxDelay?: Duration.Input | undefined
    /** Weight (0–1) of what was learned before. @default 0.9 */
    readonly alpha?: number | undefined
    /** Probability (0–1) from which a turn detector's verdict counts as the end. @default 0.5 */
    readonly threshold?: number | undefined
    /** Longest wait for the turn detector. @default "1 second" */
    readonly detectorDeadline?: Duration.Input | undefined
  } | undefined
  readonly interruption?: {
    /** @default true */
    readonly enabled?: boolean | undefined
    /** Voice that interrupts. @default "500 millis" */
    readonly minDuration?: Duration.Input | undefined
    /**
     * Words that interrupt; they add up over transcripts. With 0 the duration
     * alone does. A request that is all that is said ("Stop!", "Wait.", "No!")
     * takes the floor with fewer. Fewer than that are kept for the next turn,
     * but for those of the agent's last second: they answer it.
     *
     * @default 0
     */
    readonly minWords?: number | undefined
    /** Silence without words after which an interruption was none. @default "2 seconds" */
    readonly falseInterruptionTimeout?: Duration.Input | undefined
    /** Pause first, and resume after a false interruption. @default true */
    readonly resume?: boolean | undefined
    /**
     * From the agent's first audio: echo is no interruption that long.
     *
     * @default "3 seconds", 0 for a telephone call that the agent has made
     */
    readonly echoWarmUp?: Duration.Input | undefined
    /**
     * Over an agent that is heard, "yeah" and "mm-hm" do not interrupt, and are
     * kept for the next turn, but for those of its last second: they answer it.
     * "Stop" and "wait" interrupt at once, wherever they stand; "no" and "help"
     * only where they are all that is said: as a final transcript, or as two
     * equal interims.
     *
     * @default true
     */
    readonly backchannel?: boolean | undefined
  } | undefined
  readonly preemption?: {
    /** Ask the model before the turn is committed. @default true */
    readonly llm?: boolean | undefined
    /** Synthesise, too. @default false */
    readonly tts?: boolean | undefined
    /** Not for turns longer than this. @default "10 seconds" */
    readonly maxSpeech?: Duration.Input | undefined
    /** Guesses in one turn. @default 3 */
    readonly maxTries?: number | undefined
  } | undefined
  /** Silence of both, after which the user is away. @default "15 seconds" */
  readonly awayAfter?: Duration.Input | undefined
  /** Time after speech in which a final transcript should come. @default "Infinity" (off) */
  readonly transcriptionTimeout?: Duration.Input | undefined
  readonly limits?: {
    /** Words in one user turn. @default Infinity */
    readonly maxWords?: number | undefined
    /** Speech in one user turn. @default "Infinity" */
    readonly maxSpeech?: Duration.Input | undefined
  } | undefined
  /** Consecutive unrecovered failures of one component that a session survives. @default 2 */
  readonly toleratedFailures?: number | undefined
  /** Unrecovered failures of one kind in `errorWindow` that a session survives, whatever lies between them. @default 10 */
  readonly maxErrors?: number | undefined
  /** @default "5 minutes" */
  readonly errorWindow?: Duration.Input | undefined
}

/**
 * The state before the session opens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (
  settings: Settings,
  ears: State["ears"],
  options: {
    /** Whether there is anything to say when the session gives up. @default false */
    readonly apology?: boolean | undefined
    /** How long the end waits for words whose transcript is still to come (ms). @default 0 */
    readonly lastWords?: number | undefined
  } = {}
): State => ({
  settings,
  ears,
  status: "starting",
  closing: undefined,
  voice: undefined,
  words: noWords,
  decision: undefined,
  cleared: undefined,
  pending: undefined,
  manual: undefined,
  heardTo: Number.NEGATIVE_INFINITY,
  patience: options.lastWords ?? 0,
  lastWords: undefined,
  keptInterim: "",
  endpointing: Endpointing.make(settings.endpointing),
  turn: 1,
  speeches: [],
  pause: undefined,
  holdUntil: undefined,
  silentSince: undefined,
  speculation: undefined,
  warmUpUntil: undefined,
  failures: {},
  errors: {},
  apology: options.apology ?? false,
  hushed: false,
  awayAt: undefined,
  away: false,
  user: "listening",
  agent: "initializing"
})

/**
 * When the next `Tick` is due (ms of the Clock), if ever.
 *
 * @category getters
 * @since 0.1.0
 */
export const deadline = (s: State): number | undefined => {
  if (s.status === "closed" || s.status === "starting") return undefined
  const settled = Floor.settled(s)
  const due = Math.min(
    s.decision?.commitAt ?? Infinity,
    Voice.interruptsAt(s) ?? Infinity,
    Voice.reconsidersAt(s) ?? Infinity,
    (settled ? s.pause?.until : undefined) ?? Infinity,
    (settled ? s.holdUntil : undefined) ?? Infinity,
    s.words.expectedAt ?? Infinity,
    s.manual?.until ?? Infinity,
    s.awayAt ?? Infinity,
    LastWords.due(s)
  )
  return due === Infinity ? undefined : due
}

/**
 * Whether an unforced `interrupt` must fail: the speech that plays is protected.
 *
 * @category getters
 * @since 0.1.0
 */
export const isProtected = (s: State, speech?: string): boolean => {
  const target = speech === undefined
    ? s.speeches.find((other) => other.phase !== "stopping")
    : s.speeches.find((other) => other.id === speech)
  return target?.protected === true
}

/**
 * Advances the conversation by one signal at `now` (ms of the Clock).
 *
 * @category transforming
 * @since 0.1.0
 */
export const step = (state: State, now: number, signal: Signal): readonly [State, ReadonlyArray<Action>] => {
  if (signal._tag === "Enqueue" && (state.status === "closed" || state.status === "draining")) {
    return [state, [{ _tag: "Refuse", speech: signal.speech }]]
  }
  if (state.status === "closed" && signal._tag === "Heard") return keepLate(state, signal)
  if (state.status === "closed" && signal._tag !== "SpeechEnded") return [state, []]
  const d: Draft = { now, s: { ...state }, actions: [] }
  receive(d, signal)
  if (d.s.status === "draining") finish(d)
  Floor.next(d)
  if (audible(d.s, now)) d.s.silentSince = undefined
  else if (audible(state, now)) Voice.fallsSilent(d, state.pause, signal._tag === "PlayoutEnded")
  else Voice.staysSilent(d)
  settle(d)
  if (d.s.status === "closed" && state.status !== "closed") {
    d.actions.push({ _tag: "Finish", reason: d.s.closing ?? "closed" })
  }
  return [d.s, d.actions]
}

/** Words whose transcript comes while the session says goodbye: nobody answers, but they were said. */
const keepLate = (
  state: State,
  { final, text }: Extract<Signal, { readonly _tag: "Heard" }>
): readonly [State, ReadonlyArray<Action>] => {
  if (!final) return [state, []]
  const kept = { ...state, keptInterim: "" }
  const more = LastWords.beyond(state.keptInterim, text)
  return !hasWord(more)
    ? [kept, []]
    : [{ ...kept, turn: state.turn + 1 }, [{ _tag: "KeepWords", turn: state.turn, text: more }]]
}

const receive = (d: Draft, signal: Signal): void => {
  switch (signal._tag) {
    case "Opened":
      if (d.s.status === "starting") d.s.status = "open"
      return
    case "Settled":
      d.s.hushed = false
      return
    case "Tick":
      return tick(d)
    case "VoiceStarted":
      return Voice.voiceStarted(d, signal.startedAt)
    case "VoicePaused":
      return Voice.voicePaused(d, signal.voiceAt)
    case "VoiceResumed":
      return Voice.voiceResumed(d, signal.voiceAt)
    case "VoiceEnded":
      return Voice.voiceEnded(d, signal.endedAt)
    case "Heard":
      if (signal.final) LastWords.heard(d, signal.endedAt)
      return Voice.heard(d, signal.text, signal.final, signal.endedAt)
    case "EndOfTurn":
      return EndOfTurn.endOfTurn(d, signal.decision, signal.probability)
    case "Overlap":
      return Voice.judged(d, signal.text, signal.verdict)
    case "Typed":
      return EndOfTurn.open(d, signal.text, "text", d.now, d.now)
    case "CommitTurn":
      return EndOfTurn.commitTurn(d, signal.waitMs)
    case "ClearTurn":
      return Voice.clearTurn(d)
    case "Accepted":
      return EndOfTurn.accepted(d, signal.turn, signal.text, signal.changed)
    case "Declined":
      return EndOfTurn.declined(d, signal.turn)
    case "Enqueue":
      return Floor.enqueue(d, {
        id: signal.speech,
        source: signal.source,
        protected: signal.protected,
        phase: "queued"
      })
    case "Interrupt":
      return interrupt(d, signal.force, signal.speech)
    case "AudioReady":
      return ready(d, signal.speech)
    case "Starved":
      return setStarved(d, signal.speech, signal.starved)
    case "PlayoutEnded":
      return Floor.playoutEnded(d, signal.speech, signal.next)
    case "Working":
      return working(d, signal.speech, signal.phase)
    case "SpeechEnded":
      return ended(d, signal.speech)
    case "Failed":
      return failed(d, signal.component, signal.fatal === true)
    case "Worked":
      if (d.s.failures[signal.component] !== undefined) {
        d.s.failures = { ...d.s.failures, [signal.component]: 0 }
      }
      return
    case "Tune":
      d.s.settings = signal.settings
      d.s.endpointing = Endpointing.update(d.s.endpointing, signal.settings.endpointing)
      return
    case "Transcribed":
      return LastWords.over(d)
    case "Close":
      close(d, signal.drain, signal.reason)
      if (signal.now === true) abandon(d)
      return
  }
}

/** Timers that are due, in the order of their weight: on a tie the commit goes first. */
const tick = (d: Draft): void => {
  const { decision, manual, words } = d.s
  if (decision !== undefined && decision.commitAt <= d.now) {
    if (decision.asking) {
      publish(d, { _tag: "Warning", component: "detector", message: "the turn detector did not answer in time" })
    }
    EndOfTurn.commit(d, "voice")
  }
  if (manual !== undefined && manual.until <= d.now) EndOfTurn.commit(d, "manual")
  Voice.interruptByVoice(d)
  Voice.reconsider(d)
  if (Floor.settled(d.s)) {
    if (d.s.pause?.until !== undefined && d.s.pause.until <= d.now) Floor.resume(d)
    if (d.s.holdUntil !== undefined && d.s.holdUntil <= d.now) d.s.holdUntil = undefined
  }
  if (words.expectedAt !== undefined && words.expectedAt <= d.now) {
    d.s.words = { ...d.s.words, expectedAt: undefined }
    publish(d, { _tag: "TranscriptionTimedOut", startedAt: words.startedAt ?? d.now, speechMs: words.speechMs })
  }
  if (d.s.awayAt !== undefined && d.s.awayAt <= d.now) d.s.away = true
}

const interrupt = (d: Draft, force: boolean, speech: string | undefined): void => {
  d.s.hushed = true
  d.actions.push({ _tag: "Settle" })
  if (speech === undefined) {
    // A reply that a hook still thinks about is one that waits.
    if (d.s.pending !== undefined) EndOfTurn.declined(d, d.s.pending.turn)
    return Floor.interrupt(d, force)
  }
  const target = find(d, speech)
  if (target !== undefined && (force || !target.protected)) Floor.stop(d, target)
}

const silent = (d: Draft, speech: string): boolean => {
  const phase = find(d, speech)?.phase
  return phase === "working" || phase === "tools"
}

const working = (d: Draft, speech: string, phase: "working" | "tools"): void => {
  if (silent(d, speech)) setPhase(d, speech, phase)
}

const ready = (d: Draft, speech: string): void => {
  if (silent(d, speech)) setPhase(d, speech, "ready")
}

const ended = (d: Draft, speech: string): void => {
  if (d.s.speculation?.speech === speech) d.s.speculation = undefined
  const record = find(d, speech)
  if (record === undefined) return
  if (record.phase === "playing") Floor.playoutEnded(d, speech, "working")
  d.s.speeches = d.s.speeches.filter((other) => other.id !== speech)
}

const failed = (d: Draft, component: keyof State["failures"], fatal: boolean): void => {
  const { errorWindow, maxErrors, tolerated } = d.s.settings
  const inARow = (d.s.failures[component] ?? 0) + 1
  d.s.failures = { ...d.s.failures, [component]: inARow }
  const type = errorType.of({ component, reason: "" })
  const errors = [...(d.s.errors[type] ?? []).filter((at) => at > d.now - errorWindow), d.now]
  d.s.errors = { ...d.s.errors, [type]: errors }
  if (d.s.closing === "provider_failures") return
  if (fatal) return giveUp(d, component, "fatal", inARow)
  if (inARow > tolerated) return giveUp(d, component, "consecutive", inARow)
  if (errors.length > maxErrors) giveUp(d, component, "window", errors.length)
}

/** The speech that says that all is lost. */
const apology = "apology"

/** All is lost: the caller is told so, where that is still possible, and the session ends. */
const giveUp = (
  d: Draft,
  component: keyof State["failures"],
  cause: Event.Of<"Escalated">["cause"],
  failures: number
): void => {
  const heard = d.s.apology && component !== "room" && d.s.status === "open"
  d.actions.push({ _tag: "Escalate", component, cause, failures, apology: heard ? apology : undefined })
  if (!heard) return close(d, false, "provider_failures")
  d.s.closing = "provider_failures"
  d.actions.push({ _tag: "Closing", drain: true, reason: "provider_failures" })
  EndOfTurn.discard(d)
  Floor.interrupt(d, true)
  d.s.pending = undefined
  d.s.status = "draining"
  Floor.enqueue(d, { id: apology, source: "say", protected: true, phase: "queued" })
}

const close = (d: Draft, drain: boolean, reason: NonNullable<State["closing"]>): void => {
  d.s.closing ??= reason
  d.actions.push({ _tag: "Closing", drain, reason: d.s.closing })
  if (d.s.status === "starting") d.s.status = "open"
  if (drain) {
    if (d.s.status === "open" && reason === "closed") LastWords.answer(d)
    d.s.status = "draining"
    return
  }
  EndOfTurn.discard(d)
  Floor.interrupt(d, true)
  d.s.status = "draining"
  d.s.pending = undefined
  LastWords.hasten(d)
}

/** No transcript is waited for, and what hangs keeps no words back. */
const abandon = (d: Draft): void => {
  LastWords.over(d)
  keep(d)
}

/** Draining is over when nothing is left to be said. */
const finish = (d: Draft): void => {
  const idle = () => d.s.speeches.length === 0 && d.s.pending === undefined
  if (LastWords.waits(d, idle()) || !idle()) return
  keep(d)
  EndOfTurn.discard(d)
  Voice.cutOff(d)
  d.s.status = "closed"
}

/** What is said is in the history, whatever comes; a final transcript may still follow the interim one. */
const keep = (d: Draft): void => {
  const text = said(d.s.words, true)
  if (text !== "") {
    d.actions.push({ _tag: "KeepWords", turn: d.s.turn, text })
    d.s.turn += 1
  }
  d.s.keptInterim = d.s.words.interim
  d.s.words = noWords
}

/** What follows from the step: states, as they are seen from outside, and the away timer. */
const settle = (d: Draft): void => {
  const seen = Floor.agentState(d.s)
  const agent = d.s.hushed && seen === "listening" ? d.s.agent : seen
  const idle = agent === "listening" && d.s.voice === undefined && d.s.status === "open" && !d.s.away
  if (idle && d.s.awayAt === undefined) d.s.awayAt = d.now + d.s.settings.awayAfter
  else if (!idle) d.s.awayAt = undefined
  const user = d.s.voice !== undefined ? "speaking" : d.s.away ? "away" : "listening"
  if (user !== d.s.user) publish(d, { _tag: "UserStateChanged", from: d.s.user, to: user })
  if (agent !== d.s.agent) publish(d, { _tag: "AgentStateChanged", from: d.s.agent, to: agent })
  d.s.user = user
  d.s.agent = agent
}
