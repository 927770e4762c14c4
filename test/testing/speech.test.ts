import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Stream } from "effect"
import { Audio, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const sentence = "Hello, how are you? I'd like a table for 4 — née Müller, 你好!"

const noisy = (frame: Audio.Frame, dB: number, seed: string): Audio.Frame =>
  Effect.runSync(
    Effect.gen(function*() {
      const level = 10 ** ((Audio.dbfs(frame) - dB) / 20) * 32_768 * Math.sqrt(3)
      const samples = new Int16Array(frame.samples.length)
      for (let i = 0; i < samples.length; i++) {
        samples[i] = frame.samples[i]! + ((yield* Random.next) * 2 - 1) * level
      }
      return { ...frame, samples }
    }).pipe(Random.withSeed(seed))
  )

const at = (rate: number, frame: Audio.Frame): Audio.Frame => {
  const converter = Audio.converter({ to: { sampleRate: rate, channels: 1 } })
  return Audio.concat([...converter.push([frame]), ...converter.flush()])
}

describe("speech that can be read back", () => {
  it("gives the text, and where each word was complete", () => {
    const frame = Testing.speech("Good morning to you", { duration: 2000 })
    assert.strictEqual(Audio.durationMs(frame), 2000)
    const { text, words } = Testing.readSpeech(frame)
    assert.strictEqual(text, "Good morning to you")
    assert.strictEqual(words.at(-1)?.end, 2000)
    assert.isTrue(words.every((word, i) => word.start === (words[i - 1]?.end ?? 0) && word.end > word.start))
  })

  it("takes about 60 ms a character", () => {
    const ms = Audio.durationMs(Testing.speech("This sentence has a length."))
    assert.isTrue(ms >= 27 * 60 && ms < 27 * 60 * 1.2, `${ms} ms`)
  })

  it("survives gain, noise and every usual rate", () => {
    const frame = Testing.speech(sentence)
    for (const rate of [8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]) {
      assert.strictEqual(Testing.readSpeech(at(rate, frame)).text, sentence, `resampled to ${rate} Hz`)
      assert.strictEqual(
        Testing.readSpeech(Testing.speech(sentence, { sampleRate: rate })).text,
        sentence,
        `made at ${rate} Hz`
      )
    }
    for (const dB of [-12, -6, 6, 12]) {
      assert.strictEqual(Testing.readSpeech(Audio.gain(frame, dB)).text, sentence, `gain ${dB} dB`)
      assert.strictEqual(Testing.readSpeech(at(8000, Audio.gain(frame, dB))).text, sentence, `8 kHz, gain ${dB} dB`)
    }
    for (const dB of [20, 10]) {
      assert.strictEqual(Testing.readSpeech(noisy(frame, dB, "seed")).text, sentence, `noise ${dB} dB below`)
    }
  })

  it("reads the words that were complete, wherever the audio is cut", () => {
    const frame = Testing.speech("one two three four")
    const { words } = Testing.readSpeech(frame)
    for (let ms = 0; ms < Audio.durationMs(frame); ms += 37) {
      const whole = words.filter((word) => word.end <= ms).map((word) => word.text).join(" ")
      assert.strictEqual(Testing.readSpeech(Audio.slice(frame, 0, ms)).text, whole, `cut at ${ms}`)
    }
    const late = Testing.readSpeech(Audio.slice(frame, words[1]!.start + 7))
    assert.strictEqual(late.text, "two three four")
  })

  it("finds speech inside other audio, and none in silence or a noise", () => {
    const pause = Audio.silence(333, Audio.speech)
    const frames = [pause, Testing.speech("Hello"), pause, Testing.speech("again", { voice: 220 }), pause]
    assert.strictEqual(Testing.readSpeech(Audio.concat(frames)).text, "Hello again")
    assert.strictEqual(Testing.readSpeech(pause).text, "")
    assert.strictEqual(Testing.readSpeech(Testing.speech("", { duration: 900 })).text, "")
    assert.strictEqual(Testing.readSpeech({ ...Audio.speech, samples: new Int16Array(0) }).text, "")
  })

  it.effect("is one speech to a detector of loudness", () =>
    Effect.gen(function*() {
      const vad = yield* Vad.Vad
      const pause = Audio.silence(1000, Audio.speech)
      const audio = Audio.concat([pause, Audio.gain(Testing.speech(sentence), -12), pause])
      const events = yield* vad.detect(Stream.make(audio)).pipe(Stream.runCollect)
      assert.deepStrictEqual(events.map((event) => event._tag), ["SpeechStarted", "VoicePaused", "SpeechEnded"])
    }).pipe(Effect.provide(EnergyVad.layer())))
})
