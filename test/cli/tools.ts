/** An agent for the tests of the command: it writes slowly, calls a tool, and hands over. */
import { Effect, Layer, Schema } from "effect"
import { Agent, Pipeline, Session, Stt, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Desk = Toolkit.make(
  Tool.make("find_room", { parameters: Schema.Struct({ beds: Schema.Int }), success: Schema.String })
)

const DeskLive = Desk.toLayer({ find_room: ({ beds }) => Effect.succeed(`room ${beds * 100}`) })

const agent = Agent.make({
  name: "desk",
  instructions: "You find rooms.",
  tools: Desk,
  onEnter: Session.Session.use((session) => session.say("Hotel."))
})

export default Worker.define({
  entry: () => Pipeline.run(Agent.provide(agent, DeskLive)),
  layer: Layer.mergeAll(
    EnergyVad.layer(),
    Layer.succeed(Stt.Stt, Stt.fromRecognizer({ name: "deaf", recognize: () => Effect.succeed({ text: "" }) })),
    Testing.layerLlm([
      { tools: [{ name: "find_room", params: { beds: 2 } }] },
      "You have room two hundred, on the second floor, with a view of the sea and of the harbour."
    ]),
    // Audio of a minute: whoever waits for it to be heard waits too long.
    Testing.layerTts({ duration: 60_000 })
  )
})
