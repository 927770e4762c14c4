/**
 * @title Hello
 *
 * A hotel's telephone: real audio in both directions, no key and no network.
 * The caller is a file, or here a voice that the scripted recogniser can read.
 */
import { Effect, Layer, Schema } from "effect"
import { Agent, Pipeline, Session } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Book = Tool.make("book_room", { parameters: Schema.Struct({ nights: Schema.Int }), success: Schema.String })
const Tools = Toolkit.make(Book)

const desk = Agent.make({
  instructions: "You answer the phone of a small hotel.",
  tools: Tools,
  onEnter: Session.Session.use((session) => session.say("Sea View Hotel, how can I help?"))
})

const caller = { identity: "caller", audio: [{ at: "4 seconds", audio: Testing.speech("A room for two nights, please.") }] }

const Services = Layer.mergeAll(
  EnergyVad.layer(),
  Testing.layerStt(),
  Testing.layerLlm([{ tools: [{ name: "book_room", params: { nights: 2 } }] }, "Room seven is yours. See you soon!"]),
  FliteTts.layer(),
  Tools.toLayer({ book_room: ({ nights }) => Effect.succeed(`room 7, ${nights} nights`) })
)

const program = Pipeline.run(desk, { onEvent: ({ _tag, at }) => console.log(Math.round(at), _tag) }).pipe(
  Effect.provide(Services),
  Effect.provide(LocalRoom.layer({ participants: [caller], record: "hello.wav", mode: "fast" }))
)

Effect.runPromise(program)
