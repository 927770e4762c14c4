/**
 * Writes one recording while its conversation goes on. What happens is queued
 * at once and written by a fiber of its own; a disk that refuses is tried again,
 * and what does not fit into the queue meanwhile is counted, not kept.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Audio from "../../Audio.ts"
import type { Source } from "../../Recorder.ts"
import type { Item, Sealer, Sound } from "./format.ts"

/** Where the bytes go: at a place, so that what was written in part is written again. */
export interface Sink {
  readonly write: (bytes: Uint8Array, position: number) => Effect.Effect<void, string>
  readonly sync: Effect.Effect<void, string>
}

export interface Writer {
  readonly put: (item: Exclude<Item, Sound>) => void
  readonly hear: (source: Source, at: number, frames: ReadonlyArray<Audio.Frame>) => void
}

/** Records that wait for the disk. Half an hour of talk has as many. */
const mostEntries = 4096
/** Audio that waits for the disk, both sides together. */
const mostAudioMs = 20_000
/** Audio is sealed in pieces of this length. */
const pieceMs = 1000
/** Audio that comes this much beside its time goes on; what is further off begins anew at its own. */
const jitterMs = 100
const retryMs = 1000
/** What a disk that refuses has at the end. */
const closingMs = 2500

export const failures = Metric.counter("agent_recorder_failures_total", {
  description: "Recordings that could not be opened, or written for a while",
  incremental: true
})

interface Piece {
  readonly at: number
  readonly frames: Array<Audio.Frame>
  ms: number
}

export const makeWriter = (
  sink: Sink,
  sealer: Sealer,
  now: () => number
): Effect.Effect<Writer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue: Array<Item> = []
    const pieces = new Map<Source, Piece>()
    const wake = Latch.makeUnsafe(false)
    let closed = false
    let queuedAudioMs = 0
    let lost = { entries: 0, audioMs: 0 }
    let position = 0
    /** Sealed, and not written yet: a number is used once. */
    let sealed: Uint8Array = sealer.header
    let refused = false

    const cut = (source: Source): void => {
      const piece = pieces.get(source)
      if (piece === undefined) return
      pieces.delete(source)
      if (queuedAudioMs + piece.ms > mostAudioMs) {
        lost.audioMs += piece.ms
        return
      }
      queuedAudioMs += piece.ms
      queue.push({ _tag: "Audio", at: piece.at, source, frame: Audio.concat(piece.frames) })
      wake.openUnsafe()
    }

    const hear: Writer["hear"] = (source, at, frames) => {
      let next = at
      for (const frame of frames) {
        const before = pieces.get(source)
        const [first] = before?.frames ?? []
        const goesOn = before !== undefined && first !== undefined &&
          Math.abs(before.at + before.ms - next) <= jitterMs &&
          first.sampleRate === frame.sampleRate && first.channels === frame.channels
        if (!goesOn) cut(source)
        const piece = goesOn ? before : { at: next, frames: [], ms: 0 }
        const ms = Audio.durationMs(frame)
        piece.frames.push(frame)
        piece.ms += ms
        next += ms
        pieces.set(source, piece)
        if (piece.ms >= pieceMs) cut(source)
      }
    }

    const put: Writer["put"] = (item) => {
      // The last word always fits.
      if (queue.length >= mostEntries && item._tag !== "Closed") {
        lost.entries++
        return
      }
      queue.push(item)
      wake.openUnsafe()
    }

    const seal = (item: Item): ReadonlyArray<Uint8Array> => {
      try {
        return [sealer.record(item)]
      } catch {
        // One that is not what it should be must not cost those after it.
        lost.entries++
        return []
      }
    }

    /** Turns what waits into bytes. */
    const collect = (): void => {
      const items = queue.splice(0)
      queuedAudioMs = 0
      const last = items.at(-1)?._tag === "Closed" ? items.splice(-1) : []
      const records = items.flatMap(seal)
      if (lost.entries > 0 || lost.audioMs > 0) {
        records.push(sealer.record({ _tag: "Lost", at: now(), ...lost }))
        lost = { entries: 0, audioMs: 0 }
      }
      sealed = Buffer.concat([...records, ...last.flatMap(seal)])
    }

    const complain = (code: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (refused) return Effect.void
        refused = true
        return Effect.andThen(
          Metric.update(failures, 1),
          Effect.annotateLogs(Effect.logError("the recording cannot be written, and is tried again"), { code })
        )
      })

    const writing = Effect.gen(function*() {
      while (true) {
        if (sealed.length === 0) {
          if (queue.length === 0) {
            if (closed) return
            wake.closeUnsafe()
            yield* wake.await
          }
          collect()
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
          for (const source of pieces.keys()) cut(source)
          closed = true
          wake.openUnsafe()
          const done = yield* Effect.timeoutOption(Fiber.await(fiber), closingMs)
          yield* Fiber.interrupt(fiber)
          if (Option.isNone(done)) yield* Effect.logError("the recording ends before the conversation has")
          yield* Effect.ignore(sink.sync)
        })
    )
    return { put, hear }
  })
