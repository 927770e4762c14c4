/**
 * A room in memory: what `LocalRoom` and the rooms of tests share. The agent
 * sees a `Room`, whoever plays the participants holds its `RoomControl`.
 *
 * Each part owns its state: its life, who is there, the agent's outputs, what
 * was sent. The room ends with its scope, or before, by either side; then every
 * stream ends, and what is asked of it fails.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Room, RoomError } from "../../Room.ts"
import { makeAgentSide, type Remote } from "./agentSide.ts"
import type { Newcomer, RoomControl } from "./control.ts"
import { makeControlSide } from "./controlSide.ts"
import type { Microphone } from "./microphone.ts"
import { makeParts, type Options } from "./parts.ts"

export type { Options } from "./parts.ts"

export interface MemoryRoom {
  readonly room: Room["Service"]
  readonly control: RoomControl
  /** Begins the room, as its first use does. */
  readonly start: () => void
  /** Milliseconds since the room began. */
  readonly nowUnsafe: () => number
  readonly joinUnsafe: (participant: Newcomer) => RoomError | undefined
  readonly leaveUnsafe: (identity: string) => void
  readonly microphone: (identity: string) => Microphone | undefined
  readonly agentIsSpeaking: () => boolean
  /** Hands what was heard up to now to `onHeard`. */
  readonly collectHeard: () => void
}

export const makeMemoryRoom = (
  options: Options & Pick<Remote, "transfer"> = {}
): Effect.Effect<MemoryRoom, never, Scope.Scope> =>
  Effect.gen(function*() {
    const parts = makeParts(yield* Clock.Clock, options)
    const { lifetime, outputs, participants } = parts
    yield* Effect.addFinalizer(() => Effect.sync(() => parts.end("left")))
    return {
      room: makeAgentSide(parts, options, { transfer: options.transfer }),
      control: makeControlSide(parts),
      start: lifetime.start,
      nowUnsafe: lifetime.now,
      joinUnsafe: participants.join,
      leaveUnsafe: participants.leave,
      microphone: participants.microphone,
      agentIsSpeaking: outputs.isSpeaking,
      collectHeard: outputs.collectHeard
    }
  })
