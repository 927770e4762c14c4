/** Controls an in-memory room from outside. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type { EndReason, LeaveReason, Participant, RoomError, TranscriptionSegment } from "../../Room.ts"

/**
 * Who joins; the kind is `standard` unless told otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export interface Newcomer {
  readonly identity: string
  readonly name?: string | undefined
  readonly kind?: Participant["kind"] | undefined
  readonly direction?: Participant["direction"]
  readonly metadata?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** Without a microphone they only watch and type. @default true */
  readonly microphone?: boolean | undefined
  /** Announces a recording of what was said before the agent came. @default false */
  readonly preconnect?: boolean | undefined
}

/**
 * Something that the agent sent, in the order in which it was sent.
 *
 * @category models
 * @since 0.1.0
 */
export type Sent =
  | {
    readonly _tag: "Text"
    readonly topic: string
    readonly text: string
    readonly attributes: Readonly<Record<string, string>>
    readonly to?: ReadonlyArray<string> | undefined
    readonly as?: string | undefined
    readonly streamId?: string | undefined
  }
  | {
    readonly _tag: "TextOpened"
    readonly streamId: string
    readonly topic: string
    readonly attributes: Readonly<Record<string, string>>
    readonly to?: ReadonlyArray<string> | undefined
    readonly as?: string | undefined
  }
  | { readonly _tag: "TextWritten"; readonly streamId: string; readonly text: string }
  | { readonly _tag: "TextClosed"; readonly streamId: string }
  | {
    readonly _tag: "Bytes"
    readonly topic: string
    readonly bytes: Uint8Array
    readonly attributes: Readonly<Record<string, string>>
    readonly name?: string | undefined
    readonly mimeType?: string | undefined
    readonly to?: ReadonlyArray<string> | undefined
  }
  | {
    readonly _tag: "Transcription"
    readonly identity: string
    readonly sid: string
    readonly segments: ReadonlyArray<TranscriptionSegment>
  }
  | {
    readonly _tag: "Data"
    readonly topic: string
    readonly payload: Uint8Array
    readonly reliable: boolean
    readonly to?: ReadonlyArray<string> | undefined
  }
  | { readonly _tag: "Dtmf"; readonly digits: string }
  | { readonly _tag: "Attributes"; readonly attributes: Readonly<Record<string, string>> }

/**
 * A track of the agent, open or closed.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputView extends Audio.Format {
  readonly name: string
  readonly isOpen: Effect.Effect<boolean>
  readonly isPlaying: Effect.Effect<boolean>
  /** Milliseconds that were heard. */
  readonly played: Effect.Effect<number>
  /** What was heard, with milliseconds since the room began. Empty unless the room keeps it. */
  readonly heard: Effect.Effect<ReadonlyArray<{ readonly at: number; readonly frame: Audio.Frame }>>
}

/** A part of the room that can be made to fail. */
export type Part = "output" | "audio" | "send" | "rpc"

/**
 * Controls a virtual room from outside, for tests: participants come, go, speak and send; parts
 * fail; and it shows what the agent has sent and played.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoomControl {
  /** Fails when the identity is already there. */
  readonly join: (participant: Newcomer) => Effect.Effect<void, RoomError>
  /** @default they `left` */
  readonly leave: (identity: string, reason?: LeaveReason) => Effect.Effect<void>
  /** Microphone audio, delivered now. Frames without `at` follow the frame before them. */
  readonly feed: (identity: string, frames: ReadonlyArray<Audio.Frame>) => Effect.Effect<void, RoomError>
  /** A muted microphone delivers nothing; its stream time passes. */
  readonly mute: (identity: string, muted: boolean) => Effect.Effect<void, RoomError>
  readonly setAttributes: (
    identity: string,
    attributes: Readonly<Record<string, string>>
  ) => Effect.Effect<void, RoomError>
  readonly sendText: (message: {
    readonly identity: string
    readonly topic: string
    readonly text: string
    readonly attributes?: Readonly<Record<string, string>> | undefined
  }) => Effect.Effect<void, RoomError>
  readonly sendBytes: (message: {
    readonly identity: string
    readonly topic: string
    readonly bytes: Uint8Array
    readonly name?: string | undefined
    readonly mimeType?: string | undefined
    readonly attributes?: Readonly<Record<string, string>> | undefined
  }) => Effect.Effect<void, RoomError>
  readonly sendData: (message: {
    readonly identity?: string | undefined
    readonly topic: string
    readonly payload: Uint8Array
  }) => Effect.Effect<void>
  /** One event a digit. */
  readonly sendDtmf: (identity: string, digits: string) => Effect.Effect<void, RoomError>
  /** A participant calls a method of the agent. */
  readonly call: (call: {
    readonly identity: string
    readonly method: string
    readonly payload: string
  }) => Effect.Effect<string, RoomError>
  /** Lets a participant answer calls of the agent, until the scope closes. */
  readonly handle: (
    identity: string,
    method: string,
    handler: (payload: string) => Effect.Effect<string, RoomError>
  ) => Effect.Effect<void, RoomError, Scope.Scope>
  /** What the agent sent: the newest 10,000. */
  readonly sent: Effect.Effect<ReadonlyArray<Sent>>
  /** What the agent sends from now on. */
  readonly sends: Stream.Stream<Sent>
  /** The agent's own attributes. */
  readonly attributes: Effect.Effect<Readonly<Record<string, string>>>
  /** Every track that the agent has opened, oldest first: the newest 1,000. */
  readonly outputs: Effect.Effect<ReadonlyArray<OutputView>>
  /** Waits until the agent is heard; at once while it is. */
  readonly agentSpeaking: Effect.Effect<void>
  /** Waits until nothing of the agent is left to be heard; at once while it is silent. */
  readonly agentSilent: Effect.Effect<void>
  /** Milliseconds of a participant's audio for which subscribers were too slow. */
  readonly dropped: (identity: string) => Effect.Effect<number, RoomError>
  /** What is open now: zero everywhere once the agent has gone. */
  readonly open: Effect.Effect<{
    readonly events: number
    readonly texts: number
    readonly bytes: number
    readonly audio: number
    readonly outputs: number
    readonly handlers: number
  }>
  readonly connection: (state: "connected" | "reconnecting") => Effect.Effect<void>
  /** Ends the room. */
  readonly disconnect: (reason: EndReason) => Effect.Effect<void>
  /** Makes a part fail until it is mended: writes and opening of outputs, microphones, sending, calls. */
  readonly fail: (part: Part, error: RoomError) => Effect.Effect<void>
  readonly mend: (part: Part) => Effect.Effect<void>
}
