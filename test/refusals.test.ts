/** What a model's server refuses: learnt where nobody has asked for it, an error where the program has. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References, Schema, Stream } from "effect"
import { Llm } from "effect-voice"
import { read } from "effect-voice/internal/llm/tooLong"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import { Prompt, Tool } from "effect/ai"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"

type Body = { readonly [key: string]: any }

/** Why a server refuses a body; `undefined` where it does not. */
type Judge = (body: Body) => { readonly status?: number; readonly told: unknown } | undefined

const serving = (judge: Judge, answer = openai.saying("Yes."), isPlain = false) =>
  Effect.gen(function*() {
    const bodies: Array<Body> = []
    const { url } = yield* provider.http((request, response) => {
      const body: Body = JSON.parse(request.body.toString())
      bodies.push(body)
      const no = judge(body)
      if (no === undefined) return answer(request, response)
      const type = isPlain ? "text/plain" : "application/json"
      response.writeHead(no.status ?? 400, { "content-type": type })
        .end(isPlain ? String(no.told) : JSON.stringify(no.told))
    })
    return { url, bodies }
  })

const unsupported = (param: string | null, message: string) => ({
  told: { error: { message, type: "invalid_request_error", param, code: "unsupported_value" } }
})

const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) =>
      void lines.push(`${logLevel} ${String(message)}`)
    )
    const exit = yield* effect.pipe(
      Effect.exit,
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
    return { exit, lines }
  })

const conversation = Prompt.make([
  { role: "system", content: "You help." },
  { role: "assistant", content: [{ type: "text", text: "Welcome to the hotel." }] },
  { role: "user", content: [{ type: "text", text: "My pin is 1234." }] },
  { role: "system", content: "Be brief." }
])

const ask = (llm: Llm.Llm["Service"], settings?: Llm.Settings) =>
  Llm.text(llm.reply({ prompt: conversation, tools: [], settings })).pipe(Stream.mkString)

const has = (name: string, text: string): Judge => (body) =>
  name in body ? unsupported(null, text.replaceAll("NAME", name)) : undefined

const refusals: ReadonlyArray<readonly [what: string, judge: Judge, options?: OpenAiLlm.Options]> = [
  ["a temperature, told as a field", (body) => "temperature" in body ? unsupported("temperature", "No.") : undefined],
  ["a temperature, told in words", has("temperature", "Unsupported value: 'NAME' does not support 0.7.")],
  ["counts of tokens", has("stream_options", "Unrecognized request argument supplied: NAME")],
  [
    "counts of tokens, as servers in Python say it",
    (body) =>
      "stream_options" in body
        ? {
          status: 422,
          told: { detail: [{ loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }] }
        }
        : undefined
  ],
  [
    "the old name of the most tokens",
    has("max_tokens", "Unsupported parameter: 'NAME' is not supported. Use 'max_completion_tokens' instead."),
    { maxTokens: 90 }
  ],
  [
    "instructions at the end, as templates of llama.cpp do",
    ({ messages }) =>
      messages.slice(1).some(({ role }: Body) => role === "system")
        ? {
          status: 500,
          told: { error: { code: 500, message: "Jinja Exception: System message must be at the beginning." } }
        }
        : undefined
  ],
  [
    "turns that do not alternate, as templates of vLLM do",
    ({ messages }) => {
      const turns = messages.filter(({ role }: Body) => role !== "system")
      return turns.some(({ role }: Body, at: number) => role !== (at % 2 === 0 ? "user" : "assistant"))
        ? { told: { object: "error", message: "Conversation roles must alternate user/assistant/user/...", code: 400 } }
        : undefined
    }
  ]
]

