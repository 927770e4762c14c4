/**
 * Sessions of onnxruntime, and the published graph in one.
 */
import { Unusable } from "../modelThread.ts"
import * as onnx from "../onnx.ts"
import { type Floats, type Memory, type Model, sampleCount, type SampleRate } from "./batchMemory.ts"
import { cellSize } from "./weights.ts"

export type Tensors = Readonly<Record<string, onnx.Tensor>>

/** The tensors of a call with so many rows, made once. */
export const byRows = <A>(make: (rows: number) => A): (rows: number) => A => {
  const made = new Map<number, A>()
  return (rows) => {
    const found = made.get(rows) ?? make(rows)
    made.set(rows, found)
    return found
  }
}

const expected = { inputs: "input, state, sr", outputs: "output, stateN" }

const sameNames = (names: ReadonlyArray<string>, wanted: string): boolean =>
  names.toSorted().join(", ") === wanted.split(", ").sort().join(", ")

/** The model as it is; rejects with `Unusable` where the file is none. */
export const openPublished = async (
  runtime: onnx.Runtime,
  bytes: Uint8Array,
  sampleRate: SampleRate,
  memory: Memory
): Promise<Model> => {
  const session = await onnx.openSession(runtime, bytes).catch(() => {
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
