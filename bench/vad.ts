/**
 * Microseconds for each window of voice activity detection, and how many times
 * cheaper each way is than the published Silero graph that is called once for
 * each window, in the same process.
 *
 * `model` is from window to probability; `detector` from frames of 20 ms to
 * boundaries, with all that a detector does. `PEER_DIR` names a folder that has
 * `@livekit/agents-plugin-silero` installed, which is measured from frames to
 * boundaries, too.
 */
import { Effect, Layer, Result } from "effect"
import { Audio, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { fork } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as ort from "onnxruntime-node"
import { quiet, type State, step } from "../src/internal/vad/boundaries.ts"
import * as silero from "../src/internal/vad/silero.ts"
import { peerWindows } from "./vad-peer.ts"

const fixture = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const audio = Result.getOrThrow(Audio.decodeWav(readFileSync(fixture("../test/fixtures/silero-test.wav"))))

const cut = (samples: number, count: number): ReadonlyArray<Audio.Frame> =>
  Array.from({ length: count }, (_, i) => ({
    ...audio,
    samples: audio.samples.slice(i * samples % 300_000, i * samples % 300_000 + samples)
  }))

const rounds = 10

interface Cost {
  readonly us: number
  readonly cpuUs: number
}

/** A way to score so many windows; the rounds of all ways alternate, for the machine is shared. */
interface Way {
  readonly name: string
  readonly windows: number
  /** Answers with the CPU time that it has used elsewhere (µs), if any. */
  readonly run: () => Promise<unknown> | void
}

const measure = async (ways: ReadonlyArray<Way>): Promise<ReadonlyMap<string, Cost>> => {
  const best = new Map<string, Cost>()
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run, windows } of ways) {
      const cpu = process.cpuUsage()
      const begin = process.hrtime.bigint()
      const elsewhere = await run()
      const us = Number(process.hrtime.bigint() - begin) / 1000 / windows
      const { system, user } = process.cpuUsage(cpu)
      const cpuUs = (system + user + (typeof elsewhere === "number" ? elsewhere : 0)) / windows
      const before = best.get(name)
      if (round === 0) continue
      best.set(name, {
        us: Math.min(us, before?.us ?? Number.POSITIVE_INFINITY),
        cpuUs: Math.min(cpuUs, before?.cpuUs ?? Number.POSITIVE_INFINITY)
      })
    }
  }
  return best
}

const boundaries = (): Way => {
  const windows = 200_000
  const thresholds = { activation: 0.5, deactivation: 0.35, minSpeech: 800, minSilence: 8000 }
  const probabilities = Float64Array.from({ length: windows }, (_, i) => 0.5 + 0.5 * Math.sin(i / 40))
  return {
    name: "boundaries",
    windows,
    run: () => {
      let state: State = quiet
      for (let i = 0; i < windows; i++) {
        state = step(thresholds, state, i * 320, i * 320 + 320, probabilities[i]!)[0]
      }
    }
  }
}

/** Streams that are pushed to at once, a frame of 20 ms at a time, as often as makes enough windows. */
const detectors = (name: string, streams: number, windowSize: number) =>
  Effect.gen(function*() {
    const count = 8 * Math.max(4, Math.ceil(200 / streams))
    const frames = cut(320, count)
    const vad = yield* Vad.Vad
    const all = yield* Effect.forEach(Array.from({ length: streams }), () => vad.detector())
    const talk = (detector: Vad.Detector) =>
      Effect.forEach(frames, (frame) => detector.push([frame]), { discard: true })
    const run = Effect.runPromiseWith(yield* Effect.context())
    const way: Way = {
      name,
      windows: streams * count * 320 / windowSize,
      run: () => run(Effect.forEach(all, talk, { concurrency: "unbounded", discard: true }))
    }
    return way
  })

const windowsOf = (count: number) => cut(512, count).map((frame) => Audio.toFloat32(frame))

/** Streams that ask the shared model for a window at once, and then for the next. */
const scorers = (streams: number, worker: boolean) =>
  Effect.gen(function*() {
    const windows = windowsOf(Math.max(16, Math.ceil(300 / streams)))
    const { scorer } = yield* silero.model({ path: silero.bundled, sampleRate: 16_000, worker })
    const all = yield* Effect.forEach(Array.from({ length: streams }), () => scorer)
    const talk = (stream: Effect.Success<typeof scorer>) =>
      Effect.forEach(windows, (window) => stream.score([window]), { discard: true })
    const way: Way = {
      name: `model${worker ? " worker" : ""} ${streams}`,
      windows: streams * windows.length,
      run: () => Effect.runPromise(Effect.forEach(all, talk, { concurrency: "unbounded", discard: true }))
    }
    return way
  })

const published = async (): Promise<Way> => {
  const session = await ort.InferenceSession.create(fixture("../models/silero_vad.onnx"), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1
  })
  const windows = windowsOf(400)
  return {
    name: "published",
    windows: windows.length,
    run: async () => {
      const input = new Float32Array(576)
      const sr = new ort.Tensor("int64", [16_000n], [])
      let state = new ort.Tensor("float32", new Float32Array(256), [2, 1, 128])
      for (const window of windows) {
        input.set(window, 64)
        const { stateN } = await session.run({ input: new ort.Tensor("float32", input, [1, 576]), state, sr })
        state = stateN as typeof state
        input.set(window.subarray(448))
      }
    }
  }
}

/** In a process of its own: its onnxruntime-node may be another, and one process takes only one. */
const peer = (folder: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = fork(fixture("vad-peer.ts"), [folder])
      const next = async (): Promise<unknown> => (await once(child, "message"))[0]
      await next()
      return { child, next }
    }),
    ({ child }) => Effect.sync(() => child.disconnect())
  ).pipe(Effect.map(({ child, next }) =>
    [1, 32].map((streams): Way => ({
      name: `peer ${streams}`,
      windows: streams * peerWindows,
      run: async () => {
        child.send(streams)
        return Number(await next())
      }
    }))
  ))

const streamCounts = [1, 8, 32, 64, 256]
const { PEER_DIR } = process.env

const results = await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  const vad = yield* Layer.build(SileroVad.layer())
  const ways = [
    yield* Effect.promise(published),
    ...(yield* Effect.forEach(streamCounts, (streams) => scorers(streams, false))),
    ...(yield* Effect.forEach(streamCounts, (streams) => scorers(streams, true))),
    ...(yield* Effect.provide(
      Effect.forEach(streamCounts, (streams) => detectors(`detector ${streams}`, streams, 512)),
      vad
    )),
    yield* Effect.provide(detectors("energy", 1, 320), EnergyVad.layer()),
    boundaries(),
    ...(PEER_DIR === undefined
      ? []
      : yield* peer(PEER_DIR))
  ]
  return yield* Effect.promise(() => measure(ways))
})))

const { cpuUs, us } = results.get("published")!
const rounded = (value: number) => Number(value.toFixed(value < 1 ? 3 : 1))
const entries = [...results].map(([name, cost]) => [
  name,
  {
    usPerWindow: rounded(cost.us),
    cpuUsPerWindow: rounded(cost.cpuUs),
    timesCheaper: rounded(us / cost.us),
    timesLessCpu: rounded(cpuUs / cost.cpuUs)
  }
])
process.stdout.write(
  `${JSON.stringify({ bench: "vad", node: process.version, ...Object.fromEntries(entries) }, null, 2)}\n`
)
process.exit(0)
