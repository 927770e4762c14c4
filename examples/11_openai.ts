/**
 * @title A question of the weather, with OpenAI's recogniser, model and voice
 *
 * `OPENAI_API_KEY=… npx tsx examples/11_openai.ts` asks OpenAI. With
 * `OPENAI_BASE_URL` (and `OPENAI_MODEL`), any compatible server is asked
 * instead, and a key is needed only if it wants one. The caller is a recording;
 * the conversation takes as long as it takes to say.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer, Option, Schema } from "effect"
import { Agent, Config as VoiceConfig, History, Pipeline, Session } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { Tool, Toolkit } from "effect/ai"
import { fileURLToPath } from "node:url"

const GetWeather = Tool.make("get_weather", {
  description: "The weather in a city, now",
  parameters: Schema.Struct({
    city: Schema.String,
    units: Schema.optionalKey(Schema.Literals(["celsius", "fahrenheit"]))
  }),
  success: Schema.Struct({ temperature: Schema.Finite, sky: Schema.String })
})
const Tools = Toolkit.make(GetWeather)
const ToolsLive = Tools.toLayer({ get_weather: () => Effect.succeed({ temperature: 22, sky: "sunny" }) })

const agent = Agent.make({
  instructions: "You tell the weather over the telephone. Answer in one short sentence, without lists or symbols.",
  tools: Tools,
  onExit: Session.Session.use((session) =>
    Effect.flatMap(session.history, (history) => Console.log(History.toTranscript(history, "text")))
  )
})

const room = LocalRoom.layer({
  participants: [{
    identity: "caller",
    audio: [{
      at: "500 millis",
      audio: fileURLToPath(new URL("../test/fixtures/weather_question.wav", import.meta.url))
    }]
  }]
})

const services = Layer.unwrap(Effect.gen(function*() {
  const { apiKey, model } = yield* VoiceConfig.openai
  const baseUrl = Option.getOrUndefined(yield* Config.option(Config.String("OPENAI_BASE_URL")))
  const server = { apiKey, baseUrl }
  return Layer.mergeAll(
    OpenAiStt.layer({ ...server, gates: true }), // or OpenAiStt.layerRealtime(server), to hear while they speak
    OpenAiLlm.layer({ ...server, model, maxTokens: 100 }),
    OpenAiTts.layer({ ...server, voice: "nova" })
  )
}))

Pipeline.run(agent).pipe(
  Effect.provide(Layer.mergeAll(EnergyVad.layer(), services, ToolsLive, room)),
  NodeRuntime.runMain
)
