/**
 * Turn-taking: it decides when the user's turn is over, when the agent speaks, and what interrupts
 * it.
 *
 * `step` is pure and total: from a state and a signal it gives the next state and the actions to
 * perform. Timers are part of the state: `deadline` gives the time of the next `Tick`. So no timer
 * is left running, and a conversation can be replayed from its signals.
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
import * as Repeated from "./internal/turn/repeated.ts"
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
  awaitsVoiceTo,
  closeReason,
  failuresInARow,
  guess,
  isOwed,
  isPaused,
  isProtected,
  isRepeated,
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
 * Options of turn-taking.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * What ends a turn. `vad`: silence after words. `stt`: the recogniser's final transcripts, or its
   * own ends of turns if it reports them, as `DeepgramFluxStt` and `AssemblyAiStt` do. `manual`: only
   * `Session.commitTurn`, for push to talk.
   *
   * @default "vad"
   */
  readonly detection?: "vad" | "stt" | "manual" | undefined
  readonly endpointing?: {
    /**
     * `fixed` uses the delays as they are. `dynamic` learns from the pauses inside the user's
     * turns.
     *
     * @default "fixed"
     */
    readonly mode?: "fixed" | "dynamic" | undefined
    /** Silence after which a turn may be over. @default "500 millis" */
    readonly minDelay?: Duration.Input | undefined
    /**
     * Silence after which a turn is over in any case, even if a turn detector says that the user
     * goes on. Without a turn detector, the silence after "uhm" or "let me think". After a word that
     * cannot end a sentence ("I would like a") it is 1.5 s, but never more than this.
     *
     * @default "3 seconds"
     */
    readonly maxDelay?: Duration.Input | undefined
    /** Weight (0–1) of what was learned before. @default 0.9 */
    readonly alpha?: number | undefined
    /**
     * Silence that ends a turn if a turn detector that hears the audio takes it for finished.
     *
     * @default minDelay if set, else "200 millis"
     */
    readonly confidentDelay?: Duration.Input | undefined
    /**
     * Probability (0–1) from which the turn detector says that the user has finished.
     *
     * @default 0.5; for a detector that hears the audio 0.9 at 200 ms of silence, 0.7 at 500 ms,
     * 0.5 at a second
     */
    readonly threshold?: number | undefined
    /** Longest wait for the turn detector. @default "1 second" */
    readonly detectorDeadline?: Duration.Input | undefined
  } | undefined
  readonly interruption?: {
    /** @default true */
    readonly enabled?: boolean | undefined
    /**
     * Lowers the agent's volume by 15 dB when the user has talked over it for 200 ms, until it is
     * clear whether they interrupt.
     *
     * @default true
     */
    readonly duck?: boolean | undefined
    /**
     * How long a voice must last to interrupt the agent; a shorter sound, such as a cough, does
     * not. If the recogniser reports interim transcripts, in a language that has phrases, their
     * words count, too. Words that cannot be a sign of listening ("mm-hm") interrupt at once. Words
     * that may be one interrupt after twice this time. Without words, the voice must last 100 ms
     * longer.
     *
     * @default "500 millis"
     */
    readonly minDuration?: Duration.Input | undefined
    /**
     * A voice that is this much fainter than the user's (dB) neither interrupts the agent nor
     * lowers it: it is somebody behind them, or a television. The user's level is known after five
     * seconds of their voice. The words of a faint voice may still be a turn. `Infinity` lets every
     * voice interrupt.
     *
     * @default 12
     */
    readonly faintBelow?: number | undefined
    /**
     * How many words interrupt the agent, counted over all transcripts of the turn. With 0,
     * `minDuration` decides alone. Fewer words are enough for a request to stop ("Stop!", "Wait.",
     * "No!") and for an answer to a question that the user just heard. A sign of listening never
     * interrupts (see `backchannel`). Fewer words become a turn when the agent falls silent.
     *
     * @default 0
     */
    readonly minWords?: number | undefined
    /**
     * Silence without words after which a pause was a false interruption, and the agent goes on. If
     * you leave it out, it is the measured delay of this recogniser plus 300 ms, at least 800 ms;
     * the agent goes on at once if the recogniser says that it heard nothing.
     */
    readonly falseInterruptionTimeout?: Duration.Input | undefined
    /**
     * `true` pauses the agent first, and lets it go on after a false interruption. `false` stops it
     * at once.
     *
     * @default true
     */
    readonly resume?: boolean | undefined
    /**
     * The place where the agent goes on after a pause of more than 600 ms. `clause`: at the
     * beginning of the clause, at most five seconds back. `pause`: where it was paused. Clauses are
     * found by the times of the words, or by the last silence in the audio.
     *
     * @default "clause"
     */
    readonly resumeFrom?: "clause" | "pause" | undefined
    /**
     * For this time after the agent's first audio nothing interrupts it, because it may be its own
     * echo.
     *
     * @default "3 seconds", 0 for a telephone call that the agent has made
     */
    readonly echoWarmUp?: Duration.Input | undefined
    /**
     * Treats some words over the agent in a special way. "mm-hm" is set aside: it neither
     * interrupts nor gets a reply. So is "yeah", unless the agent asked a question. "one moment"
     * silences the agent without a reply. The agent's own words that come back as echo are ignored.
     * `false` treats all of these like other words. A request to stop ("stop", "no") interrupts in
     * both cases, if nothing else is said: as a final transcript, or as two equal interim ones.
     * `Text.phrasebooks` has the words of each language.
     *
     * @default true
     */
    readonly backchannel?: boolean | undefined
  } | undefined
  readonly preemption?: {
    /** Asks the model before the turn is surely over; not while `onUserTurn` has declined two turns in a row. @default true */
    readonly llm?: boolean | undefined
    /** Also synthesises the answer, and pays for that. @default false */
    readonly tts?: boolean | undefined
    /** Longest turn for which this is done. @default "10 seconds" */
    readonly maxSpeech?: Duration.Input | undefined
    /** Most early answers in one turn. @default 3 */
    readonly maxTries?: number | undefined
  } | undefined
  /** Language of the user (a BCP 47 tag), if neither the transcript nor the recogniser says it. @default "en" */
  readonly language?: string | undefined
  /** Phrases in addition to those of `Text.phrasebooks`, by the first part of the language tag. */
  readonly phrases?: Readonly<Record<string, Partial<Text.Phrasebook>>> | undefined
  /** After "one moment", how long the agent stays silent and the user does not count as away. @default "45 seconds" */
  readonly holdFor?: Duration.Input | undefined
  /** Silence of both sides after which the user counts as away. @default "15 seconds" */
  readonly awayAfter?: Duration.Input | undefined
  /**
   * Longest wait for a final transcript after speech. After it comes the event
   * `TranscriptionTimedOut`, and the interim transcript is used instead, if there is one. If you
   * leave it out, it is twice the measured delay of this recogniser, at least 5 seconds.
   */
  readonly transcriptionTimeout?: Duration.Input | undefined
  readonly limits?: {
    /** Most words in one user turn. More of them end the turn, see `onTurnLimit` of the agent. @default Infinity */
    readonly maxWords?: number | undefined
    /**
     * Longest speech in one user turn. More of it ends the turn, see `onTurnLimit` of the agent.
     *
     * @default "Infinity"
     */
    readonly maxSpeech?: Duration.Input | undefined
  } | undefined
  /** How many failures in a row of one component a session survives, if nothing repaired them. @default 2 */
  readonly toleratedFailures?: number | undefined
  /**
   * How many such failures of one kind within `errorWindow` a session survives, even if they do not
   * follow each other.
   *
   * @default 10
   */
  readonly maxErrors?: number | undefined
  /** @default "5 minutes" */
  readonly errorWindow?: Duration.Input | undefined
}

