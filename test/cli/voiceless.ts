/** An agent whose voice is none. */
import { Layer } from "effect"
import { Agent, Pipeline, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as Testing from "effect-voice/testing"

export default Worker.define({
  agentName: "desk",
  entry: () => Pipeline.run(Agent.make({ instructions: "You tell the weather." })),
  layer: Layer.mergeAll(
    EnergyVad.layer(),
    FliteTts.layer({ voice: "nobody" as FliteTts.Voice }),
    Testing.layerStt(),
    Testing.layerLlm(["Sunny."])
  )
})
