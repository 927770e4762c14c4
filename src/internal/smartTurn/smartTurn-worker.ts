/**
 * The thread that predicts: samples come, a probability goes.
 */
import { serve, Unusable } from "../modelThread.ts"
import * as onnx from "../onnx.ts"
import * as Features from "./features.ts"

/** A file of a model. */
export interface Start {
  readonly bytes: Uint8Array
}

/** Mono audio at 16 kHz, of which the last eight seconds count. */
export type Request = Int16Array

serve<Start, void, Request, number>(async ({ bytes }) => {
  const runtime = await onnx.load()
  const { Tensor } = runtime
  const session = await onnx.openSession(runtime, bytes).catch(() => {
    throw new Unusable("the file is not an ONNX model that onnxruntime-node can load")
  })
  const [input = "", output = ""] = [session.inputNames[0], session.outputNames[0]]
  if (session.inputNames.length !== 1 || input !== "input_features" || session.outputNames.length !== 1) {
    throw new Unusable(
      `the model takes ${session.inputNames.join(", ")} and gives ${session.outputNames.join(", ")}; ` +
        "a Smart Turn model of version 3 takes input_features and gives one probability"
    )
  }
  const picture = Features.maker()
  const features = new Float32Array(Features.size)
  const probability = new Float32Array(1)
  const feeds = { [input]: new Tensor("float32", features, [1, Features.bands, Features.moments]) }
  const fetches = { [output]: new Tensor("float32", probability, [1, 1]) }
  return {
    ready: undefined,
    answer: async (samples) => {
      picture(samples, features)
      await session.run(feeds, fetches)
      return probability[0]!
    }
  }
})
