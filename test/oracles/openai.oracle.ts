/**
 * OpenAI's own package beside our layers. Those of one request each go through it anyway; compared is what they ask
 * it for, and the live transcription, which speaks for itself.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Redacted, Schema, Stream } from "effect"
import { Audio, Llm, Stt, Tts } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { Prompt, Tool } from "effect/ai"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Net from "node:net"
import * as Path from "node:path"
import { OpenAI } from "openai"
import { OpenAIRealtimeWS } from "openai/realtime/ws"
import * as stub from "../support/openai.ts"
import * as provider from "../support/provider.ts"
import { said, tone } from "../support/transcribing.ts"
import * as wire from "./wire.ts"

const apiKey = Redacted.make("the-key")

const client = (url: string) =>
  new OpenAI({ apiKey: "the-key", baseURL: `${url.replace("ws", "http")}/v1`, maxRetries: 0 })

const json = ({ body }: provider.Request) => wire.body(JSON.parse(String(body)))

const weather = Tool.make("get_weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false
}

const prompt = Prompt.make([
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "Hello?" }] }
])

const reply = (url: string, options: OpenAiLlm.Options) =>
  Llm.Llm.pipe(
    Effect.flatMap((llm) => Stream.runCollect(llm.reply({ prompt, tools: [weather] }))),
    Effect.provide(OpenAiLlm.layer({ apiKey, baseUrl: `${url}/v1`, ...options }))
  )

describe("OpenAiLlm beside OpenAI's package", () => {
  it.live("asks Chat Completions the same, and both read the same", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(stub.saying("Hello ", "there."))
      const theirs = yield* Effect.promise(() =>
        client(server.url).chat.completions.stream({
          model: "gpt-5-mini",
          messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "Hello?" }],
          tools: [{
            type: "function",
            function: { name: "get_weather", description: "The weather of a city", parameters, strict: true }
          }],
          tool_choice: "auto",
          // A server that is not OpenAI's own knows this name.
          max_tokens: 50,
          reasoning_effort: "minimal",
          stream_options: { include_usage: true }
        }).finalChatCompletion()
      )
      const them = yield* server.next
      const ours = yield* reply(server.url, { model: "gpt-5-mini", maxTokens: 50, reasoningEffort: "minimal" })
      const us = yield* server.next
      assert.strictEqual(theirs.choices[0]?.message.content, "Hello there.")
      assert.strictEqual(ours.map((delta) => delta._tag === "Text" ? delta.text : "").join(""), "Hello there.")
      wire.same(json(them), json(us))
      wire.same(wire.asked(them), wire.asked(us), {
        "header x-stainless-helper-method": "the helper that reads the stream is not ours"
      })
    }))

  it.live("asks Responses the same, and both read the same", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(stub.responding("Hello ", "there."))
      let told = ""
      yield* Effect.promise(async () => {
        const events = await client(server.url).responses.create({
          model: "gpt-5-mini",
          input: [
            { role: "system", content: "Be brief." },
            { role: "user", content: [{ type: "input_text", text: "Hello?" }] }
          ],
          include: ["reasoning.encrypted_content"],
          tool_choice: "auto",
          tools: [{
            type: "function",
            name: "get_weather",
            description: "The weather of a city",
            parameters,
            strict: true
          }],
          max_output_tokens: 50,
          store: false,
          stream: true
        })
        for await (const event of events) if (event.type === "response.output_text.delta") told += event.delta
      })
      const them = yield* server.next
      const ours = yield* reply(server.url, { api: "responses", model: "gpt-5-mini", maxTokens: 50 })
      const us = yield* server.next
      assert.strictEqual(told, "Hello there.")
      assert.strictEqual(ours.map((delta) => delta._tag === "Text" ? delta.text : "").join(""), told)
      wire.same(json(them), json(us))
      wire.same(wire.asked(them), wire.asked(us))
    }))
})

const wav = Audio.encodeWav(Audio.concat(tone))

/** The fields of a form; of a file, its name, type and size. */
const form = ({ body, headers }: provider.Request) =>
  Effect.promise(async () => {
    const data = await new Response(new Uint8Array(body), {
      headers: { "content-type": String(headers["content-type"]) }
    }).formData()
    const fields: Record<string, Array<string>> = {}
    for (const [name, value] of data) {
      const text = typeof value === "string" ? value : `${value.name} ${value.type} ${value.size} bytes`
      ;(fields[name] ??= []).push(text)
    }
    return wire.body(fields)
  })

describe("OpenAiStt and OpenAiTts beside OpenAI's package", () => {
  it.live("ask for a transcription alike", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(stub.transcribed("Good morning."))
      const theirs = yield* Effect.promise(() =>
        client(server.url).audio.transcriptions.create({
          file: new File([new Uint8Array(wav)], "speech.wav", { type: "audio/wav" }),
          model: "whisper-1",
          language: "en",
          prompt: "Hotel",
          temperature: 0.2,
          response_format: "verbose_json",
          timestamp_granularities: ["word", "segment"]
        })
      )
      const them = yield* server.next
      const heard = yield* Stream.runCollect(Stt.transcribe(said)).pipe(
        Effect.provide(
          OpenAiStt.layer({ apiKey, baseUrl: `${server.url}/v1`, words: true, prompt: "Hotel", temperature: 0.2 })
        )
      )
      const us = yield* server.next
      assert.strictEqual(theirs.text, "Good morning.")
      assert.deepStrictEqual(heard.map(({ text }) => text), ["Good morning."])
      wire.same(yield* form(them), yield* form(us))
    }))

  it.live("ask for speech alike", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "audio/pcm" }).end(Buffer.alloc(4800, 1))
      )
      yield* Effect.promise(async () => {
        const response = await client(server.url).audio.speech.create({
          model: "gpt-4o-mini-tts",
          voice: "marin",
          input: "Good morning.",
          instructions: "Softly.",
          response_format: "pcm",
          speed: 1.1
        })
        return response.arrayBuffer()
      })
      const them = yield* server.next
      yield* Stream.runDrain(Tts.speak(Stream.make("Good morning."))).pipe(
        Effect.provide(OpenAiTts.layer({
          apiKey,
          baseUrl: `${server.url}/v1`,
          model: "gpt-4o-mini-tts",
          voice: "marin",
          instructions: "Softly.",
          speed: 1.1
        }))
      )
      const us = yield* server.next
      wire.same(json(them), json(us))
      wire.same(wire.asked(them), wire.asked(us))
    }))
})

