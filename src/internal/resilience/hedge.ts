/** Two providers at a time where the first is late; the first useful output interrupts the other. */
import type * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Failure from "../../Failure.ts"
import { failureOf, type ProviderError } from "./errors.ts"
import { type Candidate, exhausted, type Lost } from "./failover.ts"
import { firstOutput, resume } from "./firstOutput.ts"

type Live<A, E, R> = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>

/**
 * Asks the first provider, and the next one too when that one is late or has
 * failed. The first useful output wins; nobody waits for the others to hang up.
 * A failure that is not the provider's `own` passes at once.
 */
export const hedged = <A, E, R>(options: {
  readonly candidates: ReadonlyArray<Candidate<A, E, R>>
  readonly afterMs: number
  readonly own: (error: E) => ProviderError | undefined
  readonly error: (reason: Failure.Reason) => E
}): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.map(Effect.scope, (scope) => {
    const { afterMs, candidates, error, own } = options
    const won = Deferred.makeUnsafe<Live<A, E, R>, E>()
    const lost: Array<Lost> = []
    const running = new Set<Fiber.Fiber<void>>()
    let asked = 0

    const attempt = (candidate: Candidate<A, E, R>): Effect.Effect<void, never, R> =>
      Effect.flatMap(Scope.fork(scope), (mine) =>
        Effect.flatMap(
          Effect.exit(Effect.onInterrupt(firstOutput(candidate, mine), () => Scope.close(mine, Exit.void))),
          (exit): Effect.Effect<void, never, R> => {
            if (Exit.isSuccess(exit)) {
              return Deferred.doneUnsafe(won, Effect.succeed(resume(exit.value, candidate)))
                ? Effect.void
                : Scope.close(mine, exit)
            }
            const failure = own(failureOf(exit.cause, candidate.error))
            const next = Effect.suspend(() => {
              if (failure === undefined) {
                Deferred.doneUnsafe(won, Effect.failCause(exit.cause))
                return Effect.void
              }
              lost.push({ name: candidate.name, error: failure })
              if (lost.length < candidates.length) return ask
              Deferred.doneUnsafe(won, Effect.fail(error(exhausted(lost))))
              return Effect.void
            })
            return Effect.andThen(Scope.close(mine, exit), next)
          }
        ))

    const ask: Effect.Effect<void, never, R> = Effect.suspend(() => {
      const candidate = candidates[asked]
      if (candidate === undefined) return Effect.void
      const number = ++asked
      const late = (candidate.begun ?? Effect.void).pipe(
        Effect.andThen(Effect.sleep(afterMs)),
        // One that has failed meanwhile has had the next one asked already.
        Effect.andThen(Effect.suspend(() => asked === number ? ask : Effect.void))
      )
      return Effect.andThen(employ(attempt(candidate)), number < candidates.length ? employ(late) : Effect.void)
    })

    const employ = (work: Effect.Effect<void, never, R>): Effect.Effect<void, never, R> =>
      Effect.map(Effect.forkIn(work, scope, { startImmediately: true }), (fiber) => {
        running.add(fiber)
        fiber.addObserver(() => running.delete(fiber))
      })

    const start = Effect.gen(function*() {
      yield* ask
      const live = yield* Effect.exit(Deferred.await(won))
      for (const fiber of running) fiber.interruptUnsafe()
      return yield* live
    })
    let live: Live<A, E, R> | undefined
    const pull: Live<A, E, R> = Effect.suspend(() => live ?? Effect.flatMap(start, (started) => live = started))
    return Stream.fromPull(Effect.succeed(pull))
  }))
