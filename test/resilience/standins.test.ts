import { assert, describe, it } from "@effect/vitest"
import { Clock, Config, Context, Effect, Exit, Fiber, Layer, Schema, Stream } from "effect"
import { Failure, Llm, Resilience, Stt, Tts } from "effect-voice"
import { Prompt, Tool } from "effect/ai"
import { TestClock } from "effect/testing"

const down = new Failure.Rejected({ status: 401 })
const hello: Llm.Request = { prompt: Prompt.make("hello"), tools: [] }
const text = (text: string): Llm.Delta => ({ _tag: "Text", text })

interface Asked {
  readonly at: number
  readonly request: Llm.Request
}

/** An `Llm` that answers as it is told to and remembers what it was asked, and how many requests are open. */
const llmOf = (name: string, answer: (asked: Asked) => Stream.Stream<Llm.Delta, Llm.LlmError>) => {
  const asked: Array<Asked> = []
  const open = { count: 0 }
  const llm = Llm.make({
    name,
    reply: (request) =>
      Stream.unwrap(Effect.gen(function*() {
        const one = { at: yield* Clock.currentTimeMillis, request }
        asked.push(one)
        yield* Effect.acquireRelease(
          Effect.sync(() => void open.count++),
          () => Effect.sync(() => void open.count--)
        )
        return answer(one)
      }))
  })
  return { llm, asked, open }
}

const after = (ms: number, said: string): Stream.Stream<Llm.Delta> =>
  Stream.fromEffect(Effect.as(Effect.sleep(ms), text(said)))

const failing = (name: string) => Stream.fail(new Llm.LlmError({ provider: name, reason: down }))

const said = (llm: Llm.Llm["Service"], request: Llm.Request = hello) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(
      Effect.exit(Effect.flatMap(
        Stream.runCollect(llm.reply(request)),
        (deltas) => Effect.map(Clock.currentTimeMillis, (at) => ({ deltas, at }))
      )),
      { startImmediately: true }
    )
    yield* TestClock.adjust("30 seconds")
    return yield* Effect.flatten(Fiber.join(fiber))
  })

