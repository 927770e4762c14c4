/** The two sides between a transport and its room. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Audio from "../../Audio.ts"
import type { ByteMessage, EndReason, LeaveReason, Participant, Room, RoomError, TextMessage } from "../../Room.ts"
import type { Newcomer, Sent } from "./control.ts"

/**
 * The functions that a transport calls to tell its room what happens.
 *
 * **Details**
 *
 * All functions are synchronous. Calls about a participant who is not there, and calls after the
 * end, have no effect.
 *
 * - `joined` replaces a participant with the same identity.
 * - `audio`: frames of any format. `at` is the stream time (ms) since they joined; without it they
 *   follow the frame before them. A gap in the times is lost audio. A malformed frame is left out,
 *   with one warning.
 * - `played`: how far the agent was heard, as the position (ms) that came with a frame to
 *   `Outgoing.play`; for a room whose `playhead` is `reported`. A report about frames from before a
 *   `clear` is ignored.
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
 * The functions of a transport that its room calls.
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
 * If a transport leaves a function out, the room fails there with `Unsupported`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing {
  readonly play: (frame: Audio.Frame, position: number) => void
  readonly clear: () => void
  /** Waits until the transport can take more. The room calls it before each frame. @default at once */
  readonly ready?: Effect.Effect<void> | undefined
  /** Texts, bytes, data, transcriptions, keys and attributes. */
  readonly send?: ((message: Sent) => Effect.Effect<void, RoomError>) | undefined
  /** Calls a method of a participant. The room waits for the answer no longer than its caller asked for. */
  readonly call?:
    | ((call: {
      readonly identity: string
      readonly method: string
      readonly payload: string
    }) => Effect.Effect<string, RoomError>)
    | undefined
  /** Ends the connection or the line of a participant; then they have gone. */
  readonly remove?: ((identity: string) => Effect.Effect<void, RoomError>) | undefined
  /**
   * Gives the line of a participant to a number (`+4930123456`) or an address (`sip:desk@example.com`), and
   * returns when it has gone there; then they have left.
   */
  readonly transfer?: ((identity: string, to: string) => Effect.Effect<void, RoomError>) | undefined
}

/**
 * Options of `make`.
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
  /** Format of the frames that `play` gets: 8 to 192 kHz, at most 2 channels. @default 24 kHz mono */
  readonly format?: Audio.Format | undefined
  /** Length of the frames that `play` gets, 10 to 100 ms. @default "20 millis" */
  readonly frame?: Duration.Input | undefined
  /** How far ahead of what is heard frames are given, 20 ms to 5 s. @default "200 millis" */
  readonly ahead?: Duration.Input | undefined
  /**
   * How the room knows what was heard. `clock`: the transport plays each frame when it gets it.
   * `reported`: the transport calls `Incoming.played`, at least every 300 ms of playing.
   *
   * @default "clock"
   */
  readonly playhead?: "clock" | "reported" | undefined
  /** Audio that a slow listener may lag behind; older audio is dropped. 0.1 to 60 s. @default "2 seconds" */
  readonly audioBuffer?: Duration.Input | undefined
  /** What the room does for each conversation in it, as `Frontend.attach`. @default nothing */
  readonly attach?: Room["Service"]["attach"]
}
