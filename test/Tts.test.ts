import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue, Ref, Stream } from "effect"
import { type Audio, Failure, Tts } from "effect-voice"
import { TestClock } from "effect/testing"

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
})
