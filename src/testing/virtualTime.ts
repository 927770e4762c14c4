/** A Clock that jumps to the next thing that waits. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as native from "../internal/native.ts"
import * as Check from "../internal/options.ts"
import { written } from "../internal/options/duration.ts"
import { asking, CurrentRealWaits } from "../internal/realWaits.ts"
import { makeVirtualClock } from "../internal/virtualClock.ts"

const waiting = Check.struct<NonNullable<Parameters<typeof inVirtualTime>[1]>>()({
  seed: Check.words,
  realWait: Check.duration()
})

/** Sleeps end on whole milliseconds, as real timers do, and always take at least one: so time moves on. */
const inWholeMillis = (clock: Clock.Clock): Clock.Clock => ({
  ...clock,
  sleep: (duration) => {
    const ms = Duration.toMillis(duration)
    return clock.sleep(ms > 0 && Number.isFinite(ms) ? Duration.millis(Math.max(1, Math.ceil(ms - 1e-6))) : duration)
  }
})

/**
 * Runs an effect in virtual time: the Clock begins at 0 and jumps to the next
 * thing that waits as soon as nothing else is to be done.
 *
 * @category scenario
 * @since 0.1.0
 */
export const inVirtualTime = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options: {
    /** Of `Random`, for instance the jitter of retries. @default "scenario" */
    readonly seed?: string | undefined
    /** Longest that time stands still for a plain function that awaits something real. @default 2 seconds */
    readonly realWait?: Duration.Input | undefined
  } = {}
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.scoped(Effect.gen(function*() {
    const { realWait = 2000, seed = "scenario" } = Check.readOrThrow(waiting, options)
    const hint = `raise realWait (${
      written(realWait)
    } now) if it only takes longer; set realWait: 0 if time must pass first`
    const virtual = yield* makeVirtualClock({ pending: native.pending, realWait, hint })
    return yield* effect.pipe(
      Random.withSeed(seed),
      Effect.provideService(Clock.Clock, inWholeMillis(virtual.clock)),
      Effect.provideService(Scheduler.Scheduler, virtual.scheduler),
      Effect.provideService(CurrentRealWaits, virtual.waits)
    )
  }))

const sleeping = Check.struct<{ readonly duration?: Duration.Input | undefined }>()({
  duration: Check.duration({ finite: true })
})

/**
 * Lets the time of the conversation pass in a plain function: for what stands in for a slow service. With a timer of its own,
 * a function takes no time of the conversation.
 *
 * **Example** (A calendar that needs three seconds)
 *
 * ```ts
 * import { Tools } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * const tools = Tools.functions({
 *   free_rooms: {
 *     run: async () => {
 *       await Testing.sleep("3 seconds")
 *       return 7
 *     }
 *   }
 * })
 * ```
 *
 * @category scenario
 * @since 0.1.0
 */
export const sleep = (duration: Duration.Input): Promise<void> => {
  const { duration: ms = 0 } = Check.readOrThrow(sleeping, { duration })
  return asking(Context.empty(), (context) => Effect.runPromiseWith(context)(Effect.sleep(ms)))
}
