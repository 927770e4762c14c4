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

const lines = Effect.fnUntraced(function*(
  options: { readonly gate?: Effect.Effect<void, Failure.Reason>; readonly again?: boolean } = {}
) {
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
  const source = yield* standby({
    open,
    keepMs: 10_000,
    keepAlive: { message: "{}", everyMs: 3000 },
    again: options.again
  })
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

describe("a connection that is lent", () => {
  /** Uses one, and gives it back: which it was. */
  const reuse = (source: Effect.Success<ReturnType<typeof lines>>["source"]) =>
    Effect.scoped(Effect.gen(function*() {
      const { connection, giveBack } = yield* source.lend
      yield* giveBack
      return (connection as Line).number
    }))

  it.effect("is closed by who has taken it, unless it was given back", () =>
    Effect.gen(function*() {
      const { held, source, use } = yield* lines()
      assert.strictEqual(yield* reuse(source), 0)
      assert.deepStrictEqual(held(), [0])
      assert.strictEqual(yield* reuse(source), 0)
      assert.strictEqual(yield* use, 0)
      assert.deepStrictEqual(held(), [])
    }))

  it.effect("is taken by one at a time, the one that was used last first, and none is lost", () =>
    Effect.gen(function*() {
      const { held, source } = yield* lines()
      const three = Effect.scoped(Effect.gen(function*() {
        const all = yield* Effect.all([source.lend, source.lend, source.lend], { concurrency: "unbounded" })
        yield* Effect.forEach(all, ({ giveBack }) => giveBack, { discard: true })
        return all.map(({ connection }) => (connection as Line).number)
      }))
      assert.deepStrictEqual(yield* three, [0, 1, 2])
      assert.deepStrictEqual(yield* three, [2, 1, 0])
      assert.deepStrictEqual(held(), [0, 1, 2])
      assert.strictEqual(yield* reuse(source), 0)
    }))

  it.effect("is not taken again when it was lost, and closed when nobody wants it in time", () =>
    Effect.gen(function*() {
      const { all, held, source } = yield* lines()
      yield* reuse(source)
      all[0]!.drop()
      assert.strictEqual(yield* reuse(source), 1)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* reuse(source), 1)
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(held(), [1])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(held(), [])
    }))

  it.effect("given back twice is one, and one that is closed is not kept", () =>
    Effect.gen(function*() {
      const { all, held, source } = yield* lines()
      yield* Effect.scoped(Effect.gen(function*() {
        const { giveBack } = yield* source.lend
        yield* giveBack
        yield* giveBack
      }))
      yield* Effect.scoped(Effect.gen(function*() {
        const first = yield* source.lend
        const second = yield* source.lend
        assert.notStrictEqual(first.connection, second.connection)
        all[1]!.drop()
        yield* second.giveBack
      }))
      assert.deepStrictEqual(held(), [])
    }))

  it.effect("leaves another one open in advance, and no more than one", () =>
    Effect.gen(function*() {
      const { held, source } = yield* lines({ again: true })
      yield* source.prewarm
      for (let i = 0; i < 3; i++) {
        yield* Effect.scoped(Effect.gen(function*() {
          const { giveBack } = yield* source.lend
          yield* TestClock.adjust(0)
          assert.strictEqual(held().length, 2)
          yield* giveBack
        }))
      }
      // One that is not given back is replaced.
      yield* Effect.scoped(source.lend)
      yield* Effect.scoped(Effect.andThen(source.lend, TestClock.adjust(0)))
      assert.strictEqual(held().length, 1)
    }))

  it.effect("is closed with its owner, also when it is lent", () =>
    Effect.gen(function*() {
      const owner = yield* Scope.make()
      const { held, source } = yield* Scope.provide(lines(), owner)
      yield* reuse(source)
      yield* source.lend
      yield* source.lend
      assert.deepStrictEqual(held(), [0, 1])
      yield* Scope.close(owner, Exit.void)
      assert.deepStrictEqual(held(), [])
    }))
})
