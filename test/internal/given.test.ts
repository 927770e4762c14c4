import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, Schema, Stream } from "effect"
import { Agent, Audio, Llm, OverlapClassifier, type Pipeline, Processor, Stt, Tts, TurnDetector } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { effectOf, saysYes, streamOf } from "../../src/internal/given.ts"
import { makeRpc } from "../../src/internal/room/rpc.ts"

/** As a program without types gives it. */
const untyped = (given: unknown): any => given

const secret = "4111 1111"

const sayings = (wanted: "Effect" | "Stream"): ReadonlyArray<readonly [given: () => unknown, words: string]> => [
  [() => undefined, "undefined: return it"],
  [() => null, `null: write ${wanted}.`],
  [() => secret, `a string: write ${wanted}.`],
  [() => 4111, `a number: write ${wanted}.`],
  [() => ({ secret }), `an object: write ${wanted}.`],
  [() => () => secret, "a function: call it"],
  [async () => secret, "a promise: write"],
  [() => Promise.reject(new Error(secret)), "a promise: write"],
  [
    async function*() {
      yield secret
    },
    "an async generator: write"
  ]
]

describe("what a function gives in place of an Effect or a Stream", () => {
  it.effect.each(sayings("Effect"))("is told without a word of it: %s, %s", ([given, words]) =>
    Effect.gen(function*() {
      const failed = yield* Effect.flip(effectOf("predict", given as () => Effect.Effect<never>, Effect.fail))
      assert.include(failed.message, `predict must give an Effect, not ${words}`)
      assert.notInclude(failed.message, "4111")
    }))

  it.effect.each([
    ...sayings("Stream"),
    [() => [secret], "a list: write Stream.fromIterable"] as const,
    [() => Effect.succeed(secret), "an Effect: write Stream.fromEffect"] as const
  ])("is told without a word of it, where a stream is wanted: %s, %s", ([given, words]) =>
    Effect.gen(function*() {
      const failed = yield* Effect.flip(
        Stream.runDrain(streamOf("reply", given() as Stream.Stream<never>, (wrong) => wrong))
      )
      assert.include(failed.message, `reply must give a Stream, not ${words}`)
      assert.notInclude(failed.message, "4111")
    }))

  it.effect("is taken as it is where it is one", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* effectOf("predict", () => Effect.succeed(1)), 1)
      const stream = streamOf("reply", Stream.make(1), (wrong) => wrong)
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [1])
      assert.isTrue(
        Exit.isFailure(yield* Effect.exit(effectOf("predict", (() => 1) as () => any as () => Effect.Effect<never>)))
      )
    }))
})

const plain = {
  llm: Layer.succeed(Llm.Llm, Llm.make({ name: "ours", reply: untyped(() => ["Hello."]) })),
  stt: Layer.succeed(Stt.Stt, Stt.make({ name: "ours", transcribe: untyped(async () => "hello") })),
  tts: Layer.succeed(
    Tts.Tts,
    Tts.make({ name: "ours", sampleRate: 16_000, channels: 1, speak: untyped(() => []) })
  ),
  synthesiser: Layer.succeed(
    Tts.Tts,
    Tts.fromSynthesizer({
      name: "ours",
      sampleRate: 16_000,
      channels: 1,
      synthesize: untyped(async () => Audio.silence(100, Audio.speech))
    })
  ),
  detector: Layer.succeed(
    TurnDetector.TurnDetector,
    TurnDetector.fromWords({ name: "ours", predict: untyped(async () => 0.9) })
  ),
  listener: Layer.succeed(
    TurnDetector.TurnDetector,
    TurnDetector.fromAudio({ name: "ours", window: 1000, predict: untyped(() => 0.9) })
  ),
  ownDetector: Layer.succeed(TurnDetector.TurnDetector, {
    name: "ours",
    open: Effect.succeed({ ask: untyped(() => ({ probability: 0.9 })) })
  }),
  classifier: Layer.succeed(
    OverlapClassifier.OverlapClassifier,
    OverlapClassifier.fromWords({ name: "ours", classify: untyped(() => "backchannel") })
  )
}

const Kit = Toolkit.make(Tool.make("book", { success: Schema.String }))
const kitLive = Kit.toLayer({ book: untyped(async () => "room 7") })
const booking = { agent: Agent.make({ instructions: "", tools: Kit }).pipe(Agent.provide(kitLive)) }
const books: Testing.Scenario["llm"] = ({ step }) => step === 0 ? { tools: [{ name: "book" }] } : "Well."

const Asking = Toolkit.make(
  Tool.make("book", { success: Schema.String, needsApproval: untyped(() => "perhaps") })
)
const approving = Agent.make({ instructions: "", tools: Asking }).pipe(
  Agent.provide(Asking.toLayer({ book: () => Effect.die("it was run") }))
)

const overlap = [
  Testing.say(1000, 2000, "Tell me a story."),
  Testing.say(7000, 8000, "Splendid, splendid!")
]

const slowly: Testing.Scenario["llm"] = [{ text: "Hello.", firstToken: 5000 }]

const onEvent = (given: () => unknown): Pipeline.Options => ({ onEvent: untyped(given) })

