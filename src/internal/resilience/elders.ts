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
    Effect.suspend(() =>
      this.#running.size === 0 && !Deferred.isDoneUnsafe(this.#answer) ? work : Effect.raceFirst(this.answer, work)
    )

  /**
   * Waits for an attempt as long as its timer lets it. One that the timer gives a
   * failure for has hung, and is handed over; where the timer itself fails, the
   * time for all is over. Then, and where it is beaten by an elder or interrupted,
   * the attempt is ended.
   */
  readonly hear = <R, R2>(
    attempt: Own,
    timer: Effect.Effect<E, E, R2>,
    work: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R | R2> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function*() {
        const timing = yield* Effect.forkDetach(timer, { startImmediately: true })
        const working = yield* Effect.forkDetach(work, { startImmediately: true })
        const first = Deferred.makeUnsafe<A, E>()
        timing.addObserver((exit) =>
          Deferred.doneUnsafe(first, Exit.isSuccess(exit) ? Exit.fail(exit.value) : Exit.failCause(exit.cause))
        )
        working.addObserver((exit) => Deferred.doneUnsafe(first, exit))
        return yield* Effect.onExit(restore(this.beside(Deferred.await(first))), (exit) => {
          const hung = Exit.isFailure(exit) && timing.pollUnsafe()?._tag === "Success"
          timing.interruptUnsafe()
          if (hung && working.pollUnsafe() === undefined) {
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
