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
import type { Action } from "./internal/turn/action.ts"
import * as Draft from "./internal/turn/draft.ts"
import * as Ducking from "./internal/turn/ducking.ts"
import * as Ending from "./internal/turn/ending.ts"
import * as EndOfTurn from "./internal/turn/endOfTurn.ts"
import * as Endpointing from "./internal/turn/endpointing.ts"
import * as Failing from "./internal/turn/failing.ts"
import * as Filler from "./internal/turn/filler.ts"
import * as Floor from "./internal/turn/floor.ts"
import * as LastWords from "./internal/turn/lastWords.ts"
import type { State } from "./internal/turn/model.ts"
import * as Overlap from "./internal/turn/overlap.ts"
import * as Owed from "./internal/turn/owed.ts"
import * as Pause from "./internal/turn/pause.ts"
import * as Said from "./internal/turn/said.ts"
import { settle } from "./internal/turn/settling.ts"
import type { Signal } from "./internal/turn/signal.ts"
import * as Signs from "./internal/turn/signs.ts"
import * as Silence from "./internal/turn/silence.ts"
import * as Span from "./internal/turn/span.ts"
import * as Telling from "./internal/turn/telling.ts"
import * as Timers from "./internal/turn/timers.ts"
import * as Turns from "./internal/turn/turns.ts"
import * as Voice from "./internal/turn/voice.ts"
import * as Words from "./internal/turn/words.ts"
import type * as Text from "./Text.ts"

export type { Action } from "./internal/turn/action.ts"
export { initial } from "./internal/turn/initial.ts"
export type { Ears, State } from "./internal/turn/model.ts"
export { resolve, type Settings } from "./internal/turn/settings.ts"
export type { Signal } from "./internal/turn/signal.ts"
export {
  awaitsFinal,
  closeReason,
  failuresInARow,
  guess,
  isOwed,
  isPaused,
  isProtected,
  isUntold,
  isUsersTurn,
  overview,
  saidBefore,
  settings,
  spokeSince,
  starvedFor,
  type Status,
  status,
  waitsForReply
} from "./internal/turn/view.ts"

