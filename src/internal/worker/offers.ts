/**
 * Offers of jobs: who decides, what the server is answered, and what becomes of
 * the place that is held. An offer has a fiber of its own, which ends when the
 * job was assigned, when that took too long, or when the connection is lost.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Decision, Definition } from "../../Worker.ts"
import { settled } from "../plain.ts"
import type { Capacity } from "./capacity.ts"
import type { Connection } from "./connection.ts"
import { logFailure } from "./failureLog.ts"
import { bounded, makeGracePeriod } from "./gracePeriod.ts"
import type { JobRequest } from "./job.ts"
import { describe } from "./jobRunner.ts"
import type { JobTable, Reservation } from "./jobTable.ts"
import * as metrics from "./metrics.ts"
import type { Accepted } from "./protocol.ts"

export interface Offers {
  /** Answers in a fiber of its own. */
  readonly offer: (connection: Connection, job: JobRequest) => Effect.Effect<void>
  /** Nothing that was accepted on the lost connection will be assigned. */
  readonly release: Effect.Effect<void>
}

/** The server waits for 2.5 seconds before it gives the job up. */
const decideWithin = 2000
const assignedWithin = 7500
const mostOffers = 1000

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

/** None where `accept` has not decided: then the log has why. */
type Decided = Decision | undefined

/** What the definition says to an offer, in time. */
const makeDecide = ({ options: { accept } }: Definition<unknown>): (job: JobRequest) => Effect.Effect<Decided> => {
  if (accept === undefined) return () => Effect.succeed(true)
  const gracePeriod = makeGracePeriod()
  return (job) =>
    Effect.flatMap(
      bounded(settled("accept", () => accept(job)), decideWithin, gracePeriod),
      (exit): Effect.Effect<Decided> => {
        if (Option.isNone(exit)) {
          return Effect.as(Effect.logWarning("accept took too long, the job is declined"), undefined)
        }
        return Exit.match(exit.value, {
          onSuccess: (decided) =>
            isDecision(decided)
              ? Effect.succeed(decided)
              : Effect.as(Effect.logWarning("accept gave what cannot be sent, the job is declined"), undefined),
          onFailure: (cause) => Effect.as(logFailure("accept has failed, the job is declined", cause), undefined)
        })
      }
    )
}

const decline = (connection: Connection, job: JobRequest, end: boolean, why: string): Effect.Effect<void> => {
  connection.send({ _tag: "Decline", job: job.id, end })
  return Effect.andThen(
    metrics.offer("declined"),
    Effect.logInfo("a job is declined").pipe(Effect.annotateLogs({ why }))
  )
}

export const makeOffers = (options: {
  readonly definition: Definition<unknown>
  readonly table: JobTable
  readonly capacity: Capacity
}): Offers => {
  const { capacity, definition, table } = options
  const decide = makeDecide(definition)
  let undecided = 0

  const problem = (job: JobRequest): string | undefined =>
    table.running.has(job.id)
      ? "it runs already"
      : capacity.problem ?? (undecided >= mostOffers ? "too many offers at once" : undefined)

  /** Nothing but the answer: the server gives up soon. */
  const answer = Effect.fnUntraced(function*(connection: Connection, job: JobRequest) {
    const why = problem(job)
    if (why !== undefined) return yield* decline(connection, job, false, why)
    const held: Reservation = { as: asAccepted(job, true, ""), assigned: Deferred.makeUnsafe(), fiber: undefined }
    table.reserve(job.id, held)
    undecided++
    yield* capacity.tell
    const decision = yield* Effect.ensuring(decide(job), Effect.sync(() => void undecided--))
    if (decision === undefined || decision === false || decision === "end") {
      const why = decision === undefined ? "accept has not decided" : "accept says so"
      return yield* decline(connection, job, decision === "end", why)
    }
    const as = asAccepted(job, decision, definition.agentName)
    table.reserve(job.id, { ...held, as })
    connection.send({ _tag: "Accept", job: job.id, as })
    const assigned = yield* Effect.timeoutOption(Deferred.await(held.assigned), assignedWithin)
    if (Option.isSome(assigned)) return yield* metrics.offer("accepted")
    yield* metrics.offer("lost")
    yield* Effect.logWarning("an accepted job was not assigned in time").pipe(
      Effect.annotateLogs({ afterMs: assignedWithin })
    )
  })

  return {
    offer: (connection, job) =>
      Effect.gen(function*() {
        const fiber = yield* answer(connection, job).pipe(
          Effect.ensuring(Effect.suspend(() => table.release(job.id) ? capacity.tell : Effect.void)),
          Effect.annotateLogs(describe(job)),
          Effect.forkDetach({ startImmediately: true })
        )
        const held = table.reservations.get(job.id)
        if (held !== undefined) held.fiber = fiber
      }),
    release: Effect.sync(() => {
      for (const { fiber } of table.reservations.values()) fiber?.interruptUnsafe()
    })
  }
}
