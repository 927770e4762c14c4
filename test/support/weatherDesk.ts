/** The agent of the tests with real audio: real ears for voice, a real voice, and a script between them. */
import { Effect, Layer } from "effect"
import { Agent, Pipeline, Stt, Worker } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"

/** Hears the same sentence in whatever was said. */
const ears = Layer.succeed(
  Stt.Stt,
  Stt.fromRecognizer({
    name: "deaf",
    recognize: () => Effect.succeed({ text: "What is the weather in Paris?" })
  })
)

const agent = Agent.make({
  instructions: "You tell the weather.",
  onEnter: async (session) => {
    await session.room.handle("wind", async ({ payload }) => `${payload}: west`)
    await session.room.handle("broken", () => Promise.reject(new Error("no wind")))
    await session.say("Hello, this is the weather desk.", { protected: true })
  }
})

/** A desk that gives one answer to everything. */
export const deskThatSays = (answer: string) =>
  Worker.define({
    agentName: "desk",
    entry: () => Pipeline.run(agent),
    layer: Layer.mergeAll(
      SileroVad.layer(),
      ears,
      Testing.layerLlm(Array.from({ length: 20 }, () => answer)),
      FliteTts.layer({ voice: "slt" })
    )
  })
