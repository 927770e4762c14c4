/** A worker: its connection, its jobs, its load, its end. */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Metrics from "../../Metrics.ts"
import type { Definition, Options, Status, Worker } from "../../Worker.ts"
import { removeParticipant } from "../livekitServer/rooms.ts"
import { callToken, roomToken, workerToken } from "../livekitServer/token.ts"
import { monotonic } from "../steady.ts"
import { makeAssignments } from "./assignments.ts"
import { connect, type Link } from "./connection.ts"
import { ConnectionLost, type ConnectionReason, Exhausted, WorkerError } from "./errors.ts"
import { type Executor, makeLocal } from "./executor.ts"
import { logFailure } from "./failureLog.ts"
import { serveHttp } from "./http.ts"
import type { Assignment } from "./job.ts"
import { defaultLoad, type Facts, type Usage } from "./loadFacts.ts"
import * as metrics from "./metrics.ts"
import { agentUrl, check, checkDefinition, type Settings } from "./options.ts"
import { makePool } from "./pool.ts"
import { cores, makeProbe, memory } from "./probe.ts"
import type { Outgoing } from "./protocol.ts"
import { version } from "./version.ts"

const updateInterval = 2500
/** A connection that lived for this long was a good one. */
const stable = 10_000

interface State {
  link: Link | undefined
  registered: boolean
  /** Since when there is no connection. */
  lostAt: number | undefined
  draining: boolean
  load: number
  executor: Executor | undefined
}

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

const total = (own: Usage, executor: Executor | undefined): Usage =>
  (executor?.children() ?? []).reduce<Usage>(
    (sum, child) => ({
      cpu: sum.cpu + child.cpu,
      memoryBytes: sum.memoryBytes + child.memoryBytes,
      eventLoopDelayMs: Math.max(sum.eventLoopDelayMs, child.eventLoopDelayMs)
    }),
    own
  )

