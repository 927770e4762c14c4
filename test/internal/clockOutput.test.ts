import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Schema, Scope } from "effect"
import { makeClockOutput } from "effect-voice/internal/room/clockOutput"
import { TestClock } from "effect/testing"

const frame = (samples: number, sampleRate = 8000, first = 1) => ({
  samples: Int16Array.from({ length: samples }, (_, i) => first + i),
  sampleRate,
  channels: 1
})

const seconds = (s: number, sampleRate = 8000) => frame(Math.round(s * sampleRate), sampleRate)

/** When an effect is done, in Clock milliseconds; undefined while it is not. */
const timed = <A>(effect: Effect.Effect<A>) =>
  Effect.map(
    Effect.forkScoped(Effect.andThen(effect, Clock.currentTimeMillis), { startImmediately: true }),
    (fiber) =>
      Effect.sync(() => {
        const exit = fiber.pollUnsafe()
        return exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
      })
  )

describe("playout", () => {
  it.effect("hears one second in one second, and not before", () =>
    Effect.gen(function*() {
      const output = yield* makeClockOutput({ sampleRate: 8000, channels: 1 })
      yield* output.write([seconds(1)])
      const drained = yield* timed(output.drained)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* output.played, 999)
      assert.isUndefined(yield* drained)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* drained, 1000)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* output.played, 1000)
    }))

  it.effect("has another level from the moment on in which it is set, for what is queued, too", () =>
    Effect.gen(function*() {
      const output = yield* makeClockOutput({ sampleRate: 1000, channels: 1 }, { keepHeard: true })
      yield* output.write([{ samples: new Int16Array(300).fill(10_000), sampleRate: 1000, channels: 1 }])
      yield* TestClock.adjust("100 millis")
      yield* output.gain!(-20)
      yield* TestClock.adjust("100 millis")
      yield* output.gain!(0)
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(
        output.takeHeardUnsafe().map(({ at, frame }) => [at, frame.samples.length, frame.samples[50]]),
        [[0, 100, 10_000], [100, 100, 1000], [200, 100, 10_000]]
      )
    }))

  it.effect("is silent while paused, and plays the rest after", () =>
    Effect.gen(function*() {
      const output = yield* makeClockOutput({ sampleRate: 8000, channels: 1 })
      yield* output.write([seconds(1)])
      const drained = yield* timed(output.drained)
      yield* TestClock.adjust("300 millis")
      yield* output.pause
      yield* output.pause
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* output.played, 300)
      assert.isUndefined(yield* drained)
      yield* output.write([seconds(0.5)])
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(yield* output.played, 300)
      yield* output.resume
      yield* output.resume
      yield* TestClock.adjust("1200 millis")
      assert.strictEqual(yield* drained, 7500)
      assert.strictEqual(yield* output.played, 1500)
    }))

  it.effect("does not count what was cleared, paused or not, and goes on after it", () =>
    Effect.gen(function*() {
      const output = yield* makeClockOutput({ sampleRate: 8000, channels: 1 })
      yield* output.write([seconds(2)])
      yield* TestClock.adjust("400 millis")
      yield* output.pause
      const drained = yield* timed(output.drained)
      yield* TestClock.adjust("100 millis")
      yield* output.clear
      yield* Effect.yieldNow
      assert.strictEqual(yield* drained, 500)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(yield* output.played, 400)
      yield* output.write([seconds(1)])
      yield* TestClock.adjust("250 millis")
      yield* output.clear
      yield* output.clear
      assert.strictEqual(yield* output.played, 650)
    }))

  it.effect("keeps fractions of a millisecond", () =>
    Effect.gen(function*() {
      const output = yield* makeClockOutput({ sampleRate: 44_100, channels: 2 })
      const tiny = { samples: new Int16Array(2 * 441 + 2), sampleRate: 44_100, channels: 2 }
      for (let i = 0; i < 100; i++) yield* output.write([tiny])
      const drained = yield* timed(output.drained)
      yield* TestClock.adjust("1002 millis")
      assert.isUndefined(yield* drained)
      yield* TestClock.adjust("1 millis")
      assert.closeTo((yield* drained)!, 44_200 / 44.1, 1e-3)
      assert.closeTo(yield* output.played, 44_200 / 44.1, 1e-9)
    }))

  it.effect("waits in write only beyond its limit, and not after a clear", () =>
    Effect.gen(function*() {
      const output = yield* makeClockOutput({ sampleRate: 8000, channels: 1 }, { queueLimit: 500 })
      yield* output.write([seconds(0.5)])
      const first = yield* timed(Effect.orDie(output.write([seconds(0.3)])))
      assert.isUndefined(yield* first)
      yield* TestClock.adjust("300 millis")
      assert.strictEqual(yield* first, 300)
      const second = yield* timed(Effect.orDie(output.write([seconds(9)])))
      yield* TestClock.adjust("10 millis")
      yield* output.clear
      yield* Effect.yieldNow
      assert.strictEqual(yield* second, 310)
    }))

  it.effect("refuses another format and writes after its scope", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const output = yield* makeClockOutput({ sampleRate: 8000, channels: 1 }).pipe(Scope.provide(scope))
      const wrong = yield* Effect.flip(output.write([seconds(1, 16_000)]))
      assert.deepStrictEqual(
        [wrong.reason, wrong.detail],
        [
          "InvalidOption",
          "write: the frame has 16000 Hz and 1 channel, the output 8000 Hz and 1 channel; convert it first"
        ]
      )
      yield* output.write([seconds(1)])
      const drained = yield* timed(output.drained)
      yield* TestClock.adjust("100 millis")
      yield* Scope.close(scope, Exit.void)
      yield* Effect.yieldNow
      assert.strictEqual(yield* drained, 100)
      assert.strictEqual((yield* Effect.flip(output.write([seconds(1)]))).reason, "PublishFailed")
      assert.strictEqual(yield* output.played, 100)
    }))

  const Step = Schema.Union([
    Schema.TaggedStruct("Write", { samples: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 900 })) }),
    Schema.TaggedStruct("Advance", { ms: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 120 })) }),
    Schema.TaggedStruct("Pause", {}),
    Schema.TaggedStruct("Resume", {}),
    Schema.TaggedStruct("Clear", {})
  ])
  const Steps = Schema.Array(Step).check(Schema.isMaxLength(40))

  it.effect.prop(
    "is a loudspeaker that plays eight samples a millisecond",
    [Steps],
    ([steps]) =>
      Effect.scoped(Effect.gen(function*() {
        const output = yield* makeClockOutput({ sampleRate: 8000, channels: 1 }, { keepHeard: true })
        const start = yield* Clock.currentTimeMillis
        const queue: Array<number> = []
        const heard: Array<number> = []
        let [now, next, paused, last] = [start, 0, false, 0]
        const drains: Array<{ readonly at: Effect.Effect<number | undefined>; expected: number | undefined }> = []
        const settle = (at: number) => {
          for (const drain of drains) if (drain.expected === undefined) drain.expected = at
        }
        for (const step of steps) {
          switch (step._tag) {
            case "Write": {
              const samples = Int16Array.from({ length: step.samples }, () => next++)
              yield* output.write([{ samples, sampleRate: 8000, channels: 1 }])
              queue.push(...samples)
              drains.push({ at: yield* timed(output.drained), expected: undefined })
              break
            }
            case "Advance":
              yield* TestClock.adjust(step.ms)
              for (let ms = 0; ms < step.ms; ms++) {
                if (!paused && queue.length > 0) {
                  const count = Math.min(8, queue.length)
                  heard.push(...queue.splice(0, count))
                  if (queue.length === 0) settle(now + count / 8)
                }
                now++
              }
              break
            case "Pause":
              yield* output.pause
              paused = true
              break
            case "Resume":
              yield* output.resume
              paused = false
              break
            case "Clear":
              yield* output.clear
              if (queue.length > 0) settle(now)
              queue.length = 0
              paused = false
              yield* TestClock.adjust(0)
          }
          const played = yield* output.played
          assert.closeTo(played, heard.length / 8, 1e-6)
          assert.isAtLeast(played, last)
          last = played
          for (const drain of drains) {
            const at = yield* drain.at
            if (drain.expected === undefined) assert.isUndefined(at)
            else assert.closeTo(at!, drain.expected, 1e-6)
          }
        }
        const got = output.takeHeardUnsafe()
        assert.deepStrictEqual(got.flatMap(({ frame }) => [...frame.samples]), heard)
        for (let i = 1; i < got.length; i++) {
          const previous = got[i - 1]!
          assert.isAtLeast(got[i]!.at + 1e-6, previous.at + previous.frame.samples.length / 8)
        }
      })),
    { arbitrary: { runs: 150, size: 40 } }
  )
})
