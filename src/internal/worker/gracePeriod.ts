/** Grace periods: waits for steps that may never end. A step that does not end in time is left behind, and logged. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { logFailure } from "./failureLog.ts"

/**
 * A limit that can be cut short for all who wait: "end now".
 *
 * What is cut short has `hurried` milliseconds from then on.
 */
export interface GracePeriod {
  readonly hurry: Effect.Effect<void>
  readonly runOut: (ms: number) => Effect.Effect<void>
}

const hurried = 1000

export const makeGracePeriod = (): GracePeriod => {
  const now = Deferred.makeUnsafe<void>()
  return {
    hurry: Effect.asVoid(Deferred.succeed(now, undefined)),
    runOut: (ms) =>
      Effect.raceFirst(
        Effect.sleep(ms),
        Effect.andThen(Deferred.await(now), Effect.sleep(Math.min(ms, hurried)))
      )
  }
}

/** Waits for a fiber; none when the time is over, and then the fiber is left behind, interrupted. */
export const settle = <A, E>(
  fiber: Fiber.Fiber<A, E>,
  ms: number,
  gracePeriod: GracePeriod
): Effect.Effect<Option.Option<Exit.Exit<A, E>>> =>
  Effect.raceFirst(
    Effect.asSome(Fiber.await(fiber)),
    Effect.as(gracePeriod.runOut(ms), Option.none<Exit.Exit<A, E>>())
  ).pipe(
    Effect.tap((exit) => Option.isNone(exit) ? Effect.sync(() => fiber.interruptUnsafe()) : Effect.void)
  )

/** Runs to the end or to the end of the time, whatever it does; whoever waits no longer leaves it behind, interrupted. */
export const bounded = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  ms: number,
  gracePeriod: GracePeriod
): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> =>
  Effect.flatMap(
    Effect.forkDetach(effect, { startImmediately: true }),
    (fiber) => Effect.onInterrupt(settle(fiber, ms, gracePeriod), () => Effect.sync(() => fiber.interruptUnsafe()))
  )

/** The same for what is done at the end of something: what goes wrong with it is logged, and holds nothing up. */
export const tidyUp = (
  what: string,
  effect: Effect.Effect<unknown, unknown>,
  ms: number,
  gracePeriod: GracePeriod
): Effect.Effect<void> =>
  Effect.flatMap(bounded(effect, ms, gracePeriod), (exit) => {
    if (Option.isNone(exit)) {
      return Effect.annotateLogs(Effect.logWarning("left behind"), { step: what, afterMs: ms })
    }
    return Exit.isFailure(exit.value) ? logFailure("failed", exit.value.cause, { step: what }) : Effect.void
  })
