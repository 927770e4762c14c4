/** A real model, recogniser, voice and proxy: each layer is asked as a program asks it. */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schema, Stream } from "effect"
import { Audio, Llm, Stt, Tts } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { Prompt, Tool } from "effect/ai"
import { recording } from "../fixtures/speech.ts"
import { asks } from "./engines.ts"

const weather = Tool.make("get_weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const reply = (options: OpenAiLlm.Options, request: Partial<Llm.Request>) =>
  Llm.Llm.pipe(
    Effect.flatMap((llm) => Stream.runCollect(llm.reply({ prompt: Prompt.make("Hello?"), tools: [], ...request }))),
    Effect.provide(OpenAiLlm.layer({ maxTokens: 40, temperature: 0, ...options }))
  )

const said = (deltas: ReadonlyArray<Llm.Delta>) =>
  deltas.map((delta) => delta._tag === "Text" ? delta.text : "").join("")

const finish = (deltas: ReadonlyArray<Llm.Delta>) => deltas.find((delta) => delta._tag === "Finish")

const system = { role: "system", content: "Be brief." } as const
const user = (text: string) => ({ role: "user", content: [{ type: "text", text }] }) as const
const assistant = (text: string) => ({ role: "assistant", content: [{ type: "text", text }] }) as const

/** Conversations as a voice agent has them: it greets, is interrupted, is told something in between. */
const prompts = {
  "a question": Prompt.make([system, user("What is the capital of France?")]),
  "a greeting of the agent first": Prompt.make([system, assistant("Hello, this is the desk."), user("Name a colour.")]),
  "two turns of the user in a row": Prompt.make([system, user("Hi."), user("Name a colour.")]),
  "instructions in between": Prompt.make([
    system,
    user("Hi."),
    { role: "system", content: "Breakfast is at 7." },
    user("When?")
  ]),
  "instructions alone": Prompt.make([{ role: "system", content: "Greet the caller." }]),
  "a tool's result": Prompt.make([
    user("What is the weather in Paris?"),
    {
      role: "assistant",
      content: [{
        type: "tool-call",
        id: "call_1",
        name: "get_weather",
        params: { city: "Paris" },
        providerExecuted: false
      }]
    },
    {
      role: "tool",
      content: [{ type: "tool-result", id: "call_1", name: "get_weather", isFailure: false, result: "sunny" }]
    }
  ])
}

describe("llama.cpp", () => {
  for (const api of ["chat", "responses"] as const) {
    for (const [name, prompt] of Object.entries(prompts)) {
      asks(`answers ${name}, by ${api}`, ["LLAMA_URL"], ({ LLAMA_URL }) =>
        Effect.gen(function*() {
          const deltas = yield* reply({ baseUrl: LLAMA_URL, model: "smollm2", api }, {
            prompt,
            tools: name.includes("tool") ? [weather] : []
          })
          assert.isNotEmpty(said(deltas).trim())
          const end = finish(deltas)
          assert.isTrue(end?._tag === "Finish" && (end.usage?.outputTokens ?? 0) > 0)
        }))
    }

    asks(`takes a demand for a tool, by ${api}`, ["LLAMA_URL"], ({ LLAMA_URL }) =>
      Effect.gen(function*() {
        const deltas = yield* reply({ baseUrl: LLAMA_URL, model: "smollm2", api, maxTokens: 80 }, {
          prompt: Prompt.make("What is the weather in Paris?"),
          tools: [weather],
          toolChoice: "required"
        })
        // So small a model says the call in words where the server does not force its hand.
        const calls = deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta.name] : [])
        assert.isTrue(calls.every((name) => name === "get_weather"))
        assert.isDefined(finish(deltas))
      }))
  }

  asks("stops when the reply is not wanted any more", ["LLAMA_URL"], ({ LLAMA_URL }) =>
    Effect.gen(function*() {
      const long = yield* Effect.forkChild(
        reply({ baseUrl: LLAMA_URL, model: "smollm2", maxTokens: 1500 }, {
          prompt: Prompt.make("Write a very long story about a king.")
        })
      )
      yield* Effect.sleep("1 second")
      yield* Fiber.interrupt(long)
      // It has room for one at a time: an answer within this time shows that the other is gone.
      const deltas = yield* Effect.timeout(
        reply({ baseUrl: LLAMA_URL, model: "smollm2", maxTokens: 5 }, {}),
        "20 seconds"
      )
      assert.isNotEmpty(said(deltas))
    }))
})

