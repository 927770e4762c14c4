/** Offers, assignments and jobs of a worker: who may come in, who is in. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Decision, Definition } from "../../Worker.ts"
import type { Link } from "./connection.ts"
import type { Executor } from "./executor.ts"
import { logFailure } from "./failureLog.ts"
import { bounded, makeGracePeriod } from "./gracePeriod.ts"
import { type Assignment, isFinal, type JobRequest, type Report } from "./job.ts"
import { describe } from "./jobRunner.ts"
import * as metrics from "./metrics.ts"
import type { Accepted, Incoming } from "./protocol.ts"

/** The server waits for 2.5 seconds before it gives the job up. */
const decideWithin = 2000
const assignedWithin = 7500
const mostOffers = 1000
const mostReports = 1000

interface Reserved {
  readonly as: Accepted
  readonly assigned: Deferred.Deferred<void>
  fiber: Fiber.Fiber<void> | undefined
}

export interface Assignments {
  readonly onMessage: (link: Link, message: Incoming) => Effect.Effect<void>
  /** Tells a new connection about the jobs that go on, and what it has not heard. */
  readonly resume: (link: Link) => void
  /** Nothing that was accepted on the lost connection will be assigned. */
  readonly release: Effect.Effect<void>
  readonly running: () => number
  /** Jobs that run, and those that have been accepted and not assigned yet. */
  readonly taken: () => number
  /** Waits until no job runs and none is coming. */
  readonly idle: Effect.Effect<void>
}

const isText = (u: unknown): boolean => u === undefined || typeof u === "string"

/** What comes from JavaScript may be anything, and what cannot be sent would cost the connection. */
const isDecision = (u: unknown): boolean =>
  typeof u === "boolean" || u === "end" || (
    typeof u === "object" && u !== null &&
    ["identity", "name", "metadata"].every((key) => isText(Reflect.get(u, key))) &&
    Object.values(Reflect.get(u, "attributes") ?? {}).every((value) => typeof value === "string")
  )

const asAccepted = (job: JobRequest, decision: Exclude<Decision, false | "end">, agentName: string): Accepted => {
  const as = decision === true ? {} : decision
  return {
    identity: as.identity === undefined || as.identity === "" ? `agent-${job.id}` : as.identity,
    name: as.name ?? "",
    metadata: as.metadata ?? "",
    attributes: agentName === "" ? { ...as.attributes } : { "lk.agent.name": agentName, ...as.attributes }
  }
}

