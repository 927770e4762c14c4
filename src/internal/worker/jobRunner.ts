/**
 * Jobs as fibers of this process. Each joins its room, runs its entry, reports its result, leaves
 * the room, and logs "the job is over". A job is never interrupted; it is asked to end.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { InvalidOptions } from "../../Failure.ts"
import * as Metrics from "../../Metrics.ts"
import type { Room, RoomError } from "../../Room.ts"
import type { Definition } from "../../Worker.ts"
import { resultOf } from "../given.ts"
import { masked, maskedAll } from "../numbers.ts"
import { monotonic } from "../steady.ts"
import { logFailure } from "./failureLog.ts"
import { type GracePeriod, makeGracePeriod, settle, tidyUp } from "./gracePeriod.ts"
import type { Assignment, EndReason, JobRequest, Report } from "./job.ts"
import { endedBy, failure, makePerform } from "./jobEntry.ts"
import * as metrics from "./metrics.ts"
import type { JobSettings } from "./options.ts"
import type { Entry } from "./prewarm.ts"

/** A job as operators see it. */
export interface Running {
  readonly id: string
  /** Monotonic ms of this process, as is `stuckSince`. */
  readonly startedAt: number
  /** Since when it should be over, but its entry goes on. */
  readonly stuckSince: number | undefined
}

export interface JobRunner {
  /** Runs a job from joining to leaving; `report` is called before the agent leaves. Never interrupted. */
  readonly run: (assignment: Assignment, report: (report: Report) => Effect.Effect<void>) => Effect.Effect<void>
  /** Asks a job to end. */
  readonly end: (id: string, reason: EndReason) => Effect.Effect<void>
  readonly endAll: (reason: EndReason) => Effect.Effect<void>
  /** From now on, what is ended has a second for each step. */
  readonly hurry: Effect.Effect<void>
  readonly running: () => ReadonlyArray<Running>
}

interface Live {
  readonly startedAt: number
  readonly ending: Deferred.Deferred<EndReason>
  stuckSince: number | undefined
}

/** The jobs of this process: those that run, and those that are over but whose entries go on. */
class LiveJobs {
  readonly #live = new Map<string, Live>()
  /** They go on in the background; operators see for how long. */
  readonly #stuck = new Map<string, Live>()

  get size(): number {
    return this.#live.size
  }

