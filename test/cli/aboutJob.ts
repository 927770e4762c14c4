/** An agent that says what its job is about. */
import { Effect, Layer, Schema } from "effect"
import { Agent, Pipeline, Session, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const About = Schema.Struct({ tenant: Schema.String })

export default Worker.define({
  entry: (job) =>
    Effect.flatMap(Worker.metadata(job, About), ({ tenant }) =>
      Pipeline.run(Agent.make({
        instructions: "",
        onEnter: Session.Session.use((session) => session.say(`You are calling ${tenant}.`))
      }))),
  layer: Layer.mergeAll(EnergyVad.layer(), Testing.layerStt(), Testing.layerLlm([]), Testing.layerTts())
})
