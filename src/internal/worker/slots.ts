/**
 * The slots of a pool: each has a process that is ready, or is about to be. One
 * that is worn retires when another is ready in its place; one that retires by itself is
 * replaced at once; both end with their last job. One that crashes is replaced a
 * moment later. When the scope closes, all are asked to leave, and killed after
 * three seconds; one that is not ready yet, and has no call, at once.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import process from "node:process"
import { awake } from "../steady.ts"
import { type Child, type PoolSide, spawn } from "./childHandle.ts"
import { PrewarmFailed, WorkerError } from "./errors.ts"
import { noUsage } from "./loadFacts.ts"
import * as metrics from "./metrics.ts"
import type { JobSettings, PoolSettings } from "./options.ts"
import { PoolMetrics } from "./poolMetrics.ts"
import { about, measure, Patience, watch } from "./poolWatch.ts"
import { memory } from "./probe.ts"
import { mostWorn } from "./wear.ts"

export interface Slots {
  readonly children: () => ReadonlyArray<Child>
}

/** Why a process did not become ready; `setting`: the next one would not, either. */
interface Stillborn {
  readonly error: WorkerError
  readonly setting: boolean
}

const leaveWithin = 3000
/** To give back what it has acquired so far. */
const giveUpWithin = 250
const attempts = 3
const mostBetween = 30_000
const wearInterval = 1000

const wornOut = {
  grown: "a process of the pool is replaced: it has grown",
  jobs: "a process of the pool is replaced: it has had its jobs"
} as const

const late = (): WorkerError =>
  new WorkerError({ reason: new PrewarmFailed({ detail: "a process of the pool does not become ready" }) })

/** The processes there are. */
class Processes {
  readonly all = new Set<Child>()
  isClosing = false
  introduced = false

  get measure(): Effect.Effect<void> {
    return Effect.suspend(() => metrics.pool([...this.all].filter(({ state }) => state === "ready").length))
  }

  bury(child: Child): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.all.delete(child)
      return Effect.andThen(metrics.child(child.slot, { ...noUsage, jobs: 0 }), this.measure)
    })
  }

  /** Asks all to leave, and kills who does not. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isClosing = true
      return Effect.forEach([...this.all], (child) =>
        Effect.gen(function*() {
          const starts = child.state === "starting"
          child.leave()
          const left = yield* Effect.timeoutOption(child.exited, starts ? giveUpWithin : leaveWithin)
          if (left._tag === "None" && !starts) {
            yield* about(child, Effect.logWarning("a process of the pool is killed: it does not leave"))
          }
          child.kill()
          yield* child.exited
        }), { concurrency: "unbounded", discard: true })
    })
  }
}

/** Starts all slots; ready when this returns. */
export const openSlots = (
  settings: PoolSettings,
  jobSettings: JobSettings,
  pool: PoolSide
): Effect.Effect<Slots, WorkerError, Scope.Scope> =>
  Effect.gen(function*() {
    const fork = yield* FiberSet.makeRuntime<never>()
    const patience = yield* Patience
    const processes = new Processes()
    const measured = new PoolMetrics(yield* Effect.context<never>())

    /** Until it is gone. A retired one ends with its last job. */
    const attend = Effect.fnUntraced(function*(child: Child) {
      const spent = Effect.andThen(child.retired, Effect.andThen(child.jobs.idle, Effect.sync(() => child.leave())))
      yield* Effect.raceFirst(
        Effect.raceFirst(child.exited, watch(child, settings)),
        Effect.andThen(spent, child.exited)
      )
      if (!child.isAsked && !processes.isClosing) {
        yield* metrics.crashed
        yield* about(child, Effect.logError(`a process of the pool has ended (${child.end})`))
      }
      yield* processes.bury(child)
    })

    const ignite = (slot: number): Effect.Effect<Child, Stillborn> =>
      Effect.gen(function*() {
        const child = yield* spawn(slot, settings, pool, measured, !processes.introduced)
        processes.introduced = true
        processes.all.add(child)
        const tooLate = Effect.andThen(awake(jobSettings.prewarmTimeout + patience.start), Effect.failSync(late))
        const began = yield* Effect.result(Effect.raceFirst(child.ready, tooLate))
        if (began._tag === "Success") return child
        child.kill()
        yield* child.exited
        yield* processes.bury(child)
        return yield* Effect.fail({ error: began.failure, setting: child.isSetting })
      })

    const keepSlot = (slot: number, first: Deferred.Deferred<void, WorkerError>) =>
      Effect.gen(function*() {
        let failures = 0
        let before: Child | undefined
        while (!processes.isClosing) {
          const result = yield* Effect.result(ignite(slot))
          if (result._tag === "Failure") {
            if (processes.isClosing) return
            failures++
            const { error, setting } = result.failure
            // Whoever starts the pool tells why it did not.
            if (setting && (yield* Deferred.fail(first, error))) return
            yield* Effect.logError("a process of the pool did not start").pipe(
              Effect.annotateLogs({ child: slot, reason: error.message })
            )
            if (failures >= attempts) yield* Deferred.fail(first, error)
            yield* Effect.sleep(Math.min(200 * 2 ** failures, mostBetween))
            continue
          }
          failures = 0
          const child = result.success
          before?.retire()
          before = child
          yield* measure(child)
          yield* processes.measure
          yield* Deferred.succeed(first, undefined)
          fork(attend(child))
          yield* Effect.raceAllFirst([child.retired, child.worn, child.exited])
          if (child.state === "gone") yield* Effect.sleep(100)
        }
      })

    const wear = { ...settings, memoryLimitBytes: memory() }
    const replaceWorn = Effect.suspend(() => {
      const next = mostWorn([...processes.all], process.memoryUsage.rss(), wear)
      if (next === undefined) return Effect.void
      next.child.wearOut()
      return Effect.andThen(metrics.replaced(next.why), about(next.child, Effect.logInfo(wornOut[next.why])))
    })

    yield* Effect.addFinalizer(() => processes.close)
    const firsts = Array.from({ length: settings.processes }, (_, slot) => {
      const first = Deferred.makeUnsafe<void, WorkerError>()
      fork(keepSlot(slot, first))
      return first
    })
    yield* Effect.forEach(firsts, Deferred.await, { concurrency: "unbounded", discard: true })
    fork(Effect.forever(Effect.andThen(Effect.sleep(wearInterval), replaceWorn)))
    return { children: () => [...processes.all] }
  })
