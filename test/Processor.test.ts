import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Logger, Stream } from "effect"
import { Audio, Failure, Processor } from "effect-voice"
import { TestClock } from "effect/testing"

const of = (...samples: ReadonlyArray<number>): Audio.Frame => ({ samples: Int16Array.from(samples), ...Audio.speech })

const values = (frames: ReadonlyArray<Audio.Frame>) => frames.flatMap((frame) => Array.from(frame.samples))

const add = (n: number) =>
  Processor.sync(
    `add ${n}`,
    (frames) => frames.map((frame) => ({ ...frame, samples: frame.samples.map((s) => s + n) }))
  )

describe("Processor", () => {
  it.effect("runs a chain in order, each conversation with its own state", () =>
    Effect.gen(function*() {
      const counter = Processor.make({
        name: "counter",
        open: Effect.sync(() => {
          let count = 0
          return (frames: ReadonlyArray<Audio.Frame>) =>
            frames.map((frame) => ({ ...frame, samples: frame.samples.map((s) => s + ++count) }))
        })
      })
      const processors = [add(100), Processor.gain(20 * Math.log10(2)), counter]
      const first = yield* Processor.chain(processors)
      const second = yield* Processor.chain(processors)
      assert.deepStrictEqual(values(first([of(0), of(1)])), [201, 204])
      assert.deepStrictEqual(values(second([of(0)])), [201])
      const none = yield* Processor.chain([])
      const frames = [of(1)]
      assert.strictEqual(none(frames), frames)
    }))

  it.effect("takes a stream through a chain that it opens and releases", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const native = Processor.make({
        name: "native",
        open: Effect.as(
          Effect.acquireRelease(Effect.sync(() => log.push("open")), () => Effect.sync(() => log.push("close"))),
          // Holds every second frame back, as one that looks ahead does.
          (frames: ReadonlyArray<Audio.Frame>) => frames.filter(({ samples }) => samples[0]! % 2 === 1)
        )
      })
      const audio = Stream.rechunk(Stream.make(of(1), of(2), of(3), of(4)), 1)
      const processed = audio.pipe(Processor.process([native, add(10)]))
      assert.deepStrictEqual(log, [])
      assert.deepStrictEqual(values(yield* Stream.runCollect(processed)), [11, 13])
      assert.deepStrictEqual(values(yield* Stream.runCollect(Processor.process(audio, [native]))), [1, 3])
      assert.deepStrictEqual(log, ["open", "close", "open", "close"])
    }))

  it.effect("releases what processors acquired with the scope", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const native = Processor.make({
        name: "native",
        open: Effect.as(
          Effect.acquireRelease(Effect.sync(() => log.push("open")), () => Effect.sync(() => log.push("close"))),
          (frames: ReadonlyArray<Audio.Frame>) => frames
        )
      })
      yield* Effect.scoped(Effect.andThen(Processor.chain([native]), Effect.sync(() => log.push("use"))))
      assert.deepStrictEqual(log, ["open", "use", "close"])
    }))

  it.effect("leaves a processor out that throws, and says so once", () =>
    Effect.gen(function*() {
      const failures: Array<Processor.Failure> = []
      let calls = 0
      const broken = Processor.sync("broken", (frames) => {
        calls++
        if (frames.length > 1) {
          throw new Error("no")
        }
        return []
      })
      const step = yield* Processor.chain([add(1), broken, add(10)], { onFailure: (failure) => failures.push(failure) })
      assert.deepStrictEqual(step([of(1)]), [])
      assert.deepStrictEqual(values(step([of(1), of(2)])), [12, 13])
      assert.deepStrictEqual(values(step([of(5), of(6)])), [16, 17])
      assert.strictEqual(calls, 2)
      assert.deepStrictEqual(failures.map(({ phase, processor }) => [processor, phase]), [["broken", "process"]])
      assert.isTrue(Cause.hasDies(failures[0]!.cause))
    }))

  it.effect("leaves a processor out that makes audio without an end, and none that gives what it has withheld", () =>
    Effect.gen(function*() {
      const frame: Audio.Frame = { samples: new Int16Array(3200), sampleRate: 16_000, channels: 1 }
      const outcome = Effect.fnUntraced(function*(step: Processor.Step) {
        const failures: Array<string> = []
        const chain = yield* Processor.chain([Processor.make({ name: "own", open: Effect.succeed(step) })], {
          onFailure: ({ cause }) => void failures.push(String(Cause.squash(cause)))
        })
        let given = 0
        for (let i = 0; i < 100; i++) given += chain([frame]).length
        return [given, failures] as const
      })
      const many = (frames: ReadonlyArray<Audio.Frame>, count: number) =>
        Array.from({ length: count }, () => frames).flat()
      const held: Array<Audio.Frame> = []
      assert.deepStrictEqual(yield* outcome((frames) => many(frames, 1000)), [
        100,
        ["TypeError: gave 199800 ms more than it was given"]
      ])
      const [long, why] = yield* outcome(([one]) => [{ ...one!, samples: new Int16Array(16_000 * 600) }])
      assert.deepStrictEqual([long, why], [100, ["TypeError: gave 599800 ms more than it was given"]])
      // Twenty seconds at once, of which it has kept all but the last.
      const delayed = yield* outcome((frames) => held.push(...frames) < 100 ? [] : held.splice(0))
      assert.deepStrictEqual(delayed, [100, []])
      // Each a little more, as one that fills gaps.
      assert.deepStrictEqual(yield* outcome((frames) => many(frames, 3)), [300, []])
    }).pipe(Effect.scoped))

  it.effect("tells the log which processor it leaves out, and why, where nobody listens", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ cause, message }) =>
        void lines.push(`${[message].flat().join(" ")} (${(Cause.squash(cause) as Error).message})`)
      )
      const missing = Processor.make({
        name: "rnnoise",
        open: Effect.fail(new Failure.InvalidRequest({ detail: "npm install rnnoise" }))
      })
      const broken = Processor.sync("broken", () => {
        throw new Error("no memory")
      })
      const heard = yield* Stream.make(of(1)).pipe(
        Processor.process([missing, broken]),
        Stream.runCollect,
        Effect.provide(Logger.layer([logger]))
      )
      assert.deepStrictEqual(values(heard), [1])
      assert.deepStrictEqual(lines, [
        "the processor rnnoise did not open: the audio goes on without it (npm install rnnoise)",
        "the processor broken failed: the audio goes on without it (no memory)"
      ])
    }))

  it.effect("leaves a processor out that does not open, and releases what it had", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const half = (name: string, rest: Effect.Effect<never, string>) =>
        Processor.make({
          name,
          open: Effect.andThen(
            Effect.acquireRelease(Effect.void, () => Effect.sync(() => log.push(`released ${name}`))),
            rest
          )
        })
      const fiber = yield* Processor.chain([
        half("failing", Effect.fail("no model")),
        half("dying", Effect.die("bug")),
        add(1),
        half("hanging", Effect.never)
      ], { onFailure: ({ cause, phase, processor }) => log.push(`${phase} ${processor} ${Cause.hasFails(cause)}`) })
        .pipe(
          Effect.forkChild({ startImmediately: true })
        )
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(log, ["released failing", "released dying"])
      yield* TestClock.adjust("1 millis")
      const step = yield* Fiber.join(fiber)
      assert.deepStrictEqual(log.slice(2), [
        "released hanging",
        "open failing true",
        "open dying false",
        "open hanging true"
      ])
      assert.deepStrictEqual(values(step([of(1)])), [2])
    }))

  it.effect("survives a listener that throws", () =>
    Effect.gen(function*() {
      const thrower = Processor.sync("thrower", () => {
        throw new Error("no")
      })
      const step = yield* Processor.chain([thrower, add(1)], {
        onFailure: () => {
          throw new Error("me too")
        }
      })
      assert.deepStrictEqual(values(step([of(1)])), [2])
    }))

  it.effect("stops opening when it is interrupted", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const hanging = Processor.make({
        name: "hanging",
        open: Effect.andThen(
          Effect.acquireRelease(Effect.void, () => Effect.sync(() => log.push("released"))),
          Effect.never
        )
      })
      const fiber = yield* Processor.chain([hanging], { onFailure: () => log.push("reported") }).pipe(
        Effect.scoped,
        Effect.forkChild({ startImmediately: true })
      )
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(log, ["released"])
    }))

  describe("gate", () => {
    const open = (options?: Processor.GateOptions) => Processor.chain([Processor.gate(options)])
    const tone = (amplitude: number, count: number) =>
      Array.from({ length: count }, (_, i) => Math.round(amplitude * Math.sin(2 * Math.PI * i / 32)) + 0)

    it.effect("silences what stays below the threshold and passes the rest as it is", () =>
      Effect.gen(function*() {
        const step = yield* open({ thresholdDbfs: -40, hold: "50 millis" })
        assert.isTrue(values(step([of(...tone(300, 1600))])).every((sample) => sample === 0))
        const opening = values(step([of(...tone(3000, 160))]))
        assert.deepStrictEqual(opening.slice(40), tone(3000, 160).slice(40))
        const loud = of(...tone(3000, 160))
        assert.strictEqual(step([loud])[0], loud)
        const fading = values(step([of(...tone(300, 1600))]))
        // The last loud sample lies up to half a period before the end of the loud frame.
        assert.deepStrictEqual(fading.slice(0, 780), tone(300, 780))
        assert.isTrue(fading.slice(970).every((sample) => sample === 0))
        assert.isTrue(fading.slice(800, 960).some((sample) => sample !== 0))
      }))

    it.effect("holds for the same time where the rate changes", () =>
      Effect.gen(function*() {
        const step = yield* open({ thresholdDbfs: -40, hold: "50 millis" })
        step([of(...tone(3000, 160))])
        const quiet = { samples: Int16Array.from(tone(300, 4800)), sampleRate: 48_000, channels: 1 }
        const out = values(step([quiet]))
        assert.deepStrictEqual(out.slice(0, 2300), tone(300, 2300))
        assert.isTrue(out.slice(2900).every((sample) => sample === 0))
      }))

    it.effect("decides the same however the audio is cut, channels together", () =>
      Effect.gen(function*() {
        const samples = Int16Array.from([
          ...tone(100, 4000),
          ...tone(8000, 1000),
          ...tone(50, 8000),
          ...tone(9000, 100),
          ...tone(10, 400)
        ])
        const stereo = { samples, sampleRate: 16_000, channels: 2 }
        const whole = values((yield* open())([stereo]))
        for (const size of [1, 7, 160, 999]) {
          const step = yield* open()
          const out: Array<number> = []
          for (let start = 0; start < samples.length; start += size * 2) {
            out.push(...values(step([{ ...stereo, samples: samples.slice(start, start + size * 2) }])))
          }
          assert.deepStrictEqual(out, whole)
        }
        assert.notDeepEqual(whole, Array.from(samples))
      }))
  })
})
