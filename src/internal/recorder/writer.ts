/**
 * Writes one recording while its conversation goes on. Events enter a queue at once, and a fiber of
 * its own writes them. If the disk refuses, it tries again; items that do not fit into the queue
 * meanwhile, or while it is slow, are counted and lost. The end waits for no disk.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import type { Source } from "../../Recorder.ts"
import type { Item, Sealer, Sound } from "./format.ts"
import { RecordQueue } from "./recordQueue.ts"

/** Where the bytes go: at a place, so that what was written in part is written again. */
export interface Sink {
  readonly write: (bytes: Uint8Array, position: number) => Effect.Effect<void, string>
  /** Fails where nobody will find what was written. */
  readonly sync: Effect.Effect<void, string>
}

export interface Writer {
  readonly put: (item: Exclude<Item, Sound>) => void
  readonly hear: (source: Source, at: number, frames: ReadonlyArray<Audio.Frame>) => void
}

const retryMs = 1000
/** What a disk that refuses or does not answer has at the end, to write and to keep what was written. */
export const closingMs = 2500

export const failures = Metric.counter("agent_recorder_failures_total", {
  description: "Recordings that could not be opened or kept, or written for a while",
  incremental: true
})

export const makeWriter = (
  sink: Sink,
  sealer: Sealer,
  now: () => number
): Effect.Effect<Writer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue = new RecordQueue(sealer, now)
    let position = 0
    /** Sealed, and not written yet: a number is used once. */
    let sealed: Uint8Array = sealer.header
    let refused = false

    const tell = (message: string, about: Readonly<Record<string, string>> = {}): Effect.Effect<void> =>
      Effect.andThen(Metric.update(failures, 1), Effect.annotateLogs(Effect.logError(message), about))

    const complain = (code: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (refused) return Effect.void
        refused = true
        return tell("the recording cannot be written, and is tried again", { code })
      })

    const writing = Effect.gen(function*() {
      while (true) {
        if (sealed.length === 0) {
          if (queue.isEmpty) {
            if (queue.isClosed) return
            yield* queue.arrived
          }
          sealed = queue.take()
        }
        const written = yield* Effect.result(sink.write(sealed, position))
        if (written._tag === "Success") {
          position += sealed.length
          sealed = new Uint8Array(0)
          refused = false
        } else {
          yield* complain(written.failure)
          yield* Effect.sleep(retryMs)
        }
      }
    })

    yield* Effect.acquireRelease(
      Effect.forkDetach(writing, { startImmediately: true }),
      (fiber) =>
        Effect.gen(function*() {
          queue.close()
          const inTime = Effect.timeoutOption(closingMs)
          const done = yield* inTime(Fiber.await(fiber))
          yield* Fiber.interrupt(fiber)
          if (Option.isNone(done)) yield* Effect.logError("the recording ends before the conversation has")
          const kept = yield* inTime(Effect.interruptible(Effect.result(sink.sync)))
          const code = Option.isNone(kept) ? "ETIMEDOUT" : Result.isFailure(kept.value) ? kept.value.failure : undefined
          if (code !== undefined) yield* tell("the recording may be lost: the disk has not kept it", { code })
        })
    )
    // A disk that refuses has been told of by then.
    yield* Effect.forkScoped(
      queue.losing.pipe(
        Effect.andThen(Effect.sleep(retryMs)),
        Effect.andThen(
          Effect.suspend(() => refused ? Effect.void : tell("not all is recorded: Lost in the recording says how much"))
        )
      ),
      { startImmediately: true }
    )
    return {
      put: (item) => queue.put(item),
      hear: (source, at, frames) => queue.hear(source, at, frames)
    }
  })
