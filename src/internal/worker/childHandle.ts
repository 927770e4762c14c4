/** One process of a pool, seen from the worker. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import { fork } from "node:child_process"
import process from "node:process"
import { monotonicMs } from "../steady.ts"
import { levelOf, relay } from "./childLog.ts"
import { PrewarmFailed, WorkerError } from "./errors.ts"
import type { ChildFacts, Executor } from "./executor.ts"
import { decodeFromChild, encodeToChild, type FromChild, type ToChild } from "./ipc.ts"
import type { Assignment, Report } from "./job.ts"
import { describe, type Running } from "./jobRunner.ts"
import { noUsage, type Usage } from "./loadFacts.ts"
import * as metrics from "./metrics.ts"
import type { PoolSettings } from "./options.ts"

interface Job {
  readonly assignment: Assignment
  readonly report: (report: Report) => Effect.Effect<void>
  readonly over: Deferred.Deferred<void>
  /** The server knows how it ended. */
  told: boolean
}

export interface Child {
  readonly slot: number
  readonly pid: number | undefined
  state: ChildFacts["state"]
  readonly jobs: ReadonlyMap<string, Job>
  usage: Usage
  running: ReadonlyArray<Running>
  heardAt: number
  /** Messages that have come. */
  heard: number
  warned: boolean
  /** It was asked to leave. */
  asked: boolean
  /** It cannot be made ready because a setting is wrong. */
  setting: boolean
  /** What it last said in `/metrics`. */
  text: string
  readonly ready: Effect.Effect<void, WorkerError>
  readonly exited: Effect.Effect<void>
  readonly retired: Effect.Effect<void>
  readonly idle: Effect.Effect<void>
  readonly ending: () => string
  readonly send: (message: ToChild) => void
  readonly run: Executor["run"]
  readonly metrics: Effect.Effect<string>
  /** Takes no more jobs. */
  readonly retire: () => void
  readonly leave: () => void
  readonly kill: () => void
}

