import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Metric, Schedule, Stream } from "effect"
import { Failure, Llm, Resilience, Stt, Tts } from "effect-voice"
import { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import { correctable } from "../support/clock.ts"

const down = new Failure.Rejected({ status: 503 })
const hello: Llm.Request = { prompt: Prompt.make("hello"), tools: [] }
const once: Resilience.Policy = { retries: 0 }

const run = (breaker: Resilience.Breaker, outcome: "ok" | "fail") =>
  Effect.exit(breaker.protect(outcome === "ok" ? Effect.succeed("ok") : Effect.fail({ reason: down })))

const errorOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail" ? exit.cause.reasons[0].error : exit

const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  const error = errorOf(exit)
  if (error instanceof Failure.Unavailable) return "Unavailable"
  return typeof error === "object" && error !== null && "reason" in error
    ? (error.reason as Failure.Reason)._tag
    : String(exit._tag)
}

const make = (options: Partial<Resilience.BreakerOptions> = {}) =>
  Resilience.breaker({ name: "a", consecutiveFailures: 3, recovery: Schedule.spaced("10 seconds"), ...options })

const gauge = Effect.map(
  Metric.snapshot,
  (all) => all.find(({ id }) => id === "agent_breaker_state")?.state as { readonly value: number } | undefined
)

