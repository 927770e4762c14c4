/**
 * The jobs of a pool on their way to a process. The server was told that they are taken: while no process is
 * free, as when one has died and its successor is starting, they wait in the order in which they came. One that
 * is asked to end meanwhile ends; one that has waited for too long fails.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { awake } from "../steady.ts"
import type { Child } from "./childHandle.ts"
import type { Executor } from "./executor.ts"
import type { Assignment, EndReason, Report } from "./job.ts"
import { endedBy } from "./jobEntry.ts"
import { describe } from "./jobRunner.ts"
import * as metrics from "./metrics.ts"

interface Waiting {
  readonly assignment: Assignment
  readonly report: (report: Report) => Effect.Effect<void>
  /** What becomes of it. */
  readonly next: Deferred.Deferred<Effect.Effect<void>>
}

export interface Options {
  /** How long one waits (ms). */
  readonly limit: number
  /** The process that takes the next one, if any does. */
  readonly next: () => Child | undefined
}

const tooLate: Report = { status: "failed", error: "no process of the pool was free in time" }

const over = ({ assignment, report }: Waiting, how: Report): Effect.Effect<void> => {
  const failed = how.status === "failed"
    ? Effect.annotateLogs(Effect.logError("the job failed"), { reason: how.error })
    : Effect.void
  return failed.pipe(
    Effect.andThen(metrics.ended(how.status === "failed" ? "failed" : "success")),
    Effect.andThen(report(how)),
    Effect.annotateLogs(describe(assignment.job))
  )
}

export class WaitingJobs {
  readonly #options: Options
  readonly #waiting = new Map<string, Waiting>()

  constructor(options: Options) {
    this.#options = options
  }

  /** Has a process run a job, as soon as one is free, and waits until it is over. */
  readonly run: Executor["run"] = (assignment, report) =>
    Effect.suspend(() => {
      const { id } = assignment.job
      const next = Deferred.makeUnsafe<Effect.Effect<void>>()
      this.#waiting.set(id, { assignment, report, next })
      this.look()
      const waits = this.#waiting.has(id)
        ? Effect.annotateLogs(Effect.logInfo("a job waits for a process of the pool"), describe(assignment.job))
        : Effect.void
      // Who gives up first takes it off the list: it is not begun as well.
      const giveUp = Effect.andThen(awake(this.#options.limit), Effect.sync(() => this.#settle(id, tooLate)))
      return waits.pipe(
        Effect.andThen(Effect.raceFirst(Deferred.await(next), Effect.andThen(giveUp, Effect.never))),
        Effect.flatten
      )
    })

  /** Gives the jobs to the processes that are free by now. */
  look(): void {
    for (const [id, { assignment, next, report }] of this.#waiting) {
      const child = this.#options.next()
      if (child === undefined) return
      this.#waiting.delete(id)
      Deferred.doneUnsafe(next, Effect.succeed(child.jobs.begin(assignment, report)))
    }
  }

  end(id: string, reason: EndReason): void {
    this.#settle(id, endedBy(reason))
  }

  endAll(reason: EndReason): void {
    for (const id of this.#waiting.keys()) this.end(id, reason)
  }

  #settle(id: string, how: Report): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    Deferred.doneUnsafe(waiting.next, Effect.succeed(over(waiting, how)))
  }
}
