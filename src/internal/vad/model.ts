/**
 * The Silero model in one thread: scores what stands in its memory.
 *
 * A file of the published structure runs as a spectrum and a graph of matrix
 * products, made here from its weights. Any other runs as it is.
 */
import type * as onnx from "../onnx.ts"
import * as specialised from "./specialised.ts"
import * as spectrum from "./spectrum.ts"
import { type Branch, cellSize, type Network, read } from "./weights.ts"

interface Format {
  /** Samples of a window, and those of the window before that the model sees again. */
  readonly windowSize: number
  readonly contextSize: number
  readonly frameSize: number
  readonly branch: Branch
}

export const formats = {
  8000: { windowSize: 256, contextSize: 32, frameSize: 128, branch: "else_branch" },
  16000: { windowSize: 512, contextSize: 64, frameSize: 256, branch: "then_branch" }
} as const satisfies Record<number, Format>

export type SampleRate = keyof typeof formats

export { cellSize }

/** Windows in one call: more make no window cheaper, and hold the thread longer. */
export const largestBatch = 32

type Floats = Float32Array<ArrayBuffer> | Float32Array<SharedArrayBuffer>

/** What goes into a call and what comes out, a row for each window. */
export interface Memory {
  /** The context, then the window. */
  readonly samples: Floats
  readonly hidden: Floats
  readonly cell: Floats
  readonly nextHidden: Floats
  readonly nextCell: Floats
  readonly probabilities: Floats
}

export const sampleCount = (sampleRate: SampleRate): number =>
  formats[sampleRate].contextSize + formats[sampleRate].windowSize

export const makeMemory = (sampleRate: SampleRate, floats: (length: number) => Floats): Memory => ({
  samples: floats(largestBatch * sampleCount(sampleRate)),
  hidden: floats(largestBatch * cellSize),
  cell: floats(largestBatch * cellSize),
  nextHidden: floats(largestBatch * cellSize),
  nextCell: floats(largestBatch * cellSize),
  probabilities: floats(largestBatch)
})

export interface Model {
  readonly specialised: boolean
  /** Scores the first rows of the memory. One call at a time. */
  readonly run: (rows: number) => Promise<void>
  readonly release: () => Promise<void>
}

/** The model cannot be used: says what is wrong with it. */
export class Unusable {
  readonly detail: string
  constructor(detail: string) {
    this.detail = detail
  }
}

type Tensors = Readonly<Record<string, onnx.Tensor>>

/** The tensors of a call with so many rows, made once. */
const byRows = <A>(make: (rows: number) => A): (rows: number) => A => {
  const made = new Map<number, A>()
  return (rows) => {
    const found = made.get(rows) ?? make(rows)
    made.set(rows, found)
    return found
  }
}

const openSession = (runtime: onnx.Runtime, bytes: Uint8Array): Promise<onnx.Session> =>
  runtime.InferenceSession.create(bytes, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4
  })

const openSpecialised = async (
  runtime: onnx.Runtime,
  network: Network,
  sampleRate: SampleRate,
  memory: Memory
): Promise<Model> => {
  const session = await openSession(runtime, specialised.write(network))
  const size = sampleCount(sampleRate)
  const { columns, input, transform, width } = spectrum.make(network.window, largestBatch)
  const tensor = (floats: Floats, rows: number, length: number) =>
    new runtime.Tensor("float32", floats.subarray(0, rows * length), [rows, length])
  const tensors = byRows((rows): { readonly feeds: Tensors; readonly fetches: Tensors } => ({
    feeds: {
      columns: tensor(columns, rows * spectrum.frames, width),
      hidden: tensor(memory.hidden, rows, cellSize),
      cell: tensor(memory.cell, rows, cellSize)
    },
    fetches: {
      probability: tensor(memory.probabilities, rows, 1),
      nextHidden: tensor(memory.nextHidden, rows, cellSize),
      nextCell: tensor(memory.nextCell, rows, cellSize)
    }
  }))
  const { samples } = memory
  const transformRow = (row: number): void => {
    const from = row * size
    for (let i = 0; i < size; i++) {
      input[i] = samples[from + i]!
    }
    // The end is mirrored, without its last sample.
    for (let i = size; i < input.length; i++) {
      input[i] = input[2 * size - 2 - i]!
    }
    transform(row)
  }
  return {
    specialised: true,
    run: async (rows) => {
      for (let row = 0; row < rows; row++) {
        transformRow(row)
      }
      const { feeds, fetches } = tensors(rows)
      await session.run(feeds, fetches)
    },
    release: () => session.release()
  }
}

