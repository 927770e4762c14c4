import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Schedule, Schema, Stream } from "effect"
import { Failure, Llm } from "effect-voice"
import { AiError, LanguageModel, Prompt, type Response, Tool } from "effect/ai"
import { contract } from "./contract/llm.ts"

const finish = (input: number | undefined, output: number | undefined): Response.StreamPartEncoded => ({
  type: "finish",
  reason: "stop",
  usage: {
    inputTokens: { uncached: undefined, total: input, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: output, text: undefined, reasoning: undefined }
  }
})

const say = (text: string): ReadonlyArray<Response.StreamPartEncoded> => [
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta: text },
  { type: "text-end", id: "t" }
]

/** A model that gives parts, and keeps what it was asked. */
const modelOf = (
  parts: Stream.Stream<Response.StreamPartEncoded, AiError.AiError>,
  asked: Array<LanguageModel.ProviderOptions> = []
) =>
  LanguageModel.make({
    generateText: () => Effect.die("not asked for"),
    streamText: (options) => {
      asked.push(options)
      return parts
    }
  })

const GetWeather = Tool.make("get_weather", {
  description: "Weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ celsius: Schema.Finite })
})

const request: Llm.Request = { prompt: Prompt.make("Rain in Oslo?"), tools: [GetWeather] }

const replyOf = (parts: ReadonlyArray<Response.StreamPartEncoded>, asked?: Llm.Request) =>
  Effect.gen(function*() {
    const llm = Llm.fromLanguageModel(yield* modelOf(Stream.fromIterable(parts)), { name: "model" })
    return yield* Stream.runCollect(llm.reply(asked ?? request))
  })

const unattached = (deltas: ReadonlyArray<Llm.Delta>) => deltas.map(({ metadata: _, ...delta }) => delta)

const secret = "https://host/v1?key=sk-secret the user said: my pin is 1234"

const failing = (reason: AiError.AiErrorReason) =>
  Effect.gen(function*() {
    const error = AiError.make({ module: "Fake", method: "streamText", reason })
    const llm = Llm.fromLanguageModel(yield* modelOf(Stream.fail(error)), { name: "model" })
    return yield* Effect.flip(Stream.runDrain(llm.reply(request)))
  })

/** An error as plain data: a deep comparison of errors looks at the message only. */
const facts = Schema.encodeUnknownSync(Llm.LlmError)

