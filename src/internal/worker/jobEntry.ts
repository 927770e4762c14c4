/**
 * One job in its room: its entry runs in a scope of its own, until it ends, the room is over, or
 * the job is asked to end. Then the entry is interrupted, its callbacks run and its scope closes,
 * each within its own time limit. An entry that goes on is left behind, and the job is reported all
 * the same. A failure is logged here.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Metrics from "../../Metrics.ts"
import type { Room } from "../../Room.ts"
import type { Definition, Job } from "../../Worker.ts"
import { masked } from "../numbers.ts"
import { registering } from "../plain.ts"
import { CurrentJob } from "../session.ts"
import { callerSpan } from "./childTrace.ts"
import { logFailure, nameOf } from "./failureLog.ts"
import { type GracePeriod, settle, tidyUp } from "./gracePeriod.ts"
import type { Assignment, EndReason, Report } from "./job.ts"
import type { JobSettings } from "./options.ts"
import type { Entry } from "./prewarm.ts"

export interface Options {
  readonly definition: Definition<unknown>
  readonly entry: Entry
  readonly settings: JobSettings
  readonly gracePeriod: GracePeriod
  /** An entry goes on, although its job is over. */
  readonly onStuck: (job: string, entry: Fiber.Fiber<unknown, unknown>) => Effect.Effect<void>
}

const facts = ({ job }: Assignment, agentName: string): Readonly<Record<string, string>> => ({
  id: job.id,
  room: job.room.name,
  ...(agentName === "" ? {} : { agentName })
})

export const failure = (cause: Cause.Cause<unknown>): Report => ({ status: "failed", error: nameOf(cause) })

/** What the server is told of a job that was asked to end. */
export const endedBy = (reason: EndReason): Report =>
  reason === "terminated" || reason === "room_ended"
    ? { status: "success" }
    : { status: "failed", error: reason === "drained" ? "the worker was drained" : "the worker was stopped" }

type Callback = Effect.Effect<unknown, unknown>

/** The newest first, whatever becomes of the others. */
const shutdown = (callbacks: ReadonlyArray<Callback>): Effect.Effect<void> =>
  Effect.forEach(
    callbacks.toReversed(),
    (callback) => Effect.catchCause(callback, (cause) => logFailure("failed", cause, { step: "onShutdown" })),
    { discard: true }
  )

/** What an entry has come to, and what it failed with, if it did. */
interface Outcome {
  readonly report: Report
  readonly cause: Cause.Cause<unknown> | undefined
}

const told = ({ cause, report }: Outcome): Effect.Effect<Report> =>
  cause !== undefined
    ? Effect.as(logFailure("the job failed", cause), failure(cause))
    : report.status === "failed"
    ? Effect.as(Effect.annotateLogs(Effect.logWarning("the job failed"), { reason: report.error }), report)
    : Effect.succeed(report)

/** Runs the entry of a job; `ending` is done by whoever asks it to end, or when the room is over. */
export const makePerform = ({ definition, entry, gracePeriod, onStuck, settings }: Options) => {
  /** Until the entry has ended, or was asked to. */
  const outcome = Effect.fnUntraced(function*(
    id: string,
    fiber: Fiber.Fiber<unknown, unknown>,
    room: Room["Service"],
    ending: Deferred.Deferred<EndReason>
  ): Effect.fn.Return<Outcome> {
    const roomOver = room.ended.pipe(
      Effect.andThen(Effect.sleep(settings.afterRoom)),
      Effect.as<EndReason>("room_ended")
    )
    const first = yield* Effect.raceFirst(
      Effect.map(Fiber.await(fiber), (exit) => ({ exit })),
      Effect.map(Effect.raceFirst(Deferred.await(ending), roomOver), (reason) => ({ reason }))
    )
    if ("exit" in first) {
      return { report: { status: "success" }, cause: Exit.isFailure(first.exit) ? first.exit.cause : undefined }
    }
    yield* Deferred.succeed(ending, first.reason)
    const report = endedBy(first.reason)
    fiber.interruptUnsafe()
    const exit = yield* settle(fiber, settings.shutdownTimeout, gracePeriod)
    if (Option.isNone(exit)) {
      yield* onStuck(id, fiber)
      return { report, cause: undefined }
    }
    const broke = Exit.isFailure(exit.value) && !Cause.hasInterruptsOnly(exit.value.cause)
    return { report, cause: broke ? exit.value.cause : undefined }
  })

  return Effect.fnUntraced(function*(
    assignment: Assignment,
    room: Room["Service"],
    ending: Deferred.Deferred<EndReason>
  ): Effect.fn.Return<Report> {
    const callbacks: Array<Callback> = []
    const job: Job = {
      ...assignment.job,
      identity: assignment.identity,
      ending: Deferred.await(ending),
      onShutdown: registering((callback) => void callbacks.push(callback))
    }
    const scope = yield* Scope.make()
    const fiber = yield* entry(job, room).pipe(
      Scope.provide(scope),
      Effect.withSpan("job", {
        ...Option.match(callerSpan(job), { onNone: () => ({ root: true }), onSome: (parent) => ({ parent }) }),
        attributes: { [Metrics.annotationNames.job]: job.id, room: masked(job.room.name) }
      }),
      Effect.provideService(CurrentJob, facts(assignment, definition.agentName)),
      Effect.forkDetach
    )
    const report = yield* outcome(job.id, fiber, room, ending).pipe(
      // A room that breaks ends its job like any other.
      Effect.catchCause((cause) =>
        Effect.sync((): Outcome => {
          fiber.interruptUnsafe()
          return { report: failure(cause), cause }
        })
      ),
      Effect.flatMap(told)
    )
    yield* tidyUp("onShutdown", Effect.suspend(() => shutdown(callbacks)), settings.callbackTimeout, gracePeriod)
    yield* tidyUp("scope", Scope.close(scope, Exit.void), settings.shutdownTimeout, gracePeriod)
    return report
  })
}
