/**
 * @title A conversation without a network: Whisper, SmolLM2 and Piper on this machine
 *
 * A recorded question is heard by Whisper, answered by a model of 135 million
 * parameters and spoken by Piper, each behind an interface like OpenAI's; what
 * was heard and said is printed, and the call recorded in `offline.wav`. The
 * repository's `test/offline/README.md` has the lines that start the three.
 *
 *     npx tsx examples/14_offline.ts
 *
 * It runs in real time: half a minute.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer } from "effect"
import { Agent, History, Pipeline, Session } from "effect-voice"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { fileURLToPath } from "node:url"

const question = fileURLToPath(new URL("../test/fixtures/weather_question.wav", import.meta.url))

const url = (name: string, port: number) => Config.String(name).pipe(Config.withDefault(`http://127.0.0.1:${port}/v1`))

const agent = Agent.make({
  instructions: "You are a helpful assistant. Answer in one short sentence.",
  onEnter: Session.Session.use((session) => session.say("Hello, this is the desk.")),
  onExit: Session.Session.use((session) =>
    Effect.flatMap(session.history, (history) => Console.log(History.toTranscript(history, "text")))
  )
})

const services = Layer.mergeAll(
  SileroVad.layer(),
  OpenAiStt.layerConfig({
    baseUrl: url("WHISPER_URL", 19_082),
    name: Config.succeed("whisper"),
    model: Config.succeed("tiny.en"),
    gates: Config.succeed(true)
  }),
  OpenAiLlm.layerConfig({
    baseUrl: url("LLAMA_URL", 19_081),
    name: Config.succeed("llama.cpp"),
    model: Config.succeed("smollm2"),
    maxTokens: Config.succeed(40),
    temperature: Config.succeed(0)
  }),
  OpenAiTts.layerConfig({
    baseUrl: url("PIPER_URL", 19_083),
    name: Config.succeed("piper"),
    voice: Config.succeed("joe"),
    sampleRate: Config.succeed(22_050)
  }),
  LocalRoom.layer({
    participants: [{
      identity: "caller",
      audio: [{ at: "4 seconds", audio: question }],
      linger: "12 seconds"
    }],
    record: "offline.wav"
  })
)

Pipeline.run(agent).pipe(Effect.provide(services), NodeRuntime.runMain)
