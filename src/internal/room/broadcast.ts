/**
 * One publisher, many subscribers, each with a bounded buffer of its own that
 * drops the oldest: a slow subscriber loses, nobody waits.
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

export const makeBroadcast = <A>(capacity: number): Broadcast<A> => {
  const queues = new Set<Queue.Queue<A, Cause.Done>>()
  let ended = false
  return {
    publish: (value) => {
      for (const queue of queues) Queue.offerUnsafe(queue, value)
    },
    subscribe: Effect.map(
      Effect.acquireRelease(
        Effect.map(Queue.sliding<A, Cause.Done>(capacity), (queue) => {
          if (ended) Queue.endUnsafe(queue)
          else queues.add(queue)
          return queue
        }),
        (queue) =>
          Effect.sync(() => {
            queues.delete(queue)
          })
      ),
      Stream.fromQueue
    ),
    end: () => {
      ended = true
      for (const queue of queues) Queue.endUnsafe(queue)
      queues.clear()
    },
    subscribers: () => queues.size
  }
}
