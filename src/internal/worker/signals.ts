/**
 * A worker that listens to the signals of its process: the first drains it, the second ends its calls now. Where nothing
 * is left to end in good order, the next signal ends the process as it does by default: what hangs cannot hold it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Worker } from "../../Worker.ts"

// The last is of a terminal that is closed.
const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const

/** Until it has ended; a signal while it is being made ends it, too. */
export const untilSignalled = <E, E2>(
  make: Effect.Effect<
    {
      readonly drain: () => ReturnType<Worker["drain"]>
      readonly stop: Effect.Effect<void>
      readonly ended: Effect.Effect<void, E2>
    },
    E,
    Scope.Scope
  >
): Effect.Effect<void, E | E2> =>
  Effect.gen(function*() {
    const first = yield* Deferred.make<void>()
    const second = yield* Deferred.make<void>()
    let isMade = false
    const deafen = (): void => {
      for (const signal of signals) process.off(signal, listener)
    }
    const listener = (): void => {
      const isFirst = !Deferred.isDoneUnsafe(first)
      if (!isFirst || !isMade) deafen()
      Deferred.doneUnsafe(isFirst ? first : second, Effect.void)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        for (const signal of signals) process.on(signal, listener)
      }),
      () => Effect.sync(deafen)
    )
    const worker = yield* Effect.raceFirst(make, Effect.as(Deferred.await(first), undefined))
    if (worker === undefined) return
    isMade = true
    yield* Effect.forkScoped(Effect.andThen(Deferred.await(first), worker.drain()))
    yield* Effect.forkScoped(Effect.andThen(Deferred.await(second), worker.stop))
    yield* Effect.ensuring(worker.ended, Effect.sync(deafen))
  }).pipe(Effect.scoped)
