/** A process of a pool that has grown, or has had many jobs, is replaced: one at a time, never in a call, and not before another is ready. */
// Alone: puts puppets in the place of child processes.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import { memory as available } from "../../src/internal/worker/probe.ts"
import { makeJob, outcome } from "../support/agentServer.ts"
import { birth, type Puppet, puppets, state } from "./puppet.ts"
import { memory, settled, start, until } from "./support.ts"

vi.mock("node:child_process", async () => ({ spawn: (await import("./puppet.ts")).spawn }))

const definition = Worker.define({ layer: Layer.empty, entry: () => Effect.void })
const megabyte = 1024 * 1024

const ready = birth.of

/** A pool of two, each with 100 MB when it is ready. */
const pooled = (options: Partial<Worker.PoolOptions> = {}) =>
  Effect.gen(function*() {
    puppets.length = 0
    birth.of = ready
    const server = yield* memory()
    const worker = yield* start(definition, server, {
      pool: { module: import.meta.url, processes: 2, jobsPerProcess: 4, ...options }
    })
    const connection = yield* server.next
    yield* Effect.addFinalizer(() => Effect.sync(() => puppets.forEach((one) => one.kill("SIGKILL"))))
    const uses = (child: Puppet, mb: number) => child.say({ ...state, memoryBytes: mb * megabyte })
    for (const child of puppets) uses(child, 100)
    yield* settled
    const [first, second] = puppets
    return { connection, worker, uses, first: first!, second: second! }
  })

const seconds = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => Effect.andThen(TestClock.adjust("1 second"), settled),
    { discard: true }
  )

const left = (child: Puppet): boolean => child.has("Exit")

describe("a worn process of a pool", () => {
  it.effect("is replaced when it has grown by 300 MB, and not before", () =>
    Effect.gen(function*() {
      const { first, second, uses } = yield* pooled()
      uses(first, 399)
      yield* seconds(3)
      assert.strictEqual(puppets.length, 2)
      uses(first, 400)
      yield* seconds(2)
      yield* until(() => left(first))
      assert.strictEqual(puppets.length, 3)
      yield* seconds(30)
      assert.deepStrictEqual([left(second), puppets.length], [false, 3])
    }))

  it.effect("goes on until another is ready, and one that never is ready costs nothing", () =>
    Effect.gen(function*() {
      const { connection, first, second, uses } = yield* pooled()
      const stillborn = { _tag: "Unusable", detail: "no model", setting: false }
      birth.of = (puppet) => {
        const message = puppets.length <= 6 ? stillborn : { _tag: "Ready" }
        setImmediate(() => puppet.say(message))
      }
      uses(first, 500)
      yield* seconds(2)
      yield* until(() => puppets.length >= 3)
      for (const id of ["AJ_1", "AJ_2"]) yield* connection.dispatch(makeJob(id))
      yield* until(() => first.has("Start") && second.has("Start"))
      assert.deepStrictEqual([left(first), first.alive], [false, true])
      // Between attempts there is a wait that grows.
      for (let i = 0; i < 60 && puppets.length < 7; i++) yield* seconds(1)
      yield* until(() => puppets.length === 7)
      yield* seconds(1)
      yield* connection.dispatch(makeJob("AJ_3"))
      yield* until(() => puppets.at(-1)!.has("Start"))
      // Its call goes on.
      assert.deepStrictEqual([left(first), first.alive], [false, true])
      first.say({ _tag: "JobReport", id: "AJ_1", status: "success", error: "" }, { _tag: "Over", id: "AJ_1" })
      yield* outcome(connection)
      yield* until(() => left(first))
      assert.isTrue(second.alive)
    }))

  it.effect("waits for its turn: those without a call go first, and one is replaced at a time", () =>
    Effect.gen(function*() {
      const { connection, uses } = yield* pooled()
      yield* connection.dispatch(makeJob("AJ_1"))
      yield* until(() => puppets.some((one) => one.has("Start")))
      const busy = puppets.find((one) => one.has("Start"))!
      const idle = puppets.find((one) => one !== busy)!
      uses(busy, 900)
      uses(idle, 500)
      yield* seconds(2)
      yield* until(() => left(idle))
      yield* seconds(2)
      yield* until(() => puppets.length === 4)
      yield* seconds(60)
      assert.deepStrictEqual([puppets.length, left(busy), busy.alive], [4, false, true])
      busy.say({ _tag: "JobReport", id: "AJ_1", status: "success", error: "" }, { _tag: "Over", id: "AJ_1" })
      yield* until(() => left(busy))
    }))

  it.effect("is not taken for one by what its calls use", () =>
    Effect.gen(function*() {
      const { connection, first, second, uses } = yield* pooled()
      for (const id of ["AJ_1", "AJ_2", "AJ_3", "AJ_4"]) yield* connection.dispatch(makeJob(id))
      yield* until(() => [first, second].every(({ asked }) => asked.length === 2))
      for (const child of [first, second]) uses(child, 435)
      yield* seconds(5)
      assert.strictEqual(puppets.length, 2)
    }))

  it.effect("is replaced after its jobs", () =>
    Effect.gen(function*() {
      const { connection, first, second } = yield* pooled({ replaceAfterJobs: 3 })
      let ended = 0
      while (puppets.length === 2 && ended < 20) {
        const id = `AJ_${ended++}`
        yield* connection.dispatch(makeJob(id))
        yield* until(() => puppets.some((one) => JSON.stringify(one.asked).includes(id)))
        const child = puppets.find((one) => JSON.stringify(one.asked).includes(id))!
        child.say({ _tag: "JobReport", id, status: "success", error: "" }, { _tag: "Over", id })
        yield* outcome(connection)
        yield* seconds(1)
      }
      const most = Math.max(...[first, second].map(({ tags }) => tags.filter((tag) => tag === "Start").length))
      assert.strictEqual(most, 3)
    }))

  it.effect("is replaced by less growth where memory is short: else the worker gets no calls any more", () =>
    Effect.gen(function*() {
      const { first, second, uses } = yield* pooled({ memoryLimit: 1_000_000, replaceAfterGrowth: 1_000_000 })
      const half = available() / megabyte / 2
      uses(first, half * 1.1)
      uses(second, half * 0.2)
      yield* seconds(2)
      yield* until(() => left(first))
      assert.isFalse(left(second))
    }))

  it.effect("stays where that is wished", () =>
    Effect.gen(function*() {
      const { first, uses } = yield* pooled({ replaceAfterGrowth: false, replaceAfterJobs: false })
      uses(first, 1900)
      yield* seconds(60)
      assert.strictEqual(puppets.length, 2)
    }))
})
