import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import { TestClock } from "effect/testing"

/** What the contract needs to know of a layer. */
export interface Options {
  /** The layer works on the real clock. @default false */
  readonly live?: boolean
}

const pieces = ["Good morning. ", "The room is ready,", " ", "and breakfast starts at seven."]

/** What every `Tts` keeps, whoever the provider is. */
export const contract = <E>(name: string, tts: Layer.Layer<Tts.Tts, E>, options: Options = {}): void => {
  const settle = <A, X, R>(effect: Effect.Effect<A, X, R>): Effect.Effect<A, X, R> =>
    options.live === true ? effect : Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(effect)
      yield* TestClock.adjust("1 minute")
      return yield* Fiber.join(fiber)
    })
  const text = Stream.rechunk(Stream.fromIterable(pieces), 1)

  layer(tts, { excludeTestServices: options.live === true })(`${name} keeps the Tts contract`, (it) => {
    it.effect("speaks in one format, the declared one", () =>
      Effect.gen(function*() {
        const { channels, sampleRate } = yield* Tts.Tts
        const chunks = yield* settle(Stream.runCollect(Tts.speak(text)))
        assert.isAbove(chunks.length, 0)
        for (const { frame } of chunks) {
          assert.strictEqual(frame.sampleRate, sampleRate)
          assert.strictEqual(frame.channels, channels)
          assert.strictEqual(frame.samples.length % channels, 0)
          assert.strictEqual(frame.samples.byteOffset, 0)
        }
      }))

    it.effect("aligns the whole text, in order and within the audio, or nothing", () =>
      Effect.gen(function*() {
        const chunks = yield* settle(Stream.runCollect(Tts.speak(text)))
        const alignment = chunks.flatMap((chunk) => chunk.alignment ?? [])
        if (alignment.length === 0) return
        const total = chunks.reduce((ms, { frame }) => ms + Audio.durationMs(frame), 0)
        assert.strictEqual(
          alignment.map(({ text }) => text).join("").replaceAll(/\s+/g, " ").trim(),
          pieces.join("").replaceAll(/\s+/g, " ").trim()
        )
        let last = 0
        for (const { end, start } of alignment) {
          assert.isAtLeast(start, last)
          assert.isAtLeast(end, start)
          assert.isAtMost(end, total + 1)
          last = start
        }
      }))

    it.effect("says nothing for no text", () =>
      Effect.gen(function*() {
        for (const blank of [Stream.empty, Stream.make("", " ")]) {
          assert.deepStrictEqual(yield* settle(Stream.runCollect(Tts.speak(blank))), [])
        }
      }))

    it.effect("passes the failure of the text through unchanged", () =>
      Effect.gen(function*() {
        const failure = { _tag: "ModelLost" } as const
        const error = yield* settle(Effect.flip(Stream.runDrain(
          Tts.speak(Stream.concat(text, Stream.fail(failure)))
        )))
        assert.strictEqual(error, failure)
      }))

    it.effect("speaks before the text has ended, and lets go of it when it is interrupted", () =>
      Effect.gen(function*() {
        const spoken = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const endless = text.pipe(
          Stream.concat(Stream.never),
          Stream.ensuring(Deferred.succeed(closed, undefined))
        )
        const fiber = yield* Tts.speak(endless).pipe(
          Stream.runForEach(() => Deferred.succeed(spoken, undefined)),
          Effect.forkChild
        )
        yield* settle(Deferred.await(spoken))
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(closed)
      }))
  })
}
