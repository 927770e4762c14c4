/**
 * @title A whole conversation: two real voices, real turn-taking, no network and no key
 *
 *     npm run demo                          in real time
 *     npm run demo -- --fast                without waiting, the same events
 *     npm run demo -- --stt pocketsphinx    a real recogniser, where it is installed
 *
 * Then look at out/conversation.svg and listen to out/conversation.wav. It is run in a clone, or is copied together with the
 * folder `support` beside it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Schedule, Schema } from "effect"
import { Agent, Pipeline, Session, Tts } from "effect-voice"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { Command } from "effect/cli"
import * as Caller from "./support/caller.ts"
import * as Demo from "./support/demo.ts"
import * as PocketSphinx from "./support/pocketsphinx.ts"
import * as Studio from "./support/studio.ts"

// ---- the agent: what it is told, what it can do -------------------------------------------------------------

const Rooms = Schema.Struct({ single: Schema.Finite, double: Schema.Finite })

const FindRooms = Tool.make("find_rooms", {
  description: "Free rooms of a night, with their prices in euros",
  parameters: Schema.Struct({ night: Schema.String }),
  success: Rooms
})

const BookRoom = Tool.make("book_room", {
  description: "Books a room",
  parameters: Schema.Struct({ kind: Schema.Literals(["single", "double"]), night: Schema.String }),
  success: Schema.Struct({ number: Schema.Int })
})

const HangUp = Tool.make("hang_up", { description: "Says goodbye and ends the call", dependencies: [Session.Session] })

const Tools = Toolkit.make(FindRooms, BookRoom, HangUp)

const ToolsLive = Tools.toLayer({
  find_rooms: () => Effect.delay(Effect.succeed({ single: 90, double: 120 }), "600 millis"),
  book_room: () => Effect.delay(Effect.succeed({ number: 12 }), "300 millis"),
  hang_up: () => Session.Session.use((session) => session.hangUp({ say: "Thank you for calling. Goodbye!" }))
})

const desk = Agent.make({
  name: "desk",
  instructions: "You answer the telephone of a small hotel. Be brief: you are heard, not read.",
  tools: Tools,
  onEnter: Session.Session.use((session) => session.say("Harbour Hotel, good evening. How can I help you?"))
})

// ---- the other side: what the caller says, and when ----------------------------------------------------------

const lines: ReadonlyArray<Caller.Line> = [
  { at: "4.6 seconds", says: "Do you have a room for Friday night?" },
  { at: "13.4 seconds", says: "Wait, is breakfast included?", over: "3 seconds" },
  { at: "18.8 seconds", says: "Mm-hmm.", sounds: "um hum", over: "1.5 seconds", answered: false },
  { at: "25 seconds", says: "Great. Please book the double room." },
  { at: "36 seconds", says: "Thank you very much. Goodbye." }
]

// ---- the model: scripted, by what it is asked ----------------------------------------------------------------

const model: Testing.LlmScript = ({ step, text }) => {
  const asked = (words: RegExp) => words.test(text.toLowerCase())
  if (asked(/good ?bye|thank/)) return step === 0 ? { tools: [{ name: "hang_up" }] } : ""
  if (asked(/book|double/)) {
    return step === 0
      ? { tools: [{ name: "book_room", params: { kind: "double", night: "Friday" } }] }
      : "Done. The double room is yours on Friday, it is number twelve. We are looking forward to seeing you."
  }
  if (asked(/breakfast|included/)) {
    return "Yes, breakfast is included. It is served in the garden from seven until ten, and on Sundays until eleven."
  }
  if (asked(/room|friday|night/)) {
    return step === 0
      ? { text: "Let me have a look. ", tools: [{ name: "find_rooms", params: { night: "Friday" } }] }
      : "We have a single room for ninety euros, and a double room with a view of the harbour for one hundred and twenty."
  }
  return "I am sorry, I did not understand that. Could you say it again, please?"
}

// ---- everything together -------------------------------------------------------------------------------------

const voices = Tts.layerFallback([
  Studio.layerVoice({ name: "first voice", voice: "slt", delay: "150 millis", fails: [5, 6] }),
  Studio.layerVoice({ name: "second voice", voice: "awb", delay: "250 millis" })
], { policy: { retries: 1, schedule: Schedule.spaced("100 millis") } })

const conversation = Effect.fnUntraced(function*(demo: Demo.Demo, feed: "all" | "speech") {
  const caller = yield* Caller.Caller
  const session = yield* Pipeline.make(desk, {
    feed,
    vad: { onScore: yield* demo.meter },
    onEvent: (event) => {
      caller.hears(event)
      demo.sees(event)
    }
  })
  yield* Effect.forkScoped(caller.talk)
  return yield* session.ended
})

const play = Effect.fnUntraced(function*(flags: Demo.Flags) {
  const demo = yield* Demo.open(flags)
  const room = LocalRoom.layer({
    mode: flags.fast ? "fast" : "realtime",
    participants: [{ identity: "caller" }],
    record: demo.wav
  })
  const services = Layer.mergeAll(
    flags.stt === "scripted" ? Studio.layerScriptedStt : PocketSphinx.layer,
    Testing.layerLlm(model, { firstToken: "250 millis", total: "700 millis" }),
    SileroVad.layer(),
    voices,
    ToolsLive
  ).pipe(Layer.provideMerge(room), Layer.provideMerge(Caller.layer(lines, "rms")))
  yield* Effect.scoped(conversation(demo, flags.stt === "scripted" ? "all" : "speech")).pipe(Effect.provide(services))
  yield* demo.finish
})

Command.make("demo", Demo.flags, (flags) => Effect.tapError(play(flags), Demo.explain)).pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
