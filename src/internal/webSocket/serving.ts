/**
 * Callers at browsers and devices as a worker's jobs: each call is a job of this
 * process, with the health, drain, metrics and logs of one.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Room, RoomError } from "../../Room.ts"
import type { Definition } from "../../Worker.ts"
import { logOwn } from "../foreign.ts"
import { type Answering, makeAnswering, type Shared, type Takers } from "../worker/answering.ts"
import type { WorkerError } from "../worker/errors.ts"
import type { JobRequest } from "../worker/job.ts"
import * as metrics from "../worker/metrics.ts"
import { untilSignalled } from "../worker/signals.ts"
import { type Answer, type Calls, type CallsSettings, makeCalls, type Ringing } from "./calls.ts"
import { listen } from "./listen.ts"
import { checkServer, type Options } from "./options.ts"

const requestOf = ({ caller, name }: Ringing, agentName: string): JobRequest => {
  const { attributes = {}, identity, metadata = "" } = caller
  return {
    id: name,
    dispatch: "",
    type: "participant",
    room: { name, sid: "", metadata: "" },
    participant: { identity, name: caller.name ?? "", metadata, attributes },
    agentName,
    metadata,
    attributes
  }
}

/** Answers each call as a job of the table. */
const makeDesk = ({ agentName, capacity, table }: Shared) => {
  const rooms = new Map<string, Ringing["room"]>()
  let leaving = false
  const desk: Answer = {
    place: (name) =>
      Effect.suspend(() => {
        const { isDraining, problem } = capacity
        // Before anyone looks again: it counts from now on.
        if (problem === undefined) table.begin(name)
        return Effect.as(
          metrics.offer(problem === undefined ? "accepted" : "declined"),
          problem === undefined ? undefined : isDraining ? "draining" : "busy"
        )
      }),
    answer: (ringing) => {
      const { name } = ringing
      const { executor } = capacity
      const assignment = {
        job: requestOf(ringing, agentName),
        identity: "agent",
        url: "",
        token: Redacted.make("")
      }
      return Effect.suspend(() => {
        if (executor === undefined || leaving) return Effect.void
        rooms.set(name, ringing.room)
        return Effect.andThen(capacity.tell, executor.run(assignment, () => Effect.void))
      }).pipe(
        Effect.ensuring(Effect.suspend(() => {
          rooms.delete(name)
          table.end(name)
          return capacity.tell
        })),
        Effect.catchCause((cause) => logOwn("a call broke", cause))
      )
    }
  }
  return {
    desk,
    leave: () => {
      leaving = true
    },
    roomOf: (name: string): Effect.Effect<Room["Service"], RoomError, Scope.Scope> =>
      Effect.suspend(() => rooms.get(name) ?? Effect.die(`no call ${name}`))
  }
}

const takers = (settings: CallsSettings) => (shared: Shared): Effect.Effect<Takers & Calls, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { desk, leave, roomOf } = makeDesk(shared)
    const calls = yield* makeCalls(settings, desk)
    return {
      ...calls,
      roomOf,
      release: Effect.sync(() => {
        leave()
        calls.sendAway()
      })
    }
  })

export const make = <E>(
  definition: Definition<E>,
  options: Options
): Effect.Effect<Answering, WorkerError | E, Scope.Scope> =>
  Effect.flatMap(checkServer(options), (settings) =>
    makeAnswering(definition, {
      name: "server of calls",
      limits: settings.limits,
      http: settings.http,
      drainTimeout: settings.drainTimeout,
      takers: takers(settings.calls),
      listen: ({ accept }) => listen({ ...settings.listen, pages: {}, accept })
    }))

export const serve = <E>(definition: Definition<E>, options: Options): Effect.Effect<void, WorkerError | E> =>
  untilSignalled(make(definition, options))
