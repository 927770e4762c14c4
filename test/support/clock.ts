import { Clock, Effect } from "effect"

/** The Clock of the context, whose wall clock can be corrected, and whose process can stand still, for all that it tells. */
export const correctable = Effect.map(Clock.Clock, (inner) => {
  let wall = 0
  let frozen = 0
  const millis = () => inner.currentTimeMillisUnsafe() + wall + frozen
  const nanos = (ms: number) => BigInt(Math.round(ms * 1_000_000))
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: () => inner.currentTimeNanosUnsafe() + nanos(wall + frozen),
    currentTimeNanos: Effect.sync(() => inner.currentTimeNanosUnsafe() + nanos(wall + frozen)),
    monotonicTimeNanosUnsafe: () => inner.monotonicTimeNanosUnsafe() + nanos(frozen),
    monotonicTimeNanos: Effect.sync(() => inner.monotonicTimeNanosUnsafe() + nanos(frozen)),
    sleep: (duration) => inner.sleep(duration)
  }
  return {
    run: Effect.provideService(Clock.Clock, clock),
    /** The wall clock is corrected. */
    step: (ms: number) => {
      wall += ms
    },
    /** Time passed in which the process stood still. */
    freeze: (ms: number) => {
      frozen += ms
    }
  }
})
