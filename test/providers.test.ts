import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { Prompt } from "effect/ai"
import * as fs from "node:fs"
import * as provider from "./support/provider.ts"

describe("every layer that asks a provider", () => {
  const apiKey = Redacted.make("sk-secret")
  const baseUrl = "http://127.0.0.1:1"
  const header = { headers: { "x-secret": Redacted.make("sk-secret") } }
  const audio = Stream.make({ samples: new Int16Array(16_000).fill(1), sampleRate: 16_000, channels: 1 })
  const text = Stream.make("Hello.")
  const asked = { prompt: Prompt.make("Hello?"), tools: [] }
  const listening = (make: ReturnType<typeof OpenAiStt.makeRealtime>) =>
    Effect.map(make, (stt) => [stt.name, Effect.flip(Stream.runDrain(stt.transcribe(audio)))] as const)
  const speaking = (make: ReturnType<typeof ElevenLabsTts.make>) =>
    Effect.map(make, (tts) => [tts.name, Effect.flip(Stream.runDrain(tts.speak(text)))] as const)

  const layersOf = (more: object) => {
    const common = { apiKey, name: "mine", baseUrl, ...more }
    const http = { ...header, name: "mine", url: baseUrl, ...more }
    return {
      AssemblyAiStt: listening(AssemblyAiStt.make(common)),
      AzureStt: listening(AzureStt.make({ ...common, region: "westeurope" })),
      AzureTts: speaking(AzureTts.make({ ...common, region: "westeurope" })),
      CartesiaTts: speaking(CartesiaTts.make(common)),
      DeepgramFluxStt: listening(DeepgramFluxStt.make(common)),
      DeepgramStt: listening(DeepgramStt.make(common)),
      ElevenLabsStt: listening(ElevenLabsStt.make(common)),
      ElevenLabsTts: speaking(ElevenLabsTts.make(common)),
      "ElevenLabsTts by HTTP": speaking(ElevenLabsTts.make({ ...common, mode: "http" })),
      HttpLlm: Effect.map(
        HttpLlm.make(http),
        (llm) => [llm.name, Effect.flip(Stream.runDrain(llm.reply(asked)))] as const
      ),
      HttpStt: listening(HttpStt.make(http)),
      HttpTts: speaking(HttpTts.make(http)),
      OpenAiLlm: Effect.map(
        OpenAiLlm.make({ ...common, ...header }),
        ({ llm }) => [llm.name, Effect.flip(Stream.runDrain(llm.reply(asked)))] as const
      ),
      OpenAiRealtime: Effect.map(
        OpenAiRealtime.make({ ...common, ...header }),
        (llm) => [llm.name, Effect.flip(Stream.runDrain(llm.reply(asked)))] as const
      ),
      OpenAiStt: listening(OpenAiStt.make({ ...common, ...header })),
      "OpenAiStt live": listening(OpenAiStt.makeRealtime({ ...common, ...header })),
      OpenAiTts: speaking(OpenAiTts.make({ ...common, ...header }))
    }
  }
  const layers = layersOf({})

  for (const [layer, make] of Object.entries(layers)) {
    it.live(`takes a name of its own, for two of a kind: ${layer}`, () =>
      Effect.gen(function*() {
        const [name, failed] = yield* make
        assert.strictEqual(name, "mine")
        const { provider } = yield* failed
        assert.strictEqual(provider, "mine")
      }))
  }

  for (const [layer, make] of Object.entries(layersOf({ colour: "red" }))) {
    it.live(`refuses what is no option of it: ${layer}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.gen(function*() {
          return yield* make
        }))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.reason.message, /colour is not known/)
      }))
  }

  it("is in this list, and in the table of faults", () => {
    const files = fs.readdirSync(new URL("../src/Layers", import.meta.url))
      .map((file) => file.replace(".ts", ""))
      .filter((file) => /(Stt|Llm|Tts|Realtime)$/.test(file) && !/^(Command|Flite)/.test(file))
    assert.deepStrictEqual(Object.keys(layers).filter((layer) => !layer.includes(" ")), files.toSorted())
    for (const file of files) {
      const tests = fs.readFileSync(new URL(`${file}.test.ts`, import.meta.url), "utf8")
      assert.include(tests, `from "./contract/faults.ts"`, file)
    }
  })

  it.live("keeps a secret header out of its errors, and sends it", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) => void response.writeHead(401).end())
      const { llm } = yield* OpenAiLlm.make({ ...header, baseUrl: server.url })
      const error = yield* Effect.flip(Stream.runDrain(llm.reply(asked)))
      assert.notInclude(JSON.stringify(error) + error.message, "sk-secret")
      assert.strictEqual((yield* server.next).headers["x-secret"], "sk-secret")
    }))
})
