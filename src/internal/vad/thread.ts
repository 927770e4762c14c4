/**
 * Where a model computes: on the JavaScript thread, or in a worker of its own.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ModelThread from "../modelThread.ts"
import * as onnx from "../onnx.ts"
import { programFile } from "../packageFiles.ts"
import { makeMemory, type Memory } from "./batchMemory.ts"
import { open, type Source } from "./model.ts"
import type { Ready, Request, Start } from "./silero-worker.ts"

/** A model with the memory that its rows pass through. */
export interface Thread {
  readonly specialised: boolean
  readonly memory: Memory
  /** Scores the first rows of the memory. One call at a time; rejects with what went wrong. */
  readonly run: (rows: number) => Promise<void>
}

/** Scores on this thread, which is held for the time of a call. Fails with what is wrong with the model. */
export const here = Effect.fnUntraced(function*(
  source: Source
): Effect.fn.Return<Thread, string, Scope.Scope> {
  const memory = makeMemory(source.sampleRate, (length) => new Float32Array(length))
  const { run, specialised } = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => open(onnx.load, source, memory), catch: ModelThread.detailOf }),
    ({ release }) => Effect.ignore(Effect.tryPromise(release))
  )
  return { specialised, memory, run }
})

const program = programFile("internal/vad/silero-worker")

/** Scores in a worker. */
export const worker = Effect.fnUntraced(function*(
  source: Source
): Effect.fn.Return<Thread, string, Scope.Scope> {
  const memory = makeMemory(source.sampleRate, (length) => new Float32Array(new SharedArrayBuffer(4 * length)))
  const start: Start = { ...source, memory }
  const { ask, ready } = yield* ModelThread.open<Ready, Request, void>(program, start)
  return { specialised: ready, memory, run: (rows) => ask(rows) }
})
