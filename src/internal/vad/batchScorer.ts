/**
 * One model for many streams: windows that are ready together are scored in one
 * batch.
 *
 * A batch begins as soon as the last one has ended and a window waits; nobody waits for company.
 * Each stream has one window in a batch and stands at the end of the line for its next, so that
 * none starves. An error in a batch fails only the streams in that batch.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"
import type { Scorer, VadError } from "../../Vad.ts"
import { milliseconds, now, registryOf } from "../metrics/inference.ts"
import * as series from "../metrics/series.ts"
import { detailOf } from "../modelThread.ts"
import * as native from "../native.ts"
import { formats, largestBatch, type Memory, sampleCount, type SampleRate } from "./batchMemory.ts"
import { inferenceFailed } from "./errors.ts"
import type { Thread } from "./thread.ts"
import { cellSize } from "./weights.ts"

type Answer = Effect.Effect<ReadonlyArray<number>, VadError>

type StreamScorer = Exclude<Scorer, (window: Float32Array) => number>

/** What the model remembers of one stream. */
interface Row {
  /** The last samples of the window before. */
  readonly context: Float32Array
  readonly hidden: Float32Array
  readonly cell: Float32Array
}

/** Windows of one stream that wait to be scored, one after the other. */
interface Call {
  readonly row: Row
  /** Where it is measured. */
  readonly registry: Context.Context<never>
  readonly windows: ReadonlyArray<Float32Array>
  readonly probabilities: Array<number>
  /** When the next window began to wait (ns). */
  since: bigint
  /** Where the answer goes; none once the stream has been interrupted. */
  resume: ((answer: Answer) => void) | undefined
}

/** One model, shared. */
export interface Shared {
  readonly specialised: boolean
  /** Scorer of one stream, with its own memory. It is measured in the registry of the context. */
  readonly scorer: Effect.Effect<StreamScorer>
  /** Answers when no batch is being computed. */
  readonly idle: Effect.Effect<void>
}

// A turn of the event loop: whatever has arrived with a window goes with it, and
// no batch follows another without what else the thread has to do between them.
const turn = new Scheduler.MixedScheduler().setImmediate

/** The window that is scored next. */
const windowOf = ({ probabilities, windows }: Call): Float32Array => windows[probabilities.length]!

const answer = (call: Call, result: Answer): void => {
  const { resume } = call
  if (resume === undefined) return
  call.resume = undefined
  native.leave()
  resume(result)
}

/** Moves a stream's memory into the model's, and back. */
interface Rows {
  readonly pack: (call: Call, i: number) => void
  /** Takes the answer for one window, too. */
  readonly unpack: (call: Call, i: number) => void
}

const rowsOf = (memory: Memory, sampleRate: SampleRate): Rows => {
  const { contextSize, windowSize } = formats[sampleRate]
  const size = sampleCount(sampleRate)
  return {
    pack: (call, i) => {
      const { cell, context, hidden } = call.row
      memory.samples.set(context, i * size)
      memory.samples.set(windowOf(call), i * size + contextSize)
      memory.hidden.set(hidden, i * cellSize)
      memory.cell.set(cell, i * cellSize)
    },
    unpack: (call, i) => {
      const { cell, context, hidden } = call.row
      context.set(windowOf(call).subarray(windowSize - contextSize))
      hidden.set(memory.nextHidden.subarray(i * cellSize, (i + 1) * cellSize))
      cell.set(memory.nextCell.subarray(i * cellSize, (i + 1) * cellSize))
      call.probabilities.push(Math.min(1, Math.max(0, memory.probabilities[i]!)))
    }
  }
}

/** Tells what a batch has cost those who were in it, while `waiting` more wait. */
const measure = (calls: ReadonlyArray<Call>, began: bigint, now: bigint, waiting: number): void => {
  // Who came first stands first.
  const oldest = calls[0]!.since
  const registries = calls.length === 1 ? [calls[0]!.registry] : new Set(calls.map(({ registry }) => registry))
  for (const registry of registries) {
    series.vadBatchSize.updateUnsafe(calls.length, registry)
    series.vadInferenceTime.updateUnsafe(milliseconds(now - began), registry)
    series.vadLatenessTime.updateUnsafe(milliseconds(now - oldest), registry)
    series.vadQueueDepth.updateUnsafe(waiting, registry)
  }
}

/** One stream, whose windows are scored in order. */
const streamScorer = (
  contextSize: number,
  registry: Context.Context<never>,
  submit: (call: Call) => void,
  withdraw: (call: Call) => void
): StreamScorer => {
  const row: Row = {
    context: new Float32Array(contextSize),
    hidden: new Float32Array(cellSize),
    cell: new Float32Array(cellSize)
  }
  return {
    score: (windows) =>
      windows.length === 0 ? Effect.succeed([]) : Effect.callback((resume) => {
        const call: Call = {
          row,
          registry,
          windows,
          probabilities: [],
          since: now(),
          resume
        }
        submit(call)
        return Effect.sync(() => withdraw(call))
      }),
    reset: () => {
      row.context.fill(0)
      row.hidden.fill(0)
      row.cell.fill(0)
    }
  }
}

export const share = (thread: Thread, sampleRate: SampleRate): Shared => {
  const { contextSize } = formats[sampleRate]
  const { pack, unpack } = rowsOf(thread.memory, sampleRate)
  // At most one call a stream, of as many windows as its detector has buffers for.
  const waiting = new Set<Call>()
  let busy = false
  let rest = Promise.withResolvers<void>()
  rest.resolve()

  const settle = (calls: ReadonlyArray<Call>, began: bigint): void => {
    const ended = now()
    measure(calls, began, ended, waiting.size)
    // Whoever is answered may ask again at once: the memory must have been read by then.
    const present = calls.filter((call, i) => {
      if (call.resume === undefined) return false
      unpack(call, i)
      return true
    })
    for (const call of present) {
      if (call.probabilities.length === call.windows.length) {
        answer(call, Effect.succeed(call.probabilities))
      } else if (call.resume !== undefined) {
        call.since = ended
        waiting.add(call)
      }
    }
  }

  const next = (): void => {
    // Whoever waited may have gone.
    if (waiting.size === 0) {
      busy = false
      return rest.resolve()
    }
    const calls: Array<Call> = []
    for (const call of waiting) {
      if (calls.length === largestBatch) break
      pack(call, calls.length)
      calls.push(call)
      waiting.delete(call)
    }
    const began = now()
    thread.run(calls.length).then(
      () => settle(calls, began),
      (cause: unknown) => {
        const failure = Effect.fail(inferenceFailed(detailOf(cause)))
        for (const call of calls) answer(call, failure)
      }
    ).finally(() => turn(next))
  }

  const submit = (call: Call): void => {
    native.enter()
    waiting.add(call)
    if (busy) return
    busy = true
    rest = Promise.withResolvers()
    turn(next)
  }

  const withdraw = (call: Call): void => {
    if (call.resume === undefined) return
    call.resume = undefined
    waiting.delete(call)
    native.leave()
  }

  return {
    specialised: thread.specialised,
    scorer: Effect.map(
      Effect.context<never>(),
      (context) => streamScorer(contextSize, registryOf(context), submit, withdraw)
    ),
    idle: Effect.promise(() => rest.promise)
  }
}
