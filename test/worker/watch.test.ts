// Alone: puts puppets in the place of child processes.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import { makeJob } from "../support/agentServer.ts"
import { correctable } from "../support/clock.ts"
import { birth, puppets, state } from "./puppet.ts"
import { memory, settled, start, until } from "./support.ts"

vi.mock("node:child_process", async () => ({ spawn: (await import("./puppet.ts")).spawn }))

const definition = Worker.define({ layer: Layer.empty, entry: () => Effect.void })

/** A worker with one process and one call in it. */
const pooled = Effect.gen(function*() {
  puppets.length = 0
  const server = yield* memory()
  const clock = yield* correctable
  const worker = yield* clock.run(
    start(definition, server, { pool: { module: import.meta.url, processes: 1, jobsPerProcess: 2 } })
  )
  const connection = yield* server.next
  yield* connection.dispatch(makeJob("AJ_1"))
  const child = puppets[0]!
  yield* until(() => child.tags.includes("Start"))
  yield* Effect.addFinalizer(() => Effect.sync(() => child.kill("SIGKILL")))
  return { child, clock, worker }
})

const second = Effect.andThen(TestClock.adjust("1 second"), settled)

const seconds = (count: number, each: () => void = () => undefined) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.andThen(Effect.sync(each), second), { discard: true })

/** It is asked after so many seconds, and killed a second later, for it does not answer. */
const killedAfter = (count: number, child: (typeof puppets)[number]) =>
  Effect.gen(function*() {
    yield* seconds(count - 1)
    assert.notInclude(child.tags, "Ping")
    yield* second
    assert.include(child.tags, "Ping")
    assert.isTrue(child.alive)
    yield* second
    assert.isFalse(child.alive)
  })

describe("the watch over the processes of a pool", () => {
  it.effect("asks one that is silent for a minute, and kills it if there is no answer within a second", () =>
    Effect.gen(function*() {
      const { child } = yield* pooled
      child.answers = false
      yield* killedAfter(60, child)
    }))

  it.effect("leaves one alone that answers", () =>
    Effect.gen(function*() {
      const { child } = yield* pooled
      yield* seconds(200)
      assert.deepStrictEqual(child.tags, ["Start", "Ping", "Ping", "Ping"])
      assert.isTrue(child.alive)
    }))

  it.effect("does not mind a corrected wall clock", () =>
    Effect.gen(function*() {
      for (const ms of [61_000, 120_000, 3_600_000, -61_000, -3_600_000]) {
        const { child, clock, worker } = yield* pooled
        yield* seconds(2, () => child.say(state))
        clock.step(ms)
        assert.isUndefined((yield* worker.status).problem)
        yield* seconds(3, () => child.say(state))
        assert.deepStrictEqual(child.tags, ["Start"], `${ms}`)
        child.answers = false
        yield* seconds(61)
        assert.isFalse(child.alive, `${ms}`)
      }
    }))

  it.effect("counts no time in which the worker itself stood still", () =>
    Effect.gen(function*() {
      for (const ms of [66_000, 120_000, 3_600_000]) {
        const { child, clock } = yield* pooled
        yield* seconds(2, () => child.say(state))
        clock.freeze(ms)
        // What it has said meanwhile is not read yet.
        yield* seconds(3)
        assert.deepStrictEqual(child.tags, ["Start"], `${ms}`)
        child.answers = false
        yield* seconds(54)
        assert.notInclude(child.tags, "Ping")
        yield* seconds(2)
        assert.include(child.tags, "Ping")
        // And it stands still once more while it waits for the answer.
        clock.freeze(ms)
        yield* second
        assert.isTrue(child.alive, `${ms}`)
        yield* second
        assert.isFalse(child.alive, `${ms}`)
      }
    }))

  it.effect("that is told to hurry gives ten seconds, and kills who has then been silent for five and does not answer", () =>
    Effect.gen(function*() {
      const { child, worker } = yield* pooled
      child.answers = false
      yield* Effect.forkScoped(worker.stop)
      yield* settled
      yield* killedAfter(10, child)
    }))

  it.effect("gives no job to one that is silent for five seconds", () =>
    Effect.gen(function*() {
      const { worker } = yield* pooled
      yield* seconds(4)
      assert.isUndefined((yield* worker.status).problem)
      yield* second
      assert.strictEqual((yield* worker.status).problem, "no process is free")
    }))

  it.effect("gives one that does not become ready five seconds more than its layer and prewarm", () =>
    Effect.gen(function*() {
      puppets.length = 0
      const { of } = birth
      yield* Effect.acquireRelease(
        Effect.sync(() => (birth.of = () => undefined)),
        () => Effect.sync(() => (birth.of = of))
      )
      const server = yield* memory()
      const pool = { module: import.meta.url, processes: 1, jobsPerProcess: 1 }
      const hasty: typeof definition = {
        ...definition,
        options: { ...definition.options, prewarmTimeout: "2 seconds" }
      }
      yield* Effect.forkScoped(Effect.exit(start(hasty, server, { pool })))
      yield* settled
      yield* seconds(6)
      assert.deepStrictEqual(puppets.map(({ alive }) => alive), [true])
      yield* second
      assert.isFalse(puppets[0]!.alive)
    }))

  it.effect("that is told to hurry asks, too", () =>
    Effect.gen(function*() {
      const { child, worker } = yield* pooled
      yield* Effect.forkScoped(worker.stop)
      yield* settled
      yield* seconds(10)
      assert.include(child.tags, "Ping")
      yield* seconds(10)
      assert.isTrue(child.alive)
    }))
})
