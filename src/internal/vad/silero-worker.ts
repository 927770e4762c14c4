/**
 * The thread that scores, so that no inference holds up the audio. Rows pass
 * through shared memory; messages only say how many there are.
 */
import { parentPort, workerData } from "node:worker_threads"
import * as onnx from "../onnx.ts"
import { type Memory, Unusable } from "./batchMemory.ts"
import { open, type Source } from "./model.ts"

export interface Start extends Source {
  readonly memory: Memory
}

/** How many rows to score. */
export type Request = number

export type Answer =
  | { readonly _tag: "Ready"; readonly specialised: boolean }
  | { readonly _tag: "Unusable"; readonly detail: string }
  | { readonly _tag: "Scored" }
  | { readonly _tag: "Failed"; readonly detail: string }

/** What is wrong, for the error that names the model. */
const detailOf = (cause: unknown): string =>
  cause instanceof Unusable || cause instanceof onnx.Missing ? cause.detail : nameOf(cause)

const nameOf = (cause: unknown): string => cause instanceof Error ? cause.name : typeof cause

const serve = async (port: NonNullable<typeof parentPort>, start: Start): Promise<void> => {
  const answer = (value: Answer): void => port.postMessage(value, [])
  try {
    const model = await open(onnx.load, start, start.memory)
    port.on("message", (rows: Request) => {
      model.run(rows).then(
        () => answer({ _tag: "Scored" }),
        (cause: unknown) => answer({ _tag: "Failed", detail: nameOf(cause) })
      )
    })
    answer({ _tag: "Ready", specialised: model.specialised })
  } catch (cause) {
    answer({ _tag: "Unusable", detail: detailOf(cause) })
  }
}

if (parentPort !== null) {
  const start: Start = workerData
  void serve(parentPort, start)
}
