/** Tells those who try an agent out how long each of its turns took. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Room } from "../Room.ts"

/** Text topic on which a turn is told, as JSON. */
export const topic = "effect-voice.turn"

/** A room that also tells the latency of each turn on `topic`. */
export const withTurns = (room: Room["Service"]): Room["Service"] => ({
  ...room,
  attach: (session) =>
    Effect.andThen(
      room.attach?.(session) ?? Effect.void,
      session.events.pipe(
        Stream.runForEach((event) => {
          if (event._tag !== "TurnMeasured") return Effect.void
          const { total, turn } = event.record
          return Effect.ignore(room.sendText({ topic, text: JSON.stringify({ turn, totalMs: total }) }))
        }),
        Effect.forkScoped({ startImmediately: true }),
        Effect.asVoid
      )
    )
})
