/** A conversation that whoever started it ends with Ctrl-C, in good order. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import process from "node:process"

// The last is of a terminal that is closed.
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** Runs until it ends, or the first signal, which interrupts it. A second one ends the process as it does by default. */
export const untilSignal = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A | void, E, R> =>
  Effect.scoped(Effect.gen(function*() {
    const asked = yield* Deferred.make<void>()
    const listener = (): void => {
      for (const signal of signals) process.off(signal, listener)
      Deferred.doneUnsafe(asked, Effect.void)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        for (const signal of signals) process.on(signal, listener)
      }),
      () =>
        Effect.sync(() => {
          for (const signal of signals) process.off(signal, listener)
        })
    )
    return yield* Effect.raceFirst(effect, Deferred.await(asked))
  }))
