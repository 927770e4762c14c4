import * as Effect from "effect/Effect"

let calls = 0

/**
 * Calls into native code that have not answered yet, in the whole process.
 *
 * A clock that follows the audio must not move on while one is out.
 */
export const pending = (): number => calls

const enter = Effect.sync(() => {
  calls++
})

const leave = Effect.sync(() => {
  calls--
})

/** Counts the effect as one pending call for as long as it runs. */
export const track = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(enter, () => effect, () => leave)
