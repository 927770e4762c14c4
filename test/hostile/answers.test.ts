/** Answers of models, voices, recognisers and tools that nobody would give: the call goes on, and what they leave behind is bounded. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Schema, Stream } from "effect"
import { Agent, Event, Llm, Stt, Tools } from "effect-voice"
import { assembled, type Piece } from "effect-voice/internal/llm/assembly"
import { Chunk, chunkParts } from "effect-voice/internal/llm/chunks"
import { rejected } from "effect-voice/internal/provider/http"
import * as Testing from "effect-voice/testing"

const text = (said: string): Llm.Delta => ({ _tag: "Text", text: said })

/** A model that answers so the first time, and well from then on. */
const answering = (first: Stream.Stream<Llm.Delta, Llm.LlmError>) =>
  Layer.sync(Llm.Llm, () => {
    let asked = 0
    return Llm.make({
      name: "odd",
      reply: () => Stream.suspend(() => asked++ === 0 ? first : Stream.make(text("Good.")))
    })
  })

const asked = (first: Stream.Stream<Llm.Delta, Llm.LlmError>, until = 60_000) =>
  Testing.scenario({ user: [Testing.say(1000, 2000, "Hello?")], layer: answering(first), preset: "mechanics", until })

const dripping = (said: string) => Stream.fromEffectRepeat(Effect.as(Effect.sleep(50), text(said)))

describe("an answer of a model", () => {
  // What is empty tells that the model thinks, which it may for a minute.
  it.effect.each(
    [["", 65_000], [" ", 15_000], ["\n", 15_000], ["\u200b", 15_000], ["\u2060\ufeff", 15_000], [
      "\u00ad",
      15_000
    ]] as const
  )(
    "that goes on with %j for ever has fallen silent: what came before is said",
    ([said, before]) =>
      Effect.gen(function*() {
        const timeline = yield* asked(Stream.concat(Stream.make(text("Hello.")), dripping(said)), 120_000)
        const [spoken] = timeline.of("AgentSpeechCommitted")
        assert.strictEqual(spoken?.text.replaceAll(/[^\w.]/g, ""), "Hello.")
        assert.isBelow(timeline.of("AgentStartedSpeaking")[0]!.at, before)
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["llm"])
      })
  )

  it.effect("without the end of a sentence is heard before it is whole", () =>
    Effect.gen(function*() {
      const timeline = yield* asked(Stream.take(dripping("word "), 400), 300_000)
      const [started] = timeline.of("AgentStartedSpeaking")
      // Four hundred words take the model twenty seconds.
      assert.isBelow(started!.at, 10_000)
      assert.strictEqual(timeline.of("AgentSpeechCommitted")[0]?.text, "word ".repeat(400).trim())
    }))

  it.effect("with tens of thousands of calls that its provider has run leaves some of them behind", () =>
    Effect.gen(function*() {
      const calls = Stream.flatMap(Stream.range(1, 20_000), (i) =>
        Stream.make<ReadonlyArray<Llm.Delta>>(
          { _tag: "ProviderCall", id: `${i}`, name: "x".repeat(100_000), params: {}, metadata: { odd: {} } },
          { _tag: "ProviderResult", id: `${i}`, name: "x", result: "y".repeat(100_000), isFailure: false, metadata: {} }
        ))
      const timeline = yield* asked(Stream.concat(calls, Stream.make(text("Never."))))
      const outputs = timeline.history.items.filter((item) => item._tag === "ToolOutput")
      assert.lengthOf(outputs, 64)
      assert.isBelow(JSON.stringify(timeline.history).length, 1_200_000)
      assert.deepStrictEqual(timeline.of("Warning").map(({ message }) => message), [
        "the provider has run more than 64 calls in one answer: further ones are not remembered",
        "an answer is longer than any is, and ends there"
      ])
    }))

  const options = { key: "odd", finishes: true }
  const quiet = Effect.provide(Logger.layer([]))

  it.effect("with calls without end is read up to as many as are taken in", () =>
    Effect.gen(function*() {
      let read = 0
      const events = Stream.fromEffectRepeat(Effect.sync((): ReadonlyArray<Piece> =>
        Array.from({ length: 100 }, () => ({
          _tag: "ToolCallPart",
          index: read++,
          id: `call-${read}`,
          name: "look",
          params: "{}"
        }))
      ))
      const deltas = yield* Stream.runCollect(Stream.rechunk(1)(assembled(options, Stream.rechunk(1)(events))))
      assert.strictEqual(deltas.filter(({ _tag }) => _tag === "ToolCall").length, 16_400)
      assert.isAtMost(read, 16_400)
    }))

  it.effect("gives back what its provider has attached whole, or none of it", () =>
    Effect.gen(function*() {
      const attached = (count: number) =>
        Stream.runCollect(assembled(
          options,
          Stream.concat(
            Stream.map(Stream.range(1, count), (index): ReadonlyArray<Piece> => [
              { _tag: "Thought", fields: { details: [{ index, data: "x".repeat(1000) }] } },
              { _tag: "ToolCallPart", index, id: `${index}`, name: "look", params: "{}", fields: { seal: "y" } }
            ]),
            Stream.make<ReadonlyArray<ReadonlyArray<Piece>>>([{ _tag: "Finish", reason: "tool-calls" }])
          )
        ))
      const some = yield* attached(100)
      assert.isTrue(some.every((delta) => "metadata" in delta))
      assert.isTrue((yield* attached(2000)).every((delta) => !("metadata" in delta)))
    }).pipe(quiet))

  it("is no worse for counts of tokens that are none", () => {
    const chunk = Schema.decodeUnknownSync(Schema.fromJsonString(Chunk))
    for (const count of ["1e999", "-1e999", "-1", "\"12\"", "{}", "null", "[1]", "1.5"]) {
      for (
        const usage of [
          `{"prompt_tokens":${count},"completion_tokens":${count}}`,
          `{"prompt_tokens_details":${count}}`,
          count
        ]
      ) {
        const pieces = chunkParts(chunk(`{"choices":[{"delta":{"content":"Hello."}}],"usage":${usage}}`))
        assert.deepStrictEqual(pieces[0], text("Hello."), usage)
      }
    }
  })

  it.effect("that is refused may ask to wait for a time that is none", () =>
    Effect.gen(function*() {
      for (const value of ["Infinity", "1e309", "NaN", "-1", "x"]) {
        for (const name of ["retry-after-ms", "retry-after"]) {
          const { retryAfterMs = 0 } = yield* rejected(429, (asked) => asked === name ? value : undefined)
          assert.strictEqual(retryAfterMs, 0, `${name}: ${value}`)
        }
      }
    }))
})

