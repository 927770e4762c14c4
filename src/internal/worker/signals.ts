/** A worker that listens to the signals of its process: the first drains it, the second ends it now. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Worker } from "../../Worker.ts"

const signals = ["SIGTERM", "SIGINT"] as const

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
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const listener = (): void => {
          if (!Deferred.isDoneUnsafe(first)) Deferred.doneUnsafe(first, Effect.void)
          else Deferred.doneUnsafe(second, Effect.void)
        }
        for (const signal of signals) process.on(signal, listener)
        return listener
      }),
      (listener) =>
        Effect.sync(() => {
          for (const signal of signals) process.off(signal, listener)
        })
    )
    const worker = yield* Effect.raceFirst(make, Effect.as(Deferred.await(first), undefined))
    if (worker === undefined) return
    yield* Effect.forkScoped(Effect.andThen(Deferred.await(first), worker.drain()))
    yield* Effect.forkScoped(Effect.andThen(Deferred.await(second), worker.stop))
    yield* worker.ended
  }).pipe(Effect.scoped)
