/** Things that happen at set times of the Clock. */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { TestClock } from "effect/testing/TestClock"
import * as Failure from "../Failure.ts"

export interface Timed<A> {
  /** Milliseconds after the stream was opened. */
  readonly at: number
  readonly value: A
}

/** What comes after the last item: the end, a failure, or nothing ever. */
export type Ending = "end" | "hang" | Failure.Reason

/** Whether whoever waits must move the Clock. */
export const isTestClock = (clock: Clock.Clock): clock is TestClock => "adjust" in clock && "setTime" in clock

export const sleepUntil = (at: number): Effect.Effect<void> =>
  Clock.clockWith((clock) => {
    const left = at - clock.currentTimeMillisUnsafe()
    return left > 0 ? clock.sleep(Duration.millis(left)) : Effect.void
  })

/** Sleeps until a time that may move on meanwhile. */
export const untilPast = (at: () => number): Effect.Effect<void> =>
  Effect.flatMap(
    Clock.currentTimeMillis,
    (now) => now >= at() ? Effect.void : Effect.andThen(sleepUntil(at()), untilPast(at))
  )

/** The reason of an option that may be just `true`. */
export const reasonOf = (fail: Failure.Reason | true): Failure.Reason =>
  fail === true ? new Failure.Disconnected({}) : fail

/** Gives each item at its time, items of one time together, and then what `ending` says. */
export const timed = <A, E>(
  items: ReadonlyArray<Timed<A>>,
  end: { readonly at: number; readonly ending: Ending },
  error: (reason: Failure.Reason) => E
): Stream.Stream<A, Pull.ExcludeDone<E>> => {
  const finish: Effect.Effect<never, E | Cause.Done> = end.ending === "end"
    ? Cause.done()
    : end.ending === "hang"
    ? Effect.never
    : Effect.fail(error(end.ending))
  return Stream.fromPull(Effect.map(Clock.currentTimeMillis, (opened) => {
    let next = 0
    return Effect.suspend((): Effect.Effect<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done> => {
      const first = items[next]
      if (first === undefined) return Effect.andThen(sleepUntil(opened + end.at), finish)
      const together: Arr.NonEmptyArray<A> = [first.value]
      for (next++; next < items.length && items[next]!.at === first.at; next++) together.push(items[next]!.value)
      return Effect.as(sleepUntil(opened + first.at), together)
    })
  }))
}
