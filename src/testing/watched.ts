/** How a call of a scripted provider ended: to its end, failed, or because nobody wanted it any more. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * How a call of a scripted provider went on.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallEnd {
  /** Clock time (ms) of the first output; `undefined` before it. */
  readonly firstOutputAt: number | undefined
  /** Clock time (ms); `undefined` while it goes on. */
  readonly endedAt: number | undefined
  /** `cancelled`: whoever had asked did not want the rest. `undefined` while it goes on. */
  readonly outcome: "completed" | "failed" | "cancelled" | undefined
}

export type Journal = { -readonly [Key in keyof CallEnd]: CallEnd[Key] }

export const journal = (): Journal => ({ firstOutputAt: undefined, endedAt: undefined, outcome: undefined })

/** Notes in a journal what becomes of a stream. `isLast` knows the item after which nothing is owed. */
export const watched =
  <A>(entry: Journal, isLast: (item: A) => boolean = () => false) =>
  <E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    Stream.unwrap(Effect.map(Clock.Clock, (clock) => {
      const over = (outcome: CallEnd["outcome"]) =>
        Effect.sync(() => {
          entry.outcome ??= outcome
          entry.endedAt ??= clock.currentTimeMillisUnsafe()
        })
      return self.pipe(
        Stream.mapArray((items) => {
          entry.firstOutputAt ??= clock.currentTimeMillisUnsafe()
          if (items.some(isLast)) {
            entry.outcome ??= "completed"
            entry.endedAt ??= clock.currentTimeMillisUnsafe()
          }
          return items
        }),
        Stream.onEnd(over("completed")),
        Stream.onError((cause) => over(Cause.hasInterruptsOnly(cause) ? "cancelled" : "failed")),
        Stream.onExit(() => over("cancelled"))
      )
    }))