describe("what a function decides", () => {
  it("is what it gives", () => {
    assert.deepStrictEqual([true, 1, false, 0, undefined, null].map((given) => saysYes("accepts", given)), [
      true,
      true,
      false,
      false,
      false,
      false
    ])
  })

  it.each([
    ["a promise", async () => false],
    ["a promise", () => Promise.reject(new Error(secret))],
    ["an Effect", () => Effect.succeed(false)]
  ])("is no yes where it comes later: %s", (what, given) => {
    assert.throws(() => saysYes("accepts", given()), `accepts must give true or false at once, not ${what}`)
  })
})

describe("a function of a program without types that gives no Effect", () => {
  it.effect.each<readonly [what: string, scenario: Partial<Testing.Scenario>, words: string]>([
    ["the model", { layer: plain.llm }, "reply must give a Stream, not a list"],
    ["the recogniser as a stream", { layer: plain.stt }, "transcribe must give a Stream, not a promise"],
    ["the voice as a stream", { layer: plain.tts }, "speak must give a Stream, not a list"],
    ["the voice of single texts", { layer: plain.synthesiser }, "synthesize must give an Effect, not a promise"],
    ["the turn detector", { layer: plain.detector }, "predict must give an Effect, not a promise"],
    ["the turn detector that hears", { layer: plain.listener }, "predict must give an Effect, not a number"],
    ["a turn detector of one's own", { layer: plain.ownDetector }, "ask must give an Effect, not an object"],
    [
      "the classifier",
      { layer: plain.classifier, user: overlap, tts: { msPerCharacter: 200 }, stt: { interims: true } },
      "classify must give an Effect, not a string"
    ],
    ["a handler of a toolkit", { ...booking, llm: books }, "book must give an Effect, not a promise"],
    ["what decides of approvals", { agent: approving, llm: books }, "needsApproval of book must give true or false"],
    [
      "a filler",
      { options: { filler: { say: untyped(async () => 7) } }, llm: slowly },
      "filler.say must give a text, or nothing to say nothing, not 7"
    ],
    [
      "an effect inside",
      { agent: Agent.make({ instructions: "", onEnter: Effect.flatMap(Effect.void, untyped(() => secret)) }) },
      "not an Effect: inside an Effect, write Effect.promise"
    ],
    [
      "a processor's step",
      { options: { processors: [Processor.sync("late", untyped(async () => []))] } },
      "late must give frames at once, not a promise"
    ],
    ["onEvent", { options: onEvent(() => Effect.void) }, "onEvent must not give an Effect, which nobody runs"],
    ["onEvent, later", { options: onEvent(() => Promise.reject(new Error("the disk is full"))) }, "the disk is full"]
  ])("is told by its name: %s", ([, scenario, words]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Hello, how are you?")],
        llm: ["I am fine, and what may I do for you on this long and sunny day?", "And you?"],
        ...scenario
      })
      const told = JSON.stringify([timeline.events, timeline.logs])
      assert.include(told, words)
      assert.notInclude(told, secret)
      assert.notInclude(told, "it was run")
    }))

  it.effect("is told by its name: the recogniser of single speeches", () =>
    Effect.gen(function*() {
      const stt = Stt.fromRecognizer({ name: "ours", recognize: untyped(async () => ({ text: "hello" })) })
      const speech: ReadonlyArray<Stt.Input> = [Audio.silence(1000, Audio.speech), Stt.Finalize]
      const failed = yield* Effect.flip(Stream.runDrain(stt.transcribe(Stream.fromIterable(speech))))
      assert.strictEqual(failed.reason._tag, "InvalidRequest")
      assert.include(failed.message, "recognize must give an Effect, not a promise")
    }))

  it.effect("is told by its name, and is in the log: a handler of a room", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ cause, message }) => {
        lines.push(`${String(message)} ${Cause.pretty(cause)}`)
      })
      const rpc = makeRpc()
      yield* rpc.answer(undefined, "locate", untyped(() => secret))
      const asked = rpc.ask(undefined, "locate", { identity: "caller", payload: "" })
      const failed = yield* Effect.flip(
        asked.pipe(Effect.provideService(Logger.CurrentLoggers, new Set([logger])))
      )
      assert.include(failed.message, "the handler of locate broke")
      assert.include(lines.join("\n"), "handler of locate must give an Effect, not a string")
      assert.notInclude(lines.join("\n"), secret)
    }))

  it.effect("is heard where it may be plain: a filler", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Hello, how are you?")],
        llm: slowly,
        options: { filler: { say: async () => "One second." } }
      })
      assert.include(JSON.stringify(timeline.speeches), "One second.")
    }))

  it.effect("floods no log, however many events there are", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Hello, how are you?"), Testing.say(9000, 10_000, "And how are you now?")],
        llm: ["Fine.", "Still fine."],
        options: onEvent(() => {
          throw new Error("mine")
        })
      })
      const logged = timeline.logs.filter(({ text }) => text.startsWith("onEvent has failed"))
      assert.isAtLeast(logged.length, 1)
      assert.isAtMost(logged.length, new Set(timeline.events.map(({ _tag }) => _tag)).size)
    }))
})
