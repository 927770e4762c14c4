/**
 * Jobs in child processes, each with its own rooms: a job goes to the process that has the fewest.
 * Where none is free, a job that was accepted waits for one, as long as a process may take to become ready.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Child } from "./childHandle.ts"
import type { WorkerError } from "./errors.ts"
import type { Executor } from "./executor.ts"
import type { Assignment } from "./job.ts"
import type { JobSettings, PoolSettings } from "./options.ts"
import { killUnlessItAnswers, Patience } from "./poolWatch.ts"
import { openSlots } from "./slots.ts"
import { WaitingJobs } from "./waitingJobs.ts"

export const makePool = (
  settings: PoolSettings,
  jobSettings: JobSettings,
  evict: (assignment: Assignment) => Effect.Effect<void>
): Effect.Effect<Executor, WorkerError, Scope.Scope> =>
  Effect.gen(function*() {
    const fork = yield* FiberSet.makeRuntime<never>()
    const patience = yield* Patience
    let children: () => ReadonlyArray<Child> = () => []
    const isSilent = (child: Child): boolean => child.silence >= patience.silence

    const free = (child: Child): number =>
      child.state === "ready" && !isSilent(child) ? settings.jobsPerProcess - child.jobs.size : 0

    const waiting = new WaitingJobs({
      limit: jobSettings.prewarmTimeout + patience.start,
      next: () => children().filter((child) => free(child) > 0).sort((a, b) => a.jobs.size - b.jobs.size)[0]
    })
    const slots = yield* openSlots(settings, jobSettings, {
      evict,
      onHeard: () => waiting.look(),
      causes: new Set()
    })
    children = slots.children

    const killSilent = Effect.suspend(() =>
      Effect.forEach(children().filter(isSilent), killUnlessItAnswers, { concurrency: "unbounded", discard: true })
    )

    return {
      run: waiting.run,
      end: (id, reason) =>
        Effect.sync(() => {
          waiting.end(id, reason)
          children().find(({ jobs }) => jobs.has(id))?.send({ _tag: "End", id, reason })
        }),
      endAll: (reason) =>
        Effect.sync(() => {
          waiting.endAll(reason)
          for (const child of children()) {
            for (const id of child.jobs.ids) child.send({ _tag: "End", id, reason })
          }
        }),
      hurry: Effect.sync(() => {
        for (const child of children()) child.send({ _tag: "Hurry" })
        fork(Effect.andThen(Effect.sleep(patience.hurry), killSilent))
      }),
      running: () => children().flatMap((child) => child.running),
      free: () => children().reduce((sum, child) => sum + Math.max(0, free(child)), 0),
      children: () =>
        children().map(({ jobs, pid, slot, state, usage }) => ({ slot, pid, state, jobs: jobs.size, ...usage })),
      measured: Effect.suspend(() =>
        Effect.forEach(children(), ({ metrics }) => metrics.fresh, { concurrency: "unbounded", discard: true })
      )
    }
  })
