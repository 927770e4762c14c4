/** Everything that asks over HTTP, against a server that answers anything. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, Schema, Stream } from "effect"
import { Audio, Llm, Stt, Tts } from "effect-voice"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { Prompt, Tool } from "effect/ai"
import { vi } from "vitest"
import { chunk, usage } from "../support/openai.ts"
import { tone } from "../support/transcribing.ts"
import { type Answer, world } from "./support/fetch.ts"
import * as harness from "./support/harness.ts"
import { bytes, type Chance, json, pieces, text } from "./support/mutation.ts"

vi.mock("undici", async () => (await import("./support/fetch.ts")).undici)

const apiKey = Redacted.make("the-key")

const encoder = new TextEncoder()

const answer = (chance: Chance, type: string, body: Uint8Array): Answer => ({
  status: chance.is(0.92) ? 200 : chance.of([201, 400, 401, 404, 422, 429, 500, 503]),
  type: chance.is(0.95)
    ? type
    : chance.of(["text/html", "", "application/octet-stream", chance.text(12).replaceAll(/[^\x20-\x7e]/g, "")]),
  pieces: pieces(body, chance),
  lost: chance.is(0.1)
})

const sse = (events: ReadonlyArray<unknown>, chance: Chance): Uint8Array => {
  const lines =
    events.map((event) => `data: ${chance.is(0.2) ? json(event, chance) : JSON.stringify(event)}\n\n`).join("") +
    (chance.is(0.7) ? "data: [DONE]\n\n" : "")
  return encoder.encode(chance.is(0.2) ? text(lines, chance) : lines)
}

const some = <A>(all: ReadonlyArray<A>, chance: Chance): ReadonlyArray<A> => all.filter(() => chance.is(0.8))

const call = (index: number, more: object) => chunk({ tool_calls: [{ index, type: "function", ...more }] })

const chat = [
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "It is " }),
  chunk({ content: [{ type: "text", text: "sunny." }] }),
  chunk({ reasoning_content: "thought" }),
  chunk({ content: "<think>x</think>" }),
  call(0, { id: "a", function: { name: "get_weather", arguments: "{\"city\":" } }),
  call(0, { function: { arguments: "\"Paris\"}" } }),
  call(1, {
    id: "b",
    function: { name: "get_weather", arguments: "{\"city\":\"Rome\"}" },
    extra_content: { google: { x: "s" } }
  }),
  chunk({}, "tool_calls"),
  usage
]

const item = { type: "function_call", id: "fc", call_id: "c", name: "get_weather", arguments: "{\"city\":\"Paris\"}" }

const responses = [
  { type: "response.created", response: { id: "r", model: "m" } },
  { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "m" } },
  { type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta: "It is sunny." },
  { type: "response.refusal.delta", item_id: "m", output_index: 0, content_index: 0, delta: "No." },
  {
    type: "response.output_item.done",
    output_index: 0,
    item: { type: "reasoning", id: "rs", summary: [], encrypted_content: "x" }
  },
  { type: "response.output_item.done", output_index: 1, item },
  { type: "response.incomplete", response: { incomplete_details: { reason: "max_output_tokens" } } },
  { type: "response.failed", response: { error: { code: "server_error", message: "words" } } },
  { type: "error", code: "rate_limit_exceeded", message: "words", param: null },
  {
    type: "response.completed",
    response: {
      id: "r",
      model: "m",
      usage: { input_tokens: 1, output_tokens: 2, input_tokens_details: { cached_tokens: 1 } }
    }
  }
]

const weather = Tool.make("get_weather", { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String })

const thinks = (
  name: string,
  layer: Layer.Layer<Llm.Llm, unknown>,
  type: string,
  body: (chance: Chance) => Uint8Array
) =>
  it.live(name, () =>
    Effect.gen(function*() {
      const llm = yield* Llm.Llm
      yield* harness.hold(
        name,
        (chance) =>
          Effect.suspend(() => {
            world.answer = answer(chance, type, body(chance))
            return harness.quiet(Stream.runCollect(llm.reply({ prompt: Prompt.make("Hello?"), tools: [weather] })))
          }),
        {
          error: (error) => error instanceof Llm.LlmError,
          result: (deltas) => {
            for (const delta of deltas) {
              if (delta._tag === "Text") assert.isString(delta.text)
              if (delta._tag === "ToolCall") assert.isString(delta.name)
            }
          }
        }
      )
    }).pipe(Effect.provide(layer)), 600_000)

describe("whatever a server answers, there is a reply or an error:", () => {
  thinks("OpenAiLlm", OpenAiLlm.layer({ apiKey }), "text/event-stream", (chance) => sse(some(chat, chance), chance))
  thinks(
    "OpenAiLlm, Responses",
    OpenAiLlm.layer({ apiKey, api: "responses" }),
    "text/event-stream",
    (chance) => sse(some(responses, chance), chance)
  )
  thinks(
    "HttpLlm",
    HttpLlm.layer({ url: "http://a.test", answer: HttpLlm.chatStream }),
    "text/event-stream",
    (chance) => sse(some(chat, chance), chance)
  )
  thinks(
    "HttpLlm, whole",
    HttpLlm.layer({ url: "http://a.test" }),
    "application/json",
    (chance) =>
      encoder.encode(json({
        id: "x",
        model: "m",
        choices: [{
          index: 0,
          finish_reason: "tool_calls",
          message: {
            role: "assistant",
            content: "It is sunny.",
            tool_calls: [{
              id: "a",
              type: "function",
              function: { name: "get_weather", arguments: "{\"city\":\"Paris\"}" }
            }]
          }
        }],
        usage: { prompt_tokens: 1, completion_tokens: 2 }
      }, chance))
  )
})

const hears = (name: string, layer: Layer.Layer<Stt.Stt, Stt.SttError>, body: unknown) =>
  it.live(name, () =>
    Effect.gen(function*() {
      const stt = yield* Stt.Stt
      const audio = Stream.fromIterable<Stt.Input>([...tone.slice(0, 12), Stt.Finalize])
      yield* harness.hold(
        name,
        (chance) =>
          Effect.suspend(() => {
            world.answer = answer(chance, "application/json", encoder.encode(json(body, chance)))
            return harness.quiet(Stream.runCollect(stt.transcribe(audio)))
          }),
        {
          error: (error) => error instanceof Stt.SttError,
          result: (all) => {
            for (const { confidence, end, start, text } of all) {
              assert.isString(text)
              for (const time of [start, end]) assert.isTrue(time === undefined || Number.isFinite(time), "times")
              assert.isTrue(confidence === undefined || confidence >= 0 && confidence <= 1, "confidence")
            }
          }
        }
      )
    }).pipe(Effect.provide(layer)), 600_000)

describe("whatever a server answers, there is a transcript or an error:", () => {
  hears("OpenAiStt", OpenAiStt.layer({ apiKey, words: true, gates: true }), {
    task: "transcribe",
    language: "english",
    duration: 1,
    text: "Good morning.",
    segments: [{
      id: 0,
      start: 0,
      end: 1,
      text: "Good morning.",
      avg_logprob: -0.2,
      compression_ratio: 1.1,
      no_speech_prob: 0
    }],
    words: [{ word: "Good", start: 0, end: 0.4 }]
  })
  hears("HttpStt", HttpStt.layer({ url: "http://a.test" }), { transcript: "Good morning." })
})

const speaks = (
  name: string,
  layer: Layer.Layer<Tts.Tts, Tts.TtsError>,
  type: string,
  body: (chance: Chance) => Uint8Array
) =>
  it.live(name, () =>
    Effect.gen(function*() {
      const tts = yield* Tts.Tts
      yield* harness.hold(
        name,
        (chance) =>
          Effect.suspend(() => {
            world.answer = answer(chance, type, body(chance))
            return harness.quiet(Stream.runCollect(tts.speak(Stream.make("Good morning. "), {})))
          }),
        {
          error: (error) => error instanceof Tts.TtsError,
          result: (chunks) => {
            for (const { frame } of chunks) assert.instanceOf(frame.samples, Int16Array)
          }
        }
      )
    }).pipe(Effect.provide(layer)), 600_000)

const samples = (chance: Chance) => chance.bytes(chance.is(0.1) ? 0 : 2000)

const wav = Audio.encodeWav(Audio.concat(tone.slice(0, 2)))

describe("whatever a server answers, there is speech or an error:", () => {
  speaks("OpenAiTts", OpenAiTts.layer({ apiKey }), "audio/pcm", samples)
  speaks("OpenAiTts, WAV", OpenAiTts.layer({ apiKey, format: "wav" }), "audio/wav", (chance) => bytes(wav, chance))
  speaks("AzureTts", AzureTts.layer({ apiKey, region: "westeurope" }), "audio/x-wav", samples)
  speaks(
    "ElevenLabsTts by HTTP",
    ElevenLabsTts.layer({ apiKey, mode: "http", voice: "21m00Tcm4TlvDq8ikWAM" }),
    "audio/pcm",
    samples
  )
  speaks(
    "ElevenLabsTts by HTTP, finding a voice",
    ElevenLabsTts.layer({ apiKey, mode: "http", voice: "Ann" }),
    "application/json",
    (chance) =>
      encoder.encode(json({ voices: [{ voice_id: "x", name: "Bob" }, { voice_id: "y", name: "Eve" }] }, chance))
  )
  speaks(
    "HttpTts, WAV",
    HttpTts.layer({ url: "http://a.test", answer: "wav" }),
    "audio/wav",
    (chance) => bytes(wav, chance)
  )
})
