/**
 * @title The telephone of a hotel: a tool, a barge-in, and a recording
 */
import { Console, Effect, Layer, Schema } from "effect"
import { Agent, History, Pipeline, Session, Tools } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as Testing from "effect-voice/testing"

const book = { parameters: Schema.Struct({ nights: Schema.Int }), run: async () => "room 7" }
const desk = Agent.make({
  instructions: "You answer the phone of a small hotel.",
  tools: Tools.functions({ book }),
  onEnter: async (session) => session.say("Sea View Hotel, how can I help?"),
  onExit: Session.Session.use(({ history }) =>
    Effect.flatMap(history, (history) => Console.log(History.toTranscript(history, "text")))
  )
})

const said = (at: number, text: string) => ({ at, audio: Testing.speech(text) })
const audio = [said(4000, "A room for two nights, please."), said(8000, "Wait, make it three.")]
const room = LocalRoom.layer({ participants: [{ identity: "caller", audio }], record: "hello.wav", mode: "fast" })

const call = (nights: number) => ({ tools: [{ name: "book", params: { nights } }] })
const reply = "Room seven is yours for two nights, with breakfast and a view of the sea."
const model = Testing.layerLlm([call(2), reply, call(3), "Three nights it is. See you soon!"])
const services = Layer.mergeAll(EnergyVad.layer(), Testing.layerStt(), model, FliteTts.layer())

await Pipeline.run(desk).pipe(Effect.provide(Layer.provideMerge(services, room)), Effect.runPromise)