export const make = <E>(
  definition: Definition<E>,
  options: Options
): Effect.Effect<Worker, WorkerError | E, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* check(definition, options)
    const jobSettings = yield* checkDefinition(definition)
    const context = yield* Effect.context<never>()
    yield* Metrics.register
    metrics.register(context)
    const probe = yield* makeProbe
    const limits = { cores: cores(), memoryLimitBytes: memory() }
    const state: State = {
      link: undefined,
      registered: false,
      lostAt: undefined,
      draining: false,
      load: 0,
      executor: undefined
    }
    let usage = probe()
    const assignments = makeAssignments({
      definition,
      url: settings.url,
      admin: (room) => callToken(settings, room),
      executor: () => state.executor,
      problem: () => problem(),
      link: () => state.link,
      changed: Effect.suspend(() => tell)
    })

    const problem = (): string | undefined => {
      if (state.executor === undefined) return "it is being made ready"
      if (state.draining) return "it drains"
      if (state.link === undefined) return "it is not connected to the server"
      if (assignments.taken() >= settings.maxJobs) return `it has its ${settings.maxJobs} jobs`
      if (state.executor.free() <= assignments.taken() - assignments.running()) return "no process is free"
      return state.load >= settings.loadThreshold ? `its load is ${state.load.toFixed(2)}` : undefined
    }

    const tell = Effect.gen(function*() {
      const facts = { ...usage, ...limits, jobs: assignments.taken(), maxJobs: settings.maxJobs }
      state.load = yield* loadOf(settings, facts)
      const full = problem() !== undefined
      state.link?.send({ _tag: "Load", load: state.load, full, jobs: assignments.running() })
      yield* metrics.worker({
        load: state.load,
        connected: state.link !== undefined,
        ready: !full,
        draining: state.draining,
        stuck: state.executor?.running().filter(({ stuckSince }) => stuckSince !== undefined).length ?? 0
      })
    })

    const measure = Effect.suspend(() => {
      const own = probe()
      usage = total(own, state.executor)
      return metrics.process(own)
    })

    const status: Effect.Effect<Status> = Effect.sync(() => ({
      id: state.link?.id,
      connection: state.link !== undefined ? "registered" : state.registered ? "lost" : "connecting",
      ready: problem() === undefined,
      problem: problem(),
      draining: state.draining,
      load: state.load,
      jobs: assignments.running(),
      maxJobs: settings.maxJobs
    }))

    const ports = yield* serveHttp(settings.http, {
      definition,
      status,
      usage: probe,
      lostAt: () => state.lostAt,
      executor: () => state.executor
    })
    const executor: Executor = settings.pool === undefined
      ? yield* makeLocal(definition, jobSettings)
      : yield* makePool(settings.pool, jobSettings, evict(settings))
    state.executor = executor

    const ended = yield* Deferred.make<void, WorkerError>()
    const started = yield* Deferred.make<void, WorkerError>()
    const keepConnected = stayConnected(settings, definition, {
      onRegistered: (link) =>
        Effect.suspend(() => {
          state.link = link
          state.registered = true
          state.lostAt = undefined
          assignments.resume(link)
          return Effect.andThen(tell, Deferred.succeed(started, undefined))
        }),
      onMessage: (message) =>
        Effect.suspend(() => state.link === undefined ? Effect.void : assignments.onMessage(state.link, message)),
      onLost: Effect.gen(function*() {
        state.link = undefined
        state.lostAt ??= yield* monotonic
        yield* assignments.release
        yield* tell
      })
    })
    const giveUp = (exit: Exit.Exit<never, WorkerError>) =>
      Effect.gen(function*() {
        state.draining = true
        state.link = undefined
        // Their rooms may be well: the calls are let end.
        yield* Effect.timeoutOption(assignments.idle, settings.drainTimeout)
        yield* Deferred.done(started, exit)
        yield* Deferred.done(ended, exit)
      })
    const connection = yield* keepConnected.pipe(
      Effect.catch((error) => giveUp(Exit.fail(error))),
      // What nobody has thought of must not leave a worker that only seems to be there.
      Effect.catchDefect((defect) => giveUp(Exit.die(defect))),
      Effect.forkScoped
    )
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.sleep(updateInterval), Effect.andThen(measure, tell)))
    )

    const close = yield* Effect.cached(Effect.gen(function*() {
      if (state.link !== undefined) yield* state.link.flush
      yield* Fiber.interrupt(connection)
      state.link = undefined
      yield* Deferred.succeed(ended, undefined)
    }))
    const leave = (reason: "drained" | "stopped") =>
      assignments.release.pipe(Effect.andThen(executor.endAll(reason)), Effect.andThen(assignments.idle))
    const beginDrain = Effect.suspend(() => {
      state.draining = true
      return tell
    })
    const stop = beginDrain.pipe(
      Effect.andThen(executor.hurry),
      Effect.andThen(leave("stopped")),
      Effect.andThen(close)
    )
    const drain = (limit: Duration.Input | undefined) =>
      Effect.gen(function*() {
        yield* beginDrain
        yield* Effect.logInfo("the worker drains").pipe(Effect.annotateLogs({ jobs: assignments.running() }))
        const done = yield* Effect.timeoutOption(assignments.idle, limit ?? settings.drainTimeout)
        if (done._tag === "None") yield* leave("drained")
        yield* close
      })
    yield* Effect.addFinalizer(() => beginDrain.pipe(Effect.andThen(leave("stopped")), Effect.andThen(close)))
    yield* Deferred.await(started)
    return {
      status,
      drain: (drained) => drain(drained?.limit),
      stop,
      ended: Deferred.await(ended),
      simulate: ({ participant, room }) =>
        Effect.suspend(() => {
          if (state.link === undefined) return Effect.fail(new WorkerError({ reason: new ConnectionLost({}) }))
          state.link.send({ _tag: "Simulate", room, participant })
          return Effect.void
        }),
      ports
    }
  })