/**
 * How turns are taken.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * What ends a turn: silence after words (`vad`), the recogniser's final
   * transcripts alone (`stt`; at once where it tells of turns, as `DeepgramFluxStt`
   * does), or only `Session.commitTurn` (`manual`, push to talk).
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
    /** Silence that ends a turn which a detector that listens takes for finished. @default minDelay if set, else "200 millis" */
    readonly confidentDelay?: Duration.Input | undefined
    /** Probability (0–1) that is an end. @default 0.5; for one that listens 0.9 at 200 ms of silence, 0.7 at 500 ms, 0.5 at a second */
    readonly threshold?: number | undefined
    /** Longest wait for the turn detector. @default "1 second" */
    readonly detectorDeadline?: Duration.Input | undefined
  } | undefined
  readonly interruption?: {
    /** @default true */
    readonly enabled?: boolean | undefined
    /**
     * Lower the agent's voice by 15 dB once the user has been heard for 200 ms over
     * it, until it is clear whether they want the floor.
     *
     * @default true
     */
    readonly duck?: boolean | undefined
    /**
     * Voice that interrupts. Where the recogniser tells what it hears while one
     * speaks, in a language with phrases, its words decide: at once when they can be
     * no sign of listening, after twice this time when they are one so far, and after
     * 150 ms more while there are none.
     *
     * @default "500 millis"
     */
    readonly minDuration?: Duration.Input | undefined
    /**
     * Decibels below the user's own level at which a voice interrupts nothing, and
     * lowers nobody's: somebody behind them, a television. Their level is known after
     * five seconds of their voice. What is said so may still be a turn.
     * `Infinity` is every voice.
     *
     * @default 12
     */
    readonly faintBelow?: number | undefined
    /**
     * Words that interrupt; they add up over transcripts. With 0 the duration
     * alone does. A request that is all that is said ("Stop!", "Wait.", "No!")
     * takes the floor with fewer, and so does an answer to a question that was
     * just heard; a sign of listening never does (see `backchannel`). Fewer than
     * that are a turn when the agent falls silent.
     *
     * @default 0
     */
    readonly minWords?: number | undefined
    /**
     * Silence without words after which an interruption was none. Without it, what
     * this recogniser takes for a transcript, as was measured, and 300 ms more; 800
     * ms at least, and none where the recogniser says that it has heard nothing.
     */
    readonly falseInterruptionTimeout?: Duration.Input | undefined
    /** Pause first, and resume after a false interruption. @default true */
    readonly resume?: boolean | undefined
    /**
     * Where the agent goes on after a pause of more than 600 ms: at the beginning of
     * the clause, at most five seconds back, or where it was paused. Clauses are
     * found by the times of the words, or by the last silence in the audio.
     *
     * @default "clause"
     */
    readonly resumeFrom?: "clause" | "pause" | undefined
    /**
     * From the agent's first audio: echo is no interruption that long.
     *
     * @default "3 seconds", 0 for a telephone call that the agent has made
     */
    readonly echoWarmUp?: Duration.Input | undefined
    /**
     * Judge words by what they are: over an agent that is heard, "mm-hm" is set
     * aside, and "yeah" where no question was heard; "one moment" silences the
     * agent, without a reply; its own words that come back are nobody's. Off, these
     * are words like others. A request to stop ("stop", "no") takes the floor
     * either way, where it is all that is said: as a final transcript, or as two
     * equal interims. `Text.phrasebooks` has the words, by language.
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
  /** Language of the user (a BCP 47 tag), where neither the transcript nor the recogniser tells one. @default "en" */
  readonly language?: string | undefined
  /** Phrases beside those of `Text.phrasebooks`, by the first part of a language's tag. */
  readonly phrases?: Readonly<Record<string, Partial<Text.Phrasebook>>> | undefined
  /** Silence after "one moment": so long nobody replies, and the user is not away. @default "45 seconds" */
  readonly holdFor?: Duration.Input | undefined
  /** Silence of both, after which the user is away. @default "15 seconds" */
  readonly awayAfter?: Duration.Input | undefined
  /**
   * Time after speech in which a final transcript should come. Where none has,
   * that is told (`TranscriptionTimedOut`), and the interim transcript is used
   * instead, if there is one. Without it, twice what this recogniser takes, 5
   * seconds at least.
   */
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
 * When the next `Tick` is due (ms of the Clock), if ever.
 *
 * @category getters
 * @since 0.1.0
 */
export const deadline = (s: State): number | undefined => Timers.deadline(s)

/**
 * Advances the conversation by one signal at `now` (ms of the Clock).
 *
 * @category transforming
 * @since 0.1.0
 */
export const step = (state: State, now: number, signal: Signal): readonly [State, ReadonlyArray<Action>] => {
  const { _tag: status } = state.session.status
  if (signal._tag === "Enqueue" && (status === "Closed" || status === "Draining")) {
    return [state, [{ _tag: "Refuse", speech: signal.speech }]]
  }
  if (status === "Closed" && signal._tag === "Heard") return Ending.keepLate(state, signal)
  if (status === "Closed" && signal._tag !== "SpeechEnded") return [state, []]
  const d = Draft.begin(state, now)
  receive(d, signal)
  Ending.finish(d)
  Floor.next(d)
  Silence.follow(d, state, signal._tag === "PlayoutEnded")
  Ducking.follow(d, state)
  Telling.follow(d)
  Filler.follow(d)
  settle(d)
  const after = d.session.status
  if (after._tag === "Closed" && status !== "Closed") d.actions.push({ _tag: "Finish", reason: after.reason })
  return Draft.end(d)
}

const receive = (d: Draft.Draft, signal: Signal): void => {
  switch (signal._tag) {
    case "Opened":
      if (d.session.status._tag !== "Starting") return
      d.session.status = { _tag: "Open" }
      d.session.filler = signal.filler
      return Floor.expire(d)
    case "Tick":
      return Timers.tick(d)
    case "Tune":
      d.session.settings = signal.settings
      d.user.endpointing = Endpointing.update(d.user.endpointing, signal.settings.endpointing)
      return
    case "Close":
      Ending.close(d, signal.drain, signal.reason)
      if (signal.now === true) Ending.abandon(d)
      return
    case "Transcribed":
      return LastWords.over(d)
    case "Failed":
      return Failing.failed(d, signal.component, signal.fatal === true)
    case "Worked":
      return Failing.worked(d, signal.component)
    case "Measured":
      d.session.ears = {
        ...d.session.ears,
        delay: signal.delay,
        interims: signal.interims ?? d.session.ears.interims,
        turns: signal.turns ?? d.session.ears.turns
      }
      return
    case "VoiceStarted":
      return Voice.started(d, signal.startedAt)
    case "VoiceLevel":
      return Voice.level(d, signal.below)
    case "VoicePaused":
      return Voice.paused(d, signal.voiceAt)
    case "VoiceResumed":
      return Voice.resumed(d, signal.voiceAt)
    case "VoiceEnded":
      return Voice.ended(d, signal.endedAt)
    case "Heard":
      return hear(d, signal)
    case "EndOfTurn":
      return Voice.judged(d, signal.question, signal.probability)
    case "Overlap":
      return Overlap.judged(d, signal.text, signal.verdict)
    case "Reachable":
      return Pause.reach(d, signal.reachable)
    case "Present":
      d.user.presence = { _tag: "Present" }
      return Telling.keyed(d)
    case "Typed":
      d.user.presence = { _tag: "Present" }
      // What was asked for up to now comes before it, however soon it was.
      return Turns.open(d, signal.text, "text", {
        startedAt: Infinity,
        newestAt: Infinity,
        stoppedAt: d.now,
        finalAt: d.now
      })
    case "CommitTurn":
      return EndOfTurn.commitTurn(d, signal.waitMs)
    case "ClearTurn":
      return Words.clear(d)
    case "Accepted":
      return Turns.accepted(d, signal.turn, signal.text, signal.changed)
    case "Declined":
      return Turns.declined(d, signal.turn)
    case "Enqueue":
      return Floor.enqueue(d, {
        id: signal.speech,
        source: signal.source,
        protected: signal.protected,
        when: signal.when,
        expiresMs: signal.expiresMs,
        passing: signal.passing,
        clip: signal.clip,
        phase: "queued"
      })
    case "Interrupt":
      return interrupt(d, signal.force, signal.speech)
    case "Untold":
      return Telling.untold(d, signal.calm)
    case "Settled":
      d.agent.hushed = false
      return
    case "AudioReady":
      return Floor.audioReady(d, signal.speech)
    case "Spoken":
      if (Draft.find(d, signal.speech)?.phase === "playing" && Said.heard(d, signal.text)) Signs.questionEnded(d)
      return
    case "Starved":
      if (signal.starved && Draft.find(d, signal.speech)?.phase === "playing" && Said.question(d)) {
        Signs.questionEnded(d)
      }
      return Floor.starved(d, signal.speech, signal.starved)
    case "WentBack":
      return Pause.wentBack(d, signal.speech, signal.ms)
    case "PlayoutEnded":
      return Floor.playoutEnded(d, signal.speech, signal.next)
    case "Working":
      return Floor.working(d, signal.speech, signal.phase)
    case "SpeechEnded":
      return Floor.speechEnded(d, signal.speech)
  }
}

const hear = (d: Draft.Draft, signal: Extract<Signal, { readonly _tag: "Heard" }>): void => {
  const placed = Span.place(d, signal)
  if (signal.final) {
    LastWords.transcribed(d, signal.endedAt)
    Owed.answered(d, signal.endedAt, signal.text.trim() !== "")
  }
  Words.heard(d, signal, placed)
}

const interrupt = (d: Draft.Draft, force: boolean, speech: string | undefined): void => {
  d.agent.hushed = true
  d.actions.push({ _tag: "Settle" })
  if (speech === undefined) {
    // A reply that a hook still thinks about is one that waits.
    if (d.user.pending !== undefined) Turns.declined(d, d.user.pending)
    return Floor.clear(d, force)
  }
  const target = Draft.find(d, speech)
  if (target !== undefined && (force || !target.protected)) Floor.stop(d, target)
}
