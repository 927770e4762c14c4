import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Tts, Vad } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { Loudness } from "../../src/internal/vad/loudness.ts"
import { recording } from "../fixtures/speech.ts"

const hissing = (ms: number, peak: number, seed: number): Int16Array => {
  let state = seed
  return Int16Array.from({ length: ms * 16 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.round((state / 2_147_483_648 - 1) * peak)
  })
}

const tone = (ms: number, peak: number): Int16Array =>
  Int16Array.from({ length: ms * 16 }, (_, i) => Math.round(peak * Math.sin(i / 7)))

/** Speech in a quiet room, from half a second before it to two after it; the speech's own silences are the room's, too. */
const inRoom = (speech: Int16Array, peak: number): Audio.Frame => {
  const samples = hissing(speech.length / 16 + 2500, peak, 5)
  speech.forEach((sample, i) => {
    samples[8000 + i] = samples[8000 + i]! + sample
  })
  return { ...Audio.speech, samples }
}

const ends = (audio: Audio.Frame) =>
  Effect.scoped(Effect.gen(function*() {
    const { push } = yield* (yield* Vad.Vad).detector()
    const events = yield* push([audio])
    const last = events.findLast(({ _tag }) => _tag === "SpeechEnded")
    assert.strictEqual(last?._tag, "SpeechEnded")
    if (last?._tag !== "SpeechEnded") return { at: 0, silentFrom: 0 }
    return { at: last.at, silentFrom: last.silentFrom ?? last.at }
  }))

describe("where sound ends", () => {
  const after = (...parts: ReadonlyArray<Int16Array>) => {
    const loudness = new Loudness(16_000)
    for (const part of parts) loudness.push(part)
    return loudness
  }
  const ms = (position: number) => position / 16

  it("is found before a boundary that comes late", () => {
    const loudness = after(hissing(500, 30, 1), tone(1000, 9000), hissing(200, 30, 2))
    assert.approximately(ms(loudness.soundEnd(1650 * 16, 0)), 1500, 8)
  })

  it("is found behind the loudest sound that there can be", () => {
    const loudness = after(hissing(500, 30, 1), new Int16Array(16_000).fill(-32_768), hissing(200, 30, 2))
    assert.approximately(ms(loudness.soundEnd(1650 * 16, 0)), 1500, 8)
  })

  it("is the boundary, where that lies in sound, too far behind it, or where nothing is known", () => {
    const loudness = after(hissing(500, 30, 1), tone(1000, 9000), hissing(900, 30, 2))
    assert.strictEqual(ms(loudness.soundEnd(1400 * 16, 0)), 1400)
    assert.strictEqual(ms(loudness.soundEnd(2200 * 16, 0)), 2200)
    assert.strictEqual(ms(loudness.soundEnd(1650 * 16, 1600 * 16)), 1650)
    assert.strictEqual(ms(new Loudness(16_000).soundEnd(1650 * 16, 0)), 1650)
  })

  it("is not before a consonant that is thirty decibels softer than the vowels", () => {
    const loudness = after(hissing(500, 30, 1), tone(600, 9000), hissing(120, 500, 3), hissing(200, 30, 2))
    assert.approximately(ms(loudness.soundEnd(1360 * 16, 0)), 1220, 8)
  })

  it("is not found in a noise that hides it", () => {
    const loudness = after(hissing(1500, 9000, 1), hissing(200, 9000, 2))
    assert.strictEqual(ms(loudness.soundEnd(1600 * 16, 0)), 1600)
  })

  it("is counted in the stream's own time after a gap", () => {
    const loudness = after(hissing(500, 30, 1), tone(300, 9000))
    loudness.begin(5000 * 16)
    loudness.push(tone(400, 9000))
    loudness.push(hissing(200, 30, 2))
    assert.approximately(ms(loudness.soundEnd(5500 * 16, 0)), 5400, 8)
  })
})

describe("a speech's end", () => {
  const words = ["Yes.", "It is six.", "That is enough stuff.", "At the airport.", "I will be back.", "What is next?"]

  it.effect("is told as the last sound, and never before a soft consonant", () =>
    Effect.gen(function*() {
      const tts = yield* Tts.Tts
      const gains: Array<number> = []
      for (const text of words) {
        const spoken = yield* Stream.runCollect(tts.speak(Stream.make(text)))
        const converter = Audio.converter({ to: Audio.speech })
        const { samples } = Audio.concat([...converter.push(spoken.map(({ frame }) => frame)), ...converter.flush()])
        // Of the synthesiser alone: no noise lies under it. What is 38 dB softer than its vowels dies away.
        const end = 500 + samples.findLastIndex((sample) => Math.abs(sample) > 150) / 16
        const { at, silentFrom } = yield* ends(inRoom(samples, 20))
        assert.isAtLeast(silentFrom, end - 40, text)
        assert.isAtMost(silentFrom, Math.max(at, end + 40), text)
        gains.push(at - silentFrom)
      }
      // Silero alone is late by more than that.
      assert.isAbove(gains.reduce((sum, gain) => sum + gain, 0) / gains.length, 30, gains.join(" "))
    }).pipe(Effect.provide(Layer.merge(FliteTts.layer(), SileroVad.layer()))))

  it.effect("is found in real speech", () =>
    Effect.gen(function*() {
      for (const [name, from, to] of [["hello_world.wav", 980, 1020], ["weather_question.wav", 1790, 1830]] as const) {
        const converter = Audio.converter({ to: Audio.speech })
        const speech = [...converter.push([recording(name)]), ...converter.flush()]
        const { at, silentFrom } = yield* ends(Audio.concat([...speech, Audio.silence(1000, Audio.speech)]))
        assert.isAbove(at, to, name)
        assert.isAtLeast(silentFrom, from, name)
        assert.isAtMost(silentFrom, to, name)
      }
    }).pipe(Effect.provide(SileroVad.layer())))
})
