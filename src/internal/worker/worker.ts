/**
 * A worker: registers with its server, runs the jobs that it is assigned, and ends
 * in good order. It drains when it is asked to, and stops when its scope closes.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Metrics from "../../Metrics.ts"
import type { Definition, Options, Worker } from "../../Worker.ts"
import { within } from "../config/findings.ts"
import { removeParticipant } from "../livekitServer/rooms.ts"
import { callToken, roomToken } from "../livekitServer/token.ts"
import * as Check from "../options.ts"
import { makeAssignments } from "./assignments.ts"
import { Capacity } from "./capacity.ts"
import { ConnectionLost, invalid, WorkerError } from "./errors.ts"
import { type Executor, makeLocal } from "./executor.ts"
import { serveHttp } from "./http.ts"
import type { Assignment } from "./job.ts"
import { JobTable } from "./jobTable.ts"
import * as metrics from "./metrics.ts"
import { check, checkDefinition, draining, type JobSettings, type Settings } from "./options.ts"
import { watchOwnMemory } from "./ownMemory.ts"
import { makePool } from "./pool.ts"
import { makeProbe, memory } from "./probe.ts"
import { stayConnected } from "./registration.ts"
import { untilSignalled } from "./signals.ts"

const updateInterval = 2500

/**
 * Takes the agent of a process that has died out of its room. The server notices
 * by itself, but some 20 seconds later, in which the caller talks to nobody.
 */
const evict = (settings: Settings) => ({ identity, job, url }: Assignment): Effect.Effect<void> =>
  Effect.flatMap(
    roomToken(settings, job.room.name),
    (token) => removeParticipant({ url, token, room: job.room.name, identity })
  ).pipe(
    Effect.catch((why) =>
      Effect.logWarning("the agent of a process that has ended is still in its room").pipe(Effect.annotateLogs({ why }))
    )
  )

const makeExecutor = <E>(
  definition: Definition<E>,
  settings: Settings,
  jobSettings: JobSettings
): Effect.Effect<Executor, WorkerError | E, Scope.Scope> =>
  settings.pool === undefined
    ? makeLocal(definition, jobSettings)
    : makePool(settings.pool, jobSettings, evict(settings))

export const make = <E>(
  definition: Definition<E>,
  options: Options
): Effect.Effect<Worker, WorkerError | E, Scope.Scope> =>
  Effect.flatMap(
    check(definition, options),
    ([settings, given]) => within(given)(open(definition, settings))
  )

const open = <E>(
  definition: Definition<E>,
  settings: Settings
): Effect.Effect<Worker, WorkerError | E, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const jobSettings = yield* checkDefinition(definition)
    yield* Metrics.register
    metrics.register(yield* Effect.context<never>())
    const probe = yield* makeProbe
    const table = new JobTable()
    const capacity = new Capacity(settings, table, probe)
    const assignments = makeAssignments({
      definition,
      url: settings.url,
      admin: (room) => callToken(settings, room),
      table,
      capacity
    })
    const ports = yield* serveHttp(settings.http, {
      definition,
      status: capacity.status,
      usage: probe,
      lostAt: () => capacity.lostAt,
      executor: () => capacity.executor
    })
    const executor = yield* makeExecutor(definition, settings, jobSettings)
    capacity.executor = executor

    const ended = yield* Deferred.make<void, WorkerError>()
    const started = yield* Deferred.make<void, WorkerError>()
    const giveUp = (exit: Exit.Exit<never, WorkerError>) =>
      Effect.gen(function*() {
        capacity.drain()
        capacity.disconnect()
        // Their rooms may be well: the calls are let end.
        yield* Effect.timeoutOption(table.idle, settings.drainTimeout)
        yield* Deferred.done(started, exit)
        yield* Deferred.done(ended, exit)
      })
    const registration = yield* stayConnected(settings, definition, {
      onRegistered: (connection) =>
        Effect.suspend(() => {
          capacity.connected(connection)
          assignments.resume(connection)
          return Effect.andThen(capacity.tell, Deferred.succeed(started, undefined))
        }),
      onMessage: (message) =>
        Effect.suspend(() =>
          capacity.connection === undefined ? Effect.void : assignments.onMessage(capacity.connection, message)
        ),
      onLost: Effect.andThen(capacity.lost, Effect.andThen(assignments.release, capacity.tell))
    }).pipe(
      Effect.catch((error) => giveUp(Exit.fail(error))),
      // What nobody has thought of must not leave a worker that only seems to be there.
      Effect.catchDefect((defect) => giveUp(Exit.die(defect))),
      Effect.forkScoped
    )
    const close = yield* Effect.cached(Effect.gen(function*() {
      if (capacity.connection !== undefined) yield* capacity.connection.flush
      yield* Fiber.interrupt(registration)
      capacity.disconnect()
      yield* Deferred.succeed(ended, undefined)
    }))
    const leave = (reason: "drained" | "stopped") =>
      assignments.release.pipe(Effect.andThen(executor.endAll(reason)), Effect.andThen(table.idle))
    const beginDrain = Effect.suspend(() => {
      capacity.drain()
      return capacity.tell
    })
    const drain = (limit: number) =>
      Effect.gen(function*() {
        yield* beginDrain
        yield* Effect.logInfo("the worker drains").pipe(Effect.annotateLogs({ jobs: table.running.size }))
        const done = yield* Effect.timeoutOption(table.idle, limit)
        if (done._tag === "None") yield* leave("drained")
      })
    const lookAtMemory = watchOwnMemory({
      limitMb: settings.memoryLimit,
      availableBytes: memory(),
      drain: (error) =>
        drain(settings.drainTimeout).pipe(
          Effect.andThen(Deferred.fail(ended, error)),
          Effect.andThen(close),
          Effect.forkIn(scope)
        )
    })
    const update = capacity.measure.pipe(
      Effect.andThen(Effect.suspend(() => lookAtMemory(probe().memoryBytes))),
      Effect.andThen(capacity.tell)
    )
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(updateInterval), update)))
    yield* Effect.addFinalizer(() => beginDrain.pipe(Effect.andThen(leave("stopped")), Effect.andThen(close)))
    yield* Deferred.await(started)
    return {
      status: capacity.status,
      drain: (asked = {}) =>
        Effect.gen(function*() {
          const { limit = settings.drainTimeout } = yield* Check.readOrFail(draining, asked, invalid)
          yield* drain(limit)
          yield* close
        }),
      stop: beginDrain.pipe(
        Effect.andThen(executor.hurry),
        Effect.andThen(leave("stopped")),
        Effect.andThen(close)
      ),
      ended: Deferred.await(ended),
      simulate: ({ participant, room }) =>
        Effect.suspend(() => {
          if (capacity.connection === undefined) {
            return Effect.fail(new WorkerError({ reason: new ConnectionLost({}) }))
          }
          capacity.connection.send({ _tag: "Simulate", room, participant })
          return Effect.void
        }),
      ports
    }
  })

export const serve = <E>(definition: Definition<E>, options: Options): Effect.Effect<void, WorkerError | E> =>
  untilSignalled(make(definition, options))
