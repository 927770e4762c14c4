/** A process of a pool that dies, floods, lies or stands still, at each moment of a job: its neighbour's call goes on, and every job is reported once. */
// Alone: puts puppets in the place of child processes.
import { assert, describe, it } from "@effect/vitest"
import { JobStatus } from "@livekit/protocol"
import { Effect, Layer, Logger } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import { makeJob } from "../support/agentServer.ts"
import { type Message, type Puppet, puppets, state } from "./puppet.ts"
import { memory, settled, start, until } from "./support.ts"

vi.mock("node:child_process", async () => ({ spawn: (await import("./puppet.ts")).spawn }))

const report = (id: string, status: "running" | "success" | "failed", error = ""): Message => ({
  _tag: "JobReport",
  id,
  status,
  error
})
const over = (id: string): Message => ({ _tag: "Over", id })

/** How far a job has come when its process misbehaves, as what that has said until then. */
const moments: ReadonlyArray<readonly [string, ReadonlyArray<Message>]> = [
  ["before it has begun", []],
  ["while it runs", [report("AJ_1", "running")]],
  ["when its end is reported", [report("AJ_1", "running"), report("AJ_1", "success")]],
  ["when it is over", [report("AJ_1", "running"), report("AJ_1", "success"), over("AJ_1")]]
]

const nonsense: ReadonlyArray<unknown> = [
  null,
  "JobReport",
  {},
  { _tag: "JobReport" },
  { _tag: "JobReport", id: 7, status: "running", error: "" },
  { _tag: "State", cpu: Number.NaN },
  { _tag: "Nothing" },
  new Array(1000).fill(0)
]

const misdeeds: Readonly<Record<string, (child: Puppet) => void>> = {
  dies: (child) => child.kill("SIGSEGV"),
  "floods the log and dies": (child) => {
    const line = { _tag: "Log", level: "Error", text: "x".repeat(10_000), lost: 0 }
    child.say(...Array.from({ length: 5000 }, () => line))
    child.kill("SIGKILL")
  },
  "floods its channel and dies": (child) => {
    for (let i = 0; i < 1000; i++) child.write(`${JSON.stringify(state)}\n${"{]".repeat(2000)}\n`)
    child.kill("SIGKILL")
  },
  "says what has no end and dies": (child) => {
    for (let i = 0; i < 64; i++) child.write("x".repeat(65_536))
    child.kill("SIGKILL")
  },
  "says nonsense and dies": (child) => {
    child.say(...nonsense)
    child.kill("SIGABRT")
  },
  "speaks for its neighbour and dies": (child) => {
    child.say(report("AJ_2", "failed", "by another"), over("AJ_2"), over("AJ_none"), report("AJ_none", "success"))
    child.kill("SIGKILL")
  },
  "says everything twice and dies": (child) => {
    child.say({ _tag: "Ready" }, { _tag: "Ready" }, report("AJ_1", "running"), report("AJ_1", "running"))
    child.kill("SIGKILL")
  },
  "reports its end again and again and dies": (child) => {
    child.say(report("AJ_1", "success"), report("AJ_1", "failed", "twice"), report("AJ_1", "success"))
    child.kill("SIGKILL")
  },
  "begins spans without an end and dies": (child) => {
    const span = (i: number) => ({ traceId: "a".repeat(32), spanId: String(i).padStart(16, "0"), sampled: true })
    child.say(...Array.from({ length: 15_000 }, (_, i) => ({
      _tag: "SpanBegan",
      ids: span(i),
      name: "tool",
      kind: "internal",
      at: "1"
    })))
    child.say({ _tag: "SpanEnded", ids: span(99_999), at: "x", attributes: {}, events: [], links: [] })
    child.kill("SIGKILL")
  },
  "tells figures without end and dies": (child) => {
    for (let i = 0; i < 200; i++) {
      const series = Array.from({ length: 200 }, (_, n) => ({
        key: `${i} ${n}`,
        id: "desk_jobs",
        attributes: { room: `${i} ${n}` },
        state: { _tag: "Gauge", value: 1 }
      }))
      child.say({ _tag: "Metrics", question: i, text: JSON.stringify(series) })
    }
    child.say({ _tag: "Metrics", question: 1e9, text: "[".repeat(100_000) })
    child.kill("SIGKILL")
  },
  "says that it cannot be used, that it is ready and that it cannot and dies": (child) => {
    const unusable = { _tag: "Unusable", detail: "no", setting: true }
    child.say(unusable, { _tag: "Ready" }, unusable)
    child.kill("SIGKILL")
  },
  "reports its end, takes it back and dies": (child) => {
    child.say(report("AJ_1", "success"), report("AJ_1", "running"), over("AJ_1"), report("AJ_1", "failed", "no"))
    child.kill("SIGKILL")
  },
  "says that it uses all memory that there is": (child) => {
    child.say({ ...state, memoryBytes: 1e300, cpu: -1e300, eventLoopDelayMs: 1e300, filesShare: 1e300, heapShare: -1 })
  },
  "says that its neighbour's job is its own, since ever, and dies": (child) => {
    child.say({ ...state, running: [{ id: "AJ_2", forMs: 1e300 }, { id: "AJ_2", forMs: -1e300, stuckForMs: 1e300 }] })
    child.kill("SIGKILL")
  },
  "closes its channel and lives on": (child) => child.hush(),
  "says half a message and closes its channel": (child) => {
    child.write("{\"_tag\":\"JobReport\",\"id\":\"AJ_1\",\"status\":\"succ")
    child.hush()
  },
  "ends its job without a report and stands still": (child) => {
    child.say(over("AJ_1"))
    child.answers = false
  },
  "stands still": (child) => {
    child.answers = false
  }
}

