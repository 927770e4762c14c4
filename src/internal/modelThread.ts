/**
 * A model in a thread of its own, so that no inference holds up the audio.
 *
 * Both sides stand here: `serve` is the worker's whole program, `open` starts it
 * and asks it. One that has died fails its calls, and the next call starts
 * another. An idle worker does not hold the process; closing the scope ends it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { setTimeout as later } from "node:timers/promises"
import { parentPort, type Transferable, Worker, workerData } from "node:worker_threads"
import * as native from "./native.ts"
import * as onnx from "./onnx.ts"

/** The model cannot be used: says what is wrong with it. */
export class Unusable {
  readonly detail: string
  constructor(detail: string) {
    this.detail = detail
  }
}

const nameOf = (cause: unknown): string => cause instanceof Error ? cause.name : typeof cause

/** What is wrong with a model, for the error that names it. */
export const detailOf = (cause: unknown): string =>
  cause instanceof Unusable || cause instanceof onnx.Missing
    ? cause.detail
    : `onnxruntime-node failed with ${nameOf(cause)}`

type Answer<Ready, Reply> =
  | { readonly _tag: "Ready"; readonly ready: Ready }
  | { readonly _tag: "Unusable"; readonly detail: string }
  | { readonly _tag: "Answered"; readonly reply: Reply }
  | { readonly _tag: "Failed"; readonly detail: string }

/** What a worker has once its model stands. */
export interface Served<Ready, Request, Reply> {
  readonly ready: Ready
  /** One call at a time. */
  readonly answer: (request: Request) => Promise<Reply>
}

/** The worker's program; nothing in the thread that only imports it. */
export const serve = <Start, Ready, Request, Reply>(
  make: (start: Start) => Promise<Served<Ready, Request, Reply>>
): void => {
  const port = parentPort
  if (port === null) return
  const tell = (answer: Answer<Ready, Reply>): void => port.postMessage(answer, [])
  const start: Start = workerData
  make(start).then(
    ({ answer, ready }) => {
      port.on("message", (request: Request) => {
        answer(request).then(
          (reply) => tell({ _tag: "Answered", reply }),
          (cause: unknown) => tell({ _tag: "Failed", detail: detailOf(cause) })
        )
      })
      tell({ _tag: "Ready", ready })
    },
    (cause: unknown) => tell({ _tag: "Unusable", detail: detailOf(cause) })
  )
}

/** A worker that is ready, until it ends. */
interface Running<Ready, Request, Reply> {
  readonly ready: Ready
  readonly ask: (request: Request, transfer: ReadonlyArray<Transferable>) => Promise<Reply>
  readonly stop: () => Promise<unknown>
}

// More than any model takes for one call.
const patienceMs = 5000

/** Starts a worker; rejects with `Unusable` where it cannot use the model. `ended` is told of its end. */
const launch = <Ready, Request, Reply>(
  program: URL,
  start: unknown,
  ended: () => void
): Promise<Running<Ready, Request, Reply>> => {
  const thread = new Worker(program, { workerData: start, execArgv: [] })
  const ready = Promise.withResolvers<Running<Ready, Request, Reply>>()
  let call: PromiseWithResolvers<Reply> | undefined
  const die = (detail: string): void => {
    ended()
    ready.reject(new Unusable(detail))
    call?.reject(new Unusable(detail))
  }
  const ask = (request: Request, transfer: ReadonlyArray<Transferable>): Promise<Reply> => {
    call = Promise.withResolvers()
    thread.ref()
    thread.postMessage(request, [...transfer])
    return call.promise.finally(() => thread.unref())
  }
  /** What is being computed ends first: a thread that is ended within native code takes the process along. */
  const stop = async (): Promise<unknown> => {
    await Promise.race([call?.promise.catch(() => {}), later(patienceMs, undefined, { ref: false })])
    thread.ref()
    return thread.terminate()
  }
  thread.on("message", (answer: Answer<Ready, Reply>) => {
    switch (answer._tag) {
      case "Ready":
        thread.unref()
        return ready.resolve({ ready: answer.ready, ask, stop })
      case "Unusable":
        ready.reject(new Unusable(answer.detail))
        return void thread.terminate()
      case "Answered":
        return call?.resolve(answer.reply)
      case "Failed":
        return call?.reject(new Unusable(answer.detail))
    }
  })
  thread.on("error", (cause) => die(`the worker failed with ${nameOf(cause)}`))
  thread.on("exit", () => die("the worker has ended"))
  return ready.promise
}

/** A model that stands in its own thread. */
export interface ModelThread<Ready, Request, Reply> {
  readonly ready: Ready
  /** One call at a time; rejects with what went wrong. */
  readonly ask: (request: Request, transfer?: ReadonlyArray<Transferable>) => Promise<Reply>
}

/** Opens a model in a worker. Fails with what is wrong with it. */
export const open = Effect.fnUntraced(function*<Ready, Request, Reply>(
  program: URL,
  start: unknown
): Effect.fn.Return<ModelThread<Ready, Request, Reply>, string, Scope.Scope> {
  let running: Promise<Running<Ready, Request, Reply>> | undefined
  const begin = (): Promise<Running<Ready, Request, Reply>> => {
    const started = launch<Ready, Request, Reply>(program, start, () => {
      if (running === started) running = undefined
    })
    return started
  }
  const current = (): Promise<Running<Ready, Request, Reply>> => running ??= begin()
  let closed = false
  const stop = async (): Promise<void> => {
    closed = true
    await running?.then(({ stop }) => stop(), () => {})
  }
  const { ready } = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: current, catch: detailOf }),
    () => native.track(Effect.promise(stop))
  )
  const ask = async (request: Request, transfer: ReadonlyArray<Transferable> = []): Promise<Reply> => {
    if (closed) throw new Unusable("the model has been closed")
    return (await current()).ask(request, transfer)
  }
  return { ready, ask }
})