describe("a transcript", () => {
  const isEvent = Schema.is(Event.Event)

  it.effect.each([Number.NaN, Infinity, -Infinity, 1e300, -1e9])(
    "whose times are %d is heard and answered",
    (time) =>
      Effect.gen(function*() {
        const words = [{ text: "Hello", start: time, end: time }]
        const odd = Layer.effect(
          Stt.Stt,
          Effect.map(Stt.Stt, (stt) => ({
            ...stt,
            transcribe: (): Stream.Stream<Stt.Transcript> =>
              Stream.fromEffectDrain(Effect.sleep(2200)).pipe(
                Stream.concat(Stream.make(
                  { text: "Hello", final: false, start: time, end: time },
                  { text: "Hello there.", final: true, start: time, end: time, confidence: time, words }
                )),
                Stream.concat(Stream.never)
              )
          }))
        )
        const timeline = yield* Testing.scenario({
          user: [Testing.say(1000, 2000, "Hello there.")],
          layer: odd,
          llm: ["Good."],
          until: 20_000
        })
        assert.deepStrictEqual(timeline.messages, ["user: Hello there.", "assistant: Good."])
        assert.isTrue(timeline.events.every(isEvent))
      })
  )
})

describe("a result of a tool", () => {
  it.effect("stands in the history as it was given, whatever becomes of it", () =>
    Effect.gen(function*() {
      const list: Array<unknown> = [1]
      let read = 0
      const tools = Tools.functions({
        list: { run: () => ({ list, nested: { list } }) },
        fickle: {
          run: () => ({
            get value() {
              return read++ === 0 ? 1 : 2n
            }
          })
        },
        named: { run: () => JSON.parse("{\"__proto__\":{\"a\":1},\"b\":2}") }
      })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools }),
        user: [Testing.say(1000, 2000, "Do it."), Testing.say(8000, 9000, "And now?")],
        at: [{ at: 7000, do: () => void list.push(2n, "x".repeat(1_000_000)) }],
        llm: [{ tools: [{ name: "list" }, { name: "fickle" }, { name: "named" }] }, "Done.", "Good."]
      })
      assert.deepStrictEqual(
        timeline.history.items.flatMap((item) => item._tag === "ToolOutput" ? [JSON.stringify(item.output)] : []),
        ["{\"list\":[1],\"nested\":{\"list\":[1]}}", "{\"value\":1}", "{\"__proto__\":{\"a\":1},\"b\":2}"]
      )
      assert.deepStrictEqual(timeline.messages.slice(-2), ["user: And now?", "assistant: Good."])
      assert.deepStrictEqual(Object.keys(Object.prototype), [])
    }))

  it.effect("that cannot be written has failed, and the next is asked for", () =>
    Effect.gen(function*() {
      const proxy = (handler: ProxyHandler<object>) => () => new Proxy({ a: 1 }, handler)
      const broken = (): never => {
        throw new Error("no")
      }
      const loop: Record<string, unknown> = {}
      loop["loop"] = loop
      const results: Readonly<Record<string, () => unknown>> = {
        loop: () => loop,
        bigint: () => 1n,
        keys: proxy({ ownKeys: broken }),
        get: proxy({ get: broken }),
        prototype: proxy({ getPrototypeOf: broken }),
        revoked: () => {
          const { proxy, revoke } = Proxy.revocable({}, {})
          revoke()
          return proxy
        },
        array: () => new Proxy([], { get: (_, name) => name === "length" ? 2 ** 32 - 1 : 1 }),
        own: () => ({ toJSON: broken }),
        getter: () => ({
          get value() {
            return broken()
          }
        }),
        deep: () => Array.from({ length: 100_000 }).reduce((inner: unknown) => [inner], 1)
      }
      const tools = Tools.functions(
        Object.fromEntries(Object.entries(results).map(([name, run]) => [name, { run: async () => run() }]))
      )
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools }),
        user: [Testing.say(1000, 2000, "Do it.")],
        llm: [{ tools: Object.keys(results).map((name) => ({ name })) }, "Done."]
      })
      const outputs = timeline.history.items.flatMap((item) => item._tag === "ToolOutput" ? [item] : [])
      assert.deepStrictEqual(
        outputs.map(({ isFailure, name }) => [name, isFailure]).sort(),
        Object.keys(results).sort().map((name) => [name, true])
      )
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
      assert.isNotEmpty(JSON.stringify(timeline.history))
    }))
})
