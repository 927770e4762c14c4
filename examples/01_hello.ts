/**
 * @title The telephone of a hotel: a tool, a barge-in, and a recording
 */
import { Console, Effect, Layer, Schema } from "effect"
import { Agent, History, Pipeline, Session } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Book = Tool.make("book", { parameters: Schema.Struct({ nights: Schema.Int }), success: Schema.String })
const Tools = Toolkit.make(Book)

const desk = Agent.make({
  instructions: "You answer the phone of a small hotel.",
  tools: Tools,
  onEnter: Session.Session.use((session) => session.say("Sea View Hotel, how can I help?")),
  onExit: Session.Session.use((session) =>
    Effect.flatMap(session.history, (history) => Console.log(History.toTranscript(history, "text")))
  )
})

const room = LocalRoom.layer({
  participants: [{
    identity: "caller",
    audio: [
      { at: "4 seconds", audio: Testing.speech("A room for two nights, please.") },
      { at: "8 seconds", audio: Testing.speech("Wait, make it three.") }
    ]
  }],
  record: "hello.wav",
  mode: "fast"
})

const services = Layer.mergeAll(
  EnergyVad.layer(), // or SileroVad.layer()
  Testing.layerStt(), // reads the words from this caller's audio
  Testing.layerLlm([
    { tools: [{ name: "book", params: { nights: 2 } }] },
    "Room seven is yours for two nights, with breakfast and a view of the sea.",
    { tools: [{ name: "book", params: { nights: 3 } }] },
    "Three nights it is. See you soon!"
  ]),
  FliteTts.layer({ voice: "slt" }),
  Tools.toLayer({ book: ({ nights }) => Effect.succeed(`room 7, ${nights} nights`) })
)

Pipeline.run(desk).pipe(
  Effect.provide(Layer.provideMerge(services, room)),
  Effect.runPromise
)
