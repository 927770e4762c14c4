import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Metric, Schema, Stream } from "effect"
import { Agent, Failure, Llm, Metrics, Stt, Tts } from "effect-voice"
import * as Cost from "effect-voice/Cost"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"

const usage = (used: Partial<Cost.Usage>): Cost.Usage => ({
  component: "llm",
  provider: "openai",
  inputTokens: 0,
  outputTokens: 0,
  characters: 0,
  audioMs: 0,
  estimated: false,
  ...used
})

/** Made up, so that sums are easy to see. */
const prices: Cost.Prices = [
  { provider: "scripted-llm", inputTokens: 1_000_000, outputTokens: 2_000_000 },
  { provider: "scripted-tts", characters: 1_000_000 },
  { provider: "scripted-stt", audioMinutes: 60 }
]

/** What is told while an effect runs. */
const told = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const all: Array<Cost.Usage> = []
    return Effect.as(Effect.provideService(effect, Cost.Meter, (usage) => void all.push(usage)), all)
  })

const hello: Llm.Request = { prompt: Prompt.make("hello"), tools: [] }

describe("Cost.of", () => {
  it("takes the price of the longest model name that fits, and of the provider alone where none does", () => {
    const table: Cost.Prices = [
      { provider: "openai", inputTokens: 1 },
      { provider: "openai", model: "gpt-4o", inputTokens: 2 },
      { provider: "openai", model: "gpt-4o-mini", inputTokens: 3 },
      { provider: "other", inputTokens: 4 }
    ]
    const of = (model: string | undefined, provider = "openai") =>
      Cost.of(usage({ provider, inputTokens: 1_000_000, ...(model === undefined ? {} : { model }) }), table)
    assert.deepStrictEqual(
      [of("gpt-4o-mini-2024-07-18"), of("gpt-4o"), of("o9"), of(undefined), of("gpt-4o", "nobody")],
      [3, 2, 1, 1, undefined]
    )
  })

  it("counts tokens and characters by the million and audio by the minute", () => {
    const table: Cost.Prices = [
      { provider: "openai", inputTokens: 2, outputTokens: 8, characters: 15, audioMinutes: 0.6 }
    ]
    const cost = Cost.of(
      usage({ inputTokens: 500_000, outputTokens: 250_000, characters: 1000, audioMs: 90_000 }),
      table
    )
    assert.closeTo(cost!, 1 + 2 + 0.015 + 0.9, 1e-9)
  })

  it("takes what the provider had in its cache at its own price, and as the rest where it has none", () => {
    const of = (price: Partial<Cost.Price>, cachedInputTokens?: number) =>
      Cost.of(
        usage({ inputTokens: 1_000_000, ...(cachedInputTokens === undefined ? {} : { cachedInputTokens }) }),
        [{ provider: "openai", ...price }]
      )
    assert.deepStrictEqual(
      [
        of({ inputTokens: 4, cachedInputTokens: 1 }, 750_000),
        of({ inputTokens: 4, cachedInputTokens: 0 }, 750_000),
        of({ inputTokens: 4 }, 750_000),
        of({ inputTokens: 4, cachedInputTokens: 1 }),
        of({ inputTokens: 4, cachedInputTokens: 1 }, 2_000_000)
      ],
      [1.75, 1, 4, 4, 1]
    )
  })

  it("reports by provider and model, and no more than 64 of them", () => {
    let report = Cost.nothing
    for (let i = 0; i < 100; i++) report = Cost.add(report, usage({ provider: `p${i}`, outputTokens: 1 }), 2)
    assert.strictEqual(Object.keys(report.by).length, 65)
    assert.strictEqual(report.by["other"]!.requests, 36)
    assert.deepStrictEqual([report.total.cost, Cost.amount(report, "tokens")], [200, 100])
  })
})

