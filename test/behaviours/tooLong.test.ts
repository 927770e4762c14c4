/** A prompt that the model refuses for its length: a shorter one is answered, and the conversation goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, type Schema, Stream } from "effect"
import { Agent, Failure, History, Llm, type Pipeline, Tools } from "effect-voice"
import { shortened, shortening } from "effect-voice/internal/history/shorten"
import { inherit, read } from "effect-voice/internal/llm/tooLong"
import * as refusals from "effect-voice/internal/provider/refusals"
import * as Testing from "effect-voice/testing"
import type { Prompt } from "effect/ai"

const refused = (status: number, text: string) =>
  refusals.keepText(new Failure.InvalidRequest({ detail: `the provider refuses the request (${status})` }), text)

describe("a refusal for the length of a prompt", () => {
  it.each<readonly [string, Failure.Reason, string, number | undefined]>([
    [
      "OpenAI",
      refused(
        400,
        "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens. However, your messages resulted in 16384 tokens. Please reduce the length of the messages.\"}}"
      ),
      "Yes",
      0.5
    ],
    ["its code", new Failure.InvalidRequest({ detail: "… (400 context_length_exceeded)" }), "Yes", undefined],
    ["Anthropic", refused(400, "prompt is too long: 250000 tokens > 200000 maximum"), "Yes", 0.8],
    ["llama.cpp", refused(400, "the request exceeds the available context size, try increasing it"), "Yes", undefined],
    [
      "Gemini",
      refused(400, "The input token count (2000000) exceeds the maximum number of tokens allowed (1000000)."),
      "Yes",
      0.5
    ],
    [
      "Mistral",
      refused(400, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32000 maximum"),
      "Yes",
      0.8
    ],
    [
      "TGI",
      refused(422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 8192 `inputs` tokens"),
      "Yes",
      0.5
    ],
    ["a proxy", new Failure.Rejected({ status: 413 }), "Yes", undefined],
    ["one that says nothing", new Failure.Rejected({ status: 400 }), "Perhaps", undefined],
    [
      "of the answer",
      refused(400, "max_tokens is too large: 100000, this model supports at most 4096"),
      "No",
      undefined
    ],
    [
      "of a field",
      new Failure.InvalidRequest({ detail: "the provider refuses the request because of \"temperature\" (400)" }),
      "No",
      undefined
    ],
    ["of a key", new Failure.Rejected({ status: 401 }), "No", undefined],
    ["one that is down", new Failure.Rejected({ status: 503 }), "No", undefined]
  ])("is told from others: %s", (_, reason, tag, share) => {
    const told = read(reason)
    assert.strictEqual(told._tag, tag)
    assert.strictEqual(told._tag === "Yes" ? told.share : undefined, share)
    const all = inherit(new Failure.Exhausted({ providers: ["one"], isRetryable: false }), [reason])
    assert.deepStrictEqual(read(all), told)
  })
})

describe("a history that is made shorter", () => {
  const message = (id: number, role: "system" | "user" | "assistant", text: string) =>
    History.Message.make({ id: `${id}`, role, text, createdAt: id })
  const pair = (id: number, params: Schema.Json, output: Schema.Json): ReadonlyArray<History.Item> => [
    { _tag: "ToolCall", id: `${id}`, callId: `call-${id}`, name: "read", params, createdAt: id },
    { _tag: "ToolOutput", id: `${id + 1}`, callId: `call-${id}`, name: "read", output, isFailure: false, createdAt: id }
  ]
  const long = "x".repeat(16_000)

  it("keeps instructions whole, pairs together, and the last message of the user, and comes down to its share", () => {
    for (const place of [0, 3, 9, 18]) {
      for (const share of [0.05, 0.25, 0.5, 0.9]) {
        const items: ReadonlyArray<History.Item> = [
          message(0, "system", "s".repeat(8000)),
          ...Array.from({ length: 8 }, (_, i): ReadonlyArray<History.Item> =>
            i % 2 === 0
              ? [
                message(10 * i + 1, "user", i * 2 === place ? long : "What?"),
                message(10 * i + 2, "assistant", "That.")
              ]
              : pair(10 * i + 1, i * 2 + 1 === place ? { text: long, n: 1 } : {}, i === 3 ? long : "done")).flat(),
          message(100, "user", "And now?")
        ]
        const history = History.make(items)
        const after = shortened(history, shortening(history, share))
        assert.deepStrictEqual(after.items[0], items[0])
        assert.deepStrictEqual(after.items.at(-1), items.at(-1))
        const ids = (tag: History.Item["_tag"]) =>
          after.items.flatMap((item) => item._tag === tag && "callId" in item ? [item.callId] : [])
        assert.deepStrictEqual(ids("ToolCall"), ids("ToolOutput"))
        const size = (all: ReadonlyArray<History.Item>) =>
          all.slice(1).reduce((sum, item) => sum + History.estimateTokens(item), 0)
        assert.isAtMost(size(after.items), Math.max(size(items) * share, 500))
      }
    }
  })
})

/** A model that takes so many characters of what is said in a prompt, and what it was sent. */
const bounded = (most: number, reason: Failure.Reason, sent: Array<Prompt.Prompt>) =>
  Layer.effect(
    Llm.Llm,
    Effect.map(Llm.Llm, (llm) => ({
      ...llm,
      reply: (request: Llm.Request) => {
        sent.push(request.prompt)
        return JSON.stringify(request.prompt.content).length > most
          ? Stream.fail(new Llm.LlmError({ provider: llm.name, reason }))
          : llm.reply(request)
      }
    }))
  )

