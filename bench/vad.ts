/**
 * Microseconds for each window of voice activity detection, and each way's
 * ratio to the published Silero graph that is called once for each window, as
 * its authors show it, in the same process.
 *
 * Ours is measured from frames of 20 ms to boundaries, with all that a detector
 * does; the published graph is only called. `PEER_DIR` names a folder that has
 * `@livekit/agents-plugin-silero` installed, to measure that too.
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
import { peerWindows } from "./vad-peer.ts"

const fixture = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const audio = Result.getOrThrow(Audio.decodeWav(readFileSync(fixture("../test/fixtures/silero-test.wav"))))

const cut = (samples: number, count: number): ReadonlyArray<Audio.Frame> =>
  Array.from({ length: count }, (_, i) => ({
    ...audio,
    samples: audio.samples.slice(i * samples % 300_000, i * samples % 300_000 + samples)
  }))

const rounds = 6

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
  const silero = (worker: boolean) =>
    Effect.flatMap(
      Layer.build(SileroVad.layer({ worker })),
      (vad) =>
        Effect.forEach(
          streamCounts,
          (streams) => detectors(`silero${worker ? " worker" : ""} ${streams}`, streams, 512)
        )
          .pipe(Effect.provide(vad))
    )
  const ways = [
    yield* Effect.promise(published),
    ...(yield* silero(false)),
    ...(yield* silero(true)),
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
