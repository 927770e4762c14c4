/**
 * The room as a session uses it. A program's own room may throw where a room must never fail. This
 * is reported, and the conversation goes on.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Room from "../../Room.ts"
import { defectName } from "../resilience/errors.ts"
import { refuse, type RoomError } from "../room/errors.ts"

const nameOf = (cause: Cause.Cause<unknown>): string => {
  const death = cause.reasons.find(Cause.isDieReason)
  return death === undefined ? "nothing" : defectName(death.defect)
}

/** Of what may fail: it has failed. Who asks is told by that. */
const failing = <A, E, R>(what: string, ask: () => Effect.Effect<A, E, R>): Effect.Effect<A, E | RoomError, R> =>
  Effect.catchCause(
    Effect.suspend(ask),
    (cause): Effect.Effect<never, E | RoomError> =>
      Cause.hasDies(cause) && !Cause.hasInterrupts(cause)
        ? Effect.fail(refuse("Unavailable", `${what}: the room broke: ${nameOf(cause)}`))
        : Effect.failCause(cause)
  )

/** An output whose playhead is a number, and stands where it stood when it is none. */
const soundOutput = (output: Room.Output): Room.Output => {
  let last = 0
  return {
    ...output,
    played: Effect.map(output.played, (played) => {
      if (Number.isFinite(played)) last = played
      return last
    })
  }
}

export const soundRoom = (
  room: Room.Room["Service"],
  broke: (cause: Cause.Cause<unknown>) => void
): Room.Room["Service"] => {
  const without = <A>(otherwise: A) => (cause: Cause.Cause<unknown>): Effect.Effect<A> => {
    if (!Cause.hasDies(cause) || Cause.hasInterrupts(cause)) return Effect.failCause(cause as Cause.Cause<never>)
    return Effect.sync(() => {
      broke(cause)
      return otherwise
    })
  }
  return {
    ...room,
    participants: Effect.catchCause(
      Effect.map(
        Effect.suspend(() => room.participants),
        // What is no list has nobody in it.
        (all) => Array.isArray(all) ? all : []
      ),
      without<ReadonlyArray<Room.Participant>>([])
    ),
    tracks: (identity) => failing("tracks", () => room.tracks(identity)),
    texts: (topic) =>
      Stream.suspend(() => room.texts(topic)).pipe(
        Stream.filter((message) => typeof message?.text === "string"),
        Stream.catchCause((cause) => Stream.fromEffectDrain(without(undefined)(cause)))
      ),
    output: (options) =>
      failing("output", () =>
        Effect.flatMap(room.output(options), (output) =>
          output === undefined
            ? Effect.fail(refuse("Unavailable", "output: the room gave none"))
            : Effect.succeed(soundOutput(output))))
  }
}
