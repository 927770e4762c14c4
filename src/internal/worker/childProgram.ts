/** The program of one process of a pool: imports the definition again and runs the jobs it is given. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { Socket } from "node:net"
import process from "node:process"
import * as Config from "../../Config.ts"
import type { Definition } from "../../Worker.ts"
import { within } from "../config/findings.ts"
import { shareKey } from "../numbers.ts"
import { spanLogger } from "../spanLog.ts"
import { monotonic } from "../steady.ts"
import { surviving } from "../unawaited.ts"
import { levelFrom, toParent } from "./childLog.ts"
import { tracerToParent } from "./childTrace.ts"
import { PrewarmFailed, WorkerError } from "./errors.ts"
import { openInTime } from "./executor.ts"
import { definitionIn } from "./exported.ts"
import { detailOf, isSetting, logFailure, logForeign, nameOf } from "./failureLog.ts"
import { listen } from "./intake.ts"
import { channelFd, decodeToChild, parsed, type ToChild } from "./ipc.ts"
import type { Assignment } from "./job.ts"
import { type JobRunner, makeJobRunner } from "./jobRunner.ts"
import * as measured from "./measured.ts"
import { checkDefinition } from "./options.ts"
import { Introduces } from "./prewarm.ts"
import { makeProbe } from "./probe.ts"
import { makeTelling } from "./telling.ts"

const stateInterval = 1000
const metricsInterval = 5000
const heardWithin = 2000
const lastWords = 2000

const unusable = (detail: string): WorkerError => new WorkerError({ reason: new PrewarmFailed({ detail }) })

const channel = new Socket({ fd: channelFd, readable: true, writable: true })

/** To a parent that may be gone: then there is nobody to tell. */
const { tell, tellInBounds } = makeTelling(channel)

/** The parent has heard all, or has had its time to. */
const allTold = Effect.callback<void>((resume) => {
  channel.end(() => resume(Effect.void))
}).pipe(Effect.timeoutOption(lastWords))

/** The last part answers the question. Gives how many series are not told. */
const tellMeasured = (context: Context.Context<never>, question = 0): number => {
  const { left, texts } = measured.tell(context)
  for (const [i, text] of texts.entries()) {
    tellInBounds({ _tag: "Metrics", question: i === texts.length - 1 ? question : 0, text })
  }
  if (texts.length === 0) tellInBounds({ _tag: "Metrics", question, text: "[]" })
  return left
}

const load = (module: string): Effect.Effect<Definition<unknown>, WorkerError> =>
  Effect.flatMap(
    Effect.promise((): Promise<unknown> => import(module)).pipe(Effect.catchCause((cause) =>
      Effect.andThen(
        logFailure("the module cannot be imported", cause),
        Effect.fail(unusable(`the module cannot be imported (${nameOf(cause)})`))
      )
    )),
    (imported) => {
      const definition = definitionIn(imported)
      return definition === undefined
        ? Effect.fail(unusable("the module does not export a definition by default"))
        : Effect.succeed(definition)
    }
  )

const inbox = Effect.gen(function*() {
  const queue = yield* Queue.unbounded<ToChild>()
  const gone = yield* Deferred.make<void>()
  const unwanted = yield* Deferred.make<void>()
  listen(channel, {
    later: (ms, act) => void Effect.runFork(Effect.andThen(Effect.sleep(ms), Effect.sync(act))),
    onLine: (line) => {
      const decoded = Option.flatMap(parsed(line), decodeToChild)
      if (Option.isNone(decoded)) return
      if (decoded.value._tag === "Exit") Deferred.doneUnsafe(unwanted, Effect.void)
      Queue.offerUnsafe(queue, decoded.value)
    },
    onTooLong: () => undefined,
    onHeld: () => undefined,
    onEnd: () => void Deferred.doneUnsafe(gone, Effect.void)
  })
  // The terminal sends it to all: the parent decides what it means.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined)
  // Whoever is not ready yet has no call to end.
  return {
    queue,
    gone: Deferred.await(gone),
    unwanted: Effect.raceFirst(Deferred.await(unwanted), Deferred.await(gone))
  }
})