describe("a server that refuses what nobody has asked for", () => {
  it.live.each(refusals)(
    "is asked without it, and it is told once: %s",
    ([, judge, options]) =>
      Effect.gen(function*() {
        const { bodies, url } = yield* serving(judge)
        const { llm } = yield* OpenAiLlm.make({ baseUrl: `${url}/v1`, ...options })
        const { exit, lines } = yield* logged(Effect.all([ask(llm), ask(llm), ask(llm)]))
        assert.deepStrictEqual(exit._tag === "Success" ? exit.value : String(exit), ["Yes.", "Yes.", "Yes."])
        assert.strictEqual(lines.filter((line) => line.startsWith("Warn")).length, 1, lines.join("\n"))
        assert.strictEqual(bodies.length, 4)
        if (options?.maxTokens !== undefined) assert.strictEqual(bodies.at(-1)?.["max_completion_tokens"], 90)
        assert.notInclude(lines.join("\n"), "1234")
      })
  )

  it.live("is asked with it again for another model", () =>
    Effect.gen(function*() {
      const { bodies, url } = yield* serving((body) =>
        body["model"] === "a" ? has("stream_options", "no NAME here")(body) : undefined
      )
      const { llm } = yield* OpenAiLlm.make({ baseUrl: url, model: "a" })
      yield* Effect.all([ask(llm), ask(llm, { model: "b" })])
      assert.deepStrictEqual(bodies.map((body) => [body["model"], "stream_options" in body]), [
        ["a", true],
        ["a", false],
        ["b", true]
      ])
    }))

  it.live.each([
    ["a temperature", "temperature", { temperature: 0.2 }],
    ["how much it thinks", "reasoning_effort", { reasoningEffort: "low" }],
    ["a field of its own", "top_k", { extra: { top_k: 4 } }]
  ] as ReadonlyArray<readonly [string, string, OpenAiLlm.Options]>)(
    "fails, and names it, where the program has set %s",
    ([, field, options]) =>
      Effect.gen(function*() {
        const { bodies, url } = yield* serving(has(field, "Unsupported: 'NAME' for My pin is 1234."))
        const { llm } = yield* OpenAiLlm.make({ baseUrl: url, ...options })
        const error = yield* Effect.flip(ask(llm))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, `"${field}"`)
        assert.notInclude(error.message, "1234")
        assert.strictEqual(bodies.length, 1)
      })
  )

  it.live("says why in a line for who debugs, and nothing of the conversation", () =>
    Effect.gen(function*() {
      const { url } = yield* serving(() => unsupported(null, `Bad format of "My pin is 1234."; the region is closed`))
      const { llm } = yield* OpenAiLlm.make({ baseUrl: url })
      const other = yield* HttpLlm.make({ url })
      for (const one of [llm, other]) {
        const { exit, lines } = yield* logged(ask(one))
        assert.strictEqual(exit._tag, "Failure")
        if (one === llm) assert.match(String(exit), /\(400 unsupported_value\); --log-level debug shows why/)
        assert.deepStrictEqual(lines, [
          `Debug ${one.name} refuses the request: Bad format of "…"; the region is closed`
        ])
      }
    }))
})

const look = Tool.make("look", { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String })

const toolCall = Prompt.toolCallPart({ id: "c1", name: "look", params: { city: "Rome" }, providerExecuted: false })

/** A call by which nothing was said, its result, and the user before the agent has answered. */
const afterCall = (options: Prompt.ProviderOptions = {}) =>
  Prompt.fromMessages([
    Prompt.systemMessage({ content: "You help." }),
    Prompt.userMessage({ content: [Prompt.textPart({ text: "How is it in Rome?" })] }),
    Prompt.assistantMessage({ content: [toolCall], options }),
    Prompt.toolMessage({
      content: [
        Prompt.toolResultPart({ id: "c1", name: "look", result: "sun", isFailure: false, providerExecuted: false })
      ]
    }),
    Prompt.userMessage({ content: [Prompt.textPart({ text: "Hello?" })] }),
    Prompt.systemMessage({ content: "Be brief." })
  ])

const saying = (message: string, type = "invalid_request_error") => ({ told: { error: { message, type } } })

const roles = ({ messages }: Body): ReadonlyArray<string> => messages.map(({ role }: Body) => role)

const late = (body: Body, message: string) => roles(body).slice(1).includes("system") ? saying(message) : undefined

const ordered = [
  ["system", "You help."],
  ["user", "How is it in Rome?"],
  ["assistant", null],
  ["tool", "sun"],
  ["assistant", "…"],
  ["user", "Hello?\n[Instructions]\nBe brief."]
]
const systemless = [["user", "[Instructions]\nYou help.\nHow is it in Rome?"], ...ordered.slice(2)]
const plain = [...ordered.slice(0, 4), ["user", "Hello?"], ["system", "Be brief."]]
const texted = plain.map(([role, content]) => [role, content ?? ""])

