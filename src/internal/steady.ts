/**
 * Lengths of time. They are measured by the Clock's monotonic time: a corrected
 * wall clock lengthens and shortens no wait. Its zero means nothing; what is
 * shown to others as a time is the wall clock's.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Milliseconds of a Clock's monotonic time. */
export const monotonicMs = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

/** Milliseconds of the monotonic time. */
export const monotonic: Effect.Effect<number> = Clock.clockWith((clock) => Effect.sync(() => monotonicMs(clock)))

/** The Clock's time, advancing with its monotonic time: a corrected wall clock moves no deadline. */
export const steadyClock: Effect.Effect<() => number> = Effect.map(Clock.Clock, (clock) => {
  const wall = clock.currentTimeMillisUnsafe()
  const origin = clock.monotonicTimeNanosUnsafe()
  return () => wall + Number(clock.monotonicTimeNanosUnsafe() - origin) / 1_000_000
})

/** A sleep that takes this much longer is the process's own fault: it stood still (ms). */
const punctual = 1000

/** Sleeps, and tells for how long the process stood still in the meantime (ms, 0 as a rule). */
export const oversleep = (ms: number): Effect.Effect<number> =>
  Effect.flatMap(monotonic, (from) =>
    Effect.andThen(
      Effect.sleep(ms),
      Effect.map(monotonic, (to) => {
        const late = to - from - ms
        return late > punctual ? late : 0
      })
    ))

/** Waits for so long, and for what `spared` tells of the time since then: that does not count (ms). */
export const sleepBut = (ms: number, spared: Effect.Effect<number>): Effect.Effect<void> => {
  const wait = (left: number, granted: number): Effect.Effect<void> =>
    Effect.andThen(
      Effect.sleep(left),
      Effect.flatMap(spared, (all) => all > granted ? wait(all - granted, all) : Effect.void)
    )
  return wait(ms, 0)
}

/** Waits until the process was awake for so long: what it has missed while it stood still can be made up for. */
export const awake = (ms: number): Effect.Effect<void> =>
  ms <= 0
    ? Effect.void
    : Effect.flatMap(
      oversleep(Math.min(ms, punctual)),
      (overslept) => awake(overslept > 0 ? ms : ms - punctual)
    )