const live = (url: string, options: Partial<OpenAiStt.RealtimeOptions> = {}) =>
  Stream.runCollect(Stt.transcribe(said)).pipe(
    Effect.provide(OpenAiStt.layerRealtime({ apiKey, baseUrl: `${url.replace("ws", "http")}/v1`, ...options }))
  )

/** Messages, their audio as bytes. */
const messages = ({ received }: provider.Peer) =>
  received.map(String).map((text) => {
    const message: Readonly<Record<string, unknown>> = JSON.parse(text)
    return typeof message.audio === "string" ? Buffer.from(message.audio, "base64") : message
  })

describe("OpenAiStt live beside OpenAI's package", () => {
  it.live("asks and says the same, and both hear the same", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({ onMessage: stub.hearing("Good morning.") })
      const heard = yield* Queue.unbounded<string>()
      const socket = yield* Effect.acquireRelease(
        Effect.promise(() =>
          OpenAIRealtimeWS.create(client(server.url), {
            intent: "transcription",
            // The package knows nothing but TLS.
            options: { createConnection: () => Net.connect(Number(new URL(server.url).port), "127.0.0.1") }
          })
        ),
        (socket) => Effect.sync(() => socket.close())
      )
      socket.on("conversation.item.input_audio_transcription.completed", ({ transcript }) =>
        void Queue.offerUnsafe(heard, transcript))
      const them = yield* server.next
      yield* Effect.callback<void>((resume) => {
        if (socket.socket.readyState === 1) {
          return resume(Effect.void)
        }
        socket.socket.once("open", () =>
          resume(Effect.void))
      })
      const ours = yield* live(server.url, {
        model: "gpt-4o-transcribe",
        language: "en",
        prompt: "Hotel",
        noiseReduction: "near_field"
      })
      const us = yield* server.next
      socket.send({
        type: "session.update",
        session: {
          type: "transcription",
          audio: {
            input: {
              format: { type: "audio/pcm", rate: 24_000 },
              transcription: { model: "gpt-4o-transcribe", language: "en", prompt: "Hotel" },
              turn_detection: null,
              noise_reduction: { type: "near_field" }
            }
          },
          include: ["item.input_audio_transcription.logprobs"]
        }
      })
      for (const audio of messages(us).filter((message) => Buffer.isBuffer(message))) {
        socket.send({ type: "input_audio_buffer.append", audio: audio.toString("base64") })
      }
      socket.send({ type: "input_audio_buffer.commit" })
      assert.strictEqual(yield* Queue.take(heard), "Good morning.")
      assert.include(ours.map(({ text }) => text), "Good morning.")
      wire.same(wire.asked(them), wire.asked(us), {
        "header user-agent": wire.itself,
        "query model": "other servers than OpenAI's own, as this one is, choose the model by the address"
      })
      wire.same(wire.said(messages(them)), wire.said(messages(us)))
    }))

  const types = Fs.readFileSync(
    Path.join(Path.dirname(createRequire(import.meta.url).resolve("openai")), "resources/realtime/realtime.d.ts"),
    "utf8"
  )
  const union = /export type RealtimeServerEvent = ([^;]+);/.exec(types)?.[1] ?? ""
  const kinds = [
    ...new Set(
      union.split("|").flatMap((name) => {
        const start = types.indexOf(`interface ${name.trim().split(".").at(-1)} {`)
        return start < 0 ? [] : /^ {4,8}type: '([\w.]+)';/m.exec(types.slice(start))?.[1] ?? []
      })
    )
  ]

  it.live("is broken by no kind of event that the package knows, and loses no word", () =>
    Effect.gen(function*() {
      assert.includeMembers(kinds, ["session.created", "rate_limits.updated", "response.output_audio.delta"])
      assert.isAtLeast(kinds.length, 30)
      for (
        const type of kinds.filter((kind) =>
          kind !== "error" && !/transcription\.(?:delta|completed|failed)$|\.committed$/.test(kind)
        )
      ) {
        const hearing = stub.hearing("Good morning.")
        const server = yield* provider.webSocket({
          onMessage: (message, peer) => {
            peer.send({
              type,
              event_id: "e",
              item: { id: "other" },
              delta: "other words",
              transcript: "other words",
              text: "other words"
            })
            peer.send({ type, event_id: "e", item: null, delta: null, session: null, error: null })
            hearing(message, peer)
          }
        })
        const heard = yield* live(server.url)
        assert.deepStrictEqual(heard.filter(({ final }) => final).map(({ text }) => text), ["Good morning."], type)
      }
    }))
})
