/**
 * How late a tick of 10 ms comes, as the audio of a call would, while so many
 * streams are scored in real time: with the model on the JavaScript thread, and
 * in a worker. Each stream is pushed a frame of 20 ms at its own moment.
 */
import { Effect, Layer, Metric, Result } from "effect"
import { Audio, Vad } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { readFileSync } from "node:fs"
import { setTimeout as pause } from "node:timers/promises"

const audio = Result.getOrThrow(
  Audio.decodeWav(readFileSync(new URL("../test/fixtures/silero-test.wav", import.meta.url)))
)
const frameMs = 20
const frames = Array.from(
  { length: 500 },
  (_, i) => ({ ...audio, samples: audio.samples.slice(i * 320, (i + 1) * 320) })
)

const seconds = Number(process.argv[2] ?? 2)
const counts = [1, 100, 500, 1000]

const percentile = (sorted: ReadonlyArray<number>, share: number) =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2))

/** Pushes each frame when it is due; a stream that is behind takes all that waits. */
const talk = (
  detector: Vad.Detector,
  number: number,
  run: (effect: Effect.Effect<unknown, Vad.VadError>) => Promise<unknown>
) => {
  let waiting: Array<Audio.Frame> = []
  let next = number
  // Calls do not begin together: their windows end at different frames.
  let silent = number * 7 % 11
  let longest = 0
  let busy = false
  const drain = (): void => {
    const taken = waiting
    waiting = []
    busy = taken.length > 0
    if (busy) void run(detector.push(taken)).then(drain)
  }
  return {
    due: (): void => {
      if (silent-- > 0) return
      waiting.push(frames[next++ % frames.length]!)
      longest = Math.max(longest, waiting.length)
      if (!busy) drain()
    },
    longest: () => longest
  }
}

/** Lateness of the ticks (ms) while the streams go on, sorted. */
const listen = async (streams: ReadonlyArray<ReturnType<typeof talk>>): Promise<ReadonlyArray<number>> => {
  const begin = performance.now()
  const late: Array<number> = []
  let passed = 0
  let tick = begin + 10
  while (performance.now() - begin < seconds * 1000) {
    await pause(1)
    const now = performance.now()
    while (passed < now - begin) {
      for (let i = passed % frameMs; i < streams.length; i += frameMs) streams[i]!.due()
      passed++
    }
    const seen = performance.now()
    for (; tick <= seen; tick += 10) late.push(seen - tick)
  }
  return late.sort((a, b) => a - b)
}

const measure = (count: number) =>
  Effect.gen(function*() {
    const vad = yield* Vad.Vad
    const registry: typeof Metric.MetricRegistry.Service = new Map()
    const detectors = yield* Effect.forEach(Array.from({ length: count }), () => vad.detector()).pipe(
      Effect.provideService(Metric.MetricRegistry, registry)
    )
    const run = Effect.runPromiseWith(yield* Effect.context())
    const streams = detectors.map((detector, i) => talk(detector, i, run))
    const cpu = process.cpuUsage()
    const late = yield* Effect.promise(() => listen(streams))
    const { system, user } = process.cpuUsage(cpu)
    const metrics = yield* Effect.provideService(Metric.snapshot, Metric.MetricRegistry, registry)
    const mean = (name: string) => {
      const metric = metrics.find(({ id }) => id === name)
      return metric?.type === "Histogram" ? Number((metric.state.sum / Math.max(1, metric.state.count)).toFixed(2)) : 0
    }
    return {
      p50Ms: percentile(late, 0.5),
      p99Ms: percentile(late, 0.99),
      maxMs: percentile(late, 1),
      cpu: Number(((system + user) / 1e6 / seconds).toFixed(2)),
      meanBatch: mean("vad_batch_size"),
      meanLatenessMs: mean("vad_lateness_time"),
      mostFramesWaiting: Math.max(0, ...streams.map(({ longest }) => longest()))
    }
  }).pipe(Effect.scoped)

type Measured = Effect.Success<ReturnType<typeof measure>>

// The machine is shared: of a few rounds, in turns, the calmest counts.
const rounds = 3

const results = await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  const thread = yield* Layer.build(SileroVad.layer())
  const worker = yield* Layer.build(SileroVad.layer({ worker: true }))
  const best = new Map<string, Measured>()
  for (const count of counts) {
    for (let round = 0; round < rounds; round++) {
      for (const [name, vad] of [["thread", thread], ["worker", worker]] as const) {
        const found = yield* Effect.provide(measure(count), vad)
        const before = best.get(`${name} ${count}`)
        if (before === undefined || found.p99Ms < before.p99Ms) best.set(`${name} ${count}`, found)
      }
    }
  }
  return Object.fromEntries(best)
})))
process.stdout.write(
  `${JSON.stringify({ bench: "vad-jitter", node: process.version, seconds, ...results }, null, 2)}\n`
)
