import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Stream } from "effect"
import { type Audio, Stt } from "effect-voice"
import { TestClock } from "effect/testing"

/** What the contract needs to know of a layer. */
export interface Options {
  /** Audio in which someone speaks. @default a second of silence */
  readonly speech?: ReadonlyArray<Audio.Frame>
  /** The layer works on the real clock. @default false */
  readonly live?: boolean
}

const silence = Array.from({ length: 50 }, (): Audio.Frame => ({
  sampleRate: 16_000,
  channels: 1,
  samples: new Int16Array(320)
}))

/** What every `Stt` keeps, whoever the provider is. */
export const contract = <E>(name: string, stt: Layer.Layer<Stt.Stt, E>, options: Options = {}): void => {
  const frames = options.speech ?? silence
  const total = frames.reduce(
    (ms, { channels, sampleRate, samples }) => ms + samples.length / channels / sampleRate * 1000,
    0
  )
  const said = Stream.concat(Stream.fromIterable<Stt.Input>(frames), Stream.succeed<Stt.Input>(Stt.Finalize))
  const settle = <A, X, R>(effect: Effect.Effect<A, X, R>): Effect.Effect<A, X, R> =>
    options.live === true ? effect : Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(effect)
      yield* TestClock.adjust("1 minute")
      return yield* Fiber.join(fiber)
    })

  layer(stt, { excludeTestServices: options.live === true })(`${name} keeps the Stt contract`, (it) => {
    it.effect("ends when the audio ends", () => settle(Stream.runDrain(Stt.transcribe(said))))

    it.effect("ends on no audio at all", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* settle(Stream.runCollect(Stt.transcribe(Stream.empty))), [])
      }))

    it.effect("gives transcripts with words, in order and within the audio", () =>
      Effect.gen(function*() {
        const heard = yield* settle(Stream.runCollect(Stt.transcribe(said)))
        let last = 0
        for (const { end, final, start, text, words } of heard) {
          assert.notStrictEqual(text.trim(), "")
          if (start === undefined || end === undefined) continue
          assert.isAtMost(start, end)
          assert.isAtMost(end, total + 1)
          if (final) {
            assert.isAtLeast(start, last)
            last = start
          }
          for (const word of words ?? []) {
            assert.isAtMost(word.start, word.end)
          }
        }
        if (options.speech !== undefined) assert.isTrue(heard.some(({ final }) => final))
      }))

    it.effect("passes the failure of the audio through unchanged", () =>
      Effect.gen(function*() {
        const failure = { _tag: "MicrophoneLost" } as const
        const error = yield* settle(Effect.flip(Stream.runDrain(
          Stt.transcribe(Stream.concat(Stream.fromIterable<Stt.Input>(frames), Stream.fail(failure)))
        )))
        assert.strictEqual(error, failure)
      }))

    it.effect("lets go of the audio when it is interrupted", () =>
      Effect.gen(function*() {
        const pulled = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const audio = Stream.fromIterable<Stt.Input>(frames).pipe(
          Stream.concat(Stream.fromEffectDrain(Deferred.succeed(pulled, undefined))),
          Stream.concat(Stream.never),
          Stream.ensuring(Deferred.succeed(closed, undefined))
        )
        const fiber = yield* Effect.forkChild(Stream.runDrain(Stt.transcribe(audio)))
        yield* settle(Deferred.await(pulled))
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(closed)
      }))

    it.effect("serves two streams at a time", () =>
      Effect.gen(function*() {
        const text = Stream.map(Stt.transcribe(said), ({ text }) => text)
        const alone = yield* settle(Stream.runCollect(text))
        const both = yield* settle(Effect.all([Stream.runCollect(text), Stream.runCollect(text)], {
          concurrency: "unbounded"
        }))
        assert.deepStrictEqual(both, [alone, alone])
      }))
  })
}