describe("Cost.Meter", () => {
  it.effect("is told the tokens of a reply, by the provider and model that has answered", () =>
    Effect.gen(function*() {
      const dead = Llm.make({
        name: "a",
        reply: () => Stream.fail(new Llm.LlmError({ provider: "a", reason: new Failure.Rejected({ status: 401 }) }))
      })
      const good = Llm.make({
        name: "b",
        model: "small",
        reply: () => Stream.make<[Llm.Delta]>({ _tag: "Finish", usage: { inputTokens: 7, outputTokens: 3 } })
      })
      const llm = yield* Llm.fallback([dead, Llm.withSettings(good, { temperature: 0 })])
      assert.deepStrictEqual(yield* told(Stream.runDrain(llm.reply(hello))), [
        usage({ provider: "b", model: "small", inputTokens: 7, outputTokens: 3 })
      ])
    }).pipe(Effect.scoped))

  it.effect("counts once, however many layers are around a provider", () =>
    Effect.gen(function*() {
      const good = Llm.make({
        name: "a",
        reply: () =>
          Stream.make<[Llm.Delta, Llm.Delta]>(
            { _tag: "Text", text: "Hi" },
            { _tag: "Finish", usage: { inputTokens: 1, outputTokens: 1 } }
          )
      })
      const llm = Llm.cached(
        Llm.withSettings(yield* Llm.fallback([Llm.hedge([Llm.resilient(good)])]), { maxTokens: 9 })
      )
      const all = yield* told(Effect.andThen(Stream.runDrain(llm.reply(hello)), Stream.runDrain(llm.reply(hello))))
      assert.strictEqual(all.length, 1)
      const tts = Tts.resilient(Tts.voices({
        x: Tts.make({
          name: "t",
          sampleRate: 8000,
          channels: 1,
          speak: (text) =>
            Stream.map(text, () => ({ frame: { samples: new Int16Array(80), sampleRate: 8000, channels: 1 } }))
        })
      }))
      assert.deepStrictEqual(yield* told(Stream.runDrain(tts.speak(Stream.make("Hi", "you")))), [
        usage({ component: "tts", provider: "t", characters: 5, audioMs: 20 })
      ])
    }).pipe(Effect.scoped))

  it.effect("estimates what an interrupted reply took, and counts the loser of a hedge", () =>
    Effect.gen(function*() {
      const slow = Llm.make({
        name: "slow",
        reply: () => Stream.concat(Stream.make<[Llm.Delta]>({ _tag: "Text", text: "12345678" }), Stream.never)
      })
      const all = yield* told(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runDrain(Llm.resilient(slow).reply(hello)), {
          startImmediately: true
        })
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
      }))
      assert.deepStrictEqual(all, [usage({ provider: "slow", inputTokens: 2, outputTokens: 2, estimated: true })])
      const silent = Llm.make({ name: "silent", reply: () => Stream.never })
      const hedged = yield* told(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Stream.runHead(Llm.hedge([silent, slow], { after: "1 second" }).reply(hello)),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
      }))
      assert.deepStrictEqual(hedged.map(({ provider }) => provider).toSorted(), ["silent", "slow"])
    }))

  it.effect("is told the audio that a recogniser was given, with each final transcript", () =>
    Effect.gen(function*() {
      const frame = { samples: new Int16Array(16_000), sampleRate: 16_000, channels: 1 }
      const stt = Stt.resilient(Stt.make({
        name: "s",
        model: "m",
        transcribe: (audio) =>
          Stream.map(Stream.filter(audio, (input) => "_tag" in input), () => ({ text: "hi", final: true }))
      }))
      const all = yield* told(Stream.runDrain(stt.transcribe(Stream.make(frame, frame, Stt.Finalize, frame))))
      assert.strictEqual(all.reduce((sum, { audioMs }) => sum + audioMs, 0), 3000)
      assert.isTrue(
        all.every(({ component, model, provider }) => component === "stt" && model === "m" && provider === "s")
      )
    }))

  it.effect("nothing is asked for a request that was refused", () =>
    Effect.gen(function*() {
      const dead = Llm.make({
        name: "a",
        reply: () => Stream.fail(new Llm.LlmError({ provider: "a", reason: new Failure.Rejected({ status: 401 }) }))
      })
      const exit = Effect.exit(Stream.runDrain(Llm.resilient(dead).reply(hello)))
      assert.deepStrictEqual(yield* told(exit), [])
      assert.isTrue(Exit.isFailure(yield* exit))
    }))
})

