/**
 * Everything that happens in a conversation, as one tagged union.
 *
 * Events come in the order in which they happened. `at` is milliseconds of the
 * Clock, and so is every other time in an event; every `…Ms` is a length.
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
 * A function call with its result as the model saw them; `providerExecuted` where
 * the model's provider has run it itself.
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
 * Part of the agent that can fail.
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
 * @category models
 * @since 0.1.0
 */
export const CloseReason = Schema.Literals([
  "closed",
  "hang_up",
  "participant_left",
  "room_ended",
  "provider_failures",
  "budget",
  "start_failed"
])

/**
 * @category models
 * @since 0.1.0
 */
export type CloseReason = typeof CloseReason.Type

/**
 * Why nothing of a model's answer can be heard: it is empty, blank, or without a
 * word (a sign, a picture); it asks for tools where it may not any more (`steps`);
 * or it was cut before its first word, by its length or by a filter.
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
 * What has become of a speech: its reply was empty, a component of the pipeline
 * has failed it, the source of its text has stalled (`stalled`), it was not audible
 * in time (`expired`), or what it filled the silence for was there (`needless`).
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
 * Schema of every event.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Union([
  /** `turnDetector` and `overlapClassifier` are the names of those that were opened. */
  Schema.TaggedStruct("SessionStarted", {
    at,
    session: Schema.String,
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
    /** Stream times of the words in milliseconds, where the provider tells. */
    start: Schema.optionalKey(Schema.Finite),
    end: Schema.optionalKey(Schema.Finite),
    /** Each word with its stream times, where the provider tells. */
    words: Schema.optionalKey(Schema.Array(Word)),
    confidence: Schema.optionalKey(Schema.Finite),
    /** BCP 47 tag: what the provider has heard, else what it was told. */
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
   * Words that are no turn, from `startedAt` to `endedAt`, and why: an item of
   * their own in the history, without a reply.
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
  Schema.TaggedStruct("UserTurnLimitReached", { at, words: Schema.Int, speechMs: Schema.Finite, participant }),
  Schema.TaggedStruct("EndOfTurnPredicted", { at, probability: Schema.Finite }),

  Schema.TaggedStruct("SpeechCreated", {
    at,
    speech: Schema.String,
    source: Schema.Literals(["say", "reply", "turn"]),
    /** Its audio was at hand: no synthesiser is asked. */
    clip: Schema.optionalKey(Schema.Boolean)
  }),
  Schema.TaggedStruct("AgentStartedSpeaking", { at, speech: Schema.String }),
  Schema.TaggedStruct("AgentStoppedSpeaking", {
    at,
    speech: Schema.String,
    /** Audio that was heard; what was said again counts twice. */
    playedMs: Schema.Finite,
    interrupted: Schema.Boolean
  }),
  /** Speech of the user has paused the agent; what follows decides. */
  Schema.TaggedStruct("AgentPaused", { at, speech: Schema.String }),
  /** The pause, or the interruption, had no words behind it. */
  Schema.TaggedStruct("FalseInterruption", { at, speech: Schema.String, resumed: Schema.Boolean }),
  /** The agent's words as they are heard: `text` is what has been added. */
  Schema.TaggedStruct("AgentTranscript", { at, speech: Schema.String, text: Schema.String, final: Schema.Boolean }),
  Schema.TaggedStruct("AgentSpeechCommitted", {
    at,
    speech: Schema.String,
    id: Schema.String,
    text: Schema.String,
    interrupted: Schema.Boolean,
    /** `false` where it was heard and does not enter the history. */
    recorded: Schema.optionalKey(Schema.Boolean)
  }),
  Schema.TaggedStruct("SpeechFinished", {
    at,
    speech: Schema.String,
    outcome: Schema.Literals(["completed", "interrupted", "failed", "discarded"]),
    /** Why nothing, or not all, of it was heard, where that is not the user's doing. */
    reason: Schema.optionalKey(SpeechReason)
  }),
  /** The model has given nothing that can be heard. With `retried` it is asked once more. */
  Schema.TaggedStruct("ReplyEmpty", { at, speech: Schema.String, reason: EmptyReason, retried: Schema.Boolean }),

  Schema.TaggedStruct("FunctionCallStarted", {
    at,
    speech: Schema.String,
    id: Schema.String,
    name: Schema.String,
    providerExecuted
  }),
  /** A result that the tool gives before its last one. */
  Schema.TaggedStruct("FunctionCallProgressed", {
    at,
    speech: Schema.String,
    id: Schema.String,
    name: Schema.String,
    result: Schema.Unknown
  }),
  Schema.TaggedStruct("FunctionCallsFinished", { at, speech: Schema.String, calls: Schema.Array(FunctionCall) }),

  /**
   * What became of a result that came after its reply: a speech has told it, the
   * caller has cut it short twice or the model has nothing to say of it, or the
   * session has ended before it was told.
   */
  Schema.TaggedStruct("ResultSettled", {
    at,
    id: Schema.String,
    name: Schema.String,
    fate: Schema.Literals(["told", "superseded", "orphaned"]),
    speech: Schema.optionalKey(Schema.String)
  }),

  /** A `CallState` has another value than before; as JSON. */
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
  /** A provider is asked again within one request: `attempt` is 1 for the second attempt, `reason` why the one before failed. */
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
   * Nothing has mended it: the caller hears an apology, and the session ends.
   * `cause` is too many failures in a row, too many of the kind in the window,
   * or one that leaves no conversation.
   */
  Schema.TaggedStruct("Escalated", {
    at,
    level: Schema.Literal("critical"),
    component: Component,
    cause: Schema.Literals(["consecutive", "window", "fatal"]),
    failures: Schema.Int
  }),
  /** What a provider was used for: see `Cost.Usage`. `cost` where it has a price. */
  Schema.TaggedStruct("UsageMeasured", { at, ...Cost.Usage.fields, cost: Schema.optionalKey(Schema.Finite) }),
  /** `warning` is for the operator; from `economy` on nothing is made in advance; at `end` the agent says goodbye. */
  Schema.TaggedStruct("BudgetReached", {
    at,
    stage: Schema.Literals(["warning", "economy", "end"]),
    unit: Cost.Unit,
    spent: Schema.Finite,
    limit: Schema.Finite
  }),
  /** Something the operator should know of, in words without content. */
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
