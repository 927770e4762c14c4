/**
 * What a model that computes in one thread is given and gives back.
 */
import { type Branch, cellSize } from "./weights.ts"

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

/** Windows in one call: more make no window cheaper, and hold the thread longer. */
export const largestBatch = 32

export type Floats = Float32Array<ArrayBuffer> | Float32Array<SharedArrayBuffer>

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
