/**
 * @title The telephone of a hotel: a tool, an interruption, and a recording
 */
import { Effect, Layer, Schema } from "effect"
import { Agent, History, Pipeline, Tools } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as Testing from "effect-voice/testing"

const desk = Agent.make({
  instructions: "You answer the phone of a small hotel.",
  tools: Tools.functions({ book: { parameters: Schema.Struct({ nights: Schema.Int }), run: async () => "room 7" } }),
  onEnter: async (session) => session.say("Sea View Hotel, how can I help?"),
  onExit: async (session) => process.stdout.write(`${History.toTranscript(await session.history(), "text")}\n`)
})

const said = (at: number, text: string) => ({ at, audio: Testing.speech(text) })
const audio = [said(4000, "A room for two nights, please."), said(8000, "Wait, is breakfast included?")]
const room = LocalRoom.layer({ participants: [{ identity: "caller", audio }], record: "hello.wav", mode: "fast" })
const model = Testing.layerLlm([
  { tools: [{ name: "book", params: { nights: 2 } }] },
  "Room seven is yours for two nights, in the front, with a view of the sea.",
  "Yes, it is. See you soon!"
])
const services = Layer.mergeAll(EnergyVad.layer(), Testing.layerStt(), model, FliteTts.layer())

await Pipeline.run(desk).pipe(Effect.provide(Layer.provideMerge(services, room)), Effect.runPromise)
