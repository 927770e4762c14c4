import { assert, describe, it } from "@effect/vitest"
import {
  type Cause,
  Clock,
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Queue,
  Ref,
  Schedule,
  Schema,
  Scope,
  Stream
} from "effect"
import { type Audio, Failure, Llm, Resilience, Stt, Tts } from "effect-voice"
import { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"

/** No jitter: 100, 200, 400 ms. */
const policy: Resilience.Policy = { schedule: Schedule.exponential("100 millis") }
/** The same, with one attempt for all the time that there is. */
const whole: Resilience.Policy = { ...policy, attempt: "10 seconds" }

const broken = new Failure.Disconnected({ code: "ECONNRESET" })
const refused = new Failure.Rejected({ status: 401 })
const llmError = (reason: Failure.Reason, provider = "a") => new Llm.LlmError({ provider, reason })
const ttsError = (reason: Failure.Reason, provider = "a") => new Tts.TtsError({ provider, reason })
const sttError = (reason: Failure.Reason, provider = "a") => new Stt.SttError({ provider, reason })

const text = (text: string): Llm.Delta => ({ _tag: "Text", text })
const finish: Llm.Delta = { _tag: "Finish" }
const hello: Llm.Request = { prompt: Prompt.make("hello"), tools: [] }

/** An `Llm` that gives one scripted reply after the other, the last one for ever, and tells when it was asked. */
const llmOf = (name: string, ...replies: ReadonlyArray<Stream.Stream<Llm.Delta, Llm.LlmError>>) => {
  const asked: Array<number> = []
  const llm = Llm.make({
    name,
    reply: () =>
      Stream.unwrap(Effect.map(Clock.currentTimeMillis, (now) => {
        asked.push(now)
        return replies[Math.min(asked.length, replies.length) - 1] ?? Stream.empty
      }))
  })
  return { llm, asked }
}

const timed = <A, E, R>(self: Stream.Stream<A, E, R>) =>
  Effect.gen(function*() {
    const seen: Array<readonly [A, number]> = []
    const exit = yield* Effect.exit(
      Stream.runForEach(self, (a) => Effect.map(Clock.currentTimeMillis, (now) => seen.push([a, now])))
    )
    return { seen, exit, at: yield* Clock.currentTimeMillis }
  })

const replyOf = (llm: Llm.Llm["Service"]) => timed(llm.reply(hello))

const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail" ? exit.cause.reasons[0].error : exit

/** An error as plain data: a deep comparison of errors looks at the message only. */
const facts = Schema.encodeUnknownSync(Schema.Union([Stt.SttError, Llm.LlmError, Tts.TtsError]))
const assertError = (actual: unknown, expected: Stt.SttError | Llm.LlmError | Tts.TtsError) =>
  assert.deepStrictEqual(facts(actual), facts(expected))

/** Runs while the clock goes on. */
const over = <A, E, R>(duration: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust(duration)
    return yield* Fiber.join(fiber)
  })

