/** How much of its capacity this process uses. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { readdirSync, readFileSync } from "node:fs"
import { availableParallelism, totalmem } from "node:os"
import { monitorEventLoopDelay } from "node:perf_hooks"
import process from "node:process"
import { getHeapStatistics } from "node:v8"
import { monotonic } from "../steady.ts"
import type { Usage } from "./loadFacts.ts"

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch {
    return undefined
  }
}

/** Cores that the process may use: a container's quota counts. */
export const cores = (): number => {
  const machine = availableParallelism()
  const [quota, period] = (read("/sys/fs/cgroup/cpu.max") ?? "").split(" ").map(Number)
  const share = quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : machine
  return Math.min(machine, share)
}

/** Memory that the process may use, in bytes: a container's limit counts. */
export const memory = (): number => {
  const machine = totalmem()
  const limit = process.constrainedMemory()
  return limit > 0 && limit < machine ? limit : machine
}

/** Files that the process may have open at once, where the system tells. */
const mostFiles = (): number =>
  Number(/^Max open files\s+(\d+)/m.exec(read("/proc/self/limits") ?? "")?.[1] ?? Infinity)

const openFiles = (): number => {
  try {
    return readdirSync("/proc/self/fd").length
  } catch {
    return 0
  }
}

const heapShare = (): number => {
  const { heap_size_limit: most, used_heap_size: used } = getHeapStatistics()
  return used / most
}

const sampleMs = 500
const kept = 5

/** Samples this process twice a second for as long as the scope is open. */
export const makeProbe: Effect.Effect<() => Usage, never, Scope.Scope> = Effect.gen(function*() {
  // The kernel's timer is part of what is measured: a delay of this long is none.
  const resolution = 10
  const histogram = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable())
  )
  const samples: Array<{ readonly cpu: number; readonly delay: number }> = []
  const files = mostFiles()
  let filesShare = openFiles() / files
  let last = { cpu: process.cpuUsage(), at: yield* monotonic }
  const sample = Effect.gen(function*() {
    const at = yield* monotonic
    const used = process.cpuUsage(last.cpu)
    const elapsed = Math.max(1, at - last.at)
    const p99 = histogram.percentile(99) / 1e6
    samples.push({
      cpu: (used.user + used.system) / 1000 / elapsed,
      delay: Number.isFinite(p99) ? Math.max(0, p99 - resolution) : 0
    })
    if (samples.length > kept) samples.shift()
    last = { cpu: process.cpuUsage(), at }
    filesShare = openFiles() / files
    histogram.reset()
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(sampleMs), sample)))
  return () => ({
    cpu: samples.length === 0 ? 0 : samples.reduce((sum, { cpu }) => sum + cpu, 0) / samples.length,
    memoryBytes: process.memoryUsage.rss(),
    eventLoopDelayMs: samples.reduce((most, { delay }) => Math.max(most, delay), 0),
    filesShare,
    heapShare: heapShare()
  })
})
