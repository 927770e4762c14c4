/** Detectors that answer without an Effect, for they are asked with each frame of each call. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Exit, Layer, Schema } from "effect"
import { type Audio, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { promptly } from "../../src/internal/vad/detector.ts"
import { makeRetunable, type Retunable } from "../../src/internal/vad/retunable.ts"
import { diceOf } from "../support/dice.ts"

/** Loudness is probability; now and then there is none, and now and then it breaks. */
const moody = (seed: number) => {
  const random = diceOf(seed).below
  return Vad.make({
    name: "moody",
    sampleRate: 16_000,
    windowSize: 320,
    scorer: Effect.sync((): Vad.Scorer => (window) => {
      const mood = random(60)
      if (mood === 0) throw new TypeError("moody")
      return mood === 1 ? Number.NaN : Math.min(1, Math.max(...window) * 2)
    })
  })
}

type Push = (frames: ReadonlyArray<Audio.Frame>) => Effect.Effect<ReadonlyArray<Vad.Event>, Vad.VadError>

/** Talks, pauses, loses audio, gives what is no audio, tunes anew and closes, as the seed says. */
const history = (seed: number, pushOf: (detector: Retunable) => Push) =>
  Effect.scoped(Effect.gen(function*() {
    const detector = yield* makeRetunable(moody(seed), {})
    const push = pushOf(detector)
    const random = diceOf(seed).below
    const told: Array<Exit.Exit<ReadonlyArray<Vad.Event>, unknown>> = []
    let at = 0
    let level = 0
    for (let step = 0; step < 200; step++) {
      if (random(12) === 0) level = random(3) * 8000
      if (random(20) === 0) at += random(2000)
      if (random(40) === 0) (yield* detector.prepare({ minSilence: random(4) * 100 })).takeOver()
      const frames = Array.from({ length: random(4) }, (): Audio.Frame => {
        const samples = new Int16Array(random(400)).fill(level)
        const frame = { samples, sampleRate: 16_000, channels: random(50) === 0 ? 0 : 1, at }
        at += samples.length / 16
        return frame
      })
      told.push(yield* Effect.exit(random(30) === 0 ? detector.end : push(frames)))
    }
    return told
  }))

describe("a detector that answers at once", () => {
  it.effect.prop(
    "finds what it finds in an Effect, whatever fails between",
    [Schema.Int],
    ([seed]) =>
      Effect.gen(function*() {
        let prompt = 0
        const slow = yield* history(seed, ({ push }) => push)
        const fast = yield* history(seed, (detector) => (frames) => {
          const found = promptly(detector)?.(frames)
          if (found !== undefined) prompt += 1
          return found ?? detector.push(frames)
        })
        assert.deepStrictEqual(fast, slow)
        assert.isAbove(prompt, 0)
      }),
    { arbitrary: { runs: 25 } }
  )

  it.effect("is one of a plain scorer; a copy of it answers as its copied members say", () =>
    Effect.scoped(Effect.gen(function*() {
      const detector = yield* moody(1).detector()
      assert.isDefined(promptly(detector))
      assert.isUndefined(promptly({ ...detector }))
      const batched = Vad.make({
        name: "batched",
        sampleRate: 16_000,
        windowSize: 320,
        scorer: Effect.succeed({ score: (windows) => Effect.succeed(windows.map(() => 0)), reset: () => {} })
      })
      assert.isUndefined(promptly(yield* batched.detector()))
    })))

  it.effect("is heard by a session as any other, to the millisecond", () =>
    Effect.gen(function*() {
      const inEffects = Layer.effect(
        Vad.Vad,
        Vad.Vad.useSync((vad) =>
          Vad.Vad.of({
            ...vad,
            detector: (options) => Effect.map(vad.detector(options), (detector) => ({ ...detector }))
          })
        )
      ).pipe(Layer.provide(EnergyVad.layer()))
      const events = (vad: Layer.Layer<Vad.Vad, Vad.VadError>) =>
        Effect.map(
          Testing.scenario({
            user: [
              Testing.say(1000, 2500, "Hello there."),
              Testing.say(4000, 4300, "Wait."),
              Testing.say(7000, 9000, "Are you there?")
            ],
            room: { frames: 20 },
            layer: vad,
            at: [
              { at: 8000, do: (session) => session.listen(false) },
              { at: 8400, do: (session) => session.listen(true) }
            ],
            until: 20_000
          }),
          ({ events }) => events
        )
      const told = yield* events(EnergyVad.layer())
      assert.deepStrictEqual(told, yield* events(inEffects))
      assert.isAbove(told.filter(({ _tag }) => _tag === "UserStartedSpeaking").length, 2)
    }))
})