const talk = (options: {
  readonly most: number
  readonly reason: Failure.Reason
  readonly tools?: boolean
  readonly instructions?: string
  readonly options?: Pipeline.Options
}) => {
  const sent: Array<Prompt.Prompt> = []
  const read = Tools.functions({ read: { run: () => "y".repeat(60_000) } })
  return Effect.map(
    Testing.scenario({
      agent: Agent.make({
        instructions: options.instructions ?? "You help.",
        ...(options.tools === true ? { tools: read } : {})
      }),
      layer: bounded(options.most, options.reason, sent),
      ...(options.options === undefined ? {} : { options: options.options }),
      at: [{ at: 1000, do: (_, caller) => caller.types("word ".repeat(3000)) }],
      user: [
        Testing.say(5000, 6000, "What have I written?"),
        Testing.say(12_000, 13_000, "And what is it about?"),
        Testing.say(19_000, 20_000, "Thank you very much.")
      ],
      llm: options.tools === true
        ? [{ tools: [{ name: "read" }] }, { text: "It is long." }, { text: "It is about words." }]
        : [{ text: "It is long." }, { text: "It is about words." }, { text: "Bye." }, { text: "Bye again." }],
      until: 30_000
    }),
    (timeline) => ({ timeline, sent })
  )
}

const reasons: ReadonlyArray<readonly [string, Failure.Reason]> = [
  [
    "by a code",
    new Failure.InvalidRequest({ detail: "the provider refuses the request (400 context_length_exceeded)" })
  ],
  ["as too large", new Failure.Rejected({ status: 413 })]
]

describe("a model that refuses a prompt for its length", () => {
  it.effect.each(reasons)(
    "is asked once more with a shorter one, once and for all: %s",
    ([, reason]) =>
      Effect.gen(function*() {
        const { sent, timeline } = yield* talk({ most: 8000, reason })
        // The typed text itself: its answer, and each later one, is heard.
        assert.strictEqual(timeline.of("SpeechFinished").filter(({ outcome }) => outcome === "completed").length, 4)
        assert.strictEqual(sent.length, 5)
        assert.deepStrictEqual(timeline.of("HistorySummarized").length, 1)
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ recovered }) => recovered), [true])
        assert.include(timeline.of("Warning").map(({ message }) => message).join(), "too long for the model")
        assert.strictEqual(sent[1]!.content[0]!.content, "You help.")
      })
  )

  it.effect("goes on with what a tool gave, cut", () =>
    Effect.gen(function*() {
      const { sent, timeline } = yield* talk({ most: 40_000, reason: reasons[0]![1], tools: true })
      assert.isTrue(timeline.of("SpeechFinished").every(({ outcome }) => outcome === "completed"))
      const results = sent[2]!.content.flatMap(({ content, role }) => role === "tool" ? content : [])
      assert.strictEqual(results.length, 1)
      assert.include(JSON.stringify(results), "cut: too long")
    }))

  it.effect("has failed where the second is refused, too, and nothing is forgotten for that", () =>
    Effect.gen(function*() {
      const { sent, timeline } = yield* talk({
        most: 8000,
        reason: reasons[0]![1],
        instructions: "Be brief. ".repeat(1000)
      })
      assert.strictEqual(timeline.of("HistorySummarized").length, 0)
      assert.isAtLeast(sent.length, 2)
      assert.deepStrictEqual(timeline.of("ProviderFailed").slice(0, 2).map(({ recovered }) => recovered), [true, false])
      assert.include(timeline.history.items.map((item) => item._tag === "Message" ? item.text : "").join(), "word word")
    }))

  it.effect("for another reason is not asked again", () =>
    Effect.gen(function*() {
      const { sent, timeline } = yield* talk({ most: 8000, reason: new Failure.Rejected({ status: 401 }) })
      assert.deepStrictEqual(timeline.of("Warning").filter(({ message }) => message.includes("too long")), [])
      assert.strictEqual(sent.length, timeline.of("ProviderFailed").length)
    }))
})
