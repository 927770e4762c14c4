// Alone: listens to the threads that the process starts.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Scope, Stream } from "effect"
import { Audio, Tts, Vad } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { promisify } from "node:util"
import type { Worker } from "node:worker_threads"
import * as native from "../../src/internal/native.ts"
import * as silero from "../../src/internal/vad/silero.ts"
import { read } from "../../src/internal/vad/weights.ts"
import { contract } from "../contract/vad.ts"
import { recording } from "../fixtures/speech.ts"
import { altered, convert, farthest, published, rotated, windowsOf, withModel } from "../support/silero.ts"
import { thorough } from "../support/thorough.ts"

const rates = [16_000, 8000] as const

const model = (
  key: { readonly path?: string; readonly sampleRate?: silero.SampleRate; readonly worker?: boolean } = {}
) => silero.model({ path: silero.bundled, sampleRate: 16_000, worker: false, ...key })

/** Noise of a fixed seed, as loud against the audio as the signal-to-noise ratio (dB) says. */
const noisy = (frame: Audio.Frame, ratio: number): Audio.Frame => {
  let seed = 12_345
  const random = () => {
    seed = Math.imul(seed, 1_664_525) + 1_013_904_223 >>> 0
    return seed / 2 ** 32 - 0.5
  }
  const power = frame.samples.reduce((sum, sample) => sum + sample * sample, 0) / frame.samples.length
  // The sum of four is bell-shaped enough, with a variance of 1/3.
  const scale = Math.sqrt(3 * power * 10 ** (-ratio / 10))
  return {
    ...frame,
    samples: frame.samples.map((sample) =>
      Math.max(-32_768, Math.min(32_767, Math.round(sample + scale * (random() + random() + random() + random()))))
    )
  }
}

const sentences = [
  ["slt", "Good morning. I would like to book a table for two, please."],
  ["rms", "Tomorrow evening, around eight. Is that possible?"],
  ["awb", "No, nothing else. Thank you very much."]
] as const

const synthesised = Effect.gen(function*() {
  const tts = yield* Tts.Tts
  const pause = Audio.silence("700 millis", Audio.speech)
  const parts = yield* Effect.forEach(sentences, ([voice, text]) =>
    tts.speak(Stream.make(text), { voice }).pipe(
      Stream.runCollect,
      Effect.map((pieces) => [...pieces.map(({ frame }) => frame), pause])
    ))
  return Audio.concat([pause, ...parts.flat()])
}).pipe(Effect.provide(FliteTts.layer()))

const boundaries = (vad: Vad.Vad["Service"], frame: Audio.Frame, options?: Vad.Options) =>
  vad.detect(Stream.make(frame), options).pipe(
    Stream.runCollect,
    Effect.map((events) => events.map(({ _tag, at }) => `${_tag} ${at}`))
  )