describe("Llm", () => {
  describe("make", () => {
    it.effect("calls a tool by its name, whatever a server leaves around it", () =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [written: string, name: string]> = [
          ["look_up", "look_up"],
          ["functions.look_up", "look_up"],
          ["functions.look_up:0", "look_up"],
          ["default_api:look_up", "look_up"],
          ["tools/look_up", "look_up"],
          [" look_up ", "look_up"],
          ["look_up<|channel|>commentary", "look_up"],
          ["Look-Up", "look_up"],
          ["mcp.desk.look_up", "look_up"],
          ["bookRoom", "bookRoom"],
          ["bookroom", "bookRoom"],
          ["book_room", "book_room"],
          ["look", "look"],
          ["look_up_all", "look_up_all"],
          ["functions.", "functions."]
        ]
        const tools = ["look_up", "bookRoom"].map((name) => Tool.make(name, {}))
        for (const [written, name] of cases) {
          const llm = Llm.make({
            name: "m",
            reply: () => Stream.make({ _tag: "ToolCall", id: "1", name: written, params: {} })
          })
          const [call] = yield* Stream.runCollect(llm.reply({ prompt: Prompt.make("Hello?"), tools }))
          assert.strictEqual(call?._tag === "ToolCall" ? call.name : undefined, name, written)
        }
      }))

    it.effect("drops empty text and whatever follows the end of the reply", () =>
      Effect.gen(function*() {
        const llm = Llm.make({
          name: "fake",
          reply: () =>
            Stream.make<Array<Llm.Delta>>(
              { _tag: "Text", text: "" },
              { _tag: "Text", text: "hi" },
              { _tag: "Finish" },
              { _tag: "Finish" },
              { _tag: "Text", text: "late" }
            )
        })
        assert.deepStrictEqual(yield* Stream.runCollect(llm.reply(request)), [
          { _tag: "Text", text: "hi" },
          { _tag: "Finish" }
        ])
      }))
  })

  describe("fromLanguageModel", () => {
    it.effect("gives text, calls and usage, and leaves reasoning out", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          unattached(
            yield* replyOf([
              { type: "reasoning-start", id: "r" },
              { type: "reasoning-delta", id: "r", delta: "hm" },
              { type: "reasoning-end", id: "r" },
              ...say("Let me see."),
              { type: "tool-params-start", id: "c", name: "get_weather", providerExecuted: false },
              { type: "tool-params-delta", id: "c", delta: "{}" },
              { type: "tool-params-end", id: "c" },
              { type: "tool-call", id: "c", name: "get_weather", params: { city: "Oslo" } },
              finish(12, 5)
            ])
          ),
          [
            { _tag: "Text", text: "Let me see." },
            { _tag: "ToolCall", id: "c", name: "get_weather", params: { city: "Oslo" } },
            { _tag: "Finish", reason: "tool-calls", usage: { inputTokens: 12, outputTokens: 5 } }
          ]
        )
      }))

    it.effect("gives calls of unknown tools and with wrong parameters as they are", () =>
      Effect.gen(function*() {
        const calls: ReadonlyArray<Response.StreamPartEncoded> = [
          { type: "tool-call", id: "1", name: "book_flight", params: { to: "Oslo" } },
          { type: "tool-call", id: "2", name: "get_weather", params: { town: 3 } },
          { type: "tool-call", id: "3", name: "get_weather", params: "{\"city\": \"Os" },
          finish(undefined, undefined)
        ]
        const expected: ReadonlyArray<Llm.Delta> = [
          { _tag: "ToolCall", id: "1", name: "book_flight", params: { to: "Oslo" } },
          { _tag: "ToolCall", id: "2", name: "get_weather", params: { town: 3 } },
          { _tag: "ToolCall", id: "3", name: "get_weather", params: "{\"city\": \"Os" },
          { _tag: "Finish", reason: "tool-calls" }
        ]
        assert.deepStrictEqual(yield* replyOf(calls), expected)
        assert.deepStrictEqual(yield* replyOf(calls, { ...request, tools: [] }), expected)
      }))

    it.effect("hands the prompt, the tools and the choice over", () =>
      Effect.gen(function*() {
        const asked: Array<LanguageModel.ProviderOptions> = []
        const model = yield* modelOf(Stream.fromIterable(say("no")), asked)
        const llm = Llm.fromLanguageModel(model, { name: "model" })
        yield* Stream.runDrain(llm.reply({ ...request, toolChoice: "required" }))
        assert.deepStrictEqual(
          asked.map(({ prompt, toolChoice, tools }) => [prompt, tools.map(({ name }) => name), toolChoice]),
          [[request.prompt, ["get_weather"], "required"]]
        )
      }))

    it.effect("needs no handlers and runs none", () =>
      Effect.gen(function*() {
        const deltas = yield* replyOf([
          { type: "tool-call", id: "c", name: "get_weather", params: { city: "Oslo" } },
          finish(1, 1)
        ])
        assert.deepStrictEqual(deltas.map(({ _tag }) => _tag), ["ToolCall", "Finish"])
      }))

    it.effect("tells why it failed in closed reasons, and nothing that was said", () =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [AiError.AiErrorReason, Failure.Reason]> = [
          [
            new AiError.RateLimitError({ retryAfter: Duration.seconds(7) }),
            new Failure.Rejected({ status: 429, retryAfterMs: 7000 })
          ],
          [
            new AiError.AuthenticationError({ kind: "InvalidKey", description: secret }),
            new Failure.Rejected({ status: 401 })
          ],
          [
            new AiError.AuthenticationError({ kind: "InsufficientPermissions" }),
            new Failure.Rejected({ status: 403 })
          ],
          [new AiError.QuotaExhaustedError({}), new Failure.Rejected({ status: 402 })],
          [
            new AiError.InternalProviderError({
              description: secret,
              http: { response: { status: 503, headers: {} }, body: secret }
            }),
            new Failure.Rejected({ status: 503 })
          ],
          [new AiError.InternalProviderError({ description: secret }), new Failure.Rejected({ status: 500 })],
          [
            new AiError.NetworkError({ reason: "TransportError", method: "POST", url: secret, description: secret }),
            new Failure.Disconnected({})
          ],
          [
            new AiError.InvalidOutputError({ description: secret }),
            new Failure.InvalidResponse({ detail: "InvalidOutputError" })
          ],
          [
            new AiError.InvalidRequestError({ description: secret, parameter: "temperature" }),
            new Failure.InvalidRequest({ detail: "the provider refuses the request because of \"temperature\"" })
          ],
          [new AiError.UnknownError({ description: secret }), new Failure.Broken({})]
        ]
        for (const [reason, expected] of cases) {
          const error = yield* failing(reason)
          assert.deepStrictEqual(facts(error), facts(new Llm.LlmError({ provider: "model", reason: expected })))
          const shown = `${error} ${error.stack} ${JSON.stringify(error)}`
          assert.notInclude(shown, "sk-secret")
          assert.notInclude(shown, "1234")
        }
        const contentPolicy = yield* failing(new AiError.ContentPolicyError({ description: secret }))
        assert.isFalse(contentPolicy.isRetryable)
        assert.notInclude(contentPolicy.message, "1234")
      }))

    it.effect("fails when the model reports an error in the middle of its reply", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(replyOf([...say("Let me"), { type: "error", error: new Error(secret) }]))
        assert.deepStrictEqual(
          facts(error),
          facts(new Llm.LlmError({ provider: "model", reason: new Failure.Broken({}) }))
        )
      }))

    it.effect("is retried until the model gives its first text", () =>
      Effect.gen(function*() {
        let attempt = 0
        const error = AiError.make({
          module: "Fake",
          method: "streamText",
          reason: new AiError.InternalProviderError({ description: "busy" })
        })
        const model = yield* modelOf(
          Stream.suspend(() => ++attempt < 3 ? Stream.fail(error) : Stream.fromIterable(say("hi")))
        )
        const llm = Llm.resilient(Llm.fromLanguageModel(model, { name: "model" }), { schedule: Schedule.forever })
        assert.deepStrictEqual(yield* Stream.runCollect(llm.reply(request)), [{ _tag: "Text", text: "hi" }, {
          _tag: "Finish"
        }])
      }))
  })

  describe("generateText", () => {
    it.effect("collects the text of a reply", () =>
      Effect.gen(function*() {
        const asked: Array<Llm.Request> = []
        const llm = Llm.make({
          name: "fake",
          reply: (request) => {
            asked.push(request)
            return Stream.make<Array<Llm.Delta>>(
              { _tag: "Text", text: "a " },
              { _tag: "ToolCall", id: "1", name: "f", params: {} },
              { _tag: "Text", text: "b" },
              { _tag: "Finish" }
            )
          }
        })
        assert.strictEqual(yield* Llm.generateText(llm, "Sum this up."), "a b")
        assert.deepStrictEqual(asked.map(({ toolChoice, tools }) => [tools, toolChoice]), [[[], "none"]])
      }))
  })

  it.effect("replies from the context, and its text is a stream of what is to be said", () =>
    Effect.gen(function*() {
      const deltas: ReadonlyArray<Llm.Delta> = [
        { _tag: "Text", text: "a " },
        { _tag: "ToolCall", id: "1", name: "f", params: {} },
        { _tag: "Text", text: "b" },
        { _tag: "Finish" }
      ]
      const fake = Llm.make({ name: "fake", reply: () => Stream.fromIterable(deltas) })
      const reply = Llm.reply({ prompt: Prompt.make("Say something."), tools: [] })
      const all = yield* Effect.provideService(Stream.runCollect(reply), Llm.Llm, fake)
      assert.deepStrictEqual(all, deltas)
      assert.deepStrictEqual(yield* Stream.runCollect(Llm.text(Stream.fromIterable(all))), ["a ", "b"])
    }))

  it.effect("layerLanguageModel provides the Llm of the model in the context", () =>
    Effect.gen(function*() {
      const model = Layer.effect(LanguageModel.LanguageModel, modelOf(Stream.fromIterable(say("hi"))))
      const context = yield* Layer.build(Llm.layerLanguageModel({ name: "model" }).pipe(Layer.provide(model)))
      const llm = Context.get(context, Llm.Llm)
      assert.strictEqual(llm.name, "model")
      assert.strictEqual(yield* Llm.generateText(llm, "hello"), "hi")
    }))

  const scripted = Llm.make({
    name: "fake",
    reply: () =>
      Stream.make<Array<Llm.Delta>>(
        { _tag: "Text", text: "Room 5." },
        { _tag: "ToolCall", id: "1", name: "find_room", params: { nights: 2 } },
        { _tag: "Finish" }
      ).pipe(Stream.rechunk(1), Stream.tap(() => Effect.sleep(100)))
  })
  contract("an Llm made of a function", Layer.succeed(Llm.Llm, scripted))
  contract("a guarded Llm", Layer.succeed(Llm.Llm, Llm.resilient(scripted)))
  contract("a fallback", Layer.effect(Llm.Llm, Llm.fallback([scripted, scripted])))
  contract(
    "a language model",
    Llm.layerLanguageModel({ name: "model" }).pipe(
      Layer.provide(Layer.effect(
        LanguageModel.LanguageModel,
        modelOf(Stream.fromIterable([...say("Room 5."), finish(1, 1)]))
      ))
    )
  )
})
