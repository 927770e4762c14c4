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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.ts"
import type * as ConversationEvent from "./Event.ts"
import type { History } from "./History.ts"
import type { Event, Participant, Track } from "./internal/room/event.ts"
import type {
  ByteMessage,
  SendOptions,
  TextMessage,
  TextOptions,
  TranscriptionSegment
} from "./internal/room/messages.ts"
import type { Set as ToolSet } from "./Tools.ts"

export type { CallStatus, Event, LeaveReason, Participant, Track } from "./internal/room/event.ts"
export type {
  ByteMessage,
  SendOptions,
  TextMessage,
  TextOptions,
  TranscriptionSegment
} from "./internal/room/messages.ts"

/**
 * Text that is being sent on a topic, piece by piece: the receivers see it grow.
 *
 * **Details**
 *
 * `close` ends it, as does the scope in which it was opened; what is written
 * afterwards fails with `PublishFailed`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextWriter {
  readonly streamId: string
  readonly write: (text: string) => Effect.Effect<void, RoomError>
  readonly close: Effect.Effect<void>
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
  | "room_deleted"
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
    "Unavailable",
    "ConnectFailed",
    "Disconnected",
    "UnknownParticipant",
    "PublishFailed",
    "SendFailed",
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
 * - `gain` sets the level (dB, 0 is as it was written) of all that is heard from
 *   now on, what is queued included. Where a room has none, a conversation hands
 *   over its audio a fifth of a second ahead, at the level that it shall have.
 * - `played` is the audio heard since the output was opened, in milliseconds; it
 *   never falls, and what was cleared never counts.
 * - `drained` waits until everything written was heard or cleared, also what is
 *   written while it waits; a pause holds it up.
 * - `sid` is the track as others know it: another one when the room has been
 *   joined again.
 * - `subscribed` waits until somebody receives the track; at once from then on.
 * - Closing the scope clears, and takes the track away.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output extends Audio.Format {
  readonly write: (frames: ReadonlyArray<Audio.Frame>) => Effect.Effect<void, RoomError>
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  readonly clear: Effect.Effect<void>
  readonly gain?: ((dB: number) => Effect.Effect<void>) | undefined
  readonly played: Effect.Effect<number>
  readonly drained: Effect.Effect<void>
  readonly sid: Effect.Effect<string>
  readonly subscribed: Effect.Effect<void>
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
 * What the room sees of a conversation in it: enough to show it to those who
 * look on, and to pass on what they ask for. A `Session` is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  readonly id: string
  /** What is known of the job. */
  readonly job: Readonly<Record<string, string>>
  readonly participant: Effect.Effect<Participant | undefined>
  /** Sid of the agent's track. */
  readonly track: Effect.Effect<string>
  readonly state: Effect.Effect<{
    readonly agent: ConversationEvent.AgentState
    readonly user: ConversationEvent.UserState
    readonly status: "starting" | "open" | "draining" | "closed"
  }>
  /** Name of the agent. */
  readonly agent: Effect.Effect<string>
  readonly instructions: Effect.Effect<string>
  readonly tools: Effect.Effect<ToolSet<unknown>>
  readonly history: Effect.Effect<History>
  /** From the next event on, until the conversation ends. */
  readonly events: Stream.Stream<ConversationEvent.Event>
  /** A turn that somebody has typed; `false` where the conversation is over. */
  readonly send: (text: string) => Effect.Effect<boolean>
  /** Detaches and attaches the microphone. */
  readonly listen: (on: boolean) => Effect.Effect<void>
  /** Ends it; with `drain`, when all that waits has been said. */
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Effect.Effect<void>
}

/**
 * Service that is the room.
 *
 * **Details**
 *
 * `events` replays nothing; `participants` is who is there now. `audio` is the
 * microphone of one participant, from now on, until they leave or the scope of
 * the stream closes; its buffer is bounded and drops the oldest audio, whose
 * time `Frame.at` still counts. The format is a wish: a room that can convert
 * natively grants it, another gives what it has. It fails with
 * `UnknownParticipant` for someone who is not there. `texts` and `bytes` must be
 * subscribed before the sender sends. These streams miss nothing from when they
 * run: fork them with `startImmediately`, or their fiber is not there yet.
 *
 * A listener of messages who lags behind loses the oldest beyond 4,096 of them, or
 * 32 MiB.
 *
 * `tracks` is what a participant publishes, and `subscribe` whether the agent
 * receives one of them; microphones are received unless the room was told
 * otherwise. What a room cannot do fails with `Unsupported`.
 *
 * `remove` takes a participant out of the room, which ends the line of one at a
 * telephone; a room that does not have it, or may not, cannot. Nothing happens to
 * who is not there.
 *
 * `attach` is what the room does for each conversation in it, such as serving
 * those who look on: given the room as the conversation sees it, once everything
 * is ready and before the first event; undone by closing the scope, after the
 * last.
 *
 * `ended` waits for the end of the room. Then every stream ends, and everything
 * else fails with `Disconnected`.
 *
 * @category services
 * @since 0.1.0
 */
