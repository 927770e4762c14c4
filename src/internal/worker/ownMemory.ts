/**
 * The memory of the worker's own process. Nothing replaces it from within: it is told once in the
 * log that it has grown, and a worker with a `memoryLimit` drains beyond it, and ends with an
 * error, so that whoever has started it starts it again.
 */
import * as Effect from "effect/Effect"
import { memoryExceeded, type WorkerError } from "./errors.ts"
import { crowded } from "./wear.ts"

const megabyte = 1024 * 1024

export interface OwnMemoryOptions {
  /** The option (MB). */
  readonly limitMb: number | undefined
  /** What the process may use at most (bytes). */
  readonly availableBytes: number
  /** Drains, and ends with the error. */
  readonly drain: (error: WorkerError) => Effect.Effect<unknown>
}

/** What follows from what the process uses now (bytes). */
export const watchOwnMemory = ({ availableBytes, drain, limitMb }: OwnMemoryOptions) => {
  let isTold = false
  return (usedBytes: number): Effect.Effect<unknown> => {
    const beyond = limitMb === undefined ? usedBytes >= crowded * availableBytes : usedBytes >= limitMb * megabyte
    if (isTold || !beyond) return Effect.void
    isTold = true
    const memoryMb = Math.round(usedBytes / megabyte)
    if (limitMb !== undefined) {
      return Effect.logWarning("the worker drains: its memory is beyond the limit").pipe(
        Effect.annotateLogs({ memoryMb, limitMb }),
        Effect.andThen(drain(memoryExceeded({ memoryMb, limitMb })))
      )
    }
    return Effect.logWarning(
      "the worker uses much of its memory: with more it gets no calls; the option memoryLimit drains it in time, and a pool replaces its processes"
    ).pipe(Effect.annotateLogs({ memoryMb, availableMb: Math.round(availableBytes / megabyte) }))
  }
}
