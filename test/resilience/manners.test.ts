/** Providers without manners: they cannot be interrupted, do not hang up, interrupt themselves, and tell nonsense. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Stream } from "effect"
import { Failure, Llm, Resilience, Stt, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"

const request: Llm.Request = { prompt: Prompt.make("Hello"), tools: [] }
const said = (deltas: Iterable<Llm.Delta>) => [...deltas].flatMap((delta) => delta._tag === "Text" ? [delta.text] : [])
const lost = new Failure.Disconnected({})

/** A connection that takes for ever to be closed. */
const sticky = <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E> =>
  Stream.unwrap(Effect.as(Effect.acquireRelease(Effect.void, () => Effect.never), stream))

const faults = {
  "hangs and cannot be interrupted": () => Stream.fromEffect(Effect.uninterruptible(Effect.never)),
  "never opens its connection": () =>
    Stream.unwrap(Effect.as(Effect.acquireRelease(Effect.never, () => Effect.void), Stream.empty)),
  "is silent, and does not hang up": () => sticky(Stream.never),
  "ends, and does not hang up": () => sticky(Stream.empty),
  "interrupts itself": () => Stream.fromEffect(Effect.interrupt)
} satisfies Record<string, () => Stream.Stream<never>>

const each = Object.entries(faults)

const llm = (reply: () => Stream.Stream<Llm.Delta, Llm.LlmError>, name = "bad") => Llm.make({ name, reply })
const goodLlm = llm(
  () => Stream.make<[Llm.Delta, Llm.Delta]>({ _tag: "Text", text: "Yes." }, { _tag: "Finish" }),
  "good"
)
const chunk = { frame: { samples: new Int16Array(2400), sampleRate: 24_000, channels: 1 } }
const tts = (audio: () => Stream.Stream<Tts.Chunk, Tts.TtsError>, name = "bad") =>
  Tts.make({
    name,
    sampleRate: 24_000,
    channels: 1,
    speak: (text) => Stream.concat(Stream.drain(text), Stream.suspend(audio))
  })
const stt = (transcripts: () => Stream.Stream<Stt.Transcript, Stt.SttError>, name = "bad") =>
  Stt.make({
    name,
    transcribe: (audio) =>
      Stream.concat(
        Stream.drain(Stream.takeUntil(audio, (input) => "_tag" in input)),
        Stream.concat(Stream.suspend(transcripts), Stream.drain(audio))
      )
  })

/** Runs something, and tells how it has ended when so much time has passed. */
const after = <A, E>(seconds: number, effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    let exit: Exit.Exit<A, E> | undefined
    yield* Effect.forkDetach(
      Effect.onExit(effect, (ended) =>
        Effect.sync(() => {
          exit = ended
        })),
      { startImmediately: true }
    )
    yield* TestClock.adjust(`${seconds} seconds`)
    return exit
  })