/** A load that cannot be told is a full one. */
const loadOf = (settings: Settings, facts: Facts): Effect.Effect<number> =>
  Effect.sync(() => settings.load === undefined ? defaultLoad(facts) : settings.load(facts)).pipe(
    Effect.catchCause((cause) => Effect.as(logFailure("the option load has thrown, no job is taken", cause), 1)),
    Effect.map((load) => Number.isFinite(load) ? Math.min(1, Math.max(0, load)) : 1)
  )

/** Connects, and connects again; fails when that is hopeless. */
const stayConnected = (settings: Settings, definition: Definition<unknown>, on: {
  readonly onRegistered: (link: Link) => Effect.Effect<unknown>
  readonly onMessage: Parameters<typeof connect>[0]["onMessage"]
  readonly onLost: Effect.Effect<void>
}): Effect.Effect<never, WorkerError> => {
  const register: Outgoing = {
    _tag: "Register",
    type: definition.type,
    agentName: definition.agentName,
    version,
    deployment: definition.options.deployment ?? "",
    permissions: settings.grants
  }
  let everRegistered = false
  let registeredAt: number | undefined
  const once = connect({
    url: agentUrl(settings.url),
    token: workerToken(settings),
    framing: settings.framing,
    register,
    onMessage: on.onMessage,
    onRegistered: (link, server) =>
      Effect.gen(function*() {
        everRegistered = true
        registeredAt = yield* monotonic
        yield* Effect.logInfo("the worker is registered").pipe(
          Effect.annotateLogs({ worker: link.id, agent: definition.agentName, server: server.version })
        )
        yield* on.onRegistered(link)
      })
  })
  const hopeless = (attempts: number, last: ConnectionReason): WorkerError | undefined =>
    last._tag === "Unauthorized"
      ? new WorkerError({ reason: last })
      : attempts > (everRegistered ? settings.reconnects : settings.retries)
      ? new WorkerError({ reason: new Exhausted({ attempts, last }) })
      : undefined
  return Effect.gen(function*() {
    let attempts = 0
    while (true) {
      registeredAt = undefined
      const reason = yield* Effect.flip(once)
      if (registeredAt !== undefined) {
        const now = yield* monotonic
        if (now - registeredAt >= stable) attempts = 0
        yield* metrics.lost
        yield* on.onLost
      }
      attempts++
      const error = hopeless(attempts, reason)
      yield* Effect.logWarning(error === undefined ? "no connection to the server" : "the server is given up").pipe(
        Effect.annotateLogs({ reason: reason.message, attempts })
      )
      if (error !== undefined) return yield* error
      yield* Effect.sleep(everRegistered ? Math.min(2000 * (attempts - 1), 10_000) : settings.retryDelay)
    }
  })
}

const signals = ["SIGTERM", "SIGINT"] as const

export const serve = <E>(definition: Definition<E>, options: Options): Effect.Effect<void, WorkerError | E> =>
  Effect.gen(function*() {
    const first = yield* Deferred.make<void>()
    const second = yield* Deferred.make<void>()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const listener = (): void => {
          if (!Deferred.isDoneUnsafe(first)) Deferred.doneUnsafe(first, Effect.void)
          else Deferred.doneUnsafe(second, Effect.void)
        }
        for (const signal of signals) process.on(signal, listener)
        return listener
      }),
      (listener) =>
        Effect.sync(() => {
          for (const signal of signals) process.off(signal, listener)
        })
    )
    const worker = yield* Effect.raceFirst(make(definition, options), Effect.as(Deferred.await(first), undefined))
    if (worker === undefined) return
    yield* Effect.forkScoped(Effect.andThen(Deferred.await(first), worker.drain()))
    yield* Effect.forkScoped(Effect.andThen(Deferred.await(second), worker.stop))
    yield* worker.ended
  }).pipe(Effect.scoped)
