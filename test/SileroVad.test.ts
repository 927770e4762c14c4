import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import { Audio, Vad } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as ort from "onnxruntime-node"
import * as native from "../src/internal/native.ts"
import * as silero from "../src/internal/vad/silero.ts"
import { contract } from "./contract/vad.ts"
import { recording } from "./fixtures/speech.ts"

const model = fileURLToPath(new URL("../models/silero_vad.onnx", import.meta.url))

const convert = (frame: Audio.Frame, to: Audio.Format): Audio.Frame => {
  const converter = Audio.converter({ to })
  return Audio.concat([...converter.push([frame]), ...converter.flush()])
}

const windowsOf = (frame: Audio.Frame, sampleRate: silero.SampleRate): Array<Float32Array> => {
  const { windowSize } = silero.formats[sampleRate]
  const samples = Audio.toFloat32(convert(frame, { sampleRate, channels: 1 }))
  return Array.from(
    { length: Math.floor(samples.length / windowSize) },
    (_, i) => samples.slice(i * windowSize, (i + 1) * windowSize)
  )
}

/** Runs the published graph window by window with fresh tensors, as its authors show it. */
const published = async (windows: ReadonlyArray<Float32Array>, sampleRate: silero.SampleRate) => {
  const { contextSize } = silero.formats[sampleRate]
  const session = await ort.InferenceSession.create(model)
  let state = new ort.Tensor("float32", new Float32Array(256), [2, 1, 128])
  let context = new Float32Array(contextSize)
  const probabilities: Array<number> = []
  for (const window of windows) {
    const input = Float32Array.from([...context, ...window])
    const { output, stateN } = await session.run({
      input: new ort.Tensor("float32", input, [1, input.length]),
      state,
      sr: new ort.Tensor("int64", [BigInt(sampleRate)], [])
    })
    state = stateN as typeof state
    context = window.slice(window.length - contextSize)
    probabilities.push(Number(output!.data[0]))
  }
  await session.release()
  return probabilities
}

const farthest = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) => {
  assert.strictEqual(a.length, b.length)
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))
}

const hear = (frames: ReadonlyArray<Audio.Frame>, options?: Vad.Options) =>
  Stream.fromIterable(frames).pipe(Vad.detect(options), Stream.runCollect)

const rotated = (frame: Audio.Frame, by: number): Audio.Frame => ({
  ...frame,
  samples: Int16Array.from(frame.samples, (_, i) => frame.samples[(i + by) % frame.samples.length]!)
})

const reasonOf = (layer: Layer.Layer<Vad.Vad, Vad.VadError>) =>
  Effect.scoped(Effect.map(Effect.flip(Layer.build(layer)), ({ reason }) => reason))

