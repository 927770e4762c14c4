/** Processes of a pool that fail at their start by one cause: it is told once, and again by those that fail after one was ready. */
// Alone: puts puppets in the place of child processes.
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Layer, Logger } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import { birth, type Puppet, puppets } from "./puppet.ts"
import { memory, settled, start, until } from "./support.ts"

vi.mock("node:child_process", async () => ({ spawn: (await import("./puppet.ts")).spawn }))

const definition = Worker.define({ layer: Layer.empty, entry: () => Effect.void })

const log = (message: string, cause?: string) => ({
  _tag: "Log",
  level: "Error",
  text: JSON.stringify({ message, cause, annotations: {}, spans: {} }),
  lost: 0
})

const fails = (puppet: Puppet): void =>
  void setImmediate(() => {
    puppet.say(
      log("the process cannot be made ready", "RangeError: no table\n    at desk.ts:1:1"),
      { _tag: "Unusable", detail: "RangeError", setting: false }
    )
    puppet.kill("SIGKILL")
  })

const becomesReady = birth.of

/** Messages with a cause, of all that is logged. */
const recorded = () => {
  const causes: Array<unknown> = []
  const logger = Logger.make<unknown, void>(({ cause, message }) => {
    if (cause.reasons.length > 0) causes.push([[message].flat()[0], Cause.pretty(cause).split("\n", 1)[0]])
  })
  return { causes, layer: Logger.layer([logger]) }
}

const told = ["the process cannot be made ready", "RangeError: no table"]

describe("processes of a pool that cannot start", () => {
  it.effect("tell the cause once, however many they are, and however often they try", () =>
    Effect.gen(function*() {
      puppets.length = 0
      birth.of = fails
      const { causes, layer } = recorded()
      const server = yield* memory()
      const starting = yield* start(definition, server, {
        pool: { module: import.meta.url, processes: 3, jobsPerProcess: 2 }
      }).pipe(Effect.provide(layer), Effect.flip, Effect.forkChild)
      while (starting.pollUnsafe() === undefined) {
        yield* TestClock.adjust("1 second")
        yield* settled
      }
      assert.include((yield* Fiber.join(starting)).message, "RangeError")
      assert.isAtLeast(puppets.length, 9)
      assert.deepStrictEqual(causes, [told])
    }))

  it.effect("tell it again after one was ready, and a job's own failures always", () =>
    Effect.gen(function*() {
      puppets.length = 0
      birth.of = (puppet) => puppets.length === 1 ? fails(puppet) : becomesReady(puppet)
      const { causes, layer } = recorded()
      const server = yield* memory()
      const starting = yield* start(definition, server, {
        pool: { module: import.meta.url, processes: 1, jobsPerProcess: 2 }
      }).pipe(Effect.provide(layer), Effect.forkChild)
      yield* until(() => puppets.length === 1)
      yield* TestClock.adjust("1 second")
      yield* until(() => puppets.length === 2)
      yield* Fiber.join(starting)
      yield* Effect.addFinalizer(() => Effect.sync(() => puppets.forEach((one) => one.kill("SIGKILL"))))
      assert.deepStrictEqual(causes, [told])
      const failed = log("the job failed", "RangeError: no guest\n    at desk.ts:2:1")
      puppets[1]!.say(failed, failed)
      yield* until(() => causes.length === 3)
      birth.of = (puppet) => puppets.length === 3 ? fails(puppet) : becomesReady(puppet)
      puppets[1]!.kill("SIGKILL")
      yield* TestClock.adjust("1 second")
      yield* until(() => causes.length === 4)
      const lost = ["the job failed", "RangeError: no guest"]
      assert.deepStrictEqual(causes, [told, lost, lost, told])
    }))
})

describe("a pool that ends while a process starts", () => {
  it.effect.each([true, false])(
    "does not wait for it: it has no call; it leaves when it is asked to: %s",
    (leaves) =>
      Effect.gen(function*() {
        puppets.length = 0
        birth.of = (puppet) => {
          puppet.leaves = leaves
        }
        const warned: Array<unknown> = []
        const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
          if (logLevel === "Warn" || logLevel === "Error") warned.push(message)
        })
        const server = yield* memory()
        const starting = yield* start(definition, server, {
          pool: { module: import.meta.url, processes: 2, jobsPerProcess: 2 }
        }).pipe(Effect.provide(Logger.layer([logger])), Effect.scoped, Effect.forkChild)
        yield* until(() => puppets.length === 2)
        const ending = yield* Effect.forkChild(Fiber.interrupt(starting))
        yield* until(() => puppets.every((puppet) => puppet.has("Exit")))
        yield* TestClock.adjust(250)
        yield* Fiber.join(ending)
        assert.deepStrictEqual(puppets.map(({ alive }) => alive), [false, false])
        assert.deepStrictEqual(warned, [])
        assert.strictEqual(puppets.length, 2)
      }).pipe(Effect.ensuring(Effect.sync(() => {
        birth.of = becomesReady
      })))
  )
})