export const makeAssignments = (options: {
  readonly definition: Definition<unknown>
  readonly executor: () => Executor | undefined
  readonly url: string
  /** Signs what lets an agent take others out of a room. */
  readonly admin: (room: string) => Effect.Effect<Redacted.Redacted>
  /** Why no job is taken now. */
  readonly problem: () => string | undefined
  readonly link: () => Link | undefined
  readonly changed: Effect.Effect<void>
}): Assignments => {
  const { changed, definition } = options
  const reserved = new Map<string, Reserved>()
  const jobs = new Set<string>()
  const unheard = new Map<string, Report>()
  const idle = Latch.makeUnsafe(true)
  const patience = makeGracePeriod()
  let offers = 0

  const settle = Effect.suspend(() => {
    if (jobs.size + reserved.size === 0) idle.openUnsafe()
    else idle.closeUnsafe()
    return changed
  })

  const decide = (job: JobRequest): Effect.Effect<Decision> => {
    const { accept } = definition.options
    if (accept === undefined) return Effect.succeed(true)
    const decision = bounded(Effect.suspend(() => accept(job)), decideWithin, patience)
    return Effect.flatMap(decision, (exit): Effect.Effect<Decision> => {
      if (Option.isNone(exit)) {
        return Effect.as(Effect.logWarning("accept took too long, the job is declined"), false)
      }
      return Exit.match(exit.value, {
        onSuccess: (decided) =>
          isDecision(decided)
            ? Effect.succeed(decided)
            : Effect.as(Effect.logWarning("accept gave what cannot be sent, the job is declined"), false),
        onFailure: (cause) => Effect.as(logFailure("accept has failed, the job is declined", cause), false)
      })
    })
  }

  const decline = (link: Link, job: JobRequest, end: boolean, why: string) => {
    link.send({ _tag: "Decline", job: job.id, end })
    return Effect.andThen(
      metrics.offer("declined"),
      Effect.logInfo("a job is declined").pipe(Effect.annotateLogs({ why }))
    )
  }

  /** Nothing but the answer: the server gives up soon. */
  const offered = Effect.fnUntraced(function*(link: Link, job: JobRequest) {
    const problem = jobs.has(job.id) ? "it runs already" : options.problem() ??
      (offers >= mostOffers ? "too many offers at once" : undefined)
    if (problem !== undefined) return yield* decline(link, job, false, problem)
    const held: Reserved = { as: asAccepted(job, true, ""), assigned: Deferred.makeUnsafe(), fiber: undefined }
    reserved.set(job.id, held)
    offers++
    yield* settle
    const decision = yield* Effect.ensuring(decide(job), Effect.sync(() => void offers--))
    if (decision === false || decision === "end") {
      return yield* decline(link, job, decision === "end", "accept says so")
    }
    const as = asAccepted(job, decision, definition.agentName)
    reserved.set(job.id, { ...held, as })
    link.send({ _tag: "Accept", job: job.id, as })
    const assigned = yield* Effect.timeoutOption(Deferred.await(held.assigned), assignedWithin)
    if (Option.isSome(assigned)) return yield* metrics.offer("accepted")
    yield* metrics.offer("lost")
    yield* Effect.logWarning("an accepted job was not assigned in time").pipe(
      Effect.annotateLogs({ afterMs: assignedWithin })
    )
  })

  const offer = (link: Link, job: JobRequest) =>
    Effect.gen(function*() {
      const fiber = yield* offered(link, job).pipe(
        Effect.ensuring(Effect.suspend(() => reserved.delete(job.id) ? settle : Effect.void)),
        Effect.annotateLogs(describe(job)),
        Effect.forkDetach({ startImmediately: true })
      )
      const held = reserved.get(job.id)
      if (held !== undefined) held.fiber = fiber
    })

  const report = (id: string) => (report: Report): Effect.Effect<void> =>
    Effect.suspend(() => {
      const link = options.link()
      if (link !== undefined) {
        link.send({ _tag: "Job", job: id, report })
        // The server must hear it before it sees the agent leave.
        return isFinal(report) ? link.flush : Effect.void
      }
      if (isFinal(report) && unheard.size < mostReports) unheard.set(id, report)
      return Effect.void
    })

  const start = (assignment: Assignment) => {
    const { id } = assignment.job
    const executor = options.executor()
    if (executor === undefined) return report(id)({ status: "failed", error: "the worker is not ready" })
    const job = executor.run(assignment, report(id)).pipe(
      Effect.ensuring(Effect.suspend(() => {
        jobs.delete(id)
        return settle
      })),
      Effect.tapCause((cause) => Effect.logError("a job broke", cause))
    )
    jobs.add(id)
    return Effect.andThen(settle, Effect.forkDetach(job))
  }

  const assigned = Effect.fnUntraced(function*(link: Link, message: Extract<Incoming, { _tag: "Assigned" }>) {
    const { job, token, url } = message
    const held = reserved.get(job.id)
    if (jobs.has(job.id)) return
    if (held === undefined) {
      link.send({ _tag: "Job", job: job.id, report: { status: "failed", error: "the assignment came too late" } })
      return yield* Effect.logWarning("a job was assigned that nobody waits for").pipe(
        Effect.annotateLogs(describe(job))
      )
    }
    yield* start({
      job,
      identity: held.as.identity,
      url: url ?? options.url,
      token: Redacted.make(token),
      admin: yield* options.admin(job.room.name)
    })
    yield* Deferred.succeed(held.assigned, undefined)
  })

  return {
    onMessage: (link, message) => {
      switch (message._tag) {
        case "Available":
          return offer(link, message.job)
        case "Assigned":
          return assigned(link, message)
        case "Terminated":
          return options.executor()?.end(message.job, "terminated") ?? Effect.void
        case "Registered":
        case "Pong":
          return Effect.void
        case "Unknown":
          return Effect.logDebug("a message of the server is not known")
      }
    },
    resume: (link) => {
      if (jobs.size > 0) link.send({ _tag: "Migrate", jobs: [...jobs] })
      for (const [job, report] of unheard) link.send({ _tag: "Job", job, report })
      unheard.clear()
    },
    release: Effect.sync(() => {
      for (const { fiber } of reserved.values()) fiber?.interruptUnsafe()
    }),
    running: () => jobs.size,
    taken: () => jobs.size + reserved.size,
    idle: idle.await
  }
}