describe("SileroVad", () => {
  describe("model", () => {
    it.effect.each([16_000, 8000] as const)(
      "gives the probabilities of the published graph at %d Hz",
      (sampleRate) =>
        Effect.scoped(Effect.gen(function*() {
          const scorer = silero.makeScorer(yield* silero.engine(model), sampleRate)
          for (const name of ["silero-test.wav", "jfk.wav", "weather_question.wav"]) {
            const windows = windowsOf(recording(name), sampleRate)
            const expected = yield* Effect.promise(() => published(windows, sampleRate))
            assert.isAtMost(farthest(yield* scorer.score(windows), expected), 1e-4)
            assert.isAbove(Math.max(...expected), 0.9)
            scorer.reset()
          }
        })),
      60_000
    )

    it.effect(
      "V8: gives 40 streams at once the probabilities that each gets alone",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const engine = yield* silero.engine(model)
          const streams = Array.from({ length: 40 }, (_, i) => {
            const frame = [recording("jfk.wav"), recording("silero-test.wav")][i % 2]!
            return windowsOf(rotated(frame, i * 3001), 16_000).slice(0, 60)
          })
          const score = (windows: ReadonlyArray<Float32Array>) => silero.makeScorer(engine, 16_000).score(windows)
          const alone = yield* Effect.forEach(streams, score)
          const together = yield* Effect.forEach(streams, score, { concurrency: "unbounded" })
          assert.deepStrictEqual(together, alone)
          assert.isAbove(new Set(alone.map((probabilities) => probabilities.join())).size, 39)
        })),
      60_000
    )

    it.effect(
      "scores windows of many streams in one call as it scores each",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const engine = yield* silero.engine(model)
          const streams = [0, 7000, 50_000].map((by) =>
            windowsOf(rotated(recording("jfk.wav"), by), 16_000).slice(0, 60)
          )
          const alone = yield* Effect.forEach(streams, (windows) => silero.makeScorer(engine, 16_000).score(windows))
          const rows = streams.map(() => silero.makeRow(16_000))
          const together = streams.map((): Array<number> => [])
          for (let window = 0; window < 60; window++) {
            rows.forEach((row, i) => row.window = streams[i]![window]!)
            yield* engine.run(16_000, rows)
            rows.forEach((row, i) => together[i]!.push(row.probability))
          }
          together.forEach((probabilities, i) => assert.isAtMost(farthest(probabilities, alone[i]!), 1e-5))
        })),
      60_000
    )

    it.effect("is one for all layers that name the same file, and is closed with the last", () =>
      Effect.gen(function*() {
        const [first, second] = [yield* Scope.make(), yield* Scope.make()]
        const build = Effect.fnUntraced(function*(scope: Scope.Scope) {
          yield* Layer.build(SileroVad.layer()).pipe(Scope.provide(scope))
          return yield* silero.engine(model).pipe(Scope.provide(scope))
        })
        const engine = yield* build(first)
        assert.strictEqual(yield* build(second), engine)
        yield* Scope.close(first, Exit.void)
        yield* engine.run(16_000, [silero.makeRow(16_000)])
        yield* Scope.close(second, Exit.void)
        assert.notStrictEqual(yield* Effect.scoped(silero.engine(model)), engine)
      }))

    it.effect("survives an interruption in the middle of a window", () =>
      Effect.scoped(Effect.gen(function*() {
        const engine = yield* silero.engine(model)
        const windows = windowsOf(recording("jfk.wav"), 16_000).slice(0, 30)
        const score = Effect.suspend(() => silero.makeScorer(engine, 16_000).score(windows))
        const expected = yield* score
        for (let i = 0; i < 5; i++) {
          yield* Effect.raceFirst(score, Effect.repeat(Effect.yieldNow, { times: i }))
        }
        assert.deepStrictEqual(yield* score, expected)
        assert.strictEqual(native.pending(), 0)
      })), 30_000)

    it.effect("counts as pending while it computes", () =>
      Effect.scoped(Effect.gen(function*() {
        const vad = yield* Layer.build(SileroVad.layer())
        const { push } = yield* Effect.provide(Vad.Vad.use((vad) => vad.detector()), vad)
        assert.strictEqual(native.pending(), 0)
        const fiber = yield* Effect.forkChild(push([recording("hello_world.wav")]), { startImmediately: true })
        assert.strictEqual(native.pending(), 1)
        // A window that is being computed cannot be called back.
        fiber.interruptUnsafe()
        assert.strictEqual(native.pending(), 1)
        while (native.pending() > 0) yield* Effect.yieldNow
        assert.isDefined(fiber.pollUnsafe())
      })))
  })

  describe("layer", () => {
    it.effect("finds the utterances of a conversation", () =>
      Effect.gen(function*() {
        const events = yield* hear([recording("jfk.wav")], { minSilence: "300 millis" })
        const starts = events.filter(({ _tag }) => _tag === "SpeechStarted").map(({ at }) => at)
        // "And so my fellow Americans / ask not / what your country can do for you / ask what you can do …"
        assert.isAtLeast(starts.length, 4)
        for (const at of [320, 3300, 5400, 8190]) {
          assert.isTrue(
            starts.some((start) => Math.abs(start - at) <= 64),
            `speech at ${at}, found ${starts.join(", ")}`
          )
        }
      }).pipe(Effect.provide(SileroVad.layer())), 30_000)

    it.effect(
      "V7: gives the same boundaries for 8 kHz and for 48 kHz stereo, to one window",
      () =>
        Effect.gen(function*() {
          const speech = recording("weather_question.wav")
          const silence = Audio.silence("1 second", speech)
          const call = Audio.concat([silence, speech, silence])
          const boundaries = (audio: Audio.Frame) =>
            Effect.map(hear([audio]), (events) => events.filter(({ _tag }) => _tag.startsWith("Speech")))
          const wide = { sampleRate: 48_000, channels: 2 }
          // A telephone loses the hiss of the last word, whatever the rate that it is brought to afterwards.
          const telephone = convert(call, { sampleRate: 8000, channels: 1 })
          for (
            const [reference, audio] of [
              [call, convert(call, wide)],
              [convert(telephone, Audio.speech), telephone],
              [telephone, convert(telephone, wide)]
            ] as const
          ) {
            const expected = yield* boundaries(reference)
            assert.deepStrictEqual(expected.map(({ _tag }) => _tag), ["SpeechStarted", "SpeechEnded"])
            const events = yield* boundaries(audio)
            assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["SpeechStarted", "SpeechEnded"])
            events.forEach((event, i) => assert.approximately(event.at, expected[i]!.at, 32))
          }
        }).pipe(Effect.provide(SileroVad.layer())),
      30_000
    )

    it.effect("works at 8 kHz", () =>
      Effect.gen(function*() {
        const events = yield* hear([recording("hello_world.wav")])
        assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["SpeechStarted", "SpeechEnded"])
        assert.strictEqual(events[0]!.at % 32, 0)
      }).pipe(Effect.provide(SileroVad.layer({ sampleRate: 8000 }))))

    it.effect("V9: names the option that the model lacks", () =>
      Effect.gen(function*() {
        const rate: 16_000 = JSON.parse("44100")
        const cases: ReadonlyArray<readonly [string, SileroVad.Options]> = [
          ["sampleRate", { sampleRate: rate }],
          ["windowSize", { windowSize: 256 }],
          ["windowSize", { sampleRate: 8000, windowSize: 512 }],
          ["activation", { activation: -1 }],
          ["prefixPadding", { prefixPadding: "-5 millis" }]
        ]
        for (const [option, options] of cases) {
          const reason = yield* reasonOf(SileroVad.layer(options))
          assert.strictEqual(reason._tag === "InvalidOption" ? reason.option : reason._tag, option)
        }
      }))
  })

  describe("model file", () => {
    const withFile = <A, E>(bytes: Uint8Array, use: (path: string) => Effect.Effect<A, E>) =>
      Effect.acquireUseRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-"))),
        (folder) => {
          const path = join(folder, "model.onnx")
          writeFileSync(path, bytes)
          return use(path)
        },
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
    const unavailable = Effect.fnUntraced(function*(path: string, detail: string) {
      const reason = yield* reasonOf(SileroVad.layer({ modelPath: path }))
      assert.strictEqual(reason._tag, "ModelUnavailable")
      assert.include(reason.message, path)
      assert.include(reason.message, detail)
    })

    it.effect("that is missing is named", () => unavailable("/nowhere/at/all.onnx", "does not exist"))

    it.effect("that is a folder is named", () => unavailable(tmpdir(), "cannot be read"))

    it.effect("that holds no model is named", () =>
      withFile(new TextEncoder().encode("not a model"), (path) => unavailable(path, "not an ONNX model")))

    it.effect("that holds another model is named, with what it takes", () => {
      const field = (number: number, content: ReadonlyArray<number>) => [number << 3 | 2, content.length, ...content]
      const text = (number: number, value: string) => field(number, [...new TextEncoder().encode(value)])
      const value = (name: string) => [...text(1, name), ...field(2, field(1, [8, 1, ...field(2, field(1, [8, 1]))]))]
      const node = [...text(1, "sound"), ...text(2, "answer"), ...text(4, "Identity")]
      const graph = [...field(1, node), ...text(2, "g"), ...field(11, value("sound")), ...field(12, value("answer"))]
      const identity = Uint8Array.from([8, 8, ...field(7, graph), ...field(8, [16, 16])])
      return withFile(identity, (path) => unavailable(path, "takes sound and gives answer"))
    })

    it.effect("is not looked for without onnxruntime-node, which is named", () =>
      Effect.acquireUseRelease(
        Effect.sync(() =>
          vi.doMock("onnxruntime-node", () => {
            throw new Error("Cannot find package")
          })
        ),
        () => unavailable("/some/model.onnx", "npm install onnxruntime-node"),
        () => Effect.sync(() => vi.doUnmock("onnxruntime-node"))
      ))
  })

  contract("SileroVad", SileroVad.layer(), recording("weather_question.wav"))
})
