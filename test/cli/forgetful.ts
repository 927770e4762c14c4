/** An agent whose author has forgotten an await, and one promise that is rejected. */
import { Effect, Layer } from "effect"
import { Agent, Pipeline, Stt, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const save = async (): Promise<void> => {
  throw new RangeError("it was not saved")
}

const agent = Agent.make({
  instructions: "You tell the weather.",
  onUserTurn: async () => void save()
})

export default Worker.define({
  entry: async () => Pipeline.run(agent),
  layer: Layer.mergeAll(
    EnergyVad.layer(),
    Layer.succeed(Stt.Stt, Stt.fromRecognizer({ name: "deaf", recognize: () => Effect.succeed({ text: "" }) })),
    Testing.layerLlm(["Sunny.", "Rain."]),
    Testing.layerTts({ duration: 300 })
  )
})
