/** An agent for the tests of the command: nothing of it is native, nobody is asked. */
import { Effect, Layer } from "effect"
import { Agent, Pipeline, Session, Stt, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const agent = Agent.make({
  instructions: "You tell the weather.",
  onEnter: Session.Session.use((session) => session.say("Weather desk."))
})

export default Worker.define({
  agentName: "desk",
  entry: () => Pipeline.run(agent),
  layer: Layer.mergeAll(
    EnergyVad.layer(),
    Layer.succeed(
      Stt.Stt,
      Stt.fromRecognizer({ name: "deaf", recognize: () => Effect.succeed({ text: "And tomorrow?" }) })
    ),
    Testing.layerLlm(["Sunny.", "Rain."]),
    Testing.layerTts({ duration: 300 })
  )
})
