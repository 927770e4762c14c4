/**
 * Where a model computes: on the JavaScript thread, or in a worker of its own.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import * as native from "../native.ts"
import * as onnx from "../onnx.ts"
import { makeMemory, type Memory, Unusable } from "./batchMemory.ts"
import { open, type Source } from "./model.ts"
import type { Answer, Request, Start } from "./silero-worker.ts"

/** A model with the memory that its rows pass through. */
export interface Thread {
  readonly specialised: boolean
  readonly memory: Memory
  /** Scores the first rows of the memory. One call at a time; rejects with what went wrong. */
  readonly run: (rows: number) => Promise<void>
}

const nameOf = (cause: unknown): string => cause instanceof Error ? cause.name : typeof cause

const unusable = (cause: unknown): string =>
  cause instanceof Unusable || cause instanceof onnx.Missing
    ? cause.detail
    : `onnxruntime-node failed with ${nameOf(cause)}`

/** Scores on this thread, which is held for the time of a call. Fails with what is wrong with the model. */
export const here = Effect.fnUntraced(function*(
  source: Source
): Effect.fn.Return<Thread, string, Scope.Scope> {
  const memory = makeMemory(source.sampleRate, (length) => new Float32Array(length))
  const { run, specialised } = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => open(onnx.load, source, memory), catch: unusable }),
    ({ release }) => Effect.ignore(Effect.tryPromise(release))
  )
  return { specialised, memory, run }
})

const workerUrl = new URL(`./silero-worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)

/** A worker that is ready, until it ends. */
interface Running {
  readonly specialised: boolean
  readonly score: (rows: number) => Promise<void>
  readonly stop: () => Promise<unknown>
}

/** Starts a worker; rejects with `Unusable` where it cannot use the model. `ended` is told of its end. */
const launch = (start: Start, ended: () => void): Promise<Running> => {
  const thread = new Worker(workerUrl, { workerData: start, execArgv: [] })
  const ready = Promise.withResolvers<Running>()
  let call: PromiseWithResolvers<void> | undefined
  const die = (detail: string): void => {
    ended()
    ready.reject(new Unusable(detail))
    call?.reject(new Unusable(detail))
  }
  const score = (rows: number): Promise<void> => {
    call = Promise.withResolvers()
    // An idle worker does not hold the process.
    thread.ref()
    thread.postMessage(rows satisfies Request, [])
    return call.promise.finally(() => thread.unref())
  }
  thread.on("message", (answer: Answer) => {
    switch (answer._tag) {
      case "Ready":
        thread.unref()
        return ready.resolve({ specialised: answer.specialised, score, stop: () => thread.terminate() })
      case "Unusable":
        ready.reject(new Unusable(answer.detail))
        return void thread.terminate()
      case "Scored":
        return call?.resolve()
      case "Failed":
        return call?.reject(new Unusable(answer.detail))
    }
  })
  thread.on("error", (cause) => die(`the worker failed with ${nameOf(cause)}`))
  thread.on("exit", () => die("the worker has ended"))
  return ready.promise
}

/** Scores in a worker. One that has died fails its call, and the next call starts another. */
export const worker = Effect.fnUntraced(function*(
  source: Source
): Effect.fn.Return<Thread, string, Scope.Scope> {
  const memory = makeMemory(source.sampleRate, (length) => new Float32Array(new SharedArrayBuffer(4 * length)))
  let running: Promise<Running> | undefined
  const start = (): Promise<Running> => {
    const started = launch({ ...source, memory }, () => {
      if (running === started) running = undefined
    })
    return started
  }
  const current = (): Promise<Running> => running ??= start()
  let closed = false
  const stop = async (): Promise<void> => {
    closed = true
    await running?.then(({ stop }) => stop(), () => {})
  }
  const { specialised } = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: current, catch: unusable }),
    () => native.track(Effect.promise(stop))
  )
  const run = async (rows: number): Promise<void> => {
    if (closed) throw new Unusable("the model has been closed")
    const { score } = await current()
    await score(rows)
  }
  return { specialised, memory, run }
})
