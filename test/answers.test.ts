/** Answers of servers that speak like OpenAI, each in its own way, to both of the layers that ask them. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Redacted, Schema, Stream } from "effect"
import { Agent, type Event, type Failure, History, Llm, Pipeline } from "effect-voice"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"
import { Thought } from "../src/internal/llm/thinking.ts"
import * as provider from "./support/provider.ts"

const secret = "my secret"
const done = "[DONE]"

const delta = (delta: unknown, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }]
})
const text = (content: unknown) => delta({ content })
const calls = (...tool_calls: ReadonlyArray<unknown>) => delta({ tool_calls })
const usage = { choices: [], usage: { prompt_tokens: 20, completion_tokens: 7 } }
const fn = (name: string | undefined, args: unknown, more: object = {}) => ({
  ...more,
  function: { name, arguments: args }
})

const written = (events: ReadonlyArray<unknown>) =>
  events.map((event) => {
    if (typeof event !== "string") return `data: ${JSON.stringify(event)}\n\n`
    return event === done ? "data: [DONE]\n\n" : event
  }).join("")

const streaming = (
  events: ReadonlyArray<unknown>,
  end: "end" | "cut" | "open" = "end"
): provider.Handler =>
(_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  if (end === "cut") response.write(written(events), () => response.destroy())
  else if (end === "open") response.write(written(events))
  else response.end(written(events))
}

const layers = [
  ["OpenAiLlm", (url: string) => OpenAiLlm.layer({ baseUrl: `${url}/v1`, apiKey: Redacted.make("sk-secret") })],
  ["HttpLlm", (url: string) => HttpLlm.layer({ url, answer: HttpLlm.chatStream })]
] as const

const asking = (handler: provider.Handler, layer: (url: string) => Layer.Layer<Llm.Llm, Llm.LlmError>) =>
  Effect.gen(function*() {
    const server = yield* provider.http(handler)
    const llm = Context.get(yield* Layer.build(layer(server.url)), Llm.Llm)
    const deltas: Array<Llm.Delta> = []
    const run = Stream.runForEach(
      llm.reply({ prompt: Prompt.make("Hello?"), tools: [] }),
      (delta) => Effect.sync(() => void deltas.push(delta))
    )
    return { exit: yield* Effect.result(run), deltas }
  })

type Finish = Extract<Llm.Delta, { readonly _tag: "Finish" }>

const said = (deltas: ReadonlyArray<Llm.Delta>) =>
  deltas.map((delta) => {
    switch (delta._tag) {
      case "Text":
        return delta.text
      case "ToolCall":
        return `[${delta.name} ${JSON.stringify(delta.params)}]`
      case "Finish":
        return delta.usage === undefined ? "." : ` (${delta.usage.inputTokens} + ${delta.usage.outputTokens}).`
    }
  }).join("")

const half = [
  calls(fn("get_weather", `{"city":`, { index: 0, id: "a" })),
  calls(fn(undefined, `"Rome"}`, { index: 0 }))
]

const whole: ReadonlyArray<readonly [how: string, events: ReadonlyArray<unknown>, said: string]> = [
  [
    "one call as it was told before there were several",
    [
      delta({ function_call: { name: "get_weather", arguments: "" } }),
      delta({ function_call: { arguments: `{"city":"Rome"}` } }),
      delta({}, "function_call")
    ],
    `[get_weather {"city":"Rome"}].`
  ],
  [
    "numbers as text, and a reason that is a number",
    [
      calls(fn("get_weather", `{"city":`, { index: "0", id: "a" }), fn("get_time", "{}", { index: "1", id: "b" })),
      calls(fn(undefined, `"Rome"}`, { index: "0" })),
      delta({}, 1 as never)
    ],
    `[get_weather {"city":"Rome"}][get_time {}].`
  ],
  [
    "all in one event, as a whole answer is told",
    [{ choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }] }],
    "Hello."
  ],
  [
    "all once more at the end",
    [
      text("Hel"),
      text("lo"),
      { choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }] }
    ],
    "Hello."
  ],
  [
    "events that only say that the connection stands",
    ["event: ping\ndata: {}\n\n", text("Hel"), "event: keepalive\ndata: null\n\n", text("lo"), delta({}, "stop")],
    "Hello."
  ],
  ["text and the mark of the end", [text("Hel"), text("lo"), done], "Hello."],
  ["a call and the mark of the end", [...half, done], `[get_weather {"city":"Rome"}].`],
  ["text and a count of tokens", [text("Hello"), usage], "Hello (20 + 7)."],
  ["text, a count of tokens and the mark", [text("Hello"), usage, done], "Hello (20 + 7)."],
  ["text and a reason alone", [text("Hello"), delta({}, "stop")], "Hello."],
  ["empty reasons before the last", [delta({ content: "Hel" }, ""), delta({ content: "lo" }, "stop")], "Hello."],
  [
    "a count of tokens with each chunk, and null for the last choices",
    [
      { ...text("Hello"), usage: { prompt_tokens: 1, completion_tokens: 1 } },
      delta({}, "stop"),
      { ...usage, choices: null },
      done
    ],
    "Hello (20 + 7)."
  ],
  [
    "null for choices and tokens in between",
    [{ choices: null }, text("Hello"), { ...usage, usage: null }, done],
    "Hello."
  ],
  [
    "content in parts, of which some are thoughts",
    [
      text([{ type: "thinking", thinking: [{ type: "text", text: "Hm." }] }, { type: "text", text: "Hel" }]),
      text([{ type: "text", text: "lo" }]),
      text([]),
      delta({ content: [{ type: "reasoning", text: "Hm." }] }),
      done
    ],
    "Hello."
  ],
  ["thoughts in the text", [text("<thi"), text("nk>a"), text("</think>\n\nHello"), delta({}, "stop"), done], "Hello."],
  ["thoughts of another name", [text("<thought>a</thought>"), text("\nHello"), done], "Hello."],
  ["calls that leaked into the text", [text("Wait."), text("\n<tool_calls>[{}]</tool_calls>"), done], "Wait.\n."],
  ["a call that leaked into the text", [text("Wait."), text("\n<tool_call>{}</tool_call>"), done], "Wait.\n."],
  ["no error", [{ ...text("Hello"), error: null }, delta({}, "stop"), done], "Hello."],
  [
    "halves of two calls in turn",
    [
      calls(fn("a", "", { index: 0, id: "1" }), fn("b", "", { index: 1, id: "2" })),
      calls(fn(undefined, `{"x"`, { index: 0 })),
      calls(fn(undefined, `{"y"`, { index: 1 })),
      calls(fn(undefined, ":1}", { index: 0 })),
      calls(fn(undefined, ":2}", { index: 1 })),
      delta({}, "tool_calls"),
      done
    ],
    `[a {"x":1}][b {"y":2}].`
  ],
  [
    "two whole calls of one index",
    [calls(fn("a", "{}", { index: 0, id: "1" })), calls(fn("b", `{"y":2}`, { index: 0, id: "2" })), done],
    `[a {}][b {"y":2}].`
  ],
  [
    "two whole calls in one delta, without index and id",
    [calls(fn("get_weather", "{}"), fn("get_time", "{}")), done],
    "[get_weather {}][get_time {}]."
  ],
  ["content in one part", [text({ type: "text", text: "Hello" }), done], "Hello."],
  [
    "empty parameters before those that are meant",
    [calls(fn("a", "{}", { index: 0, id: "1" })), calls(fn(undefined, `{"x":1}`, { index: 0 })), done],
    `[a {"x":1}].`
  ],
  [
    "a second call without a name and an id",
    [
      calls(fn("a", `{"x":1}`, { index: 0, id: "1" })),
      calls(fn("", `{"x":2}`, { index: 0 })),
      delta({}, "tool_call"),
      done
    ],
    `[a {"x":1}][a {"x":2}].`
  ],
  [
    "hints that are none",
    [{ ...text("Hello"), model: 5 }, { ...delta({}, "stop"), usage: [] }, {
      choices: [],
      usage: { prompt_tokens: "20", completion_tokens: 7, prompt_tokens_details: 4 }
    }, done],
    "Hello (20 + 7)."
  ],
  [
    "tokens where Groq counts them",
    [text("Hello"), { ...delta({}, "stop"), x_groq: { id: "r", usage: usage.usage } }, done],
    "Hello (20 + 7)."
  ],
  ["events with nothing in them", ["data:\n\n", text("Hello"), "data: \n\n", delta({}, "stop"), done], "Hello."],
  [
    "a name with each fragment, and an object for parameters",
    [
      calls(fn("a", `{"x"`, { index: 0 })),
      calls(fn("a", ":1}", { index: 0 })),
      calls(fn("b", { y: 2 }, { index: 1 })),
      done
    ],
    `[a {"x":1}][b {"y":2}].`
  ]
]

const broken: ReadonlyArray<
  readonly [how: string, events: ReadonlyArray<unknown>, reason: Failure.Reason["_tag"], status?: number]
> = [
  ["a connection that is closed after text", [text("Hel")], "Disconnected"],
  ["a connection that is closed in a call", [...half], "Disconnected"],
  [
    "a count of tokens with the text, and no end",
    [{ ...text("Hel"), usage: usage.usage }],
    "Disconnected"
  ],
  ["a count of tokens before the text, and no end", [usage, text("Hel")], "Disconnected"],
  [
    "an error with a code",
    [text("Hel"), { error: { code: 502, message: secret }, choices: [] }],
    "Rejected",
    502
  ],
  [
    "an error with the name of one, and what would be an end",
    [text("Hel"), { ...delta({}, "error"), error: { code: "rate_limit_exceeded", message: secret } }, done],
    "Rejected",
    429
  ],
  [
    "an error in a choice",
    [text("Hel"), { choices: [{ delta: {}, finish_reason: "error", error: { code: 503, message: secret } }] }, done],
    "Rejected",
    503
  ],
  ["an error for a reason", [text("Hel"), delta({}, "error"), done], "Broken"],
  ["an error without a code", [text("Hel"), { error: secret }, done], "Broken"],
  ["what a server in Python tells of itself", [text("Hel"), { detail: secret }], "Broken"],
  [
    "an error that is the whole event",
    [text("Hel"), { object: "error", message: secret, type: "BadRequestError", code: 400 }, done],
    "Rejected",
    400
  ],
  [
    "an event named error",
    [
      text("Hel"),
      `event: error\ndata: ${JSON.stringify({ error: { type: "overloaded_error", message: secret } })}\n\n`
    ],
    "Rejected",
    500
  ],
  ["what the server lacked, for a reason", [text("Hel"), delta({}, "insufficient_system_resource")], "Rejected", 503],
  ["a lost network for a reason", [text("Hel"), delta({}, "network_error"), done], "Broken"],
  ["an error in a list", [text("Hel"), [{ error: { code: 503, message: secret } }]], "Rejected", 503],
  ...([
    ["permission_error", 403],
    ["billing_error", 402],
    ["api_error", 500],
    ["timeout_error", 504],
    ["UNAVAILABLE", 503],
    ["RESOURCE_EXHAUSTED", 429]
  ] as const).map(([type, status]) =>
    [`an error of the kind ${type}`, [text("Hel"), { error: { type, message: secret } }], "Rejected", status] as const
  ),
  ["too large a request", [{ error: { type: "request_too_large", message: secret } }], "InvalidRequest"],
  [
    "the policy about content",
    [text("Hel"), { error: { code: "content_filter", message: secret } }],
    "InvalidRequest"
  ]
]

describe.concurrent("answers of servers that speak like OpenAI", () => {
  for (const [name, layer] of layers) {
    it.live.each(whole)(`${name} takes for whole: %s`, ([, events, expected]) =>
      Effect.gen(function*() {
        const { deltas, exit } = yield* asking(streaming(events), layer)
        assert.strictEqual(exit._tag, "Success", String(exit))
        assert.strictEqual(said(deltas), expected)
      }))

    it.live.each(broken)(
      `${name} fails, and quotes nothing: %s`,
      ([, events, reason, status]) =>
        Effect.gen(function*() {
          const { deltas, exit } = yield* asking(streaming(events), layer)
          if (exit._tag !== "Failure") return assert.fail(said(deltas))
          const error = exit.failure
          assert.strictEqual(error.reason._tag, reason)
          if (status !== undefined) assert.strictEqual(error.reason._tag === "Rejected" && error.reason.status, status)
          assert.isFalse(deltas.some(({ _tag }) => _tag !== "Text"))
          assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), secret)
        })
    )

    it.live.each(["cut", "open"] as const)(
      `${name} needs nothing more of a connection that has told its end: %s`,
      (how) =>
        Effect.gen(function*() {
          const told: ReadonlyArray<readonly [end: unknown, said: string]> = [
            [delta({}, "tool_calls"), "."],
            [usage, " (20 + 7)."]
          ]
          for (const [end, expected] of how === "open" ? told.slice(0, 1) : told) {
            const { deltas, exit } = yield* asking(streaming([...half, end], how), layer)
            assert.strictEqual(exit._tag, "Success", String(exit))
            assert.strictEqual(said(deltas), `[get_weather {"city":"Rome"}]${expected}`)
          }
        })
    )

    it.live(`${name} takes a count of tokens alone for no end of a connection that is cut`, () =>
      Effect.gen(function*() {
        const { deltas, exit } = yield* asking(streaming([usage], "cut"), layer)
        assert.strictEqual(exit._tag, "Failure", said(deltas))
      }))
  }

  const ends: ReadonlyArray<readonly [told: unknown, events: ReadonlyArray<unknown>, end: Partial<Finish>]> = [
    ["stop", [text("Hi"), delta({}, "stop")], { reason: "stop" }],
    ["nothing at all", [text("Hi"), done], {}],
    ["stop, after a call", [...half, delta({}, "stop")], { reason: "tool-calls" }],
    ["nothing, after a call", [...half, done], { reason: "tool-calls" }],
    ["tool_calls", [...half, delta({}, "tool_calls")], { reason: "tool-calls" }],
    ["length", [delta({}, "length")], { reason: "length" }],
    ["length, in a call", [...half, delta({}, "length")], { reason: "length" }],
    ["content_filter", [delta({}, "content_filter"), done], { reason: "content-filter" }],
    ["SAFETY, as Gemini does", [delta({}, "SAFETY"), done], { reason: "content-filter" }],
    ["sensitive, as others do", [delta({}, "sensitive"), done], { reason: "content-filter" }],
    ["eos, as servers of one's own do", [text("Hi"), delta({}, "eos")], { reason: "stop" }],
    ["a reason that nobody knows", [delta({}, "brand_new"), done], { reason: "other" }],
    [
      "tokens with their parts",
      [text("Hi"), delta({}, "stop"), {
        choices: [],
        usage: {
          prompt_tokens: 20,
          completion_tokens: 7,
          prompt_tokens_details: { cached_tokens: 16 },
          completion_tokens_details: { reasoning_tokens: 5 }
        }
      }],
      { reason: "stop", usage: { inputTokens: 20, outputTokens: 7, cachedInputTokens: 16, reasoningTokens: 5 } }
    ],
    [
      "parts that are more than the whole",
      [text("Hi"), delta({}, "stop"), {
        choices: [],
        usage: {
          prompt_tokens: 20,
          completion_tokens: 7,
          prompt_tokens_details: { cached_tokens: 21 },
          completion_tokens_details: null
        }
      }],
      { reason: "stop", usage: { inputTokens: 20, outputTokens: 7 } }
    ]
  ]
  for (const [name, layer] of layers) {
    it.live.each(ends)(
      `${name} tells why an answer has ended, and what it took: %s`,
      ([, events, end]) =>
        Effect.gen(function*() {
          const { deltas, exit } = yield* asking(streaming(events), layer)
          assert.strictEqual(exit._tag, "Success", String(exit))
          assert.deepStrictEqual(deltas.at(-1), { _tag: "Finish", ...end })
        })
    )
  }

  const signs: ReadonlyArray<readonly [of: string, events: ReadonlyArray<unknown>]> = [
    ["reasoning_content", [delta({ reasoning_content: "Hm." }), delta({ content: null, reasoning_content: " So." })]],
    ["reasoning", [delta({ reasoning: "Hm." }), delta({ reasoning: " So." })]],
    ["thoughts in parts", [text([{ type: "thinking", thinking: "Hm." }]), text([{ type: "thinking", thinking: "." }])]],
    ["thoughts in the text", [text("<think>Hm."), text(" So.</think>")]],
    ["a long call in the making", half]
  ]
  for (const [name, layer] of layers) {
    it.live.each(signs)(`${name} takes for a sign of life: %s`, ([, events]) =>
      Effect.gen(function*() {
        let seen = 0
        const asked = asking(streaming([...events, text("Hello."), done]), layer)
        const { exit } = yield* Effect.provideService(asked, Thought, () => void seen++)
        assert.strictEqual(exit._tag, "Success", String(exit))
        assert.isAtLeast(seen, 2)
      }))
  }

  it.live("HttpLlm reads whole answers alike", () =>
    Effect.gen(function*() {
      const json = (message: unknown, more: object = {}): provider.Handler => (_, response) =>
        void response.writeHead(200, { "content-type": "application/json" })
          .end(JSON.stringify({ choices: [{ message, finish_reason: "stop" }], ...more }))
      const layer = (url: string) => HttpLlm.layer({ url })
      const content = [{ type: "thinking", thinking: "Hm." }, { type: "text", text: "<think>a</think>Hello" }]
      const tool_calls = [fn("a", { x: 1 }), fn("a", `{"x":1}`), fn("b", "", { id: "b" })]
      const answered = yield* asking(json({ content, tool_calls }), layer)
      assert.strictEqual(said(answered.deltas), `Hello[a {"x":1}][a {"x":1}][b {}].`)
      const failed = yield* asking(json({ content: "Hel" }, { error: { code: 503, message: secret } }), layer)
      const reason = failed.exit._tag === "Failure" ? failed.exit.failure.reason : undefined
      assert.strictEqual(reason?._tag === "Rejected" ? reason.status : reason, 503)
    }))
})

const GetWeather = Tool.make("get_weather", {
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const tools = Toolkit.make(GetWeather)

describe.concurrent("a conversation with a server that gives no reason for its ends", () => {
  for (const [name, layer] of layers) {
    it.live(`${name}: four turns are answered, tools are run, and nothing has failed`, () =>
      Effect.gen(function*() {
        const server = yield* provider.http((request, response) => {
          if (request.method === "GET") return void response.end("{}")
          const { messages } = JSON.parse(request.body.toString())
          const last = messages.at(-1)
          const answer = last.role === "tool"
            ? [text("<think>Good.</think>\n\n"), text(`${last.content}.`)]
            : last.content === "Weather?"
            ? half
            : [text("Yes."), text(" Sure.")]
          streaming([...answer, done])(request, response)
        })
        const handlers = tools.toLayer({ get_weather: ({ city }) => Effect.succeed(`Sun in ${city}`) })
        const failures: Array<Event.Event> = []
        const finished = yield* Queue.unbounded<Event.Event>()
        const onEvent = (event: Event.Event) => {
          if (event._tag === "ProviderFailed" || event._tag === "SessionClosed") failures.push(event)
          if (event._tag === "SpeechFinished") Queue.offerUnsafe(finished, event)
        }
        const services = Layer.mergeAll(
          Testing.layerRoom(),
          Testing.layerVad(),
          Testing.layerStt(),
          Testing.layerTts(),
          handlers,
          layer(server.url)
        )
        yield* Effect.gen(function*() {
          const session = yield* Pipeline.make(Agent.make({ instructions: "You help.", tools }), { onEvent })
          for (const text of ["Hello?", "Weather?", "Really?", "Sure?"]) {
            yield* session.send(text)
            yield* Queue.take(finished)
          }
          assert.deepStrictEqual(failures, [])
          assert.strictEqual(
            History.toTranscript(yield* session.history, "text").replaceAll(/User .*?: /g, "User: "),
            [
              "User: Hello?",
              "Assistant: Yes. Sure.",
              "User: Weather?",
              "Tool: get_weather called",
              "Tool: get_weather answered",
              "Assistant: Sun in Rome.",
              "User: Really?",
              "Assistant: Yes. Sure.",
              "User: Sure?",
              "Assistant: Yes. Sure."
            ].join("\n")
          )
        }).pipe(Effect.scoped, Effect.provide(services))
      }))
  }
})
