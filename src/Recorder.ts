/**
 * A record of a conversation, for audits: persons and times, tool calls and their results.
 *
 * A session is recorded only if a `Recorder` is among its services; `Layers/FileRecorder` writes
 * encrypted files. The record contains no words or audio unless `Content` asks for them.
 *
 * Recording stands beside the conversation and never holds it up. A session
 * whose recording cannot be opened goes on, and that is logged as an error.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Audio from "./Audio.ts"
import * as Event from "./Event.ts"
import { InvalidOptions } from "./Failure.ts"
import { SetAside } from "./internal/history/aside.ts"
import * as internal from "./internal/recorder/entries.ts"

const at = Schema.Finite
const participant = Schema.optionalKey(Schema.String)

/**
 * Schema of an entry.
 *
 * **Details**
 *
 * `at` is milliseconds since 1970. `Opened` is the first and `Closed` the last:
 * a record without it was cut off. A tool that was started and has not finished
 * was running then. `Lost` says how much could not be kept before it, as when the
 * disk was full. `text` is there with `Content.transcript`, `params`, `result`
 * and `value` with `Content.tools`, `key` with `Content.transcript`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Entry = Schema.Union([
  Schema.TaggedStruct("Opened", {
    at,
    session: Schema.String,
    room: Schema.String,
    agent: Schema.String,
    /** Facts about the job, its `id` among them. */
    job: Schema.Record(Schema.String, Schema.String)
  }),
  Schema.TaggedStruct("Joined", { at, agent: Schema.optionalKey(Schema.String), participant }),
  Schema.TaggedStruct("UserTurn", {
    at,
    turn: Schema.Int,
    source: Schema.Literals(["voice", "text", "manual"]),
    participant,
    text: Schema.optionalKey(Schema.String)
  }),
  /** Words that were no turn, and why. */
  Schema.TaggedStruct("UserAside", { at, reason: SetAside, participant, text: Schema.optionalKey(Schema.String) }),
  Schema.TaggedStruct("KeyPressed", { at, participant, key: Schema.optionalKey(Schema.String) }),
  Schema.TaggedStruct("AgentSpeech", {
    at,
    speech: Schema.String,
    interrupted: Schema.Boolean,
    text: Schema.optionalKey(Schema.String)
  }),
  Schema.TaggedStruct("ToolStarted", { at, speech: Schema.String, id: Schema.String, name: Schema.String }),
  Schema.TaggedStruct("ToolFinished", {
    at,
    speech: Schema.String,
    id: Schema.String,
    name: Schema.String,
    failed: Schema.Boolean,
    params: Schema.optionalKey(Schema.Unknown),
    result: Schema.optionalKey(Schema.Unknown)
  }),
  Schema.TaggedStruct("CallStateChanged", { at, name: Schema.String, value: Schema.optionalKey(Schema.Json) }),
  Schema.TaggedStruct("AgentChanged", { at, from: Schema.optionalKey(Schema.String), to: Schema.String }),
  Schema.TaggedStruct("ProviderFailed", {
    at,
    component: Event.Component,
    provider: Schema.String,
    reason: Schema.String,
    recovered: Schema.Boolean
  }),
  Schema.TaggedStruct("Escalated", { at, component: Event.Component, cause: Schema.String }),
  Schema.TaggedStruct("BudgetReached", { at, stage: Schema.String, unit: Schema.String }),
  Schema.TaggedStruct("Lost", { at, entries: Schema.Int, audioMs: Schema.Finite }),
  Schema.TaggedStruct("Closed", { at, reason: Event.CloseReason })
]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * Something that a record holds.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = typeof Entry.Type

/**
 * Whose audio: the participant's microphone, or the agent's as it was heard.
 *
 * @category models
 * @since 0.1.0
 */
export type Source = "user" | "agent"

/**
 * Which content is recorded, in addition to persons, times and results.
 *
 * @category options
 * @since 0.1.0
 */
export interface Content {
  /** The words of both sides, and the keys that were pressed. @default false */
  readonly transcript?: boolean | undefined
  /** The parameters and results of tools, and the values of a `CallState`. @default false */
  readonly tools?: boolean | undefined
  /** Audio of both sides. @default false */
  readonly audio?: boolean | undefined
}

/**
 * The session that is to be recorded, when it is opened.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly session: string
  readonly room: string
  readonly agent: string
  readonly job: Readonly<Record<string, string>>
}

/**
 * The record of one session while it goes on.
 *
 * **Details**
 *
 * `event` gets every event when it happens. `audio` gets frames that began `at` milliseconds since
 * 1970, in order for each source. Both must return at once and must not throw. Without `audio`, no
 * audio is collected. Closing its scope writes the rest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  readonly event: (event: Event.Event) => void
  readonly audio?: ((source: Source, at: number, frames: ReadonlyArray<Audio.Frame>) => void) | undefined
}

/**
 * The system refuses; `code` is its reason, such as `ENOSPC`.
 *
 * @category errors
 * @since 0.1.0
 */
export class FileFailed extends Schema.TaggedError<FileFailed>("effect-voice/Recorder/FileFailed")("FileFailed", {
  file: Schema.String,
  doing: Schema.Literals(["write", "read", "remove"]),
  code: Schema.String
}) {
  override get message(): string {
    const what = this.doing !== "read"
      ? undefined
      : this.code === "EISDIR"
      ? "it is a folder: FileRecorder.list gives the files in it"
      : this.code === "ENOENT"
      ? "there is no such file: FileRecorder.list gives those that there are"
      : undefined
    return `cannot ${this.doing} ${this.file} (${this.code}): ${
      what ?? "check the folder of the recordings, its owner and its disk"
    }`
  }
}

/**
 * The file was written with another key.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongKey extends Schema.TaggedError<WrongKey>("effect-voice/Recorder/WrongKey")("WrongKey", {
  file: Schema.String
}) {
  override get message(): string {
    return `${this.file} was written with another key: give the one that was in use then, or all of them`
  }
}

/**
 * No recording, or one that was changed after it was written. `at` is the byte
 * from which on it cannot be trusted.
 *
 * @category errors
 * @since 0.1.0
 */
export class Damaged extends Schema.TaggedError<Damaged>("effect-voice/Recorder/Damaged")("Damaged", {
  file: Schema.String,
  at: Schema.Int
}) {
  override get message(): string {
    return this.at === 0
      ? `${this.file} is no recording of this version`
      : `${this.file} was changed or damaged: what comes after byte ${this.at} cannot be trusted`
  }
}

/**
 * Why something could not be recorded, or a recording not be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class RecorderError extends Schema.TaggedError<RecorderError>("effect-voice/Recorder/RecorderError")(
  "RecorderError",
  { reason: Schema.Union([InvalidOptions, FileFailed, WrongKey, Damaged]) }
) {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * Service that records sessions.
 *
 * @category services
 * @since 0.1.0
 */
export class Recorder extends Context.Service<Recorder, {
  readonly open: (about: About) => Effect.Effect<Recording, RecorderError, Scope.Scope>
}>()("effect-voice/Recorder") {}

/**
 * Gives the entries of a record for an event. Most events give none.
 *
 * **When to use**
 *
 * Use in a `Recorder` of your own, to keep the same as `Layers/FileRecorder`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const entries: (event: Event.Event, content?: Content) => ReadonlyArray<Entry> = internal.entries
