/** The memory of a detector's windows is used again; nobody outside may notice. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema } from "effect"
import { type Audio, Vad } from "effect-voice"
import { diceOf } from "../support/dice.ts"

const size = 512

/** Speech and silence, of which no two stretches are the same. */
const recording = (seed: number): Int16Array => {
  const random = diceOf(seed).below
  let loud = 0
  return Int16Array.from({ length: 60_000 }, (_, i) => {
    if (i % 4000 === 0) loud = loud === 0 ? 10_000 + random(20_000) : 0
    return random(100) + loud
  })
}

/** Pieces of any length, and windows as they are. */
const cut = (samples: Int16Array, random: (most: number) => number): ReadonlyArray<Audio.Frame> => {
  const frames: Array<Audio.Frame> = []
  for (let at = 0; at < samples.length;) {
    const to = at + (random(4) === 0 ? size : 1 + random(1500))
    const piece = samples.slice(at, to)
    frames.push({ samples: piece, sampleRate: 16_000, channels: 1, at: at / 16 })
    at += piece.length
  }
  return frames
}

interface Kept {
  readonly frame: Audio.Frame
  readonly copy: Int16Array
}

const keep = (frame: Audio.Frame): Kept => ({ frame, copy: frame.samples.slice() })

const audioOf = (event: Vad.Event): ReadonlyArray<Audio.Frame> =>
  event._tag === "SpeechStarted" ? [event.padding] : event._tag === "SpeechEnded" ? [event.speech.frame] : []

describe("what a detector is given and gives", () => {
  it.effect.prop(
    "stays as it was, however the frames are cut, and whoever is interrupted",
    [Schema.Int, Schema.Boolean],
    ([seed, slow]) =>
      Effect.scoped(Effect.gen(function*() {
        const random = diceOf(seed).below
        const source = recording(seed)
        const scored: Array<Float32Array> = []
        const score = (window: Float32Array): number => {
          scored.push(window.slice())
          return Math.min(1, Math.max(...window) * 2)
        }
        const vad = Vad.make({
          name: "keeps",
          sampleRate: 16_000,
          windowSize: size,
          scorer: Effect.succeed<Vad.Scorer>(
            slow
              ? {
                score: (windows) => Effect.as(Effect.yieldNow, windows).pipe(Effect.map((all) => all.map(score))),
                reset: () => {}
              }
              : score
          )
        })
        const { end, push } = yield* vad.detector({ prefixPadding: 200, minSilence: 150 })
        const given: Array<Kept> = []
        const got: Array<Kept> = []
        const frames = cut(source, random)
        for (let i = 0; i < frames.length;) {
          const some = frames.slice(i, i += 1 + random(3))
          given.push(...some.map(keep))
          const fiber = yield* Effect.forkChild(push(some), { startImmediately: true })
          if (slow && random(6) === 0) yield* Fiber.interrupt(fiber)
          const exit = yield* Fiber.await(fiber)
          if (Exit.isSuccess(exit)) got.push(...exit.value.flatMap(audioOf).map(keep))
        }
        got.push(...(yield* end).flatMap(audioOf).map(keep))
        for (const { copy, frame } of [...given, ...got]) {
          assert.deepStrictEqual(frame.samples, copy)
          const from = (frame.at ?? 0) * 16
          assert.deepStrictEqual(frame.samples, source.slice(from, from + copy.length))
        }
        for (const { frame: { samples } } of got) assert.strictEqual(samples.buffer.byteLength, samples.byteLength)
        assert.isAbove(got.length, 0)
        // In order, and each as it stands in the recording; those of an interrupted push are missing.
        let next = 0
        for (const window of scored) {
          const at = (from: number) => window.every((value, i) => value === (source[from + i] ?? 0) / 32_768)
          while (next < source.length && !at(next)) next += size
          assert.isBelow(next, source.length, "a window that is not in the recording")
          next += size
        }
      })),
    { arbitrary: { runs: 40 } }
  )
})
