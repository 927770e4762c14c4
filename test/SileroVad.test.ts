// Alone: takes onnxruntime and WebAssembly away.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Vad } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import * as silero from "../src/internal/vad/silero.ts"
import { contract } from "./contract/vad.ts"
import { recording } from "./fixtures/speech.ts"
import { convert, withModel } from "./support/silero.ts"

const hear = (frames: ReadonlyArray<Audio.Frame>, options?: Vad.Options) =>
  Stream.fromIterable(frames).pipe(Vad.detect(options), Stream.runCollect)

const reasonOf = (layer: Layer.Layer<Vad.Vad, Vad.VadError>) =>
  Effect.scoped(Effect.map(Effect.flip(Layer.build(layer)), ({ reason }) => reason))

describe("SileroVad", () => {
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
      }).pipe(Effect.provide(SileroVad.layer())))

    it.effect("listens to a telephone line at 8 kHz as at 16 kHz, to two windows", () =>
      Effect.gen(function*() {
        for (const name of ["jfk.wav", "hello_world.wav", "weather_question.wav", "silero-test.wav"]) {
          const narrow = convert(recording(name), { sampleRate: 8000, channels: 1 })
          const line = { ...narrow, samples: Audio.decodeMulaw(Audio.encodeMulaw(narrow.samples)) }
          const call = [line, Audio.silence("2 seconds", line)]
          const boundaries = (sampleRate: 8000 | 16_000) =>
            hear(call).pipe(
              Effect.map((events) => events.filter(({ _tag }) => _tag.startsWith("Speech"))),
              // One of the pauses lasts for half a second, to a window: the default ends a speech there, or does not.
              Effect.provide(SileroVad.layer({ sampleRate, minSilence: 600 }))
            )
          const expected = yield* boundaries(16_000)
          const heard = yield* boundaries(8000)
          assert.isAtLeast(expected.length, 2)
          assert.deepStrictEqual(heard.map(({ _tag }) => _tag), expected.map(({ _tag }) => _tag), name)
          heard.forEach((event, i) => assert.approximately(event.at, expected[i]!.at, 64, name))
        }
      }))

    it.effect(
      "gives the same boundaries for 8 kHz and for 48 kHz stereo, to one window",
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
        }).pipe(Effect.provide(SileroVad.layer()))
    )

    it.effect("works at 8 kHz", () =>
      Effect.gen(function*() {
        const events = yield* hear([recording("hello_world.wav")])
        assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["SpeechStarted", "SpeechEnded"])
        assert.strictEqual(events[0]!.at % 32, 0)
      }).pipe(Effect.provide(SileroVad.layer({ sampleRate: 8000 }))))

    it.effect("names the option that the model lacks", () =>
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
          assert.strictEqual(reason._tag === "InvalidOptions" ? reason.problems[0].option : reason._tag, option)
        }
      }))
  })

  describe("model file", () => {
    const unavailable = Effect.fnUntraced(function*(path: string, detail: string) {
      const reason = yield* reasonOf(SileroVad.layer({ modelPath: path }))
      assert.strictEqual(reason._tag, "ModelUnavailable")
      assert.include(reason.message, path)
      assert.include(reason.message, detail)
    })

    it.effect("that is missing is named", () => unavailable("/nowhere/at/all.onnx", "does not exist"))

    it.effect("that is a folder is named", () => unavailable(tmpdir(), "cannot be read"))

    it.effect("that holds no model is named", () =>
      withModel(new TextEncoder().encode("not a model"), (path) => unavailable(path, "not an ONNX model")))

    it.effect("that holds another model is named, with what it takes", () => {
      const field = (number: number, content: ReadonlyArray<number>) => [number << 3 | 2, content.length, ...content]
      const text = (number: number, value: string) => field(number, [...new TextEncoder().encode(value)])
      const value = (name: string) => [...text(1, name), ...field(2, field(1, [8, 1, ...field(2, field(1, [8, 1]))]))]
      const node = [...text(1, "sound"), ...text(2, "answer"), ...text(4, "Identity")]
      const graph = [...field(1, node), ...text(2, "g"), ...field(11, value("sound")), ...field(12, value("answer"))]
      const identity = Uint8Array.from([8, 8, ...field(7, graph), ...field(8, [16, 16])])
      return withModel(identity, (path) => unavailable(path, "takes sound and gives answer"))
    })

    const withoutRuntime = <A, E, R>(use: Effect.Effect<A, E, R>) =>
      Effect.acquireUseRelease(
        Effect.sync(() =>
          registerHooks({
            resolve: (specifier, context, next) =>
              next(specifier === "onnxruntime-node" ? "onnxruntime-that-is-not-there" : specifier, context)
          })
        ),
        () => use,
        (hooks) => Effect.sync(() => hooks.deregister())
      )

    it.effect("that is another wants onnxruntime-node, which is named", () =>
      withModel(
        readFileSync(silero.bundled),
        (path) => withoutRuntime(unavailable(path, "npm install onnxruntime-node"))
      ))

    it.effect("that comes with the package does without onnxruntime-node", () =>
      Effect.gen(function*() {
        const speech = [recording("jfk.wav")]
        const streams = Array.from({ length: 12 }, () => Vad.detect())
        const all = Effect.forEach(
          streams,
          (detect) => Stream.fromIterable(speech).pipe(detect, Stream.runCollect),
          { concurrency: "unbounded" }
        ).pipe(Effect.provide(SileroVad.layer()))
        assert.deepStrictEqual(yield* withoutRuntime(all), yield* all)
      }))
  })

  contract("SileroVad", SileroVad.layer(), recording("weather_question.wav"))
})

describe("a Node that is too old for the model", () => {
  it.effect("is named with the one to use, and nobody else", () =>
    Effect.gen(function*() {
      const assembly: object = Reflect.get(globalThis, "WebAssembly")
      const compile: unknown = Reflect.get(assembly, "Module")
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          Reflect.set(assembly, "Module", function() {
            throw new Error("invalid numeric opcode 0xfd105")
          })
        }),
        () => Effect.sync(() => Reflect.set(assembly, "Module", compile))
      )
      const { message } = yield* Effect.flip(Effect.scoped(Layer.build(SileroVad.layer({ sampleRate: 8000 }))))
      assert.include(message, "cannot be used: this Node (v")
      assert.include(message, "use Node 22.19 or later")
      assert.notInclude(message, "onnxruntime")
    }).pipe(Effect.scoped))
})

describe("onnxruntime", () => {
  it("reports nothing to its maker", () => {
    const program = `
      import * as onnx from "./src/internal/onnx.ts"
      await onnx.load()
      process.stdout.write(String(process.env.ORT_DISABLE_TELEMETRY))
    `
    const run = (env: Readonly<Record<string, string>>): string => {
      const { ORT_DISABLE_TELEMETRY: _, ...rest } = process.env
      return spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        encoding: "utf8",
        env: { ...rest, ...env }
      }).stdout
    }
    assert.strictEqual(run({}), "1")
    assert.strictEqual(run({ ORT_DISABLE_TELEMETRY: "0" }), "0")
  })
})