describe("Resilience", () => {
  describe("llm", () => {
    it.effect("asks again after 100, 200 and 400 ms, and then fails with the last error", () =>
      Effect.gen(function*() {
        const { asked, llm } = llmOf("a", Stream.fail(llmError(broken)))
        const { at, exit } = yield* over(10_000, replyOf(Llm.resilient(llm, policy)))
        assert.deepStrictEqual(asked, [0, 100, 300, 700])
        assert.strictEqual(at, 700)
        assertError(failureOf(exit), llmError(broken))
      }))

    it.effect("does not ask again after 400, 401 and 404, and does after 408, 429, 499 and 5xx", () =>
      Effect.gen(function*() {
        for (
          const [status, times] of [[400, 1], [401, 1], [404, 1], [408, 4], [429, 4], [499, 4], [500, 4], [503, 4]]
        ) {
          const { asked, llm } = llmOf("a", Stream.fail(llmError(new Failure.Rejected({ status: status! }))))
          yield* over(1000, replyOf(Llm.resilient(llm, policy)))
          assert.strictEqual(asked.length, times, `${status}`)
        }
      }))

    it.effect("waits as long as the provider asks for, and not at all when that is beyond the deadline", () =>
      Effect.gen(function*() {
        const limited = (retryAfterMs: number) =>
          Stream.fail(llmError(new Failure.Rejected({ status: 429, retryAfterMs })))
        const soon = llmOf("a", limited(1500), Stream.make(text("hi")))
        yield* over(2000, replyOf(Llm.resilient(soon.llm, policy)))
        assert.deepStrictEqual(soon.asked, [0, 1500])
        const late = llmOf("a", limited(60_000), Stream.make(text("hi")))
        const { exit } = yield* over(0, replyOf(Llm.resilient(late.llm, policy)))
        assert.strictEqual(late.asked.length, 1)
        assert.isTrue(Exit.isFailure(exit))
        // Of ten seconds eight are gone: three more are too many.
        const slow = llmOf("a", Stream.concat(Stream.fromEffectDrain(Effect.sleep(8000)), limited(3000)))
        const { at } = yield* over(20_000, replyOf(Llm.resilient(slow.llm, whole)))
        assert.strictEqual(at - 2000, 8000)
        assert.strictEqual(slow.asked.length, 1)
      }))

    it.effect("fails 10 seconds after the request when nothing useful has come, however many attempts that took", () =>
      Effect.gen(function*() {
        const late = Stream.fromEffect(Effect.delay(Effect.fail(llmError(broken)), 4000))
        const { asked, llm } = llmOf("a", late, late, Stream.never)
        const { at, exit } = yield* over(20_000, replyOf(Llm.resilient(llm, policy)))
        assert.deepStrictEqual(asked, [0, 4100, 8300])
        assert.strictEqual(at, 10_000)
        assertError(failureOf(exit), llmError(new Failure.TimedOut({ afterMs: 10_000 })))
      }))

    it.effect("waits for the next output as long as it is told, by default 10 seconds", () =>
      Effect.gen(function*() {
        const patient = { ...policy, nextOutput: "30 seconds" } as const
        const slow = Stream.concat(
          Stream.make(text("a")),
          Stream.fromEffect(Effect.delay(Effect.succeed(text("b")), 29_000))
        )
        const { seen } = yield* over(30_000, replyOf(Llm.resilient(llmOf("a", slow).llm, patient)))
        assert.deepStrictEqual(seen, [[text("a"), 0], [text("b"), 29_000]])
        const hanging = Stream.concat(slow, Stream.never)
        const { at, exit } = yield* over(60_000, replyOf(Llm.resilient(llmOf("a", hanging).llm, patient)))
        assert.strictEqual(at, 30_000 + 59_000)
        assertError(failureOf(exit), llmError(new Failure.TimedOut({ afterMs: 30_000 })))
        const impatient = yield* over(60_000, replyOf(Llm.resilient(llmOf("a", hanging).llm, policy)))
        assertError(failureOf(impatient.exit), llmError(new Failure.TimedOut({ afterMs: 10_000 })))
      }))

    it.effect("passes a failure after the first output through and asks nobody again", () =>
      Effect.gen(function*() {
        const { asked, llm } = llmOf("a", Stream.concat(Stream.make(text("Hel")), Stream.fail(llmError(broken))))
        const { exit, seen } = yield* over(1000, replyOf(Llm.resilient(llm, policy)))
        assert.deepStrictEqual(asked, [0])
        assert.deepStrictEqual(seen, [[text("Hel"), 0]])
        assertError(failureOf(exit), llmError(broken))
      }))

    it.effect("lets a model finish without a word, but not end without a finish", () =>
      Effect.gen(function*() {
        const { asked, llm } = llmOf("a", Stream.make(finish), Stream.make(text("hi"), finish))
        const { seen } = yield* over(1000, replyOf(Llm.resilient(llm, policy)))
        assert.deepStrictEqual(asked, [0])
        assert.deepStrictEqual(seen, [[finish, 0]])
        const silent = yield* over(1000, replyOf(Llm.resilient(llmOf("a", Stream.empty).llm, policy)))
        assertError(failureOf(silent.exit), llmError(new Failure.EndedEarly()))
      }))

    it.effect("makes a defect a typed failure that tells nothing of what was said", () =>
      Effect.gen(function*() {
        const secret = Stream.fromEffect(Effect.sync((): Llm.Delta => {
          throw new TypeError("wss://host/?key=sk-secret")
        }))
        const { exit } = yield* over(1000, replyOf(Llm.resilient(llmOf("a", secret).llm, policy)))
        assertError(failureOf(exit), llmError(new Failure.Broken({ detail: "TypeError" })))
        assert.notInclude(String(exit), "sk-secret")
      }))

    it.effect("closes the attempt when the consumer is interrupted, and does not ask again", () =>
      Effect.gen(function*() {
        const closed = yield* Ref.make(0)
        const { asked, llm } = llmOf("a", Stream.ensuring(Stream.never, Ref.update(closed, (n) => n + 1)))
        const fiber = yield* Effect.forkChild(replyOf(Llm.resilient(llm, policy)))
        yield* TestClock.adjust(100)
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust(60_000)
        assert.strictEqual(yield* Ref.get(closed), 1)
        assert.strictEqual(asked.length, 1)
      }))

    it.effect("closes each failed attempt before the next one", () =>
      Effect.gen(function*() {
        const open = yield* Ref.make(0)
        const attempt = Stream.unwrap(Effect.gen(function*() {
          assert.strictEqual(yield* Ref.getAndUpdate(open, (n) => n + 1), 0)
          yield* Effect.addFinalizer(() => Ref.update(open, (n) => n - 1))
          return Stream.fail(llmError(broken))
        }))
        yield* over(1000, replyOf(Llm.resilient(llmOf("a", attempt).llm, policy)))
        assert.strictEqual(yield* Ref.get(open), 0)
      }))

    it.effect("is the identity on what is resilient already", () =>
      Effect.gen(function*() {
        const once = Llm.resilient(llmOf("a", Stream.fail(llmError(broken))).llm, policy)
        assert.isTrue(once.resilient)
        assert.strictEqual(Llm.resilient(once, policy), once)
      }))

    it.effect("jitters the waits when no schedule is given", () =>
      Effect.gen(function*() {
        const { asked, llm } = llmOf("a", Stream.fail(llmError(broken)))
        yield* over(2000, replyOf(Llm.resilient(llm)))
        const [first, second] = asked
        assert.isTrue(second! - first! >= 80 && second! - first! <= 120, `${second}`)
        assert.strictEqual(asked.length, 4)
      }))
  })

  describe("guard", () => {
    it.effect("holds back what is not useful until something is, and drops it with a failed attempt", () =>
      Effect.gen(function*() {
        let attempt = 0
        const numbers = Stream.suspend(() =>
          ++attempt === 1 ? Stream.concat(Stream.make(0, 0), Stream.fail(llmError(broken))) : Stream.make(0, 1, 2)
        )
        const guarded = Resilience.guard<number, Llm.LlmError>(policy, { error: llmError, isUseful: (n) => n > 0 })(
          numbers
        )
        const { seen } = yield* over(1000, timed(guarded))
        assert.deepStrictEqual(seen.map(([n]) => n), [0, 1, 2])
        assert.strictEqual(attempt, 2)
      }))
  })

  describe("a model that thinks", () => {
    const thoughts = (count: number, everyMs: number) =>
      Stream.range(1, count).pipe(
        Stream.mapEffect((n) => Effect.delay(Effect.succeed(text(`thought ${n}, `)), everyMs)),
        Stream.rechunk(1)
      )
    const of = (...parts: ReadonlyArray<Stream.Stream<Llm.Delta, Llm.LlmError>>) =>
      parts.reduce((all, part) => Stream.concat(all, part))
    const textOf = (seen: ReadonlyArray<readonly [Llm.Delta, number]>) =>
      seen.map(([delta]) => delta._tag === "Text" ? delta.text : delta._tag)

    it.effect("is alive: it is waited for however long it takes, also by who wraps it", () =>
      Effect.gen(function*() {
        for (const wrap of [(llm: Llm.Llm["Service"]) => llm, (llm: Llm.Llm["Service"]) => Llm.withSettings(llm, {})]) {
          const { asked, llm } = llmOf(
            "a",
            of(Stream.make(text("<think>")), thoughts(10, 4000), Stream.make(text("</think>Hello."), finish))
          )
          const from = yield* Clock.currentTimeMillis
          const { at, seen } = yield* over(60_000, replyOf(Llm.resilient(wrap(llm), policy)))
          assert.deepStrictEqual(textOf(seen), ["Hello.", "Finish"])
          assert.strictEqual(at - from, 40_000)
          assert.strictEqual(asked.length, 1)
        }
      }))

    it.effect("has failed when its thoughts stop for longer than an answer may", () =>
      Effect.gen(function*() {
        const { llm } = llmOf("a", of(Stream.make(text("<think>")), thoughts(5, 4000), Stream.never))
        const { at, exit } = yield* over(60_000, replyOf(Llm.resilient(llm, { ...policy, nextOutput: "5 seconds" })))
        assert.strictEqual(at, 25_000)
        assertError(failureOf(exit), llmError(new Failure.TimedOut({ afterMs: 5000 })))
      }))

    it.effect("is asked again when it fails among its thoughts: nothing was said", () =>
      Effect.gen(function*() {
        const { asked, llm } = llmOf(
          "a",
          of(Stream.make(text("<think>")), thoughts(5, 4000), Stream.fail(llmError(broken))),
          Stream.make(text("Hello."), finish)
        )
        const { at, seen } = yield* over(60_000, replyOf(Llm.resilient(llm, policy)))
        assert.deepStrictEqual(textOf(seen), ["Hello.", "Finish"])
        assert.deepStrictEqual([asked, at], [[0, 20_100], 20_100])
      }))

    it.effect("is alive in the middle of its answer, too", () =>
      Effect.gen(function*() {
        const { llm } = llmOf(
          "a",
          of(Stream.make(text("One moment.\n<think>")), thoughts(10, 4000), Stream.make(text("</think>Yes."), finish))
        )
        const { at, seen } = yield* over(60_000, replyOf(Llm.resilient(llm, policy)))
        assert.deepStrictEqual(textOf(seen), ["One moment.\n", "Yes.", "Finish"])
        assert.strictEqual(at, 40_000)
      }))
  })

  describe("tts", () => {
    const chunk = (ms: number, sampleRate = 24_000): Tts.Chunk => ({
      frame: { sampleRate, channels: 1, samples: new Int16Array(ms * sampleRate / 1000).fill(1000) }
    })
    const ttsOf = (
      name: string,
      speak: (attempt: number, said: Stream.Stream<string>) => Stream.Stream<Tts.Chunk, Tts.TtsError>,
      sampleRate = 24_000
    ) => {
      let attempts = 0
      return Tts.make({
        name,
        sampleRate,
        channels: 1,
        speak: <E, R>(text: Stream.Stream<string, E, R>) =>
          Stream.unwrap(Effect.gen(function*() {
            const pieces = yield* Queue.unbounded<string, Cause.Done>()
            const read = yield* Deferred.make<void, E>()
            yield* text.pipe(
              Stream.runForEach((piece) => Queue.offer(pieces, piece)),
              Effect.andThen(Effect.andThen(Queue.end(pieces), Deferred.succeed(read, undefined))),
              Effect.catch((error) => Deferred.fail(read, error)),
              Effect.forkScoped
            )
            const said = Stream.fromQueue(pieces)
            return Stream.merge(speak(++attempts, said), Stream.fromEffectDrain(Deferred.await(read)), {
              haltStrategy: "left"
            })
          }))
      })
    }
    const total = (seen: ReadonlyArray<readonly [Tts.Chunk, number]>) =>
      seen.reduce((ms, [{ frame }]) => ms + frame.samples.length / frame.sampleRate * 1000, 0)

    it.effect("gives the same text to the next attempt, while it is pulled once", () =>
      Effect.gen(function*() {
        const heard: Array<string> = []
        let pulls = 0
        const tts = ttsOf("a", (attempt, said) =>
          attempt === 1
            ? Stream.fail(ttsError(broken))
            : Stream.map(said, (piece) => (heard.push(piece), chunk(100))))
        const pieces = Stream.suspend(() => (pulls++, Stream.rechunk(Stream.make("One.", "Two."), 1)))
        const { seen } = yield* over(1000, timed(Tts.resilient(tts, policy).speak(pieces)))
        assert.deepStrictEqual([heard, pulls, total(seen)], [["One.", "Two."], 1, 200])
      }))

    it.effect("starts its clock with the first text, not with the speech", () =>
      Effect.gen(function*() {
        const tts = ttsOf("a", () => Stream.never)
        const slow = Stream.concat(
          Stream.make(" "),
          Stream.concat(
            Stream.fromEffect(Effect.delay(Effect.succeed("Hi."), 30_000)),
            Stream.never
          )
        )
        const { at, exit } = yield* over(60_000, timed(Tts.resilient(tts, policy).speak(slow)))
        assert.strictEqual(at, 40_000)
        assertError(failureOf(exit), ttsError(new Failure.TimedOut({ afterMs: 10_000 })))
      }))

    it.effect("takes silence for a failure only when there was something to say", () =>
      Effect.gen(function*() {
        const tts = Tts.resilient(ttsOf("a", () => Stream.empty), policy)
        const silent = yield* over(1000, timed(tts.speak(Stream.make("Hi."))))
        assertError(failureOf(silent.exit), ttsError(new Failure.EndedEarly()))
        for (const unsayable of ["", " ", "...", "\u2026?!", "\u{1f44b}"]) {
          const blank = yield* over(1000, timed(tts.speak(Stream.make("", unsayable))))
          assert.isTrue(Exit.isSuccess(blank.exit), unsayable)
        }
      }))

    it.effect("does not retry a failure of the text, and passes it through unchanged", () =>
      Effect.gen(function*() {
        const failure = llmError(broken)
        let attempts = 0
        const tts = ttsOf("a", (attempt) => (attempts = attempt, Stream.never))
        const { exit } = yield* over(
          1000,
          timed(Tts.resilient(tts, policy).speak(Stream.concat(Stream.make("Hi."), Stream.fail(failure))))
        )
        assert.strictEqual(failureOf(exit), failure)
        assert.strictEqual(attempts, 1)
      }))

    it.effect("a fallback speaks at the rate of the first, and first audio counts from the first attempt", () =>
      Effect.scoped(Effect.gen(function*() {
        const a = ttsOf("a", () => Stream.fromEffect(Effect.delay(Effect.fail(ttsError(refused)), 300)))
        const b = ttsOf(
          "b",
          (_, said) =>
            Stream.flatMap(
              Stream.take(said, 1),
              () => Stream.tap(Stream.make(chunk(2500, 48_000), chunk(2500, 48_000)), () => Effect.sleep(200))
            ),
          48_000
        )
        const tts = yield* Tts.fallback([a, b], { policy })
        assert.isTrue(tts.resilient)
        const { seen } = yield* over(60_000, timed(tts.speak(Stream.make("Hi."))))
        assert.deepStrictEqual([total(seen), seen[0]?.[1], seen[0]?.[0].frame.sampleRate], [5000, 500, 24_000])
      })))

    it.effect("a fallback goes on when the first ends silently", () =>
      Effect.scoped(Effect.gen(function*() {
        const a = ttsOf("a", () => Stream.empty)
        const b = ttsOf("b", () => Stream.make(chunk(100)))
        const tts = yield* Tts.fallback([a, b], { policy })
        const { seen } = yield* over(60_000, timed(tts.speak(Stream.make("Hi."))))
        assert.strictEqual(total(seen), 100)
      })))

    it.effect("a failure after some audio passes, unless a new beginning was asked for", () =>
      Effect.scoped(Effect.gen(function*() {
        const cut = Stream.concat(
          Stream.make<[Tts.Chunk]>({ ...chunk(100), alignment: [{ text: "Hi.", start: 0, end: 100 }] }),
          Stream.fail(ttsError(broken))
        )
        const whole = Stream.make<[Tts.Chunk]>({ ...chunk(200), alignment: [{ text: "Hi.", start: 0, end: 200 }] })
        const a = ttsOf("a", () => cut)
        const b = ttsOf("b", () => whole)
        const strict = yield* over(1000, timed((yield* Tts.fallback([a, b], { policy })).speak(Stream.make("Hi."))))
        assert.strictEqual(total(strict.seen), 100)
        assertError(failureOf(strict.exit), ttsError(broken))
        const again = yield* over(
          1000,
          timed((yield* Tts.fallback([a, b], { policy, retryAfterOutput: true })).speak(Stream.make("Hi.")))
        )
        assert.deepStrictEqual(again.seen.flatMap(([{ alignment }]) => alignment), [
          { text: "Hi.", start: 0, end: 100 },
          { text: "Hi.", start: 100, end: 300 }
        ])
      })))

    it.effect("passes a voice on to those that have it only", () =>
      Effect.scoped(Effect.gen(function*() {
        const asked: Array<string | undefined> = []
        const voiced = (name: string, voices: ReadonlyArray<string>) =>
          Tts.make({
            name,
            sampleRate: 24_000,
            channels: 1,
            voices,
            speak: (_, options) => {
              asked.push(options?.voice)
              return Stream.fail(ttsError(refused, name))
            }
          })
        const tts = yield* Tts.fallback([voiced("a", []), voiced("b", ["Bo"]), voiced("c", ["Ann"])], { policy })
        const { exit } = yield* over(1000, timed(tts.speak(Stream.make("Hi."), { voice: "Ann" })))
        assert.deepStrictEqual(asked, ["Ann", undefined, "Ann"])
        assertError(
          failureOf(exit),
          ttsError(new Failure.Exhausted({ providers: ["a", "b", "c"], isRetryable: false }), "a+b+c")
        )
      })))
  })

  describe("Llm.fallback", () => {
    it.effect("a reply of tool calls alone is a success", () =>
      Effect.scoped(Effect.gen(function*() {
        const call: Llm.Delta = { _tag: "ToolCall", id: "1", name: "f", params: {} }
        const a = llmOf("a", Stream.make(call))
        const b = llmOf("b", Stream.make(text("b")))
        const llm = yield* Llm.fallback([a.llm, b.llm], { policy })
        const { seen } = yield* over(1000, replyOf(llm))
        assert.deepStrictEqual(seen, [[call, 0]])
        assert.strictEqual(b.asked.length, 0)
      })))

    it.effect("gives each provider its own deadline", () =>
      Effect.scoped(Effect.gen(function*() {
        const a = llmOf("a", Stream.never)
        const b = llmOf("b", Stream.fromEffect(Effect.delay(Effect.succeed(text("b")), 9999)))
        const llm = yield* Llm.fallback([a.llm, b.llm], { policy: whole })
        const { seen } = yield* over(60_000, replyOf(llm))
        assert.deepStrictEqual(seen, [[text("b"), 19_999]])
      })))

    it.effect("fails typed when all have failed, with their names and nothing that they said", () =>
      Effect.scoped(Effect.gen(function*() {
        const a = llmOf("a", Stream.fail(llmError(broken)))
        const b = llmOf("b", Stream.fail(llmError(new Failure.InvalidResponse({ detail: "?" }), "b")))
        const llm = yield* Llm.fallback([a.llm, b.llm], { policy, name: "models" })
        const { exit } = yield* over(60_000, replyOf(llm))
        assertError(
          failureOf(exit),
          llmError(new Failure.Exhausted({ providers: ["a", "b"], isRetryable: true }), "models")
        )
      })))

    it.effect("closes the provider that failed before it asks the next", () =>
      Effect.scoped(Effect.gen(function*() {
        const order: Array<string> = []
        const a = llmOf(
          "a",
          Stream.unwrap(Effect.as(
            Effect.addFinalizer(() => Effect.sync(() => order.push("a closed"))),
            Stream.never
          ))
        )
        const b = llmOf("b", Stream.suspend(() => (order.push("b asked"), Stream.make(text("b")))))
        yield* over(60_000, replyOf(yield* Llm.fallback([a.llm, b.llm], { policy: whole })))
        assert.deepStrictEqual(order, ["a closed", "b asked"])
      })))

    it.effect("skips a lost provider and probes it until it is back", () =>
      Effect.scoped(Effect.gen(function*() {
        const a = llmOf("a", Stream.fail(llmError(refused)), Stream.make(text("a")))
        const b = llmOf("b", Stream.make(text("b")))
        const probes: Array<number> = []
        const llm = yield* Llm.fallback([a.llm, b.llm], {
          policy,
          recovery: Schedule.exponential("1 second"),
          probe: (provider) =>
            Effect.flatMap(Clock.currentTimeMillis, (now) => {
              probes.push(now)
              return provider.name === "a" && now >= 6000 ? Effect.void : Effect.fail("still away")
            })
        })
        const changes: Array<unknown> = []
        yield* Resilience.availability(llm).pipe(
          Stream.runForEach((change) => Effect.map(Clock.currentTimeMillis, (now) => changes.push([now, change]))),
          Effect.forkScoped({ startImmediately: true })
        )
        assert.deepStrictEqual(yield* llm.available, ["a", "b"])
        yield* over(0, replyOf(llm))
        assert.deepStrictEqual(yield* llm.available, ["b"])
        yield* over(0, replyOf(llm))
        assert.deepStrictEqual([a.asked.length, b.asked.length], [1, 2])
        yield* TestClock.adjust(6999)
        assert.deepStrictEqual(probes, [1000, 3000])
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(probes, [1000, 3000, 7000])
        assert.deepStrictEqual(yield* llm.available, ["a", "b"])
        const { seen } = yield* over(0, replyOf(llm))
        assert.deepStrictEqual(seen.map(([delta]) => delta), [text("a")])
        assert.deepStrictEqual(changes, [
          [0, { component: "llm", provider: "a", available: false }],
          [7000, { component: "llm", provider: "a", available: true }]
        ])
      })))

    it.effect("without a probe, lets one request try the lost provider after each wait", () =>
      Effect.scoped(Effect.gen(function*() {
        const failing = Stream.fail(llmError(refused))
        const a = llmOf("a", failing, failing, Stream.make(text("a")))
        const b = llmOf("b", Stream.make(text("b")))
        const llm = yield* Llm.fallback([a.llm, b.llm], { policy, recovery: Schedule.exponential("1 second") })
        const at = (time: number) =>
          Effect.gen(function*() {
            yield* TestClock.setTime(time)
            yield* over(0, replyOf(llm))
            return a.asked.length
          })
        assert.strictEqual(yield* at(0), 1)
        assert.strictEqual(yield* at(999), 1)
        assert.strictEqual(yield* at(1000), 2)
        assert.strictEqual(yield* at(2999), 2)
        assert.deepStrictEqual(yield* llm.available, ["b"])
        assert.strictEqual(yield* at(3000), 3)
        assert.deepStrictEqual(yield* llm.available, ["a", "b"])
        assert.strictEqual(yield* at(3001), 4)
      })))

    it.effect("lets only one request at a time try a lost provider", () =>
      Effect.scoped(Effect.gen(function*() {
        const slow = Stream.fromEffect(Effect.delay(Effect.fail(llmError(refused)), 500))
        const a = llmOf("a", Stream.fail(llmError(refused)), slow)
        const b = llmOf("b", Stream.make(text("b")))
        const llm = yield* Llm.fallback([a.llm, b.llm], { policy, recovery: Schedule.spaced("1 second") })
        yield* over(1000, replyOf(llm))
        const both = yield* over(1000, Effect.all([replyOf(llm), replyOf(llm)], { concurrency: "unbounded" }))
        assert.deepStrictEqual(both.map(({ at }) => at), [1500, 1000])
        assert.strictEqual(a.asked.length, 2)
      })))

    it.effect("asks a lost provider all the same when there is no other left", () =>
      Effect.scoped(Effect.gen(function*() {
        const a = llmOf("a", Stream.fail(llmError(refused)), Stream.make(text("a")))
        const b = llmOf("b", Stream.make(text("b")), Stream.fail(llmError(refused, "b")))
        const llm = yield* Llm.fallback([a.llm, b.llm], { policy })
        yield* over(0, replyOf(llm))
        const { seen } = yield* over(0, replyOf(llm))
        assert.deepStrictEqual(seen.map(([delta]) => delta), [text("a")])
        assert.deepStrictEqual(yield* llm.available, ["a"])
      })))

    it.effect("does not hold a bad request against the provider", () =>
      Effect.scoped(Effect.gen(function*() {
        const a = llmOf("a", Stream.fail(llmError(new Failure.InvalidRequest({ detail: "the prompt is too long" }))))
        const b = llmOf("b", Stream.make(text("b")))
        const llm = yield* Llm.fallback([a.llm, b.llm], { policy })
        yield* over(0, replyOf(llm))
        assert.deepStrictEqual(yield* llm.available, ["a", "b"])
      })))

    it.effect("stops its probes with its scope", () =>
      Effect.gen(function*() {
        let probes = 0
        const scope = yield* Scope.make()
        const llm = yield* Scope.provide(
          Llm.fallback([llmOf("a", Stream.fail(llmError(refused))).llm, llmOf("b", Stream.make(text("b"))).llm], {
            policy,
            recovery: Schedule.spaced("1 second"),
            probe: () => Effect.suspend(() => (probes++, Effect.fail("away")))
          }),
          scope
        )
        yield* over(0, replyOf(llm))
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(probes, 5)
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(probes, 5)
      }))

    it.effect("leaves a resilient provider to itself", () =>
      Effect.scoped(Effect.gen(function*() {
        const inner = llmOf("a", Stream.fail(llmError(broken)))
        const llm = yield* Llm.fallback([
          Llm.resilient(inner.llm, { ...policy, retries: 1 }),
          llmOf("b", Stream.make(text("b"))).llm
        ], { policy })
        const { seen } = yield* over(60_000, replyOf(llm))
        assert.deepStrictEqual([inner.asked, seen], [[0, 100], [[text("b"), 100]]])
      })))

    it.effect("is a layer over layers", () =>
      Effect.gen(function*() {
        const layer = Llm.layerFallback([
          Layer.succeed(Llm.Llm, llmOf("a", Stream.fail(llmError(refused))).llm),
          Layer.succeed(Llm.Llm, llmOf("b", Stream.make(text("b"))).llm)
        ])
        const llm = Context.get(yield* Layer.build(layer), Llm.Llm)
        const { seen } = yield* over(0, replyOf(llm))
        assert.deepStrictEqual(seen.map(([delta]) => delta), [text("b")])
      }))
  })

  describe("stt", () => {
    const frame = (value: number, ms = 100): Audio.Frame => ({
      sampleRate: 1000,
      channels: 1,
      samples: new Int16Array(ms).fill(value)
    })

    /**
     * Answers each `Finalize` with the values since the last one, after `delay`,
     * until it has read `fails` inputs. Times are those of its own samples.
     */
    const sttOf = (
      name: string,
      script: (attempt: number) => {
        readonly fails?: number
        readonly with?: Failure.Reason | "end" | "silence"
        readonly delay?: number
        readonly empty?: boolean
        readonly untimed?: boolean
      }
    ) => {
      const attempts: Array<{ readonly at: number; readonly read: Array<string> }> = []
      const stt = Stt.make({
        name,
        transcribe: <E, R>(audio: Stream.Stream<Stt.Input, E, R>) =>
          Stream.unwrap(Effect.map(Clock.currentTimeMillis, (at) => {
            const read: Array<string> = []
            attempts.push({ at, read })
            const plan = script(attempts.length)
            let values: Array<number> = []
            let now = 0
            let began = 0
            let count = 0
            return audio.pipe(
              Stream.rechunk(1),
              Stream.mapEffect((input): Effect.Effect<ReadonlyArray<Stt.Transcript>, Stt.SttError> => {
                if (plan.with === "silence") return Effect.succeed([])
                if (count++ === plan.fails) {
                  return plan.with === "end" ? Effect.succeed([]) : Effect.fail(sttError(
                    plan.with ?? broken,
                    name
                  ))
                }
                if (!("_tag" in input)) {
                  read.push(`${input.samples[0]}x${input.samples.length}`)
                  now += input.samples.length
                  values.push(input.samples[0] ?? 0)
                  return Effect.succeed([])
                }
                read.push("|")
                const heard: Stt.Transcript = {
                  text: plan.empty === true ? "" : values.join(" "),
                  final: true,
                  ...(plan.untimed === true ? undefined : { start: began, end: now })
                }
                values = []
                began = now
                return Effect.delay(Effect.succeed([heard]), plan.delay ?? 0)
              }),
              Stream.takeWhile(() => plan.with !== "end" || count <= (plan.fails ?? Infinity)),
              Stream.flattenIterable
            )
          }))
      })
      return { stt, attempts }
    }

    const feed = Effect.map(Queue.unbounded<Stt.Input>(), (queue) => ({
      audio: Stream.fromQueue(queue),
      say: (...inputs: ReadonlyArray<Stt.Input>) => Queue.offerAll(queue, inputs)
    }))

    const listen = (stt: Stt.Stt["Service"], audio: Stream.Stream<Stt.Input>) =>
      Effect.gen(function*() {
        const heard: Array<readonly [string, number | undefined, number | undefined, number]> = []
        const fiber = yield* audio.pipe(
          stt.transcribe,
          Stream.runForEach(({ end, start, text }) =>
            Effect.map(Clock.currentTimeMillis, (now) => heard.push([text, start, end, now]))
          ),
          Effect.exit,
          Effect.forkScoped({ startImmediately: true })
        )
        return { heard, fiber }
      })

    it.effect("opens again after a dropped connection, and nothing is lost or heard twice", () =>
      Effect.gen(function*() {
        const { attempts, stt } = sttOf("a", (attempt) => attempt === 1 ? { fails: 3 } : {})
        const { audio, say } = yield* feed
        const { heard } = yield* listen(Stt.resilient(stt, policy), audio)
        yield* say(frame(1), Stt.Finalize, frame(2))
        yield* TestClock.adjust(1000)
        yield* say(frame(3), Stt.Finalize)
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(attempts.map(({ at, read }) => [at, read]), [
          [0, ["1x100", "|", "2x100"]],
          [1100, ["2x100", "3x100", "|"]]
        ])
        assert.deepStrictEqual(heard, [["1", 0, 100, 0], ["2 3", 100, 300, 1100]])
      }))

    it.effect("takes a quiet user for no failure, however long", () =>
      Effect.gen(function*() {
        const { attempts, stt } = sttOf("a", () => ({}))
        const { audio, say } = yield* feed
        const { fiber } = yield* listen(Stt.resilient(stt, policy), audio)
        for (let second = 0; second < 60; second++) {
          yield* say(frame(0, 1000))
          yield* TestClock.adjust(1000)
        }
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        assert.strictEqual(attempts.length, 1)
      }))

    it.effect("waits for nothing more from one that has found the end of the speech by itself", () =>
      Effect.gen(function*() {
        let opened = 0
        const eager = Stt.make({
          name: "eager",
          transcribe: (audio) => {
            opened += 1
            return Stream.flatMap(
              audio,
              (input): Stream.Stream<Stt.Transcript> =>
                "samples" in input && input.samples.some((sample) => sample !== 0)
                  ? Stream.make({ text: "hello", final: true })
                  : Stream.empty
            )
          }
        })
        const { audio, say } = yield* feed
        const { fiber } = yield* listen(Stt.resilient(eager, policy), audio)
        for (let turn = 0; turn < 3; turn++) {
          yield* say(frame(1, 1000), frame(0, 200))
          yield* TestClock.adjust(300)
          yield* say(frame(0, 300), Stt.Finalize)
          yield* TestClock.adjust(60_000)
        }
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        assert.strictEqual(opened, 1)
      }))

    it.effect("fails 10 seconds after an end of speech without a transcript, over all attempts", () =>
      Effect.gen(function*() {
        const { attempts, stt } = sttOf("a", (attempt) => attempt === 1 ? { fails: 1 } : { with: "silence" })
        const { audio, say } = yield* feed
        const { fiber } = yield* listen(Stt.resilient(stt, policy), audio)
        yield* TestClock.adjust(60_000)
        yield* say(frame(1), Stt.Finalize, frame(0))
        yield* TestClock.adjust(9999)
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        yield* TestClock.adjust(1)
        assertError(failureOf(yield* Fiber.join(fiber)), sttError(new Failure.TimedOut({ afterMs: 10_000 })))
        assert.deepStrictEqual(attempts.map(({ at }) => at), [0, 60_100, 64_300])
      }))

    it.effect("asks one that has stalled again over a new connection, with the audio that it owes an answer to", () =>
      Effect.gen(function*() {
        const { attempts, stt } = sttOf("a", (attempt) => attempt === 1 ? { with: "silence" } : {})
        const { audio, say } = yield* feed
        const { heard } = yield* listen(Stt.resilient(stt, policy), audio)
        yield* TestClock.adjust(60_000)
        yield* say(frame(1), Stt.Finalize)
        yield* TestClock.adjust(10_000)
        assert.deepStrictEqual(attempts.map(({ at }) => at), [0, 64_100])
        assert.deepStrictEqual(heard.map(([text]) => text), ["1"])
      }))

    it.effect("takes an empty answer for an answer", () =>
      Effect.gen(function*() {
        const { stt } = sttOf("a", () => ({ empty: true }))
        const { audio, say } = yield* feed
        const { fiber, heard } = yield* listen(Stt.resilient(stt, policy), audio)
        yield* say(frame(1), Stt.Finalize)
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(heard.map(([text]) => text), [""])
        assert.strictEqual(fiber.pollUnsafe(), undefined)
      }))

    it.effect("keeps the clock of a later end of speech when an earlier one is answered", () =>
      Effect.gen(function*() {
        const stt = Stt.make({
          name: "a",
          transcribe: (audio) =>
            audio.pipe(
              Stream.rechunk(1),
              Stream.filter((input) => "_tag" in input),
              Stream.zipWithIndex,
              Stream.flatMap(([, index]) =>
                index === 1
                  ? Stream.fromEffect(
                    Effect.delay(Effect.succeed({ text: "one", final: true, start: 0, end: 100 }), 1000)
                  )
                  : Stream.empty
              )
            )
        })
        const { audio, say } = yield* feed
        const { fiber, heard } = yield* listen(Stt.resilient(stt, policy), audio)
        yield* say(frame(1), Stt.Finalize)
        yield* TestClock.adjust(500)
        yield* say(frame(2), Stt.Finalize)
        yield* TestClock.adjust(9999)
        assert.deepStrictEqual(heard.map(([text]) => text), ["one"])
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        yield* TestClock.adjust(1)
        assert.isDefined(fiber.pollUnsafe())
      }))

    it.effect("an end before the audio has ended is a failure, the end of the audio is none", () =>
      Effect.gen(function*() {
        const { attempts, stt } = sttOf("a", (attempt) => attempt === 1 ? { fails: 1, with: "end" } : {})
        const { seen } = yield* over(
          1000,
          timed(
            Stt.resilient(stt, policy).transcribe(
              Stream.make(frame(1), frame(2), Stt.Finalize)
            )
          )
        )
        assert.strictEqual(attempts.length, 2)
        assert.deepStrictEqual(seen.map(([{ text }]) => text), ["1 2"])
      }))

    it.effect("what retrying cannot mend is not retried", () =>
      Effect.gen(function*() {
        const { attempts, stt } = sttOf("a", () => ({ fails: 0, with: refused }))
        const { exit } = yield* over(1000, timed(Stt.resilient(stt, policy).transcribe(Stream.make(frame(1)))))
        assertError(failureOf(exit), sttError(refused))
        assert.strictEqual(attempts.length, 1)
      }))

    it.effect("an idle close after a healthy while has the whole budget of retries again", () =>
      Effect.gen(function*() {
        let attempts = 0
        const stt = Stt.make({
          name: "a",
          transcribe: () => Stream.fromEffect(Effect.delay(Effect.fail(sttError(broken)), ++attempts > 20 ? 0 : 15_000))
        })
        const { fiber } = yield* listen(Stt.resilient(stt, policy), Stream.never)
        yield* TestClock.adjust(20 * 15_100 - 1)
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        assert.strictEqual(attempts, 20)
        yield* TestClock.adjust(1000)
        assertError(failureOf(yield* Fiber.join(fiber)), sttError(broken))
        assert.strictEqual(attempts, 23)
      }))

    it.effect("does not retry a failure of the audio, and passes it through unchanged", () =>
      Effect.gen(function*() {
        const failure = sttError(broken, "microphone")
        const { attempts, stt } = sttOf("a", () => ({}))
        const { exit } = yield* over(
          1000,
          timed(
            Stt.resilient(stt, policy).transcribe(
              Stream.concat(Stream.make(frame(1)), Stream.fail(failure))
            )
          )
        )
        assert.strictEqual(failureOf(exit), failure)
        assert.strictEqual(attempts.length, 1)
      }))

    it.effect("the second hears what the first did not answer, and a probe brings the first back", () =>
      Effect.gen(function*() {
        const a = sttOf("a", (attempt) => attempt === 1 ? { fails: 3, with: refused } : {})
        const b = sttOf("b", () => ({ delay: 200 }))
        const stt = yield* Stt.fallback([a.stt, b.stt], {
          policy,
          recovery: Schedule.spaced("5 seconds"),
          probe: () => Effect.void
        })
        const changes: Array<unknown> = []
        yield* stt.availability.pipe(
          Stream.runForEach((change) => Effect.map(Clock.currentTimeMillis, (now) => changes.push([now, change]))),
          Effect.forkScoped({ startImmediately: true })
        )
        const { audio, say } = yield* feed
        const { heard } = yield* listen(stt, audio)
        yield* say(frame(1), Stt.Finalize, frame(2), frame(3), Stt.Finalize)
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(heard, [["1", 0, 100, 0], ["2 3", 100, 300, 200]])
        assert.deepStrictEqual(b.attempts.map(({ read }) => read), [["2x100", "3x100", "|"]])
        assert.deepStrictEqual(changes, [
          [0, { component: "stt", provider: "a", available: false }],
          [5000, { component: "stt", provider: "a", available: true }]
        ])
      }))

    it.effect("when both fail, the error is typed and names both", () =>
      Effect.gen(function*() {
        const a = sttOf("a", () => ({ fails: 0, with: refused }))
        const b = sttOf("b", () => ({ with: "silence" }))
        const stt = yield* Stt.fallback([a.stt, b.stt], { policy })
        const { audio, say } = yield* feed
        const { fiber } = yield* listen(stt, audio)
        yield* say(frame(1), Stt.Finalize)
        yield* TestClock.adjust(9999)
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        yield* TestClock.adjust(1)
        assertError(
          failureOf(yield* Fiber.join(fiber)),
          sttError(new Failure.Exhausted({ providers: ["a", "b"], isRetryable: true }), "a+b")
        )
      }))

    it.effect("times go on after a switch 30 seconds into the call", () =>
      Effect.gen(function*() {
        const a = sttOf("a", () => ({ fails: 4, with: refused }))
        const b = sttOf("b", () => ({}))
        const stt = yield* Stt.fallback([a.stt, b.stt], { policy })
        const { audio, say } = yield* feed
        const { heard } = yield* listen(stt, audio)
        yield* say(frame(1, 29_900), Stt.Finalize, frame(2), Stt.Finalize)
        yield* say(frame(3), Stt.Finalize)
        yield* TestClock.adjust(1000)
        yield* say({ ...frame(4), at: 60_000 }, Stt.Finalize)
        yield* say({ ...frame(5), at: 70_000 }, Stt.Finalize)
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(heard.map(([text, start, end]) => [text, start, end]), [
          ["1", 0, 29_900],
          ["2", 29_900, 30_000],
          ["3", 30_000, 30_100],
          ["4", 30_100, 30_200],
          ["5", 40_100, 40_200]
        ])
      }))

    it.effect("keeps the last 30 seconds at most for another attempt", () =>
      Effect.gen(function*() {
        const a = sttOf("a", () => ({ fails: 60, with: refused }))
        const b = sttOf("b", () => ({}))
        const stt = yield* Stt.fallback([a.stt, b.stt], { policy })
        const { audio, say } = yield* feed
        yield* listen(stt, audio)
        for (let second = 1; second <= 61; second++) {
          yield* say(frame(second, 1000))
          yield* TestClock.adjust(1000)
        }
        assert.deepStrictEqual(b.attempts[0]?.read.length, 30)
        assert.strictEqual(b.attempts[0]?.read[0], "32x1000")
      }))

    it.effect("does not give answered audio again where the provider tells no times", () =>
      Effect.gen(function*() {
        const { attempts, stt } = sttOf(
          "a",
          (attempt) => attempt === 1 ? { fails: 3, untimed: true } : { untimed: true }
        )
        const { audio, say } = yield* feed
        const { heard } = yield* listen(Stt.resilient(stt, policy), audio)
        yield* say(frame(1), Stt.Finalize)
        yield* TestClock.adjust(10)
        yield* say(frame(2), frame(3))
        yield* TestClock.adjust(10)
        yield* say(Stt.Finalize)
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(attempts[1]?.read, ["2x100", "3x100", "|"])
        assert.deepStrictEqual(heard.map(([text]) => text), ["1", "2 3"])
      }))

    it.effect("gives only the part of a frame again that was not answered", () =>
      Effect.gen(function*() {
        const reads: Array<Array<number>> = []
        const stt = Stt.make({
          name: "a",
          transcribe: (audio) => {
            const read: Array<number> = []
            reads.push(read)
            const lengths = Stream.flatMap(Stream.rechunk(audio, 1), (input) => {
              if (!("_tag" in input)) read.push(input.samples.length)
              return Stream.make<[Stt.Transcript]>({ text: "x", final: true, start: 0, end: 60 })
            })
            return reads.length === 1
              ? Stream.concat(Stream.take(lengths, 1), Stream.fail(sttError(broken)))
              : Stream.drain(lengths)
          }
        })
        yield* over(1000, timed(Stt.resilient(stt, policy).transcribe(Stream.make(frame(1)))))
        assert.deepStrictEqual(reads, [[100], [40]])
      }))

    it.effect("an interim transcript shows that the provider is at work", () =>
      Effect.gen(function*() {
        const stt = Stt.make({
          name: "a",
          interims: true,
          transcribe: (audio) =>
            Stream.flatMap(Stream.filter(audio, (input) => "_tag" in input), () =>
              Stream.make<Array<Stt.Transcript>>({ text: "hel", final: false }, { text: "hello", final: true }).pipe(
                Stream.rechunk(1),
                Stream.tap(() =>
                  Effect.sleep(2900)
                )
              ))
        })
        const { audio, say } = yield* feed
        const { heard } = yield* listen(Stt.resilient(stt, whole), audio)
        yield* say(frame(1), Stt.Finalize)
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(heard.map(([text, , , at]) => [text, at]), [["hel", 2900], ["hello", 5800]])
      }))

    it.effect("gives each provider of a fallback its own deadline", () =>
      Effect.gen(function*() {
        const stt = yield* Stt.fallback(
          [sttOf("a", () => ({ with: "silence" })).stt, sttOf("b", () => ({ delay: 2999 })).stt],
          { policy: whole }
        )
        const { audio, say } = yield* feed
        const { heard } = yield* listen(stt, audio)
        yield* say(frame(1), Stt.Finalize)
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(heard, [["1", 0, 100, 12_999]])
      }))

    it.effect("closes each failed attempt before the next one", () =>
      Effect.gen(function*() {
        let open = 0
        const most: Array<number> = []
        const counted = (name: string) =>
          Stt.make({
            name,
            transcribe: () =>
              Stream.unwrap(Effect.gen(function*() {
                most.push(++open)
                yield* Effect.addFinalizer(() => Effect.sync(() => open--))
                return Stream.fail(sttError(broken, name))
              }))
          })
        const stt = yield* Stt.fallback([counted("a"), counted("b")], { policy: { ...policy, retries: 1 } })
        yield* over(1000, timed(stt.transcribe(Stream.never)))
        assert.deepStrictEqual([most, open], [[1, 1, 1, 1], 0])
      }))

    it.effect("names the providers that failed since the last transcript", () =>
      Effect.gen(function*() {
        const a = sttOf("a", () => ({ fails: 0, with: refused }))
        const b = sttOf("b", () => ({ fails: 2, with: refused }))
        const stt = yield* Stt.fallback([a.stt, b.stt], { policy })
        const { exit, seen } = yield* over(
          1000,
          timed(stt.transcribe(Stream.make(frame(1), Stt.Finalize, frame(2), Stt.Finalize)))
        )
        assert.deepStrictEqual(seen.map(([{ text }]) => text), ["1"])
        assertError(
          failureOf(exit),
          sttError(new Failure.Exhausted({ providers: ["b", "a"], isRetryable: false }), "a+b")
        )
      }))

    const scripts = {
      utterances: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))),
      fails: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 15 }))).check(Schema.isMaxLength(3)),
      lag: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
      chunk: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 })),
      others: Schema.Boolean
    }
    it.effect.prop(
      "whatever fails when, every frame is heard exactly once and in order",
      scripts,
      (script) =>
        Effect.gen(function*() {
          const { chunk, fails, lag, others, utterances } = script
          let value = 0
          const inputs = utterances.flatMap((count) => [
            ...Array.from({ length: count }, (): Stt.Input => frame(++value)),
            Stt.Finalize
          ])
          const end: Stt.Input = frame(0)
          let attempts = 0
          /** Answers `lag` inputs late, and dies as the script has it. */
          const provider = (name: string) =>
            Stt.make({
              name,
              transcribe: (audio) =>
                Stream.suspend(() => {
                  const dies = fails[attempts++] ?? Infinity
                  let values: Array<number> = []
                  let now = 0
                  let began = 0
                  let count = 0
                  const due: Array<{ readonly at: number; readonly heard: Stt.Transcript }> = []
                  const step = (input: Stt.Input): Effect.Effect<ReadonlyArray<Stt.Transcript>, Stt.SttError> => {
                    if (count++ === dies) return Effect.fail(sttError(broken, name))
                    if ("_tag" in input) {
                      due.push({
                        at: count + lag,
                        heard: { text: values.join(" "), final: true, start: began, end: now }
                      })
                      values = []
                      began = now
                    } else {
                      now += input.samples.length
                      values.push(...new Set(input.samples))
                    }
                    const ready = due.filter(({ at }) => at <= count || input === end)
                    due.splice(0, ready.length)
                    return Effect.succeed(ready.map(({ heard }) => heard))
                  }
                  return audio.pipe(
                    Stream.rechunk(1),
                    Stream.mapEffect(step),
                    Stream.concat(Stream.sync(() => due.map(({ heard }) => heard))),
                    Stream.flattenIterable
                  )
                })
            })
          const none = { schedule: Schedule.forever }
          const stt = others
            ? yield* Stt.fallback([provider("a"), provider("b"), provider("c"), provider("d")], {
              policy: { ...none, retries: 0 }
            })
            : Stt.resilient(provider("a"), none)
          const heard = yield* Stream.fromIterable([...inputs, end]).pipe(
            Stream.rechunk(chunk),
            stt.transcribe,
            Stream.runCollect
          )
          const expected = Array.from({ length: value }, (_, index) => index + 1).join(" ")
          assert.strictEqual(heard.map(({ text }) => text).join(" "), expected)
          assert.deepStrictEqual(
            heard.map(({ end, start }) => (end ?? 0) - (start ?? 0)),
            utterances.map((count) => count * 100)
          )
        }),
      { arbitrary: { runs: 500 } }
    )
  })
})
