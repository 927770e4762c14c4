/** Tools that the model's provider runs itself, such as a search: nobody here runs them, and they are told and remembered. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Agent, Failure, type History, Llm } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { LanguageModel, Prompt, type Response, Tool, Toolkit } from "effect/ai"

type Part = Response.StreamPartEncoded

const Search = Tool.providerDefined({
  id: "example.search",
  customName: "search",
  providerName: "web_search",
  args: Schema.Struct({ max_uses: Schema.Int }),
  parameters: Schema.Struct({ query: Schema.String }),
  success: Schema.Array(Schema.String)
})({ max_uses: 3 })

const finish = (reason: Response.FinishReason = "stop"): Part => ({
  type: "finish",
  reason,
  usage: {
    inputTokens: { uncached: undefined, total: 9, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 9, text: undefined, reasoning: undefined }
  }
})

const say = (delta: string): ReadonlyArray<Part> => [
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta },
  { type: "text-end", id: "t" }
]

const asked = (id: string, query: string): Part => ({
  type: "tool-call",
  id,
  name: "search",
  params: { query },
  providerExecuted: true,
  metadata: { example: { signature: `signed ${id}` } }
})

const found = (id: string, ...result: ReadonlyArray<string>): Part => ({
  type: "tool-result",
  id,
  name: "search",
  result,
  isFailure: false,
  providerExecuted: true,
  metadata: { example: { encrypted: `sealed ${id}` } }
})

interface Seen {
  readonly prompts: Array<Prompt.Prompt>
  readonly tools: Array<ReadonlyArray<string>>
}

/** A model that answers with these parts, a pause where a number stands, and what it was asked. */
const searching = (answers: ReadonlyArray<ReadonlyArray<Part | number>>, name = "searcher") =>
  Effect.gen(function*() {
    const seen: Seen = { prompts: [], tools: [] }
    const model = yield* LanguageModel.make({
      generateText: () => Effect.die("not asked for"),
      streamText: ({ prompt, tools }) => {
        const answer = answers[Math.min(seen.prompts.length, answers.length - 1)]!
        seen.prompts.push(prompt)
        seen.tools.push(tools.map(({ name }) => name))
        return Stream.fromIterable(answer).pipe(
          Stream.mapEffect((part) =>
            typeof part === "number" ? Effect.as(Effect.sleep(part), []) : Effect.succeed([part])
          ),
          Stream.flattenIterable
        )
      }
    })
    return { seen, llm: Llm.fromLanguageModel(model, { name }) }
  })

const agentOf = (llm: Llm.Llm["Service"], name = "desk") =>
  Agent.make({ name, instructions: "You know what is new.", tools: Toolkit.make(Search), llm })

const twoTurns = [Testing.say(500, 1500, "What is new?"), Testing.say(9000, 10_000, "And else?")]

const parts = (prompt: Prompt.Prompt) =>
  prompt.content.flatMap((message) =>
    typeof message.content === "string"
      ? [`${message.role}: ${message.content}`]
      : message.content.map((part): string => {
        if (part.type === "text") return `${message.role}: ${part.text}`
        if (part.type !== "tool-call" && part.type !== "tool-result") return part.type
        return `${message.role} ${part.type} ${part.id} ${part.providerExecuted} ${JSON.stringify(part.options)}`
      })
  )

const items = ({ items }: History.History) =>
  items.map((item) => {
    switch (item._tag) {
      case "Message":
        return `${item.role}: ${item.text}`
      case "ToolCall":
        return `call ${item.callId} ${JSON.stringify(item.params)} ${item.providerExecuted}`
      case "ToolOutput":
        return `output ${item.callId} ${JSON.stringify(item.output)} ${item.isFailure}`
      default:
        return item._tag
    }
  })

