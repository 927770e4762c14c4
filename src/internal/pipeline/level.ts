/**
 * The level of an output in a room that cannot change it: audio is held back until it is nearly
 * due, and gets the level of that moment. If writing is interrupted, the audio that was given stays
 * in the queue, as in any room.
 */
import * as Effect from "effect/Effect"
import * as Audio from "../../Audio.ts"
import type { Output } from "../../Room.ts"

/** How far ahead of what is heard audio is handed over (ms), and in pieces of which length. */
const aheadMs = 200
const pieceMs = 100

const pieces = (frame: Audio.Frame): ReadonlyArray<Audio.Frame> =>
  Audio.durationMs(frame) <= pieceMs
    ? [frame]
    : Array.from(
      { length: Math.ceil(Audio.durationMs(frame) / pieceMs) },
      (_, i) => Audio.slice(frame, i * pieceMs, (i + 1) * pieceMs)
    )

export const withGain = (output: Output): Output => {
  if (output.gain !== undefined) return output
  let level = 0
  let written = 0
  // A room whose playhead stands still gets its audio all the same, as fast as it is heard.
  const nearlyDue: Effect.Effect<void> = Effect.flatMap(output.played, (played) => {
    const excess = written - played - aheadMs
    return excess <= 0 ? Effect.void : Effect.sleep(Math.min(excess, pieceMs))
  })
  return {
    ...output,
    gain: (dB) =>
      Effect.sync(() => {
        level = dB
      }),
    write: (frames) =>
      Effect.forEach(frames.flatMap(pieces), (frame) =>
        Effect.andThen(
          nearlyDue,
          Effect.suspend(() => {
            written += Audio.durationMs(frame)
            return output.write([Audio.gain(frame, level)])
          })
        ), { discard: true }),
    clear: Effect.andThen(
      output.clear,
      Effect.map(output.played, (played) => {
        written = played
      })
    )
  }
}
