/** Jobs in child processes, each with its own rooms; what crashes is replaced. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { awake, monotonicMs, oversleep } from "../steady.ts"
import { type Child, spawn } from "./childHandle.ts"
import { PrewarmFailed, WorkerError } from "./errors.ts"
import type { Executor } from "./executor.ts"
import { countersOf, mergeTexts } from "./exposition.ts"
import type { Assignment } from "./job.ts"
import { noUsage } from "./loadFacts.ts"
import * as metrics from "./metrics.ts"
import type { JobSettings, PoolSettings } from "./options.ts"

const megabyte = 1024 * 1024
const watchInterval = 1000
/** A process that says nothing for this long will not come back. */
const silentMs = 60_000
/** One that is silent for this long is given no job. */
const slowMs = 5000
/** What a process has to answer before it is killed for its silence. */
const answerMs = 1000
/** What those that are asked to hurry have, unless they are silent. */
const hurryMs = 10_000
const attempts = 3

/** Why a process did not become ready; `setting`: the next one would not, either. */
interface Stillborn {
  readonly error: WorkerError
  readonly setting: boolean
}

const failed = (detail: string): WorkerError => new WorkerError({ reason: new PrewarmFailed({ detail }) })

export const makePool = (
  settings: PoolSettings,
  jobSettings: JobSettings,
  evict: (assignment: Assignment) => Effect.Effect<void>
): Effect.Effect<Executor, WorkerError, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const children = new Set<Child>()
    const fork = yield* FiberSet.makeRuntime<never>()
    const life = { closing: false }
    /** Counters of processes that are gone. */
    let past = ""

    const bury = (child: Child): Effect.Effect<void> =>
      Effect.suspend(() => {
        children.delete(child)
        const { text } = child
        if (text !== "") past = mergeTexts([past, countersOf(text)])
        return Effect.all([
          metrics.child(child.slot, { ...noUsage, jobs: 0 }),
          metrics.pool(ready().length)
        ], { discard: true })
      })

    const ready = (): ReadonlyArray<Child> => [...children].filter((child) => child.state === "ready")

    /** Lives as long as the process; a crash is nobody's fault but its own. */
    const look = (child: Child): Effect.Effect<void> =>
      Effect.gen(function*() {
        const { memoryBytes } = child.usage
        const mb = memoryBytes / megabyte
        yield* metrics.child(child.slot, { ...child.usage, jobs: child.jobs.size })
        if (silence(child) >= silentMs) return yield* killUnlessItAnswers(child)
        if (mb >= settings.memoryLimit * 1.25) return yield* kill(child, "its memory is far beyond the limit")
        if (mb >= settings.memoryLimit && child.state === "ready") {
          yield* about(child, Effect.logWarning("a process of the pool is replaced: its memory is beyond the limit"))
          child.retire()
        } else if (mb >= settings.memoryWarning && !child.warned) {
          child.warned = true
          yield* about(child, Effect.logWarning("a process of the pool uses much memory"))
        }
      })

    const silence = (child: Child): number => monotonicMs(clock) - child.heardAt

    const killUnlessItAnswers = (child: Child): Effect.Effect<void> =>
      Effect.suspend(() => {
        const { heard } = child
        child.send({ _tag: "Ping" })
        return Effect.flatMap(oversleep(answerMs), (overslept) => {
          if (child.heard > heard || child.state === "gone") return Effect.void
          return overslept > 0 ? killUnlessItAnswers(child) : kill(child, "it does not answer")
        })
      })

    const about = (child: Child, effect: Effect.Effect<void>) =>
      Effect.annotateLogs(effect, {
        child: child.slot,
        jobs: child.jobs.size,
        memoryMb: Math.round(child.usage.memoryBytes / megabyte)
      })

    const kill = (child: Child, why: string) =>
      Effect.andThen(
        about(child, Effect.logError(`a process of the pool is killed: ${why}`)),
        Effect.sync(() => child.kill())
      )

    /** Until it is gone. A retired one ends with its last job. */
    const attend = Effect.fnUntraced(function*(child: Child) {
      const watch = Effect.forever(Effect.flatMap(oversleep(watchInterval), (overslept) => {
        // Who stood still himself has heard nobody.
        child.heardAt += overslept
        return look(child)
      }))
      const spent = Effect.andThen(child.retired, Effect.andThen(child.idle, Effect.sync(() => child.leave())))
      yield* Effect.raceFirst(Effect.raceFirst(child.exited, watch), Effect.andThen(spent, child.exited))
      if (!child.asked && !life.closing) {
        yield* metrics.crashed
        yield* about(child, Effect.logError(`a process of the pool has ended (${child.ending()})`))
      }
      yield* bury(child)
    })

    const ignite = (slot: number): Effect.Effect<Child, Stillborn> =>
      Effect.gen(function*() {
        const child = yield* spawn(slot, settings, evict)
        children.add(child)
        const late = Effect.andThen(
          awake(jobSettings.prewarmTimeout + 5000),
          Effect.fail(failed("a process of the pool does not become ready"))
        )
        const began = yield* Effect.result(Effect.raceFirst(child.ready, late))
        if (began._tag === "Success") return child
        child.kill()
        yield* child.exited
        yield* bury(child)
        return yield* Effect.fail({ error: began.failure, setting: child.setting })
      })

    /** A slot always has a process that is ready, or is about to be. */
    const keepSlot = (slot: number, first: Deferred.Deferred<void, WorkerError>) =>
      Effect.gen(function*() {
        let failures = 0
        while (!life.closing) {
          const result = yield* Effect.result(ignite(slot))
          if (result._tag === "Failure") {
            failures++
            const { error, setting } = result.failure
            // Whoever starts the pool tells why it did not.
            if (setting && (yield* Deferred.fail(first, error))) return
            yield* Effect.logError("a process of the pool did not start").pipe(
              Effect.annotateLogs({ child: slot, reason: error.message })
            )
            if (failures >= attempts) yield* Deferred.fail(first, error)
            yield* Effect.sleep(Math.min(200 * 2 ** failures, 30_000))
            continue
          }
          failures = 0
          const child = result.success
          yield* metrics.child(slot, { ...child.usage, jobs: child.jobs.size })
          yield* metrics.pool(ready().length)
          yield* Deferred.succeed(first, undefined)
          const attending = fork(attend(child))
          yield* Effect.raceFirst(child.retired, child.exited)
          if (child.state === "gone") yield* Effect.sleep(100)
          else void attending
        }
      })

    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        life.closing = true
        yield* Effect.forEach([...children], (child) =>
          Effect.gen(function*() {
            child.leave()
            yield* Effect.timeoutOption(child.exited, 3000)
            child.kill()
            yield* child.exited
          }), { concurrency: "unbounded", discard: true })
      })
    )
    const firsts = yield* Effect.forEach(
      Array.from({ length: settings.processes }, (_, slot) => slot),
      (slot) =>
        Effect.gen(function*() {
          const first = yield* Deferred.make<void, WorkerError>()
          fork(keepSlot(slot, first))
          return first
        })
    )
    yield* Effect.forEach(firsts, Deferred.await, { concurrency: "unbounded", discard: true })

    const isSilent = (child: Child): boolean => silence(child) >= slowMs
    const free = (child: Child): number =>
      child.state === "ready" && !isSilent(child) ? settings.jobsPerProcess - child.jobs.size : 0
    const owner = (id: string): Child | undefined => [...children].find((child) => child.jobs.has(id))
    const all = (): ReadonlyArray<Child> => [...children]

    const executor: Executor = {
      run: (assignment, report) =>
        Effect.suspend(() => {
          const [child] = all().filter((child) => free(child) > 0).sort((a, b) => a.jobs.size - b.jobs.size)
          return child === undefined
            ? report({ status: "failed", error: "no process is free" })
            : child.run(assignment, report)
        }),
      end: (id, reason) => Effect.sync(() => owner(id)?.send({ _tag: "End", id, reason })),
      endAll: (reason) =>
        Effect.sync(() => {
          for (const child of children) {
            for (const id of child.jobs.keys()) child.send({ _tag: "End", id, reason })
          }
        }),
      hurry: Effect.sync(() => {
        for (const child of children) child.send({ _tag: "Hurry" })
        fork(Effect.andThen(
          Effect.sleep(hurryMs),
          Effect.suspend(() =>
            Effect.forEach([...children].filter(isSilent), killUnlessItAnswers, {
              concurrency: "unbounded",
              discard: true
            })
          )
        ))
      }),
      running: () => all().flatMap((child) => child.running),
      free: () => all().reduce((sum, child) => sum + Math.max(0, free(child)), 0),
      children: () =>
        all().map((child) => ({
          slot: child.slot,
          pid: child.pid,
          state: child.state,
          jobs: child.jobs.size,
          ...child.usage
        })),
      metrics: Effect.suspend(() =>
        Effect.map(
          Effect.forEach(all(), (child) => child.metrics, { concurrency: "unbounded" }),
          (texts) => [past, ...texts].filter((text) => text !== "")
        )
      )
    }
    return executor
  })
