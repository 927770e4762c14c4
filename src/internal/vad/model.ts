/**
 * The Silero model in one thread: scores what stands in its memory.
 *
 * A file of the published structure runs as the network that it holds. Any
 * other runs as it is.
 */
import type * as onnx from "../onnx.ts"
import {
  type Floats,
  formats,
  largestBatch,
  type Memory,
  type Model,
  sampleCount,
  type SampleRate
} from "./batchMemory.ts"
import { openNetwork } from "./network.ts"
import { openPublished } from "./onnxSession.ts"
import { type Network, read } from "./weights.ts"

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

/** Whether both models hear the same in a few windows of hums that swell, alone and together. */
const agree = async (one: Model, other: Model, memory: Memory, size: number): Promise<boolean> => {
  for (const rows of [1, largestBatch]) {
    memory.hidden.fill(0)
    memory.cell.fill(0)
    for (let window = 0; window < 8; window++) {
      for (let i = 0; i < rows * size; i++) {
        const [row, at] = [Math.floor(i / size), i % size]
        memory.samples[i] = 0.1 * window * Math.sin(at * at / (900 - 10 * row)) * Math.sin(at / 7)
      }
      await one.run(rows)
      const before = [memory.probabilities, memory.nextHidden, memory.nextCell].map((floats) => floats.slice())
      await other.run(rows)
      const after = [memory.probabilities, memory.nextHidden, memory.nextCell]
      if (!before.every((floats, i) => near(floats, after[i]!))) return false
      memory.hidden.set(memory.nextHidden)
      memory.cell.set(memory.nextCell)
    }
  }
  return true
}

export interface Source {
  readonly bytes: Uint8Array
  readonly sampleRate: SampleRate
  /** Known to be the model that the tests compare: not compared again. */
  readonly known: boolean
}

/**
 * Rejects with `Unusable` where the bytes are no Silero model. The known model
 * does without onnxruntime where that cannot be loaded.
 */
export const open = async (load: () => Promise<onnx.Runtime>, source: Source, memory: Memory): Promise<Model> => {
  const { bytes, known, sampleRate } = source
  const network = tryRead(bytes, sampleRate)
  if (known && network !== undefined) {
    return openNetwork(await load().catch(() => undefined), network, sampleRate, memory)
  }
  const runtime = await load()
  const published = await openPublished(runtime, bytes, sampleRate, memory)
  if (network === undefined) {
    return published
  }
  const fast = await openNetwork(runtime, network, sampleRate, memory)
  const [kept, left] = await agree(fast, published, memory, sampleCount(sampleRate))
    ? [fast, published]
    : [published, fast]
  await left.release()
  return kept
}