describe("a provider without manners", () => {
  it.effect.each(each)(
    "a model that %s has a deadline, and another one answers",
    ([, fault]) =>
      Effect.gen(function*() {
        const service = yield* Llm.fallback([llm(fault), goodLlm], { policy: { retries: 0 } })
        const exit = yield* after(11, Stream.runCollect(service.reply(request)))
        assert.deepStrictEqual(Exit.isSuccess(exit!) ? said(exit.value) : exit, ["Yes."])
        // Without anybody behind it, the failure is typed.
        const alone = yield* after(
          12,
          Effect.flip(Stream.runDrain(Llm.resilient(llm(fault), { retries: 0 }).reply(request)))
        )
        assert.isTrue(Exit.isSuccess(alone!) && alone.value._tag === "LlmError")
      })
  )

  it.effect.each(each)(
    "a synthesiser that %s has a deadline, and another one speaks",
    ([, fault]) =>
      Effect.gen(function*() {
        const service = yield* Tts.fallback([tts(fault), tts(() => Stream.make(chunk), "good")], {
          policy: { retries: 0 }
        })
        const exit = yield* after(11, Stream.runCollect(service.speak(Stream.make("Hello."))))
        assert.strictEqual(Exit.isSuccess(exit!) ? exit.value.length : exit, 1)
      })
  )

  it.effect("a synthesiser that does not even ask for its text has a deadline, which the text begins", () =>
    Effect.gen(function*() {
      const deaf = Tts.make({ name: "bad", sampleRate: 24_000, channels: 1, speak: () => Stream.never })
      const service = yield* Tts.fallback([deaf, tts(() => Stream.make(chunk), "good")], { policy: { retries: 0 } })
      const text = Stream.fromEffect(Effect.as(Effect.sleep("60 seconds"), "Hello."))
      const speak = Stream.runCollect(service.speak(text))
      const exit = yield* after(71, speak)
      assert.strictEqual(Exit.isSuccess(exit!) ? exit.value.length : exit, 1)
      assert.deepStrictEqual(yield* service.available, ["good"])
      const early = yield* after(59, Effect.exit(Stream.runCollect(Tts.resilient(deaf).speak(text))))
      assert.isUndefined(early)
    }))

  it.effect.each(each)(
    "a recogniser that %s has a deadline, and another one hears",
    ([, fault]) =>
      Effect.gen(function*() {
        const good = stt(() => Stream.make({ text: "hello", final: true }), "good")
        const service = yield* Stt.fallback([stt(fault), good], { policy: { retries: 0 } })
        const audio = Stream.make<[Stt.Input, Stt.Input]>(chunk.frame, Stt.Finalize)
        const exit = yield* after(
          11,
          Stream.runCollect(Stream.take(service.transcribe(Stream.concat(audio, Stream.never)), 1))
        )
        assert.deepStrictEqual(Exit.isSuccess(exit!) ? exit.value.map(({ text }) => text) : exit, ["hello"])
      })
  )

  it.effect.each(each)("a model that %s in mid-reply is given up", ([, fault]) =>
    Effect.gen(function*() {
      const broken = llm(() =>
        Stream.concat(Stream.make<[Llm.Delta]>({ _tag: "Text", text: "Well," }), Stream.suspend(fault))
      )
      const exit = yield* after(12, Effect.exit(Stream.runDrain(Llm.resilient(broken).reply(request))))
      assert.isDefined(exit)
    }))

  it.effect("a hedge whose loser cannot be interrupted ends with the winner", () =>
    Effect.gen(function*() {
      const service = Llm.hedge([llm(faults["hangs and cannot be interrupted"]), goodLlm])
      const exit = yield* after(3, Stream.runCollect(service.reply(request)))
      assert.deepStrictEqual(Exit.isSuccess(exit!) ? said(exit.value) : exit, ["Yes."])
    }))

  it.effect("whoever interrupts a request waits no longer than a second for it", () =>
    Effect.gen(function*() {
      for (const [, fault] of each.slice(0, 3)) {
        const reply = Stream.runDrain(Llm.resilient(llm(fault)).reply(request))
        const exit = yield* after(6, Effect.timeoutOption(reply, "4 seconds"))
        assert.isDefined(exit)
      }
    }))

  it.effect("a circuit breaker counts what interrupts itself, and not what its user interrupts", () =>
    Effect.gen(function*() {
      const breaker = yield* Resilience.breaker({ name: "bad", consecutiveFailures: 1 })
      const reply = (fault: () => Stream.Stream<never>) =>
        Stream.runDrain(Llm.resilient(llm(fault), { retries: 0, breaker }).reply(request))
      yield* after(5, Effect.timeoutOption(reply(faults["is silent, and does not hang up"]), "1 second"))
      assert.strictEqual(yield* breaker.state, "closed")
      yield* Effect.exit(reply(faults["interrupts itself"]))
      assert.strictEqual(yield* breaker.state, "open")
    }))

  it.effect("a probe that throws, or cannot be interrupted, is one that failed", () =>
    Effect.gen(function*() {
      let probes = 0
      const probe = () => {
        probes += 1
        if (probes === 1) throw new Error("boom")
        return probes === 2 ? Effect.uninterruptible(Effect.never) : Effect.void
      }
      const first = llm(() => Stream.fail(new Llm.LlmError({ provider: "bad", reason: lost })))
      const service = yield* Llm.fallback([first, goodLlm], { policy: { retries: 0 }, probe })
      yield* Stream.runDrain(service.reply(request))
      assert.deepStrictEqual(yield* service.available, ["good"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(probes, 3)
      assert.deepStrictEqual(yield* service.available, ["bad", "good"])
    }))
})

describe("in a conversation", () => {
  const questions = [1000, 20_000, 60_000].map((at, i) => ({
    at,
    do: (session: Parameters<NonNullable<Testing.Scenario["at"]>[number]["do"]>[0]) => session.send(`question ${i}`)
  }))
  const hold = (layer: Layer.Layer<never, unknown, Testing.Services>) =>
    Effect.map(
      Testing.scenario({
        at: questions,
        user: [Testing.say(40_000, 41_000, "Hello?")],
        tts: { msPerCharacter: 40 },
        layer,
        quiet: "40 seconds"
      }),
      (timeline) => {
        // What was said is compared with the scripted synthesiser, which these here replace.
        const broken = Testing.invariants(timeline).filter(({ invariant }) => invariant !== "I2")
        assert.deepStrictEqual(broken, [])
        assert.strictEqual(timeline.left, "")
        assert.isFalse(timeline.of("SpeechFinished").some(({ outcome }) => outcome === "discarded"))
        return timeline
      }
    )

  it.effect.each(each)(
    "three failures in a row of one that %s end it with an apology",
    ([, fault]) =>
      Effect.gen(function*() {
        const services = [Layer.succeed(Llm.Llm, llm(fault)), Layer.succeed(Tts.Tts, tts(fault))]
        for (const layer of services) {
          const timeline = yield* hold(layer)
          assert.strictEqual(timeline.of("Escalated").length, 1)
          assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "provider_failures")
        }
        yield* hold(Layer.succeed(Stt.Stt, stt(fault)))
      })
  )

  it.effect("so do three speeches that all broke off in the middle", () =>
    Effect.gen(function*() {
      for (const [, fault] of each) {
        const broken = tts(() => Stream.concat(Stream.make(chunk), Stream.suspend(fault)))
        const timeline = yield* hold(Layer.succeed(Tts.Tts, broken))
        const escalated = timeline.of("Escalated").map(({ cause, component }) => [component, cause])
        // One that has ended in peace has said what it had to say.
        const dies = timeline.of("ProviderFailed").length > 0
        assert.deepStrictEqual(escalated, dies ? [["tts", "consecutive"]] : [])
      }
    }))

  it.effect.each(
    [
      { start: Number.NaN, end: Number.NaN, confidence: Number.NaN },
      { start: 0, end: Number.POSITIVE_INFINITY },
      { start: 1e12, end: 1e12 },
      { words: [{ text: "hello", start: Number.NaN, end: Number.NaN }] }
    ]
  )("a transcript at no time (%j) is heard all the same", (times) =>
    Effect.gen(function*() {
      const timeline = yield* hold(
        Layer.succeed(Stt.Stt, stt(() => Stream.make({ text: "hello", final: true, ...times })))
      )
      assert.include(timeline.messages, "user: hello")
      for (const { confidence, end, start } of timeline.of("UserTranscript")) {
        for (const number of [confidence, end, start]) assert.isTrue(number === undefined || Number.isFinite(number))
      }
    }))

  it.effect.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "an alignment at %d loses no word",
    (time) =>
      Effect.gen(function*() {
        const timeline = yield* hold(
          Layer.succeed(
            Tts.Tts,
            tts(() => Stream.make({ ...chunk, alignment: [{ text: "OK.", start: time, end: time }] }))
          )
        )
        assert.deepStrictEqual(timeline.messages.filter((line) => line !== "assistant: OK."), [
          "user: question 0",
          "user: question 1",
          "user: Hello?",
          "user: question 2"
        ])
      })
  )

  it.effect("tokens that are no number are estimated, and what is unknown is passed over", () =>
    Effect.gen(function*() {
      const deltas: ReadonlyArray<unknown> = [
        { _tag: "Thinking" },
        { _tag: "Text", text: "Hello." },
        { _tag: "Finish", usage: { inputTokens: Number.NaN, outputTokens: -3 } }
      ]
      const timeline = yield* hold(
        Layer.succeed(Llm.Llm, llm(() => Stream.fromIterable(deltas as ReadonlyArray<Llm.Delta>)))
      )
      assert.strictEqual(timeline.messages.filter((line) => line === "assistant: Hello.").length, 4)
      const used = timeline.of("UsageMeasured").filter(({ component }) => component === "llm")
      assert.isTrue(used.length > 0 && used.every(({ estimated, outputTokens }) => estimated && outputTokens > 0))
    }))

  it.effect.each(["", "call_0"])("calls that all have the id %j find their outputs", (id) =>
    Effect.gen(function*() {
      let asked = 0
      const calls = (): Stream.Stream<Llm.Delta> =>
        Stream.fromIterable<Llm.Delta>(
          ++asked % 2 === 0
            ? [{ _tag: "Text", text: "Well." }, { _tag: "Finish" }]
            : [1, 2].map((room) => ({ _tag: "ToolCall", id, name: "nothing", params: { room } }))
        )
      const timeline = yield* hold(Layer.succeed(Llm.Llm, llm(() => Stream.suspend(calls))))
      const ids = timeline.of("FunctionCallStarted").map((event) => event.id)
      assert.strictEqual(ids.length, 8)
      assert.strictEqual(new Set(ids).size, 8)
    }))
})
