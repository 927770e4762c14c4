import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue, Ref, Stream } from "effect"
import { type Audio, Failure, Tts } from "effect-voice"
import { TestClock } from "effect/testing"
import { contract } from "./contract/tts.ts"

const frame = (ms: number, sampleRate = 8000): Audio.Frame => ({
  sampleRate,
  channels: 1,
  samples: new Int16Array(ms * sampleRate / 1000).fill(1)
})

describe("Tts", () => {
  describe("fromSynthesizer", () => {
    it.effect("aligns each piece with the audio before it and skips blank pieces", () =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const tts = Tts.fromSynthesizer({
          name: "fake",
          sampleRate: 8000,
          channels: 1,
          synthesize: (text) => Effect.sync(() => (asked.push(text), frame(text.length * 100)))
        })
        const chunks = yield* tts.speak(Stream.make("One. ", "", "  ", "Four.")).pipe(Stream.runCollect)
        assert.deepStrictEqual(asked, ["One.", "Four."])
        assert.deepStrictEqual(chunks.flatMap((chunk) => chunk.alignment), [
          { text: "One. ", start: 0, end: 400 },
          { text: "  Four.", start: 400, end: 900 }
        ])
      }))

    it.effect("synthesises one piece ahead of the consumer, never two", () =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const tts = Tts.fromSynthesizer({
          name: "fake",
          sampleRate: 8000,
          channels: 1,
          synthesize: (text) => Effect.sync(() => (asked.push(text), frame(10))).pipe(Effect.delay(100))
        })
        const got = yield* Ref.make(0)
        yield* tts.speak(Stream.make("a", "b", "c", "d")).pipe(
          Stream.runForEach(() => Effect.andThen(Ref.update(got, (n) => n + 1), Effect.sleep(1000))),
          Effect.forkScoped
        )
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* Ref.get(got), 1)
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(asked, ["a", "b"])
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* Ref.get(got), 2)
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(asked, ["a", "b", "c"])
      }))

    it.effect("starts with the first piece, before the text has ended", () =>
      Effect.gen(function*() {
        const tts = Tts.fromSynthesizer({
          name: "fake",
          sampleRate: 8000,
          channels: 1,
          synthesize: () => Effect.succeed(frame(10))
        })
        const first = yield* tts.speak(Stream.concat(Stream.make("a"), Stream.never)).pipe(
          Stream.take(1),
          Stream.runCollect
        )
        assert.strictEqual(first.length, 1)
      }))

    it.effect("stops the synthesis when the consumer is interrupted", () =>
      Effect.gen(function*() {
        const stopped = yield* Deferred.make<void>()
        const started = yield* Queue.unbounded<string>()
        const tts = Tts.fromSynthesizer({
          name: "fake",
          sampleRate: 8000,
          channels: 1,
          synthesize: (text) =>
            Queue.offer(started, text).pipe(
              Effect.andThen(Effect.never),
              Effect.onInterrupt(() => Deferred.succeed(stopped, undefined))
            )
        })
        const fiber = yield* tts.speak(Stream.make("a")).pipe(Stream.runDrain, Effect.forkChild)
        yield* Queue.take(started)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(stopped)
      }))
  })

  describe("make", () => {
    it.effect("refuses audio in another format than the declared one", () =>
      Effect.gen(function*() {
        const tts = Tts.make({
          name: "fake",
          sampleRate: 16000,
          channels: 1,
          speak: () => Stream.make({ frame: frame(10) })
        })
        const error = yield* Effect.flip(tts.speak(Stream.make("a")).pipe(Stream.runDrain))
        assert.instanceOf(error.reason, Failure.InvalidResponse)
      }))
  })

  describe("voices", () => {
    const voice = (name: string, sampleRate: number, asked: Array<string | undefined> = []) =>
      Tts.make({
        name,
        sampleRate,
        channels: 1,
        speak: (text, options) => {
          asked.push(options?.voice)
          return Stream.map(text, (piece) => ({
            frame: frame(100, sampleRate),
            alignment: [{ text: piece, start: 0, end: 100 }]
          }))
        }
      })

    it.effect("speaks with the service of that name, at the rate of the first", () =>
      Effect.gen(function*() {
        const tts = Tts.voices({ assistant: voice("a", 8000), narrator: voice("b", 16_000) })
        assert.deepStrictEqual([tts.voices, tts.sampleRate], [["assistant", "narrator"], 8000])
        for (const name of [undefined, "assistant", "narrator"]) {
          const chunks = yield* tts.speak(Stream.make("Hi."), { voice: name }).pipe(Stream.runCollect)
          const samples = chunks.reduce((count, chunk) => count + chunk.frame.samples.length, 0)
          assert.strictEqual(samples, 800)
          assert.isTrue(chunks.every((chunk) => chunk.frame.sampleRate === 8000))
          assert.deepStrictEqual(chunks.flatMap((chunk) => chunk.alignment ?? []), [{
            text: "Hi.",
            start: 0,
            end: 100
          }])
        }
      }))

    it.effect("passes on a service's own name for a voice, never the name here", () =>
      Effect.gen(function*() {
        const asked: Array<string | undefined> = []
        const tts = Tts.voices({ a: voice("x", 8000, asked), b: { tts: voice("y", 8000, asked), voice: "Bo" } })
        yield* tts.speak(Stream.make("Hi."), { voice: "a" }).pipe(Stream.runDrain)
        yield* tts.speak(Stream.make("Hi."), { voice: "b" }).pipe(Stream.runDrain)
        assert.deepStrictEqual(asked, [undefined, "Bo"])
      }))

    it.effect("fails on an unknown voice and names the known ones", () =>
      Effect.gen(function*() {
        const tts = Tts.voices({ a: voice("x", 8000), b: voice("y", 8000) })
        const error = yield* Effect.flip(tts.speak(Stream.make("Hi."), { voice: "toString" }).pipe(Stream.runDrain))
        assert.strictEqual(
          error.message,
          new Tts.TtsError({
            provider: "voices",
            reason: new Failure.InvalidRequest({ detail: "there is no such voice; use one of: a, b" })
          }).message
        )
      }))

    it("is resilient when all its services are", () => {
      const a = voice("x", 8000)
      assert.isFalse(Tts.voices({ a, b: Tts.resilient(a) }).resilient)
      assert.isTrue(Tts.voices({ a: Tts.resilient(a), b: Tts.resilient(a) }).resilient)
    })
  })

  const synthesizer = (name: string, sampleRate: number) =>
    Tts.fromSynthesizer({
      name,
      sampleRate,
      channels: 1,
      synthesize: (text) => Effect.delay(Effect.succeed(frame(text.length * 50, sampleRate)), 100)
    })
  const lost = Tts.make({
    name: "lost",
    sampleRate: 24_000,
    channels: 2,
    speak: () => Stream.fail(new Tts.TtsError({ provider: "lost", reason: new Failure.Disconnected({}) }))
  })
  contract("a synthesiser", Layer.succeed(Tts.Tts, synthesizer("a", 8000)))
  contract("a guarded synthesiser", Layer.succeed(Tts.Tts, Tts.resilient(synthesizer("a", 8000))))
  contract("a fallback at another rate", Layer.effect(Tts.Tts, Tts.fallback([lost, synthesizer("a", 8000)])))
  contract(
    "a voice at another rate",
    Layer.succeed(Tts.Tts, Tts.voices({ a: { tts: synthesizer("a", 8000), voice: "x" }, b: lost }))
  )
})
