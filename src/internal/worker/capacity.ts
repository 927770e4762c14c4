/**
 * Whether a worker takes jobs, and how its server and its operators learn of that. It knows the
 * connection, where jobs run, and the load. The part that changes one of them also has the change
 * reported.
 */
import * as Effect from "effect/Effect"
import type { Status } from "../../Worker.ts"
import { monotonic } from "../steady.ts"
import type { Connection } from "./connection.ts"
import type { Executor } from "./executor.ts"
import { logFailure } from "./failureLog.ts"
import type { JobTable } from "./jobTable.ts"
import { defaultLoad, type Facts, type Usage } from "./loadFacts.ts"
import * as metrics from "./metrics.ts"
import type { Settings } from "./options.ts"
import { cores, memory } from "./probe.ts"

/** How many jobs may run, and how much they may use. */
export type Limits = Pick<Settings, "maxJobs" | "load" | "loadThreshold">

const minute = 60_000

/** Of the process, and of those of its pool. */
const total = (own: Usage, executor: Executor | undefined): Usage =>
  (executor?.children() ?? []).reduce<Usage>(
    (sum, child) => ({
      cpu: sum.cpu + child.cpu,
      memoryBytes: sum.memoryBytes + child.memoryBytes,
      eventLoopDelayMs: Math.max(sum.eventLoopDelayMs, child.eventLoopDelayMs),
      filesShare: Math.max(sum.filesShare, child.filesShare),
      heapShare: Math.max(sum.heapShare, child.heapShare)
    }),
    own
  )

/** A load that cannot be told is a full one. */
const loadOf = (settings: Limits, facts: Facts): Effect.Effect<number> =>
  Effect.sync(() => settings.load === undefined ? defaultLoad(facts) : settings.load(facts)).pipe(
    Effect.catchCause((cause) => Effect.as(logFailure("the option load has thrown, no job is taken", cause), 1)),
    Effect.map((load) => Number.isFinite(load) ? Math.min(1, Math.max(0, load)) : 1)
  )

export class Capacity {
  readonly #settings: Limits
  readonly #table: JobTable
  readonly #probe: () => Usage
  readonly #limits = { cores: cores(), memoryLimitBytes: memory() }
  #usage: Usage
  #load = 0
  #executor: Executor | undefined
  #connection: Connection | undefined
  #wasConnected = false
  #lostAt: number | undefined
  #isDraining = false
  /** When the log was last told of the load (monotonic ms). */
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(settings: Limits, table: JobTable, probe: () => Usage) {
    this.#settings = settings
    this.#table = table
    this.#probe = probe
    this.#usage = probe()
  }

  /** None while the worker is being made ready. */
  get executor(): Executor | undefined {
    return this.#executor
  }

  set executor(executor: Executor) {
    this.#executor = executor
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Since when there is no connection (monotonic ms), where there was one. */
  get lostAt(): number | undefined {
    return this.#lostAt
  }

  connected(connection: Connection): void {
    this.#connection = connection
    this.#wasConnected = true
    this.#lostAt = undefined
  }

  get lost(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#connection = undefined
      return Effect.map(monotonic, (now) => {
        this.#lostAt ??= now
      })
    })
  }

  /** There will be no connection any more. */
  disconnect(): void {
    this.#connection = undefined
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Takes no job from now on. */
  drain(): void {
    this.#isDraining = true
  }

  /** Why no job is taken now. */
  get problem(): string | undefined {
    const { maxJobs } = this.#settings
    if (this.#executor === undefined) return "it is being made ready"
    if (this.#isDraining) return "it drains"
    if (this.#connection === undefined) return "it is not connected to the server"
    if (this.#table.taken >= maxJobs) return `it has its ${maxJobs} jobs`
    if (this.#executor.free() <= this.#table.reservations.size) return "no process is free"
    return this.#loaded
  }

  get #loaded(): string | undefined {
    return this.#load >= this.#settings.loadThreshold ? `its load is ${this.#load.toFixed(2)}` : undefined
  }

  /** Tells the server and the metrics how things are. */
  get tell(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { maxJobs } = this.#settings
      const facts = { ...this.#usage, ...this.#limits, jobs: this.#table.taken, maxJobs }
      return Effect.flatMap(loadOf(this.#settings, facts), (load) => {
        this.#load = load
        const full = this.problem !== undefined
        this.#connection?.send({ _tag: "Load", load, full, jobs: this.#table.running.size })
        return Effect.andThen(
          metrics.worker({
            load,
            connected: this.#connection !== undefined,
            ready: !full,
            draining: this.#isDraining,
            stuck: this.#executor?.running().filter(({ stuckSince }) => stuckSince !== undefined).length ?? 0
          }),
          this.#tellOfLoad
        )
      })
    })
  }

  /** A server offers nothing to a worker with much load, so no other line would tell why no call comes. */
  get #tellOfLoad(): Effect.Effect<void> {
    if (this.problem === undefined || this.problem !== this.#loaded) return Effect.void
    const { cpu, eventLoopDelayMs, memoryBytes } = this.#usage
    return Effect.flatMap(monotonic, (now) => {
      if (now - this.#toldAt < minute) return Effect.void
      this.#toldAt = now
      return Effect.logWarning("no call is taken: the load is too high").pipe(
        Effect.annotateLogs({
          load: this.#load,
          loadThreshold: this.#settings.loadThreshold,
          jobs: this.#table.taken,
          cpuShare: cpu / this.#limits.cores,
          memoryShare: memoryBytes / this.#limits.memoryLimitBytes,
          eventLoopDelayMs
        })
      )
    })
  }

  /** Looks at what is used now. */
  get measure(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const own = this.#probe()
      this.#usage = total(own, this.#executor)
      return metrics.process(own)
    })
  }

  get status(): Effect.Effect<Status> {
    return Effect.sync(() => {
      const { problem } = this
      return {
        id: this.#connection?.id,
        connection: this.#connection !== undefined ? "registered" : this.#wasConnected ? "lost" : "connecting",
        ready: problem === undefined,
        problem,
        draining: this.#isDraining,
        load: this.#load,
        jobs: this.#table.running.size,
        maxJobs: this.#settings.maxJobs
      }
    })
  }
}
