/**
 * One process of a pool, seen from the worker: what it says of itself, its jobs,
 * and its end. It lives until it is asked to leave, is killed, or crashes.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import { monotonicMs } from "../steady.ts"
import { type ChildChannel, type Nuisance, openChannel } from "./childChannel.ts"
import { ChildJobs } from "./childJobs.ts"
import { levelOf, relay } from "./childLog.ts"
import { ChildMetrics } from "./childMetrics.ts"
import { ChildSpans, isTraced } from "./childTrace.ts"
import { PrewarmFailed, WorkerError } from "./errors.ts"
import type { ChildFacts } from "./executor.ts"
import type { FromChild, ToChild } from "./ipc.ts"
import type { Assignment, Report } from "./job.ts"
import type { Running } from "./jobRunner.ts"
import { noUsage, type Usage } from "./loadFacts.ts"
import * as metrics from "./metrics.ts"
import type { PoolSettings } from "./options.ts"
import type { PoolMetrics } from "./poolMetrics.ts"

const unusable = (detail: string): WorkerError => new WorkerError({ reason: new PrewarmFailed({ detail }) })

/**
 * What is told of what a process says, and after how often: a burst waits a few times, and is none. Who goes on with
 * what cannot be read has lost its voice: nobody would hear of its jobs.
 */
const nuisances: Readonly<
  Record<Nuisance, { readonly toldAt: number; readonly killedAt: number; readonly told: string }>
> = {
  too_long: { toldAt: 1, killedAt: 10, told: "a process of the pool says what is too long: it is not read" },
  unreadable: { toldAt: 1, killedAt: 1000, told: "a process of the pool says what makes no sense: it is not read" },
  held: { toldAt: 100, killedAt: Infinity, told: "a process of the pool says more than is read in time: it waits" }
}

const reportOf = (message: Extract<FromChild, { _tag: "JobReport" }>): Report =>
  message.status === "failed" ? { status: "failed", error: message.error } : { status: message.status }

/** What its pool does for a process. */
export interface PoolSide {
  /** Takes the agent of a job whose process has ended out of its room. */
  readonly evict: (assignment: Assignment) => Effect.Effect<void>
  /** It has said something: it may be free by now. */
  readonly onHeard: () => void
  /** Causes that processes have told since one was ready: who starts again and again fails by the same. */
  readonly causes: Set<string>
}

interface Options {
  readonly slot: number
  readonly clock: Clock.Clock
  /** Of the program. */
  readonly arguments: ReadonlyArray<string>
  readonly execArgv: ReadonlyArray<string>
  readonly pool: PoolSide
  readonly fork: (effect: Effect.Effect<void>) => void
  readonly tracer: Tracer.Tracer
  readonly metrics: PoolMetrics
}

export class Child {
  readonly slot: number
  readonly jobs: ChildJobs
  readonly metrics: ChildMetrics
  readonly #channel: ChildChannel
  readonly #spans: ChildSpans
  readonly #measured: PoolMetrics
  readonly #clock: Clock.Clock
  readonly #fork: (effect: Effect.Effect<void>) => void
  readonly #pool: PoolSide
  readonly #ready = Deferred.makeUnsafe<void, WorkerError>()
  readonly #exited = Deferred.makeUnsafe<void>()
  readonly #retired = Deferred.makeUnsafe<void>()
  readonly #worn = Deferred.makeUnsafe<void>()
  #state: ChildFacts["state"] = "starting"
  #usage = noUsage
  #warmBytes: number | undefined
  #running: ReadonlyArray<Running> = []
  #heardAt: number
  #heard = 0
  readonly #nuisances = new Map<Nuisance, number>()
  #isAsked = false
  #isSetting = false
  #end = "unknown"

