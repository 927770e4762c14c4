import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Exit, Layer, Redacted, Schema, Stream } from "effect"
import { Audio, History, Llm } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import { AiError, LanguageModel, Prompt, Tool, Toolkit } from "effect/ai"
import type { ChatCompletionContentPart } from "openai/resources/chat/completions"
import * as faulty from "./contract/faults.ts"
import { contract } from "./contract/llm.ts"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"

const key = "sk-secret-key"
const apiKey = Redacted.make(key)

const FindRoom = Tool.make("find_room", {
  description: "Finds a free room",
  parameters: Schema.Struct({ nights: Schema.Int, view: Schema.optionalKey(Schema.Literals(["sea", "yard"])) }),
  success: Schema.String
})

const request: Llm.Request = { prompt: Prompt.make("Which room is free?"), tools: [FindRoom] }

const bodyOf = ({ body }: provider.Request) => JSON.parse(body.toString())

const serving = (handler: provider.Handler, options: OpenAiLlm.Options = {}) =>
  Effect.gen(function*() {
    const server = yield* provider.http(handler)
    const made = yield* OpenAiLlm.make({ apiKey, baseUrl: `${server.url}/v1`, ...options })
    return { server, ...made }
  })

const collect = (llm: Llm.Llm["Service"], asked: Llm.Request = request) => Stream.runCollect(llm.reply(asked))

const spoken = (deltas: ReadonlyArray<Llm.Delta>) =>
  deltas.flatMap((delta) => delta._tag === "Text" ? [delta.text] : []).join("")

contract(
  "OpenAiLlm",
  Layer.unwrap(Effect.map(
    provider.http((request, response) =>
      (bodyOf(request).tools === undefined ? openai.saying("Room ", "seven.") : openai.calling({
        name: "find_room",
        params: { nights: 2 }
      }))(request, response)
    ),
    ({ url }) => OpenAiLlm.layer({ apiKey, baseUrl: url })
  )),
  { live: true }
)

contract(
  "OpenAiLlm by Responses",
  Layer.unwrap(Effect.map(
    provider.http(openai.responding("Room ", "seven.")),
    ({ url }) => OpenAiLlm.layer({ apiKey, baseUrl: url, api: "responses" })
  )),
  { live: true }
)

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const text = (content: string) => event(openai.chunk({ content }))
const stop = event(openai.chunk({}, "stop"))
const done = "data: [DONE]\n\n"

faulty.http("OpenAiLlm by Chat Completions", {
  ask: faulty.llm((url) => OpenAiLlm.layer({ apiKey: faulty.apiKey, baseUrl: `${url}/v1` })),
  kind: "sse",
  type: "text/event-stream",
  pieces: [text("Room "), text("– seven."), stop, event(openai.usage), done],
  said: "Room – seven.",
  empty: [text(""), stop, event(openai.usage), done],
  unknown: [
    ": a comment\n\nbrand: new\n\n",
    text("Room "),
    event({ ...openai.chunk({ brand: { new: [1] } }) as object, brand: "new" }),
    text("– seven."),
    stop,
    done
  ]
})

const response = (type: string, more: object = {}) => `event: ${type}\n${event({ type, ...more })}`
const outputText = (delta: string) =>
  response("response.output_text.delta", { item_id: "msg_1", output_index: 0, delta })
const completed = response("response.completed", {
  response: { id: "resp_1", usage: { input_tokens: 20, output_tokens: 7 } }
})

faulty.http("OpenAiLlm by Responses", {
  ask: faulty.llm((url) => OpenAiLlm.layer({ apiKey: faulty.apiKey, baseUrl: `${url}/v1`, api: "responses" })),
  kind: "sse",
  type: "text/event-stream",
  pieces: [outputText("Room "), outputText("– seven."), completed],
  said: "Room – seven.",
  empty: [outputText(""), completed],
  unknown: [
    response("response.created"),
    outputText("Room "),
    response("response.brand_new", { something: { unknown: true } }),
    outputText("– seven."),
    completed
  ]
})

