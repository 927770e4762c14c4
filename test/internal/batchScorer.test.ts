import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Metric } from "effect"
import * as native from "../../src/internal/native.ts"
import { largestBatch, makeMemory, sampleCount } from "../../src/internal/vad/batchMemory.ts"
import { share } from "../../src/internal/vad/batchScorer.ts"
import { cellSize } from "../../src/internal/vad/weights.ts"
import { diceOf } from "../support/dice.ts"

const size = sampleCount(16_000)

/** A window that says whose it is, and which. */
const windowOf = (stream: number, index: number): Float32Array => new Float32Array(512).fill(stream).fill(index, 1, 2)

/**
 * A model that answers when it is told to. The probability of a window is how
 * many windows its stream has had before, over 1000: it counts in the state.
 */
const makeModel = () => {
  const memory = makeMemory(16_000, (length) => new Float32Array(length))
  const batches: Array<ReadonlyArray<string>> = []
  const out: { call: PromiseWithResolvers<void> | undefined } = { call: undefined }
  const score = (rows: number) => {
    for (let row = 0; row < rows; row++) {
      memory.probabilities[row] = memory.hidden[row * cellSize]! / 1000
      memory.nextHidden[row * cellSize] = memory.hidden[row * cellSize]! + 1
    }
  }
  /** Waits until a batch is out, then ends it. */
  const end = (how: (call: PromiseWithResolvers<void>) => void) =>
    Effect.gen(function*() {
      while (out.call === undefined) yield* Effect.yieldNow
      const ended = out.call
      how(ended)
      while (out.call === ended) yield* Effect.yieldNow
      yield* Effect.yieldNow
    })
  return {
    batches,
    shared: share({
      specialised: true,
      memory,
      run: (rows) => {
        assert.isUndefined(out.call, "one batch at a time")
        const call = out.call = Promise.withResolvers<void>()
        batches.push(Array.from({ length: rows }, (_, row) => {
          const window = memory.samples.subarray(row * size + 64, (row + 1) * size)
          return `${window[0]}/${window[1]}`
        }))
        return call.promise.then(() => {
          score(rows)
          memory.samples.fill(0)
        }).finally(() => {
          out.call = undefined
        })
      }
    }, 16_000),
    answer: end((call) => call.resolve()),
    fail: end((call) => call.reject(new TypeError("with words"))),
    out: Effect.gen(function*() {
      while (out.call === undefined) yield* Effect.yieldNow
    }),
    idle: () => out.call === undefined
  }
}

const windowsOf = (stream: number, count: number) => Array.from({ length: count }, (_, i) => windowOf(stream, i))

/** Asks at once, and gives the fiber that waits for the answer. */
const ask = Effect.fnUntraced(function*(model: ReturnType<typeof makeModel>, stream: number, count = 1) {
  const scorer = yield* model.shared.scorer
  return yield* Effect.forkChild(scorer.score(windowsOf(stream, count)), { startImmediately: true })
})