  constructor({ clock, fork, metrics, pool, slot, tracer, ...program }: Options) {
    this.slot = slot
    this.#measured = metrics
    this.#spans = new ChildSpans(tracer, slot)
    this.#clock = clock
    this.#fork = fork
    this.#pool = pool
    this.#heardAt = monotonicMs(clock)
    this.#channel = openChannel({
      ...program,
      later: (ms, act) => fork(Effect.andThen(Effect.sleep(ms), Effect.sync(act))),
      onMessage: (message) => {
        this.#receive(message)
        pool.onHeard()
      },
      onNuisance: (what) => this.#mind(what),
      onEnd: (reason) => this.#die(reason)
    })
    const send = (message: ToChild): void => this.send(message)
    this.jobs = new ChildJobs({ slot, evict: pool.evict, fork, send, onUnheard: () => this.#replace() })
    this.metrics = new ChildMetrics((question) => {
      const isThere = this.#state === "ready" || this.#state === "retiring"
      if (isThere) send({ _tag: "AskMetrics", question })
      return isThere
    })
  }

  get pid(): number | undefined {
    return this.#channel.pid
  }

  get state(): ChildFacts["state"] {
    return this.#state
  }

  /** As it said last. */
  get usage(): Usage {
    return this.#usage
  }

  /** What it used when it was ready (bytes). */
  get warmBytes(): number {
    return this.#warmBytes ?? this.#usage.memoryBytes
  }

  get running(): ReadonlyArray<Running> {
    return this.#running
  }

  /** Messages that have come. */
  get heard(): number {
    return this.#heard
  }

  /** It cannot be made ready because a setting is wrong. */
  get isSetting(): boolean {
    return this.#isSetting
  }

  /** It was asked to leave. */
  get isAsked(): boolean {
    return this.#isAsked
  }

  /** How it has ended. */
  get end(): string {
    return this.#end
  }

  get ready(): Effect.Effect<void, WorkerError> {
    return Deferred.await(this.#ready)
  }

  get exited(): Effect.Effect<void> {
    return Deferred.await(this.#exited)
  }

  get retired(): Effect.Effect<void> {
    return Deferred.await(this.#retired)
  }

  /** Another is to take its place. */
  get worn(): Effect.Effect<void> {
    return Deferred.await(this.#worn)
  }

  get isWorn(): boolean {
    return Deferred.isDoneUnsafe(this.#worn)
  }

  /** Since when it has said nothing (ms). */
  get silence(): number {
    return monotonicMs(this.#clock) - this.#heardAt
  }

  /** Time in which nobody listened is no silence of its own. */
  excuse(ms: number): void {
    this.#heardAt += ms
  }

  send(message: ToChild): void {
    this.#channel.send(message)
  }

  /** Takes no more jobs. */
  retire(): void {
    if (this.#state === "ready") this.#state = "retiring"
    Deferred.doneUnsafe(this.#retired, Effect.void)
  }

  /** Has another take its place; until that is ready, it goes on. */
  wearOut(): void {
    Deferred.doneUnsafe(this.#worn, Effect.void)
  }

  leave(): void {
    this.#isAsked = true
    this.send({ _tag: "Exit" })
  }

  kill(): void {
    this.#channel.kill()
  }

  #receive(message: FromChild): void {
    this.#heardAt = monotonicMs(this.#clock)
    this.#heard++
    switch (message._tag) {
      case "Ready":
        this.#state = "ready"
        this.#pool.causes.clear()
        return void Deferred.doneUnsafe(this.#ready, Effect.void)
      case "Log":
        return this.#fork(
          relay(message, { child: this.slot }, this.#state === "starting" ? this.#pool.causes : undefined)
        )
      case "SpanBegan":
        return this.#spans.began(message)
      case "SpanEnded":
        return this.#spans.ended(message)
      case "Unusable":
        this.#isSetting = message.setting
        return void Deferred.doneUnsafe(this.#ready, Effect.fail(unusable(message.detail)))
      case "JobReport":
        return this.jobs.report(message.id, reportOf(message))
      case "Over":
        return this.jobs.over(message.id)
      case "State":
        return this.#look(message)
      case "Metrics":
        this.#measured.take(this, message.text)
        return this.metrics.answered(message.question)
    }
  }

  /** It says too much, or what makes no sense: counted, and told once of each; killed if it does not stop. */
  #mind(what: Nuisance): void {
    this.#fork(metrics.nuisance(what))
    const times = (this.#nuisances.get(what) ?? 0) + 1
    this.#nuisances.set(what, times)
    const { killedAt, told, toldAt } = nuisances[what]
    const about = { child: this.slot, jobs: this.jobs.size }
    if (times === toldAt) this.#fork(Effect.annotateLogs(Effect.logWarning(told), about))
    if (times !== killedAt) return
    this.#fork(Effect.annotateLogs(Effect.logError("a process of the pool is killed: it cannot be understood"), about))
    this.kill()
  }

  /** The next job would not be heard of, either. */
  #replace(): void {
    if (this.#state !== "ready") return
    this.#fork(metrics.replaced("unheard"))
    const told = Effect.logWarning("a process of the pool is replaced: the report of a job did not come")
    this.#fork(Effect.annotateLogs(told, { child: this.slot, jobs: this.jobs.size }))
    this.retire()
  }

  #look({ _tag: _, running, ...usage }: Extract<FromChild, { _tag: "State" }>): void {
    this.#usage = usage
    if (this.#state === "ready") this.#warmBytes ??= usage.memoryBytes
    this.#running = running.map(({ forMs, id, stuckForMs }) => ({
      id,
      startedAt: this.#heardAt - forMs,
      stuckSince: stuckForMs === undefined ? undefined : this.#heardAt - stuckForMs
    }))
  }

  #die(reason: string): void {
    this.#state = "gone"
    this.#usage = noUsage
    this.#running = []
    this.#end = reason
    Deferred.doneUnsafe(this.#ready, Effect.fail(unusable(`a process of the pool ended (${reason})`)))
    this.metrics.end()
    this.#measured.bury(this)
    this.jobs.lose(reason)
    this.#spans.lost(this.#clock.currentTimeNanosUnsafe(), reason)
    Deferred.doneUnsafe(this.#exited, Effect.void)
  }
}

export const spawn = (
  slot: number,
  { execArgv, module }: PoolSettings,
  pool: PoolSide,
  measured: PoolMetrics,
  /** It tells what an operator should know of the layer. */
  introduces: boolean
): Effect.Effect<Child> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    const run = Effect.runForkWith(context)
    const fork = (effect: Effect.Effect<void>): void => void run(effect)
    const traced = isTraced(context) ? ["traced"] : []
    const tracer = yield* Effect.tracer
    return new Child({
      slot,
      clock,
      arguments: [module, levelOf(context), introduces ? "first" : "another", ...traced],
      execArgv,
      pool,
      fork,
      tracer,
      metrics: measured
    })
  })