const heard = (options: OpenAiStt.Options) =>
  Stream.runCollect(
    Stt.transcribe(Stream.make<ReadonlyArray<Stt.Input>>(recording("weather_question.wav"), Stt.Finalize))
  ).pipe(
    Effect.map((all) => all.filter(({ final }) => final).map(({ text }) => text).join(" ")),
    Effect.provide(OpenAiStt.layer(options))
  )

const spoken = (text: string, options: OpenAiTts.Options) =>
  Stream.runCollect(Tts.speak(Stream.make(text))).pipe(
    Effect.map((chunks) => Audio.concat(chunks.map(({ frame }) => frame))),
    Effect.provide(OpenAiTts.layer(options))
  )

describe("Whisper", () => {
  asks("hears a question", ["WHISPER_URL"], ({ WHISPER_URL }) =>
    Effect.gen(function*() {
      assert.match(yield* heard({ baseUrl: WHISPER_URL, model: "tiny.en" }), /what is the weather in paris/i)
    }))
})

describe("Piper", () => {
  for (const format of ["pcm", "wav"] as const) {
    asks(
      `speaks, and Whisper understands it, by ${format}`,
      ["PIPER_URL", "WHISPER_URL"],
      ({ PIPER_URL, WHISPER_URL }) =>
        Effect.gen(function*() {
          const frame = yield* spoken("The kitchen is closed on Monday evening.", {
            baseUrl: PIPER_URL,
            model: "tts-1",
            voice: "joe",
            ...(format === "pcm" ? { sampleRate: 22_050 } : { format })
          })
          assert.isAbove(Audio.durationMs(frame), 1000)
          const texts = yield* Stream.runCollect(
            Stt.transcribe(Stream.make<ReadonlyArray<Stt.Input>>(frame, Stt.Finalize))
          ).pipe(
            Effect.provide(OpenAiStt.layer({ baseUrl: WHISPER_URL, model: "tiny.en" }))
          )
          assert.match(texts.map(({ text }) => text).join(" "), /closed on monday/i)
        })
    )
  }
})

describe("LiteLLM's proxy", () => {
  const apiKey = Redacted.make("sk-local")
  // It has no made-up answers by Responses.
  asks("answers by itself", ["LITELLM_URL"], ({ LITELLM_URL }) =>
    Effect.gen(function*() {
      const deltas = yield* reply({ baseUrl: LITELLM_URL, apiKey, model: "mock" }, {})
      assert.strictEqual(said(deltas), "The lobby is open around the clock.")
    }))
  for (const api of ["chat", "responses"] as const) {
    asks(`passes a model on, by ${api}`, ["LITELLM_URL", "LLAMA_URL"], ({ LITELLM_URL }) =>
      Effect.gen(function*() {
        assert.isNotEmpty(said(yield* reply({ baseUrl: LITELLM_URL, apiKey, model: "llama", api }, {})))
      }))
  }
  asks("refuses a model that is not there, and a key", ["LITELLM_URL"], ({ LITELLM_URL }) =>
    Effect.gen(function*() {
      const model = yield* Effect.flip(reply({ baseUrl: LITELLM_URL, apiKey, model: "nope" }, {}))
      assert.include(["Rejected", "InvalidRequest"], model.reason._tag)
      const key = yield* Effect.flip(
        reply({ baseUrl: LITELLM_URL, apiKey: Redacted.make("sk-wrong"), model: "mock" }, {})
      )
      // Without a database of keys it refuses them with 400.
      assert.include(["Rejected", "InvalidRequest"], key.reason._tag)
    }))
  asks(
    "passes a recogniser and a voice on",
    ["LITELLM_URL", "WHISPER_URL", "PIPER_URL"],
    ({ LITELLM_URL }) =>
      Effect.gen(function*() {
        assert.match(yield* heard({ baseUrl: LITELLM_URL, apiKey, model: "whisper-1" }), /weather in paris/i)
        const frame = yield* spoken("Good evening.", {
          baseUrl: LITELLM_URL,
          apiKey,
          model: "tts-1",
          sampleRate: 22_050
        })
        assert.isAbove(Audio.durationMs(frame), 400)
      })
  )
})
