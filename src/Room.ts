/**
 * The room of a conversation: its participants, their audio and messages, and the agent's audio
 * output.
 *
 * This is a narrow port. `Layers/LocalRoom` implements it with files and streams, `testing` with
 * virtual time, `Layers/LiveKitRoom` with WebRTC, and `make` with a transport of your own.
 * Everything that you open here belongs to the scope in which you open it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.ts"
import type * as ConversationEvent from "./Event.ts"
import type { History } from "./History.ts"
import type { RoomError } from "./internal/room/errors.ts"
import type { Event, Participant, Track } from "./internal/room/event.ts"
import { openRoom } from "./internal/room/kit.ts"
import type {
  ByteMessage,
  SendOptions,
  TextMessage,
  TextOptions,
  TranscriptionSegment
} from "./internal/room/messages.ts"
import type { MakeOptions } from "./internal/room/transport.ts"
import type { Set as ToolSet } from "./Tools.ts"

export type { Newcomer, Sent } from "./internal/room/control.ts"
export { RoomError } from "./internal/room/errors.ts"
export type { CallStatus, Event, LeaveReason, Participant, Track } from "./internal/room/event.ts"
export type {
  ByteMessage,
  SendOptions,
  TextMessage,
  TextOptions,
  TranscriptionSegment
} from "./internal/room/messages.ts"

export type { Incoming, MakeOptions, Outgoing } from "./internal/room/transport.ts"

/**
 * A text that is sent on a topic piece by piece. Receivers see it grow.
 *
 * **Details**
 *
 * `close` ends it, and so does its scope. Writing after that fails with `PublishFailed`.
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
 * An audio output of the agent: one published track.
 *
 * **Details**
 *
 * - `write` gives frames in the track's format and returns when there is space for more; while the
 *   queue is short, at once. Frames in another format fail with `InvalidOption`.
 * - `pause` goes silent at once and keeps the queue; `resume` goes on. Frames that you write
 *   meanwhile enter the queue.
 * - `clear` drops the audio that was not heard yet, and resumes a paused output.
 * - `gain` sets the level (dB, 0 means unchanged) of all audio that is heard from now on, also of
 *   the queue. If a room does not have it, the conversation itself changes the level, and writes
 *   its audio only 200 ms ahead.
 * - `played` is the audio heard since the output was opened, in milliseconds; it never decreases,
 *   and audio that was cleared never counts.
 * - `drained` waits until all audio was heard or cleared, also audio that is written meanwhile.
 *   During a pause it goes on waiting.
 * - `sid` is the id of the track for others. It changes when the room is joined again.
 * - `subscribed` waits until somebody receives the track. From then on it returns at once.
 * - Closing the scope clears the output and removes the track.
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
 * The part of a conversation that the room sees: enough to show it to spectators, and to pass on
 * their requests. A `Session` is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  readonly id: string
  /** Facts about the job. */
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
  /** The events from the next one on, until the conversation ends. */
  readonly events: Stream.Stream<ConversationEvent.Event>
  /** Makes a typed turn. It gives `false` if the conversation is over. */
  readonly send: (text: string) => Effect.Effect<boolean>
  /** Turns the microphone on or off. */
  readonly listen: (on: boolean) => Effect.Effect<void>
  /** Ends the conversation. With `drain`, it ends when everything that waits was said. */
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Effect.Effect<void>
}

