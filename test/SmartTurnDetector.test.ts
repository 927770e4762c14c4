import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { Audio, History, TurnDetector } from "effect-voice"
import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"
import { readFileSync } from "node:fs"
import * as Features from "../src/internal/smartTurn/features.ts"
import { longestQueue, queue } from "../src/internal/smartTurn/predictor.ts"
import { recording } from "./fixtures/speech.ts"

/** What the model's own front end makes of the beginnings of recordings: every so many numbers of it, and the answer. */
const references = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Schema.Struct({
  clip: Schema.String,
  samples: Schema.Int,
  probability: Schema.Finite,
  every: Schema.Int,
  features: Schema.Uint8ArrayFromBase64
}))))(readFileSync(new URL("fixtures/smartTurn.json", import.meta.url), "utf8"))

const beginning = ({ clip, samples }: { readonly clip: string; readonly samples: number }): Audio.Frame => {
  const all = recording(`${clip}.wav`)
  return { ...all, samples: all.samples.slice(0, samples) }
}

const framesOf = (audio: Audio.Frame): ReadonlyArray<Audio.Frame> => {
  const size = audio.sampleRate / 50
  return Array.from(
    { length: Math.ceil(audio.samples.length / size) },
    (_, i) => ({ ...audio, samples: audio.samples.slice(i * size, (i + 1) * size) })
  )
}

const opened = TurnDetector.TurnDetector.use((detector) => detector!.open)

const pause = (length: number): TurnDetector.Pause => ({ text: "", history: History.empty, silence: 200, length })

describe("what Smart Turn sees", () => {
  it("is what its own front end makes of the same audio", () => {
    const picture = Features.maker()
    const out = new Float32Array(Features.size)
    for (const reference of references) {
      picture(beginning(reference).samples, out)
      const { buffer, byteOffset, byteLength } = reference.features.slice()
      const expected = new Float32Array(buffer, byteOffset, byteLength / 4)
      expected.forEach((value, i) =>
        assert.approximately(out[i * reference.every]!, value, 1e-4, `${reference.clip} ${reference.samples} at ${i}`)
      )
    }
  })

  it("is the same for speech after silence as for the speech alone", () => {
    const picture = Features.maker()
    const speech = recording("jfk.wav").samples.slice(0, 32_000)
    const alone = new Float32Array(Features.size)
    picture(speech, alone)
    for (const silent of [0, 1, 159, 160, 161, 399, 400, 401, 96_000]) {
      const padded = new Int16Array(silent + speech.length)
      padded.set(speech, silent)
      const out = new Float32Array(Features.size)
      picture(padded, out)
      const furthest = out.reduce((most, value, i) => Math.max(most, Math.abs(value - alone[i]!)), 0)
      assert.isBelow(furthest, 1e-4, `${silent} samples of silence`)
    }
  })
})

describe("SmartTurnDetector", () => {
  it.live("answers as the model does with its own front end", () =>
    Effect.scoped(Effect.gen(function*() {
      for (const reference of references) {
        const { ask, push } = yield* opened
        const audio = beginning(reference)
        push!(framesOf(audio))
        const { probability } = yield* ask(pause(Audio.durationMs(audio)))
        // Its weights are whole numbers: versions of the runtime round them differently.
        assert.approximately(probability, reference.probability, 0.15, `${reference.clip} ${reference.samples}`)
      }
    })).pipe(Effect.provide(SmartTurnDetector.layer())))

  it.live("hears the turn from its beginning, and nothing from before", () =>
    Effect.scoped(Effect.gen(function*() {
      const { ask, push } = yield* opened
      const alone = beginning({ clip: "jfk", samples: 88_000 })
      const before = { ...alone, samples: recording("silero-test.wav").samples.slice(0, 160_000) }
      push!([before, Audio.silence("500 millis", alone), alone])
      const heard = yield* ask(pause(Audio.durationMs(alone)))
      const other = yield* opened
      other.push!([Audio.silence("500 millis", alone), alone])
      assert.deepStrictEqual(heard, yield* other.ask(pause(Audio.durationMs(alone))))
    })).pipe(Effect.provide(SmartTurnDetector.layer())))

  it.live("names what is wrong with the file", () =>
    Effect.gen(function*() {
      const reasonOf = (modelPath: string) =>
        Effect.scoped(
          Effect.map(Effect.flip(Layer.build(SmartTurnDetector.layer({ modelPath }))), ({ message }) => message)
        )
      assert.include(
        yield* reasonOf("/nowhere.onnx"),
        "The turn detection model /nowhere.onnx cannot be used: the file does not exist"
      )
      const silero = new URL("../models/silero_vad.onnx", import.meta.url).pathname
      assert.include(yield* reasonOf(silero), "a Smart Turn model of version 3 takes input_features")
    }))
})

describe("pauses that wait for the model", () => {
  const one = new Int16Array(1)
  const deferred = () => {
    const asked: Array<PromiseWithResolvers<number>> = []
    const { predict } = queue(() => {
      const call = Promise.withResolvers<number>()
      asked.push(call)
      return call.promise
    })
    return { asked, predict }
  }

  it.live("are judged one at a time, in order, but for those whose asker has gone", () =>
    Effect.gen(function*() {
      const { asked, predict } = deferred()
      const first = yield* Effect.forkChild(predict(one), { startImmediately: true })
      const gone = yield* Effect.forkChild(predict(one), { startImmediately: true })
      const last = yield* Effect.forkChild(predict(one), { startImmediately: true })
      assert.strictEqual(asked.length, 1)
      gone.interruptUnsafe()
      asked[0]!.resolve(0.25)
      assert.strictEqual(yield* Fiber.join(first), 0.25)
      yield* Effect.yieldNow
      asked[1]!.resolve(7)
      assert.strictEqual(yield* Fiber.join(last), 1)
      assert.strictEqual(asked.length, 2)
    }))

  it.live("are given up from the oldest where too many wait", () =>
    Effect.gen(function*() {
      const { predict } = deferred()
      const fibers: Array<ReturnType<typeof Effect.runFork<number, TurnDetector.TurnDetectorError>>> = []
      for (let i = 0; i < longestQueue + 2; i++) fibers.push(Effect.runFork(predict(one)))
      const failed = yield* Effect.flip(Fiber.join(fibers[1]!))
      assert.strictEqual(failed.reason._tag, "Overloaded")
      assert.isTrue(failed.isRetryable)
      for (const fiber of fibers) fiber.interruptUnsafe()
    }))
})
