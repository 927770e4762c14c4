/**
 * RNNoise as a processor: it takes noise out of speech, 10 ms at a time, at 48 kHz.
 * What comes out is 10 ms late, and as long as what went in.
 *
 * `npm install @echogarden/rnnoise-wasm`, which has the network's weights with it (BSD-3-Clause).
 */
import { Effect } from "effect"
import { Audio, Failure, Processor } from "effect-voice"

/** What is used of the package, which has no types. */
interface Native {
  readonly HEAPF32: Float32Array
  readonly _malloc: (bytes: number) => number
  readonly _free: (pointer: number) => void
  readonly _rnnoise_create: (model: 0) => number
  readonly _rnnoise_destroy: (state: number) => void
  readonly _rnnoise_process_frame: (state: number, out: number, input: number) => number
}

const wide = { sampleRate: 48_000, channels: 1 }
const size = 480

const load = Effect.tryPromise({
  try: async (): Promise<Native> => {
    const { default: start }: { default: () => Promise<Native> } = await import("@echogarden/rnnoise-wasm" as string)
    return start()
  },
  catch: () => new Failure.InvalidRequest({ detail: "a package is not there: npm install @echogarden/rnnoise-wasm" })
})

/** Its memory is given back with the conversation. */
const open = Effect.gen(function*() {
  const native = yield* load
  const [state, buffer] = yield* Effect.acquireRelease(
    Effect.sync(() => [native._rnnoise_create(0), native._malloc(size * 4)] as const),
    ([state, buffer]) =>
      Effect.sync(() => {
        native._rnnoise_destroy(state)
        native._free(buffer)
      })
  )
  const up = Audio.converter({ to: wide })
  const down = Audio.converter({ from: wide, to: Audio.speech })
  let waiting = new Int16Array(0)

  const clean = (samples: Int16Array): Int16Array<ArrayBuffer> => {
    const at = buffer / 4
    native.HEAPF32.set(samples, at)
    native._rnnoise_process_frame(state, buffer, buffer)
    return Int16Array.from(
      native.HEAPF32.subarray(at, at + size),
      (sample) => Math.max(-32_768, Math.min(32_767, sample))
    )
  }
  return (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Audio.Frame> => {
    const { samples } = Audio.concat([{ ...wide, samples: waiting }, ...up.push(frames)])
    const whole = Math.floor(samples.length / size)
    waiting = samples.slice(whole * size)
    const cleaned = Array.from(
      { length: whole },
      (_, i) => ({ ...wide, samples: clean(samples.subarray(i * size, (i + 1) * size)) })
    )
    return down.push(cleaned)
  }
})

export const rnnoise = Processor.make({ name: "rnnoise", open })
