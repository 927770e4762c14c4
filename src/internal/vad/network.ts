/**
 * The Silero network from its weights: the spectrum and a few windows in
 * WebAssembly, many windows as matrix products in onnxruntime.
 */
import process from "node:process"
import { Unusable } from "../modelThread.ts"
import * as onnx from "../onnx.ts"
import { type Floats, largestBatch, type Memory, type Model, sampleCount, type SampleRate } from "./batchMemory.ts"
import * as kernel from "./kernel.ts"
import * as specialised from "./onnxGraph.ts"
import { byRows, type Tensors } from "./onnxSession.ts"
import * as spectrum from "./spectrum.ts"
import { Program, type Running } from "./wasm.ts"
import { cellSize, type Network } from "./weights.ts"

// Up to so many windows WebAssembly is quicker, for a call of onnxruntime costs as much as a window by itself.
const fewWindows = 6

/** Takes the samples of the first rows to their columns. */
const transformRows = (
  { floats, functions }: Running,
  { columns, input: { address, length }, transform, width }: spectrum.Spectrum,
  sampleRate: SampleRate,
  { samples }: Memory
) => {
  const size = sampleCount(sampleRate)
  const input = floats({ address, length })
  const write = functions[transform]!
  const stride = spectrum.frames * width * Float32Array.BYTES_PER_ELEMENT
  return (rows: number): void => {
    for (let row = 0; row < rows; row++) {
      const from = row * size
      for (let i = 0; i < size; i++) {
        input[i] = samples[from + i]!
      }
      // The end is mirrored, without its last sample.
      for (let i = size; i < length; i++) {
        input[i] = input[2 * size - 2 - i]!
      }
      write(columns.address + row * stride)
    }
  }
}

const runFew = ({ probability, rows: states, run }: kernel.Kernel, memory: Memory) => {
  const cells = (floats: Floats, row: number): Floats => floats.subarray(row * cellSize, (row + 1) * cellSize)
  const views = states.map((state, row) => ({
    ...state,
    before: { hidden: cells(memory.hidden, row), cell: cells(memory.cell, row) },
    after: { hidden: cells(memory.nextHidden, row), cell: cells(memory.nextCell, row) }
  }))
  return (rows: number): void => {
    for (let row = 0; row < rows; row++) {
      const { before, cell, hidden } = views[row]!
      hidden.set(before.hidden)
      cell.set(before.cell)
    }
    run(rows)
    for (let row = 0; row < rows; row++) {
      const { after, cell, hidden } = views[row]!
      after.hidden.set(hidden)
      after.cell.set(cell)
      memory.probabilities[row] = probability(row)
    }
  }
}

const openMany = async (
  runtime: onnx.Runtime,
  network: Network,
  memory: Memory,
  { columns, width }: { readonly columns: Floats; readonly width: number }
) => {
  const session = await onnx.openSession(runtime, specialised.write(network))
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
  return {
    run: async (rows: number): Promise<void> => {
      const { feeds, fetches } = tensors(rows)
      await session.run(feeds, fetches)
    },
    release: () => session.release()
  }
}

const started = (program: Program): Running => {
  try {
    return program.start()
  } catch {
    throw new Unusable(
      `this Node (${process.version}) lacks the relaxed SIMD of WebAssembly, which computes it: use Node 22.19 or later`
    )
  }
}

/** Runs the network; without onnxruntime, many windows cost as much each as a few. */
export const openNetwork = async (
  runtime: onnx.Runtime | undefined,
  network: Network,
  sampleRate: SampleRate,
  memory: Memory
): Promise<Model> => {
  const limit = runtime === undefined ? largestBatch : fewWindows
  const program = new Program()
  const spectrumParts = spectrum.write(program, network.window, largestBatch)
  const start = kernel.write(program, network, spectrumParts, limit)
  const running = started(program)
  const transform = transformRows(running, spectrumParts, sampleRate, memory)
  const few = runFew(start(running), memory)
  const many = runtime === undefined ? undefined : await openMany(runtime, network, memory, {
    columns: running.floats(spectrumParts.columns),
    width: spectrumParts.width
  })
  let closed = false
  return {
    specialised: true,
    run: async (rows) => {
      if (closed) throw new Unusable("the model has been closed")
      transform(rows)
      if (many === undefined || rows <= limit) return few(rows)
      await many.run(rows)
    },
    release: async () => {
      closed = true
      await many?.release()
    }
  }
}