const program = new URL(`./childProgram.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)

const reportOf = (message: Extract<FromChild, { _tag: "JobReport" }>): Report =>
  message.status === "failed" ? { status: "failed", error: message.error } : { status: message.status }

/** `evict` is for those whose process has ended under them. */
export const spawn = (
  slot: number,
  settings: PoolSettings,
  evict: (assignment: Assignment) => Effect.Effect<void>
): Effect.Effect<Child> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const clock = yield* Clock.Clock
    const runFork = Effect.runForkWith(context)
    const ready = Deferred.makeUnsafe<void, WorkerError>()
    const exited = Deferred.makeUnsafe<void>()
    const retired = Deferred.makeUnsafe<void>()
    const idle = Latch.makeUnsafe(true)
    const jobs = new Map<string, Job>()
    const questions = new Map<number, (text: string) => void>()
    let asked = 0
    let how = "unknown"

    const handle = fork(program, [settings.module, levelOf(context)], {
      execArgv: [...process.execArgv, ...settings.execArgv],
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })

    const send = (message: ToChild): void => {
      if (!handle.connected) return
      // Its death is told by the event exit; what was sent is lost with it.
      handle.send(encodeToChild(message), () => undefined)
    }

    const close = (id: string): void => {
      const job = jobs.get(id)
      jobs.delete(id)
      if (jobs.size === 0) idle.openUnsafe()
      if (job !== undefined) Deferred.doneUnsafe(job.over, Effect.void)
    }

    const tell = (id: string, job: Job, report: Report): Effect.Effect<void> => {
      if (report.status !== "running") job.told = true
      return Effect.andThen(job.report(report), Effect.sync(() => send({ _tag: "Heard", id })))
    }

    const receive = (message: FromChild): void => {
      child.heardAt = monotonicMs(clock)
      child.heard++
      switch (message._tag) {
        case "Ready":
          child.state = "ready"
          return void Deferred.doneUnsafe(ready, Effect.void)
        case "Log":
          return void runFork(relay(message, { child: slot }))
        case "Unusable":
          child.setting = message.setting
          return void Deferred.doneUnsafe(
            ready,
            Effect.fail(new WorkerError({ reason: new PrewarmFailed({ detail: message.detail }) }))
          )
        case "JobReport": {
          const job = jobs.get(message.id)
          if (job !== undefined && !job.told) runFork(tell(message.id, job, reportOf(message)))
          return
        }
        case "Over":
          return close(message.id)
        case "State":
          child.usage = {
            cpu: message.cpu,
            memoryBytes: message.memoryBytes,
            eventLoopDelayMs: message.eventLoopDelayMs
          }
          child.running = message.running.map(({ forMs, id, stuckForMs }) => ({
            id,
            startedAt: child.heardAt - forMs,
            stuckSince: stuckForMs === undefined ? undefined : child.heardAt - stuckForMs
          }))
          return
        case "Metrics":
          child.text = message.text
          questions.get(message.question)?.(message.text)
          return
      }
    }

    const die = (reason: string): void => {
      if (child.state === "gone") return
      child.state = "gone"
      child.usage = noUsage
      child.running = []
      how = reason
      Deferred.doneUnsafe(
        ready,
        Effect.fail(
          new WorkerError({ reason: new PrewarmFailed({ detail: `a process of the pool ended (${reason})` }) })
        )
      )
      for (const answer of questions.values()) answer("")
      for (const [id, job] of jobs) {
        const report = { status: "failed", error: `the process of the job has ended (${reason})` } as const
        const telling = job.told ? Effect.void : Effect.andThen(metrics.ended("failed"), tell(id, job, report))
        runFork(Effect.ensuring(telling, Effect.sync(() => close(id))))
        runFork(
          Effect.logError("the job failed").pipe(
            Effect.annotateLogs({ ...describe(job.assignment.job), child: slot, reason: report.error })
          )
        )
        runFork(evict(job.assignment))
      }
      Deferred.doneUnsafe(exited, Effect.void)
    }

    handle.on("message", (message) => {
      const decoded = decodeFromChild(message)
      if (Option.isSome(decoded)) receive(decoded.value)
    })
    handle.on("exit", (code, signal) => die(signal ?? `exit code ${code ?? "unknown"}`))
    handle.on("error", () => {
      if (handle.pid === undefined) die("it cannot be started")
    })

    const child: Child = {
      slot,
      pid: handle.pid,
      state: "starting",
      jobs,
      usage: noUsage,
      running: [],
      heardAt: monotonicMs(clock),
      heard: 0,
      warned: false,
      asked: false,
      setting: false,
      text: "",
      ready: Deferred.await(ready),
      exited: Deferred.await(exited),
      retired: Deferred.await(retired),
      idle: idle.await,
      ending: () => how,
      send,
      run: (assignment, report) =>
        Effect.suspend(() => {
          const { id } = assignment.job
          const over = Deferred.makeUnsafe<void>()
          jobs.set(id, { assignment, report, over, told: false })
          idle.closeUnsafe()
          send({ _tag: "Start", assignment })
          return Deferred.await(over)
        }),
      metrics: Effect.callback<string>((resume) => {
        if (child.state !== "ready" && child.state !== "retiring") return resume(Effect.succeed(""))
        const question = ++asked
        questions.set(question, (text) => {
          questions.delete(question)
          resume(Effect.succeed(text))
        })
        send({ _tag: "AskMetrics", question })
        return Effect.sync(() => void questions.delete(question))
      }).pipe(
        Effect.timeoutOption("1 second"),
        Effect.map(Option.getOrElse(() => child.text))
      ),
      retire: () => {
        if (child.state === "ready") child.state = "retiring"
        Deferred.doneUnsafe(retired, Effect.void)
      },
      leave: () => {
        child.asked = true
        send({ _tag: "Exit" })
      },
      kill: () => {
        if (child.state !== "gone") handle.kill("SIGKILL")
      }
    }
    return child
  })