const definition = Worker.define({ layer: Layer.empty, entry: () => Effect.void })

describe("a process of a pool", () => {
  for (const [misdeed, act] of Object.entries(misdeeds)) {
    it.effect.each(moments)(
      `that ${misdeed} harms no other, and each job is reported once: %s`,
      ([, said]) =>
        Effect.gen(function*() {
          puppets.length = 0
          const logged: Array<unknown> = []
          const listening = Logger.layer([
            Logger.make<unknown, void>(({ message }) => void logged.push(Array.isArray(message) ? message[0] : message))
          ])
          const server = yield* memory()
          const worker = yield* start(definition, server, {
            pool: { module: import.meta.url, processes: 2, jobsPerProcess: 2 }
          }).pipe(Effect.provide(listening))
          const connection = yield* server.next
          yield* until(() => puppets.length === 2)
          yield* Effect.addFinalizer(() => Effect.sync(() => puppets.forEach((one) => one.kill("SIGKILL"))))
          yield* connection.dispatch(makeJob("AJ_1"))
          yield* until(() => puppets.some((one) => one.has("Start")))
          const child = puppets.find((one) => one.has("Start"))!
          yield* connection.dispatch(makeJob("AJ_2"))
          yield* until(() => puppets.filter((one) => one.has("Start")).length === 2)
          const neighbour = puppets.find((one) => one !== child && one.has("Start"))!
          neighbour.say(report("AJ_2", "running"))
          child.say(...said)
          yield* settled
          act(child)
          yield* settled
          for (let second = 0; second < 70; second++) {
            neighbour.say(state)
            yield* TestClock.adjust("1 second")
            yield* settled
          }
          assert.isFalse(child.alive)
          assert.isTrue(neighbour.alive)
          // Another takes its place, when all that it has said is heard.
          while (puppets.length < 3) {
            neighbour.say(state)
            yield* TestClock.adjust("1 second")
            yield* settled
          }
          neighbour.say(report("AJ_2", "success"), over("AJ_2"))
          yield* until(() =>
            connection.seen("updateJob").filter(({ status }) => status !== JobStatus.JS_RUNNING).length === 2
          )
          yield* settled
          const ends = connection.seen("updateJob").filter(({ status }) => status !== JobStatus.JS_RUNNING)
          const [first, second] = ["AJ_1", "AJ_2"].map((id) => ends.filter(({ jobId }) => jobId === id))
          assert.deepStrictEqual(second!.map(({ error, status }) => [status, error]), [[JobStatus.JS_SUCCESS, ""]])
          assert.strictEqual(first!.length, 1)
          const ended = said.some(({ status }) => status === "success") || misdeed.startsWith("reports its end")
          assert.strictEqual(first![0]!.status, ended ? JobStatus.JS_SUCCESS : JobStatus.JS_FAILED)
          if (!ended) assert.match(first![0]!.error, /^the process of the job (has ended|did not say)/)
          // Neither is a success told as a failure, nor a failure twice.
          assert.strictEqual(logged.filter((line) => line === "the job failed").length, ended ? 0 : 1)
          assert.strictEqual((yield* worker.status).jobs, 0)
          assert.isUndefined((yield* worker.status).problem)
        })
    )
  }

  it.effect("whose report of a job did not come is given no other, and ends with those that it has", () =>
    Effect.gen(function*() {
      puppets.length = 0
      const server = yield* memory()
      yield* start(definition, server, { pool: { module: import.meta.url, processes: 1, jobsPerProcess: 2 } }).pipe(
        Effect.provide(Logger.layer([]))
      )
      const connection = yield* server.next
      yield* until(() => puppets.length === 1)
      yield* Effect.addFinalizer(() => Effect.sync(() => puppets.forEach((one) => one.kill("SIGKILL"))))
      for (const id of ["AJ_1", "AJ_2"]) yield* connection.dispatch(makeJob(id))
      const [mute] = puppets
      yield* until(() => mute!.tags.filter((tag) => tag === "Start").length === 2)
      mute!.say(report("AJ_1", "running"), report("AJ_2", "running"), over("AJ_1"))
      yield* until(() => puppets.length === 2)
      yield* settled
      yield* connection.dispatch(makeJob("AJ_3"))
      yield* until(() => puppets[1]!.has("Start"))
      assert.isTrue(mute!.alive)
      mute!.say(report("AJ_2", "success"), over("AJ_2"))
      yield* until(() => !mute!.alive)
      const ends = connection.seen("updateJob").filter(({ status }) => status !== JobStatus.JS_RUNNING)
      assert.deepStrictEqual(ends.map(({ jobId, status }) => [jobId, status]), [
        ["AJ_1", JobStatus.JS_FAILED],
        ["AJ_2", JobStatus.JS_SUCCESS]
      ])
    }))
})
