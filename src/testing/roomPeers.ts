/** The other side of a room, and what a room is held to with it. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Room from "../Room.ts"

/**
 * The other side of a room, so that the room can be held to its contract.
 *
 * **Details**
 *
 * What a room cannot carry is left out, and not checked. `join` returns when the
 * room has seen it, `leave` too.
 *
 * @category room
 * @since 0.1.0
 */
export interface RoomPeers {
  readonly join: (identity: string) => Effect.Effect<void, Room.RoomError>
  readonly leave: (identity: string) => Effect.Effect<void, Room.RoomError>
  /** Makes 100 ms of a loud voice arrive; the contract lets the time pass. */
  readonly talk: (identity: string) => Effect.Effect<void, Room.RoomError>
  readonly mute?: ((identity: string, muted: boolean) => Effect.Effect<void, Room.RoomError>) | undefined
  readonly sendText?:
    | ((message: {
      readonly identity: string
      readonly topic: string
      readonly text: string
    }) => Effect.Effect<void, Room.RoomError>)
    | undefined
  /** A participant calls a method of the agent. */
  readonly call?:
    | ((call: {
      readonly identity: string
      readonly method: string
      readonly payload: string
    }) => Effect.Effect<string, Room.RoomError>)
    | undefined
  /** Ends the room from outside. */
  readonly disconnect: (reason: Room.EndReason) => Effect.Effect<void, Room.RoomError>
  /** Everything that is open for the agent, added up. @default not looked at */
  readonly open?: Effect.Effect<number> | undefined
}

/**
 * How time passes for a room, and what it carries.
 *
 * @category room
 * @since 0.1.0
 */
export interface RoomContractOptions {
  /** Lets time pass. @default the test clock's */
  readonly pass?: ((duration: Duration.Input) => Effect.Effect<void>) | undefined
  /** Milliseconds by which a time may differ. @default 0 */
  readonly tolerance?: number | undefined
  /** Longest time until something has come over from the other side. @default "100 millis" */
  readonly delay?: Duration.Input | undefined
  /** A room of several people; a telephone line has one. @default true */
  readonly crowd?: boolean | undefined
  /**
   * Of a line, the identity of its one participant: they are there from the
   * beginning, and the room is over when they leave. `join` is not asked then.
   *
   * @default whoever is there has joined
   */
  readonly line?: string | undefined
  /** What the other side can end the room with. @default "removed" */
  readonly ending?: Room.EndReason | undefined
}

/**
 * One thing that a room keeps.
 *
 * @category room
 * @since 0.1.0
 */
export interface RoomCheck {
  /** A sentence about behaviour. */
  readonly sentence: string
  /** Breaks with an `AssertionError` where the room does not keep it. */
  readonly holds: (
    room: Room.Room["Service"],
    peers: RoomPeers
  ) => Effect.Effect<void, unknown, Scope.Scope>
}
