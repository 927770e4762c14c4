/**
 * The room where the conversation happens: who is there, what they say, and
 * where the agent's voice goes.
 *
 * A narrow port. `Layers/LocalRoom` implements it over files and streams,
 * `testing` over the test clock, a LiveKit layer over WebRTC. Everything that
 * is opened here belongs to the scope in which it was opened.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Audio from "./Audio.ts"

/**
 * Someone in the room, other than the agent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Participant {
  readonly identity: string
  readonly name?: string | undefined
  readonly kind: "standard" | "sip" | "agent" | "other"
  /** Of a telephone call (`sip`): who has called whom, seen from the agent. */
  readonly direction?: "inbound" | "outbound" | undefined
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * Something that happened in the room.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "ParticipantJoined"; readonly participant: Participant }
  | { readonly _tag: "ParticipantLeft"; readonly identity: string }
  | {
    readonly _tag: "AttributesChanged"
    readonly identity: string
    readonly attributes: Readonly<Record<string, string>>
  }
  | {
    readonly _tag: "Data"
    readonly identity?: string | undefined
    readonly topic: string
    readonly payload: Uint8Array
  }
  | { readonly _tag: "Dtmf"; readonly identity: string; readonly digit: string }
  | { readonly _tag: "Connection"; readonly state: "connected" | "reconnecting" | "disconnected" }

/**
 * Text that a participant sent on a topic.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextMessage {
  readonly identity: string
  readonly topic: string
  readonly text: string
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * Why the room has ended for the agent.
 *
 * @category models
 * @since 0.1.0
 */
export type EndReason =
  | "left"
  | "room_closed"
  | "removed"
  | "duplicate_identity"
  | "connection_lost"
  | "server_shutdown"

/**
 * What went wrong with the room.
 *
 * @category errors
 * @since 0.1.0
 */
export class RoomError extends Schema.TaggedError<RoomError>("effect-voice/Room/RoomError")("RoomError", {
  reason: Schema.Literals([
    "ConnectFailed",
    "Disconnected",
    "UnknownParticipant",
    "PublishFailed",
    "InvalidOption",
    "Unsupported",
    "RpcFailed",
    "FileUnreadable",
    "FileUnwritable"
  ]),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * The agent's loudspeaker in the room: one published track.
 *
 * **Details**
 *
 * - `write` hands over frames in the track's format and returns when there is
 *   room for more; at once while the queue is short. Another format is refused
 *   with `InvalidOption`.
 * - `pause` keeps what is queued and goes silent at once; `resume` goes on.
 *   Writing while paused queues.
 * - `clear` drops what has not been heard yet and resumes a paused output.
 * - `played` is the audio heard since the output was opened, in milliseconds; it
 *   never falls, and what was cleared never counts.
 * - `drained` waits until everything written was heard or cleared, also what is
 *   written while it waits; a pause holds it up.
 * - Closing the scope clears.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output extends Audio.Format {
  readonly write: (frames: ReadonlyArray<Audio.Frame>) => Effect.Effect<void, RoomError>
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  readonly clear: Effect.Effect<void>
  readonly played: Effect.Effect<number>
  readonly drained: Effect.Effect<void>
}

/**
 * Options of a published track.
 *
 * @category options
 * @since 0.1.0
 */
export interface OutputOptions {
  /** Name of the track. @default "agent-audio" */
  readonly name?: string | undefined
  /** Rate in Hz. @default 24000 */
  readonly sampleRate?: number | undefined
  /** @default 1 */
  readonly channels?: number | undefined
}

/**
 * Service that is the room.
 *
 * **Details**
 *
 * `events` replays nothing; `participants` is who is there now. `audio` is the
 * microphone of one participant, from now on, until they leave or the scope of
 * the stream closes; its buffer is bounded and drops the oldest audio, whose
 * time `Frame.at` still counts. It fails with `UnknownParticipant` for someone
 * who is not there. `texts` must be subscribed before the sender sends. These
 * streams miss nothing from when they run: fork them with `startImmediately`,
 * or their fiber is not there yet.
 *
 * `ended` waits for the end of the room. Then every stream ends, and everything
 * else fails with `Disconnected`.
 *
 * @category services
 * @since 0.1.0
 */
export class Room extends Context.Service<Room, {
  readonly name: string
  readonly participants: Effect.Effect<ReadonlyArray<Participant>>
  readonly events: Stream.Stream<Event>
  readonly audio: (identity: string) => Stream.Stream<Audio.Frame, RoomError>
  readonly output: (options?: OutputOptions) => Effect.Effect<Output, RoomError, Scope.Scope>
  readonly sendText: (options: {
    readonly topic: string
    readonly text: string
    readonly attributes?: Readonly<Record<string, string>> | undefined
    readonly to?: ReadonlyArray<string> | undefined
  }) => Effect.Effect<void, RoomError>
  readonly texts: (topic: string) => Stream.Stream<TextMessage>
  readonly sendBytes: (options: {
    readonly topic: string
    readonly bytes: Uint8Array
    readonly to?: ReadonlyArray<string> | undefined
  }) => Effect.Effect<void, RoomError>
  readonly sendData: (options: {
    readonly topic: string
    readonly payload: Uint8Array
    readonly reliable?: boolean | undefined
    readonly to?: ReadonlyArray<string> | undefined
  }) => Effect.Effect<void, RoomError>
  readonly sendDtmf: (digits: string) => Effect.Effect<void, RoomError>
  readonly call: (options: {
    readonly identity: string
    readonly method: string
    readonly payload: string
  }) => Effect.Effect<string, RoomError>
  readonly handle: (
    method: string,
    handler: (call: { readonly identity: string; readonly payload: string }) => Effect.Effect<string, RoomError>
  ) => Effect.Effect<void, RoomError, Scope.Scope>
  readonly setAttributes: (attributes: Readonly<Record<string, string>>) => Effect.Effect<void, RoomError>
  readonly ended: Effect.Effect<EndReason>
  readonly leave: Effect.Effect<void>
}>()("effect-voice/Room") {}
