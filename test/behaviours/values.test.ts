/** Values of a wrong kind, as JavaScript lets them through: refused by their names, and never silence without a word. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Agent, Failure, Llm, Pipeline, type Processor, type Session, Stt, Tools, Tts, Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"

const hello = Testing.say(500, 2500, "Hello, how are you?")

const wrong = (value: unknown): any => value

const told = ({ failures }: Testing.Timeline): string => failures.map(({ cause }) => cause).join()

describe("a value of a wrong kind", () => {
  it.each<readonly [string, object, string]>([
    ["no instructions", {}, "instructions is missing"],
    ["instructions", { instructions: { be: "brief" } }, "instructions must be a text"],
    ["a name", { instructions: "", name: 7 }, "name must be a text"],
    ["tools", { instructions: "", tools: { book: () => 1 } }, "tools must be tools: give Tools.functions({ … })"],
    ["one of its tools", { instructions: "", tools: [Tools.empty, null] }, "tools must be tools"],
    ["onEnter", { instructions: "", onEnter: "Hello!" }, "onEnter must be an Effect or a function, which may be async"],
    ["onUserTurn", { instructions: "", onUserTurn: Effect.void }, "onUserTurn must be a function"],
    ["its history", { instructions: "", history: "none" }, "history must be a History"],
    ["a slip", { instructions: "", onUserTrun: () => {} }, "onUserTrun is not known: onUserTurn may be meant"]
  ])("is refused where an agent is made: %s", (_, options, said) => {
    assert.throws(() => Agent.make(wrong(options)), said)
  })

  it.each<unknown>([undefined, {}, [Layer.empty]])("is refused where an agent gets its handlers: %s", (layer) => {
    const agent = Agent.make({ instructions: "" })
    const says = "layer must be a Layer: write Agent.provide(Kit.toLayer({ … }))"
    assert.throws(() => Agent.provide(agent, wrong(layer as object)), says)
    assert.throws(() => agent.pipe(Agent.provide(wrong(layer as object))), says)
  })

  it.each<readonly [string, object, string]>([
    ["entry", { layer: Layer.empty }, "entry is missing: write entry: () => Pipeline.run(agent)"],
    [
      "entry",
      { layer: Layer.empty, entry: Effect.void },
      "entry must be a function that gives what holds a conversation"
    ],
    ["layer", { entry: () => Effect.void }, "layer is missing: write a Layer of what its jobs share"],
    ["layer", { entry: () => Effect.void, layer: [Layer.empty] }, "layer must be a Layer of what its jobs share"],
    ["accept", { entry: () => Effect.void, layer: Layer.empty, accept: true }, "accept must be a function"]
  ])("is refused where a worker is defined: %s", (_, options, said) => {
    assert.throws(() => Worker.define(wrong(options)), said)
  })

  it.effect("is refused of what is no agent, where it is run", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [],
        at: [{
          at: 1000,
          do: (session) =>
            Effect.all([
              session.handoff(wrong({ instructions: "You reserve tables." })),
              session.update(wrong({ instructions: {} })),
              session.update(wrong({ tools: { book: () => 1 } }))
            ], { mode: "result", discard: true })
        }]
      })
      assert.include(told(timeline), "agent must be made by Agent.make({ instructions: … })")
      const error = yield* Effect.flip(Pipeline.run(wrong({ instructions: "" }) as Agent.Agent)).pipe(
        Effect.provide(Testing.layer({}))
      )
      assert.instanceOf(error, Failure.InvalidOptions)
      assert.match(error.message, /^agent must be made by Agent\.make/)
    }))

  it.effect.each<readonly [string, (session: Session.Session["Service"]) => Effect.Effect<unknown, unknown>, string]>([
    [
      "say(undefined)",
      (session) => session.say(wrong(undefined)),
      "say must be given a text or a Stream of texts, not undefined"
    ],
    ["say(null)", (session) => session.say(wrong(null)), "say must be given a text or a Stream of texts, not null"],
    ["say(42)", (session) => session.say(wrong(42)), "say must be given a text or a Stream of texts, not 42"],
    ["say(a promise)", (session) => session.say(wrong(Promise.resolve("a"))), "not a promise: was it awaited?"],
    ["send(42)", (session) => session.send(wrong(42)), "send must be given a text, not 42"],
    ["hangUp(42)", (session) => session.hangUp({ say: wrong(42) }), "hangUp must be given a text, not 42"],
    ["reply({})", (session) => session.reply({ instructions: wrong({}) }), "instructions must be a text"],
    ["update({})", (session) => session.update({ instructions: wrong({}) }), "instructions must be a text"],
    ["update(tools)", (session) => session.update({ tools: wrong({ book: () => 1 }) }), "tools must be a Set of tools"]
  ])("is refused of a session: %s", ([, act, said]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [], at: [{ at: 1000, do: act }], llm: ["Nobody asked me."] })
      assert.include(told(timeline), said)
      assert.deepStrictEqual(timeline.messages, [])
    }))

  it.effect.each<readonly [string, unknown, string]>([
    ["a context", { context: 42 }, "onUserTurn.context must be a text"],
    ["a text", { text: null }, "onUserTurn.text must be a text"],
    ["a reply", { reply: "no" }, "onUserTurn.reply must be true or false"],
    ["a text alone", "Breakfast is at 7.", "onUserTurn must give nothing, { text }, { context } or { reply: false }"]
  ])("is refused of onUserTurn, and the turn is answered: %s", ([, verdict, said]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onUserTurn: () => wrong(verdict) }),
        user: [hello],
        llm: ["Fine."]
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: Fine."])
      assert.deepStrictEqual(timeline.of("Warning"), [])
      const failure = timeline.logs.find(({ text }) => text.startsWith("a hook failed"))
      assert.include(JSON.stringify(failure), said)
    }))
})

const noRoute = (): never => {
  throw new Error("no route")
}

describe("what a program's own code throws", () => {
  it.effect.each<readonly [string, Partial<Parameters<typeof Testing.scenario>[0]>, string]>([
    [
      "a model",
      { layer: Layer.succeed(Llm.Llm, Llm.make({ name: "own", reply: () => Stream.sync(noRoute) })) },
      "a provider broke"
    ],
    [
      "a recogniser",
      { layer: Layer.succeed(Stt.Stt, Stt.make({ name: "own", transcribe: () => Stream.sync(noRoute) })) },
      "a provider broke"
    ],
    [
      "a voice",
      {
        layer: Layer.succeed(
          Tts.Tts,
          Tts.fromSynthesizer({
            name: "own",
            sampleRate: 24_000,
            channels: 1,
            synthesize: () => Effect.sync(noRoute)
          })
        )
      },
      "a provider broke"
    ],
    [
      "a model, where it is called",
      { layer: Layer.succeed(Llm.Llm, Llm.make({ name: "own", reply: noRoute })) },
      "a provider broke"
    ],
    [
      "a recogniser, where it is called",
      { layer: Layer.succeed(Stt.Stt, Stt.make({ name: "own", transcribe: noRoute })) },
      "a provider broke"
    ],
    [
      "a voice, where it is called",
      { layer: Layer.succeed(Tts.Tts, Tts.make({ name: "own", sampleRate: 24_000, channels: 1, speak: noRoute })) },
      "a provider broke"
    ],
    [
      "a processor",
      { options: { processors: [{ name: "own", open: Effect.succeed(noRoute) } satisfies Processor.Processor] } },
      "a processor failed, and is left out from now on"
    ],
    [
      "a transform",
      { options: { transforms: [{ name: "own", open: () => ({ push: noRoute, end: () => "" }) }] } },
      "a transform of the text failed"
    ],
    ["onText", { options: { onText: noRoute }, user: [Testing.type(1000, "Hello?")] }, "a hook failed"],
    ["onKey", { options: { onKey: async () => noRoute() }, user: [Testing.press(1000, "1")] }, "a hook failed"],
    ["onEnter", { agent: Agent.make({ instructions: "", onEnter: async () => noRoute() }) }, "a hook failed"],
    ["onExit", { agent: Agent.make({ instructions: "", onExit: async () => noRoute() }) }, "a hook failed"]
  ])("is in the log, with its place: %s", ([, scenario, said]) =>
    Effect.gen(function*() {
      const { logs } = yield* Testing.scenario({ user: [hello], llm: ["Fine."], ...scenario } as Testing.Scenario)
      const line = logs.find(({ text }) => text.startsWith(said))
      assert.strictEqual(line?.level, "Error", JSON.stringify(logs, undefined, 1))
      const words = said === "a hook failed" || said.startsWith("a processor")
      assert.strictEqual(line?.cause?.includes("no route"), words)
      assert.match(line?.cause ?? "", /^Error: (no route)?\n +at .*values\.test\.ts/)
    }))
})

describe("a model of one's own that fails with a plain error", () => {
  it.effect("is told as broken, by the place of its error, and the caller hears of it", () =>
    Effect.gen(function*() {
      const reply = () => Stream.fail(wrong(new RangeError("out of tokens")))
      const timeline = yield* Testing.scenario({
        user: [hello],
        layer: Layer.succeed(Llm.Llm, Llm.make({ name: "mine", reply }))
      })
      assert.match(timeline.messages.at(-1)!, /^assistant: Sorry/)
      const log = timeline.logs.find(({ text }) => text === "a provider failed")
      assert.match(log?.cause ?? "", /^RangeError[^]*values\.test\.ts/)
      assert.include(timeline.print(), "log Error: a provider failed: RangeError")
    }))
})
