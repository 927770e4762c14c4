/** A worker whose own process has grown: it says so once, and drains by itself only where that is wished. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Runtime } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"
import { watchOwnMemory } from "../../src/internal/worker/ownMemory.ts"
import { makeJob, outcome } from "../support/agentServer.ts"
import { memory, settled, start } from "./support.ts"

const megabyte = 1024 * 1024

describe("the memory of a worker's own process", () => {
  it.effect("is told once when it is much, and nothing follows", () =>
    Effect.gen(function*() {
      const lines: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(message))
      const look = watchOwnMemory({
        limitMb: undefined,
        availableBytes: 1000 * megabyte,
        drain: () => Effect.die("nobody asked for it")
      })
      const sees = (mb: number) => Effect.provide(look(mb * megabyte), Logger.layer([logger]))
      yield* sees(599)
      assert.strictEqual(lines.length, 0)
      for (const mb of [600, 900, 200, 700]) yield* sees(mb)
      assert.strictEqual(lines.length, 1)
      assert.include(String(lines[0]), "memoryLimit")
    }))

  it.effect("beyond its limit drains the worker, which ends with an error and an exit code of its own", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const definition = Worker.define({
        layer: Layer.empty,
        connect: () => Effect.die("nobody joins"),
        entry: () => Effect.void
      })
      const worker = yield* start(definition, server, { memoryLimit: 1 })
      yield* server.next
      const ended = yield* Effect.forkScoped(Effect.flip(worker.ended))
      assert.isFalse((yield* worker.status).draining)
      yield* TestClock.adjust("3 seconds")
      yield* settled
      assert.isTrue((yield* worker.status).draining)
      const error = yield* Fiber.join(ended)
      assert.strictEqual(error.reason._tag, "MemoryExceeded")
      assert.match(error.message, /^the worker has drained: its process used \d+ MB, and memoryLimit is 1$/)
      const codes: Array<number> = []
      Runtime.defaultTeardown(yield* Effect.exit(Effect.fail(error)), (code) => void codes.push(code))
      assert.deepStrictEqual(codes, [75])
    }))

  it.effect("beyond its limit lets the calls end that run", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const definition = Worker.define({
        layer: Layer.empty,
        connect: ({ job }) => Effect.map(makeMemoryRoom({ name: job.room.name }), ({ room }) => room),
        entry: () => Effect.sleep("10 minutes")
      })
      const worker = yield* start(definition, server, { memoryLimit: 1 })
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      yield* settled
      yield* TestClock.adjust("3 seconds")
      yield* settled
      assert.deepStrictEqual([(yield* worker.status).draining, (yield* worker.status).jobs], [true, 1])
      assert.isFalse(yield* connection.dispatch(makeJob("AJ_2")))
      const ended = yield* Effect.forkScoped(Effect.flip(worker.ended))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* outcome(connection)).error, "")
      yield* settled
      assert.strictEqual((yield* Fiber.join(ended)).reason._tag, "MemoryExceeded")
    }))
})
