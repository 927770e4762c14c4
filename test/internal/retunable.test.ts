import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Audio, Vad } from "effect-voice"
import { makeRetunable, type Retunable } from "../../src/internal/vad/retunable.ts"

const rate = 16_000
const windowMs = 32

/** Counts who is open; loudness is probability. */
const counted = () => {
  const open = { now: 0, ever: 0 }
  const vad = Vad.make({
    name: "loudness",
    sampleRate: rate,
    windowSize: rate * windowMs / 1000,
    scorer: Effect.acquireRelease(
      Effect.sync((): Vad.Scorer => {
        open.now += 1
        open.ever += 1
        return (window) => Math.min(1, Math.max(...window) * 2)
      }),
      () => Effect.sync(() => void (open.now -= 1))
    )
  })
  return { open, vad }
}

/** Frames of 20 ms, as loud as is said (0–1) from each moment (ms) on. */
const sound = (to: number, loud: ReadonlyArray<readonly [from: number, level: number]>): ReadonlyArray<Audio.Frame> =>
  Array.from({ length: to / 20 }, (_, i) => ({
    ...Audio.speech,
    at: i * 20,
    samples: new Int16Array(320).fill(16_384 * (loud.findLast(([from]) => from <= i * 20)?.[1] ?? 0))
  }))

const heard = (
  detector: Retunable,
  frames: ReadonlyArray<Audio.Frame>,
  at: ReadonlyArray<readonly [number, Effect.Effect<unknown, Vad.VadError>]> = []
) =>
  Effect.gen(function*() {
    const events: Array<Vad.Event> = []
    for (const frame of frames) {
      for (const [when, run] of at) if (when === frame.at) yield* run
      events.push(...yield* detector.push([frame]))
    }
    events.push(...yield* detector.end)
    return events
  })

const tags = (events: ReadonlyArray<Vad.Event>) =>
  events.flatMap((event) =>
    event._tag === "SpeechStarted" || event._tag === "SpeechEnded" ? [`${event._tag} ${Math.round(event.at / 32)}`] : []
  )

const change = (detector: Retunable, options: Vad.Options) =>
  Effect.map(detector.prepare(options), ({ takeOver }) => takeOver())

describe("a detector that is tuned anew", () => {
  it.effect("hears with its other options from the next moment without speech on", () =>
    Effect.gen(function*() {
      const { open, vad } = counted()
      const detector = yield* makeRetunable(vad, {})
      // Speech at 0.8, then the same half as loud: too faint for the first, not for the second.
      const frames = sound(8000, [[1000, 0.8], [3000, 0], [5000, 0.4], [6000, 0]])
      const events = yield* heard(detector, frames, [[1500, change(detector, { activation: 0.3 })]])
      assert.deepStrictEqual(tags(events), [
        "SpeechStarted 31",
        "SpeechEnded 94",
        "SpeechStarted 156",
        "SpeechEnded 188"
      ])
      assert.deepStrictEqual(open, { now: 1, ever: 2 })
    }).pipe(Effect.scoped))

  it.effect("loses no speech that begins while it changes, nor its padding", () =>
    Effect.gen(function*() {
      for (let at = 3000; at <= 5000; at += 20) {
        const detector = yield* makeRetunable(counted().vad, {})
        const frames = sound(7000, [[1000, 0.8], [2500, 0], [4000, 0.8], [5500, 0]])
        const events = yield* heard(detector, frames, [[at, change(detector, { minSilence: 400 })]])
        assert.strictEqual(events.filter(({ _tag }) => _tag === "SpeechStarted").length, 2, `${at}`)
        const second = events.findLast((event) => event._tag === "SpeechStarted")
        assert.closeTo(second?.at ?? 0, 4000, windowMs, `${at}`)
        const padding = second?._tag === "SpeechStarted" ? Audio.durationMs(second.padding) : 0
        assert.isAtLeast(padding, 500, `${at}`)
      }
    }).pipe(Effect.scoped))

  it.effect("hears nothing twice of what ended just before", () =>
    Effect.gen(function*() {
      const detector = yield* makeRetunable(counted().vad, { minSilence: 100 })
      const frames = sound(4000, [[1000, 0.8], [2000, 0]])
      const events = yield* heard(detector, frames, [[1700, change(detector, { minSilence: 900 })]])
      assert.deepStrictEqual(tags(events), ["SpeechStarted 31", "SpeechEnded 63"])
    }).pipe(Effect.scoped))

  it.effect("keeps the detector where the options are the same, or wrong, or not used after all", () =>
    Effect.gen(function*() {
      const { open, vad } = counted()
      const detector = yield* makeRetunable(vad, { minSilence: 400 })
      const same = yield* detector.prepare({ minSilence: 400 })
      same.takeOver()
      yield* same.discard
      const { discard } = yield* detector.prepare({ minSilence: 100 })
      yield* discard
      const error = yield* Effect.flip(detector.prepare({ activation: 7 }))
      assert.strictEqual(error.reason._tag, "InvalidOptions")
      yield* heard(detector, sound(2000, [[500, 0.8]]))
      assert.deepStrictEqual(open, { now: 1, ever: 3 })
    }).pipe(Effect.scoped))
})
