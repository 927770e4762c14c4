/** What resilience may be asked for, and how far it goes along with what providers ask for. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Layer, Stream } from "effect"
import { Cost, Failure, Llm, Resilience, Stt, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"

const request: Llm.Request = { prompt: Prompt.make("Hello"), tools: [] }
const llm = Llm.make({ name: "a", reply: () => Stream.make<[Llm.Delta]>({ _tag: "Finish" }) })
const tts = Tts.make({ name: "a", sampleRate: 16_000, channels: 1, speak: (text) => Stream.drain(text) })
const stt = Stt.make({ name: "a", transcribe: (audio) => Stream.drain(audio) })
const limited = (retryAfterMs: number) => new Failure.Rejected({ status: 429, retryAfterMs })

describe("an option out of its range", () => {
  const making = <A, E>(make: () => Effect.Effect<A, E>) => Effect.scoped(Effect.suspend(make))
  const none: ReadonlyArray<never> = []
  const wrong: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
    ["consecutiveFailures", making(() => Resilience.breaker({ name: "a", consecutiveFailures: 0 }))],
    ["minimumRequests", making(() => Resilience.breaker({ name: "a", minimumRequests: 1.5 }))],
    ["failureRate", making(() => Resilience.breaker({ name: "a", failureRate: 50 }))],
    ["window", making(() => Resilience.breaker({ name: "a", window: Number.NaN }))],
    ["recovery", making(() => Resilience.breaker({ name: "a", recovery: "30 seconds" as never }))],
    ["retries", making(() => Effect.sync(() => Llm.resilient(llm, { retries: -1 })))],
    ["firstOutput", making(() => Effect.sync(() => Tts.resilient(tts, { firstOutput: Number.NaN })))],
    ["nextOutput", making(() => Effect.sync(() => Stt.resilient(stt, { nextOutput: "late" as "1 second" })))],
    ["policy.retries", Effect.scoped(Llm.fallback([llm], { policy: { retries: 0.5 } }))],
    ["breaker.failureRate", Effect.scoped(Stt.fallback([stt], { breaker: { failureRate: 0 } }))],
    ["providers", Effect.scoped(Tts.fallback(none as unknown as [typeof tts]))],
    ["after", making(() => Effect.sync(() => Llm.hedge([llm, llm], { after: Number.NaN })))],
    ["attempts", making(() => Effect.sync(() => Resilience.retryLayer(Layer.empty, { attempts: 0 })))]
  ]

  it.effect.each(wrong)(
    "is refused by its name where the service is made (%s)",
    ([option, make]) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(make)
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(error, Error)
        assert.match(error.message, new RegExp(`^(.+: )?${option.replaceAll(".", "\\.")} must `))
      })
  )

  it.effect("is a price that no number is", () =>
    Effect.gen(function*() {
      for (const inputTokens of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        const error = yield* Effect.flip(
          Testing.scenario({ options: { spending: { prices: [{ provider: "a", inputTokens }] } } })
        )
        assert.instanceOf(error, Failure.InvalidOptions)
        assert.include(error.message, "spending.prices.0.inputTokens must be")
      }
    }))
})

describe("a provider that asks for a long time", () => {
  it.effect("keeps its circuit breaker open for ten minutes at most", () =>
    Effect.gen(function*() {
      const breaker = yield* Resilience.breaker({ name: "a", consecutiveFailures: 1 })
      const ask = Effect.exit(breaker.protect(Effect.fail(new Llm.LlmError({ provider: "a", reason: limited(1e12) }))))
      yield* ask
      yield* TestClock.adjust("599 seconds")
      assert.instanceOf(yield* Effect.flip(breaker.protect(Effect.void)), Failure.Unavailable)
      yield* TestClock.adjust("1 second")
      yield* breaker.protect(Effect.void)
      assert.strictEqual(yield* breaker.state, "closed")
    }))

  it.effect("does not leave a call deaf for it: a recogniser is asked again, and then given up", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        stt: { faults: { fail: limited(3_600_000) } },
        user: [Testing.say(1000, 2000, "Hello?")],
        quiet: "100 seconds"
      })
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ at }) => at), [0, 30_000, 60_000])
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "provider_failures")
    }))

  it.effect("nor do many retries: none waits for more than five seconds, a little jittered", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const down = Llm.make({
        name: "a",
        reply: () =>
          Stream.fromEffect(Effect.flatMap(Clock.currentTimeMillis, (now) => {
            asked.push(now)
            return new Llm.LlmError({ provider: "a", reason: new Failure.Disconnected({}) })
          }))
      })
      const service = Llm.resilient(down, { retries: 12, firstOutput: "1 hour" })
      yield* Effect.forkChild(Effect.exit(Stream.runDrain(service.reply(request))))
      yield* TestClock.adjust("1 hour")
      const waits = asked.slice(1).map((at, i) => at - asked[i]!)
      assert.strictEqual(waits.length, 12)
      assert.isTrue(waits.every((wait) => wait <= 6000), String(waits))
    }))
})

describe("what is used before anybody speaks", () => {
  it.effect("a paid warm-up is counted, when the session has begun", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        options: {
          prewarm: "paid",
          spending: { prices: [{ provider: "scripted-tts", characters: 1_000_000 }] }
        }
      })
      const used = timeline.of("UsageMeasured").map(({ component, cost }) => [component, cost])
      assert.deepInclude(used, ["tts", 5])
      assert.includeMembers(used.map(([component]) => component), ["llm", "stt"])
      assert.strictEqual(timeline.events[0]!._tag, "SessionStarted")
    }))

  it.effect("so is a line on which nobody speaks: the budget ends it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { frames: 100 },
        stt: { resilient: true },
        until: 300_000,
        options: { spending: { budget: { limit: 100, unit: "audioSeconds" } } }
      })
      assert.deepStrictEqual(timeline.of("UserTranscript"), [])
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "budget")
      assert.isBelow(timeline.of("SessionClosed")[0]!.at, 120_000)
    }))

  it("a provider may be called whatever it wants", () => {
    const usage = (provider: string): Cost.Usage => ({
      component: "tts",
      provider,
      inputTokens: 0,
      outputTokens: 0,
      characters: 3,
      audioMs: 0,
      estimated: false
    })
    for (const name of ["constructor", "__proto__", "toString"]) {
      assert.strictEqual(Cost.add(Cost.add(Cost.nothing, usage(name)), usage(name)).total.characters, 6)
    }
    assert.strictEqual(Cost.add(Cost.nothing, usage("constructor")).by["constructor"]!.characters, 3)
  })
})
