/**
 * Watches the processes of a pool: one that uses too much memory is replaced, one
 * that does not answer is killed. A watcher that stood still itself has heard
 * nobody, and asks before it kills.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { oversleep } from "../steady.ts"
import type { Child } from "./childHandle.ts"
import * as metrics from "./metrics.ts"
import type { PoolSettings } from "./options.ts"

const megabyte = 1024 * 1024
const watchInterval = 1000
/** A process that says nothing for this long will not come back (ms). */
const silentMs = 60_000
/** What a process has to answer before it is killed for its silence (ms). */
const answerMs = 1000

/** For how long a pool bears with its processes (ms): tests of real ones wait less. */
export const Patience: Context.Reference<{
  /** One that is silent for this long is given no job. */
  readonly silence: number
  /** What those that are asked to hurry have, unless they are silent. */
  readonly hurry: number
  /** What one has to become ready, beside what its layer and prewarm have. */
  readonly start: number
}> = Context.Reference("effect-voice/internal/worker/Patience", {
  defaultValue: () => ({ silence: 5000, hurry: 10_000, start: 5000 })
})

/** Says of which process something is told. */
export const about = (child: Child, effect: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.annotateLogs(effect, {
      child: child.slot,
      jobs: child.jobs.size,
      memoryMb: Math.round(child.usage.memoryBytes / megabyte)
    })
  )

const kill = (child: Child, why: string): Effect.Effect<void> =>
  Effect.andThen(
    about(child, Effect.logError(`a process of the pool is killed: ${why}`)),
    Effect.sync(() => child.kill())
  )

export const killUnlessItAnswers = (child: Child): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { heard } = child
    child.send({ _tag: "Ping" })
    return Effect.flatMap(oversleep(answerMs), (overslept) => {
      if (child.heard > heard || child.state === "gone") return Effect.void
      return overslept > 0 ? killUnlessItAnswers(child) : kill(child, "it does not answer")
    })
  })

export const measure = (child: Child): Effect.Effect<void> =>
  metrics.child(child.slot, { ...child.usage, jobs: child.jobs.size })

/** Watches one process until it is interrupted, or has killed it. */
export const watch = (
  child: Child,
  { memoryLimit, memoryWarning }: Pick<PoolSettings, "memoryLimit" | "memoryWarning">
): Effect.Effect<never> => {
  let warned = false
  const look = Effect.gen(function*() {
    const mb = child.usage.memoryBytes / megabyte
    yield* measure(child)
    if (child.silence >= silentMs) return yield* killUnlessItAnswers(child)
    if (mb >= memoryLimit * 1.25) return yield* kill(child, "its memory is far beyond the limit")
    if (mb >= memoryLimit && child.state === "ready") {
      yield* metrics.replaced("limit")
      yield* about(child, Effect.logWarning("a process of the pool is replaced: its memory is beyond the limit"))
      child.retire()
    } else if (mb >= memoryWarning && !warned) {
      warned = true
      yield* about(child, Effect.logWarning("a process of the pool uses much memory"))
    }
  })
  return Effect.forever(Effect.flatMap(oversleep(watchInterval), (overslept) => {
    child.excuse(overslept)
    return look
  }))
}