describe("Chat Completions", () => {
  it.live("asks with its defaults", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(openai.saying("Yes."))
      assert.strictEqual(llm.model, "gpt-4o-mini")
      const deltas = yield* collect(llm, { prompt: Prompt.make("Hello?"), tools: [] })
      assert.deepStrictEqual(deltas, [
        { _tag: "Text", text: "Yes." },
        {
          _tag: "Finish",
          reason: "stop",
          usage: { inputTokens: 20, outputTokens: 7, cachedInputTokens: 4 },
          model: "gpt-4o-mini-2024-07-18"
        }
      ])
      const sent = yield* server.next
      assert.strictEqual(sent.method, "POST")
      assert.strictEqual(sent.url.pathname, "/v1/chat/completions")
      assert.strictEqual(sent.headers.authorization, `Bearer ${key}`)
      assert.deepStrictEqual(bodyOf(sent), {
        model: "gpt-4o-mini",
        temperature: 0.7,
        messages: [{ role: "user", content: "Hello?" }],
        stream: true,
        stream_options: { include_usage: true }
      })
    }))

  it.live("sends every setting, and those of a request before its own", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(openai.saying("Yes."), {
        model: "big",
        temperature: 0,
        topP: 0.5,
        maxTokens: 300,
        frequencyPenalty: -1,
        presencePenalty: 1,
        seed: 7,
        stop: ["END"],
        reasoningEffort: "low",
        parallelToolCalls: false,
        strict: false,
        headers: { "x-own": "1" },
        extra: { top_k: 40, stream_options: { include_usage: false } }
      })
      yield* collect(llm, { ...request, toolChoice: "required", settings: { model: "small", maxTokens: 100 } })
      const sent = yield* server.next
      const { messages: _, tools, ...rest } = bodyOf(sent)
      assert.strictEqual(sent.headers["x-own"], "1")
      assert.strictEqual(tools[0].function.strict, undefined)
      assert.deepStrictEqual(rest, {
        model: "small",
        temperature: 0,
        top_p: 0.5,
        max_tokens: 100,
        frequency_penalty: -1,
        presence_penalty: 1,
        seed: 7,
        stop: ["END"],
        reasoning_effort: "low",
        parallel_tool_calls: false,
        tool_choice: "required",
        top_k: 40,
        stream: true,
        stream_options: { include_usage: false }
      })
    }))

  it.live("leaves out a temperature that nobody has asked for, but with the model of the layer itself", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(openai.saying("Yes."))
      for (
        const [model, temperature] of [["gpt-4o-mini", 0.7], ["openai/gpt-5-mini", undefined], [
          "voice-main",
          undefined
        ]]
      ) {
        yield* collect(llm, { ...request, settings: { model: String(model) } })
        assert.strictEqual(bodyOf(yield* server.next).temperature, temperature)
      }
    }))

  it.live("tells the whole conversation, with its calls and their results", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(openai.saying("Yes."))
      const prompt = Prompt.make([
        { role: "system", content: "You answer the phone." },
        { role: "user", content: "Two nights." },
        {
          role: "assistant",
          content: [
            { type: "text", text: "One moment." },
            { type: "tool-call", id: "a", name: "find_room", params: { nights: 2 } },
            { type: "tool-call", id: "b", name: "find_room", params: { nights: 3 } }
          ]
        },
        {
          role: "tool",
          content: [
            { type: "tool-result", id: "a", name: "find_room", isFailure: false, result: { room: 7 } },
            { type: "tool-result", id: "b", name: "find_room", isFailure: true, result: "full" }
          ]
        },
        {
          role: "user",
          content: [{ type: "text", text: "This one?" }, {
            type: "file",
            mediaType: "image/png",
            data: new Uint8Array([1, 2, 3])
          }]
        },
        { role: "system", content: "Be short." }
      ])
      yield* collect(llm, { prompt, tools: [] })
      assert.deepStrictEqual(bodyOf(yield* server.next).messages, [
        { role: "system", content: "You answer the phone." },
        { role: "user", content: "Two nights." },
        {
          role: "assistant",
          content: "One moment.",
          tool_calls: [
            { id: "a", type: "function", function: { name: "find_room", arguments: `{"nights":2}` } },
            { id: "b", type: "function", function: { name: "find_room", arguments: `{"nights":3}` } }
          ]
        },
        { role: "tool", tool_call_id: "a", content: `{"room":7}` },
        { role: "tool", tool_call_id: "b", content: "full" },
        {
          role: "user",
          content: [
            { type: "text", text: "This one?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } }
          ]
        },
        { role: "system", content: "Be short." }
      ])
    }))

  it.live("describes tools strictly, and gives their parameters back as they were meant", () =>
    Effect.gen(function*() {
      const Loose = Tool.make("loose", { parameters: Schema.Struct({ a: Schema.String }) }).annotate(Tool.Strict, false)
      const { llm, server } = yield* serving(openai.calling(
        { name: "find_room", params: { nights: 2, view: null } },
        { name: "find_room", params: { nights: 3, view: "sea" } },
        { name: "find_room", params: { nights: "many" } }
      ))
      const deltas = yield* collect(llm, { ...request, tools: [FindRoom, Loose] })
      assert.deepStrictEqual(deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta.params] : []), [
        { nights: 2 },
        { nights: 3, view: "sea" },
        { nights: "many" }
      ])
      const { tools } = bodyOf(yield* server.next)
      assert.strictEqual(tools[0].function.strict, true)
      assert.strictEqual(tools[0].function.description, "Finds a free room")
      assert.deepStrictEqual(tools[0].function.parameters.required, ["nights", "view"])
      assert.strictEqual(tools[0].function.parameters.additionalProperties, false)
      assert.strictEqual(tools[1].function.strict, undefined)
    }))

  it.live("asks without strict mode for what that cannot say, and undoes what it says otherwise", () =>
    Effect.gen(function*() {
      const Either = Tool.make("either", {
        parameters: Schema.Union([Schema.Struct({ room: Schema.Int }), Schema.Struct({ name: Schema.String })])
      })
      const Prices = Tool.make("prices", {
        parameters: Schema.Struct({
          prices: Schema.Record(Schema.String, Schema.Finite),
          unit: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("euro")))
        })
      })
      const { llm, server } = yield* serving(openai.calling(
        { name: "either", params: { room: 7 } },
        { name: "prices", params: { prices: [{ 0: "single", 1: 80 }], unit: null } }
      ))
      const deltas = yield* collect(llm, { ...request, tools: [Either, Prices] })
      assert.deepStrictEqual(deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta.params] : []), [
        { room: 7 },
        { prices: { single: 80 }, unit: "euro" }
      ])
      const { tools } = bodyOf(yield* server.next)
      assert.deepStrictEqual(tools.map((tool: { function: { strict?: boolean } }) => tool.function.strict), [
        undefined,
        true
      ])
    }))

  it.live("understands calls that other servers tell otherwise", () =>
    Effect.gen(function*() {
      const whole = (id: string | undefined, args: string) =>
        openai.chunk({ tool_calls: [{ id, function: { name: "find_room", arguments: args } }] })
      const { llm } = yield* serving(openai.sse([
        whole("x", `{"nights":1}`),
        whole("y", `{"nights":2}`),
        openai.chunk({ content: null, tool_calls: null }),
        { choices: [] },
        openai.chunk({ tool_calls: [{ index: 5, id: "", function: { name: "find_room", arguments: `{"nights":3` } }] }),
        openai.chunk({}, "stop")
      ], false))
      const deltas = yield* collect(llm)
      assert.deepStrictEqual(deltas.map((delta) => delta._tag === "ToolCall" ? delta.params : delta._tag), [
        { nights: 1 },
        { nights: 2 },
        `{"nights":3`,
        "Finish"
      ])
      const ids = deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta.id] : [])
      assert.strictEqual(new Set(ids).size, 3)
    }))

  it.live("passes the first text on while the rest is still being written", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write(`data: ${JSON.stringify(openai.chunk({ content: "Well," }))}\n\ndata: {"cho`)
      })
      assert.strictEqual(spoken(yield* llm.reply(request).pipe(Stream.take(1), Stream.runCollect)), "Well,")
      yield* server.aborted
    }))

  for (const api of ["chat", "responses"] as const) {
    it.live(`keeps its connection from one reply to the next, by ${api}`, () =>
      Effect.gen(function*() {
        let end = () => {}
        const { llm, server } = yield* serving((_, response) => {
          response.writeHead(200, { "content-type": "text/event-stream" })
          const events = api === "chat"
            ? [openai.chunk({ content: "Yes." }), openai.chunk({}, "stop"), "[DONE]"]
            : [{ type: "response.output_text.delta", delta: "Yes." }, { type: "response.completed", response: {} }]
          for (const event of events) {
            response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`)
          }
          end = () => void response.end()
        }, { api })
        for (let i = 0; i < 20; i++) {
          assert.strictEqual(spoken(yield* collect(llm)), "Yes.")
          yield* provider.turns
          // The very end comes after what ends the reply.
          end()
          yield* provider.turns
        }
        assert.isAtMost(server.connections(), 5)
      }))
  }

  it.live("warms up by a request that costs nothing", () =>
    Effect.gen(function*() {
      for (const status of [200, 404]) {
        const { llm, server } = yield* serving((request, response) =>
          request.method === "GET"
            ? void response.writeHead(status).end("{}")
            : openai.saying("Yes.")(request, response)
        )
        yield* llm.prewarm ?? Effect.die("no prewarm")
        assert.strictEqual((yield* server.next).url.pathname, "/v1/models")
        yield* provider.turns
        yield* collect(llm)
        assert.strictEqual(server.connections(), 1)
      }
      const { llm } = yield* serving((_, response) => void response.writeHead(401).end("{}"))
      assert.strictEqual((yield* Effect.flip(llm.prewarm ?? Effect.die("no prewarm"))).reason._tag, "Rejected")
    }))
})

describe("Responses", () => {
  it.live("asks, stores nothing, and counts", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(openai.responding("Ye", "s."), { api: "responses", maxTokens: 50 })
      const prompt = Prompt.make([
        { role: "system", content: "Be kind." },
        { role: "user", content: "Two nights." },
        {
          role: "assistant",
          content: [{ type: "text", text: "Wait." }, { type: "tool-call", id: "a", name: "find_room", params: {} }]
        },
        {
          role: "tool",
          content: [{ type: "tool-result", id: "a", name: "find_room", isFailure: false, result: "seven" }]
        }
      ])
      assert.deepStrictEqual(yield* collect(llm, { prompt, tools: [] }), [
        { _tag: "Text", text: "Ye" },
        { _tag: "Text", text: "s." },
        {
          _tag: "Finish",
          reason: "stop",
          usage: { inputTokens: 20, outputTokens: 7, cachedInputTokens: 4 },
          model: "gpt-4o-mini-2024-07-18"
        }
      ])
      const sent = yield* server.next
      assert.strictEqual(sent.url.pathname, "/v1/responses")
      assert.deepStrictEqual(bodyOf(sent), {
        model: "gpt-4o-mini",
        temperature: 0.7,
        max_output_tokens: 50,
        store: false,
        stream: true,
        input: [
          { role: "system", content: "Be kind." },
          { role: "user", content: [{ type: "input_text", text: "Two nights." }] },
          { type: "message", role: "assistant", content: [{ type: "output_text", text: "Wait." }] },
          { type: "function_call", call_id: "a", name: "find_room", arguments: "{}" },
          { type: "function_call_output", call_id: "a", output: "seven" }
        ]
      })
    }))

  it.live("calls tools", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(openai.respondingCall("find_room", { nights: 2, view: null }), {
        api: "responses"
      })
      assert.deepStrictEqual((yield* collect(llm))[0], {
        _tag: "ToolCall",
        id: "call_1",
        name: "find_room",
        params: { nights: 2 }
      })
      const { tools } = bodyOf(yield* server.next)
      assert.strictEqual(tools[0].name, "find_room")
      assert.strictEqual(tools[0].strict, true)
    }))

  const hostedItems = {
    reasoning: { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" },
    search: { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "rain" } },
    mcp: {
      type: "mcp_call",
      id: "mcp_1",
      server_label: "docs",
      name: "find",
      arguments: "{\"page\":7}",
      output: null,
      error: "no such page"
    },
    code: { type: "code_interpreter_call", id: "ci_1", code: "1+1", container_id: "c", outputs: [{ logs: "2" }] }
  }
  const itemDone = (item: { readonly type: string }, output_index: number) => ({
    type: "response.output_item.done",
    output_index,
    item
  })
  const hosting = openai.sse([
    { type: "response.created", response: { id: "resp_1", model: "gpt-5-mini" } },
    itemDone(hostedItems.reasoning, 0),
    {
      type: "response.output_item.added",
      output_index: 1,
      item: { type: "web_search_call", id: "ws_1", status: "in_progress" }
    },
    { type: "response.web_search_call.in_progress", output_index: 1, item_id: "ws_1" },
    { type: "response.web_search_call.searching", output_index: 1, item_id: "ws_1" },
    itemDone(hostedItems.search, 1),
    itemDone(hostedItems.mcp, 2),
    itemDone(hostedItems.code, 3),
    { type: "response.output_text.delta", item_id: "msg_1", output_index: 4, content_index: 0, delta: "It rains." },
    itemDone({ type: "message" }, 4),
    { type: "response.completed", response: { id: "resp_1", usage: { input_tokens: 20, output_tokens: 7 } } }
  ], false)
  const WebSearch = Tool.providerDefined({
    id: "openai.web_search",
    customName: "look_up",
    providerName: "web_search_preview",
    args: Schema.Struct({ search_context_size: Schema.String })
  })({ search_context_size: "low" })

  it.live("tells what OpenAI runs itself, and gives it back as it came", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(hosting, { api: "responses", model: "gpt-5-mini" })
      const deltas = yield* collect(llm, { prompt: Prompt.make("Rain?"), tools: [WebSearch, FindRoom] })
      const plain = deltas.map(({ metadata: _, ...delta }) => delta)
      assert.deepStrictEqual(plain.slice(0, 7), [
        { _tag: "ProviderCall", id: "ws_1", name: "look_up", params: {} },
        { _tag: "ProviderCall", id: "ws_1", name: "look_up", params: { type: "search", query: "rain" } },
        { _tag: "ProviderResult", id: "ws_1", name: "look_up", result: { status: "completed" }, isFailure: false },
        { _tag: "ProviderCall", id: "mcp_1", name: "find", params: "{\"page\":7}" },
        { _tag: "ProviderResult", id: "mcp_1", name: "find", result: "no such page", isFailure: true },
        { _tag: "ProviderCall", id: "ci_1", name: "code_interpreter", params: { code: "1+1" } },
        { _tag: "ProviderResult", id: "ci_1", name: "code_interpreter", result: [{ logs: "2" }], isFailure: false }
      ])
      assert.deepStrictEqual(plain.slice(7).map(({ _tag }) => _tag), ["Text", "Finish"])
      const { tools } = bodyOf(yield* server.next)
      assert.deepStrictEqual(tools.map((tool: { readonly type: string }) => tool.type), [
        "function",
        "web_search_preview"
      ])
      assert.deepStrictEqual(tools[1], { type: "web_search_preview", search_context_size: "low" })

      // A history that has it, for the same model and for another.
      const calls = new Map<string, History.ToolCall>()
      const items = deltas.flatMap((delta): ReadonlyArray<History.Item> => {
        if (delta._tag === "ProviderCall") {
          const { id, metadata, name } = delta
          const more = metadata === undefined ? {} : { metadata }
          calls.set(
            id,
            History.ToolCall.make({ id, createdAt: 1, callId: id, name, params: {}, providerExecuted: true, ...more })
          )
        }
        if (delta._tag !== "ProviderResult") return []
        const { id, isFailure, metadata, name, result } = delta
        const output = { createdAt: 1, callId: id, name, output: result as Schema.Json, isFailure }
        return [
          calls.get(id)!,
          History.ToolOutput.make({ id: `${id}-out`, ...output, ...(metadata === undefined ? {} : { metadata }) })
        ]
      })
      const said = History.Message.make({ id: "said", role: "assistant", text: "It rains.", createdAt: 2 })
      const prompt = History.toPrompt({ items: [...items, said] })
      yield* collect(llm, { prompt, tools: [] })
      const message = { type: "message", role: "assistant", content: [{ type: "output_text", text: "It rains." }] }
      assert.deepStrictEqual(bodyOf(yield* server.next).input, [
        hostedItems.reasoning,
        hostedItems.search,
        hostedItems.mcp,
        hostedItems.code,
        message
      ])
      yield* collect(Llm.withSettings(llm, { model: "gpt-4.1" }), { prompt, tools: [] })
      assert.deepStrictEqual(bodyOf(yield* server.next).input, [message])
    }))

  it.live.each([
    [400, "Item with id 'ws_1' not found. Items are not persisted when `store` is set to false."],
    [404, "Item with id 'ws_1' not found."],
    [400, "Invalid value: 'web_search_call'. Supported values are: 'message', 'function_call'."]
  ])(
    "leaves out what it has run itself where the server does not take it back: %d %s",
    ([status, message]) =>
      Effect.gen(function*() {
        const { llm, server } = yield* serving((request, response) => {
          const { input } = bodyOf(request)
          const has = input.some((item: { readonly type?: string }) => item.type === "web_search_call")
          if (!has) return hosting(request, response)
          response.writeHead(status as number, { "content-type": "application/json" })
          response.end(JSON.stringify({ error: { message, type: "invalid_request_error", param: "input" } }))
        }, { api: "responses", model: "gpt-5-mini" })
        const [found] = (yield* collect(llm)).filter(({ _tag }) => _tag === "ProviderCall").slice(1)
        const options = found!.metadata as Record<string, Schema.Json>
        const result = { id: "ws_1", name: "look_up", result: {}, isFailure: false, providerExecuted: true, options }
        const prompt = Prompt.fromMessages([
          Prompt.assistantMessage({
            content: [
              Prompt.toolCallPart({ id: "ws_1", name: "look_up", params: {}, providerExecuted: true, options }),
              Prompt.toolResultPart(result)
            ]
          }),
          Prompt.userMessage({ content: [Prompt.textPart({ text: "And now?" })] })
        ])
        assert.strictEqual(spoken(yield* collect(llm, { prompt, tools: [] })), "It rains.")
        yield* collect(llm, { prompt, tools: [] })
        const inputs = yield* Effect.forEach(
          [1, 2, 3, 4],
          () => Effect.map(server.next, (sent) => bodyOf(sent).input.length)
        )
        assert.deepStrictEqual(inputs, [1, 3, 1, 1], "refused once, and left out from then on")
      })
  )

  it.live("refuses tools that another provider runs, and all of them over Chat Completions", () =>
    Effect.gen(function*() {
      const Other = Tool.providerDefined({ id: "anthropic.search", customName: "search", providerName: "web_search" })()
      for (const [api, tool] of [["responses", Other], ["chat", WebSearch]] as const) {
        const { llm } = yield* serving(hosting, { api })
        const { reason } = yield* Effect.flip(collect(llm, { prompt: Prompt.make("Rain?"), tools: [tool] }))
        assert.strictEqual(reason._tag, "InvalidRequest")
        assert.match(reason.message, /tools: /)
      }
    }))

  it.live("puts a space between messages, and none between the pieces of one", () =>
    Effect.gen(function*() {
      const delta = (delta: string, output_index?: number) => ({
        type: "response.output_text.delta",
        item_id: `msg_${output_index ?? 0}`,
        output_index,
        content_index: 0,
        delta
      })
      for (
        const deltas of [
          [delta("Let me ", 0), delta("check.", 0), delta("It is", 2), delta(" sun", 2), delta("ny.", 2)],
          [delta("Let me check. ", 0), delta("It is sunny.", 2)],
          [delta("Let me check.", 0), delta(" It is sunny.", 2)],
          [delta("Let me check. It is"), delta(" sun"), delta("ny.")]
        ]
      ) {
        const { llm } = yield* serving(
          openai.sse([...deltas, { type: "response.completed", response: {} }], false),
          { api: "responses" }
        )
        assert.strictEqual(spoken(yield* collect(llm)), "Let me check. It is sunny.")
      }
    }))

  it.live("reads what is told at the end alone, once, and loses nothing for a count that is none", () =>
    Effect.gen(function*() {
      const message = { type: "message", role: "assistant", content: [{ type: "output_text", text: "Room seven." }] }
      const call = { type: "function_call", call_id: "c", name: "find_room", arguments: { nights: 2 } }
      const response = {
        output: [message, call],
        usage: { input_tokens: "20", output_tokens: 7, output_tokens_details: 4 }
      }
      const end = { type: "response.completed", response }
      const told = [
        { type: "response.output_text.delta", output_index: 0, delta: "Room seven." },
        { type: "response.output_item.done", output_index: 0, item: message },
        { type: "response.output_item.done", output_index: 1, item: { ...call, arguments: `{"nights":2}` } }
      ]
      for (const events of [[end], [...told, end]]) {
        const { llm } = yield* serving(openai.sse(events, false), { api: "responses" })
        assert.deepStrictEqual(yield* collect(llm), [
          { _tag: "Text", text: "Room seven." },
          { _tag: "ToolCall", id: "c", name: "find_room", params: { nights: 2 } },
          { _tag: "Finish", reason: "tool-calls", usage: { inputTokens: 20, outputTokens: 7 } }
        ])
      }
    }))

  it.live("tells a failure in mid-answer", () =>
    Effect.gen(function*() {
      const failed = (error: unknown) => [
        openai.sse([{ type: "response.failed", response: { error } }], false),
        openai.sse([{ type: "error", ...(error as object) }], false)
      ]
      for (
        const [code, reason] of [["server_error", "Rejected"], ["rate_limit_exceeded", "Rejected"], [
          "invalid_prompt",
          "InvalidRequest"
        ]] as const
      ) {
        for (const handler of failed({ code, message: key })) {
          const { llm } = yield* serving(handler, { api: "responses" })
          const error = yield* Effect.flip(collect(llm))
          assert.strictEqual(error.reason._tag, reason)
        }
      }
    }))
})

describe("LanguageModel", () => {
  const Tools = Toolkit.make(FindRoom)
  const ToolsLive = Tools.toLayer({ find_room: ({ nights }) => Effect.succeed(`room 7 for ${nights}`) })

  for (const api of ["chat", "responses"] as const) {
    it.live(`runs what is written for Effect AI, by ${api}`, () =>
      Effect.gen(function*() {
        const handler = api === "chat"
          ? openai.calling({ name: "find_room", params: { nights: 2, view: null } })
          : openai.respondingCall("find_room", { nights: 2, view: null })
        const { languageModel } = yield* serving(handler, { api })
        const answer = yield* LanguageModel.generateText({ prompt: "Two nights.", toolkit: Tools }).pipe(
          Effect.provideService(LanguageModel.LanguageModel, languageModel),
          Effect.provide(ToolsLive)
        )
        assert.deepStrictEqual(answer.toolResults.map(({ result }) => result), ["room 7 for 2"])
        assert.strictEqual(answer.finishReason, "tool-calls")
        assert.strictEqual(answer.usage.inputTokens.total, 20)
        const parts = yield* LanguageModel.streamText({ prompt: "Two nights.", toolkit: Tools }).pipe(
          Stream.runCollect,
          Effect.provideService(LanguageModel.LanguageModel, languageModel),
          Effect.provide(ToolsLive)
        )
        assert.deepStrictEqual(parts.map(({ type }) => type).filter((type) => !type.startsWith("tool-params")), [
          "response-metadata",
          "tool-call",
          "tool-result",
          "finish"
        ])
      }))
  }

  it.live("gives an object of a schema", () =>
    Effect.gen(function*() {
      const { languageModel, server } = yield* serving(openai.saying(`{"room":7,`, `"view":null}`))
      const schema = Schema.Struct({ room: Schema.Int, view: Schema.optionalKey(Schema.String) })
      const { value } = yield* languageModel.generateObject({ prompt: "Which?", schema, objectName: "room" })
      assert.deepStrictEqual(value, { room: 7 })
      const { response_format: format } = bodyOf(yield* server.next)
      assert.strictEqual(format.type, "json_schema")
      assert.strictEqual(format.json_schema.name, "room")
      assert.strictEqual(format.json_schema.strict, true)
      assert.deepStrictEqual(format.json_schema.schema.required, ["room", "view"])
    }))

  it.live("fails as Effect AI fails, so that it can be adapted again", () =>
    Effect.gen(function*() {
      const cases = [
        [401, {}, "AuthenticationError", 401],
        [404, {}, "UnknownError", 404],
        [429, { "retry-after": "7" }, "RateLimitError", 429],
        [500, {}, "InternalProviderError", 500],
        [400, {}, "InvalidRequestError", undefined]
      ] as const
      for (const [status, headers, tag, again] of cases) {
        const { languageModel } = yield* serving((_, response) => void response.writeHead(status, headers).end("{}"))
        const error = yield* Effect.flip(languageModel.generateText({ prompt: "Hello?" }))
        assert.isTrue(AiError.isAiError(error))
        assert.strictEqual(error.reason._tag, tag)
        const adapted = Llm.fromLanguageModel(languageModel, { name: "adapted" })
        const { reason } = yield* Effect.flip(collect(adapted))
        assert.strictEqual(reason._tag === "Rejected" ? reason.status : undefined, again)
        if (status === 429) assert.strictEqual(reason._tag === "Rejected" ? reason.retryAfterMs : undefined, 7000)
      }
    }))
})

const midStream =
  (text: string, end: (response: Parameters<provider.Handler>[1]) => void): provider.Handler => (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.write(`data: ${JSON.stringify(openai.chunk({ content: "Well, " }))}\n\n${text}`, () => end(response))
  }

const ending = (response: Parameters<provider.Handler>[1]) => void response.end()

const faults: ReadonlyArray<readonly [name: string, handler: provider.Handler, reason: string]> = [
  [
    "400 with a field",
    (_, response) =>
      void response.writeHead(400, { "content-type": "application/json" }).end(
        `{"error":{"message":"bad ${key}","param":"max_tokens","code":"unsupported_parameter"}}`
      ),
    "InvalidRequest"
  ],
  [
    "no money left",
    (_, response) =>
      void response.writeHead(429, { "content-type": "application/json" }).end(
        `{"error":{"message":"quota","type":"insufficient_quota","code":"insufficient_quota"}}`
      ),
    "Rejected"
  ],
  ["an end without a finish", midStream("", ending), "Disconnected"],
  ["an empty stream", openai.sse([]), "EndedEarly"],
  ["a chunk of another shape", openai.sse([{ choices: "none" }]), "InvalidResponse"],
  [
    "an error in mid-stream",
    openai.sse([openai.chunk({ content: "We" }), { error: { code: 502, message: key } }]),
    "Rejected"
  ]
]

describe("faults", () => {
  for (const api of ["chat", "responses"] as const) {
    for (const [name, handler, tag] of faults) {
      if (api === "responses" && /chunk|without|error|line|mid-stream/.test(name)) continue
      it.live(`${name}, by ${api}`, () =>
        Effect.gen(function*() {
          const { llm } = yield* serving(handler, { api })
          const error = yield* Effect.flip(collect(llm))
          assert.strictEqual(error.reason._tag, tag)
          assert.strictEqual(error.provider, "openai")
          const told = JSON.stringify(error) + error.message + String(error.stack)
          assert.notInclude(told, "sk-secret")
          if (name === "no money left") assert.isFalse(error.isRetryable)
          if (name === "400 with a field") assert.include(error.message, "max_tokens")
        }))
    }
  }

  it.live("says which option is wrong", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [OpenAiLlm.Options, string]> = [
        [{}, "apiKey"],
        [{ apiKey: Redacted.make("sk\n") }, "apiKey"],
        [{ apiKey: Redacted.make(" ") }, "apiKey"],
        [{ apiKey, baseUrl: `ftp://${key}` }, "baseUrl"],
        [{ apiKey, model: " " }, "model"],
        [{ apiKey, temperature: 3 }, "temperature"],
        [{ apiKey, topP: Number.NaN }, "topP"],
        [{ apiKey, maxTokens: 0 }, "maxTokens"],
        [{ apiKey, api: "responses", seed: 1 }, "seed"],
        [{ apiKey, headers: { "a b": "c" } }, "headers"]
      ]
      for (const [options, name] of wrong) {
        const error = yield* Effect.flip(OpenAiLlm.make(options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, name)
        assert.notInclude(error.message, "secret")
      }
    }))
})

describe("configuration", () => {
  const built = (env: Record<string, string>, baseUrl?: string) =>
    Effect.gen(function*() {
      const layer = baseUrl === undefined ? OpenAiLlm.layerConfig() : OpenAiLlm.layerConfig({
        baseUrl: Config.succeed(baseUrl),
        model: Config.String("MY_MODEL")
      })
      return yield* Effect.exit(Llm.Llm.pipe(
        Effect.provide(layer),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
      ))
    })

  it.live("comes from the environment", () =>
    Effect.gen(function*() {
      const exit = yield* built({ OPENAI_API_KEY: key, OPENAI_MODEL: "gpt-9" })
      assert.strictEqual(Exit.isSuccess(exit) ? exit.value.model : exit, "gpt-9")
      const missing = yield* built({})
      assert.isTrue(Exit.isFailure(missing))
      assert.include(String(missing), "OPENAI_API_KEY")
      const hot = yield* built({ OPENAI_API_KEY: key, OPENAI_TEMPERATURE: "9" })
      assert.include(String(hot), "OPENAI_TEMPERATURE")
      assert.notInclude(String(hot), key)
    }))

  it.live("does without a key for a server of one's own", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(openai.saying("Yes."))
      const exit = yield* built({ MY_MODEL: "llama" }, server.url)
      assert.isTrue(Exit.isSuccess(exit))
      if (Exit.isFailure(exit)) return
      yield* collect(exit.value)
      const sent = yield* server.next
      assert.strictEqual(sent.headers.authorization, undefined)
      assert.strictEqual(bodyOf(sent).model, "llama")
    }))
})