describe("Resilience.breaker", () => {
  it.effect("opens after so many failures in a row, and a success between them starts the count anew", () =>
    Effect.gen(function*() {
      const breaker = yield* make()
      for (const outcome of ["fail", "fail", "ok", "fail", "fail"] as const) yield* run(breaker, outcome)
      assert.strictEqual(yield* breaker.state, "closed")
      yield* run(breaker, "fail")
      assert.strictEqual(yield* breaker.state, "open")
    }))

  it.effect("opens when too many of the requests in the window have failed, and forgets what is older", () =>
    Effect.gen(function*() {
      const breaker = yield* make({
        consecutiveFailures: 100,
        failureRate: 0.5,
        minimumRequests: 4,
        window: "1 minute"
      })
      yield* run(breaker, "fail")
      yield* run(breaker, "fail")
      yield* TestClock.adjust("61 seconds")
      for (const outcome of ["ok", "ok", "ok", "fail", "ok", "fail"] as const) yield* run(breaker, outcome)
      assert.strictEqual(yield* breaker.state, "closed")
      for (const outcome of ["ok", "fail", "fail"] as const) yield* run(breaker, outcome)
      assert.strictEqual(yield* breaker.state, "closed")
      yield* run(breaker, "fail")
      assert.strictEqual(yield* breaker.state, "open")
    }))

  it.effect("open, it asks nobody, and tells when it will", () =>
    Effect.gen(function*() {
      const breaker = yield* make()
      for (let i = 0; i < 3; i++) yield* run(breaker, "fail")
      yield* TestClock.adjust("4 seconds")
      let asked = false
      const exit = yield* Effect.exit(breaker.protect(Effect.sync(() => {
        asked = true
      })))
      assert.isFalse(asked)
      assert.strictEqual((errorOf(exit) as Failure.Unavailable).retryAfterMs, 6000)
    }))

  it.effect("counts its time whatever becomes of the wall clock", () =>
    Effect.gen(function*() {
      for (const step of [-3_600_000, -61_000, 61_000, 3_600_000]) {
        const { run: under, step: correct } = yield* correctable
        const breaker = yield* under(make({ consecutiveFailures: 100, minimumRequests: 4, window: "1 minute" }))
        for (let i = 0; i < 3; i++) yield* run(breaker, "fail")
        correct(step)
        yield* TestClock.adjust("30 seconds")
        yield* run(breaker, "fail")
        assert.strictEqual(yield* breaker.state, "open", `the window, ${step}`)
        correct(step)
        yield* TestClock.adjust(9999)
        const exit = yield* Effect.exit(breaker.protect(Effect.void))
        assert.strictEqual((errorOf(exit) as Failure.Unavailable).retryAfterMs, 1)
        yield* TestClock.adjust(1)
        yield* run(breaker, "ok")
        assert.strictEqual(yield* breaker.state, "closed", `open for ten seconds, ${step}`)
      }
    }))

  it.effect("stays open as long as the provider asks for", () =>
    Effect.gen(function*() {
      const breaker = yield* make({ consecutiveFailures: 1 })
      yield* Effect.exit(
        breaker.protect(Effect.fail({ reason: new Failure.Rejected({ status: 429, retryAfterMs: 60_000 }) }))
      )
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(reasonOf(yield* run(breaker, "ok")), "Unavailable")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(reasonOf(yield* run(breaker, "ok")), "Success")
    }))

  it.effect("waits longer after each probe that fails, as its schedule says, and begins anew once it has closed", () =>
    Effect.gen(function*() {
      const breaker = yield* Resilience.breaker({ name: "a", consecutiveFailures: 1 })
      const waits: Array<number> = []
      for (let i = 0; i < 7; i++) {
        if (i === 6) {
          yield* run(breaker, "ok")
          assert.strictEqual(yield* breaker.state, "closed")
        }
        yield* run(breaker, "fail")
        assert.strictEqual(yield* breaker.state, "open")
        const exit = yield* run(breaker, "ok")
        const { retryAfterMs = Infinity } = errorOf(exit) as Failure.Unavailable
        waits.push(retryAfterMs)
        yield* TestClock.adjust(retryAfterMs - 1)
        assert.strictEqual(reasonOf(yield* run(breaker, "ok")), "Unavailable")
        yield* TestClock.adjust(1)
      }
      assert.deepStrictEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000, 5000])
    }))

  it.effect("takes a step of its schedule also where the provider asks for more, and goes on from there", () =>
    Effect.gen(function*() {
      const breaker = yield* Resilience.breaker({ name: "a", consecutiveFailures: 1 })
      const busy = new Failure.Rejected({ status: 429, retryAfterMs: 7000 })
      const waits: Array<number | undefined> = []
      for (let i = 0; i < 3; i++) {
        yield* Effect.exit(breaker.protect(Effect.fail({ reason: busy })))
        const { retryAfterMs } = errorOf(yield* run(breaker, "ok")) as Failure.Unavailable
        waits.push(retryAfterMs)
        yield* TestClock.adjust(retryAfterMs!)
      }
      assert.deepStrictEqual(waits, [7000, 10_000, 20_000])
    }))

  it.effect("lets nobody try any more when its schedule has ended, until it is reset", () =>
    Effect.gen(function*() {
      const breaker = yield* make({
        consecutiveFailures: 1,
        recovery: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }))
      })
      const busy = new Failure.Rejected({ status: 429, retryAfterMs: 1000 })
      for (let i = 0; i < 3; i++) {
        yield* Effect.exit(breaker.protect(Effect.fail({ reason: busy })))
        yield* TestClock.adjust("1 second")
      }
      yield* TestClock.adjust("1 day")
      const error = errorOf(yield* run(breaker, "ok")) as Failure.Unavailable
      assert.strictEqual(error._tag, "Unavailable")
      assert.isUndefined(error.retryAfterMs)
      assert.include(error.message, "until it is reset")
      yield* breaker.reset
      assert.strictEqual(yield* breaker.state, "closed")
      yield* run(breaker, "fail")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(reasonOf(yield* run(breaker, "ok")), "Success")
    }))

  it.effect("reset while it is closed, it forgets what has failed", () =>
    Effect.gen(function*() {
      const breaker = yield* make()
      for (let i = 0; i < 2; i++) yield* run(breaker, "fail")
      yield* breaker.reset
      for (let i = 0; i < 2; i++) yield* run(breaker, "fail")
      assert.strictEqual(yield* breaker.state, "closed")
      yield* run(breaker, "fail")
      assert.strictEqual(yield* breaker.state, "open")
    }))

  it.effect("half-open, it lets exactly one request through: answered, it closes", () =>
    Effect.gen(function*() {
      const breaker = yield* make()
      for (let i = 0; i < 3; i++) yield* run(breaker, "fail")
      yield* TestClock.adjust("10 seconds")
      const answer = yield* Deferred.make<void>()
      const probe = yield* Effect.forkChild(breaker.protect(Deferred.await(answer)), { startImmediately: true })
      assert.strictEqual(yield* breaker.state, "half_open")
      for (let i = 0; i < 5; i++) assert.strictEqual(reasonOf(yield* run(breaker, "ok")), "Unavailable")
      yield* Deferred.succeed(answer, undefined)
      yield* Fiber.join(probe)
      assert.strictEqual(yield* breaker.state, "closed")
      assert.strictEqual(reasonOf(yield* run(breaker, "ok")), "Success")
    }))

  it.effect("half-open, it is open again when the probe fails, and lets another try when it was interrupted", () =>
    Effect.gen(function*() {
      const breaker = yield* make()
      for (let i = 0; i < 3; i++) yield* run(breaker, "fail")
      yield* TestClock.adjust("10 seconds")
      yield* run(breaker, "fail")
      assert.strictEqual(yield* breaker.state, "open")
      yield* TestClock.adjust("10 seconds")
      const probe = yield* Effect.forkChild(breaker.protect(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(probe)
      assert.strictEqual(yield* breaker.state, "half_open")
      yield* run(breaker, "ok")
      assert.strictEqual(yield* breaker.state, "closed")
    }))

  it.effect("what was asked before it opened says nothing about it afterwards", () =>
    Effect.gen(function*() {
      const breaker = yield* make()
      const answer = yield* Deferred.make<void, { readonly reason: Failure.Reason }>()
      const slow = yield* Effect.forkChild(Effect.exit(breaker.protect(Deferred.await(answer))), {
        startImmediately: true
      })
      for (let i = 0; i < 3; i++) yield* run(breaker, "fail")
      yield* TestClock.adjust("10 seconds")
      const probe = yield* Effect.forkChild(breaker.protect(Effect.never), { startImmediately: true })
      yield* Deferred.fail(answer, { reason: down })
      yield* Fiber.join(slow)
      assert.strictEqual(yield* breaker.state, "half_open")
      yield* Fiber.interrupt(probe)
    }))

  it.effect("does not hold a bad request against the provider, nor what its user says is none of its failures", () =>
    Effect.gen(function*() {
      const breaker = yield* make({ consecutiveFailures: 1 })
      for (
        const reason of [new Failure.InvalidRequest({ detail: "voice" }), new Failure.Rejected({ status: 400 })]
      ) yield* Effect.exit(breaker.protect(Effect.fail({ reason })))
      yield* Effect.exit(breaker.protect(Effect.fail("not found"), (error) => error !== "not found"))
      assert.strictEqual(yield* breaker.state, "closed")
      yield* Effect.exit(breaker.protect(Effect.die("boom")))
      assert.strictEqual(yield* breaker.state, "open")
    }))

  it.effect("tells its changes, and shows its state as a metric", () =>
    Effect.gen(function*() {
      const breaker = yield* make({ name: "shown", component: "llm" })
      const changes = yield* Effect.forkChild(Stream.runCollect(Stream.take(breaker.changes, 3)), {
        startImmediately: true
      })
      assert.strictEqual((yield* gauge)?.value, 0)
      for (let i = 0; i < 3; i++) yield* run(breaker, "fail")
      assert.strictEqual((yield* gauge)?.value, 2)
      yield* TestClock.adjust("10 seconds")
      yield* run(breaker, "ok")
      assert.strictEqual((yield* gauge)?.value, 0)
      assert.deepStrictEqual(
        (yield* Fiber.join(changes)).map(({ component, from, provider, to }) => [component, provider, from, to]),
        [
          ["llm", "shown", "closed", "open"],
          ["llm", "shown", "open", "half_open"],
          ["llm", "shown", "half_open", "closed"]
        ]
      )
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

const dead = (name: string, asked: Array<number>) =>
  Llm.make({
    name,
    reply: () =>
      Stream.unwrap(Effect.map(Clock.currentTimeMillis, (now) => {
        asked.push(now)
        return Stream.fail(new Llm.LlmError({ provider: name, reason: down }))
      }))
  })

describe("a service behind a circuit breaker", () => {
  it.effect("Llm: retries end when it opens, and no request is made while it is open", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const breaker = yield* make({ consecutiveFailures: 2 })
      const llm = Llm.resilient(dead("a", asked), { schedule: Schedule.exponential("100 millis"), breaker })
      const reply = yield* Effect.forkChild(Effect.exit(Stream.runDrain(llm.reply(hello))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(reasonOf(yield* Fiber.join(reply)), "Unavailable")
      assert.deepStrictEqual(asked, [0, 100])
      assert.strictEqual(reasonOf(yield* Effect.exit(Stream.runDrain(llm.reply(hello)))), "Unavailable")
      assert.deepStrictEqual(asked, [0, 100])
      assert.deepStrictEqual(Resilience.breakers(llm), [breaker])
    }))

  it.effect("Llm: a silent provider opens it, an interrupted reply does not", () =>
    Effect.gen(function*() {
      const breaker = yield* make({ consecutiveFailures: 1 })
      const llm = Llm.resilient(Llm.make({ name: "a", reply: () => Stream.never }), { ...once, breaker })
      const interrupted = yield* Effect.forkChild(Stream.runDrain(llm.reply(hello)), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(interrupted)
      assert.strictEqual(yield* breaker.state, "closed")
      const late = yield* Effect.forkChild(Effect.exit(Stream.runDrain(llm.reply(hello))), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(reasonOf(yield* Fiber.join(late)), "TimedOut")
      assert.strictEqual(yield* breaker.state, "open")
    }))

  it.effect("Llm: one that always breaks off in mid-reply opens it by its rate", () =>
    Effect.gen(function*() {
      const breaker = yield* make({ minimumRequests: 4 })
      const llm = Llm.resilient(
        Llm.make({
          name: "a",
          reply: () =>
            Stream.concat(
              Stream.make<[Llm.Delta]>({ _tag: "Text", text: "Hel" }),
              Stream.fail(new Llm.LlmError({ provider: "a", reason: new Failure.Disconnected({}) }))
            )
        }),
        { ...once, breaker }
      )
      yield* Effect.exit(Stream.runDrain(llm.reply(hello)))
      assert.strictEqual(yield* breaker.state, "closed")
      yield* Effect.exit(Stream.runDrain(llm.reply(hello)))
      assert.strictEqual(yield* breaker.state, "open")
    }))

  it.effect("Tts: a failure opens it, a failure of the text does not", () =>
    Effect.gen(function*() {
      const breaker = yield* make({ consecutiveFailures: 1 })
      const broken = Tts.make({
        name: "a",
        sampleRate: 16_000,
        channels: 1,
        speak: (text) =>
          Stream.concat(
            Stream.drain(text),
            Stream.fail(new Tts.TtsError({ provider: "a", reason: down }))
          )
      })
      const tts = Tts.resilient(broken, { ...once, breaker })
      yield* Effect.exit(Stream.runDrain(tts.speak(Stream.fail("the text broke off"))))
      assert.strictEqual(yield* breaker.state, "closed")
      yield* Effect.exit(Stream.runDrain(tts.speak(Stream.make("Hello."))))
      assert.strictEqual(yield* breaker.state, "open")
      assert.strictEqual(
        reasonOf(yield* Effect.exit(Stream.runDrain(tts.speak(Stream.make("Hello."))))),
        "Unavailable"
      )
    }))

  it.effect("Stt: a lost connection opens it; after its wait the next one is the probe", () =>
    Effect.gen(function*() {
      const breaker = yield* make({ consecutiveFailures: 2 })
      let works = false
      let opened = 0
      const service = Stt.make({
        name: "a",
        transcribe: <E, R>(audio: Stream.Stream<Stt.Input, E, R>) =>
          Stream.suspend((): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> => {
            opened += 1
            return works
              ? Stream.map(Stream.filter(audio, (input) => "_tag" in input), () => ({ text: "hello", final: true }))
              : Stream.fail(new Stt.SttError({ provider: "a", reason: new Failure.Disconnected({}) }))
          })
      })
      const stt = Stt.resilient(service, { schedule: Schedule.spaced("100 millis"), breaker })
      const heard = yield* Effect.forkChild(
        Effect.exit(Stream.runDrain(stt.transcribe(Stream.concat(Stream.make(Stt.Finalize), Stream.never))))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(reasonOf(yield* Fiber.join(heard)), "Unavailable")
      assert.strictEqual(opened, 2)
      works = true
      yield* TestClock.adjust("10 seconds")
      const [transcript] = yield* Stream.runCollect(Stream.take(stt.transcribe(Stream.make(Stt.Finalize)), 1))
      assert.strictEqual(transcript?.text, "hello")
      assert.strictEqual(yield* breaker.state, "closed")
    }))

  it.effect("a fallback passes over a provider whose breaker is open, and has one for each", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const good = Llm.make({ name: "b", reply: () => Stream.make<[Llm.Delta]>({ _tag: "Text", text: "b" }) })
      const llm = yield* Llm.fallback([dead("a", asked), good], {
        policy: { retries: 1, schedule: Schedule.spaced("100 millis") },
        breaker: { consecutiveFailures: 2, recovery: Schedule.spaced("1 hour") },
        // Without the breaker, it would be asked again each second.
        recovery: Schedule.spaced("1 second")
      })
      const reply = Stream.runCollect(llm.reply(hello))
      const first = yield* Effect.forkChild(reply)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(first)).length, 1)
      assert.deepStrictEqual(asked, [0, 100])
      const [a, b] = Resilience.breakers(llm)
      assert.strictEqual(yield* a!.state, "open")
      assert.strictEqual(yield* b!.state, "closed")
      for (let i = 0; i < 10; i++) {
        yield* TestClock.adjust("1 minute")
        yield* reply
      }
      assert.deepStrictEqual(asked, [0, 100])
      yield* TestClock.adjust("1 hour")
      yield* Effect.forkChild(reply)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(asked.length, 3)
      assert.strictEqual(yield* a!.state, "open")
    }).pipe(Effect.scoped))
})