describe("a tool that the provider runs", () => {
  it.effect("is told as it happens, remembered with its result, and goes back to the same provider", () =>
    Effect.gen(function*() {
      const { llm, seen } = yield* searching([
        [
          ...say("Let me look. "),
          asked("s-1", "news"),
          1000,
          found("s-1", "rain", "sun"),
          100,
          ...say("Rain and sun."),
          finish()
        ],
        [...say("Nothing."), finish()]
      ])
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: agentOf(llm),
        user: twoTurns,
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: What is new?",
        "call: search",
        "output: search",
        "assistant: Let me look. Rain and sun.",
        "user: And else?",
        "assistant: Nothing."
      ])
      // The turn is committed at 2000.
      timeline.expect(
        ["FunctionCallStarted", 2000, { id: "s-1", name: "search", providerExecuted: true }],
        ["FunctionCallsFinished", 3000, {
          calls: [{
            id: "s-1",
            name: "search",
            params: { query: "news" },
            result: ["rain", "sun"],
            isFailure: false,
            providerExecuted: true
          }]
        }]
      )
      assert.strictEqual(timeline.turns[0]!.toolCalls, 1)
      assert.strictEqual(timeline.turns[0]!.steps, 1, "the same answer goes on")
      assert.deepStrictEqual(seen.tools[0], ["search"])
      // Where it stood, in one message, with what was attached to each.
      assert.deepStrictEqual(parts(seen.prompts[1]!), [
        "system: You know what is new.",
        "user: What is new?",
        `assistant tool-call s-1 true {"example":{"signature":"signed s-1"}}`,
        `assistant tool-result s-1 true {"example":{"encrypted":"sealed s-1"}}`,
        "assistant: Let me look. Rain and sun.",
        "user: And else?"
      ])
      assert.lengthOf(seen.prompts[1]!.content.filter(({ role }) => role === "assistant"), 1)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("does not go to another provider, which knows nothing of it", () =>
    Effect.gen(function*() {
      const first = yield* searching([[asked("s-1", "news"), found("s-1", "rain"), ...say("Rain."), finish()]])
      const second = yield* searching([[...say("Nothing."), finish()]], "other")
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: agentOf(first.llm),
        user: twoTurns,
        at: [{ at: 6000, do: (session) => session.handoff(agentOf(second.llm, "night")) }],
        tts: { duration: 1000 }
      })
      assert.include(timeline.messages, "call: search")
      assert.deepStrictEqual(parts(second.seen.prompts[0]!), [
        "system: You know what is new.",
        "user: What is new?",
        "assistant: Rain.",
        "user: And else?"
      ])
    }))

  it.effect("does not go to a model that runs none", () =>
    Effect.gen(function*() {
      const prompts: Array<Prompt.Prompt> = []
      const plain = Llm.make({
        name: "plain",
        reply: ({ prompt }) => {
          prompts.push(prompt)
          return Stream.make({ _tag: "Text", text: "Yes." }, { _tag: "Finish" })
        }
      })
      const provided = Prompt.assistantMessage({
        content: [
          Prompt.toolCallPart({ id: "s", name: "search", params: {}, providerExecuted: true }),
          Prompt.toolResultPart({ id: "s", name: "search", result: [], isFailure: false, providerExecuted: true }),
          Prompt.textPart({ text: "Rain." })
        ]
      })
      yield* Stream.runDrain(plain.reply({ prompt: Prompt.fromMessages([provided]), tools: [] }))
      assert.deepStrictEqual(parts(prompts[0]!), ["assistant: Rain."])
    }))

  it.effect("has a result in any case, which does not go back where the provider gave none", () =>
    Effect.gen(function*() {
      const { llm, seen } = yield* searching([
        [asked("s-1", "news"), 60_000, finish()],
        [...say("Never mind."), finish()]
      ])
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: agentOf(llm),
        user: [Testing.say(500, 1500, "What is new?"), Testing.say(4000, 5000, "Leave it.")],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(items(timeline.history).slice(0, 3), [
        "user: What is new?",
        `call s-1 {"query":"news"} true`,
        `output s-1 "Tool search was not finished by the provider" true`
      ])
      assert.deepStrictEqual(parts(seen.prompts.at(-1)!).slice(1), ["user: What is new?", "user: Leave it."])
      assert.lengthOf(timeline.of("FunctionCallStarted"), 1)
      assert.lengthOf(timeline.of("FunctionCallsFinished"), 1)
    }))

  it.effect("is cut where its result is too long to be kept, and then stays here", () =>
    Effect.gen(function*() {
      const { llm, seen } = yield* searching([
        [asked("s-1", "all"), found("s-1", "x".repeat(300_000)), ...say("Much."), finish()],
        [...say("Nothing."), finish()]
      ])
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: agentOf(llm),
        user: twoTurns,
        tts: { duration: 1000 }
      })
      const output = timeline.history.items.find((item): item is History.ToolOutput => item._tag === "ToolOutput")
      assert.strictEqual(String(output?.output).length, 262_144)
      assert.match(String(output?.output), /\[cut here: the whole result has 300004 characters\]$/)
      assert.deepStrictEqual(parts(seen.prompts[1]!).slice(1), [
        "user: What is new?",
        "assistant: Much.",
        "user: And else?"
      ])
    }))

  it.effect("is known to nobody where its answer was a guess that nobody wants, and told once where it was right", () =>
    Effect.gen(function*() {
      const { llm } = yield* searching([
        [asked("s-1", "half"), found("s-1", "rain"), ...say("Rain."), finish()],
        [asked("s-2", "whole"), found("s-2", "sun"), ...say("Sun."), finish()]
      ])
      const timeline = yield* Testing.scenario({
        agent: agentOf(llm),
        user: [Testing.say(500, 1500, "What is new"), Testing.say(1900, 2900, "in Oslo?")],
        tts: { duration: 1000 }
      })
      const started = timeline.of("FunctionCallStarted").map(({ id }) => id)
      assert.deepStrictEqual(items(timeline.history), [
        "user: What is new in Oslo?",
        `call s-2 {"query":"whole"} true`,
        `output s-2 ["sun"] false`,
        "assistant: Sun."
      ])
      assert.deepStrictEqual(started, ["s-2"])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("that fails is a failure, and the reply goes on", () =>
    Effect.gen(function*() {
      const Failing = Tool.providerDefined({
        id: "example.search",
        customName: "search",
        providerName: "web_search",
        parameters: Schema.Struct({ query: Schema.String }),
        failure: Schema.Struct({ code: Schema.String })
      })()
      const failed: Part = {
        type: "tool-result",
        id: "s-1",
        name: "search",
        result: { code: "max_uses_exceeded" },
        isFailure: true,
        providerExecuted: true
      }
      const { llm } = yield* searching([[asked("s-1", "news"), failed, ...say("I cannot look."), finish()]])
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Toolkit.make(Failing), llm }),
        user: [Testing.say(500, 1500, "What is new?")]
      })
      assert.deepStrictEqual(items(timeline.history).slice(1), [
        `call s-1 {"query":"news"} true`,
        `output s-1 {"code":"max_uses_exceeded"} true`,
        "assistant: I cannot look."
      ])
    }))

  it.effect("is gone on from where the provider pauses in the middle of its work", () =>
    Effect.gen(function*() {
      const { llm, seen } = yield* searching([
        [asked("s-1", "news"), found("s-1", "rain"), finish("pause")],
        [...say("Rain."), finish()]
      ])
      const timeline = yield* Testing.scenario({
        agent: agentOf(llm),
        user: [Testing.say(500, 1500, "What is new?")]
      })
      assert.strictEqual(timeline.messages.at(-1), "assistant: Rain.")
      assert.lengthOf(seen.prompts, 2)
      assert.match(parts(seen.prompts[1]!).at(-1)!, /^assistant tool-result s-1 true/)
    }))

  it.effect("stands beside tools of the program's, in the step that calls both", () =>
    Effect.gen(function*() {
      const Book = Tool.make("book", { parameters: Schema.Struct({ room: Schema.Int }), success: Schema.String })
      const Kit = Toolkit.make(Search, Book)
      const booked: Array<number> = []
      const { llm, seen } = yield* searching([
        [
          asked("s-1", "news"),
          found("s-1", "rain"),
          { type: "tool-call", id: "b-1", name: "book", params: { room: 7 } },
          finish("tool-calls")
        ],
        [...say("Booked."), finish()]
      ])
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Kit, llm }),
        user: [Testing.say(500, 1500, "Book, if it rains.")]
      }).pipe(Effect.provide(Kit.toLayer({
        book: ({ room }) => Effect.sync(() => `room ${booked.push(room) && room}`)
      })))
      assert.deepStrictEqual(booked, [7])
      assert.deepStrictEqual(parts(seen.prompts[1]!).slice(1).map((part) => part.split(" {")[0]), [
        "assistant tool-call s-1 true",
        "assistant tool-result s-1 true",
        "assistant tool-call b-1 false",
        "tool tool-result b-1 false"
      ])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("is no reply from memory", () =>
    Effect.gen(function*() {
      const { llm, seen } = yield* searching([[asked("s-1", "news"), found("s-1", "rain"), ...say("Rain."), finish()]])
      const cached = Llm.cached(llm)
      const request: Llm.Request = { prompt: Prompt.make("What is new?"), tools: [Search] }
      yield* Stream.runDrain(cached.reply(request))
      yield* Stream.runDrain(cached.reply(request))
      assert.lengthOf(seen.prompts, 2)
    }))
})

describe("a provider's own failure", () => {
  it.effect("leaves what was found by then", () =>
    Effect.gen(function*() {
      let asks = 0
      const llm = Llm.make({
        name: "fails",
        runsTools: true,
        reply: () =>
          asks++ > 0
            ? Stream.make({ _tag: "Text", text: "Sorry." }, { _tag: "Finish" })
            : Stream.concat(
              Stream.fromIterable<Llm.Delta>([
                { _tag: "ProviderCall", id: "s", name: "search", params: { query: "news" }, metadata: { fails: {} } },
                {
                  _tag: "ProviderResult",
                  id: "s",
                  name: "search",
                  result: ["rain"],
                  isFailure: false,
                  metadata: { fails: {} }
                }
              ]),
              Stream.fail(new Llm.LlmError({ provider: "fails", reason: new Failure.Broken({}) }))
            )
      })
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", llm }),
        user: [Testing.say(500, 1500, "What is new?")]
      })
      assert.includeMembers(items(timeline.history), [`call s {"query":"news"} true`, `output s ["rain"] false`])
    }))
})
