import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Stream } from "effect"
import { type Audio, Vad } from "effect-voice"

/** What every `Vad` layer keeps, given speech with a little silence around it. */
export const contract = <E>(name: string, vad: Layer.Layer<Vad.Vad, E>, speech: Audio.Frame) =>
  layer(vad)(`${name} keeps the Vad contract`, (it) => {
    const cut = (size: number) => {
      const frames: Array<Audio.Frame> = []
      for (let i = 0; i < speech.samples.length; i += size) {
        frames.push({ ...speech, samples: speech.samples.slice(i, i + size) })
      }
      return frames
    }
    const detect = (frames: ReadonlyArray<Audio.Frame>, options?: Vad.Options) =>
      Stream.fromIterable(frames).pipe(Vad.detect(options), Stream.runCollect)

    it.effect("hears speech, and closes every speech that it opens", () =>
      Effect.gen(function*() {
        const events = yield* detect(cut(160))
        const starts = events.filter(({ _tag }) => _tag === "SpeechStarted").length
        assert.isAtLeast(starts, 1)
        assert.strictEqual(events.filter(({ _tag }) => _tag === "SpeechEnded").length, starts)
        assert.strictEqual(events.at(-1)!._tag, "SpeechEnded")
      }))

    it.effect("hears nothing in silence", () =>
      Effect.gen(function*() {
        const silence = { ...speech, samples: new Int16Array(speech.sampleRate) }
        assert.deepStrictEqual(yield* detect([silence, silence]), [])
      }))

    it.effect("gives the same events whatever the size of the frames", () =>
      Effect.gen(function*() {
        const expected = yield* detect([speech])
        for (const size of [37, 441, 4096]) {
          assert.deepStrictEqual(yield* detect(cut(size)), expected)
        }
      }))

    it.effect("gives the same events again after the end of a stream", () =>
      Effect.scoped(Effect.gen(function*() {
        const { detector } = yield* Vad.Vad
        const { end, push } = yield* detector()
        const first = [...yield* push([{ ...speech, at: 0 }]), ...yield* end]
        const second = [...yield* push([{ ...speech, at: 0 }]), ...yield* end]
        assert.deepStrictEqual(second, first)
      })))

    it.effect("names the option that is out of its range", () =>
      Effect.scoped(Effect.gen(function*() {
        const { detector } = yield* Vad.Vad
        const error = yield* Effect.flip(detector({ activation: 2 }))
        assert.strictEqual(error.reason._tag, "InvalidOptions")
        assert.include(error.message, "activation")
      })))
  })
