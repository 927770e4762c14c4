import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Tts, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { speakable } from "../src/internal/flite.ts"
import * as native from "../src/internal/native.ts"
import { contract } from "./contract/tts.ts"

const say = (text: ReadonlyArray<string>, options?: Tts.Options) =>
  Stream.fromIterable(text).pipe(Tts.speak(options), Stream.runCollect)

const length = (chunks: ReadonlyArray<Tts.Chunk>) => chunks.reduce((sum, { frame }) => sum + frame.samples.length, 0)

describe("FliteTts", () => {
  layer(FliteTts.layer())("speaks", (it) => {
    it.effect("text as mono audio at 16 kHz, one chunk a piece, aligned", () =>
      Effect.gen(function*() {
        const chunks = yield* say(["Hello, how are you today? ", "I can help."])
        assert.strictEqual(chunks.length, 2)
        for (const { frame } of chunks) {
          assert.strictEqual(frame.sampleRate, 16_000)
          assert.strictEqual(frame.channels, 1)
          assert.isAbove(Audio.durationMs(frame), 500)
          assert.isBelow(Audio.durationMs(frame), 4000)
          assert.isAbove(Audio.dbfs(frame), -35)
        }
        assert.strictEqual(
          chunks.flatMap(({ alignment = [] }) => alignment.map(({ text }) => text)).join(""),
          "Hello, how are you today? I can help."
        )
        assert.deepStrictEqual(yield* say(["Hello, how are you today? ", "I can help."]), chunks)
      }))

    it.effect("with what a voice detector hears as voice", () =>
      Effect.gen(function*() {
        const [chunk] = yield* say(["My name is Ada, and I answer the phone."])
        for (const vad of [SileroVad.layer(), EnergyVad.layer()]) {
          const events = yield* Stream.make(chunk!.frame, Audio.silence("1 second", Audio.speech)).pipe(
            Vad.detect(),
            Stream.runCollect,
            Effect.provide(vad)
          )
          assert.deepStrictEqual(events.map(({ _tag }) => _tag).filter((tag) => tag.startsWith("Speech")), [
            "SpeechStarted",
            "SpeechEnded"
          ])
        }
      }))

    it.effect("in every voice that it lists, each with its own sound", () =>
      Effect.gen(function*() {
        const { voices } = yield* Tts.Tts
        assert.deepStrictEqual(voices, ["slt", "rms", "awb", "kal16"])
        const heard = yield* Effect.forEach(voices, (voice) => say(["Hello there."], { voice }))
        assert.strictEqual(new Set(heard.map((chunks) => chunks[0]!.frame.samples.join())).size, voices.length)
        for (const chunks of heard) assert.isAbove(length(chunks), 8000)
      }))

    it.effect("nothing where there is nothing to say", () =>
      Effect.gen(function*() {
        assert.strictEqual(length(yield* say(["", "  ", "...", "?!", "—", "😀"])), 0)
      }))

    it.effect("text that looks like an option", () =>
      Effect.gen(function*() {
        for (const text of ["-h", "--version", "-voice kal", "-o /tmp/x"]) {
          assert.isAbove(length(yield* say([text])), 3000)
        }
      }))

    it.effect("letters that English lacks, without quoting them", () =>
      Effect.gen(function*() {
        const plain = yield* say(["Cafe \"Uber\", it's"])
        const accented = yield* say(["Café “Über”, it’s"])
        assert.deepStrictEqual(accented.map(({ frame }) => frame), plain.map(({ frame }) => frame))
      }))

    it.effect("fails with the name of a voice that it lacks", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(say(["Hello."], { voice: "alloy" }))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.isFalse(error.isRetryable)
        assert.include(error.message, "alloy")
        assert.include(error.message, "slt, rms, awb, kal16")
      }))

    it.effect("keeps the event loop free and counts as pending while it works", () =>
      Effect.gen(function*() {
        assert.strictEqual(native.pending(), 0)
        const text = "This is a long sentence, which takes a while to say, and so it takes a while to make. "
        const fiber = yield* Effect.forkChild(say([text.repeat(5)]), { startImmediately: true })
        let turns = 0
        while (fiber.pollUnsafe() === undefined) {
          if (turns === 3) assert.strictEqual(native.pending(), 1)
          turns++
          yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
        }
        assert.isAbove(turns, 100)
        assert.strictEqual(native.pending(), 0)
      }))

    it.effect("goes on after an interruption", () =>
      Effect.gen(function*() {
        const expected = yield* say(["One."])
        for (let i = 0; i < 5; i++) {
          const fiber = yield* Effect.forkChild(say(["A sentence that is never heard."]), { startImmediately: true })
          yield* Effect.yieldNow
          fiber.interruptUnsafe()
        }
        assert.deepStrictEqual(yield* say(["One."]), expected)
        assert.strictEqual(native.pending(), 0)
      }))
  })

  it.effect("speaks at the speed of the layer", () =>
    Effect.gen(function*() {
      const at = (speed: number) =>
        Effect.map(Effect.provide(say(["The weather in Paris is fine."]), FliteTts.layer({ speed })), length)
      const [slow, normal, fast] = [yield* at(0.5), yield* at(1), yield* at(2)]
      assert.approximately(slow / normal, 2, 0.2)
      assert.approximately(normal / fast, 2, 0.2)
    }))

  it.effect("speaks in the voice of the layer", () =>
    Effect.gen(function*() {
      const speech = yield* Effect.provide(say(["Hello."]), FliteTts.layer({ voice: "kal16" }))
      const named = yield* Effect.provide(say(["Hello."], { voice: "kal16" }), FliteTts.layer())
      assert.deepStrictEqual(speech, named)
    }))

  it.effect("fails where an option of the layer is out of its range", () =>
    Effect.gen(function*() {
      const voice: FliteTts.Voice = JSON.parse("\"nobody\"")
      const cases: ReadonlyArray<readonly [string, FliteTts.Options]> = [
        ["nobody", { voice }],
        ["speed", { speed: 0 }],
        ["speed", { speed: Number.NaN }]
      ]
      for (const [word, options] of cases) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(FliteTts.layer(options))))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, word)
      }
    }))

  it("says only what flite can", () => {
    assert.strictEqual(speakable("It’s “fine” — 5€…"), "It's \"fine\", 5 ...")
    assert.strictEqual(speakable("naïve\u0000text\nhere"), "naive text here")
    assert.strictEqual(speakable("¡¿?!"), undefined)
  })

  contract("FliteTts", FliteTts.layer(), { live: true })
})