const script = (options: {
  readonly turns: number
  readonly spending: { readonly prices?: Cost.Prices; readonly budget?: Cost.Budget }
}) => ({
  at: Array.from({ length: options.turns }, (_, i) => ({
    at: 1000 + 5000 * i,
    do: (session: { readonly send: (text: string) => Effect.Effect<void, unknown> }) => session.send(`question ${i}`)
  })),
  llm: () => ({ text: "0123456789", usage: { inputTokens: 20, outputTokens: 5 } }),
  tts: { duration: 500 },
  options: { spending: options.spending }
})

describe("Pipeline.Options.spending", () => {
  it.effect("tells the cost of each turn and of the call, and of whom it is", () =>
    Effect.gen(function*() {
      const collector = Metrics.collector()
      const timeline = yield* Testing.scenario(script({ turns: 3, spending: { prices } }))
      for (const event of timeline.events) collector.push(event)
      // 20 tokens in, 5 out at twice the price, 10 characters.
      assert.deepStrictEqual(timeline.turns.map(({ cost }) => cost), [40, 40, 40])
      const { spent } = collector.summary()
      assert.strictEqual(spent.total.cost, 120)
      assert.strictEqual(spent.by["scripted-llm"]!.inputTokens, 60)
      assert.strictEqual(spent.by["scripted-tts"]!.characters, 30)
      const context = yield* Effect.context<never>()
      for (const event of timeline.events) Metrics.record(event, context)
      const series = (yield* Metric.snapshot).filter(({ id }) => id === "agent_cost_total")
      assert.strictEqual(series.length, 2)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("the session tells what it has used", () =>
    Effect.gen(function*() {
      let seen = Cost.nothing
      const base = script({ turns: 1, spending: { prices } })
      yield* Testing.scenario({
        ...base,
        at: [...base.at, {
          at: 4000,
          do: (session) => Effect.map(session.spent, (report) => void (seen = report))
        }]
      })
      assert.strictEqual(seen.total.cost, 40)
    }))

  it.effect("warns at its first mark, then makes nothing in advance, then says goodbye and ends", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        ...script({ turns: 6, spending: { prices, budget: { limit: 160, warnAt: 0.5, economyAt: 0.75 } } })
      })
      assert.deepStrictEqual(timeline.of("BudgetReached").map(({ stage }) => stage), ["warning", "economy", "end"])
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "budget")
      assert.strictEqual(timeline.messages.at(-1), "assistant: I'm sorry, our time is up. Goodbye!")
      // The reply in progress is heard to its end.
      assert.isTrue(timeline.of("SpeechFinished").every(({ outcome }) => outcome === "completed"))
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("in economy no reply is made before its turn is committed", () =>
    Effect.gen(function*() {
      const held = (budget: Cost.Budget | undefined) =>
        Testing.scenario({
          user: [Testing.say(1000, 2000, "One."), Testing.say(6000, 7000, "Two.")],
          tts: { duration: 500 },
          llm: () => ({ text: "OK.", usage: { inputTokens: 50, outputTokens: 0 } }),
          options: { turn: { preemption: { llm: true } }, spending: { budget } }
        })
      const preempted = (timeline: Testing.Timeline) => timeline.turns.map(({ preempted }) => preempted)
      assert.deepStrictEqual(preempted(yield* held(undefined)), [true, true])
      const economy = yield* held({ limit: 1000, unit: "tokens", warnAt: 0.01, economyAt: 0.02 })
      assert.deepStrictEqual(preempted(economy), [true, false])
    }))

  it.effect("economy stays in force whatever the program asks for, and comes first where it is lower", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "One."), Testing.say(6000, 7000, "Two.")],
        at: [{ at: 5000, do: (session) => session.update({ turn: { preemption: { llm: true } } }) }],
        tts: { duration: 500 },
        llm: () => ({ text: "OK.", usage: { inputTokens: 50, outputTokens: 0 } }),
        options: {
          turn: { preemption: { llm: true } },
          spending: { budget: { limit: 1000, unit: "tokens", warnAt: 0.9, economyAt: 0.02 } }
        }
      })
      assert.deepStrictEqual(timeline.of("BudgetReached").map(({ stage }) => stage), ["economy"])
      assert.deepStrictEqual(timeline.turns.map(({ preempted }) => preempted), [true, false])
    }))

  it.effect("says goodbye after the answer that a tool is working for, and answers who has cut in", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(Tool.make("look", { success: Schema.String }))
      const hold = (user: ReadonlyArray<Testing.UserAction>) =>
        Testing.scenario({
          agent: Agent.make({ instructions: "", tools: kit }),
          user,
          at: [{ at: 1000, do: (session) => session.send("What is the weather like?") }],
          llm: [{ text: "One moment, I look.", tools: [{ name: "look" }] }, "It is sunny.", "As I said."],
          tts: { msPerCharacter: 40 },
          options: { spending: { budget: { limit: 1, unit: "tokens" } } }
        }).pipe(Effect.provide(kit.toLayer({ look: () => Effect.as(Effect.sleep(3000), "sunny") })))
      const quiet = yield* hold([])
      assert.deepStrictEqual(quiet.messages.slice(-2), [
        "assistant: It is sunny.",
        "assistant: I'm sorry, our time is up. Goodbye!"
      ])
      const loud = yield* hold([Testing.say(1800, 3500, "But wait, what about tomorrow?")])
      assert.include(loud.messages, "user: But wait, what about tomorrow?")
      for (const timeline of [quiet, loud]) {
        assert.strictEqual(timeline.messages.at(-1), "assistant: I'm sorry, our time is up. Goodbye!")
        assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "budget")
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))

  it.effect("what has no price is told once and counts as free", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario(script({ turns: 2, spending: { prices: prices.slice(0, 1) } }))
      assert.deepStrictEqual(
        timeline.of("Warning").map(({ message }) => message),
        ["scripted-tts has no price, and is counted as free"]
      )
      assert.deepStrictEqual(timeline.turns.map(({ cost }) => cost), [30, 30])
    }))

  it.effect("refuses a budget that no session can keep, and names what is wrong", () =>
    Effect.gen(function*() {
      for (
        const [option, budget] of [
          ["spending.budget.limit", { limit: 0 }],
          ["spending.budget.limit", { limit: Number.NaN }],
          ["spending.budget.warnAt", { limit: 1, warnAt: 2 }]
        ] as const
      ) {
        const error = yield* Effect.flip(Testing.scenario(script({ turns: 0, spending: { budget } })))
        assert.include(String(error), option)
      }
    }))

  it.effect("counts a provider that takes care of itself, too", () =>
    Effect.gen(function*() {
      const { llm } = yield* Testing.llm(() => ({ text: "OK.", usage: { inputTokens: 3, outputTokens: 1 } }), {
        resilient: true,
        name: "own"
      })
      const timeline = yield* Testing.scenario({
        ...script({ turns: 1, spending: {} }),
        layer: Layer.succeed(Llm.Llm, llm)
      })
      assert.deepStrictEqual(
        timeline.of("UsageMeasured").filter(({ component }) => component === "llm").map(({ inputTokens, provider }) => [
          provider,
          inputTokens
        ]),
        [["own", 3]]
      )
    }))
})
