/**
 * What Smart Turn costs, and how late a tick of 10 ms comes, as the audio of a call
 * would, while many calls are listened to in real time and pause at random, ten times
 * a minute each. Silero finds their voice on the same JavaScript thread.
 *
 * - `alone`, `eight`: one pause judged by itself, and eight at once (ms for each)
 * - `callsACore`: ten pauses a minute, each judged once, on one core
 * - `calls`: by their number, lateness of the tick, for how long the loop is held (`held`:
 *   the thread's CPU between two of its looks at the clock, ms, which no other program
 *   makes longer), pauses of the garbage collector, time from a question to its answer
 *   (ms), and how many questions were given up; each number also without a question
 *   (`asked: false`), which is what 100 ears and the collector cost alone
 *
 * Arguments: numbers of calls (1,100); seconds (10). Prints JSON.
 */
import { Effect, Layer, Result } from "effect"
import { readFileSync } from "node:fs"
import { PerformanceObserver } from "node:perf_hooks"
import { setTimeout as sleep } from "node:timers/promises"
import { Audio, History, TurnDetector, Vad } from "../src/index.ts"
import * as SileroVad from "../src/Layers/SileroVad.ts"
import * as SmartTurnDetector from "../src/Layers/SmartTurnDetector.ts"

const counts = (process.argv[2] ?? "1,100").split(",").map(Number)
const seconds = Number(process.argv[3] ?? 10)

/** Seconds at first that do not count: what a call holds is made when it begins, and collected soon after. */
const warmUp = 2

const frameMs = 20
const pausesAMinute = 10

const audio = Result.getOrThrow(
  Audio.decodeWav(readFileSync(new URL("../test/fixtures/silero-test.wav", import.meta.url)))
)
const frames = Array.from(
  { length: Math.floor(Audio.durationMs(audio) / frameMs) },
  (_, i) => Audio.slice(audio, i * frameMs, (i + 1) * frameMs)
)

let state = 1
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 4_294_967_296
}

const quantile = (values: ReadonlyArray<number>, share: number): number | null => {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return value === undefined ? null : Number(value.toFixed(1))
}

const pause: TurnDetector.Pause = { text: "", history: History.empty, silence: 200, length: 8000 }

const open = Effect.flatMap(TurnDetector.TurnDetector, (detector) => detector!.open)

const cost = Effect.scoped(Effect.gen(function*() {
  const detectors = yield* Effect.forEach(Array.from({ length: 8 }), () => open)
  for (const { push } of detectors) push?.(frames)
  const asks = detectors.map(({ ask }) => ask(pause))
  yield* Effect.ignore(asks[0]!)
  const alone: Array<number> = []
  const eight: Array<number> = []
  for (let round = 0; round < 5; round++) {
    const begun = performance.now()
    yield* Effect.ignore(asks[0]!)
    const middle = performance.now()
    yield* Effect.ignore(Effect.all(asks, { concurrency: "unbounded" }))
    alone.push(middle - begun)
    eight.push((performance.now() - middle) / 8)
  }
  const best = Math.min(...alone)
  return {
    alone: { p50: quantile(alone, 0.5), best: Number(best.toFixed(1)) },
    eight: { p50: quantile(eight, 0.5), best: Number(Math.min(...eight).toFixed(1)) },
    callsACore: Math.floor(60_000 / (pausesAMinute * best))
  }
}))

const listen = (count: number, asked: boolean) =>
  Effect.scoped(Effect.gen(function*() {
    const vad = yield* Vad.Vad
    const calls = yield* Effect.forEach(
      Array.from({ length: count }),
      () => Effect.all({ ears: vad.detector(), judge: open })
    )
    const run = Effect.runPromiseWith(yield* Effect.context<never>())
    /** One push at a time: what comes meanwhile waits. */
    const waiting = calls.map((): Array<Audio.Frame> => [])
    const busy = calls.map(() => false)
    const hear = (i: number): void => {
      const taken = waiting[i]!
      waiting[i] = []
      busy[i] = taken.length > 0
      if (busy[i]) void run(calls[i]!.ears.push(taken)).then(() => hear(i))
    }
    const late: Array<number> = []
    const held: Array<number> = []
    const collected: Array<number> = []
    const answers: Array<number> = []
    let shed = 0
    const judge = (call: typeof calls[number]): void => {
      const since = performance.now()
      run(call.judge.ask(pause)).then(() => answers.push(performance.now() - since), () => shed++)
    }
    const begin = performance.now()
    const counted = (): boolean => performance.now() - begin >= warmUp * 1000
    let cpu = process.cpuUsage()
    const collector = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) if (counted()) collected.push(duration)
    })
    collector.observe({ entryTypes: ["gc"] })
    yield* Effect.promise(async () => {
      let passed = 0
      let tick = begin + 10
      let used = process.threadCpuUsage()
      while (performance.now() - begin < (warmUp + seconds) * 1000) {
        await sleep(1)
        const { system, user } = process.threadCpuUsage(used)
        used = process.threadCpuUsage()
        if (counted()) held.push((user + system) / 1000)
        else cpu = process.cpuUsage()
        const now = performance.now()
        // Each call has its own moment in the frame.
        for (; passed < now - begin; passed++) {
          for (let i = passed % frameMs; i < calls.length; i += frameMs) {
            const frame = frames[(Math.floor(passed / frameMs) + i * 31) % frames.length]!
            const call = calls[i]!
            call.judge.push?.([frame])
            waiting[i]!.push(frame)
            if (busy[i] !== true) hear(i)
            if (asked && random() < pausesAMinute * frameMs / 60_000) judge(call)
          }
        }
        const seen = performance.now()
        for (; tick <= seen; tick += 10) if (counted()) late.push(seen - tick)
      }
    })
    const { system, user } = process.cpuUsage(cpu)
    collector.disconnect()
    return {
      calls: count,
      asked,
      tick: { p50: quantile(late, 0.5), p99: quantile(late, 0.99), most: quantile(late, 1) },
      held: { p50: quantile(held, 0.5), p99: quantile(held, 0.99), most: quantile(held, 1) },
      collections: { count: collected.length, p99: quantile(collected, 0.99), most: quantile(collected, 1) },
      answer: { p50: quantile(answers, 0.5), p99: quantile(answers, 0.99) },
      answered: answers.length,
      shed,
      cores: Number(((system + user) / 1e6 / seconds).toFixed(2))
    }
  }))

const runs = counts.flatMap((count) => [{ count, asked: false }, { count, asked: true }])

const results = await Effect.runPromise(
  Effect.gen(function*() {
    const costs = yield* cost
    return { ...costs, calls: yield* Effect.forEach(runs, ({ asked, count }) => listen(count, asked)) }
  }).pipe(Effect.provide(Layer.merge(SileroVad.layer(), SmartTurnDetector.layer())))
)
process.stdout.write(
  `${JSON.stringify({ bench: "turn-jitter", node: process.version, seconds, ...results }, null, 2)}\n`
)
