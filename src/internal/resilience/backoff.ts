/** Whether there is another attempt, and the wait before it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import { monotonic, steadyClock } from "../steady.ts"
import { isUnavailable, retryAfterMs } from "./errors.ts"
import type { Settings } from "./policy.ts"

/**
 * Budget of retries: waits before the next one and says whether there is one.
 * `until` is when the deadline runs out (monotonic ms), where it is running.
 * A provider that asks for more time than the deadline leaves is not waited for,
 * and neither is an open circuit breaker: another provider may be asked meanwhile.
 */
export const backoff = (
  settings: Settings | undefined
): Effect.Effect<(error: unknown, until?: number) => Effect.Effect<boolean>> => {
  if (settings === undefined) return Effect.succeed(() => Effect.succeed(false))
  return Effect.zipWith(Schedule.toStep(settings.schedule), steadyClock, (step, epoch) => {
    let left = settings.retries
    return (error, until = Number.POSITIVE_INFINITY) =>
      Effect.suspend(() => {
        const asked = retryAfterMs(error)
        if (isUnavailable(error) || left <= 0 || asked >= settings.firstOutputMs) return Effect.succeed(false)
        left--
        return Effect.flatMap(monotonic, (now) =>
          Pull.matchEffect(step(epoch(), error), {
            onSuccess: ([, delay]) =>
              asked > 0 && now + asked >= until
                ? Effect.succeed(false)
                : Effect.as(Effect.sleep(Math.max(asked, Duration.toMillis(delay))), true),
            onFailure: () => Effect.succeed(false),
            onDone: () => Effect.succeed(false)
          }))
      })
  })
}
