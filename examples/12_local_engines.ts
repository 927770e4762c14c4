/**
 * @title A conversation with local engines alone: Silero, pocketsphinx, flite
 *
 * A recorded question is heard by CMU PocketSphinx, answered with a weather
 * tool, spoken by the program flite, and what was spoken is heard by
 * PocketSphinx again. Only the model is scripted. On Debian or Ubuntu:
 *
 *     apt install pocketsphinx pocketsphinx-en-us flite
 *
 * The recording is in `test/fixtures` of the package: copy that folder beside `examples`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { Agent, type Event, Pipeline, Stt } from "effect-voice"
import * as CommandStt from "effect-voice/Layers/CommandStt"
import * as CommandTts from "effect-voice/Layers/CommandTts"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { fileURLToPath } from "node:url"

const question = fileURLToPath(new URL("../test/fixtures/weather_question.wav", import.meta.url))

const GetWeather = Tool.make("get_weather", {
  description: "The weather of a city, now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ condition: Schema.String, temperature: Schema.Finite })
})

const Tools = Toolkit.make(GetWeather)

const ToolsLive = Tools.toLayer({
  get_weather: () => Effect.succeed({ condition: "sunny", temperature: 22 })
})

const agent = Agent.make({ instructions: "You tell the weather. Be brief.", tools: Tools })

// What a model would make of "what is the weather in Paris", also where the city was misheard.
const model: Testing.LlmScript = ({ step, text }) => {
  if (!/weather/i.test(text)) return "I am sorry, I can only tell the weather."
  return step === 0
    ? { tools: [{ name: "get_weather", params: { city: "Paris" } }] }
    : "The weather in Paris is sunny today."
}

const tell = (event: Event.Event): ReadonlyArray<string> => {
  switch (event._tag) {
    case "UserSpeechCommitted":
      return [`user: ${event.text}`]
    case "FunctionCallsFinished":
      return event.calls.map(({ name }) => `tool: ${name}`)
    case "AgentSpeechCommitted":
      return [`agent: ${event.text}`]
    case "ProviderFailed":
      return [`failed: ${event.provider}`]
    default:
      return []
  }
}

const program = Effect.gen(function*() {
  const lines: Array<string> = []
  // The recogniser takes one piece of speech at a time: it is fed those that Silero finds.
  yield* Pipeline.run(agent, { onEvent: (event) => void lines.push(...tell(event)) })
  const room = yield* LocalRoom.Control
  const outputs = yield* room.outputs
  const played = yield* Effect.forEach(outputs, ({ heard }) => heard)
  const spoken = Stream.fromIterable(played.flat().map(({ frame }) => frame))
  const again = yield* Stream.runCollect(Stt.transcribe(spoken))
  yield* Console.log([...lines, `heard again: ${again.map(({ text }) => text).join(" ")}`].join("\n"))
})

// Fast: the room's Clock waits for the programs, and for nothing else.
const room = LocalRoom.layer({
  mode: "fast",
  keepHeard: true,
  participants: [{ identity: "caller", audio: [{ at: "1 second", audio: question }] }]
})

const services = Layer.mergeAll(
  SileroVad.layer(),
  CommandStt.layer(CommandStt.pocketsphinx),
  CommandTts.layer(CommandTts.flite),
  Testing.layerLlm(model),
  ToolsLive
)

program.pipe(
  Effect.provide(Layer.provideMerge(services, room)),
  NodeRuntime.runMain
)
