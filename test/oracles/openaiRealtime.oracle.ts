/** OpenAI's own package beside our model that hears and speaks: the same is asked, and both hear the same. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Queue, Redacted, Schema, Scope, Stream } from "effect"
import { Audio, Llm } from "effect-voice"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import { Prompt, Tool } from "effect/ai"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Net from "node:net"
import * as Path from "node:path"
import { OpenAI } from "openai"
import { OpenAIRealtimeWS } from "openai/realtime/ws"
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime"
import * as stub from "../support/openaiRealtime.ts"
import * as wire from "./wire.ts"

const weather = Tool.make("get_weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const user = (text: string) => ({ role: "user" as const, content: [{ type: "text" as const, text }] })
const assistant = (text: string) => ({ role: "assistant" as const, content: [{ type: "text" as const, text }] })

const count: stub.Reply = {
  text: "One two three four.",
  calls: [{ id: "call_1", name: "get_weather", params: { city: "Paris" } }]
}

const script: Parameters<typeof stub.serve>[0] = {
  replies: (known) => known.includes("user: Stop.") ? { text: "Yes." } : count
}

/** A connection of the package's own client. */
const connect = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      OpenAIRealtimeWS.create(
        new OpenAI({ apiKey: "the-key", baseURL: `${url}/v1`, maxRetries: 0 }),
        {
          model: "gpt-realtime",
          // The package knows nothing but TLS.
          options: { createConnection: () => Net.connect(Number(new URL(url).port), "127.0.0.1") }
        }
      )
    ),
    (socket) => Effect.sync(() => socket.close())
  ).pipe(Effect.tap((socket) =>
    Effect.callback<void>((resume) => {
      if (socket.socket.readyState === 1) return resume(Effect.void)
      socket.socket.once("open", () => resume(Effect.void))
    })
  ))

describe("OpenAiRealtime beside OpenAI's package", () => {
  it.live("asks and says the same over two turns, and both hear the same", () =>
    Effect.gen(function*() {
      const server = yield* stub.serve(script)
      const llm = yield* OpenAiRealtime.make({
        apiKey: Redacted.make("the-key"),
        baseUrl: `${server.url}/v1`,
        voice: "cedar"
      })
      const scope = yield* Scope.make()
      const conversation = { scope }
      const replying = (prompt: Prompt.RawInput) =>
        Stream.runCollect(
          Stream.provideService(
            llm.reply({ prompt: Prompt.make(prompt), tools: [weather] }),
            Llm.Conversation,
            conversation
          )
        )
      const ours = yield* replying([user("Count.")])
      yield* replying([user("Count."), assistant("One two"), user("Stop.")])
      yield* Scope.close(scope, Exit.void)
      const us = server.sessions[0]!

      const socket = yield* connect(server.url)
      const heard = yield* Queue.unbounded<RealtimeServerEvent>()
      socket.on("event", (event) => void Queue.offerUnsafe(heard, event))
      const done = Effect.gen(function*() {
        const events: Array<RealtimeServerEvent> = []
        while (events.at(-1)?.type !== "response.done") events.push(yield* Queue.take(heard))
        return events
      })
      const format = { type: "audio/pcm" as const, rate: 24_000 as const }
      socket.send({
        type: "session.update",
        session: {
          type: "realtime",
          output_modalities: ["audio"],
          audio: { input: { format, turn_detection: null }, output: { format, voice: "cedar" } }
        }
      })
      const response = {
        output_modalities: ["audio" as const],
        instructions: "",
        tool_choice: "auto" as const,
        tools: [{
          type: "function" as const,
          name: "get_weather",
          description: "The weather of a city",
          parameters: Tool.getJsonSchema(weather)
        }]
      }
      socket.send({
        type: "conversation.item.create",
        event_id: "item_1",
        previous_item_id: "root",
        item: { id: "item_1", type: "message", role: "user", content: [{ type: "input_text", text: "Count." }] }
      })
      socket.send({ type: "response.create", event_id: "answer_2", response })
      const first = yield* done
      const theirItems = first.flatMap((event) => event.type === "response.output_item.done" ? [event.item.id!] : [])
      const [message, call] = theirItems
      // Of 400 ms with 19 letters, 7 were heard.
      socket.send({
        type: "conversation.item.truncate",
        event_id: "edit_3",
        item_id: message!,
        content_index: 0,
        audio_end_ms: 147
      })
      socket.send({
        type: "conversation.item.create",
        event_id: "item_4",
        previous_item_id: message!,
        item: { id: "item_2", type: "message", role: "user", content: [{ type: "input_text", text: "Stop." }] }
      })
      socket.send({ type: "conversation.item.delete", event_id: "edit_5", item_id: call! })
      socket.send({ type: "response.create", event_id: "answer_6", response })
      yield* done
      const them = server.sessions[1]!

      // What the server has named differs from one connection to the next.
      const named = (events: ReadonlyArray<unknown>) =>
        JSON.parse(JSON.stringify(events).replaceAll(/item_s\d+/g, "theirs")) as ReadonlyArray<unknown>
      wire.same(wire.said(named(them.events)), wire.said(named(us.events)))
      wire.same(wire.asked(them.peer), wire.asked(us.peer), { "header user-agent": wire.itself })
      assert.deepStrictEqual([them.errors, us.errors], [[], []])
      // Both have heard the same.
      const theirText = first.map((event) => event.type === "response.output_audio_transcript.delta" ? event.delta : "")
        .join("")
      const theirBytes = first.reduce(
        (sum, event) =>
          sum + (event.type === "response.output_audio.delta" ? Buffer.from(event.delta, "base64").length : 0),
        0
      )
      const ourText = ours.map((delta) => delta._tag === "Speech" ? delta.text ?? "" : "").join("")
      const ourMs = ours.reduce(
        (sum, delta) => sum + (delta._tag === "Speech" && delta.frame ? Audio.durationMs(delta.frame) : 0),
        0
      )
      assert.strictEqual(ourText, theirText)
      assert.strictEqual(ourMs, theirBytes / 48)
    }).pipe(Effect.scoped))

  const types = Fs.readFileSync(
    Path.join(Path.dirname(createRequire(import.meta.url).resolve("openai")), "resources/realtime/realtime.d.ts"),
    "utf8"
  )
  const kinds = [...new Set([...types.matchAll(/^ {4}type: '([a-z_]+\.[\w.]+)';/gm)].map(([, kind]) => kind!))]
    .filter((kind) => !/output_(?:audio|text|audio_transcript)\.delta$|^response\.done$/.test(kind))

  it("knows the kinds of events", () => {
    assert.isAtLeast(kinds.length, 40)
    assert.include(kinds, "response.output_audio.done")
  })

  it.live.each(kinds)("%s says nothing, and loses nothing", (type) =>
    Effect.gen(function*() {
      const bare = { type, event_id: "e", item: null, response: null, error: null, delta: null, part: {} }
      const server = yield* stub.serve({ replies: [{ text: "One two.", raw: [{ ...bare, session: {} }] }] })
      const llm = yield* OpenAiRealtime.make({ baseUrl: `${server.url}/v1` })
      const deltas = yield* Stream.runCollect(llm.reply({ prompt: Prompt.make("Count."), tools: [] }))
      assert.strictEqual(
        deltas.map((delta) => delta._tag === "Speech" ? delta.text ?? "" : `[${delta._tag}]`).join(""),
        "One two.[Finish]"
      )
    }).pipe(Effect.scoped))
})
