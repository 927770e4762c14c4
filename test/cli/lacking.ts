/** An agent without a voice detector and a voice. */
import { Layer } from "effect"
import { Agent, Pipeline, Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"

export default Worker.define({
  // As JavaScript writes it, which has no types.
  entry: (): any => Pipeline.run(Agent.make({ instructions: "You tell the weather." })),
  layer: Layer.mergeAll(Testing.layerLlm(["Sunny."]))
})
