/**
 * Answers calls: what a worker does with the jobs of a LiveKit server, done with
 * the calls of a carrier. Each call is a job of this process, with its own room and
 * scope; it drains when it is asked to, and stops when its scope closes.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Metrics from "../../Metrics.ts"
import type { Telephone, TelephoneOptions } from "../../Telephone.ts"
import type { Definition } from "../../Worker.ts"
import * as Check from "../options.ts"
import { Capacity } from "../worker/capacity.ts"
import type { Connection } from "../worker/connection.ts"
import { invalid, type WorkerError } from "../worker/errors.ts"
import { makeLocal } from "../worker/executor.ts"
import { serveHttp } from "../worker/http.ts"
import { JobTable } from "../worker/jobTable.ts"
import * as metrics from "../worker/metrics.ts"
import { checkDefinition, draining } from "../worker/options.ts"
import { makeProbe } from "../worker/probe.ts"
import { untilSignalled } from "../worker/signals.ts"
import { makeCalls } from "./calls.ts"
import { check } from "./options.ts"
import { serveCarrier } from "./server.ts"

const updateInterval = 2500

/** A carrier comes by itself: there is nobody to register with, and nobody to tell. */
const nobody: Connection = { id: "telephone", send: () => {}, flush: Effect.void }

export const make = <E>(
  definition: Definition<E>,
  options: TelephoneOptions
): Effect.Effect<Telephone, WorkerError | E, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* check(options)
    const jobSettings = yield* checkDefinition(definition)
    yield* Metrics.register
    metrics.register(yield* Effect.context<never>())
    const probe = yield* makeProbe
    const table = new JobTable()
    const capacity = new Capacity(settings.limits, table, probe)
    capacity.connected(nobody)
    const ports = yield* serveHttp(settings.http, {
      definition,
      status: capacity.status,
      usage: probe,
      lostAt: () => undefined,
      executor: () => capacity.executor
    })
    const calls = yield* makeCalls({ agentName: definition.agentName, table, capacity })
    const connect = ({ job }: { readonly job: { readonly id: string } }) => calls.roomOf(job.id)
    const executor = yield* makeLocal(
      { ...definition, options: { ...definition.options, connect } },
      { ...jobSettings, connect }
    )
    capacity.executor = executor
    const port = yield* serveCarrier(settings, calls)
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
      calls.release.pipe(Effect.andThen(executor.endAll(reason)), Effect.andThen(table.idle))
    yield* Effect.addFinalizer(() => Effect.andThen(beginDrain, Effect.andThen(leave("stopped"), close)))
    yield* Effect.annotateLogs(Effect.logInfo("the telephone is ready"), { port })
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
          const { limit = settings.drainTimeout } = yield* Check.readOrFail(draining, asked, invalid)
          yield* beginDrain
          yield* Effect.annotateLogs(Effect.logInfo("the telephone drains"), { calls: table.running.size })
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

export const serve = <E>(definition: Definition<E>, options: TelephoneOptions): Effect.Effect<void, WorkerError | E> =>
  untilSignalled(make(definition, options))
