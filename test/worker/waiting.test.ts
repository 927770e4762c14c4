/** A job that was accepted, and whose process has died before it was assigned, waits for the next one. */
// Alone: puts puppets in the place of child processes.
import { assert, describe, it } from "@effect/vitest"
import { JobStatus } from "@livekit/protocol"
import { Effect, Fiber, Layer, Logger } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import { type Connection, makeJob, outcome } from "../support/agentServer.ts"
import { birth, type Puppet, puppets, state } from "./puppet.ts"
import { memory, settled, start, until } from "./support.ts"

vi.mock("node:child_process", async () => ({ spawn: (await import("./puppet.ts")).spawn }))

const ready = birth.of
const starting = (): void => undefined

const accepted = Effect.fnUntraced(function*(connection: Connection, ids: ReadonlyArray<string>) {
  for (const id of ids) {
    connection.offer(makeJob(id))
    assert.isTrue((yield* connection.take("availability")).available)
  }
})

/** A process that has a place for each of these jobs dies when they are accepted; the next one is starting. */
const orphaned = Effect.fnUntraced(function*(ids: ReadonlyArray<string>, processes = 1) {
  puppets.length = 0
  birth.of = ready
  const logged: Array<unknown> = []
  const listening = Logger.layer([
    Logger.make<unknown, void>(({ message }) => void logged.push(Array.isArray(message) ? message[0] : message))
  ])
  const server = yield* memory()
  const definition = Worker.define({ layer: Layer.empty, prewarmTimeout: "20 seconds", entry: () => Effect.void })
  const worker = yield* start(definition, server, {
    pool: { module: import.meta.url, processes, jobsPerProcess: 2 }
  }).pipe(Effect.provide(listening))
  const connection = yield* server.next
  yield* Effect.addFinalizer(() => Effect.sync(() => puppets.forEach((one) => one.kill("SIGKILL"))))
  yield* accepted(connection, ids)
  birth.of = starting
  for (const one of puppets.slice()) one.kill("SIGKILL")
  yield* settled
  for (const id of ids) connection.assign(makeJob(id))
  yield* settled
  yield* TestClock.adjust(100)
  yield* until(() => puppets.length === processes * 2)
  const successor = puppets.at(-1)!
  assert.isFalse(puppets.some((one) => one.has("Start")))
  assert.lengthOf(connection.seen("updateJob"), 0)
  return { connection, logged, successor, worker }
})

const given = (child: Puppet): ReadonlyArray<unknown> =>
  child.asked.flatMap((one) => one._tag === "Start" ? [JSON.stringify(one).match(/AJ_\d/)?.[0]] : [])

const ends = (child: Puppet, id: string): void =>
  child.say({ _tag: "JobReport", id, status: "success", error: "" }, { _tag: "Over", id })

describe("a job that was accepted, and for which no process is free", () => {
  it.effect("is given to the next process that is ready, before those that come later", () =>
    Effect.gen(function*() {
      const { connection, successor, worker } = yield* orphaned(["AJ_1", "AJ_2"])
      yield* TestClock.adjust("24 seconds")
      assert.lengthOf(connection.seen("updateJob"), 0)
      connection.offer(makeJob("AJ_3"))
      assert.isFalse((yield* connection.take("availability")).available)
      successor.say({ _tag: "Ready" })
      yield* until(() => given(successor).length === 2)
      assert.deepStrictEqual(given(successor), ["AJ_1", "AJ_2"])
      for (const id of ["AJ_1", "AJ_2"]) {
        ends(successor, id)
        assert.deepInclude(yield* outcome(connection), { jobId: id, status: JobStatus.JS_SUCCESS })
      }
      yield* until(() => successor.tags.filter((tag) => tag === "Heard").length === 2)
      assert.strictEqual((yield* worker.status).jobs, 0)
    }))

  it.effect("is given the place that another leaves, which is promised to nobody else", () =>
    Effect.gen(function*() {
      const { connection, successor, worker } = yield* orphaned(["AJ_1", "AJ_2", "AJ_3"], 2)
      successor.say({ _tag: "Ready" })
      yield* until(() => given(successor).length === 2)
      assert.strictEqual((yield* worker.status).problem, "no process is free")
      ends(successor, "AJ_2")
      connection.offer(makeJob("AJ_4"))
      assert.isFalse((yield* connection.take("availability")).available)
      yield* until(() => given(successor).length === 3)
      assert.strictEqual((yield* outcome(connection)).jobId, "AJ_2")
      assert.deepStrictEqual(given(successor), ["AJ_1", "AJ_2", "AJ_3"])
    }))

  it.effect("is given to one that was silent, and speaks again", () =>
    Effect.gen(function*() {
      puppets.length = 0
      birth.of = ready
      const server = yield* memory()
      const definition = Worker.define({ layer: Layer.empty, entry: () => Effect.void })
      yield* start(definition, server, { pool: { module: import.meta.url, processes: 1, jobsPerProcess: 2 } })
      const connection = yield* server.next
      yield* Effect.addFinalizer(() => Effect.sync(() => puppets.forEach((one) => one.kill("SIGKILL"))))
      yield* accepted(connection, ["AJ_1"])
      yield* TestClock.adjust("6 seconds")
      connection.assign(makeJob("AJ_1"))
      yield* settled
      assert.deepStrictEqual(given(puppets[0]!), [])
      puppets[0]!.say(state)
      yield* until(() => given(puppets[0]!).length === 1)
    }))

  it.effect("fails when none was in the time that one has to become ready, and that is told once", () =>
    Effect.gen(function*() {
      const { connection, logged, worker } = yield* orphaned(["AJ_1"])
      for (let second = 0; second < 26; second++) {
        yield* TestClock.adjust("1 second")
        yield* settled
      }
      assert.deepInclude(yield* outcome(connection), {
        jobId: "AJ_1",
        status: JobStatus.JS_FAILED,
        error: "no process of the pool was free in time"
      })
      assert.lengthOf(connection.seen("updateJob"), 0)
      assert.lengthOf(logged.filter((line) => line === "the job failed"), 1)
      yield* settled
      assert.strictEqual((yield* worker.status).jobs, 0)
      // Who is ready after that has nothing of it.
      puppets.at(-1)!.say({ _tag: "Ready" })
      yield* settled
      assert.deepStrictEqual(given(puppets.at(-1)!), [])
    }))

  it.effect("ends when the server ends it", () =>
    Effect.gen(function*() {
      const { connection, logged, successor, worker } = yield* orphaned(["AJ_1"])
      connection.terminate("AJ_1")
      yield* settled
      const ended = connection.seen("updateJob").map(({ jobId, status }) => [jobId, status])
      assert.deepStrictEqual(ended, [["AJ_1", JobStatus.JS_SUCCESS]])
      successor.say({ _tag: "Ready" })
      yield* settled
      assert.deepStrictEqual([given(successor), (yield* worker.status).jobs], [[], 0])
      assert.notInclude(logged, "the job failed")
    }))

  it.effect("does not keep its worker from its end", () =>
    Effect.gen(function*() {
      const { connection, worker } = yield* orphaned(["AJ_1"])
      const stopping = yield* Effect.forkChild(worker.stop)
      yield* settled
      const ended = connection.seen("updateJob").map(({ error, jobId }) => [jobId, error])
      assert.deepStrictEqual(ended, [["AJ_1", "the worker was stopped"]])
      yield* Fiber.join(stopping)
    }))
})
