/**
 * Everything that happens in a conversation, as one tagged union.
 *
 * Events come in the order in which they happened. `at` is milliseconds of the Clock, and so is
 * every other time in an event; every field `…Ms` is a length.
 *
 * Grammar, per session: at most one `SessionStarted`, when the participant is
 * there and the agent enters; last of all one `SessionClosed`. `UserStartedSpeaking` and `UserStoppedSpeaking` alternate.
 * Each `SpeechCreated` has exactly one `SpeechFinished`; between them come any
 * number of `AgentStartedSpeaking`, each with exactly one
 * `AgentStoppedSpeaking`. At most one speech is between these two at any time.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Cost from "./Cost.ts"
import * as Failure from "./Failure.ts"
import { SetAside } from "./internal/history/aside.ts"
import { TurnRecord } from "./internal/metrics/turnRecord.ts"
import { Word } from "./internal/stt/model.ts"

export { TurnRecord }

const at = Schema.Finite
const participant = Schema.optionalKey(Schema.String)
const usedAt = Schema.Literals(["commit", "timeout", "close"])

/**
 * What the agent does.
 *
 * @category models
 * @since 0.1.0
 */
export const AgentState = Schema.Literals(["initializing", "listening", "thinking", "speaking"])

/**
 * @category models
 * @since 0.1.0
 */
export type AgentState = typeof AgentState.Type

/**
 * What the user does.
 *
 * @category models
 * @since 0.1.0
 */
export const UserState = Schema.Literals(["listening", "speaking", "away"])

/**
 * @category models
 * @since 0.1.0
 */
export type UserState = typeof UserState.Type

const providerExecuted = Schema.optionalKey(Schema.Boolean)

/**
 * A tool call with its result, as the model saw them. With `providerExecuted`, the model's provider
 * ran it itself.
 *
 * @category models
 * @since 0.1.0
 */
export const FunctionCall = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  params: Schema.Unknown,
  result: Schema.Unknown,
  isFailure: Schema.Boolean,
  providerExecuted
})

/**
 * @category models
 * @since 0.1.0
 */
export type FunctionCall = typeof FunctionCall.Type

/**
 * A part of the agent that can fail.
 *
 * @category models
 * @since 0.1.0
 */
export const Component = Schema.Literals(["vad", "stt", "llm", "tts", "room", "processor", "hook", "detector", "text"])

/**
 * @category models
 * @since 0.1.0
 */
export type Component = typeof Component.Type

/**
 * Why a session has ended.
 *
 * **Details**
 *
 * Four of them are of a call that the agent's side has made and that nobody took: the other side
 * did not answer, or not in `timeLimits.ringing` (`unanswered`), was on the telephone (`busy`), declined (`refused`), or could not
 * be reached (`call_failed`). Then no agent has entered. `transferred`: the caller's line was given to somebody else, by `Session.transfer`. The session's `timeLimits` ended it if it
 * lasted too long (`time_limit`), or if the user was away for too long (`user_away`).
 *
 * @category models
 * @since 0.1.0
 */
export const CloseReason = Schema.Literals([
  "closed",
  "hang_up",
  "transferred",
  "participant_left",
  "unanswered",
  "busy",
  "refused",
  "call_failed",
  "room_ended",
  "provider_failures",
  "budget",
  "time_limit",
  "user_away",
  "start_failed"
])

/**
 * @category models
 * @since 0.1.0
 */
// As its own union the compiler shows it by its name.
export type CloseReason =
  | "closed"
  | "hang_up"
  | "transferred"
  | "participant_left"
  | "unanswered"
  | "busy"
  | "refused"
  | "call_failed"
  | "room_ended"
  | "provider_failures"
  | "budget"
  | "time_limit"
  | "user_away"
  | "start_failed"

/**
 * Why nothing of a model's answer can be spoken. It is empty, or blank, or has no word (only a sign
 * or a picture). It calls a tool after the last allowed step (`steps`). Or a length limit or a
 * filter cut it before its first word.
 *
 * @category models
 * @since 0.1.0
 */
