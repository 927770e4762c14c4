/** The contracts, and one sentence there and back, against OpenAI itself: it costs a few cents, and needs OPENAI_API_KEY. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, type Layer, Redacted, Schema, Stream } from "effect"
import { Audio, Llm, Stt } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { Prompt, Tool } from "effect/ai"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { contract as llmContract } from "../contract/llm.ts"
import { contract as sttContract } from "../contract/stt.ts"
import { contract as ttsContract } from "../contract/tts.ts"

const key = Effect.runSync(Config.String("OPENAI_API_KEY").pipe(Config.withDefault(""))).trim()

if (key === "") {
  describe.skip("OpenAI: set OPENAI_API_KEY to run these tests", () => it("is asked", () => {}))
} else {
  const apiKey = Redacted.make(key)
  const file = fs.readFileSync(fileURLToPath(new URL("../fixtures/weather_question.wav", import.meta.url)))
  const question = Effect.runSync(Effect.fromResult(Audio.decodeWav(file)))
  const speech = Array.from(
    { length: Math.ceil(Audio.durationMs(question) / 20) },
    (_, i) => Audio.slice(question, i * 20, (i + 1) * 20)
  )

  for (const api of ["chat", "responses"] as const) {
    llmContract(`OpenAiLlm by ${api}`, OpenAiLlm.layer({ apiKey, api, maxTokens: 60 }), { live: true })
  }
  ttsContract("OpenAiTts", OpenAiTts.layer({ apiKey }), { live: true })
  sttContract("OpenAiStt", OpenAiStt.layer({ apiKey }), { live: true, speech })
  sttContract("OpenAiStt live", OpenAiStt.layerRealtime({ apiKey }), { live: true, speech })

  const GetWeather = Tool.make("get_weather", {
    description: "The weather in a city, now",
    parameters: Schema.Struct({ city: Schema.String, units: Schema.optionalKey(Schema.Literals(["c", "f"])) }),
    success: Schema.String
  })

  describe("OpenAI", () => {
    const heard = (stt: Layer.Layer<Stt.Stt, Stt.SttError>) =>
      Stt.transcribe(Stream.fromIterable<Stt.Input>([...speech, Stt.Finalize])).pipe(
        Stream.filter(({ final }) => final),
        Stream.runFold(() => "", (text, transcript) => `${text} ${transcript.text}`),
        Effect.provide(stt)
      )

    for (
      const [name, layer] of [
        ["whisper-1", OpenAiStt.layer({ apiKey, gates: true, words: false })],
        ["the recommended model", OpenAiStt.layer({ apiKey, ...OpenAiStt.recommended })],
        ["the live model", OpenAiStt.layerRealtime({ apiKey })]
      ] as const
    ) {
      it.live(`hears the question with ${name}`, () =>
        Effect.gen(function*() {
          assert.match(yield* heard(layer), /weather in paris/i)
        }), 30_000)
    }

    it.live("calls the tool, with parameters as its schema has them", () =>
      Effect.gen(function*() {
        const { llm } = yield* OpenAiLlm.make({ apiKey })
        const prompt = Prompt.make("What is the weather in Paris?")
        const deltas = yield* Stream.runCollect(llm.reply({ prompt, tools: [GetWeather], toolChoice: "required" }))
        const [call] = deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta] : [])
        const params = yield* Schema.decodeUnknownEffect(GetWeather.parametersSchema)(call?.params)
        assert.strictEqual(params.city, "Paris")
      }), 30_000)

    it.live("says what it then hears again", () =>
      Effect.gen(function*() {
        const tts = yield* OpenAiTts.make({ apiKey, ...OpenAiTts.expressive })
        const chunks = yield* Stream.runCollect(tts.speak(Stream.make("The room is ready for you.")))
        const stt = yield* OpenAiStt.make({ apiKey, ...OpenAiStt.recommended })
        const frames = Stream.fromIterable<Stt.Input>(chunks.map(({ frame }) => frame))
        const [transcript] = yield* Stream.runCollect(stt.transcribe(frames))
        assert.match(transcript?.text ?? "", /room is ready/i)
      }), 30_000)

    it.live("warms up, and refuses a wrong key without telling it", () =>
      Effect.gen(function*() {
        const { llm } = yield* OpenAiLlm.make({ apiKey })
        yield* llm.prewarm ?? Effect.void
        const wrong = yield* OpenAiLlm.make({ apiKey: Redacted.make("sk-wrong-key") })
        const error = yield* Effect.flip(Llm.generateText(wrong.llm, "Hello"))
        assert.strictEqual(error.reason._tag === "Rejected" ? error.reason.status : error.reason, 401)
        assert.notInclude(JSON.stringify(error) + error.message, "sk-wrong")
      }), 30_000)

    it.live("has a voice for every name it lists", () =>
      Effect.gen(function*() {
        const tts = yield* OpenAiTts.make({ apiKey, model: "gpt-4o-mini-tts" })
        for (const voice of tts.voices) {
          const [chunk] = yield* tts.speak(Stream.make("Hi."), { voice }).pipe(Stream.take(1), Stream.runCollect)
          assert.isDefined(chunk, voice)
        }
      }), 120_000)
  })
}
