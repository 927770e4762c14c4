/** What a provider attaches to an answer goes back to it, and to nobody else: conversations with servers that demand it. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Queue, Redacted, Schema, Stream } from "effect"
import { Agent, type Event, History, Llm, Pipeline } from "effect-voice"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as Testing from "effect-voice/testing"
import { LanguageModel, Prompt, type Response, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"

const city = { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String }
const Kit = Toolkit.make(
  Tool.make("get_weather", city).annotate(Tool.Readonly, true),
  Tool.make("get_time", city).annotate(Tool.Readonly, true)
)
const KitLive = Kit.toLayer({
  get_weather: ({ city }) => Effect.succeed(`sun${city[0]}`),
  get_time: ({ city }) => Effect.succeed(`noon${city[0]}`)
})

/** Says all of `texts`, each after the answer to the one before; gives what failed and what was said. */
const talked = <E>(texts: ReadonlyArray<string>, llm: Layer.Layer<Llm.Llm, E>) =>
  Effect.gen(function*() {
    const failures: Array<Event.Event> = []
    const finished = yield* Queue.unbounded<Event.Event>()
    const onEvent = (event: Event.Event) => {
      if (event._tag === "ProviderFailed" || event._tag === "SessionClosed") failures.push(event)
      if (event._tag === "SpeechFinished") Queue.offerUnsafe(finished, event)
    }
    const agent = Agent.make({ instructions: "You help.", tools: Kit })
    const session = yield* Pipeline.make(agent, { onEvent })
    yield* Effect.andThen(session.say("Hi."), Queue.take(finished))
    for (const text of texts) yield* Effect.andThen(session.send(text), Queue.take(finished))
    return { failures: [...failures], history: yield* session.history }
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.mergeAll(
      Testing.layerRoom(),
      Testing.layerVad(),
      Testing.layerStt(),
      Testing.layerTts(),
      KitLive,
      llm
    ))
  )

const last = (history: History.History) => {
  const item = history.items.at(-1)
  return item?._tag === "Message" ? item.text : ""
}

type Body = { readonly [key: string]: any }

const refusing = (message: string): provider.Handler => (_, response) =>
  void response.writeHead(400, { "content-type": "application/json" })
    .end(JSON.stringify({ error: { code: 400, message, status: "INVALID_ARGUMENT" } }))

/** A server that answers by what it was asked, or refuses. */
const serving = (answer: (body: Body) => provider.Handler) =>
  provider.http((request, response) =>
    request.method === "GET"
      ? void response.end("{}")
      : answer(JSON.parse(request.body.toString()))(request, response)
  )

const toolResults = (body: Body) =>
  body["messages"].slice(body["messages"].findLastIndex(({ role }: Body) => role === "user") + 1)
    .flatMap(({ content, role }: Body) => role === "tool" ? [content] : [])

/** Gemini 3: no index, each call whole in one delta, and the signature is on the first of them. */
const gemini = (body: Body): provider.Handler => {
  const messages: ReadonlyArray<Body> = body["messages"]
  const first = (message: Body) => message["tool_calls"]?.[0]
  for (const message of messages.slice(messages.findLastIndex(({ role }) => role === "user"))) {
    if (first(message) !== undefined && first(message).extra_content?.google?.thought_signature !== "c2lnbmVk") {
      return refusing("Function call is missing a thought_signature in functionCall parts.")
    }
  }
  const before = (at: number) => messages[at - 1]?.["role"]
  if (messages.some((message, at) => first(message) !== undefined && !["user", "tool"].includes(before(at)))) {
    return refusing("Please ensure that function call turn comes immediately after a user turn.")
  }
  const results = toolResults(body)
  if (results.length > 0) return openai.saying(`${results.join(" ")}.`)
  const call = (name: string, more: object) => ({
    ...more,
    function: { name, arguments: `{"city":"Oslo"}` },
    id: `id-${name}-${messages.length}`,
    type: "function"
  })
  return openai.sse([
    openai.chunk({ role: "assistant", content: "Wait." }),
    openai.chunk({
      tool_calls: [call("get_weather", { extra_content: { google: { thought_signature: "c2lnbmVk" } } })]
    }),
    openai.chunk({ tool_calls: [call("get_time", {})] }),
    openai.chunk({ content: "" }, "stop")
  ])
}