export const EmptyReason = Schema.Literals(["empty", "blank", "wordless", "steps", "length", "content-filter"])

/**
 * @category models
 * @since 0.1.0
 */
export type EmptyReason = typeof EmptyReason.Type

/**
 * Why a speech was not heard, or not wholly. Its reply was empty; a component failed; the source of
 * its text gave nothing for too long (`stalled`); it was not audible in time (`expired`); or it was
 * a filler and the reply came first (`needless`).
 *
 * @category models
 * @since 0.1.0
 */
export const SpeechReason = Schema.Union([
  EmptyReason,
  Component,
  Schema.Literals(["stalled", "expired", "needless"])
])

/**
 * @category models
 * @since 0.1.0
 */
export type SpeechReason = typeof SpeechReason.Type

/**
 * What a final transcript is in which nobody said anything: empty or blank, or only signs or a recogniser's notes of other
 * sounds ("[Music]").
 *
 * @category models
 * @since 0.1.0
 */
export const TranscriptEmptyReason = Schema.Literals(["blank", "wordless"])

/**
 * @category models
 * @since 0.1.0
 */
export type TranscriptEmptyReason = typeof TranscriptEmptyReason.Type

/**
 * Schema of every event.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Union([
  /**
   * `agent` is the name of the first agent; `AgentChanged` tells the others. `turnDetector` and
   * `overlapClassifier` are the names of these, if there are any.
   */
  Schema.TaggedStruct("SessionStarted", {
    at,
    session: Schema.String,
    agent: Schema.optionalKey(Schema.String),
    turnDetector: Schema.optionalKey(Schema.String),
    overlapClassifier: Schema.optionalKey(Schema.String),
    participant
  }),
  Schema.TaggedStruct("SessionClosed", { at, session: Schema.String, reason: CloseReason }),

  Schema.TaggedStruct("UserStateChanged", { at, from: UserState, to: UserState, participant }),
  Schema.TaggedStruct("AgentStateChanged", { at, from: AgentState, to: AgentState }),

  /** `startedAt` is where the voice began, before it was recognised as speech. */
  Schema.TaggedStruct("UserStartedSpeaking", { at, startedAt: Schema.Finite, participant }),
  /** `endedAt` is where the voice stopped, before the silence was long enough. */
  Schema.TaggedStruct("UserStoppedSpeaking", { at, startedAt: Schema.Finite, endedAt: Schema.Finite, participant }),
  Schema.TaggedStruct("UserTranscript", {
    at,
    text: Schema.String,
    final: Schema.Boolean,
    /** Stream times of the words in milliseconds, if the provider gives them. */
    start: Schema.optionalKey(Schema.Finite),
    end: Schema.optionalKey(Schema.Finite),
    /** Each word with its stream times, if the provider gives them. */
    words: Schema.optionalKey(Schema.Array(Word)),
    confidence: Schema.optionalKey(Schema.Finite),
    /** Language as a BCP 47 tag: the one that the provider heard, else the one that it was set to. */
    language: Schema.optionalKey(Schema.String),
    participant
  }),
  Schema.TaggedStruct("UserSpeechCommitted", {
    at,
    turn: Schema.Int,
    id: Schema.String,
    text: Schema.String,
    source: Schema.Literals(["voice", "text", "manual"]),
    participant
  }),
  /**
   * Words of the user that are not a turn, from `startedAt` to `endedAt`, and the reason. They are
   * an item of the history and get no reply.
   */
  Schema.TaggedStruct("UserSpeechSetAside", {
    at,
    id: Schema.String,
    text: Schema.String,
    reason: SetAside,
    startedAt: Schema.Finite,
    endedAt: Schema.Finite,
    participant
  }),
  /** A key of a telephone: 0 to 9, *, #, A to D. */
  Schema.TaggedStruct("UserPressedKey", { at, key: Schema.String, participant }),
  /** Speech was heard, and no final transcript came within the option's time. */
  Schema.TaggedStruct("TranscriptionTimedOut", { at, startedAt: Schema.Finite, speechMs: Schema.Finite, participant }),
  /**
   * A second of voice or more was heard, and the final transcript has no word of it. Told once, until words come or ten
   * seconds pass without a voice. `startedAt` is the beginning of the last voice, `speechMs` the length of all of them.
   */
  Schema.TaggedStruct("TranscriptEmpty", {
    at,
    startedAt: Schema.Finite,
    speechMs: Schema.Finite,
    reason: TranscriptEmptyReason,
    participant
  }),
  /**
   * An interim transcript was used for its final one: a turn was over (`commit`), none came (`timeout`), or the
   * session has ended (`close`). A final one within five seconds adds only what goes beyond it.
   */
  Schema.TaggedStruct("InterimTranscriptUsed", { at, text: Schema.String, reason: usedAt, participant }),
  Schema.TaggedStruct("UserTurnLimitReached", { at, words: Schema.Int, speechMs: Schema.Finite, participant }),
  Schema.TaggedStruct("EndOfTurnPredicted", { at, probability: Schema.Finite }),

  Schema.TaggedStruct("SpeechCreated", {
    at,
    speech: Schema.String,
    source: Schema.Literals(["say", "reply", "turn"]),
    /** Its audio was given, so no synthesiser is asked. */
    clip: Schema.optionalKey(Schema.Boolean)
  }),
  Schema.TaggedStruct("AgentStartedSpeaking", { at, speech: Schema.String }),
  Schema.TaggedStruct("AgentStoppedSpeaking", {
    at,
    speech: Schema.String,
    /** Length of the audio that was heard. Audio that was played again counts twice. */
    playedMs: Schema.Finite,
    interrupted: Schema.Boolean
  }),
  /** The user's voice has paused the agent. The words that follow decide whether it goes on. */
  Schema.TaggedStruct("AgentPaused", { at, speech: Schema.String }),
  /** No words followed the pause or the interruption. */
  Schema.TaggedStruct("FalseInterruption", { at, speech: Schema.String, resumed: Schema.Boolean }),
  /** The agent's words when they are heard: `text` is the new part. */
  Schema.TaggedStruct("AgentTranscript", { at, speech: Schema.String, text: Schema.String, final: Schema.Boolean }),
  Schema.TaggedStruct("AgentSpeechCommitted", {
    at,
    speech: Schema.String,
    id: Schema.String,
    text: Schema.String,
    interrupted: Schema.Boolean,
    /** `false` if it was heard and does not enter the history. */
    recorded: Schema.optionalKey(Schema.Boolean)
  }),
  Schema.TaggedStruct("SpeechFinished", {
    at,
    speech: Schema.String,
    outcome: Schema.Literals(["completed", "interrupted", "failed", "discarded"]),
    /** Why nothing of it was heard, or not all, if the user is not the reason. */
    reason: Schema.optionalKey(SpeechReason)
  }),
  /** The model's answer has nothing that can be spoken. With `retried`, it is asked once more. */
  Schema.TaggedStruct("ReplyEmpty", { at, speech: Schema.String, reason: EmptyReason, retried: Schema.Boolean }),

  Schema.TaggedStruct("FunctionCallStarted", {
    at,
    speech: Schema.String,
    id: Schema.String,
    name: Schema.String,
    providerExecuted
  }),
  /** A preliminary result of a tool. */
  Schema.TaggedStruct("FunctionCallProgressed", {
    at,
    speech: Schema.String,
    id: Schema.String,
    name: Schema.String,
    result: Schema.Unknown
  }),
  Schema.TaggedStruct("FunctionCallsFinished", { at, speech: Schema.String, calls: Schema.Array(FunctionCall) }),

  /**
   * How the agent dealt with a result that came after its reply. A speech told it; or the caller
   * cut it short twice, or the model had nothing to say about it; or the session ended first.
   */
  Schema.TaggedStruct("ResultSettled", {
    at,
    id: Schema.String,
    name: Schema.String,
    fate: Schema.Literals(["told", "superseded", "orphaned"]),
    speech: Schema.optionalKey(Schema.String)
  }),

  /** A `CallState` has a new value, given as JSON. */
  Schema.TaggedStruct("CallStateChanged", { at, name: Schema.String, value: Schema.Json }),

  /** `requestMs` is the whole request, `firstTokenMs` up to its first output. */
  Schema.TaggedStruct("LlmMeasured", {
    at,
    speech: Schema.String,
    provider: Schema.String,
    firstTokenMs: Schema.Finite,
    requestMs: Schema.Finite,
    inputTokens: Schema.Finite,
    outputTokens: Schema.Finite
  }),
  /** `firstByteMs` counts from the synthesiser's first text. */
  Schema.TaggedStruct("TtsMeasured", {
    at,
    speech: Schema.String,
    provider: Schema.String,
    firstByteMs: Schema.Finite,
    audioMs: Schema.Finite,
    characters: Schema.Int
  }),
  Schema.TaggedStruct("TurnMeasured", { at, record: TurnRecord }),

  /**
   * `recovered` says that the conversation went on with another attempt or provider, or without it. A hook (its name is
   * `provider`) has failed for good: the log has its error and what followed.
   */
  Schema.TaggedStruct("ProviderFailed", {
    at,
    component: Component,
    provider: Schema.String,
    reason: Schema.Union([Failure.Reason, Schema.String]),
    recovered: Schema.Boolean
  }),
  Schema.TaggedStruct("ProviderAvailability", {
    at,
    component: Component,
    provider: Schema.String,
    available: Schema.Boolean
  }),
  /**
   * A provider is asked again for the same request. `attempt` is 1 for the second attempt; `reason`
   * says why the attempt before failed.
   */
  Schema.TaggedStruct("ProviderRetried", {
    at,
    component: Component,
    provider: Schema.String,
    attempt: Schema.Int,
    reason: Failure.Reason
  }),
  /** A circuit breaker of a provider: closed lets requests through, open none, half-open one to try. */
  Schema.TaggedStruct("BreakerChanged", {
    at,
    component: Component,
    provider: Schema.String,
    from: Schema.Literals(["closed", "half_open", "open"]),
    to: Schema.Literals(["closed", "half_open", "open"])
  }),
  /**
   * The session gives up: the caller hears an apology, and the session ends. `cause` says why: too
   * many failures in a row, too many of one kind within the window, or one failure without which no
   * conversation is possible.
   */
  Schema.TaggedStruct("Escalated", {
    at,
    level: Schema.Literal("critical"),
    component: Component,
    cause: Schema.Literals(["consecutive", "window", "fatal"]),
    failures: Schema.Int
  }),
  /** A use of a provider, see `Cost.Usage`. `cost` is there if the provider has a price. */
  Schema.TaggedStruct("UsageMeasured", { at, ...Cost.Usage.fields, cost: Schema.optionalKey(Schema.Finite) }),
  /**
   * A budget is reached. `warning` informs the operator; from `economy` on nothing is made in
   * advance; at `end` the agent says goodbye.
   */
  Schema.TaggedStruct("BudgetReached", {
    at,
    stage: Schema.Literals(["warning", "economy", "end"]),
    unit: Cost.Unit,
    spent: Schema.Finite,
    limit: Schema.Finite
  }),
  /** A message for the operator. It contains no words of the conversation. */
  Schema.TaggedStruct("Warning", { at, component: Component, message: Schema.String }),
  Schema.TaggedStruct("AgentChanged", { at, from: Schema.optionalKey(Schema.String), to: Schema.String }),
  Schema.TaggedStruct("HistorySummarized", { at, removed: Schema.Int })
]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * Something that happened in a conversation.
 *
 * @category models
 * @since 0.1.0
 */
export type Event = typeof Event.Type

/**
 * The event of one tag.
 *
 * @category models
 * @since 0.1.0
 */
export type Of<Tag extends Event["_tag"]> = Extract<Event, { readonly _tag: Tag }>

/**
 * An event before it has a time, as `Turn.step` asks for it to be published.
 *
 * @category models
 * @since 0.1.0
 */
export type Draft = Event extends infer E ? E extends Event ? Omit<E, "at"> & { readonly _tag: E["_tag"] } : never
  : never
