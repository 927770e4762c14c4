// Alone: it measures its process
// @effect-diagnostics missingEffectContext:off
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Llm } from "effect-voice"
import * as Worker from "effect-voice/Worker"
import { closeSync, existsSync, openSync } from "node:fs"
import { makeProbe } from "../../src/internal/worker/probe.ts"

const idle: Worker.LoadFacts = {
  cpu: 0,
  memoryBytes: 0,
  eventLoopDelayMs: 0,
  filesShare: 0,
  heapShare: 0,
  cores: 2,
  memoryLimitBytes: 4e9,
  jobs: 0,
  maxJobs: 10
}

describe("the load", () => {
  it("is that of the scarcest resource", () => {
    assert.strictEqual(Worker.defaultLoad(idle), 0)
    assert.strictEqual(Worker.defaultLoad({ ...idle, cpu: 1 }), 0.5)
    assert.strictEqual(Worker.defaultLoad({ ...idle, memoryBytes: 3e9, cpu: 1 }), 0.75)
    assert.strictEqual(Worker.defaultLoad({ ...idle, eventLoopDelayMs: 90 }), 0.9)
    assert.strictEqual(Worker.defaultLoad({ ...idle, eventLoopDelayMs: 1e6 }), 1)
    assert.strictEqual(Worker.defaultLoad({ ...idle, filesShare: 0.8 }), 0.8)
    assert.strictEqual(Worker.defaultLoad({ ...idle, heapShare: 0.9, filesShare: 0.8 }), 0.9)
  })

  it.prop("stays within bounds, and reaches the server's limit with the last job", [
    Schema.Struct({
      cpu: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 64 })),
      memoryBytes: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e12 })),
      eventLoopDelayMs: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e5 })),
      jobs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 }))
    })
  ], ([facts]) => {
    const load = Worker.defaultLoad({ ...idle, ...facts })
    assert.isTrue(load >= 0 && load <= 1)
    if (facts.jobs === 10) assert.isAtLeast(load, 0.7)
  })

  it.live("is measured: a busy process shows in CPU and in the delay of the event loop", () =>
    Effect.gen(function*() {
      const spent = 300
      const began = performance.now()
      const probe = yield* makeProbe
      const spin = Effect.sync(() => {
        // By its own CPU: on a busy machine the clock runs without it.
        const before = process.cpuUsage()
        while (process.cpuUsage(before).user + process.cpuUsage(before).system < spent * 1000);
      })
      yield* Effect.sleep(20)
      yield* spin
      yield* Effect.sleep(600)
      const usage = probe()
      // Of at most five samples it is the mean, and in one of them was no less than in all of the time.
      assert.isAtLeast(usage.cpu, spent / (performance.now() - began) / 5)
      assert.isAbove(usage.eventLoopDelayMs, 100)
      assert.isAbove(usage.memoryBytes, 1e7)
    }))
})

describe("open files", () => {
  it.live("count against what the process may have", ({ skip }) =>
    Effect.gen(function*() {
      if (!existsSync("/proc/self/fd")) return skip("this system does not tell of open files")
      const probe = yield* makeProbe
      const before = probe().filesShare
      yield* Effect.acquireRelease(
        Effect.sync(() => Array.from({ length: 500 }, () => openSync("/dev/null", "r"))),
        (held) => Effect.sync(() => held.forEach((one) => closeSync(one)))
      )
      yield* Effect.sleep(600)
      assert.isAbove(probe().filesShare, before)
      assert.isBelow(probe().filesShare, 1)
      assert.isAbove(probe().heapShare, 0)
    }))
})

describe("a definition", () => {
  it("is found by what it is, and must give its entry what that needs", () => {
    assert.isTrue(Worker.isDefinition(Worker.define({ entry: () => Effect.void, layer: Layer.empty })))
    assert.isFalse(Worker.isDefinition({ entry: () => Effect.void }))
    Worker.define({
      entry: () => Llm.Llm.useSync((llm) => llm.name),
      // @ts-expect-error: nobody gives the Llm
      layer: Layer.empty
    })
  })
})
