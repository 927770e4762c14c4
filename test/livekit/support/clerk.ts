/** The agent of the playground's tests: it calls a tool, and hangs up when it is asked to. */
import { Effect, Layer, Schema } from "effect"
import { Agent, Pipeline, Session, Stt, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Desk = Toolkit.make(
  Tool.make("find_room", { parameters: Schema.Struct({ beds: Schema.Int }), success: Schema.String }),
  Tool.make("hang_up", { success: Schema.String, dependencies: [Session.Session] })
)

const DeskLive = Desk.toLayer({
  find_room: ({ beds }) => Effect.succeed(`room ${beds * 100}`),
  hang_up: () =>
    Effect.gen(function*() {
      const session = yield* Session.Session
      yield* session.hangUp()
      return "done"
    })
})

const agent = Agent.make({
  name: "clerk",
  instructions: "You find rooms.",
  tools: Desk,
  onEnter: Session.Session.use((session) => session.say("This is the hotel."))
})

export default Worker.define({
  agentName: "clerk",
  entry: () => Pipeline.run(Agent.provide(agent, DeskLive)),
  layer: Layer.mergeAll(
    EnergyVad.layer(),
    Layer.succeed(Stt.Stt, Stt.fromRecognizer({ name: "deaf", recognize: () => Effect.succeed({ text: "" }) })),
    Testing.layerLlm([
      { tools: [{ name: "find_room", params: { beds: 2 } }] },
      "You have room two hundred.",
      { tools: [{ name: "hang_up", params: {} }] },
      "Goodbye."
    ]),
    Testing.layerTts({ duration: 600 })
  )
})