const shapes: ReadonlyArray<readonly [what: string, judge: Judge, messages: ReadonlyArray<unknown>]> = [
  [
    "Gemma's template, of instructions",
    (body) => roles(body).includes("system") ? saying("System role not supported") : undefined,
    systemless
  ],
  [
    "OpenAI's o1-mini, of instructions",
    (body) =>
      roles(body).includes("system")
        ? unsupported("messages[0].role", "'messages[0].role' does not support 'system' with this model.")
        : undefined,
    systemless
  ],
  [
    "Perplexity, of an order",
    (body) => late(body, "After the (optional) system message(s), user and assistant roles should be alternating."),
    ordered
  ],
  ["Bedrock, of an order", (body) => late(body, "Roles must alternate between \"user\" and \"assistant\""), ordered],
  ["Anthropic, of the first", (body) => late(body, "messages: first message must use the \"user\" role"), ordered],
  ["Mistral, of the last", (body) => late(body, "Expected last role User or Tool for serving but got system"), ordered],
  [
    "Mistral, of a user behind a tool",
    (body) =>
      roles(body).some((role, at) => role === "user" && roles(body)[at - 1] === "tool")
        ? { told: { object: "error", message: "Unexpected role 'user' after role 'tool'", code: "3230" } }
        : undefined,
    ordered
  ],
  [
    "a server in Python, of a message without a text",
    ({ messages }) =>
      messages.some(({ content }: Body) => content === null)
        ? {
          status: 422,
          told: { detail: [{ loc: ["body", "messages", 2, "content"], msg: "Input should be a valid string" }] }
        }
        : undefined,
    texted
  ],
  [
    "a gateway, of a message without a text",
    ({ messages }) =>
      messages.some(({ content }: Body) => content === null)
        ? saying("Invalid value for 'content': expected a string, got null.")
        : undefined,
    texted
  ],
  ["a choice that is none", has("tool_choice", "Unsupported parameter: NAME"), plain],
  [
    "Google, of a schema",
    ({ tools }) =>
      JSON.stringify(tools).includes("additionalProperties")
        ? {
          told: [{
            error: { code: 400, message: "Unknown name \"additionalProperties\" at 'tools[0].function.parameters'." }
          }]
        }
        : undefined,
    plain
  ],
  ["plain text", (body) => "stream_options" in body ? { told: "unknown field stream_options" } : undefined, plain]
]

describe("a server that refuses how it is told of a call", () => {
  it.live.each(shapes)("is told of it as it wants: %s", ([what, judge, messages]) =>
    Effect.gen(function*() {
      const { bodies, url } = yield* serving(judge, openai.saying("Yes."), what === "plain text")
      const { llm } = yield* OpenAiLlm.make({ baseUrl: `${url}/v1` })
      const reply = Llm.text(llm.reply({ prompt: afterCall(), tools: [look] })).pipe(Stream.mkString)
      const { exit, lines } = yield* logged(Effect.all([reply, reply]))
      assert.deepStrictEqual(exit._tag === "Success" ? exit.value : String(exit), ["Yes.", "Yes."])
      assert.strictEqual(lines.filter((line) => line.startsWith("Warn")).length, 1, lines.join("\n"))
      assert.strictEqual(bodies.length, 3)
      assert.deepStrictEqual(bodies.at(-1)?.["messages"].map(({ content, role }: Body) => [role, content]), messages)
    }))

  it.live.each([
    [
      "Groq",
      "reasoning",
      "Hm.",
      "'messages.2' : for 'role:assistant' the following must be satisfied[property 'reasoning' is unsupported]"
    ],
    ["Cerebras", "reasoning_content", "Hm.", "body.messages.2.assistant.reasoning_content: property is not allowed"],
    [
      "a gateway",
      "thinking_blocks",
      [{ type: "thinking", thinking: "Hm.", signature: "s" }],
      "Unknown field `thinking_blocks`"
    ]
  ] as ReadonlyArray<readonly [string, string, unknown, string]>)(
    "does not get back what it has attached: %s, %s",
    ([, name, value, message]) =>
      Effect.gen(function*() {
        const isRefused = (body: Body) => body["messages"].some((one: Body) => name in one)
        const { bodies, url } = yield* serving(
          (body) => isRefused(body) ? saying(message) : undefined,
          openai.sse([
            openai.chunk({ [name]: value }),
            openai.chunk({ content: "Reasoning models need a temperature." }),
            openai.chunk({}, "stop")
          ])
        )
        const { llm } = yield* OpenAiLlm.make({ baseUrl: `${url}/v1` })
        const first = yield* Stream.runCollect(llm.reply({ prompt: conversation, tools: [look] }))
        const finish = first.at(-1)
        const prompt = afterCall(finish?._tag === "Finish" ? finish.metadata : undefined)
        const reply = Llm.text(llm.reply({ prompt, tools: [look] })).pipe(Stream.mkString)
        yield* Effect.all([reply, reply])
        assert.deepStrictEqual(bodies.map(isRefused), [false, true, false, false])
      })
  )
})