/** DeepSeek with thinking and tools: every message of the assistant must have what was thought. */
const deepseek = (body: Body): provider.Handler => {
  const messages: ReadonlyArray<Body> = body["messages"]
  const said = messages.filter(({ role }) => role === "assistant")
  const known = said.some((message) => message["reasoning_content"] !== undefined)
  if (known && !said.every((message) => typeof message["reasoning_content"] === "string")) {
    return refusing("The `reasoning_content` in the thinking mode must be passed back to the API.")
  }
  if (said.some(({ reasoning_content, tool_calls }) => tool_calls && reasoning_content !== "Hm. I look.")) {
    return refusing("Missing `reasoning_content` field in the assistant message")
  }
  const thoughts = [
    openai.chunk({ content: null, reasoning_content: "Hm. " }),
    openai.chunk({ reasoning_content: "I look." })
  ]
  const results = toolResults(body)
  if (results.length > 0) return openai.sse([...thoughts, openai.chunk({ content: `${results[0]}.` }, "stop")])
  return openai.sse([
    ...thoughts,
    openai.chunk({
      tool_calls: [{
        index: 0,
        id: `call_${messages.length}`,
        type: "function",
        function: { name: "get_weather", arguments: `{"city":"Oslo"}` }
      }]
    }),
    openai.chunk({}, "tool_calls")
  ])
}

/** Responses with a model that thinks: items of reasoning come back whole, each before the item that followed it. */
const responses = (body: Body): provider.Handler => {
  const input: ReadonlyArray<Body> = body["input"]
  for (const [at, item] of input.entries()) {
    const thought = input[at - 1]
    if (
      item["type"] === "function_call" && item["name"] === "get_weather" && thought?.["encrypted_content"] !== "gAAAA"
    ) {
      return refusing("Item of type 'function_call' was provided without its required 'reasoning' item")
    }
    if (item["type"] === "reasoning" && !["function_call", "message"].includes(input[at + 1]?.["type"])) {
      return refusing("Item of type 'reasoning' was provided without its required following item.")
    }
    if (item["type"] === "reasoning" && item["summary"] === undefined) return refusing("Missing 'summary'")
  }
  const answer = input.slice(input.findLastIndex(({ role }) => role === "user") + 1)
    .flatMap((item) => item["type"] === "function_call_output" ? [item["output"]] : [])
  const reasoning = (id: string) => ({
    type: "reasoning",
    id,
    summary: [],
    encrypted_content: "gAAAA",
    status: "completed"
  })
  const event = (type: string, more: object) => ({ type: `response.${type}`, ...more })
  const completed = event("completed", { response: { id: "resp", usage: { input_tokens: 9, output_tokens: 3 } } })
  if (answer.length > 0) {
    return openai.sse([
      event("output_item.done", { output_index: 0, item: reasoning(`rs_${input.length}`) }),
      event("output_text.delta", { output_index: 1, delta: `${answer.join(" ")}.` }),
      event("output_item.done", { output_index: 1, item: { type: "message", phase: "final_answer", content: [] } }),
      completed
    ], false)
  }
  const call = (name: string) => ({
    type: "function_call",
    call_id: `${name}_${input.length}`,
    name,
    arguments: `{"city":"Oslo"}`
  })
  return openai.sse([
    event("output_item.added", { output_index: 0, item: { type: "reasoning", id: "rs", encrypted_content: "half" } }),
    event("output_item.done", { output_index: 0, item: reasoning(`rs_${input.length}`) }),
    event("output_item.done", { output_index: 1, item: call("get_weather") }),
    event("output_item.done", { output_index: 2, item: call("get_time") }),
    completed
  ], false)
}

const layers = [
  ["OpenAiLlm", (url: string) => OpenAiLlm.layer({ baseUrl: `${url}/v1`, apiKey: Redacted.make("sk") })],
  ["HttpLlm", (url: string) => HttpLlm.layer({ url, answer: HttpLlm.chatStream })]
] as const

const both = "sunO noonO."