  get running(): ReadonlyArray<Running> {
    const all = new Map([...this.#stuck, ...this.#live])
    return Array.from(all, ([id, { startedAt, stuckSince }]) => ({ id, startedAt, stuckSince }))
  }

  begin(id: string, startedAt: number): Live {
    const job: Live = { startedAt, ending: Deferred.makeUnsafe(), stuckSince: undefined }
    this.#live.set(id, job)
    return job
  }

  stuck(id: string, since: number, entry: Fiber.Fiber<unknown, unknown>): void {
    const job = this.#live.get(id)
    if (job === undefined) return
    job.stuckSince = since
    this.#stuck.set(id, job)
    entry.addObserver(() => {
      if (this.#stuck.get(id) === job) this.#stuck.delete(id)
    })
  }

  over(id: string): void {
    this.#live.delete(id)
  }

  /** Asks a job to end. */
  end(id: string, reason: EndReason): void {
    const job = this.#live.get(id)
    if (job !== undefined) Deferred.doneUnsafe(job.ending, Effect.succeed(reason))
  }

  endAll(reason: EndReason): void {
    for (const id of this.#live.keys()) this.end(id, reason)
  }
}

/** None when the job ends first. Whoever cannot be interrupted is left behind, and leaves the room if they come after all. */
const joinRoom = (
  assignment: Assignment,
  ending: Deferred.Deferred<EndReason>,
  scope: Scope.Scope,
  options: Options
): Effect.Effect<Exit.Exit<Option.Option<Room["Service"]>, RoomError | Cause.TimeoutError | InvalidOptions>> =>
  Effect.gen(function*() {
    const { autoSubscribe, gracePeriod, settings } = options
    const { admin, job, token, url } = assignment
    const joining = yield* resultOf(
      "connect",
      () => settings.connect({ url, token, admin, autoSubscribe, job }),
      (room) => Effect.isEffect(room?.ended) && Effect.isEffect(room.leave),
      "a Room",
      identity
    ).pipe(
      Scope.provide(scope),
      Effect.forkDetach({ startImmediately: true })
    )
    const first = yield* Effect.raceFirst(
      settle(joining, settings.joinTimeout, gracePeriod),
      Effect.as(Deferred.await(ending), "ended" as const)
    )
    if (first === "ended") {
      joining.interruptUnsafe()
      return Exit.succeed(Option.none())
    }
    if (Option.isNone(first)) {
      return Exit.fail(new Cause.TimeoutError(`connect took more than ${settings.joinTimeout} ms (joinTimeout)`))
    }
    return Exit.map(first.value, Option.some)
  })

interface Options extends Pick<Definition<unknown>, "autoSubscribe"> {
  readonly gracePeriod: GracePeriod
  readonly settings: JobSettings
}

export const makeJobRunner = (definition: Definition<unknown>, entry: Entry, settings: JobSettings): JobRunner => {
  const jobs = new LiveJobs()
  const gracePeriod = makeGracePeriod()
  const options: Options = { autoSubscribe: definition.autoSubscribe, gracePeriod, settings }
  const perform = makePerform({
    definition,
    entry,
    settings,
    gracePeriod,
    onStuck: (id, entry) =>
      Effect.flatMap(monotonic, (now) => {
        jobs.stuck(id, now, entry)
        const message = "the entry goes on although the job is over"
        return Effect.annotateLogs(Effect.logWarning(message), { afterMs: settings.shutdownTimeout })
      })
  })

  /** In the room, if it comes to that; tells how it ended. */
  const outcomeOf = Effect.fnUntraced(function*(
    assignment: Assignment,
    self: Live,
    scope: Scope.Scope,
    report: (report: Report) => Effect.Effect<void>
  ): Effect.fn.Return<Report> {
    const joined = yield* joinRoom(assignment, self.ending, scope, options)
    if (Exit.isFailure(joined)) {
      yield* logFailure("the room could not be joined", joined.cause)
      return failure(joined.cause)
    }
    if (Option.isNone(joined.value)) return endedBy(yield* Deferred.await(self.ending))
    yield* report({ status: "running" })
    const joinMs = Math.round((yield* monotonic) - self.startedAt)
    yield* metrics.joined(joinMs)
    yield* Effect.annotateLogs(Effect.logInfo("the job begins"), { joinMs })
    return yield* perform(assignment, joined.value.value, self.ending)
  })

  return {
    run: (assignment, report) =>
      Effect.gen(function*() {
        const { id } = assignment.job
        const self = jobs.begin(id, yield* monotonic)
        yield* metrics.jobs(jobs.size)
        const scope = yield* Scope.make()
        // Whatever breaks, the server hears of the end.
        const outcome = yield* Effect.catchCause(
          outcomeOf(assignment, self, scope, report),
          (cause) => Effect.as(logFailure("the job failed", cause), failure(cause))
        )
        yield* report(outcome)
        yield* metrics.ended(outcome.status)
        yield* tidyUp("leave", Scope.close(scope, Exit.void), settings.leaveTimeout, gracePeriod)
        jobs.over(id)
        yield* metrics.jobs(jobs.size)
        const lastedMs = Math.round((yield* monotonic) - self.startedAt)
        yield* Effect.annotateLogs(Effect.logInfo("the job is over"), { status: outcome.status, lastedMs })
      }).pipe(
        Effect.annotateLogs({
          [Metrics.annotationNames.job]: assignment.job.id,
          room: masked(assignment.job.room.name)
        }),
        Effect.uninterruptible
      ),
    end: (id, reason) => Effect.sync(() => jobs.end(id, reason)),
    endAll: (reason) => Effect.sync(() => jobs.endAll(reason)),
    hurry: gracePeriod.hurry,
    running: () => jobs.running
  }
}

export const describe = (job: JobRequest): Readonly<Record<string, string>> =>
  maskedAll({
    [Metrics.annotationNames.job]: job.id,
    room: job.room.name,
    ...(job.participant === undefined ? {} : { [Metrics.annotationNames.participant]: job.participant.identity })
  })
