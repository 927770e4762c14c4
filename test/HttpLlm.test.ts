import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { type Failure, Llm } from "effect-voice"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import { Prompt, Tool } from "effect/ai"
import type * as Http from "node:http"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/llm.ts"
import * as provider from "./support/provider.ts"

const key = "sk-secret"

const weather = Tool.make("get_weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const ask = (text = "What is the weather?", more: Partial<Llm.Request> = {}): Llm.Request => ({
  prompt: Prompt.make(text),
  tools: [],
  ...more
})

const reply = (options: HttpLlm.Options, request = ask()) =>
  Effect.flatMap(HttpLlm.make(options), (llm) => Stream.runCollect(llm.reply(request)))

const completion = {
  model: "tiny-2",
  choices: [{ index: 0, message: { role: "assistant", content: "It is sunny." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 }
}

const json = (answer: unknown): provider.Handler => (_, response) =>
  void response.writeHead(200, { "content-type": "application/json" }).end(
    typeof answer === "string" ? answer : JSON.stringify(answer)
  )

const sse = (response: Http.ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" })

const data = (value: unknown) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`

const delta = (delta: unknown, finish_reason: string | null = null) => data({ choices: [{ delta, finish_reason }] })

const streamed = (...events: ReadonlyArray<string>): provider.Handler => (_, response) =>
  void sse(response).end(events.join(""))

const finished: ReadonlyArray<Llm.Delta> = [
  { _tag: "Text", text: "It is " },
  { _tag: "Text", text: "sunny." },
  { _tag: "Finish", reason: "stop", usage: { inputTokens: 7, outputTokens: 4 }, model: "tiny-2" }
]

const wholeStream = [
  delta({ role: "assistant", content: "" }),
  ": keep alive\n\n",
  delta({ content: "It is " }),
  delta({ content: "sunny." }),
  delta({}, "stop"),
  data({ model: "tiny-2", choices: [], usage: { prompt_tokens: 7, completion_tokens: 4 } }),
  data("[DONE]")
]

const stub = (handler: provider.Handler, options: Omit<HttpLlm.Options, "url">) =>
  Layer.unwrap(Effect.map(provider.http(handler), ({ url }) => HttpLlm.layer({ url, ...options })))

contract("HttpLlm, whole answers", stub(json(completion), {}), { live: true })
contract("HttpLlm, streamed answers", stub(streamed(...wholeStream), { answer: HttpLlm.chatStream }), { live: true })

const faulty = (name: string, options: Omit<HttpLlm.Options, "url">, subject: Omit<faults.HttpSubject, "ask">) =>
  faults.http(name, {
    ask: faults.llm((url) => HttpLlm.layer({ url, headers: { authorization: faults.apiKey }, ...options })),
    ...subject
  })

faulty("HttpLlm, whole answers,", {}, {
  kind: "json",
  type: "application/json",
  pieces: [JSON.stringify(completion)],
  said: "It is sunny.",
  empty: [JSON.stringify({ ...completion, choices: [{ message: { role: "assistant", content: "" } }] })],
  unknown: [JSON.stringify({ ...completion, brand: { new: [1] } })]
})

faulty("HttpLlm, Server-Sent Events,", { answer: HttpLlm.chatStream }, {
  kind: "sse",
  type: "text/event-stream",
  pieces: [delta({ content: "It is " }), delta({ content: "– sunny." }), delta({}, "stop"), data("[DONE]")],
  said: "It is – sunny.",
  empty: [delta({ content: "" }), delta({}, "stop"), data("[DONE]")],
  unknown: [
    `event: brand_new\n${delta({ brand: { new: [1] } })}`,
    delta({ content: "It is " }),
    ": a comment\n\nbrand: new\n\n",
    delta({ content: "– sunny." }),
    delta({}, "stop"),
    data("[DONE]")
  ]
})

const lines = HttpLlm.answer({
  format: "ndjson",
  schema: Schema.Struct({ text: Schema.optional(Schema.String), done: Schema.optional(Schema.Boolean) }),
  parts: ({ done, text }) => done === true ? [{ _tag: "Finish" }] : text === undefined ? [] : [{ _tag: "Text", text }],
  finishes: true
})

faulty("HttpLlm, lines of JSON,", { answer: lines }, {
  kind: "ndjson",
  type: "application/x-ndjson",
  pieces: [`{"text":"It is "}\n`, `{"text":"– sunny."}\n`, `{"done":true}\n`],
  said: "It is – sunny.",
  empty: [`{"text":""}\n`, `{"done":true}\n`],
  unknown: [`{"brand":"new"}\n`, `{"text":"It is – sunny.","more":1}\n`, `{"done":true}\n`]
})

describe("HttpLlm", () => {
  it.live("sends role and content, and reads an answer that comes whole", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(json(completion))
      const deltas = yield* reply({
        url: `${server.url}/v1/chat/completions`,
        headers: { authorization: Redacted.make(`Bearer ${key}`) },
        model: "tiny",
        temperature: 0.7,
        maxTokens: 150
      }, {
        prompt: Prompt.make([
          { role: "system", content: "Be brief." },
          { role: "user", content: "What is the weather?" }
        ]),
        tools: []
      })
      assert.deepStrictEqual(deltas, [{ _tag: "Text", text: "It is sunny." }, finished[2]])
      const { body, headers, method, url } = yield* server.next
      assert.strictEqual(`${method} ${url.pathname}`, "POST /v1/chat/completions")
      assert.strictEqual(headers.authorization, `Bearer ${key}`)
      assert.strictEqual(headers["content-type"], "application/json")
      assert.strictEqual(headers.accept, "application/json")
      assert.deepStrictEqual(JSON.parse(body.toString()), {
        model: "tiny",
        messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "What is the weather?" }],
        temperature: 0.7,
        max_tokens: 150
      })
    }))

  it.live("sends tools, their calls and outputs, and a request's own settings", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(streamed(...wholeStream))
      const prompt = Prompt.make([
        { role: "user", content: "Weather?" },
        {
          role: "assistant",
          content: [{ type: "text", text: "Let me see." }, {
            type: "tool-call",
            id: "c1",
            name: "get_weather",
            params: { city: "Paris" },
            providerExecuted: false
          }]
        },
        {
          role: "tool",
          content: [{
            type: "tool-result",
            id: "c1",
            name: "get_weather",
            isFailure: false,
            result: { sky: "clear" },
            providerExecuted: false
          }]
        }
      ])
      const options = { url: server.url, model: "tiny", temperature: 1, answer: HttpLlm.chatStream }
      const settings = { model: "huge", temperature: 0, maxTokens: 9 }
      yield* reply(options, { prompt, tools: [weather], toolChoice: "required", settings })
      const { body, headers } = yield* server.next
      assert.strictEqual(headers.accept, "text/event-stream")
      assert.deepStrictEqual(JSON.parse(body.toString()), {
        model: "huge",
        temperature: 0,
        max_tokens: 9,
        stream: true,
        tool_choice: "required",
        tools: [{
          type: "function",
          function: {
            name: "get_weather",
            description: "The weather of a city",
            parameters: Tool.getJsonSchema(weather)
          }
        }],
        messages: [
          { role: "user", content: "Weather?" },
          {
            role: "assistant",
            content: "Let me see.",
            tool_calls: [{
              id: "c1",
              type: "function",
              function: { name: "get_weather", arguments: `{"city":"Paris"}` }
            }]
          },
          { role: "tool", tool_call_id: "c1", content: `{"sky":"clear"}` }
        ]
      })
      yield* reply(options, ask("Hello", { tools: [weather], toolChoice: "none" }))
      assert.notProperty(JSON.parse((yield* server.next).body.toString()), "tools")
    }))

  it.live("gives streamed text on as it comes, however the bytes are cut", () =>
    Effect.gen(function*() {
      const bytes = Buffer.from(wholeStream.join(""))
      const server = yield* provider.http((_, response) => {
        sse(response)
        const send = (at: number): void => {
          if (at >= bytes.length) return void response.end()
          response.write(bytes.subarray(at, at + 11), () => send(at + 11))
        }
        send(0)
      })
      const llm = yield* HttpLlm.make({ url: server.url, answer: HttpLlm.chatStream })
      assert.deepStrictEqual(yield* Stream.runCollect(llm.reply(ask())), finished)
      const hanging = yield* provider.http((_, response) => void sse(response).write(wholeStream[2]))
      const first = yield* HttpLlm.make({ url: hanging.url, answer: HttpLlm.chatStream })
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(first.reply(ask()), 1)), [finished[0]])
      yield* hanging.aborted
    }))

  it.live("puts tool calls together from their pieces, and gives one without an id its own", () =>
    Effect.gen(function*() {
      const call = (index: number, more: object) => delta({ tool_calls: [{ index, ...more }] })
      const server = yield* provider.http(streamed(
        call(1, { id: "b", function: { name: "second", arguments: "" } }),
        call(0, { id: "a", function: { name: "first", arguments: `{"ci` } }),
        call(0, { function: { arguments: `ty":"Oslo"}` } }),
        call(2, { function: { name: "third", arguments: `{"half` } }),
        delta({}, "tool_calls"),
        data("[DONE]")
      ))
      const deltas = yield* reply({ url: server.url, answer: HttpLlm.chatStream })
      const calls = deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta] : [])
      assert.deepStrictEqual(calls.map(({ name, params }) => [name, params]), [
        ["first", { city: "Oslo" }],
        ["second", {}],
        ["third", `{"half`]
      ])
      assert.deepStrictEqual(calls.slice(0, 2).map(({ id }) => id), ["a", "b"])
      assert.match(calls[2]?.id ?? "", /^call_\w{4,}/)
      const whole = yield* provider.http(json({
        choices: [{
          message: {
            content: null,
            tool_calls: [{ id: "x", function: { name: "get_weather", arguments: `{"city":"Rome"}` } }]
          }
        }]
      }))
      assert.deepStrictEqual(yield* reply({ url: whole.url }), [
        { _tag: "ToolCall", id: "x", name: "get_weather", params: { city: "Rome" } },
        { _tag: "Finish", reason: "tool-calls" }
      ])
    }))

  it.live("talks to a server of another kind: its own body, JSON lines, its own tool calls", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) => {
        response.writeHead(200, { "content-type": "application/x-ndjson" })
        response.end(`{"say":"Hello"}\n{"call":{"do":"hang_up","with":{"now":true}}}\n{"over":{"tokens":3}}\n`)
      })
      const deltas = yield* reply({
        url: server.url,
        body: ({ messages, tools }) => ({ prompt: messages.map(({ content }) => content), can: tools.length }),
        answer: HttpLlm.answer({
          format: "ndjson",
          schema: Schema.Struct({
            say: Schema.optionalKey(Schema.String),
            call: Schema.optionalKey(Schema.Struct({ do: Schema.String, with: Schema.Unknown })),
            over: Schema.optionalKey(Schema.Struct({ tokens: Schema.Finite }))
          }),
          parts: ({ call, over, say }) => [
            ...(say === undefined ? [] : [{ _tag: "Text", text: say } as const]),
            ...(call === undefined ? [] : [{ _tag: "ToolCall", id: "1", name: call.do, params: call.with } as const]),
            ...(over === undefined
              ? []
              : [{ _tag: "Finish", usage: { inputTokens: 0, outputTokens: over.tokens } } as const])
          ],
          finishes: true
        })
      }, ask("Bye", { tools: [weather] }))
      assert.deepStrictEqual(deltas, [
        { _tag: "Text", text: "Hello" },
        { _tag: "ToolCall", id: "1", name: "hang_up", params: { now: true } },
        { _tag: "Finish", reason: "tool-calls", usage: { inputTokens: 0, outputTokens: 3 } }
      ])
      assert.deepStrictEqual(JSON.parse((yield* server.next).body.toString()), { prompt: ["Bye"], can: 1 })
    }))

  it.live("uses its connection again, though the answer is done before its last byte", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(streamed(...wholeStream))
      const llm = yield* HttpLlm.make({ url: server.url, answer: HttpLlm.chatStream })
      for (let i = 0; i < 10; i++) yield* Stream.runDrain(llm.reply(ask()))
      assert.isAtMost(server.connections(), 3)
    }))

  it.live("does not wait for a server that says that it is done and stays", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) => void sse(response).write(wholeStream.join("")))
      assert.deepStrictEqual(yield* reply({ url: server.url, answer: HttpLlm.chatStream }), finished)
      yield* server.aborted
    }))

  const begun = delta({ content: "It is " })
  const faults: ReadonlyArray<readonly [name: string, handler: provider.Handler, reason: Failure.Reason["_tag"]]> = [
    ["half a line", streamed(begun, `data: {"choices":[{"delta":{"content":"sec`), "Disconnected"],
    ["the name of half a field", streamed(begun, "dat"), "Disconnected"],
    ["an end without a finish", streamed(begun), "Disconnected"],
    [
      "half a tool call and an end",
      streamed(delta({ tool_calls: [{ index: 0, function: { name: "secret" } }] })),
      "Disconnected"
    ],
    [
      "a tool call without a name",
      streamed(delta({ tool_calls: [{ index: 0, id: "secret" }] }, "stop")),
      "InvalidResponse"
    ],
    ["malformed JSON in an event", streamed(begun, data(`{"secret`), data("[DONE]")), "InvalidResponse"],
    ["an event of another shape", streamed(begun, data({ secret: 1 })), "InvalidResponse"],
    ["an error in the stream", streamed(begun, `event: error\ndata: {"secret":true}\n\n`), "Broken"],
    [
      "truncated UTF-8",
      (_, response) => void sse(response).end(Buffer.from(`${begun}data: "å`).subarray(0, -1)),
      "InvalidResponse"
    ],
    ["an oversized event", streamed(begun, data(`"${"secret".repeat(200_000)}"`)), "InvalidResponse"],
    ["nothing at all", streamed(), "EndedEarly"],
    [
      "a connection that drops in the middle",
      (_, response) => void sse(response).write(begun, () => response.socket?.destroy()),
      "Disconnected"
    ]
  ]
  const table = [
    ...faults.map(([name, handler, reason]) =>
      [`streamed answer, ${name}`, handler, reason, HttpLlm.chatStream] as const
    ),
    ["whole answer, no choice", json({ choices: [] }), "InvalidResponse", HttpLlm.chatCompletion] as const,
    [
      "whole answer, an error with a good status",
      json({ error: "secret" }),
      "InvalidResponse",
      HttpLlm.chatCompletion
    ] as const,
    [
      "whole answer, truncated UTF-8",
      ((_, response) => void response.end(Buffer.from(`"å`).subarray(0, -1))) as provider.Handler,
      "InvalidResponse",
      HttpLlm.chatCompletion
    ] as const
  ]
  for (const [name, handler, reason, answer] of table) {
    it.live(`fails typed, without content: ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* provider.http(handler)
        const error = yield* Effect.flip(
          reply({ url: `${server.url}/?key=${key}`, headers: { "x-key": Redacted.make(key) }, answer }, ask("secret"))
        )
        assert.strictEqual(error.reason._tag, reason)
        assert.notInclude(error.message + JSON.stringify(error), "sec")
        assert.strictEqual(server.requests.length, 1)
      }))
  }

  it.live("refuses what cannot work", () =>
    Effect.gen(function*() {
      assert.match((yield* Effect.flip(HttpLlm.make({ url: "localhost" }))).message, /^http: url must/)
      assert.match((yield* Effect.flip(reply({ url: "http://localhost", body: () => 1n }))).message, /body: cannot/)
      assert.match(
        (yield* Effect.flip(reply({ url: "http://localhost", body: () => undefined }))).message,
        /body: the function/
      )
    }))

  it.live("is configured from outside", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(json(completion))
      const llm = HttpLlm.layerConfig({
        url: Config.succeed(server.url),
        answer: Config.succeed(HttpLlm.chatCompletion)
      })
      const text = yield* Effect.provide(Effect.flatMap(Llm.Llm, (llm) => Llm.generateText(llm, "Hi")), llm)
      assert.strictEqual(text, "It is sunny.")
    }))
})
