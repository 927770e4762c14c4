import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { awaited, beside, reopened, through, throughEffect } from "../../src/internal/streams.ts"

const arrays = Stream.fromArrays([1, 2], [3], [4, 5, 6])

const chunks = <A, E>(self: Stream.Stream<A, E>) => Stream.runCollect(Stream.chunks(self))

const even = (numbers: ReadonlyArray<number>) => numbers.filter((number) => number % 2 === 0)

describe("a step over arrays", () => {
  it.effect("keeps them as they come, and passes over those of which nothing is left", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* chunks(arrays.pipe(through(even))), [[2], [4, 6]])
      const slowly = arrays.pipe(throughEffect((numbers) => Effect.as(Effect.yieldNow, even(numbers))))
      assert.deepStrictEqual(yield* chunks(slowly), [[2], [4, 6]])
    }))

  it.effect("fails as its stream and as itself, and takes a long silence without a deeper stack", () =>
    Effect.gen(function*() {
      const lost = Stream.concat(arrays, Stream.fail("lost")).pipe(through(even))
      assert.deepStrictEqual(yield* Effect.exit(chunks(lost)), Exit.fail("lost"))
      const refused = arrays.pipe(
        throughEffect((numbers) => numbers.length === 1 ? Effect.fail("no") : Effect.succeed([]))
      )
      assert.deepStrictEqual(yield* Effect.exit(chunks(refused)), Exit.fail("no"))
      const silence = Stream.rechunk(Stream.range(1, 100_001), 1).pipe(through((n) => n[0] > 100_000 ? n : []))
      assert.deepStrictEqual(yield* chunks(silence), [[100_001]])
    }))

  it.effect("shows each array to somebody else before it goes on", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      yield* arrays.pipe(
        beside((numbers) => void seen.push(numbers)),
        Stream.runForEach((number) => Effect.sync(() => seen.push(number)))
      )
      assert.deepStrictEqual(seen, [[1, 2], 1, 2, [3], 3, [4, 5, 6], 4, 5, 6])
    }))
})

describe("a stream that is awaited", () => {
  it.effect("has something else going on until the next array has come, and ends as it is", () =>
    Effect.gen(function*() {
      const log: Array<unknown> = []
      const meanwhile = Effect.andThen(
        Effect.sleep(50),
        Effect.andThen(Effect.sync(() => log.push("late")), Effect.never)
      )
      const slow = Stream.make(10, 100).pipe(
        Stream.rechunk(1),
        Stream.mapEffect((ms) => Effect.delay(Effect.succeed(ms), ms))
      )
      const fiber = yield* slow.pipe(
        awaited(meanwhile, Effect.sync(() => log.push("there"))),
        Stream.runForEach((ms) => Effect.sync(() => log.push(ms))),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust(200)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(log, ["there", 10, "late", "there", 100])
      const lost = Stream.runDrain(awaited(Effect.never, Effect.void)(Stream.fail("lost")))
      assert.deepStrictEqual(yield* Effect.exit(lost), Exit.fail("lost"))
    }))
})

describe("a stream that is opened again", () => {
  it.effect("has let go of what it held, and ends when it is no longer wanted", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      let opened = 0
      const attempt = Stream.unwrap(Effect.gen(function*() {
        const number = ++opened
        yield* Effect.acquireRelease(Effect.sync(() => log.push("open")), () => Effect.sync(() => log.push("close")))
        return number === 1 ? Stream.make("a", "b") : Stream.concat(Stream.make("c"), Stream.fail("lost"))
      }))
      const ends: Array<Exit.Exit<unknown, string>> = []
      const again = (exit: Exit.Exit<unknown, string>) =>
        Effect.sync(() => {
          log.push("again?")
          return ends.push(exit) < 3
        })
      assert.deepStrictEqual(yield* Stream.runCollect(reopened(attempt, again)), ["a", "b", "c", "c"])
      assert.deepStrictEqual(log, Array.from({ length: 3 }, () => ["open", "close", "again?"]).flat())
      assert.deepStrictEqual(ends, [Exit.void, Exit.fail("lost"), Exit.fail("lost")])
    }))

  it.effect("is asked about also where it breaks or gives itself up", () =>
    Effect.gen(function*() {
      const attempts = [Stream.die("broken"), Stream.fromEffect(Effect.interrupt), Stream.make("at last")]
      const ends: Array<boolean> = []
      const given = reopened(Stream.suspend(() => attempts[ends.length]!), (exit) =>
        Effect.sync(() => {
          ends.push(Exit.isFailure(exit) && (Cause.hasDies(exit.cause) || Cause.hasInterruptsOnly(exit.cause)))
          return Exit.isFailure(exit)
        }))
      assert.deepStrictEqual(yield* Stream.runCollect(given), ["at last"])
      assert.deepStrictEqual(ends, [true, true, false])
    }))
})