describe("shared scorer", () => {
  it.effect("scores a window that is alone at once, without a timer", () =>
    Effect.gen(function*() {
      const model = makeModel()
      const fiber = yield* ask(model, 1)
      // The TestClock stands still.
      yield* model.answer
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0])
      assert.deepStrictEqual(model.batches, [["1/0"]])
    }))

  it.effect("takes all that waits when a batch has ended, first come first", () =>
    Effect.gen(function*() {
      const model = makeModel()
      yield* ask(model, 1)
      yield* model.out
      const later = yield* Effect.forEach([2, 3, 4], (stream) => ask(model, stream))
      yield* model.answer
      yield* model.answer
      yield* Effect.forEach(later, Fiber.join)
      assert.deepStrictEqual(model.batches, [["1/0"], ["2/0", "3/0", "4/0"]])
    }))

  it.effect("lets no stream starve: one window each, in turns", () =>
    Effect.gen(function*() {
      const model = makeModel()
      const greedy = yield* Effect.forEach(Array.from({ length: 40 }, (_, i) => i), (stream) => ask(model, stream, 3))
      for (let batch = 0; batch < 2; batch++) yield* model.answer
      // Comes last, behind windows of 40 streams: is served in the round after the next.
      const modest = yield* ask(model, 99)
      let rounds = 0
      while (modest.pollUnsafe() === undefined) {
        yield* model.answer
        rounds++
      }
      assert.isAtMost(rounds, 3)
      while (greedy.some((fiber) => fiber.pollUnsafe() === undefined)) yield* model.answer
      for (const batch of model.batches) {
        assert.isAtMost(batch.length, largestBatch)
        assert.strictEqual(new Set(batch.map((name) => name.split("/")[0])).size, batch.length)
      }
      const served = model.batches.flat().map((name) => name.split("/").map(Number))
      // Nobody has had a window more than another who still waits, but for the batch in between.
      const had = new Array<number>(40).fill(0)
      for (const [stream, index] of served) {
        if (stream === 99) continue
        assert.strictEqual(index, had[stream!]!++)
        assert.isAtMost(Math.max(...had) - Math.min(...had), 2)
      }
    }))

  it.effect("fails the streams of a batch that fails, and no others", () =>
    Effect.gen(function*() {
      const model = makeModel()
      const scorer = yield* model.shared.scorer
      const score = Effect.forkChild(Effect.exit(scorer.score(windowsOf(1, 1))), { startImmediately: true })
      const first = yield* score
      yield* model.out
      const second = yield* ask(model, 2)
      yield* model.fail
      yield* model.answer
      const failed = yield* Fiber.join(first)
      assert.isTrue(Exit.isFailure(failed))
      const error = yield* Effect.flip(failed)
      assert.strictEqual(error.reason._tag, "InferenceFailed")
      assert.notInclude(error.message, "with words")
      assert.deepStrictEqual(yield* Fiber.join(second), [0])
      // It has not moved on, and works again.
      const again = yield* score
      yield* model.answer
      assert.deepStrictEqual(yield* Fiber.join(again), Exit.succeed([0]))
      assert.strictEqual(native.pending(), 0)
    }))

  it.effect("frees the place of a stream that is interrupted while it waits", () =>
    Effect.gen(function*() {
      const model = makeModel()
      yield* ask(model, 1)
      yield* model.out
      const [gone, stays] = [yield* ask(model, 2), yield* ask(model, 3)]
      assert.strictEqual(native.pending(), 3)
      gone.interruptUnsafe()
      assert.isDefined(gone.pollUnsafe())
      assert.strictEqual(native.pending(), 2)
      yield* model.answer
      yield* model.answer
      yield* Fiber.join(stays)
      assert.deepStrictEqual(model.batches, [["1/0"], ["3/0"]])
    }))

  it.effect("scores nothing where the only stream is gone before its batch begins", () =>
    Effect.gen(function*() {
      const model = makeModel()
      const gone = yield* ask(model, 1)
      gone.interruptUnsafe()
      yield* model.shared.idle
      assert.deepStrictEqual(model.batches, [])
      assert.strictEqual(native.pending(), 0)
      const stays = yield* ask(model, 2)
      yield* model.answer
      assert.deepStrictEqual(yield* Fiber.join(stays), [0])
    }))

  it.effect("drops the answer for a stream that was interrupted in a batch, which may ask again", () =>
    Effect.gen(function*() {
      const model = makeModel()
      const scorer = yield* model.shared.scorer
      const score = Effect.forkChild(scorer.score(windowsOf(1, 2)), { startImmediately: true })
      const gone = yield* score
      yield* model.out
      gone.interruptUnsafe()
      assert.isDefined(gone.pollUnsafe())
      const again = yield* score
      while (again.pollUnsafe() === undefined) yield* model.answer
      assert.deepStrictEqual(
        (yield* Fiber.join(again)).map((probability) => Math.round(probability * 1000)),
        [0, 1]
      )
      assert.deepStrictEqual(model.batches, [["1/0"], ["1/0"], ["1/1"]])
      assert.strictEqual(native.pending(), 0)
    }))

  it.effect("holds no more than one window of a stream in a batch, and asks for no more until it has answered", () =>
    Effect.gen(function*() {
      const model = makeModel()
      const fiber = yield* ask(model, 1, 32)
      for (let i = 0; i < 32; i++) yield* model.answer
      assert.deepStrictEqual(
        (yield* Fiber.join(fiber)).map((probability) => Math.round(probability * 1000)),
        Array.from({ length: 32 }, (_, i) => i)
      )
      assert.isTrue(model.batches.every((batch) => batch.length === 1))
    }))

  it.effect("says when it rests", () =>
    Effect.gen(function*() {
      const model = makeModel()
      yield* model.shared.idle
      yield* ask(model, 1)
      yield* model.out
      const rest = yield* Effect.forkChild(model.shared.idle, { startImmediately: true })
      yield* Effect.repeat(Effect.yieldNow, { times: 5 })
      assert.isUndefined(rest.pollUnsafe())
      yield* model.answer
      yield* Fiber.join(rest)
    }))

  it.effect("is measured in the registry of each stream", () => {
    const registry: typeof Metric.MetricRegistry.Service = new Map()
    return Effect.gen(function*() {
      const model = makeModel()
      yield* ask(model, 1)
      yield* model.out
      yield* Effect.forEach([2, 3], (stream) => ask(model, stream))
      yield* model.answer
      yield* model.answer
      while (native.pending() > 0) yield* Effect.yieldNow
      const snapshot = yield* Metric.snapshot
      const counts = snapshot.flatMap((metric) =>
        metric.type === "Histogram" ? [[metric.id, metric.state.count, metric.state.sum] as const] : []
      )
      assert.deepInclude(counts, ["vad_batch_size", 2, 3])
      assert.deepStrictEqual(
        counts.map(([id, count]) => `${id} ${count}`).sort(),
        ["vad_batch_size 2", "vad_inference_time 2", "vad_lateness_time 2"]
      )
      assert.isTrue(snapshot.some(({ id }) => id === "vad_queue_depth"))
    }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
  })

  it.effect("gives every stream its own answers, whoever comes and goes", () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= 30; seed++) {
        const random = diceOf(seed).below
        const model = makeModel()
        const asked = []
        for (let step = 0; step < 60; step++) {
          switch (random(4)) {
            case 0:
              if (!model.idle()) yield* model.answer
              break
            case 1:
              if (asked.length > 0) asked[random(asked.length)]!.fiber.interruptUnsafe()
              break
            default: {
              const count = 1 + random(4)
              asked.push({ count, fiber: yield* ask(model, step, count) })
            }
          }
        }
        while (asked.some(({ fiber }) => fiber.pollUnsafe() === undefined)) yield* model.answer
        for (const { count, fiber } of asked) {
          const exit = yield* Fiber.await(fiber)
          if (Exit.isSuccess(exit)) {
            assert.deepStrictEqual(
              exit.value.map((probability) => Math.round(probability * 1000)),
              Array.from({ length: count }, (_, i) => i),
              `seed ${seed}`
            )
          }
        }
        assert.strictEqual(native.pending(), 0, `seed ${seed}`)
      }
    }))
})
