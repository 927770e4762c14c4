/**
 * The number of native calls that run now, for clocks that must not move on meanwhile. It is one
 * number for the process. Each call that enters it also leaves it, interrupted or not.
 */
import * as Effect from "effect/Effect"

let calls = 0

/**
 * Calls into native code that have not answered yet, in the whole process.
 *
 * A clock that follows the audio must not move on while one is out.
 */
export const pending = (): number => calls

/** Counts one call more; to be followed by exactly one `leave`. */
export const enter = (): void => {
  calls++
}

export const leave = (): void => {
  calls--
}

/** Counts the effect as one pending call for as long as it runs. */
export const track = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(Effect.sync(enter), () => effect, () => Effect.sync(leave))
