/**
 * Attempts that have shown no sign of life for too long: another one has begun
 * beside them, and they are heard out. Whichever answers first counts; those that
 * are left are ended, and nobody waits for them to hang up.
 */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { type Own, settled } from "./bounded.ts"

export class Elders<A, E> {
  readonly #running = new Map<Own, Fiber.Fiber<A, E>>()
  readonly #answer = Deferred.makeUnsafe<A>()
  readonly #context: Context.Context<never>

  constructor(context: Context.Context<never>) {
    this.#context = context
  }

  /** Waits for the first answer of one of them. */
  readonly answer: Effect.Effect<A> = Effect.suspend(() => Deferred.await(this.#answer))

  /** Waits for an answer as long as there is one that may give it. */
  or<E2>(otherwise: Effect.Effect<never, E2>): Effect.Effect<A, E2> {
    const over = Effect.suspend(() => Effect.forEach([...this.#running.values()], Fiber.await, { discard: true }))
    return Effect.raceFirst(this.answer, Effect.andThen(over, otherwise))
  }

  has(attempt: Own): boolean {
    return this.#running.has(attempt)
  }

  /** Does the work, unless one of them answers first. */
  readonly beside = <B, E2, R>(work: Effect.Effect<B, E2, R>): Effect.Effect<A | B, E2, R> =>
    Effect.raceFirst(this.answer, work)

  /**
   * Waits for an attempt as long as `hung` lets it: one that it fails first is
   * handed over, and the failure is that of `hung`. One that is beaten by an
   * elder, or interrupted, is ended.
   */
  readonly hear = <R, R2>(
    attempt: Own,
    hung: Effect.Effect<never, E, R2>,
    work: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R | R2> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function*() {
        const timer = yield* Effect.forkDetach(hung, { startImmediately: true })
        const working = yield* Effect.forkDetach(work, { startImmediately: true })
        const first = Deferred.makeUnsafe<A, E>()
        timer.addObserver((exit) => Deferred.doneUnsafe(first, exit))
        working.addObserver((exit) => Deferred.doneUnsafe(first, exit))
        return yield* Effect.onExit(restore(this.beside(Deferred.await(first))), (exit) => {
          const late = Exit.isFailure(exit) && timer.pollUnsafe() !== undefined
          timer.interruptUnsafe()
          if (late && working.pollUnsafe() === undefined) {
            this.#take(attempt, working)
            return Effect.void
          }
          working.interruptUnsafe()
          return Exit.isSuccess(exit) ? Effect.void : settled(working)
        })
      })
    )

  /** Ends those that have not answered. */
  readonly end: Effect.Effect<void> = Effect.sync(() => {
    for (const fiber of this.#running.values()) fiber.interruptUnsafe()
  })

  #take(attempt: Own, fiber: Fiber.Fiber<A, E>): void {
    this.#running.set(attempt, fiber)
    fiber.addObserver((exit) => {
      this.#running.delete(attempt)
      // What has answered lives as long as whoever listens to it.
      if (Exit.isSuccess(exit) && Deferred.doneUnsafe(this.#answer, Exit.succeed(exit.value))) return
      Effect.runForkWith(this.#context)(attempt.close(exit))
    })
  }
}
