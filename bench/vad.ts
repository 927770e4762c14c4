/**
 * Microseconds for each window of voice activity detection, and each way's
 * ratio to the published Silero graph run naively in the same process.
 */
import { Effect, Result } from "effect"
import { Audio, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as ort from "onnxruntime-node"
import { quiet, type State, step } from "../src/internal/vad/boundaries.ts"

const fixture = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const audio = Result.getOrThrow(Audio.decodeWav(readFileSync(fixture("../test/fixtures/silero-test.wav"))))

const framesOf = (samples: number): ReadonlyArray<Audio.Frame> =>
  Array.from({ length: Math.floor(audio.samples.length / samples) }, (_, i) => ({
    ...audio,
    samples: audio.samples.slice(i * samples, (i + 1) * samples)
  }))

const rounds = 7

/** The fastest round: the machine is shared. */
const microseconds = async (windows: number, run: () => Promise<unknown> | void): Promise<number> => {
  await run()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const begin = process.hrtime.bigint()
    await run()
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / 1000)
  }
  return best / windows
}

const boundaries = () => {
  const count = 200_000
  const thresholds = { activation: 0.5, deactivation: 0.35, minSpeech: 800, minSilence: 8000 }
  const probabilities = Float64Array.from({ length: count }, (_, i) => 0.5 + 0.5 * Math.sin(i / 40))
  return microseconds(count, () => {
    let state: State = quiet
    for (let i = 0; i < count; i++) {
      state = step(thresholds, state, i * 320, i * 320 + 320, probabilities[i]!)[0]
    }
  })
}

/** One stream, pushed a frame of 20 ms at a time. */
const detector = (vad: Vad.Vad["Service"], windowSize: number) =>
  Effect.scoped(Effect.gen(function*() {
    const frames = framesOf(320)
    const { end, push } = yield* vad.detector()
    const all = Effect.andThen(Effect.forEach(frames, (frame) => push([frame]), { discard: true }), end)
    const run = Effect.runPromiseWith(yield* Effect.context())
    return yield* Effect.promise(() => microseconds(audio.samples.length / windowSize, () => run(all)))
  }))

const published = async () => {
  const session = await ort.InferenceSession.create(fixture("../models/silero_vad.onnx"), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1
  })
  const windows = framesOf(512).map((frame) => Audio.toFloat32(frame))
  const result = await microseconds(windows.length, async () => {
    let state = new ort.Tensor("float32", new Float32Array(256), [2, 1, 128])
    let context = new Float32Array(64)
    for (const window of windows) {
      const input = Float32Array.from([...context, ...window])
      const sr = new ort.Tensor("int64", [16_000n], [])
      const { stateN } = await session.run({ input: new ort.Tensor("float32", input, [1, 576]), state, sr })
      state = stateN as typeof state
      context = window.slice(448)
    }
  })
  await session.release()
  return result
}

const naive = await published()
const results = {
  boundaries: await boundaries(),
  energy: await Effect.runPromise(
    Effect.provide(Vad.Vad.use((vad) => detector(vad, 320)), EnergyVad.layer())
  ),
  silero: await Effect.runPromise(
    Effect.provide(Vad.Vad.use((vad) => detector(vad, 512)), SileroVad.layer())
  ),
  published: naive
}

const entries = Object.entries(results).map(([name, value]) => [
  name,
  { usPerWindow: Number(value.toFixed(3)), ratioToPublished: Number((value / naive).toFixed(4)) }
])
process.stdout.write(
  `${JSON.stringify({ bench: "vad", node: process.version, ...Object.fromEntries(entries) }, null, 2)}\n`
)
