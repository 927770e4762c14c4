/** Jobs as fibers of this process, each in its own room. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Metrics from "../../Metrics.ts"
import type { Room, RoomError } from "../../Room.ts"
import type { Definition, Job } from "../../Worker.ts"
import { CurrentJob } from "../session.ts"
import { monotonic } from "../steady.ts"
import { logFailure, nameOf } from "./failureLog.ts"
import { bounded, makeGracePeriod, settle } from "./gracePeriod.ts"
import type { Assignment, EndReason, JobRequest, Report } from "./job.ts"
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

const facts = ({ job }: Assignment, agentName: string): Readonly<Record<string, string>> => ({
  id: job.id,
  room: job.room.name,
  ...(agentName === "" ? {} : { agentName })
})

const failure = (cause: Cause.Cause<unknown>): Report => ({ status: "failed", error: nameOf(cause) })

/** What the server is told of a job that was asked to end. */
const endedBy = (reason: EndReason): Report =>
  reason === "terminated" || reason === "room_ended"
    ? { status: "success" }
    : { status: "failed", error: reason === "drained" ? "the worker was drained" : "the worker was stopped" }

export const makeJobRunner = (definition: Definition<unknown>, entry: Entry, settings: JobSettings): JobRunner => {
  const live = new Map<string, Live>()
  const patience = makeGracePeriod()

  const warn = (message: string, annotations: Readonly<Record<string, string | number>> = {}) =>
    Effect.logWarning(message).pipe(Effect.annotateLogs(annotations))

  const tidy = (what: string, effect: Effect.Effect<unknown, unknown>, ms: number): Effect.Effect<void> =>
    Effect.flatMap(bounded(effect, ms, patience), (exit) => {
      if (Option.isNone(exit)) return warn("left behind", { step: what, afterMs: ms })
      return Exit.isFailure(exit.value) ? logFailure("failed", exit.value.cause, { step: what }) : Effect.void
    })

  /** None when the job ends first. Whoever cannot be interrupted is left behind, and leaves the room if they come after all. */
  const join = (
    assignment: Assignment,
    ending: Deferred.Deferred<EndReason>,
    scope: Scope.Scope
  ): Effect.Effect<Exit.Exit<Option.Option<Room["Service"]>, RoomError | Cause.TimeoutError>> =>
    Effect.gen(function*() {
      const joining = yield* settings.connect({
        url: assignment.url,
        token: assignment.token,
        admin: assignment.admin,
        autoSubscribe: definition.autoSubscribe,
        job: assignment.job
      }).pipe(Scope.provide(scope), Effect.forkDetach({ startImmediately: true }))
      const first = yield* Effect.raceFirst(
        settle(joining, settings.joinTimeout, patience),
        Effect.as(Deferred.await(ending), "ended" as const)
      )
      if (first === "ended") {
        joining.interruptUnsafe()
        return Exit.succeed(Option.none())
      }
      if (Option.isNone(first)) return Exit.fail(new Cause.TimeoutError())
      return Exit.map(first.value, Option.some)
    })

  const perform = Effect.fnUntraced(function*(
    assignment: Assignment,
    room: Room["Service"],
    self: Live
  ): Effect.fn.Return<Report> {
    const callbacks: Array<Effect.Effect<unknown, unknown>> = []
    const job: Job = {
      ...assignment.job,
      identity: assignment.identity,
      ending: Deferred.await(self.ending),
      onShutdown: (callback) => Effect.sync(() => void callbacks.push(callback))
    }
    const scope = yield* Scope.make()
    const fiber = yield* entry(job, room).pipe(
      Scope.provide(scope),
      Effect.withSpan("job", {
        root: true,
        attributes: { [Metrics.annotationNames.job]: job.id, room: job.room.name }
      }),
      Effect.provideService(CurrentJob, facts(assignment, definition.agentName)),
      Effect.forkDetach
    )
    const roomOver = room.ended.pipe(
      Effect.andThen(Effect.sleep(settings.afterRoom)),
      Effect.as<EndReason>("room_ended")
    )
    const first = yield* Effect.raceFirst(
      Effect.map(Fiber.await(fiber), (exit) => ({ exit })),
      Effect.map(Effect.raceFirst(Deferred.await(self.ending), roomOver), (reason) => ({ reason }))
    )
    let report: Report
    let cause: Cause.Cause<unknown> | undefined
    if ("exit" in first) {
      report = { status: "success" }
      if (Exit.isFailure(first.exit)) cause = first.exit.cause
    } else {
      yield* Deferred.succeed(self.ending, first.reason)
      report = endedBy(first.reason)
      fiber.interruptUnsafe()
      const exit = yield* settle(fiber, settings.shutdownTimeout, patience)
      if (Option.isNone(exit)) {
        yield* stuck(job.id, self, fiber)
      } else if (Exit.isFailure(exit.value) && !Cause.hasInterruptsOnly(exit.value.cause)) {
        cause = exit.value.cause
      }
    }
    if (cause !== undefined) {
      report = failure(cause)
      yield* logFailure("the job failed", cause)
    } else if (report.status === "failed") yield* warn("the job failed", { reason: report.error })
    const shutdown = Effect.forEach(
      callbacks.toReversed(),
      (callback) => Effect.catchCause(callback, (cause) => logFailure("failed", cause, { step: "onShutdown" })),
      { discard: true }
    )
    yield* tidy("onShutdown", shutdown, settings.callbackTimeout)
    yield* tidy("scope", Scope.close(scope, Exit.void), settings.shutdownTimeout)
    return report
  })

  // It goes on in the background; operators see for how long.
  const ghosts = new Map<string, Live>()
  const stuck = (id: string, self: Live, fiber: Fiber.Fiber<unknown, unknown>) =>
    Effect.gen(function*() {
      self.stuckSince = yield* monotonic
      ghosts.set(id, self)
      fiber.addObserver(() => {
        if (ghosts.get(id) === self) ghosts.delete(id)
      })
      yield* warn("the entry goes on although the job is over", { afterMs: settings.shutdownTimeout })
    })

  const run: JobRunner["run"] = (assignment, report) =>
    Effect.gen(function*() {
      const { id } = assignment.job
      const startedAt = yield* monotonic
      const self: Live = { startedAt, ending: Deferred.makeUnsafe(), stuckSince: undefined }
      live.set(id, self)
      yield* metrics.jobs(live.size)
      const roomScope = yield* Scope.make()
      const joined = yield* join(assignment, self.ending, roomScope)
      let outcome: Report
      if (Exit.isFailure(joined)) {
        outcome = failure(joined.cause)
        yield* logFailure("the room could not be joined", joined.cause)
      } else if (Option.isNone(joined.value)) {
        outcome = endedBy(yield* Deferred.await(self.ending))
      } else {
        yield* report({ status: "running" })
        const joinMs = Math.round((yield* monotonic) - startedAt)
        yield* metrics.joined(joinMs)
        yield* Effect.annotateLogs(Effect.logInfo("the job begins"), { joinMs })
        outcome = yield* perform(assignment, joined.value.value, self)
      }
      yield* report(outcome)
      yield* metrics.ended(outcome.status)
      yield* tidy("leave", Scope.close(roomScope, Exit.void), settings.leaveTimeout)
      live.delete(id)
      yield* metrics.jobs(live.size)
      const lastedMs = Math.round((yield* monotonic) - startedAt)
      yield* Effect.annotateLogs(Effect.logInfo("the job is over"), { status: outcome.status, lastedMs })
    }).pipe(
      Effect.annotateLogs({ [Metrics.annotationNames.job]: assignment.job.id, room: assignment.job.room.name }),
      Effect.uninterruptible
    )

  const ask = (self: Live, reason: EndReason) => Effect.asVoid(Deferred.succeed(self.ending, reason))

  return {
    run,
    end: (id, reason) => {
      const self = live.get(id)
      return self === undefined ? Effect.void : ask(self, reason)
    },
    endAll: (reason) =>
      Effect.suspend(() => Effect.forEach([...live.values()], (self) => ask(self, reason), { discard: true })),
    hurry: patience.hurry,
    running: () => {
      const all = new Map([...ghosts, ...live])
      return Array.from(all, ([id, { startedAt, stuckSince }]) => ({ id, startedAt, stuckSince }))
    }
  }
}

export const describe = (job: JobRequest): Readonly<Record<string, string>> => ({
  [Metrics.annotationNames.job]: job.id,
  room: job.room.name,
  ...(job.participant === undefined ? {} : { [Metrics.annotationNames.participant]: job.participant.identity })
})
