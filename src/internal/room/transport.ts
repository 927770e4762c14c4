/** What a transport gives a room, and what it takes of it. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Audio from "../../Audio.ts"
import type { ByteMessage, EndReason, LeaveReason, Participant, Room, RoomError, TextMessage } from "../../Room.ts"
import type { Newcomer, Sent } from "./control.ts"

/**
 * What a transport tells the room that is made of it, as it happens.
 *
 * **Details**
 *
 * All of it is synchronous and takes what comes: of somebody who is not there,
 * and after the end, nothing is heard.
 *
 * - `joined`: whoever has the identity already is replaced.
 * - `audio`: frames of any format. `at` is the stream time (ms) since they joined;
 *   without it they follow the frame before them. A gap in the times is a gap in
 *   what was heard. A frame that is none is left out, with one warning.
 * - `played`: how far the agent was heard, as the position (ms) that came with a
 *   frame to `Outgoing.play`; for a room whose `playhead` is `reported`. What is
 *   told of frames from before a `clear` is too late, and ignored.
 * - `connection`: while it is `reconnecting`, nothing is played, and what was not
 *   heard is kept for when it is back.
 * - `call` asks the agent's handler of a method.
 * - `ended` ends the room, once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Incoming {
  readonly joined: (participant: Newcomer) => void
  /** @default they `left` */
  readonly left: (identity: string, reason?: LeaveReason) => void
  readonly audio: (identity: string, frames: ReadonlyArray<Audio.Frame>) => void
  /** A muted microphone delivers nothing; its stream time passes. */
  readonly muted: (identity: string, muted: boolean) => void
  readonly text: (message: Omit<TextMessage, "attributes"> & Partial<Pick<TextMessage, "attributes">>) => void
  readonly bytes: (message: Omit<ByteMessage, "attributes"> & Partial<Pick<ByteMessage, "attributes">>) => void
  readonly data: (message: {
    readonly identity?: string | undefined
    readonly topic: string
    readonly payload: Uint8Array
  }) => void
  /** Keys of a telephone: 0 to 9, *, # and A to D. */
  readonly keys: (identity: string, digits: string) => void
  /** Lays attributes over those that they have. */
  readonly attributes: (identity: string, attributes: Participant["attributes"]) => void
  readonly call: (call: {
    readonly identity: string
    readonly method: string
    readonly payload: string
  }) => Effect.Effect<string, RoomError>
  readonly played: (position: number) => void
  readonly connection: (state: "connected" | "reconnecting") => void
  readonly ended: (reason: EndReason) => void
}

/**
 * What the room asks of its transport.
 *
 * **Details**
 *
 * `play` takes one frame of the agent's voice, in the format and of the length
 * that the room was made with, filled up with silence at an end; `position` is
 * where it ends, in ms of all that was ever given. Frames come at their pace, no
 * further `ahead` than was told. `clear` drops what was taken and not heard yet.
 * Both are synchronous: a transport that throws ends the room with
 * `connection_lost`. Several outputs are mixed before they come here.
 *
 * What a transport does not have, its room answers with `Unsupported`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing {
  readonly play: (frame: Audio.Frame, position: number) => void
  readonly clear: () => void
  /** Waits until more can be taken: asked before each frame. @default at once */
  readonly ready?: Effect.Effect<void> | undefined
  /** Texts, bytes, data, transcriptions, keys and attributes. */
  readonly send?: ((message: Sent) => Effect.Effect<void, RoomError>) | undefined
  /** Asks a participant, who answers or does not: it is waited for no longer than was asked for. */
  readonly call?:
    | ((call: {
      readonly identity: string
      readonly method: string
      readonly payload: string
    }) => Effect.Effect<string, RoomError>)
    | undefined
  /** Ends the connection or the line of a participant; then they have gone. */
  readonly remove?: ((identity: string) => Effect.Effect<void, RoomError>) | undefined
}

/**
 * What a room is made of.
 *
 * @category options
 * @since 0.1.0
 */
export interface MakeOptions<E = never, R = never> {
  /**
   * Opens the transport; called once. Closing its scope, at the end of the room,
   * closes it.
   */
  readonly open: (incoming: Incoming) => Effect.Effect<Outgoing, E, R>
  /** Name of the room. @default "room" */
  readonly name?: string | undefined
  /** The agent's identity. @default "agent" */
  readonly identity?: string | undefined
  /** Of the frames that `play` is given, 8 to 192 kHz, at most 2 channels. @default 24 kHz mono */
  readonly format?: Audio.Format | undefined
  /** Length of a frame that `play` is given, 10 to 100 ms. @default "20 millis" */
  readonly frame?: Duration.Input | undefined
  /** How far ahead of what is heard frames are given, 20 ms to 5 s. @default "200 millis" */
  readonly ahead?: Duration.Input | undefined
  /**
   * How it is known what was heard. `clock`: the transport plays as soon as it is
   * given a frame. `reported`: it tells, by `Incoming.played`, at least every
   * 300 ms of playing.
   *
   * @default "clock"
   */
  readonly playhead?: "clock" | "reported" | undefined
  /** Audio that a slow listener may lag behind; older audio is dropped. 0.1 to 60 s. @default "2 seconds" */
  readonly audioBuffer?: Duration.Input | undefined
  /** What the room does for each conversation in it, as `Frontend.attach`. @default nothing */
  readonly attach?: Room["Service"]["attach"]
}