const runJobs = Effect.fnUntraced(function*(
  runner: JobRunner,
  queue: Queue.Queue<ToChild>,
  state: Effect.Effect<void>,
  exit: Effect.Effect<void>
) {
  const context = yield* Effect.context<never>()
  const jobs = yield* FiberSet.make<void>()
  const heard = new Map<string, Deferred.Deferred<void>>()
  const start = (assignment: Assignment) => {
    const { id } = assignment.job
    const acknowledged = Deferred.makeUnsafe<void>()
    heard.set(id, acknowledged)
    return runner.run(assignment, (report) =>
      Effect.suspend(() => {
        const error = report.status === "failed" ? report.error : ""
        tell({ _tag: "JobReport", id, status: report.status, error })
        return report.status === "running"
          ? Effect.void
          : Effect.asVoid(Effect.timeoutOption(Deferred.await(acknowledged), heardWithin))
      })).pipe(
        Effect.ensuring(Effect.sync(() => {
          heard.delete(id)
          // What the job has counted outlives the process.
          tellMeasured(context)
          tell({ _tag: "Over", id })
        }))
      )
  }
  const obey = (message: ToChild): Effect.Effect<unknown> => {
    switch (message._tag) {
      case "Start":
        if (message.numbers !== undefined) shareKey(message.numbers)
        return FiberSet.run(jobs, start(message.assignment))
      case "End":
        return runner.end(message.id, message.reason)
      case "Hurry":
        return runner.hurry
      case "Heard": {
        const acknowledged = heard.get(message.id)
        return acknowledged === undefined ? Effect.void : Deferred.succeed(acknowledged, undefined)
      }
      case "AskMetrics":
        return Effect.sync(() => tellMeasured(context, message.question))
      case "Ping":
        return state
      case "Exit":
        return exit
    }
  }
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(queue), obey)))
  return { idle: FiberSet.awaitEmpty(jobs) }
})

const progress = { loaded: false }

const begin = Effect.gen(function*() {
  const definition = yield* load(process.argv[2] ?? "")
  progress.loaded = true
  const settings = yield* checkDefinition(definition)
  const given = yield* Config.given
  const opened = Effect.provideService(openInTime(definition, settings), Introduces, process.argv[4] === "first")
  return { given, runner: makeJobRunner(definition, yield* within(given)(opened), settings) }
})

const program = Effect.gen(function*() {
  const { gone, queue, unwanted } = yield* inbox
  const probe = yield* makeProbe
  const begun = yield* Effect.raceFirst(Effect.asSome(begin), Effect.as(unwanted, Option.none()))
  if (Option.isNone(begun)) return
  const { given, runner } = begun.value
  const asked = yield* Deferred.make<void>()
  const state = Effect.map(monotonic, (now) =>
    tellInBounds({
      _tag: "State",
      ...probe(),
      running: runner.running().map(({ id, startedAt, stuckSince }) => ({
        id,
        forMs: now - startedAt,
        stuckForMs: stuckSince === undefined ? undefined : now - stuckSince
      }))
    }))
  const { idle } = yield* within(given)(
    runJobs(runner, queue, state, Effect.asVoid(Deferred.succeed(asked, undefined)))
  )
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(state, Effect.sleep(stateInterval))))
  // Whoever exports metrics in the parent asks nobody.
  const context = yield* Effect.context<never>()
  let leaves = false
  const tellMetrics = Effect.suspend(() => {
    const left = tellMeasured(context)
    if (left === 0 || leaves) return Effect.void
    leaves = true
    return Effect.annotateLogs(Effect.logWarning("the process has more series of metrics than it tells"), { left })
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(metricsInterval), tellMetrics)))
  tell({ _tag: "Ready" })
  yield* Effect.raceFirst(Deferred.await(asked), gone)
  // Calls do not outlive the worker that answers for them.
  yield* runner.hurry
  yield* runner.endAll("stopped")
  yield* Effect.timeoutOption(idle, "10 seconds")
  yield* tellMetrics
})

/** Why the process cannot be used, for who waits for it. */
const unusableFor = (cause: Cause.Cause<unknown>): string => {
  const error: unknown = Cause.squash(cause)
  return error instanceof WorkerError && error.reason._tag === "PrewarmFailed" ? error.reason.detail : detailOf(cause)
}

const asParent = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  effect.pipe(
    Effect.provide(Logger.layer([toParent(tell), spanLogger])),
    Effect.provideService(References.MinimumLogLevel, levelFrom(process.argv[3])),
    (told) =>
      process.argv[5] === "traced" ? Effect.provideService(told, Tracer.Tracer, tracerToParent(tellInBounds)) : told
  )

const fiber = Effect.runFork(
  surviving(Effect.scoped(program)).pipe(
    Effect.catchCause((cause) =>
      Effect.andThen(
        logForeign("the process cannot be made ready", cause),
        Effect.sync(() => {
          tell({ _tag: "Unusable", detail: unusableFor(cause), setting: !progress.loaded || isSetting(cause) })
          process.exitCode = 1
        })
      )
    ),
    asParent
  )
)
Effect.runFork(Effect.andThen(
  Effect.andThen(Fiber.await(fiber), allTold),
  Effect.sync(() => process.exit())
))
