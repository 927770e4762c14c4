/** Connections that are opened ahead of need. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { Failure } from "effect-voice"
import { TestClock } from "effect/testing"
import type { Connection } from "../../src/internal/provider/socket.ts"
import { standby } from "../../src/internal/provider/standby.ts"

interface Line extends Connection {
  readonly number: number
  /** The other side closes it. */
  drop: () => void
  closed: boolean
}

const lines = Effect.fnUntraced(function*(options: { readonly gate?: Effect.Effect<void, Failure.Reason> } = {}) {
  const all: Array<Line> = []
  const open = Effect.gen(function*() {
    yield* options.gate ?? Effect.void
    let dropped = false
    const line: Line = {
      number: all.length,
      closed: false,
      drop: () => {
        dropped = true
      },
      isClosed: () => dropped || line.closed,
      messages: Stream.never,
      send: () => Effect.void
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => void all.push(line)),
      () => Effect.sync(() => void (line.closed = true))
    )
    return line
  })
  const source = yield* standby({ open, keepMs: 10_000, keepAlive: { message: "{}", everyMs: 3000 } })
  /** Takes one, uses it, and gives it back: which it was. */
  const use = Effect.scoped(Effect.map(source.open, (line) => (line as Line).number))
  const held = () => all.filter(({ closed }) => !closed).map(({ number }) => number)
  return { all, held, source, use }
})

describe("a standby connection", () => {
  it.effect("is taken once, closed by who has taken it, and not opened twice", () =>
    Effect.gen(function*() {
      const { held, source, use } = yield* lines()
      yield* Effect.all([source.prewarm, source.prewarm, source.prewarm], { concurrency: "unbounded" })
      assert.deepStrictEqual(held(), [0])
      assert.deepStrictEqual(yield* Effect.all([use, use, use], { concurrency: "unbounded" }), [0, 1, 2])
      assert.deepStrictEqual(held(), [])
    }))

  it.effect("is not used again when its time is over, nor when the other side has closed it", () =>
    Effect.gen(function*() {
      const { all, held, source, use } = yield* lines()
      yield* source.prewarm
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(held(), [])
      assert.strictEqual(yield* use, 1)
      yield* source.prewarm
      all[2]!.drop()
      assert.strictEqual(yield* use, 3)
      assert.deepStrictEqual(held(), [])
    }))

  it.effect("one that was lost makes place for another, which is kept for its whole time", () =>
    Effect.gen(function*() {
      const { all, held, source, use } = yield* lines()
      yield* source.prewarm
      yield* TestClock.adjust("1 second")
      all[0]!.drop()
      yield* source.prewarm
      // The lost one is cleared away meanwhile.
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(held(), [1])
      assert.strictEqual(yield* use, 1)
    }))

  it.effect("whoever gives up waiting for one leaves nothing open, and a failure is no standby", () =>
    Effect.gen(function*() {
      const opens = Deferred.makeUnsafe<void, Failure.Reason>()
      const { held, source, use } = yield* lines({ gate: Deferred.await(opens) })
      const waiting = yield* Effect.forkChild(Effect.all([use, source.prewarm], { concurrency: 2 }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual(held(), [])
      yield* Deferred.fail(opens, new Failure.Disconnected({}))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(source.prewarm)))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(use)))
      assert.deepStrictEqual(held(), [])
    }))

  it.effect("is closed with its owner", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { held, source } = yield* Scope.provide(lines(), scope)
      yield* source.prewarm
      assert.deepStrictEqual(held(), [0])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(held(), [])
    }))
})