describe("a model that listens", () => {
  const file = Audio.encodeWav(Audio.silence(1000, Audio.speech))
  const heard = Prompt.make([
    {
      role: "user",
      content: [
        { type: "file", mediaType: "audio/wav", data: file },
        { type: "text", text: "Is it warm?", options: { "effect-voice": { transcript: true } } }
      ]
    },
    { role: "assistant", content: [{ type: "text", text: "Yes." }] },
    {
      role: "user",
      content: [{ type: "text", text: "Who is it?" }, { type: "file", mediaType: "audio/wav", data: file }]
    }
  ])

  it.live("gets the audio of a turn in the place of its words, and what a program asks about audio beside it", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* serving(openai.saying("Yes."), { model: "gpt-audio-mini" })
      assert.strictEqual(llm.hears, true)
      yield* collect(llm, { prompt: heard, tools: [] })
      const audio = {
        type: "input_audio",
        input_audio: { data: Buffer.from(file).toString("base64"), format: "wav" }
      } satisfies ChatCompletionContentPart
      assert.deepStrictEqual(bodyOf(server.requests[0]!).messages, [
        { role: "user", content: [audio] },
        { role: "assistant", content: "Yes." },
        { role: "user", content: [{ type: "text", text: "Who is it?" }, audio] }
      ])
    }))

  it.effect.each<readonly [OpenAiLlm.Options, boolean]>([
    [{}, false],
    [{ model: "gpt-audio" }, true],
    [{ model: "gpt-4o-audio-preview-2025-06-03" }, true],
    [{ model: "gpt-4o-mini-audio-preview" }, true],
    [{ model: "gpt-4o-mini" }, false],
    [{ model: "gpt-audio", hears: false }, false],
    [{ model: "qwen2.5-omni", baseUrl: "http://127.0.0.1:9/v1", hears: true }, true],
    [{ model: "gpt-audio", api: "responses" }, false]
  ])("is one that is made for it, or is said to be: %j, %s", ([options, hears]) =>
    Effect.gen(function*() {
      const { llm } = yield* OpenAiLlm.make({ apiKey, ...options })
      assert.strictEqual(llm.hears === true, hears)
    }).pipe(Effect.scoped))

  it.effect("is none that Responses can ask", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenAiLlm.make({ apiKey, api: "responses", hears: true }))
      assert.include(error.message, "hears must not be given")
    }).pipe(Effect.scoped))
})