describe("Llm.hedge", () => {
  it.effect("asks nobody else when the first is quick", () =>
    Effect.gen(function*() {
      const a = llmOf("a", () => after(900, "a"))
      const b = llmOf("b", () => after(0, "b"))
      const { at, deltas } = yield* said(Llm.hedge([a.llm, b.llm], { after: "1 second" }))
      assert.deepStrictEqual([deltas, at], [[text("a")], 900])
      assert.strictEqual(b.asked.length, 0)
    }))

  it.effect("asks the second when the first is late; the first output wins and the loser is interrupted", () =>
    Effect.gen(function*() {
      const a = llmOf("a", () => Stream.never)
      const b = llmOf("b", () => Stream.concat(after(200, "b"), Stream.never))
      const fiber = yield* Effect.forkChild(
        Stream.runHead(Llm.hedge([a.llm, b.llm], { after: "1 second" }).reply(hello)),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1100 millis")
      assert.deepStrictEqual([a.open.count, b.open.count], [1, 1])
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([a.open.count, b.open.count], [0, 0])
      assert.deepStrictEqual(b.asked.map(({ at }) => at), [1000])
    }))

  it.effect("closes the loser while the winner still speaks", () =>
    Effect.gen(function*() {
      const a = llmOf("a", () => Stream.concat(after(1500, "a"), after(5000, "more")))
      const b = llmOf("b", () => after(3000, "b"))
      const reply = Llm.hedge([a.llm, b.llm], { after: "1 second" }).reply(hello)
      const fiber = yield* Effect.forkChild(Stream.runCollect(reply), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([a.open.count, b.open.count], [1, 0])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [text("a"), text("more")])
    }))

  it.effect("asks the second at once when the first fails, and fails typed when all have", () =>
    Effect.gen(function*() {
      const a = llmOf("a", () => failing("a"))
      const b = llmOf("b", () => after(100, "b"))
      const { at } = yield* said(Llm.hedge([a.llm, b.llm], { after: "5 seconds" }))
      assert.strictEqual(at, 100)
      const error = yield* Effect.flip(said(Llm.hedge([a.llm, llmOf("c", () => failing("c")).llm])))
      assert.deepStrictEqual(error.reason._tag === "Exhausted" ? error.reason.providers : error.reason, ["a", "c"])
    }))

  it.effect("closes all requests when it is interrupted", () =>
    Effect.gen(function*() {
      const a = llmOf("a", () => Stream.never)
      const fiber = yield* Effect.forkChild(
        Stream.runDrain(Llm.hedge([a.llm, a.llm], { after: "1 second" }).reply(hello)),
        { startImmediately: true }
      )
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(a.open.count, 2)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(a.open.count, 0)
    }))
})

const frame = (ms: number, sampleRate: number) => ({
  samples: new Int16Array(ms * sampleRate / 1000),
  sampleRate,
  channels: 1
})

const ttsOf = (name: string, sampleRate: number, speech: Stream.Stream<Tts.Chunk, Tts.TtsError>) => {
  const asked: Array<Tts.Options | undefined> = []
  const tts = Tts.make({
    name,
    sampleRate,
    channels: 1,
    speak: (text, options) => {
      asked.push(options)
      return Stream.concat(Stream.drain(text), speech)
    }
  })
  return { tts, asked }
}

describe("Tts.hedge", () => {
  it.effect("speaks with the second when the first is late, at the rate of the first", () =>
    Effect.gen(function*() {
      const a = ttsOf("a", 24_000, Stream.never)
      const b = ttsOf("b", 48_000, Stream.make({ frame: frame(500, 48_000) }))
      const fiber = yield* Effect.forkChild(
        Stream.runCollect(Tts.hedge([a.tts, b.tts], { after: "1 second" }).speak(Stream.make("Hello."))),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      const chunks = yield* Fiber.join(fiber)
      assert.isTrue(chunks.every((chunk) => chunk.frame.sampleRate === 24_000))
      assert.closeTo(chunks.reduce((sum, chunk) => sum + chunk.frame.samples.length, 0), 12_000, 100)
    }))
})

describe("recoveries", () => {
  it.effect("Llm: asked again as gpt-4o-mini, for 100 tokens at 0.5, with the prompt and the tools", () =>
    Effect.gen(function*() {
      const { asked, llm } = llmOf(
        "openai",
        ({ request }) => request.settings?.model === "gpt-4o-mini" ? after(0, "short") : failing("openai")
      )
      const tools = [Tool.make("look_up", { description: "Looks it up" })]
      const recovering = yield* Llm.recovering(llm)
      yield* said(recovering, { ...hello, tools, settings: { model: "gpt-4o", temperature: 1 } })
      assert.deepStrictEqual(asked.map(({ request }) => request.settings), [
        { model: "gpt-4o", temperature: 1 },
        { model: "gpt-4o-mini", maxTokens: 100, temperature: 0.5 }
      ])
      assert.strictEqual(asked[1]!.request.prompt, hello.prompt)
      assert.strictEqual(asked[1]!.request.tools, tools)
      assert.deepStrictEqual(yield* recovering.available, ["openai:gpt-4o-mini"])
    }).pipe(Effect.scoped))

  it.effect("Tts: spoken with the voice Antoni", () =>
    Effect.gen(function*() {
      const asked: Array<string | undefined> = []
      const service = Tts.make({
        name: "elevenlabs",
        sampleRate: 24_000,
        channels: 1,
        speak: <E, R>(text: Stream.Stream<string, E, R>, options?: Tts.Options) => {
          asked.push(options?.voice)
          const speech: Stream.Stream<Tts.Chunk, Tts.TtsError> = options?.voice === "Antoni"
            ? Stream.make({ frame: frame(100, 24_000) })
            : Stream.fail(new Tts.TtsError({ provider: "elevenlabs", reason: down }))
          return Stream.concat(Stream.drain(text), speech)
        }
      })
      const tts = yield* Tts.recovering(service)
      const chunks = yield* Stream.runCollect(tts.speak(Stream.make("Hello."), { voice: "Rachel" }))
      assert.strictEqual(chunks.length, 1)
      assert.deepStrictEqual(asked, ["Rachel", "Antoni"])
    }).pipe(Effect.scoped))

  const sttOf = (asked: Array<readonly [string, number]>, language: string, works: boolean): Stt.Stt["Service"] =>
    Stt.make({
      name: "whisper",
      withLanguage: (language) => sttOf(asked, language, true),
      transcribe: <E, R>(audio: Stream.Stream<Stt.Input, E, R>) =>
        Stream.unwrap(Effect.map(Clock.currentTimeMillis, (at): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> => {
          asked.push([language, at])
          return works
            ? Stream.map(Stream.filter(audio, (input) => "_tag" in input), () => ({ text: "hello", final: true }))
            : Stream.fail(new Stt.SttError({ provider: "whisper", reason: down }))
        }))
    })

  it.effect("Stt: opened again after a second, in a fixed language, and nothing that was said is lost", () =>
    Effect.gen(function*() {
      const asked: Array<readonly [string, number]> = []
      const stt = yield* Stt.recovering(sttOf(asked, "auto", false))
      const heard = yield* Effect.forkChild(
        Stream.runCollect(stt.transcribe(Stream.make(frame(100, 16_000), Stt.Finalize))),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Fiber.join(heard)).map(({ text }) => text), ["hello"])
      assert.deepStrictEqual(asked, [["auto", 0], ["en", 1000]])
    }).pipe(Effect.scoped))

  it.effect("are replaceable, and one that fails itself is told with the rest", () =>
    Effect.gen(function*() {
      const { llm } = llmOf("a", () => failing("a"))
      const recovering = yield* Llm.recovering(llm, {
        recoveries: [
          { name: "not for this one", change: () => undefined },
          { name: "cold", change: (llm) => Llm.withSettings(llm, { temperature: 0 }) }
        ]
      })
      const error = yield* Effect.flip(said(recovering))
      assert.deepStrictEqual(error.reason._tag === "Exhausted" ? error.reason.providers : error.reason, ["a", "a:cold"])
    }).pipe(Effect.scoped))
})

describe("Llm.fallback", () => {
  it.effect("carries settings over, but for the model: that is the first provider's own name", () =>
    Effect.gen(function*() {
      const a = llmOf("a", () => failing("a"))
      const b = llmOf("b", () => after(0, "b"))
      const llm = yield* Llm.fallback([a.llm, b.llm])
      yield* said(llm, { ...hello, settings: { model: "big", temperature: 0.2, maxTokens: 50 } })
      assert.deepStrictEqual(b.asked[0]!.request.settings, { model: undefined, temperature: 0.2, maxTokens: 50 })
    }).pipe(Effect.scoped))
})

describe("Llm.cached", () => {
  const finish: Llm.Delta = { _tag: "Finish", usage: { inputTokens: 5, outputTokens: 2 } }
  const answered = (name: string, ...deltas: ReadonlyArray<Llm.Delta>) => llmOf(name, () => Stream.fromIterable(deltas))

  it.effect("answers the same question from memory, without tokens, until it is too old", () =>
    Effect.gen(function*() {
      const { asked, llm } = answered("a", text("Hi"), text("!"), finish)
      const cached = Llm.cached(llm, { timeToLive: "1 minute" })
      const first = yield* Stream.runCollect(cached.reply(hello))
      const again = yield* Stream.runCollect(cached.reply({ ...hello, prompt: Prompt.make("hello") }))
      assert.deepStrictEqual(first, [text("Hi"), text("!"), finish])
      assert.deepStrictEqual(again, [text("Hi"), text("!"), { _tag: "Finish" }])
      assert.strictEqual(asked.length, 1)
      yield* TestClock.adjust("1 minute")
      yield* Stream.runDrain(cached.reply(hello))
      assert.strictEqual(asked.length, 2)
    }))

  it.effect("asks again for another prompt, other tools and other settings", () =>
    Effect.gen(function*() {
      const { asked, llm } = answered("a", text("Hi"), finish)
      const cached = Llm.cached(llm)
      const tool = Tool.make("t", { parameters: Schema.Struct({ a: Schema.String }) })
      const other = Tool.make("t", { parameters: Schema.Struct({ b: Schema.String }) })
      const requests: ReadonlyArray<Llm.Request> = [
        hello,
        { ...hello, prompt: Prompt.make("hallo") },
        { ...hello, tools: [tool] },
        { ...hello, tools: [other] },
        { ...hello, toolChoice: "none" },
        { ...hello, settings: { temperature: 0 } },
        { ...hello, settings: { model: "x" } }
      ]
      for (const request of [...requests, ...requests]) yield* Stream.runDrain(cached.reply(request))
      assert.strictEqual(asked.length, requests.length)
    }))

  it.effect("never keeps a turn that calls tools, an incomplete reply, or an empty one", () =>
    Effect.gen(function*() {
      const call: Llm.Delta = { _tag: "ToolCall", id: "1", name: "t", params: {} }
      for (const deltas of [[text("One moment."), call, finish], [text("cut off")], [finish]]) {
        const { asked, llm } = answered("a", ...deltas)
        const cached = Llm.cached(llm)
        yield* Stream.runDrain(cached.reply(hello))
        yield* Stream.runDrain(cached.reply(hello))
        assert.strictEqual(asked.length, 2)
      }
      const interrupted = answered("a", text("one"), text("two"), finish)
      const cached = Llm.cached(interrupted.llm)
      yield* Stream.runHead(cached.reply(hello))
      yield* Stream.runDrain(cached.reply(hello))
      assert.strictEqual(interrupted.asked.length, 2)
      const prompt = Prompt.make([
        { role: "user", content: "hello" },
        {
          role: "assistant",
          content: [{ type: "tool-call", id: "1", name: "t", params: {}, providerExecuted: false }]
        },
        { role: "tool", content: [{ type: "tool-result", id: "1", name: "t", isFailure: false, result: 1 }] }
      ])
      const after = answered("a", text("It is 1."), finish)
      const late = Llm.cached(after.llm)
      for (let i = 0; i < 2; i++) yield* Stream.runDrain(late.reply({ ...hello, prompt }))
      assert.strictEqual(after.asked.length, 2)
    }))

  it.effect("keeps so many, and those longest that are asked for the latest", () =>
    Effect.gen(function*() {
      const { asked, llm } = answered("a", text("Hi"), finish)
      const cached = Llm.cached(llm, { capacity: 2 })
      const ask = (prompt: string) => Stream.runDrain(cached.reply({ ...hello, prompt: Prompt.make(prompt) }))
      for (const prompt of ["a", "b", "a", "c", "a", "b"]) yield* ask(prompt)
      assert.strictEqual(asked.length, 4)
    }))
})

describe("Resilience.retryLayer", () => {
  class Part
    extends Context.Service<Part, { readonly attempt: number }>()("effect-voice/test/resilience/standins.test/Part")
  {}
  const partOf = (outcome: (attempt: number) => Effect.Effect<void, unknown>) => {
    const at: Array<number> = []
    const closed: Array<number> = []
    const layer = Layer.effect(
      Part,
      Effect.gen(function*() {
        at.push(yield* Clock.currentTimeMillis)
        const attempt = at.length
        yield* Effect.addFinalizer(() => Effect.sync(() => void closed.push(attempt)))
        yield* outcome(attempt)
        return { attempt }
      })
    )
    return { at, closed, layer }
  }
  const build = <E>(layer: Layer.Layer<Part, E>) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.exit(Effect.provide(Part.useSync(({ attempt }) => attempt), layer)))
      yield* TestClock.adjust("1 minute")
      return yield* Fiber.join(fiber)
    })
  const broken = { isRetryable: true }

  it.effect("tries three times, after 2 and 4 seconds, and closes what failed before it tries again", () =>
    Effect.gen(function*() {
      const third = partOf((attempt) => attempt < 3 ? Effect.fail(broken) : Effect.void)
      assert.deepStrictEqual(yield* build(Resilience.retryLayer(third.layer)), Exit.succeed(3))
      assert.deepStrictEqual(third.at, [0, 2000, 6000])
      assert.deepStrictEqual(third.closed, [1, 2, 3])
      const never = partOf(() => Effect.fail(broken))
      assert.isTrue(Exit.isFailure(yield* build(Resilience.retryLayer(never.layer))))
      assert.strictEqual(never.at.length, 3)
      assert.deepStrictEqual(never.closed, [1, 2, 3])
    }))

  it.effect("does not try again what cannot mend", () =>
    Effect.gen(function*() {
      const missing = Config.String("NO_SUCH_KEY")
      const outcomes: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        Effect.fail({ isRetryable: false }),
        Effect.asVoid(missing),
        Effect.die("boom")
      ]
      for (const outcome of outcomes) {
        const part = partOf(() => Effect.asVoid(outcome))
        assert.isTrue(Exit.isFailure(yield* build(Resilience.retryLayer(part.layer))))
        assert.strictEqual(part.at.length, 1)
      }
    }))
})

