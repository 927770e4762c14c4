/**
 * The Silero model: one session a process and file, however many layers and
 * detectors use it.
 */
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { readFile } from "node:fs/promises"
import type { Scorer, VadError } from "../../Vad.ts"
import * as native from "../native.ts"
import * as onnx from "../onnx.ts"
import { inferenceFailed, modelUnavailable } from "./errors.ts"

export const formats = {
  8000: { windowSize: 256, contextSize: 32 },
  16000: { windowSize: 512, contextSize: 64 }
} as const

export type SampleRate = keyof typeof formats

const cellSize = 128

/** One stream's next window with what the model remembers of that stream. */
export interface Row {
  window: Float32Array
  /** The last samples of the window before. */
  readonly context: Float32Array
  /** Hidden state, then cell state. */
  readonly state: Float32Array
  /** The answer. */
  probability: number
}

export interface Engine {
  /** Scores one window of each row's stream, in one call of the model, and moves the rows on. */
  readonly run: (sampleRate: SampleRate, rows: ReadonlyArray<Row>) => Effect.Effect<void, VadError>
}

/** The tensors of one batch size, used again by every call. */
const makePlan = (runtime: onnx.Runtime, sampleRate: SampleRate, batch: number) => {
  const { contextSize, windowSize } = formats[sampleRate]
  const width = contextSize + windowSize
  const float = (data: Float32Array, dims: ReadonlyArray<number>) => new runtime.Tensor("float32", data, dims)
  const input = new Float32Array(batch * width)
  const state = new Float32Array(2 * batch * cellSize)
  const output = new Float32Array(batch)
  const nextState = new Float32Array(2 * batch * cellSize)
  const half = batch * cellSize
  return {
    feeds: {
      input: float(input, [batch, width]),
      state: float(state, [2, batch, cellSize]),
      sr: new runtime.Tensor("int64", BigInt64Array.of(BigInt(sampleRate)), [])
    },
    fetches: { output: float(output, [batch, 1]), stateN: float(nextState, [2, batch, cellSize]) },
    pack: (rows: ReadonlyArray<Row>): void => {
      rows.forEach((row, i) => {
        input.set(row.context, i * width)
        input.set(row.window, i * width + contextSize)
        state.set(row.state.subarray(0, cellSize), i * cellSize)
        state.set(row.state.subarray(cellSize), half + i * cellSize)
      })
    },
    unpack: (rows: ReadonlyArray<Row>): void => {
      rows.forEach((row, i) => {
        row.probability = Math.min(1, Math.max(0, output[i]!))
        row.state.set(nextState.subarray(i * cellSize, (i + 1) * cellSize))
        row.state.set(nextState.subarray(half + i * cellSize, half + (i + 1) * cellSize), cellSize)
        row.context.set(row.window.subarray(windowSize - contextSize))
      })
    }
  }
}

type Plan = ReturnType<typeof makePlan>

const expected = { inputs: "input, state, sr", outputs: "output, stateN" }

const sameNames = (names: ReadonlyArray<string>, wanted: string): boolean =>
  names.toSorted().join(", ") === wanted.split(", ").sort().join(", ")

const nameOf = (cause: unknown): string => cause instanceof Error ? cause.name : typeof cause

const open = Effect.fnUntraced(function*(path: string) {
  const runtime = yield* Effect.mapError(onnx.runtime, (detail) => modelUnavailable(path, detail))
  const bytes = yield* Effect.tryPromise({
    try: () => readFile(path),
    catch: () => modelUnavailable(path, "the file does not exist or cannot be read")
  })
  // A model of other inputs is released by its scope too.
  const session = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        runtime.InferenceSession.create(bytes, {
          executionProviders: ["cpu"],
          intraOpNumThreads: 1,
          interOpNumThreads: 1,
          logSeverityLevel: 4
        }),
      catch: () => modelUnavailable(path, "the file is not an ONNX model that onnxruntime-node can load")
    }),
    (session) => Effect.ignore(Effect.tryPromise(() => session.release()))
  )
  if (!sameNames(session.inputNames, expected.inputs) || !sameNames(session.outputNames, expected.outputs)) {
    return yield* modelUnavailable(
      path,
      `the model takes ${session.inputNames.join(", ")} and gives ${session.outputNames.join(", ")}; ` +
        `a Silero model of version 5 or 6 takes ${expected.inputs} and gives ${expected.outputs}`
    )
  }
  return { runtime, session }
})

const makeEngine = Effect.fnUntraced(function*(path: string) {
  const { runtime, session } = yield* open(path)
  const turn = yield* Semaphore.make(1)
  // Whoever still computes when the last layer closes finishes first.
  yield* Effect.addFinalizer(() => Semaphore.take(turn, 1))
  const plans = new Map<string, Plan>()
  const planFor = (sampleRate: SampleRate, batch: number): Plan => {
    const key = `${sampleRate}/${batch}`
    const plan = plans.get(key) ?? makePlan(runtime, sampleRate, batch)
    plans.set(key, plan)
    return plan
  }
  // The session reads the tensors in a later turn: nobody may touch them until it has answered.
  const run: Engine["run"] = (sampleRate, rows) =>
    Semaphore.withPermits(
      turn,
      1
    )(Effect.uninterruptible(Effect.suspend(() => {
      const plan = planFor(sampleRate, rows.length)
      plan.pack(rows)
      return Effect.tryPromise({
        try: () => session.run(plan.feeds, plan.fetches).then(() => plan.unpack(rows)),
        catch: (cause) => inferenceFailed(`onnxruntime-node failed with ${nameOf(cause)}`)
      })
    })))
  const engine: Engine = { run }
  return engine
})

const engines = Effect.runSync(
  Scope.provide(RcMap.make({ lookup: makeEngine }), Scope.makeUnsafe())
)

/** The engine of a model file: opened with the first scope that asks, closed with the last. */
export const engine = (path: string): Effect.Effect<Engine, VadError, Scope.Scope> => RcMap.get(engines, path)

export const makeRow = (sampleRate: SampleRate): Row => ({
  window: new Float32Array(formats[sampleRate].windowSize),
  context: new Float32Array(formats[sampleRate].contextSize),
  state: new Float32Array(2 * cellSize),
  probability: 0
})

/** A scorer of one stream, with its own memory. */
export const makeScorer = (
  engine: Engine,
  sampleRate: SampleRate
): Exclude<Scorer, (window: Float32Array) => number> => {
  const row = makeRow(sampleRate)
  const rows = [row]
  const each = Effect.fnUntraced(function*(windows: ReadonlyArray<Float32Array>) {
    const probabilities: Array<number> = []
    for (const window of windows) {
      row.window = window
      yield* engine.run(sampleRate, rows)
      probabilities.push(row.probability)
    }
    return probabilities
  })
  return {
    score: (windows) => native.track(each(windows)),
    reset: () => {
      row.context.fill(0)
      row.state.fill(0)
    }
  }
}
