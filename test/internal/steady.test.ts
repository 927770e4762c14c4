import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { awake, oversleep } from "effect-voice/internal/steady"
import { TestClock } from "effect/testing"
import { correctable } from "../support/clock.ts"

describe("lengths of time", () => {
  it.effect("in which the process stood still are told, and waited out once more", () =>
    Effect.gen(function*() {
      const { freeze, run } = yield* correctable
      const sleeping = yield* Effect.forkChild(run(oversleep(1000)), { startImmediately: true })
      freeze(1001)
      const waiting = yield* Effect.forkChild(run(awake(2500)), { startImmediately: true })
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* Fiber.join(sleeping), 1001)
      freeze(60_000)
      yield* TestClock.adjust(2499)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(waiting.pollUnsafe())
      const punctual = yield* Effect.forkChild(run(oversleep(1000)), { startImmediately: true })
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* Fiber.join(punctual), 0)
    }))
})
