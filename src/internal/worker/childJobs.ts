/**
 * The jobs of one process of a pool, as the worker answers for them: each is over
 * when the process says so, or when it has ended under the job.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { sharedKey } from "../numbers.ts"
import type { Executor } from "./executor.ts"
import type { ToChild } from "./ipc.ts"
import type { Assignment, Report } from "./job.ts"
import { describe } from "./jobRunner.ts"
import * as metrics from "./metrics.ts"

interface ChildJob {
  readonly assignment: Assignment
  readonly report: (report: Report) => Effect.Effect<void>
  readonly over: Deferred.Deferred<void>
  /** The server knows how it ended. */
  told: boolean
}

export interface Options {
  readonly slot: number
  readonly send: (message: ToChild) => void
  /** Takes the agent of a job whose process has ended out of its room. */
  readonly evict: (assignment: Assignment) => Effect.Effect<void>
  readonly fork: (effect: Effect.Effect<void>) => void
  /** What the process has said of a job did not come. */
  readonly onUnheard: () => void
}

export class ChildJobs {
  readonly #options: Options
  readonly #jobs = new Map<string, ChildJob>()
  readonly #idle = Latch.makeUnsafe(true)
  #served = 0

  constructor(options: Options) {
    this.#options = options
  }

  get size(): number {
    return this.#jobs.size
  }

  /** Those that it has been given until now. */
  get served(): number {
    return this.#served
  }

  get ids(): Iterable<string> {
    return this.#jobs.keys()
  }

  /** Waits until none is left. */
  get idle(): Effect.Effect<void> {
    return this.#idle.await
  }

  has(id: string): boolean {
    return this.#jobs.has(id)
  }

  /** Has the process run a job, at once; what it gives waits until it is over. */
  begin(...[assignment, report]: Parameters<Executor["run"]>): Effect.Effect<void> {
    const over = Deferred.makeUnsafe<void>()
    this.#jobs.set(assignment.job.id, { assignment, report, over, told: false })
    this.#served++
    this.#idle.closeUnsafe()
    this.#options.send({ _tag: "Start", assignment, numbers: sharedKey() })
    return Deferred.await(over)
  }

  /** The process reports a job. */
  report(id: string, report: Report): void {
    const job = this.#jobs.get(id)
    if (job !== undefined && !job.told) this.#options.fork(this.#tell(id, job, report))
  }

  /** The process says that a job is over; where its report was not understood, nobody knows more. */
  over(id: string): void {
    const job = this.#jobs.get(id)
    if (job === undefined || job.told) return this.#remove(id)
    this.#fail(id, job, "the process of the job did not say how it ended", Effect.void)
    this.#options.onUnheard()
  }

  /** The process has ended: its jobs have failed, unless the server knows more. */
  lose(reason: string): void {
    const { evict, fork } = this.#options
    for (const [id, job] of this.#jobs) {
      if (job.told) this.#remove(id)
      else this.#fail(id, job, `the process of the job has ended (${reason})`, metrics.ended("failed"))
      fork(evict(job.assignment))
    }
  }

  #fail(id: string, job: ChildJob, error: string, counted: Effect.Effect<void>): void {
    const lost = Effect.logError("the job failed").pipe(
      Effect.annotateLogs({ ...describe(job.assignment.job), child: this.#options.slot, reason: error })
    )
    const telling = Effect.all([lost, counted, this.#tell(id, job, { status: "failed", error })], { discard: true })
    this.#options.fork(Effect.ensuring(telling, Effect.sync(() => this.#remove(id))))
  }

  #remove(id: string): void {
    const job = this.#jobs.get(id)
    this.#jobs.delete(id)
    if (this.#jobs.size === 0) this.#idle.openUnsafe()
    if (job !== undefined) Deferred.doneUnsafe(job.over, Effect.void)
  }

  #tell(id: string, job: ChildJob, report: Report): Effect.Effect<void> {
    if (report.status !== "running") job.told = true
    return Effect.andThen(job.report(report), Effect.sync(() => this.#options.send({ _tag: "Heard", id })))
  }
}
