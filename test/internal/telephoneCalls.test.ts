/** Calls between their webhook and their stream: how long their place and their word are good for. */
import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import type { Started } from "../../src/internal/telephone/accept.ts"
import { makeCalls, wordName } from "../../src/internal/telephone/calls.ts"
import { Capacity } from "../../src/internal/worker/capacity.ts"
import { JobTable } from "../../src/internal/worker/jobTable.ts"

const usage = { cpu: 0, memoryBytes: 0, eventLoopDelayMs: 0, filesShare: 0, heapShare: 0 }

/** A telephone that has place for two calls, none of which ends. */
const desk = Effect.fnUntraced(function*(limits: { readonly load?: () => number } = {}) {
  const table = new JobTable()
  const capacity = new Capacity({ maxJobs: 2, load: () => 0, ...limits, loadThreshold: 0.9 }, table, () => usage)
  capacity.connected({ id: "telephone", send: () => {}, flush: Effect.void })
  const ran: Array<string> = []
  capacity.executor = {
    run: ({ job }) => Effect.andThen(Effect.sync(() => void ran.push(job.id)), Effect.never),
    hurry: Effect.void,
    running: () => [],
    end: () => Effect.void,
    endAll: () => Effect.void,
    free: () => 2,
    children: () => [],
    measured: Effect.void
  }
  const calls = yield* makeCalls({ agentName: "", capacity, table })
  const stream = (callSid: string, word: string | undefined): Started => ({
    start: {
      streamSid: "MZ1",
      callSid,
      accountSid: undefined,
      parameters: word === undefined ? {} : { [wordName]: word }
    },
    link: { pull: Effect.never, send: () => {}, close: () => {}, early: [] }
  })
  /** Whether a stream is taken. */
  const comes = (callSid: string, word: string | undefined, trusted = false) =>
    Effect.gen(function*() {
      const before = ran.length
      const fiber = yield* Effect.forkScoped(calls.run(stream(callSid, word), trusted, () => undefined), {
        startImmediately: true
      })
      yield* TestClock.adjust(1)
      assert.strictEqual(fiber.pollUnsafe() === undefined, ran.length > before)
      return ran.length > before
    })
  const announce = (callSid: string) => calls.announce(callSid, {}, {})
  return { calls, capacity, table, comes, announce }
})

describe("a load that is too high", () => {
  it.effect("is told in the log, once a minute, for nobody offers a call that could be refused", () =>
    Effect.gen(function*() {
      let load = 0.95
      const lines: Array<unknown> = []
      const logger = Logger.make(({ fiber, message }) =>
        void lines.push([message, fiber.getRef(References.CurrentLogAnnotations)["load"]])
      )
      const { capacity } = yield* desk({ load: () => load })
      const tell = (after: Duration.Input) => Effect.andThen(TestClock.adjust(after), capacity.tell)
      yield* Effect.gen(function*() {
        yield* tell(0)
        yield* tell("59 seconds")
        load = 0.1
        yield* tell("10 seconds")
        load = 1
        yield* tell("10 seconds")
        capacity.drain()
        yield* tell("2 minutes")
      }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set([logger])))
      const told = "no call is taken: the load is too high"
      assert.deepStrictEqual(lines, [[[told], 0.95], [[told], 1]])
    }).pipe(Effect.scoped))
})

describe("a call that was announced", () => {
  it.effect.each<readonly [string, number, boolean]>([
    ["at once", 0, true],
    ["in time", 29_900, true],
    ["too late", 30_100, false],
    ["much too late", 3_600_000, false]
  ])("is taken by its word %s", ([, ms, taken]) =>
    Effect.gen(function*() {
      const { announce, comes, table } = yield* desk()
      const word = yield* announce("CA1")
      yield* TestClock.adjust(ms)
      assert.strictEqual(yield* comes("CA1", word), taken)
      assert.strictEqual(table.taken, taken ? 1 : 0)
    }))

  it.effect("keeps its word, and has its time again, when it is announced again", () =>
    Effect.gen(function*() {
      const { announce, comes } = yield* desk()
      const word = yield* announce("CA1")
      yield* TestClock.adjust(20_000)
      assert.strictEqual(yield* announce("CA1"), word)
      yield* TestClock.adjust(20_000)
      assert.isTrue(yield* comes("CA1", word))
    }))

  it.effect("has a word of its own each time, which is good once", () =>
    Effect.gen(function*() {
      const { announce, calls, comes, table } = yield* desk()
      const words = [yield* announce("CA1"), yield* announce("CA2")]
      assert.strictEqual(new Set(words).size, 2)
      // No place is left.
      assert.isUndefined(yield* announce("CA3"))
      assert.isFalse(yield* comes("CA1", words[1]))
      assert.isFalse(yield* comes("CA1", undefined))
      assert.isFalse(yield* comes("CA1", ""))
      assert.isTrue(yield* comes("CA1", words[0]))
      assert.isFalse(yield* comes("CA1", words[0]))
      // It runs: nobody takes it over, also with a signature.
      assert.isFalse(yield* comes("CA1", undefined, true))
      assert.isUndefined(yield* announce("CA1"))
      // The carrier says that the other is over.
      yield* calls.forget("CA2")
      yield* calls.forget("CA2")
      yield* calls.forget("CA9")
      assert.isFalse(yield* comes("CA2", words[1]))
      assert.strictEqual(table.taken, 1)
      const again = yield* announce("CA2")
      assert.isDefined(again)
      assert.notStrictEqual(again, words[1])
      // The time of the first announcement does not end the second.
      yield* TestClock.adjust(29_000)
      assert.isTrue(yield* comes("CA2", again))
    }))
})
