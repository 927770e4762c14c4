import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Queue, Scheduler, Scope, Stream } from "effect"
import { makeVirtualClock, type Options, type VirtualClock } from "effect-voice/internal/virtualClock"
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises"
import { moment, msSince } from "../support/ownTime.ts"

const virtually = <A, E>(
  program: (clock: VirtualClock) => Effect.Effect<A, E, Scope.Scope>,
  options?: Options
): Effect.Effect<A, E, Scope.Scope> =>
  Effect.flatMap(makeVirtualClock(options), (virtual) =>
    program(virtual).pipe(
      Effect.provideService(Clock.Clock, virtual.clock),
      Effect.provideService(Scheduler.Scheduler, virtual.scheduler)
    ))

describe("virtual clock", () => {
  it.live("spends no real time on an hour", () =>
    Effect.gen(function*() {
      const before = moment()
      const after = yield* virtually(() => Effect.andThen(Effect.sleep("1 hour"), Clock.currentTimeMillis))
      assert.strictEqual(after, 3_600_000)
      assert.isBelow(msSince(before), 1000)
    }))

  it.live("wakes by time, then by registration, each when the one before has come to rest", () =>
    virtually(() =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const sleeper = (name: string, ms: number) =>
          Effect.gen(function*() {
            yield* Effect.sleep(ms)
            log.push(`${name} wakes`)
            for (let hop = 0; hop < 5; hop++) yield* Effect.yieldNow
            yield* Effect.promise(() => Promise.resolve().then(() => nextTurn()))
            const at = yield* Clock.currentTimeMillis
            log.push(`${name} rests at ${at}`)
          })
        yield* Effect.all([sleeper("a", 20), sleeper("b", 10), sleeper("c", 20)], { concurrency: "unbounded" })
        assert.deepStrictEqual(log, [
          "b wakes",
          "b rests at 10",
          "a wakes",
          "a rests at 20",
          "c wakes",
          "c rests at 20"
        ])
      })
    ))

  it.live("stands still while native code runs", () => {
    let pending = 0
    return virtually(() =>
      Effect.gen(function*() {
        const ticks: Array<number> = []
        yield* Effect.forkChild(
          Effect.forever(Effect.andThen(
            Effect.sleep(10),
            Effect.map(Clock.currentTimeMillis, (at) => ticks.push(at))
          )),
          { startImmediately: true }
        )
        yield* Effect.sleep(25)
        pending++
        yield* Effect.promise(() => delay(30).then(() => pending--))
        assert.deepStrictEqual(ticks, [10, 20])
        assert.strictEqual(yield* Clock.currentTimeMillis, 25)
      }), { pending: () => pending })
  })

  it.live("stands still while it is held", () =>
    virtually((virtual) =>
      Effect.gen(function*() {
        yield* Effect.forkChild(Effect.sleep("1 hour"), { startImmediately: true })
        yield* virtual.hold(Effect.promise(() => delay(20)))
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        yield* Effect.sleep(1)
        assert.strictEqual(yield* Clock.currentTimeMillis, 1)
      })
    ))

  it.live("takes real time until it starts, and what sleeps then goes on in virtual time", () =>
    virtually((virtual) =>
      Effect.gen(function*() {
        const long = yield* Effect.forkChild(Effect.andThen(Effect.sleep("1 hour"), Clock.currentTimeMillis), {
          startImmediately: true
        })
        yield* Effect.promise(() => delay(20))
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        yield* Effect.sleep(5)
        assert.strictEqual(yield* Clock.currentTimeMillis, 5)
        virtual.start()
        assert.strictEqual(yield* Fiber.join(long), 3_600_000)
      }), { started: false }))

  it.live("forgets who was interrupted", () =>
    virtually(() =>
      Effect.gen(function*() {
        const result = yield* Effect.sleep("1 hour").pipe(Effect.timeoutOption("1 second"))
        assert.strictEqual(result._tag, "None")
        assert.strictEqual(yield* Clock.currentTimeMillis, 1000)
        yield* Effect.sleep(1)
        assert.strictEqual(yield* Clock.currentTimeMillis, 1001)
      })
    ))

  it.live("lets go of everyone who still sleeps when its scope closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const virtual = yield* makeVirtualClock({ pending: () => 1 }).pipe(Scope.provide(scope))
      const fiber = yield* Effect.sleep(5).pipe(Effect.provideService(Clock.Clock, virtual.clock), Effect.forkChild)
      yield* Effect.promise(() => delay(30))
      assert.isUndefined(fiber.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(fiber)
    }))

  it.live("rests while nobody sleeps, and does not lock out the event loop", () =>
    virtually(() =>
      Effect.gen(function*() {
        const queue = yield* Queue.unbounded<number>()
        const busy = yield* Effect.forkChild(Effect.forever(Effect.yieldNow))
        void delay(10).then(() => Queue.offerUnsafe(queue, 1))
        assert.strictEqual(yield* Queue.take(queue), 1)
        yield* Fiber.interrupt(busy)
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      })
    ))

  it.live("gives a program of streams the same times, every time", () => {
    const program = virtually(() =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const source = (name: string, gap: number) =>
          Stream.range(1, 20).pipe(
            Stream.rechunk(1),
            Stream.mapEffect((i) => Effect.as(Effect.sleep(gap), `${name}${i}`))
          )
        yield* Stream.merge(source("a", 10), source("b", 15)).pipe(
          Stream.buffer({ capacity: 4 }),
          Stream.runForEach((item) => Effect.map(Clock.currentTimeMillis, (at) => log.push(`${at} ${item}`)))
        )
        return log
      })
    )
    return Effect.gen(function*() {
      const first = yield* program
      assert.strictEqual(first.length, 40)
      assert.isTrue(first.includes("150 a15") && first.includes("150 b10") && first.includes("300 b20"))
      for (let i = 0; i < 5; i++) assert.deepStrictEqual(yield* program, first)
    })
  })
})
