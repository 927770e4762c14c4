import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Audio, type Pipeline, Processor } from "effect-voice"

// One of your own: `open` is run once a conversation, and the step it gives takes frames, synchronously.
export const limiter = Processor.make({
  name: "limiter",
  open: Effect.succeed((frames) =>
    frames.map((frame) => ({
      ...frame,
      samples: frame.samples.map((sample) => Math.max(-8000, Math.min(8000, sample)))
    }))
  )
})

// Before the detector and the recogniser, in this order. One that fails is left out from then on.
export const options: Pipeline.Options = {
  processors: [Processor.gain(6), Processor.gate({ thresholdDbfs: -45 }), limiter]
}

it.effect("makes it louder, silences what is soft, and caps what is loud", () =>
  Effect.gen(function*() {
    const tone = (peak: number): Audio.Frame => ({ ...Audio.speech, samples: new Int16Array(320).fill(peak) })
    const frames = yield* Stream.make(tone(20), tone(1000), tone(20_000)).pipe(
      Processor.process(options.processors!),
      Stream.runCollect
    )
    assert.deepStrictEqual(frames.map(({ samples }) => samples.at(-1)), [0, 1995, 8000])
  }))
