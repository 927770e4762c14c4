/** What operators see of a worker, beside the conversations. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Usage } from "./loadFacts.ts"

const gauge = (name: string, description: string, attributes?: Metric.Metric.AttributeSet) =>
  Metric.gauge(name, { description, attributes })

const counter = (name: string, description: string, attributes?: Metric.Metric.AttributeSet) =>
  Metric.counter(name, { description, incremental: true, attributes })

const jobsActive = gauge("agent_worker_jobs_active", "Jobs that run now")
const jobsEnded = {
  success: counter("agent_worker_jobs_total", "Jobs that have ended, by status", { status: "success" }),
  failed: counter("agent_worker_jobs_total", "Jobs that have ended, by status", { status: "failed" })
}
const offers = {
  accepted: counter("agent_worker_offers_total", "Jobs that were offered, by decision", { decision: "accepted" }),
  declined: counter("agent_worker_offers_total", "Jobs that were offered, by decision", { decision: "declined" }),
  lost: counter("agent_worker_offers_total", "Jobs that were offered, by decision", { decision: "lost" })
}
const joinTime = Metric.histogram("agent_worker_join_seconds", {
  description: "Assignment of a job to the agent in its room, in seconds",
  boundaries: [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10],
  attributes: { unit: "seconds" }
})
const load = gauge("agent_worker_load", "Load from 0 to 1, as the server is told")
const connected = gauge("agent_worker_connected", "1 while the worker is registered with the server")
const ready = gauge("agent_worker_ready", "1 while the worker takes jobs")
const draining = gauge("agent_worker_draining", "1 while the worker finishes its jobs and takes no more")
const reconnects = counter("agent_worker_connections_lost_total", "Connections to the server that were lost")
const stuck = gauge("agent_worker_stuck_jobs", "Jobs that are over, but whose entries go on")
const delay = gauge("agent_process_event_loop_delay_seconds", "Delay of the event loop (p99 of the last seconds)")
const cpu = gauge("agent_process_cpu_ratio", "Cores that the process uses")
const memory = gauge("agent_process_memory_bytes", "Memory of the process (RSS)")
const files = gauge("agent_process_files_ratio", "Open files of the process, as a share of its limit")
const heap = gauge("agent_process_heap_ratio", "Heap of the process, as a share of its limit")
const children = gauge("agent_pool_processes", "Processes of the pool that are ready")
const crashes = counter("agent_pool_crashes_total", "Processes of the pool that ended without being asked")
const replacedBy = (reason: string) =>
  counter("agent_pool_replacements_total", "Processes of the pool that were replaced, by reason", { reason })
const replacements = {
  grown: replacedBy("grown"),
  jobs: replacedBy("jobs"),
  limit: replacedBy("limit"),
  unheard: replacedBy("unheard")
}
const intake = (what: string) =>
  counter("agent_pool_messages_total", "Messages of processes of the pool that were not read, or not at once", { what })
const nuisances = { too_long: intake("too_long"), unreadable: intake("unreadable"), held: intake("held") }

const slots = 64
const childGauges = (child: string) => ({
  cpu: gauge("agent_pool_process_cpu_ratio", "Cores that a process of the pool uses", { child }),
  delay: gauge(
    "agent_pool_process_event_loop_delay_seconds",
    "Delay of the event loop of a process of the pool (p99 of the last seconds)",
    { child }
  ),
  memory: gauge("agent_pool_process_memory_bytes", "Memory of a process of the pool (RSS)", { child }),
  jobs: gauge("agent_pool_process_jobs", "Jobs of a process of the pool", { child })
})
const ofSlot = Array.from({ length: slots }, (_, slot) => childGauges(String(slot)))
const otherSlot = childGauges("other")

const set = (metric: Metric.Gauge<number>, value: number): Effect.Effect<void> => Metric.update(metric, value)

/** Makes all series exist, so that a rate has a value to start from. */
export const register = (context: Context.Context<never>): void => {
  const all: ReadonlyArray<Metric.Metric<never, unknown>> = [
    jobsActive,
    ...Object.values(jobsEnded),
    ...Object.values(offers),
    joinTime,
    load,
    connected,
    ready,
    draining,
    reconnects,
    stuck,
    delay,
    cpu,
    memory,
    files,
    heap,
    children,
    crashes,
    ...Object.values(replacements),
    ...Object.values(nuisances)
  ]
  for (const metric of all) metric.valueUnsafe(context)
}

export const jobs = (count: number): Effect.Effect<void> => set(jobsActive, count)

export const ended = (status: string): Effect.Effect<void> =>
  Metric.update(status === "success" ? jobsEnded.success : jobsEnded.failed, 1)

export const joined = (ms: number): Effect.Effect<void> => Metric.update(joinTime, ms / 1000)

export const offer = (decision: keyof typeof offers): Effect.Effect<void> => Metric.update(offers[decision], 1)

export const lost: Effect.Effect<void> = Metric.update(reconnects, 1)

export const replaced = (reason: keyof typeof replacements): Effect.Effect<void> =>
  Metric.update(replacements[reason], 1)

export const nuisance = (what: keyof typeof nuisances): Effect.Effect<void> => Metric.update(nuisances[what], 1)

export const crashed: Effect.Effect<void> = Metric.update(crashes, 1)

export const worker = (now: {
  readonly load: number
  readonly connected: boolean
  readonly ready: boolean
  readonly draining: boolean
  readonly stuck: number
}): Effect.Effect<void> =>
  Effect.all([
    set(load, now.load),
    set(connected, now.connected ? 1 : 0),
    set(ready, now.ready ? 1 : 0),
    set(draining, now.draining ? 1 : 0),
    set(stuck, now.stuck)
  ], { discard: true })

export const process = (now: Usage): Effect.Effect<void> =>
  Effect.all([
    set(delay, now.eventLoopDelayMs / 1000),
    set(cpu, now.cpu),
    set(memory, now.memoryBytes),
    set(files, now.filesShare),
    set(heap, now.heapShare)
  ], { discard: true })

export const pool = (processes: number): Effect.Effect<void> => set(children, processes)

export const child = (slot: number, now: Usage & { readonly jobs: number }): Effect.Effect<void> => {
  const gauges = ofSlot[slot] ?? otherSlot
  return Effect.all([
    set(gauges.cpu, now.cpu),
    set(gauges.delay, now.eventLoopDelayMs / 1000),
    set(gauges.memory, now.memoryBytes),
    set(gauges.jobs, now.jobs)
  ], { discard: true })
}
