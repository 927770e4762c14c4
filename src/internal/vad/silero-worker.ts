/**
 * The thread that scores. Rows pass through shared memory; messages only say
 * how many there are.
 */
import { serve } from "../modelThread.ts"
import * as onnx from "../onnx.ts"
import type { Memory } from "./batchMemory.ts"
import { open, type Source } from "./model.ts"

export interface Start extends Source {
  readonly memory: Memory
}

/** How many rows to score. */
export type Request = number

/** Whether it runs as the network that it holds. */
export type Ready = boolean

serve<Start, Ready, Request, void>(async (start) => {
  const { run, specialised } = await open(onnx.load, start, start.memory)
  return { ready: specialised, answer: run }
})
