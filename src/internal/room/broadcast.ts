/**
 * One publisher, many subscribers, each with a buffer of its own, bounded in
 * number and where they are weighed in size, that drops the oldest: a slow
 * subscriber loses, nobody waits.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface Broadcast<A> {
  readonly publish: (value: A) => void
  /** Nothing that is published after this effect is missed; the stream ends with the broadcast. */
  readonly subscribe: Effect.Effect<Stream.Stream<A>, never, Scope.Scope>
  readonly end: () => void
  readonly subscribers: () => number
}

/** How values are weighed, and the most that waits for one subscriber, unless it is a single value. */
export interface Weight<A> {
  readonly of: (value: A) => number
  readonly most: number
  /** What weighs no more is a fact that nothing heavier may push out: it counts in number alone. @default 0 */
  readonly light?: number | undefined
}

interface Subscriber<A> {
  readonly queue: Queue.Queue<A, Cause.Done>
  waiting: number
}

/** `onDropped` is told of what a subscriber has lost, where values are weighed. */
export const makeBroadcast = <A>(
  capacity: number,
  weight?: Weight<A>,
  onDropped: () => void = () => {}
): Broadcast<A> => {
  const subscribers = new Set<Subscriber<A>>()
  let ended = false
  const { light = 0, most = Infinity, of = () => 0 } = weight ?? {}
  const heavinessOf = (value: A): number => {
    const own = of(value)
    return own > light ? own : 0
  }
  const offer = (subscriber: Subscriber<A>, value: A): void => {
    const { queue } = subscriber
    if (weight === undefined) return void Queue.offerUnsafe(queue, value)
    const own = heavinessOf(value)
    // Where there are facts, nothing heavy pushes them out: it is left out itself.
    if (light > 0 && own > 0 && subscriber.waiting > 0 && subscriber.waiting + own > most) return onDropped()
    subscriber.waiting += own
    Queue.offerUnsafe(queue, value)
    const isTooMuch = () => Queue.sizeUnsafe(queue) > capacity || (light === 0 && subscriber.waiting > most)
    while (Queue.sizeUnsafe(queue) > 1 && isTooMuch()) {
      const oldest = Queue.takeUnsafe(queue)
      if (oldest?._tag !== "Success") return
      subscriber.waiting -= heavinessOf(oldest.value)
      onDropped()
    }
  }
  const streamOf = (subscriber: Subscriber<A>): Stream.Stream<A> =>
    weight === undefined
      ? Stream.fromQueue(subscriber.queue)
      : Stream.fromPull(Effect.succeed(Effect.map(Queue.takeAll(subscriber.queue), (values) => {
        for (const value of values) subscriber.waiting -= heavinessOf(value)
        return values
      })))
  return {
    publish: (value) => {
      for (const subscriber of subscribers) offer(subscriber, value)
    },
    subscribe: Effect.map(
      Effect.acquireRelease(
        Effect.map(
          weight === undefined ? Queue.sliding<A, Cause.Done>(capacity) : Queue.unbounded<A, Cause.Done>(),
          (queue) => {
            const subscriber: Subscriber<A> = { queue, waiting: 0 }
            if (ended) Queue.endUnsafe(queue)
            else subscribers.add(subscriber)
            return subscriber
          }
        ),
        (subscriber) =>
          Effect.sync(() => {
            subscribers.delete(subscriber)
          })
      ),
      streamOf
    ),
    end: () => {
      ended = true
      for (const { queue } of subscribers) Queue.endUnsafe(queue)
      subscribers.clear()
    },
    subscribers: () => subscribers.size
  }
}