describe("a fallback whose first provider breaks off what is heard", () => {
  const broken = () => {
    let asked = 0
    const tts = Tts.make({
      name: "a",
      sampleRate: 24_000,
      channels: 1,
      speak: (text) =>
        Stream.unwrap(Effect.sync(() => {
          asked += 1
          const chunk = { frame: { samples: new Int16Array(240), sampleRate: 24_000, channels: 1 } }
          const end = asked < 3
            ? Stream.fail(new Tts.TtsError({ provider: "a", reason: new Failure.InvalidRequest({ detail: "(1008)" }) }))
            : Stream.make(chunk)
          return Stream.concat(Stream.drain(text), Stream.concat(Stream.make(chunk), end))
        }))
    })
    return { tts, asked: () => asked }
  }
  const plain = Tts.make({
    name: "b",
    sampleRate: 24_000,
    channels: 1,
    speak: (text) =>
      Stream.map(text, () => ({ frame: { samples: new Int16Array(240), sampleRate: 24_000, channels: 1 } }))
  })

  it.effect("turns to the second for half a minute, and then hears one reply of the first to its end", () =>
    Effect.gen(function*() {
      const { asked, tts } = broken()
      const service = yield* Tts.fallback([tts, plain], { policy: { retries: 0 } })
      const speak = Effect.exit(Stream.runCollect(service.speak(Stream.make("Hello."))))
      const tally = () =>
        Effect.map(speak, (exit) => Exit.isSuccess(exit) ? `${asked()} completed` : `${asked()} broken`)
      assert.strictEqual(yield* tally(), "1 broken")
      assert.deepStrictEqual(yield* service.available, ["b"])
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* tally(), "1 completed")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* tally(), "2 broken")
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* tally(), "2 completed")
      assert.deepStrictEqual(yield* service.available, ["b"])
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* tally(), "3 completed")
      assert.deepStrictEqual(yield* service.available, ["a", "b"])
    }))

  it.effect("one on trial that is interrupted in mid-reply has passed", () =>
    Effect.gen(function*() {
      const { asked, tts } = broken()
      const service = yield* Tts.fallback([tts, plain], { policy: { retries: 0 } })
      yield* Effect.exit(Stream.runDrain(service.speak(Stream.make("Hello."))))
      yield* TestClock.adjust("32 seconds")
      yield* Stream.runDrain(Stream.take(service.speak(Stream.make("Hello.")), 1))
      assert.strictEqual(asked(), 2)
      assert.deepStrictEqual(yield* service.available, ["a", "b"])
    }))
})
