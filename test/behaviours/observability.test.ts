import { assert, describe, it } from "@effect/vitest"
import { Effect, type Exit, Metric, Schema, Tracer } from "effect"
import { Agent, Event, Metrics } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const secret = "my card is 4711"
const Pay = Tool.make("pay", { parameters: Schema.Struct({ card: Schema.String }), success: Schema.String })
const Kit = Toolkit.make(Pay)

interface Seen {
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: Record<string, unknown>
}

/** A whole call with a tool, and every span that was made on the way. */
const traced = Effect.gen(function*() {
  const spans: Array<Seen> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const end = span.end.bind(span)
      span.end = (time, exit: Exit.Exit<unknown, unknown>) => {
        end(time, exit)
        const parent = span.parent._tag === "Some" && span.parent.value._tag === "Span"
          ? span.parent.value.name
          : undefined
        spans.push({ name: span.name, parent, attributes: Object.fromEntries(span.attributes) })
      }
      return span
    }
  })
  const timeline = yield* Testing.scenario({
    preset: "mechanics",
    agent: Agent.make({ instructions: "Take money.", tools: Kit }),
    user: [Testing.say(500, 2500, secret)],
    llm: [{ tools: [{ name: "pay", params: { card: secret } }] }, `I have charged ${secret}.`],
    options: { job: { id: "job-7" } }
  }).pipe(
    Effect.provide(Kit.toLayer({ pay: () => Effect.die(new Error(`kaboom ${secret}`)) })),
    Effect.provideService(Tracer.Tracer, tracer)
  )
  return { spans, timeline }
})

describe("what an operator sees", () => {
  it.effect("spans from the session to the playout, each with its ids", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced
      const parents = Object.fromEntries(spans.map(({ name, parent }) => [name, parent]))
      assert.strictEqual(parents["turn"], "session")
      for (const stage of ["llm", "tts", "playout", "tools"]) assert.strictEqual(parents[stage], "turn", stage)
      assert.include(Object.keys(parents), "stt")
      for (const { attributes, name } of spans.filter(({ parent }) => parent === "turn")) {
        assert.deepInclude(attributes, { session: "scenario", turn: 1, participant: "caller", job: "job-7" }, name)
      }
    }))

  it.effect("a session that is a job tells its beginning and its end, another one nothing", () =>
    Effect.gen(function*() {
      const told = (job: Readonly<Record<string, string>>) =>
        Effect.map(
          Testing.scenario({ user: [Testing.say(500, 2500, secret), Testing.leave(9000)], options: { job } }),
          ({ logs }) => logs.filter(({ level }) => level === "Info").map(({ text }) => text)
        )
      assert.deepStrictEqual(yield* told({ id: "job-7" }), ["the conversation begins", "the conversation is over"])
      assert.deepStrictEqual(yield* told({}), [])
    }))

  it.effect("no words of the user, the model or a tool in any log, span or metric", () =>
    Effect.gen(function*() {
      const { spans, timeline } = yield* traced
      assert.notInclude(JSON.stringify(spans), "4711")
      assert.isAbove(timeline.logs.length, 0)
      const metrics = yield* Metric.snapshot
      assert.notInclude(JSON.stringify(metrics), "4711")
      assert.notInclude(JSON.stringify(timeline.of("FunctionCallsFinished")[0]!.calls[0]!.result), "kaboom")
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("a conversation counts in the metrics", () =>
    Effect.gen(function*() {
      const { timeline } = yield* traced
      const collector = Metrics.collector()
      for (const event of timeline.events) collector.push(event)
      const summary = collector.summary()
      assert.strictEqual(summary.total_conversations, 1)
      assert.strictEqual(summary.total_messages, 2)
      assert.strictEqual(summary.total_function_calls, 1)
      assert.strictEqual(summary.total_avg_latency, timeline.turns[0]!.total)
      const names = (yield* Metric.snapshot).map(({ id }) => id)
      assert.includeMembers([...names], [
        "agent_response_time_seconds",
        "agent_conversations_total",
        "total_response_time"
      ])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("I9: the stages of every turn add up, also with tools", () =>
    Effect.gen(function*() {
      const { timeline } = yield* traced
      const record = timeline.turns[0]!
      assert.isAbove(record.tools, 0)
      assert.strictEqual(
        record.endOfUtterance + record.tools + record.llmFirstToken + record.firstSentence + record.ttsFirstByte +
          record.playoutStart,
        record.total
      )
    }))

  it.effect("every event survives its schema", () =>
    Effect.gen(function*() {
      const { timeline } = yield* traced
      const codec = Schema.fromJsonString(Schema.toCodecJson(Event.Event))
      for (const event of timeline.events) {
        const json = yield* Schema.encodeEffect(codec)(event)
        assert.strictEqual((yield* Schema.decodeEffect(codec)(json))._tag, event._tag)
      }
    }))
})
