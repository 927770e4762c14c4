/**
 * What a server says about jobs, and what it hears of them: an offer that was
 * accepted is assigned, runs, and is reported until it is over. Jobs outlive a
 * connection: what the server has not heard is told on the next one.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Definition } from "../../Worker.ts"
import { logOwn } from "../foreign.ts"
import type { Capacity } from "./capacity.ts"
import type { Connection } from "./connection.ts"
import { type Assignment, isFinal, type Report } from "./job.ts"
import { describe } from "./jobRunner.ts"
import type { JobTable } from "./jobTable.ts"
import { makeOffers, type Offers } from "./offers.ts"
import type { Incoming } from "./protocol.ts"

export interface Assignments extends Pick<Offers, "release"> {
  readonly onMessage: (connection: Connection, message: Incoming) => Effect.Effect<void>
  /** Tells a new connection about the jobs that go on, and what it has not heard. */
  readonly resume: (connection: Connection) => void
}

const mostReports = 1000

export const makeAssignments = (options: {
  readonly definition: Definition<unknown>
  readonly url: string
  /** Signs what lets an agent take others out of a room. */
  readonly admin: (room: string) => Effect.Effect<Redacted.Redacted>
  readonly table: JobTable
  readonly capacity: Capacity
}): Assignments => {
  const { capacity, table } = options
  const offers = makeOffers(options)
  const unheard = new Map<string, Report>()

  const reporting = (id: string) => (report: Report): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { connection } = capacity
      if (connection !== undefined) {
        connection.send({ _tag: "Job", job: id, report })
        // The server must hear it before it sees the agent leave.
        return isFinal(report) ? connection.flush : Effect.void
      }
      if (isFinal(report) && unheard.size < mostReports) unheard.set(id, report)
      return Effect.void
    })

  const start = (assignment: Assignment) => {
    const { id } = assignment.job
    const { executor } = capacity
    const report = reporting(id)
    if (executor === undefined) return report({ status: "failed", error: "the worker is not ready" })
    const job = executor.run(assignment, report).pipe(
      Effect.ensuring(Effect.suspend(() => {
        table.end(id)
        return capacity.tell
      })),
      Effect.tapCause((cause) => logOwn("a job broke", cause))
    )
    table.begin(id)
    return Effect.andThen(capacity.tell, Effect.forkDetach(job))
  }

  const assigned = Effect.fnUntraced(function*(
    connection: Connection,
    message: Extract<Incoming, { _tag: "Assigned" }>
  ) {
    const { job, token, url } = message
    const held = table.reservations.get(job.id)
    if (table.running.has(job.id)) return
    if (held === undefined) {
      const report = { status: "failed", error: "the assignment came too late" } as const
      connection.send({ _tag: "Job", job: job.id, report })
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
    onMessage: (connection, message) => {
      switch (message._tag) {
        case "Available":
          return offers.offer(connection, message.job)
        case "Assigned":
          return assigned(connection, message)
        case "Terminated":
          return capacity.executor?.end(message.job, "terminated") ?? Effect.void
        case "Registered":
        case "Pong":
          return Effect.void
        case "Unknown":
          return Effect.logDebug("a message of the server is not known")
      }
    },
    resume: (connection) => {
      if (table.running.size > 0) connection.send({ _tag: "Migrate", jobs: [...table.running] })
      for (const [job, report] of unheard) connection.send({ _tag: "Job", job, report })
      unheard.clear()
    },
    release: offers.release
  }
}