/**
 * Time of the next `Tick` (ms of the Clock); `undefined` if there is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const deadline = (s: State): number | undefined => Timers.deadline(s)

/**
 * Advances the conversation by one signal at `now` (ms of the Clock).
 *
 * **Example** (The effect of one signal)
 *
 * ```ts
 * import { Turn } from "effect-voice"
 *
 * // From a state, a time (ms of the Clock) and a signal to the next state and the actions.
 * const advance = (state: Turn.State, now: number) => {
 *   const [next, actions] = Turn.step(state, now, { _tag: "VoiceStarted", startedAt: now - 50 })
 *   return { next, due: Turn.deadline(next), asked: actions.map(({ _tag }) => _tag) }
 * }
 * ```
 *
 * @see `deadline` for the time of the next `Tick`
 * @see `Pipeline.Options.turn` to set the options of a conversation
 * @category transforming
 * @since 0.1.0
 */
export const step = (state: State, now: number, signal: Signal): readonly [State, ReadonlyArray<Action>] => {
  const { _tag: status } = state.session.status
  if (signal._tag === "Enqueue" && (status === "Closed" || status === "Draining")) {
    return [state, [{ _tag: "Refuse", speech: signal.speech }]]
  }
  if (status === "Closed" && signal._tag === "Heard") return Ending.keepLate(state, now, signal)
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
      return Voice.started(d, signal.startedAt, signal.byAudio === true)
    case "VoiceHeard":
      return Voice.heard(d, signal.to)
    case "VoiceLevel":
      return Voice.level(d, signal.below)
    case "VoicePaused":
      return Voice.paused(d, signal.voiceAt)
    case "VoiceResumed":
      return Voice.resumed(d, signal.voiceAt, signal.byAudio === true)
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
        behind: signal.behind,
        clip: signal.clip,
        phase: "queued"
      })
    case "Interrupt":
      return interrupt(d, signal.force, signal.speech)
    case "Untold":
      return Telling.untold(d, signal.calm, signal.awaited === true)
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

const hear = (d: Draft.Draft, told: Extract<Signal, { readonly _tag: "Heard" }>): void => {
  const signal = Repeated.isRepeated(d, d.now, told) ? { ...told, text: "" } : told
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
