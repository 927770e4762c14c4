/** A definition that the processes of a pool import: it greets, by flite, whoever is there. */
import { Effect, Layer } from "effect"
import { Agent, Pipeline, Session } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as Testing from "effect-voice/testing"
import * as Worker from "effect-voice/Worker"

const greeter = Agent.make({
  instructions: "",
  onEnter: Session.Session.use((session) => session.say("Hello, this is the desk of the hotel."))
})

export default Worker.define({
  agentName: "pooled",
  layer: Layer.mergeAll(Testing.layerVad(), Testing.layerStt(), Testing.layerLlm(), FliteTts.layer()),
  entry: (job) => job.metadata === "wait" ? Effect.never : Pipeline.run(greeter)
})
