/**
 * The contracts, and one sentence there or back, against AssemblyAI, Cartesia, Deepgram,
 * ElevenLabs and Azure themselves: it costs a few cents. Those whose keys are in the environment
 * are asked.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, type Layer, Option, Redacted, Stream } from "effect"
import { Audio, Stt, Tts } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { contract as sttContract } from "../contract/stt.ts"
import { contract as ttsContract } from "../contract/tts.ts"

const file = fs.readFileSync(fileURLToPath(new URL("../fixtures/weather_question.wav", import.meta.url)))
const question = Effect.runSync(Effect.fromResult(Audio.decodeWav(file)))
const speech = Array.from(
  { length: Math.ceil(Audio.durationMs(question) / 20) },
  (_, i) => Audio.slice(question, i * 20, (i + 1) * 20)
)

const read = (variable: string): string =>
  Option.getOrElse(Effect.runSync(Config.option(Config.String(variable))), () => "").trim()

/** Runs the tests if the variables are set, and says which are not. */
const asking = (
  provider: string,
  variables: ReadonlyArray<string>,
  tests: (key: Redacted.Redacted, region: string) => void
) => {
  const [key = "", region = ""] = variables.map(read)
  if (variables.some((variable) => read(variable) === "")) {
    describe.skip(`${provider}: set ${variables.join(" and ")} to run these tests`, () => it("is asked", () => {}))
  } else tests(Redacted.make(key), region)
}

const hearing = (name: string, stt: Layer.Layer<Stt.Stt, Stt.SttError>): void => {
  sttContract(name, stt, { live: true, speech })
  it.live(`${name} hears the question`, () =>
    Effect.gen(function*() {
      const heard = yield* Stt.transcribe(Stream.fromIterable<Stt.Input>([...speech, Stt.Finalize])).pipe(
        Stream.filter(({ final }) => final),
        Stream.runCollect,
        Effect.provide(stt)
      )
      assert.match(heard.map(({ text }) => text).join(" "), /weather in paris/i)
    }), 30_000)
}

const speaking = (name: string, tts: Layer.Layer<Tts.Tts, Tts.TtsError>): void => {
  ttsContract(name, tts, { live: true })
  it.live(`${name} says numbers and signs, and tells when`, () =>
    Effect.gen(function*() {
      const text = ["It costs $5 & 20 cents. ", "That is < 6."]
      const chunks = yield* Tts.speak(Stream.fromIterable(text)).pipe(Stream.runCollect, Effect.provide(tts))
      const frames = chunks.map(({ frame }) => frame)
      assert.isAbove(Audio.durationMs(Audio.concat(frames)), 1500)
      assert.isAbove(Audio.dbfs(Audio.concat(frames)), -45)
      assert.strictEqual(
        chunks.flatMap(({ alignment = [] }) => alignment.map(({ text }) => text)).join(""),
        text.join("")
      )
    }), 30_000)
}

asking("AssemblyAI", ["ASSEMBLYAI_API_KEY"], (apiKey) => {
  hearing("AssemblyAiStt", AssemblyAiStt.layer({ apiKey }))
  hearing("AssemblyAiStt in English", AssemblyAiStt.layer({ apiKey, model: "universal-streaming-english" }))
})

asking("Cartesia", ["CARTESIA_API_KEY"], (apiKey) => speaking("CartesiaTts", CartesiaTts.layer({ apiKey })))

asking("Deepgram", ["DEEPGRAM_API_KEY"], (apiKey) => hearing("DeepgramStt", DeepgramStt.layer({ apiKey })))

asking("ElevenLabs", ["ELEVENLABS_API_KEY"], (apiKey) => {
  hearing("ElevenLabsStt", ElevenLabsStt.layer({ apiKey }))
  speaking("ElevenLabsTts", ElevenLabsTts.layer({ apiKey }))
  speaking("ElevenLabsTts as recommended", ElevenLabsTts.layer({ apiKey, ...ElevenLabsTts.recommended }))
  speaking("ElevenLabsTts by HTTP", ElevenLabsTts.layer({ apiKey, mode: "http" }))
})

asking("Azure", ["AZURE_SPEECH_KEY", "AZURE_SPEECH_REGION"], (apiKey, region) => {
  hearing("AzureStt", AzureStt.layer({ apiKey, region }))
  hearing("AzureStt in detail", AzureStt.layer({ apiKey, region, output: "Detailed" }))
  speaking("AzureTts", AzureTts.layer({ apiKey, region }))
})