/**
 * The service of the room.
 *
 * **Details**
 *
 * `events` begins with the next event; `participants` gives those who are there now. `audio` is the
 * microphone of one participant from now on, until they leave or the scope of the stream closes.
 * Its buffer is bounded and drops the oldest audio, and `Frame.at` still counts that time. The
 * format is a wish: a room that cannot convert gives its own format. It fails with
 * `UnknownParticipant` if the participant is not there. Subscribe to `texts` and `bytes` before the
 * sender sends. These streams are complete from the moment when they run: fork them with
 * `startImmediately`, so that they run at once.
 *
 * A listener of messages that falls behind by more than 4,096 messages or 32 MiB loses the oldest
 * ones.
 *
 * `tracks` gives the tracks of a participant. `subscribe` decides whether the agent receives one of
 * them; by default it receives microphones. A room fails with `Unsupported` for anything that it
 * cannot do.
 *
 * `remove` removes a participant from the room. For a telephone caller, this ends the line. It is
 * absent, or fails, if the room cannot or may not do it. It does nothing for a participant who is
 * not there.
 *
 * `transfer` gives the line of a telephone caller to a number (`+4930123456`) or an address
 * (`sip:desk@example.com`), and returns when it has gone there. Then they are no longer in the room. It is
 * absent, or fails with `Unsupported`, if the room cannot or may not do it; with `SendFailed` if it was refused.
 * `Session.transfer` uses it.
 *
 * `attach` is called for each conversation in the room, for instance to serve spectators. It gets
 * the room as the conversation sees it, when everything is ready and before the first event.
 * Closing its scope, after the last event, undoes it.
 *
 * `ended` waits for the end of the room. Then every stream ends, and everything
 * else fails with `Disconnected`.
 *
 * @category services
 * @since 0.1.0
 */
export class Room extends Context.Service<Room, {
  readonly name: string
  /** Identity of the agent. */
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
  /** Sends a transcription as an older kind of packet. `sid` is the track of that voice. */
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
  readonly transfer?: ((identity: string, to: string) => Effect.Effect<void, RoomError>) | undefined
  readonly attach?:
    | ((conversation: Conversation) => Effect.Effect<void, RoomError, Room | Scope.Scope>)
    | undefined
  readonly ended: Effect.Effect<EndReason>
  readonly leave: Effect.Effect<void>
}>()("effect-voice/Room") {}

/**
 * Makes a room of a transport: a telephone line, a socket, a pair of pipes.
 *
 * **When to use**
 *
 * Use if there is no layer for your transport. The transport reports frames, texts, keys, and who
 * comes and goes, and takes frames at their pace. Everything else is done here. Test your room with
 * `roomContract` of `effect-voice/testing`.
 *
 * **Details**
 *
 * The agent's audio waits while nobody is there or the connection is `reconnecting`. The room ends
 * with its scope, by `leave`, or by `Incoming.ended`; then the transport's scope is closed. Fails
 * if an option is wrong, or if the transport cannot be opened.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Audio, Room } from "effect-voice"
 *
 * // Somebody whose voice is a stream, and who hears the agent by a function.
 * const intercom = (voice: Stream.Stream<Audio.Frame>, hear: (frame: Audio.Frame) => void) =>
 *   Room.make({
 *     format: Audio.speech,
 *     open: (incoming) =>
 *       Effect.gen(function*() {
 *         incoming.joined({ identity: "door" })
 *         yield* voice.pipe(
 *           Stream.runForEachArray((frames) => Effect.sync(() => incoming.audio("door", frames))),
 *           Effect.andThen(Effect.sync(() => incoming.ended("room_closed"))),
 *           Effect.forkScoped
 *         )
 *         return { play: hear, clear: () => {} }
 *       })
 *   })
 * ```
 *
 * @see `Layers/LiveKitRoom`, `Layers/TwilioRoom`, `Layers/WebSocketRoom` and `Layers/LocalRoom`
 * @category constructors
 * @since 0.1.0
 */
export const make: <E = never, R = never>(
  options: MakeOptions<E, R>
) => Effect.Effect<Room["Service"], E | RoomError, Exclude<R, Scope.Scope> | Scope.Scope> = openRoom

/**
 * The microphone of a participant, in the room of the context, from now on until they leave. Each
 * stream has a buffer of its own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const audio = (identity: string, format?: Audio.Format): Stream.Stream<Audio.Frame, RoomError, Room> =>
  Stream.unwrap(Room.useSync((room) => room.audio(identity, format)))

/**
 * Plays a stream of audio in the room of the context, on a track of its own, and returns when all
 * of it was heard.
 *
 * **Details**
 *
 * The audio may have any format. The stream is pulled as fast as the room takes it. If it is
 * interrupted, or the stream fails, the output falls silent at once.
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