describe("a server whose code is the status", () => {
  it.live("is told by the kind of the error", () =>
    Effect.gen(function*() {
      const error = { message: "no", type: "invalid_request_error", param: null, code: "400" }
      const { url } = yield* serving(() => ({ told: { error } }))
      const { message } = yield* Effect.flip(ask((yield* OpenAiLlm.make({ baseUrl: url })).llm))
      assert.include(message, "(400 invalid_request_error)")
    }))
})

describe("a server that nobody is at", () => {
  it.live("is named by its host and port alone", () =>
    Effect.gen(function*() {
      const { url } = yield* Effect.scoped(serving(() => undefined))
      for (
        const llm of [
          (yield* OpenAiLlm.make({ baseUrl: `${url}/v1?key=secret` })).llm,
          yield* HttpLlm.make({ url: `${url}/v1?key=secret` })
        ]
      ) {
        const error = yield* Effect.flip(ask(llm))
        assert.strictEqual(error.reason._tag, "Disconnected")
        assert.include(error.message, `(ECONNREFUSED, ${new URL(url).host})`)
        assert.notInclude(error.message, "secret")
      }
    }))
})

describe("a server that refuses a prompt for its length", () => {
  const texts: ReadonlyArray<readonly [status: number, told: unknown, share: number | undefined]> = [
    [
      400,
      {
        error: {
          message:
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 16384 tokens.",
          type: "invalid_request_error",
          param: "messages",
          code: "context_length_exceeded"
        }
      },
      0.5
    ],
    [
      400,
      { error: { message: "Your input exceeds the context window of this model.", param: "input", code: null } },
      undefined
    ],
    [
      400,
      { code: 400, message: "the request exceeds the available context size", type: "exceed_context_size_error" },
      undefined
    ],
    [413, { error: { message: "Request too large for model" } }, undefined],
    [422, { detail: [{ loc: ["body", "messages"], msg: "Input is too long for requested model." }] }, undefined]
  ]

  it.effect.each(texts)(
    "is understood by each layer of a model: %# answers %s",
    ([status, told, share]) =>
      Effect.gen(function*() {
        const { url } = yield* serving(() => ({ status, told }))
        const layers = [
          (yield* OpenAiLlm.make({ baseUrl: `${url}/v1`, model: "big" })).llm,
          (yield* OpenAiLlm.make({ baseUrl: `${url}/v1`, model: "big", api: "responses" })).llm,
          yield* HttpLlm.make({ url: `${url}/v1/chat/completions` }),
          yield* HttpLlm.make({ url: `${url}/v1/chat/completions`, answer: HttpLlm.chatStream })
        ]
        for (const llm of [...layers, yield* Llm.fallback([layers[0]!, layers[2]!]), Llm.resilient(layers[0]!)]) {
          const error = yield* Effect.flip(ask(llm))
          assert.deepStrictEqual(read(error.reason), { _tag: "Yes", share }, llm.name)
          assert.notInclude(error.message, "tokens")
        }
      })
  )
})
