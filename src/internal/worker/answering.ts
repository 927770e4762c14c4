/**
 * Calls that come to this process by themselves, each as a job of it: what a worker
 * does with the jobs of a server, without one. It drains when it is asked to, and
 * stops when its scope closes.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Metrics from "../../Metrics.ts"
import type { Room, RoomError } from "../../Room.ts"
import type { Definition, Status } from "../../Worker.ts"
import * as Check from "../options.ts"
import { Capacity, type Limits } from "./capacity.ts"
import type { Connection } from "./connection.ts"
import { invalid, type WorkerError } from "./errors.ts"
import { makeLocal } from "./executor.ts"
import { serveHttp } from "./http.ts"
import { JobTable } from "./jobTable.ts"
import * as metrics from "./metrics.ts"
import { checkDefinition, draining, type HttpSettings } from "./options.ts"
import { makeProbe } from "./probe.ts"

const updateInterval = 2500

/** What is made of the calls by those who take them. */
export interface Shared {
  readonly agentName: string
  readonly table: JobTable
  readonly capacity: Capacity
}

/** Those who take calls. */
export interface Takers {
  /** The room of a job that has just begun. */
  readonly roomOf: (job: string) => Effect.Effect<Room["Service"], RoomError, Scope.Scope>
  /** The jobs are ended now: whoever was promised a place has none, and who is there is told to go elsewhere. */
  readonly release: Effect.Effect<void>
}

export interface AnsweringOptions<T extends Takers> {
  /** What it is, in the log. */
  readonly name: string
  readonly limits: Limits
  readonly http: HttpSettings | undefined
  /** How long jobs may go on when it drains (ms). */
  readonly drainTimeout: number
  readonly takers: (shared: Shared) => Effect.Effect<T, WorkerError, Scope.Scope>
  /** Opens the door, once all is ready; tells its port. */
  readonly listen: (takers: T) => Effect.Effect<number, WorkerError, Scope.Scope>
}

export interface Answering {
  readonly port: number
  readonly ports: ReadonlyArray<number>
  readonly status: Effect.Effect<
    Pick<Status, "ready" | "problem" | "draining" | "load"> & { readonly calls: number; readonly maxCalls: number }
  >
  readonly drain: (options?: { readonly limit?: Duration.Input | undefined }) => Effect.Effect<void, WorkerError>
  readonly stop: Effect.Effect<void>
  readonly ended: Effect.Effect<void>
}

export const makeAnswering = <E, T extends Takers>(
  definition: Definition<E>,
  options: AnsweringOptions<T>
): Effect.Effect<Answering, WorkerError | E, Scope.Scope> =>
  Effect.gen(function*() {
    const { name } = options
    // Callers come by themselves: there is nobody to register with, and nobody to tell.
    const nobody: Connection = { id: name, send: () => {}, flush: Effect.void }
    const jobSettings = yield* checkDefinition(definition)
    yield* Metrics.register
    metrics.register(yield* Effect.context<never>())
    const probe = yield* makeProbe
    const table = new JobTable()
    const capacity = new Capacity(options.limits, table, probe)
    capacity.connected(nobody)
    const ports = yield* serveHttp(options.http, {
      definition,
      status: capacity.status,
      usage: probe,
      lostAt: () => undefined,
      executor: () => capacity.executor
    })
    const takers = yield* options.takers({ agentName: definition.agentName, table, capacity })
    const connect = ({ job }: { readonly job: { readonly id: string } }) => takers.roomOf(job.id)
    const executor = yield* makeLocal(
      { ...definition, options: { ...definition.options, connect } },
      { ...jobSettings, connect }
    )
    capacity.executor = executor
    const port = yield* options.listen(takers)
    yield* capacity.tell
    const update = Effect.andThen(capacity.measure, capacity.tell)
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(updateInterval), update)))

    const ended = yield* Deferred.make<void>()
    const close = Effect.asVoid(Deferred.succeed(ended, undefined))
    const beginDrain = Effect.suspend(() => {
      capacity.drain()
      return capacity.tell
    })
    const leave = (reason: "drained" | "stopped") =>
      takers.release.pipe(Effect.andThen(executor.endAll(reason)), Effect.andThen(table.idle))
    yield* Effect.addFinalizer(() => Effect.andThen(beginDrain, Effect.andThen(leave("stopped"), close)))
    yield* Effect.annotateLogs(Effect.logInfo(`the ${name} is ready`), { port })
    return {
      port,
      ports,
      status: Effect.map(capacity.status, ({ draining, jobs, load, maxJobs, problem, ready }) => ({
        ready,
        problem,
        draining,
        load,
        calls: jobs,
        maxCalls: maxJobs
      })),
      drain: (asked = {}) =>
        Effect.gen(function*() {
          const { limit = options.drainTimeout } = yield* Check.readOrFail(draining, asked, invalid)
          yield* beginDrain
          yield* Effect.annotateLogs(Effect.logInfo(`the ${name} drains`), { calls: table.running.size })
          const done = yield* Effect.timeoutOption(table.idle, limit)
          if (done._tag === "None") yield* leave("drained")
          yield* close
        }),
      stop: beginDrain.pipe(
        Effect.andThen(executor.hurry),
        Effect.andThen(leave("stopped")),
        Effect.andThen(close)
      ),
      ended: Deferred.await(ended)
    }
  })
