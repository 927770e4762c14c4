/** A room with another loudspeaker. */
import { Effect, Layer } from "effect"
import { Room } from "effect-voice"

/** The room that is there, with an output that is changed. */
export const withOutput = (change: (output: Room.Output) => Partial<Room.Output>) =>
  Layer.effect(
    Room.Room,
    Room.Room.useSync((room) =>
      Room.Room.of({
        ...room,
        output: (options) => Effect.map(room.output(options), (output) => ({ ...output, ...change(output) }))
      })
    )
  )