const expected = { inputs: "input, state, sr", outputs: "output, stateN" }

const sameNames = (names: ReadonlyArray<string>, wanted: string): boolean =>
  names.toSorted().join(", ") === wanted.split(", ").sort().join(", ")

const openPublished = async (
  runtime: onnx.Runtime,
  bytes: Uint8Array,
  sampleRate: SampleRate,
  memory: Memory
): Promise<Model> => {
  const session = await openSession(runtime, bytes).catch(() => {
    throw new Unusable("the file is not an ONNX model that onnxruntime-node can load")
  })
  if (!sameNames(session.inputNames, expected.inputs) || !sameNames(session.outputNames, expected.outputs)) {
    await session.release()
    throw new Unusable(
      `the model takes ${session.inputNames.join(", ")} and gives ${session.outputNames.join(", ")}; ` +
        `a Silero model of version 5 or 6 takes ${expected.inputs} and gives ${expected.outputs}`
    )
  }
  const size = sampleCount(sampleRate)
  const tensor = (floats: Floats, ...dimensions: ReadonlyArray<number>) =>
    new runtime.Tensor("float32", floats, dimensions)
  const sr = new runtime.Tensor("int64", BigInt64Array.of(BigInt(sampleRate)), [])
  const tensors = byRows((rows) => {
    const state = new Float32Array(2 * rows * cellSize)
    const next = new Float32Array(2 * rows * cellSize)
    const half = rows * cellSize
    return {
      feeds: {
        input: tensor(memory.samples.subarray(0, rows * size), rows, size),
        state: tensor(state, 2, rows, cellSize),
        sr
      },
      fetches: {
        output: tensor(memory.probabilities.subarray(0, rows), rows, 1),
        stateN: tensor(next, 2, rows, cellSize)
      },
      before: () => {
        state.set(memory.hidden.subarray(0, half))
        state.set(memory.cell.subarray(0, half), half)
      },
      after: () => {
        memory.nextHidden.set(next.subarray(0, half))
        memory.nextCell.set(next.subarray(half))
      }
    }
  })
  return {
    specialised: false,
    run: async (rows) => {
      const { after, before, feeds, fetches } = tensors(rows)
      before()
      await session.run(feeds, fetches)
      after()
    },
    release: () => session.release()
  }
}

const tryRead = (bytes: Uint8Array, sampleRate: SampleRate): Network | undefined => {
  const { branch, frameSize } = formats[sampleRate]
  try {
    return read(bytes, branch, frameSize)
  } catch {
    return undefined
  }
}

// Far above what rounding does, far below what moves a boundary.
const tolerance = 1e-3

const near = (a: Floats, b: Floats): boolean => {
  for (let i = 0; i < a.length; i++) {
    // A comparison that no NaN passes.
    if (!(Math.abs(a[i]! - b[i]!) <= tolerance)) return false
  }
  return true
}

/** Whether both models hear the same in a few windows of a hum that swells. */
const agree = async (one: Model, other: Model, memory: Memory, size: number): Promise<boolean> => {
  for (let window = 0; window < 8; window++) {
    for (let i = 0; i < size; i++) {
      memory.samples[i] = 0.1 * window * Math.sin(i * i / 900) * Math.sin(i / 7)
    }
    await one.run(1)
    const before = [memory.probabilities, memory.nextHidden, memory.nextCell].map((floats) => floats.slice())
    await other.run(1)
    const after = [memory.probabilities, memory.nextHidden, memory.nextCell]
    if (!before.every((floats, i) => near(floats, after[i]!))) return false
    memory.hidden.set(memory.nextHidden)
    memory.cell.set(memory.nextCell)
  }
  return true
}

export interface Source {
  readonly bytes: Uint8Array
  readonly sampleRate: SampleRate
  /** Known to be the model that the tests compare: not compared again. */
  readonly known: boolean
}

/** Rejects with `Unusable` where the bytes are no Silero model. */
export const open = async (runtime: onnx.Runtime, source: Source, memory: Memory): Promise<Model> => {
  const { bytes, known, sampleRate } = source
  const network = tryRead(bytes, sampleRate)
  if (network === undefined) {
    return openPublished(runtime, bytes, sampleRate, memory)
  }
  const fast = await openSpecialised(runtime, network, sampleRate, memory)
  if (known) {
    return fast
  }
  const published = await openPublished(runtime, bytes, sampleRate, memory).catch(async (cause: unknown) => {
    await fast.release()
    throw cause
  })
  const [kept, left] = await agree(fast, published, memory, sampleCount(sampleRate))
    ? [fast, published]
    : [published, fast]
  await left.release()
  return kept
}
