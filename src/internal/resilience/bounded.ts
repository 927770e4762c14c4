/** Providers that hang in spite of an interruption, or while they hang up: nobody waits for them for long. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** How long a provider may take to hang up (ms). What takes longer is left behind. */
const hangUpMs = 1000

/** Waits for the end of what was interrupted, though not for long. */
export const settled = (fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> =>
  Effect.suspend(() =>
    fiber.pollUnsafe() === undefined
      ? Effect.asVoid(Effect.timeoutOption(Fiber.await(fiber), hangUpMs))
      : Effect.void
  )

/** A scope for what a provider opens, within another one: closing it takes no longer than a moment. */
export interface Own {
  readonly scope: Scope.Scope
  readonly close: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
  readonly isOpen: () => boolean
}

export const own = (parent: Scope.Scope): Effect.Effect<Own> =>
  Effect.gen(function*() {
    const handle = yield* Scope.fork(parent)
    const scope = yield* Scope.make()
    yield* Scope.addFinalizerExit(handle, (exit) =>
      Effect.flatMap(Effect.forkDetach(Scope.close(scope, exit), { startImmediately: true }), settled))
    return {
      scope,
      close: (exit) =>
        Scope.close(handle, exit),
      isOpen: () => handle.state._tag !== "Closed"
    }
  })

/**
 * Does the work unless `overdue` fails first, which then interrupts it. An
 * interruption in what this gives is one by which the work has ended itself.
 */
export const unless = <A, E, R, E2, R2>(
  overdue: Effect.Effect<never, E2, R2>,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | E2, R | R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDetach(work, { startImmediately: true }),
      (working): Effect.Effect<A, E | E2, R2> =>
        // What is at hand needs no timer.
        working.pollUnsafe() ?? Effect.flatMap(Effect.forkDetach(overdue, { startImmediately: true }), (timer) => {
          const first = Deferred.makeUnsafe<A, E | E2>()
          timer.addObserver((exit) => Deferred.doneUnsafe(first, exit))
          working.addObserver((exit) => Deferred.doneUnsafe(first, exit))
          return Effect.onExit(restore(Deferred.await(first)), () => {
            timer.interruptUnsafe()
            working.interruptUnsafe()
            return settled(working)
          })
        })
    )
  )