export class Room extends Context.Service<Room, {
  readonly name: string
  /** The agent's own. */
  readonly identity: string
  readonly participants: Effect.Effect<ReadonlyArray<Participant>>
  readonly events: Stream.Stream<Event>
  readonly audio: (identity: string, format?: Audio.Format) => Stream.Stream<Audio.Frame, RoomError>
  readonly tracks: (identity: string) => Effect.Effect<ReadonlyArray<Track>, RoomError>
  readonly subscribe: (options: {
    readonly identity: string
    readonly sid: string
    readonly subscribed: boolean
  }) => Effect.Effect<void, RoomError>
  readonly output: (options?: OutputOptions) => Effect.Effect<Output, RoomError, Scope.Scope>
  readonly sendText: (options: TextOptions & { readonly text: string }) => Effect.Effect<void, RoomError>
  readonly openText: (options: TextOptions) => Effect.Effect<TextWriter, RoomError, Scope.Scope>
  readonly texts: (topic: string) => Stream.Stream<TextMessage>
  readonly sendBytes: (
    options: SendOptions & {
      readonly bytes: Uint8Array
      /** @default the topic */
      readonly name?: string | undefined
      /** @default "application/octet-stream" */
      readonly mimeType?: string | undefined
    }
  ) => Effect.Effect<void, RoomError>
  readonly bytes: (topic: string) => Stream.Stream<ByteMessage>
  /** The packets that came before text streams: `sid` is the track that was transcribed. */
  readonly publishTranscription: (options: {
    readonly identity: string
    readonly sid: string
    readonly segments: ReadonlyArray<TranscriptionSegment>
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
    /** Longest time for the answer. @default "15 seconds" */
    readonly timeout?: Duration.Input | undefined
  }) => Effect.Effect<string, RoomError>
  readonly handle: (
    method: string,
    handler: (call: { readonly identity: string; readonly payload: string }) => Effect.Effect<string, RoomError>
  ) => Effect.Effect<void, RoomError, Scope.Scope>
  readonly setAttributes: (attributes: Readonly<Record<string, string>>) => Effect.Effect<void, RoomError>
  readonly remove?: ((identity: string) => Effect.Effect<void, RoomError>) | undefined
  readonly attach?:
    | ((conversation: Conversation) => Effect.Effect<void, RoomError, Room | Scope.Scope>)
    | undefined
  readonly ended: Effect.Effect<EndReason>
  readonly leave: Effect.Effect<void>
}>()("effect-voice/Room") {}

/**
 * The microphone of a participant in the room of the context, from now on, until
 * they leave. Each stream of it has a buffer of its own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const audio = (identity: string, format?: Audio.Format): Stream.Stream<Audio.Frame, RoomError, Room> =>
  Stream.unwrap(Room.useSync((room) => room.audio(identity, format)))

/**
 * Plays a stream of audio to the room of the context, on a track of its own, and
 * returns when all of it was heard.
 *
 * **Details**
 *
 * The audio may have any format. The stream is pulled as fast as the room takes
 * it. Interrupted, or where the stream fails, the room falls silent at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const play: {
  (
    options?: OutputOptions
  ): <E, R>(audio: Stream.Stream<Audio.Frame, E, R>) => Effect.Effect<void, E | RoomError, R | Room>
  <E, R>(audio: Stream.Stream<Audio.Frame, E, R>, options?: OutputOptions): Effect.Effect<void, E | RoomError, R | Room>
} = dual(
  (args) => Stream.isStream(args[0]),
  <E, R>(
    audio: Stream.Stream<Audio.Frame, E, R>,
    options?: OutputOptions
  ): Effect.Effect<void, E | RoomError, R | Room> =>
    Effect.scoped(Effect.gen(function*() {
      const room = yield* Room
      const output = yield* room.output(options)
      yield* Stream.runForEachArray(Audio.resample(audio, output), output.write)
      yield* output.drained
    }))
)