describe.concurrent("what a provider attaches to an answer", () => {
  for (const [name, layer] of layers) {
    it.live.each([["Gemini 3", gemini, both], ["DeepSeek with thinking", deepseek, "sunO."]] as const)(
      `${name} finishes calls of tools, turn after turn, with %s`,
      ([, answer, said]) =>
        Effect.gen(function*() {
          const { url } = yield* serving(answer)
          const { failures, history } = yield* talked(["Weather?", "Again?"], layer(url))
          assert.deepStrictEqual(failures, [])
          assert.strictEqual(last(history), said)
        })
    )
  }

  it.live("Responses gets its items of reasoning again", () =>
    Effect.gen(function*() {
      const server = yield* serving(responses)
      const layer = OpenAiLlm.layer({ baseUrl: `${server.url}/v1`, api: "responses", model: "gpt-5-mini" })
      const { failures, history } = yield* talked(["Weather?", "Again?"], layer)
      assert.deepStrictEqual(failures, [])
      assert.strictEqual(last(history), both)
    }))

  /** Asks with one model, runs the calls by hand, and gives the prompt for the next request. */
  const step = (llm: Llm.Llm["Service"]) =>
    Effect.gen(function*() {
      const deltas = yield* Stream.runCollect(llm.reply({ prompt: Prompt.make("Weather?"), tools: [] }))
      const finish = deltas.find((delta) => delta._tag === "Finish")
      const step = { id: "s", ...(finish?.metadata === undefined ? {} : { metadata: finish.metadata }) }
      const items = deltas.flatMap((delta, at): ReadonlyArray<History.Item> => {
        if (delta._tag !== "ToolCall") return []
        const base = { callId: delta.id, name: delta.name, createdAt: 2 }
        const attached = delta.metadata === undefined ? {} : { metadata: delta.metadata }
        return [
          { _tag: "ToolCall", ...base, id: `c${at}`, params: {}, step, ...attached },
          { _tag: "ToolOutput", ...base, id: `o${at}`, output: "sun", isFailure: false }
        ]
      })
      const user = History.Message.make({ id: "u", role: "user", text: "Weather?", createdAt: 1 })
      // What is written and read again is the same.
      const encoded = History.toTranscript(History.make([user, ...items]), "json")
      return History.toPrompt(Schema.decodeSync(Schema.fromJsonString(History.History))(encoded))
    })

  it.live("is dropped for another server, and for another model of the same", () =>
    Effect.gen(function*() {
      const server = yield* serving(gemini)
      const llmOf = (model: string, path: string) =>
        Effect.map(
          Layer.build(OpenAiLlm.layer({ baseUrl: `${server.url}/${path}`, apiKey: Redacted.make("sk"), model })),
          (context) => Context.get(context, Llm.Llm)
        )
      const prompt = yield* step(yield* llmOf("gemini-3", "v1"))
      yield* server.next
      const sent = (model: string, path: string) =>
        Effect.gen(function*() {
          const llm = yield* llmOf(model, path)
          yield* Effect.exit(Stream.runDrain(llm.reply({ prompt, tools: [] })))
          return (yield* server.next).body.toString().includes("c2lnbmVk")
        })
      assert.deepStrictEqual(
        [yield* sent("gemini-3", "v1"), yield* sent("gemini-4", "v1"), yield* sent("gemini-3", "v2")],
        [true, false, false]
      )
    }))

  it.live("is made up for as Google tells where a call of another model goes to Gemini, which is learnt once", () =>
    Effect.gen(function*() {
      const own = yield* serving(gemini)
      const prompt = yield* step((yield* OpenAiLlm.make({ baseUrl: `${own.url}/v1`, model: "another" })).llm)
      const signaturesOf = (body: Body): ReadonlyArray<unknown> =>
        body["messages"].flatMap(({ tool_calls }: Body) =>
          (tool_calls ?? []).map((call: Body) => call["extra_content"]?.google?.thought_signature)
        )
      const bodies: Array<Body> = []
      // By the compatible endpoint an error is the only entry of a list.
      const refusal = {
        error: { code: 400, message: "Function call is missing a thought_signature in functionCall parts." }
      }
      const server = yield* provider.http((request, response) => {
        if (request.method === "GET") return void response.end("{}")
        const body: Body = JSON.parse(request.body.toString())
        bodies.push(body)
        if (signaturesOf(body)[0] === undefined) {
          return void response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify([refusal]))
        }
        return openai.saying("Sun.")(request, response)
      })
      const { llm } = yield* OpenAiLlm.make({ baseUrl: `${server.url}/v1`, model: "gemini-3" })
      const reply = Stream.mkString(Llm.text(llm.reply({ prompt, tools: [] })))
      assert.deepStrictEqual(yield* Effect.all([reply, reply]), ["Sun.", "Sun."])
      assert.deepStrictEqual(bodies.map(signaturesOf), [
        [undefined, undefined],
        ["skip_thought_signature_validator", undefined],
        ["skip_thought_signature_validator", undefined]
      ])
      const signed = yield* step((yield* OpenAiLlm.make({ baseUrl: `${own.url}/v1`, model: "gemini-3" })).llm)
      const mine = yield* OpenAiLlm.make({ baseUrl: `${own.url}/v1`, model: "gemini-3" })
      assert.strictEqual(yield* Stream.mkString(Llm.text(mine.llm.reply({ prompt: signed, tools: [] }))), "sun sun.")
    }))

  it.effect("is a sign of life where it is thoughts: a LanguageModel that thinks is not taken for silent", () =>
    Effect.gen(function*() {
      const thought: ReadonlyArray<Response.StreamPartEncoded> = Array.from(
        { length: 10 },
        () => ({ type: "reasoning-delta", id: "r", delta: "Hm. " })
      )
      const model = yield* LanguageModel.make({
        generateText: () => Effect.succeed([]),
        streamText: () =>
          Stream.fromIterable<Response.StreamPartEncoded>([
            { type: "reasoning-start", id: "r" },
            ...thought,
            { type: "text-start", id: "t" },
            { type: "text-delta", id: "t", delta: "Hello" }
          ]).pipe(Stream.rechunk(1), Stream.tap(() => Effect.sleep("3 seconds")))
      })
      const llm = Llm.resilient(Llm.fromLanguageModel(model, { name: "thinker" }), {
        firstOutput: "5 seconds",
        nextOutput: "5 seconds"
      })
      const fiber = yield* Effect.forkChild(Llm.generateText(llm, "Hello?"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "Hello")
    }))

  it.effect("comes back to a LanguageModel where it stood: thoughts, texts and calls", () =>
    Effect.gen(function*() {
      const prompts: Array<Prompt.Prompt> = []
      const parts: ReadonlyArray<Response.StreamPartEncoded> = [
        { type: "reasoning-start", id: "r", metadata: { anthropic: { kind: "thinking" } } },
        { type: "reasoning-delta", id: "r", delta: "Let me " },
        { type: "reasoning-delta", id: "r", delta: "see." },
        { type: "reasoning-end", id: "r", metadata: { anthropic: { signature: "signed" } } },
        {
          type: "tool-call",
          id: "1",
          name: "get_weather",
          params: {},
          metadata: { google: { thoughtSignature: "x" } }
        },
        {
          type: "finish",
          reason: "tool-calls",
          usage: {
            inputTokens: { total: 9, uncached: 4, cacheRead: 5, cacheWrite: undefined },
            outputTokens: { total: 8, text: 1, reasoning: 7 }
          }
        }
      ]
      const model = yield* LanguageModel.make({
        generateText: () => Effect.succeed([]),
        streamText: ({ prompt }) => {
          prompts.push(prompt)
          return Stream.fromIterable(parts)
        }
      })
      const llm = Llm.fromLanguageModel(model, { name: "claude", model: "one" })
      const deltas = yield* Stream.runCollect(llm.reply({ prompt: Prompt.make("Weather?"), tools: [] }))
      const finish = deltas.at(-1)
      assert.deepStrictEqual(finish?._tag === "Finish" ? finish.usage : undefined, {
        inputTokens: 9,
        outputTokens: 8,
        cachedInputTokens: 5,
        reasoningTokens: 7
      })
      const prompt = yield* step(llm)
      yield* Stream.runDrain(llm.reply({ prompt, tools: [] }))
      const again = prompts.at(-1)!.content.find(({ role }) => role === "assistant")
      assert.deepStrictEqual(
        again?.role === "assistant" ? again.content.map(({ options, type }) => [type, options]) : [],
        [
          ["reasoning", { anthropic: { kind: "thinking", signature: "signed" } }],
          ["tool-call", { google: { thoughtSignature: "x" } }]
        ]
      )
      const other = Llm.fromLanguageModel(model, { name: "claude", model: "two" })
      yield* Stream.runDrain(other.reply({ prompt, tools: [] }))
      assert.notInclude(JSON.stringify(prompts.at(-1)!.content.map(({ content }) => content)), "signed\"}]")
      assert.isFalse(
        prompts.at(-1)!.content.some(({ content }) =>
          typeof content !== "string" && content.some(({ type }) => type === "reasoning")
        )
      )
    }))
})