describe("Silero model", () => {
  it("is the published network, at both rates", () => {
    const bytes = readFileSync(silero.bundled)
    assert.isDefined(read(bytes, "then_branch", 256))
    assert.isDefined(read(bytes, "else_branch", 128))
    assert.isUndefined(read(bytes, "then_branch", 128))
  })

  it.effect.each(rates)(
    "gives the probabilities of the published graph at %d Hz",
    (sampleRate) =>
      Effect.gen(function*() {
        const { scorer, specialised } = yield* model({ sampleRate })
        assert.isTrue(specialised)
        const reference = yield* published(sampleRate)
        for (const name of ["silero-test.wav", "jfk.wav", "weather_question.wav"]) {
          const windows = windowsOf(recording(name), sampleRate)
          const expected = yield* reference.scorer().score(windows)
          assert.isAtMost(farthest(yield* (yield* scorer).score(windows), expected), 1e-5)
          assert.isAbove(Math.max(...expected), 0.9)
        }
      }).pipe(Effect.scoped)
  )

  it.live.each(rates)(
    "finds the boundaries of the published graph to the window, in noise too, at %d Hz",
    (sampleRate) =>
      Effect.gen(function*() {
        const vad = yield* Vad.Vad
        const reference = yield* published(sampleRate)
        const audio = [recording("silero-test.wav"), recording("jfk.wav"), yield* synthesised]
        // Each recording in half of the noises, each noise with half of the recordings; in CI each with each.
        const heard = audio.flatMap((frame, which) =>
          [undefined, 20, 10, 5, 0].flatMap((ratio, i) =>
            !thorough && (which + i) % 2 > 0 ? [] : [ratio === undefined ? frame : noisy(frame, ratio)]
          )
        )
        const manners = [{}, { minSilence: "64 millis", minSpeech: "32 millis" }] as const
        const cases = heard.flatMap((frame) => manners.map((options) => [frame, options] as const))
        const expected = yield* Effect.forEach(heard, (frame) => {
          const vad = reference.vadOfOne()
          return Effect.forEach(manners, (options) => boundaries(vad, frame, options))
        }).pipe(Effect.map((found) => found.flat()))
        assert.isAbove(expected.flat().length, thorough ? 500 : 250)
        // Alone, in small batches and in large ones, which are not computed in the same way. A third of the cases each; in CI all.
        for (const [turn, concurrency] of [1, 3, cases.length].entries()) {
          const held = cases.flatMap((each, i) => thorough || i % 3 === turn ? [[each, expected[i]!] as const] : [])
          const found = yield* Effect.forEach(held, ([each]) => boundaries(vad, ...each), { concurrency })
          assert.deepStrictEqual(found, held.map(([, expected]) => expected))
        }
      }).pipe(Effect.provide(SileroVad.layer({ sampleRate })), Effect.scoped)
  )

  it.effect.each([false, true])(
    "gives 40 streams at once what each gets alone (worker: %s)",
    (worker) =>
      Effect.gen(function*() {
        const { scorer } = yield* model({ worker })
        const streams = Array.from(
          { length: 40 },
          (_, i) => windowsOf(rotated(recording(["jfk.wav", "silero-test.wav"][i % 2]!), i * 3001), 16_000).slice(0, 60)
        )
        const score = (windows: ReadonlyArray<Float32Array>) => Effect.flatMap(scorer, ({ score }) => score(windows))
        const alone = yield* Effect.forEach(streams, score)
        for (const concurrency of [2, 3, 5, 7, 40]) {
          const together = yield* Effect.forEach(streams, score, { concurrency })
          together.forEach((probabilities, i) => assert.isAtMost(farthest(probabilities, alone[i]!), 1e-5))
        }
        assert.isAbove(new Set(alone.map((probabilities) => probabilities.join())).size, 39)
      }).pipe(Effect.scoped)
  )

  it.effect.each(rates)("gives the same in a worker at %d Hz", (sampleRate) =>
    Effect.gen(function*() {
      const windows = windowsOf(recording("jfk.wav"), sampleRate)
      const here = yield* (yield* (yield* model({ sampleRate })).scorer).score(windows)
      const there = yield* (yield* (yield* model({ sampleRate, worker: true })).scorer).score(windows)
      assert.deepStrictEqual(there, here)
    }).pipe(Effect.scoped))

  it.effect("forgets a stream at its reset", () =>
    Effect.gen(function*() {
      const { reset, score } = yield* (yield* model()).scorer
      const windows = windowsOf(recording("jfk.wav"), 16_000).slice(0, 40)
      const first = yield* score(windows)
      assert.isAbove(farthest(yield* score(windows), first), 1e-3)
      reset()
      assert.deepStrictEqual(yield* score(windows), first)
    }).pipe(Effect.scoped))

  it.effect("is one for all layers that name the same file, and is closed with the last", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* Scope.make(), yield* Scope.make()]
      const build = Effect.fnUntraced(function*(scope: Scope.Scope) {
        yield* Layer.build(SileroVad.layer()).pipe(Scope.provide(scope))
        return yield* model().pipe(Scope.provide(scope))
      })
      const shared = yield* build(first)
      assert.strictEqual(yield* build(second), shared)
      const { score } = yield* shared.scorer
      yield* Scope.close(first, Exit.void)
      yield* score([new Float32Array(512)])
      yield* Scope.close(second, Exit.void)
      assert.strictEqual((yield* Effect.flip(score([new Float32Array(512)]))).reason._tag, "InferenceFailed")
      assert.notStrictEqual(yield* model(), shared)
    }).pipe(Effect.scoped))

  it.live("starts no worker again once the last layer is closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { score } = yield* (yield* model({ worker: true }).pipe(Scope.provide(scope))).scorer
      yield* Scope.close(scope, Exit.void)
      assert.include((yield* Effect.flip(score([new Float32Array(512)]))).message, "has been closed")
    }))

  it.live("answers what is out when its layer is closed", () =>
    Effect.gen(function*() {
      for (const worker of [false, true]) {
        const scope = yield* Scope.make()
        const shared = yield* model({ worker }).pipe(Scope.provide(scope))
        const windows = windowsOf(recording("jfk.wav"), 16_000).slice(0, 20)
        const fibers = yield* Effect.forEach(
          Array.from({ length: 40 }),
          () =>
            Effect.forkChild(Effect.flatMap(shared.scorer, ({ score }) => score(windows)), { startImmediately: true })
        )
        yield* Scope.close(scope, Exit.void)
        for (const fiber of fibers) assert.strictEqual((yield* Fiber.join(fiber)).length, 20)
        assert.strictEqual(native.pending(), 0)
      }
    }))

  it.live("holds no process, whether its worker is closed or left behind", () =>
    Effect.gen(function*() {
      const program = (end: string) => `
        import { Effect, Layer, ManagedRuntime } from "effect"
        import { Vad } from "effect-voice"
        import * as SileroVad from "effect-voice/Layers/SileroVad"
        const runtime = ManagedRuntime.make(SileroVad.layer({ worker: true }))
        const frame = { samples: new Int16Array(16_000), sampleRate: 16_000, channels: 1 }
        const hear = Effect.scoped(Effect.flatMap(Effect.flatMap(Vad.Vad, (vad) => vad.detector()), ({ push }) => push([frame])))
        await runtime.runPromise(hear)
        ${end}
        process.stdout.write("done")
      `
      for (const end of ["", "await runtime.dispose()", "void runtime.runPromise(hear)"]) {
        const { stdout } = yield* Effect.promise(() =>
          promisify(execFile)(
            process.execPath,
            ["--conditions", "effect-voice/source", "--input-type=module", "--eval", program(end)],
            { timeout: 170_000 }
          )
        )
        assert.strictEqual(stdout, "done")
      }
    }))

  it.effect.each([false, true])(
    "survives interruptions in the middle of a window (worker: %s)",
    (worker) =>
      Effect.gen(function*() {
        const { scorer } = yield* model({ worker })
        const windows = windowsOf(recording("jfk.wav"), 16_000).slice(0, 30)
        const score = Effect.flatMap(scorer, ({ score }) => score(windows))
        const expected = yield* score
        for (let i = 0; i < 8; i++) {
          yield* Effect.raceFirst(score, Effect.repeat(Effect.yieldNow, { times: i }))
          assert.strictEqual(native.pending(), 0)
        }
        assert.deepStrictEqual(yield* score, expected)
      }).pipe(Effect.scoped)
  )

  it.effect("counts as pending while a window waits for its answer", () =>
    Effect.gen(function*() {
      const { score } = yield* (yield* model()).scorer
      const fiber = yield* Effect.forkChild(score([new Float32Array(512)]), { startImmediately: true })
      assert.strictEqual(native.pending(), 1)
      yield* Fiber.join(fiber)
      assert.strictEqual(native.pending(), 0)
      const interrupted = yield* Effect.forkChild(score([new Float32Array(512)]), { startImmediately: true })
      interrupted.interruptUnsafe()
      assert.strictEqual(native.pending(), 0)
    }).pipe(Effect.scoped))

  it.live("starts another worker when one has died, and fails what it was scoring", () =>
    Effect.gen(function*() {
      const born: Array<Worker> = []
      const watch = (worker: Worker) => void born.push(worker)
      process.on("worker", watch)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("worker", watch)))
      const { scorer } = yield* model({ worker: true })
      const [one, other] = [yield* scorer, yield* scorer]
      const windows = windowsOf(recording("jfk.wav"), 16_000).slice(0, 3)
      // It dies of the question: before it, the next worker would score the window; after it, this one has.
      born[0]!.postMessage = () => void born[0]!.terminate()
      const error = yield* Effect.flip(one.score(windows))
      assert.strictEqual(error.reason._tag, "InferenceFailed")
      assert.include(error.message, "the worker has ended")
      assert.strictEqual((yield* other.score(windows)).length, 3)
      assert.strictEqual(born.length, 2)
    }).pipe(Effect.scoped))

  describe("of another structure", () => {
    const heard = (bytes: Uint8Array, worker: boolean) =>
      withModel(bytes, (modelPath) =>
        Effect.gen(function*() {
          const lines: Array<string> = []
          const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
          const context = yield* Layer.build(SileroVad.layer({ modelPath, worker })).pipe(
            Effect.provide(Logger.layer([logger]))
          )
          const vad = yield* Effect.provide(Vad.Vad, context)
          return { lines, found: yield* boundaries(vad, recording("jfk.wav")) }
        }).pipe(Effect.scoped))

    it.effect.each([false, true])(
      "runs as it is, and the log says so (worker: %s)",
      (worker) =>
        Effect.gen(function*() {
          const { vad } = yield* published(16_000)
          const { found, lines } = yield* heard(altered("reparam_conv", "reparam_konv"), worker)
          assert.deepStrictEqual(found, yield* boundaries(vad, recording("jfk.wav")))
          assert.strictEqual(lines.length, 1)
          assert.include(lines[0], "runs as it is")
        }).pipe(Effect.scoped)
    )

    it.effect("is told by what it hears, where its weights have the known names", () =>
      Effect.gen(function*() {
        const { lines } = yield* heard(altered("Sqrt", "Relu"), false)
        assert.strictEqual(lines.length, 1)
      }))

    it.effect("is not suspected where a copy of the published file is named", () =>
      Effect.gen(function*() {
        const { lines } = yield* heard(readFileSync(silero.bundled), false)
        assert.deepStrictEqual(lines, [])
      }))

    it.effect("scores streams together, too", () =>
      withModel(altered("reparam_conv", "reparam_konv"), (path) =>
        Effect.gen(function*() {
          const { scorer } = yield* model({ path })
          const streams = [0, 7000, 50_000].map((by) =>
            windowsOf(rotated(recording("jfk.wav"), by), 16_000).slice(0, 40)
          )
          const score = (windows: ReadonlyArray<Float32Array>) => Effect.flatMap(scorer, ({ score }) => score(windows))
          const alone = yield* Effect.forEach(streams, score)
          const together = yield* Effect.forEach(streams, score, { concurrency: "unbounded" })
          together.forEach((probabilities, i) => assert.isAtMost(farthest(probabilities, alone[i]!), 1e-5))
        }).pipe(Effect.scoped)))
  })

  contract(
    "SileroVad in a worker",
    SileroVad.layer({ worker: true }),
    convert(recording("weather_question.wav"), Audio.speech)
  )
})
