import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Stream } from "effect"
import { Agent, Audio, Failure, Pipeline, Stt, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const said = "Here I am, and I have something to say"

describe("what a recogniser is handed", () => {
  it.live("comes in pieces of 100 ms while nobody speaks, at once while somebody does, and all of it", () =>
    Effect.gen(function*() {
      const handed: Array<{ readonly at: number; readonly inputs: ReadonlyArray<Stt.Input> }> = []
      const ears = Layer.succeed(
        Stt.Stt,
        Stt.make({
          name: "notebook",
          transcribe: (audio) =>
            Stream.drain(
              Stream.mapEffect(Stream.chunks(audio), (inputs) =>
                Effect.map(Clock.currentTimeMillis, (at) => {
                  handed.push({ at, inputs })
                }))
            )
        })
      )
      const speaking: Array<readonly [from: number, to: number]> = []
      yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const caller = yield* Testing.Caller
          let from = 0
          const fiber = yield* Effect.forkChild(
            Pipeline.run(Agent.make({ instructions: "" }), {
              onEvent: (event) => {
                if (event._tag === "UserStartedSpeaking") from = event.at
                if (event._tag === "UserStoppedSpeaking") speaking.push([from, event.at])
              }
            }),
            { startImmediately: true }
          )
          yield* Effect.sleep(2000)
          yield* caller.says(said)
          yield* Effect.sleep(3000)
          yield* caller.leaves
          yield* Fiber.join(fiber)
        }).pipe(Effect.provide(Layer.merge(
          Testing.layer({ room: { frames: 20 } }),
          ears
        )))
      )
      assert.strictEqual(speaking.length, 1)
      const [from, to] = speaking[0]!
      const lengthOf = (inputs: ReadonlyArray<Stt.Input>) =>
        inputs.reduce((ms, input) => ms + ("samples" in input ? Audio.durationMs(input) : 0), 0)
      const before = handed.filter(({ at }) => at < from)
      const during = handed.filter(({ at }) => at > from && at < to)
      assert.isAbove(before.length, 10)
      assert.isTrue(before.every(({ inputs }) => lengthOf(inputs) === 100))
      assert.isAbove(during.length, 20)
      assert.isTrue(during.every(({ inputs }) => lengthOf(inputs) === 20))
      const frames = handed.flatMap(({ inputs }) => inputs.filter((input) => "samples" in input))
      assert.strictEqual(Testing.readSpeech(Audio.concat(frames)).text, said)
      assert.closeTo(lengthOf(frames), handed.at(-1)!.at - handed[0]!.at, 150)
    }))

  it.effect.each([20, 50, 200, 700])(
    "with `feed: \"speech\"` misses nothing of the speech and repeats nothing, in frames of %d ms",
    (frames) =>
      Effect.gen(function*() {
        const fed: Array<Audio.Frame> = []
        yield* Testing.scenario({
          room: { frames },
          user: [Testing.say(1000, 3000, "Every word of this counts")],
          options: { feed: "speech" },
          layer: Layer.merge(
            EnergyVad.layer(),
            Layer.succeed(
              Stt.Stt,
              Stt.make({
                name: "counting",
                resilient: true,
                transcribe: (audio) =>
                  Stream.flatMap(audio, (input): Stream.Stream<Stt.Transcript> => {
                    if (!("samples" in input)) return Stream.make({ text: "heard", final: true })
                    fed.push(input)
                    return Stream.empty
                  })
              })
            )
          )
        })
        const ends = fed.map((frame) => (frame.at ?? Number.NaN) + Audio.durationMs(frame))
        fed.slice(1).forEach((frame, i) => assert.closeTo(frame.at ?? Number.NaN, ends[i]!, 1))
        assert.isAtMost(fed[0]!.at!, 1000)
        assert.isAtLeast(ends.at(-1)!, 3000)
      })
  )
})

/** A recogniser of single utterances that notes the length of what it is asked. */
const oneShot = (asked: Array<number>, options: Partial<Stt.RecognizerOptions> = {}) =>
  Stt.fromRecognizer({
    name: "one-shot",
    recognize: (speech) =>
      Effect.sync(() => {
        asked.push(Audio.durationMs(speech))
        return { text: Testing.readSpeech(speech).text }
      }),
    ...options
  })

const hold = <E>(
  stt: Layer.Layer<Stt.Stt, E>,
  script: { readonly user: ReadonlyArray<Testing.UserAction>; readonly options?: Pipeline.Options }
) =>
  Testing.scenario({
    room: { frames: 20 },
    ...script,
    layer: Layer.merge(EnergyVad.layer(), stt)
  })

const question = "What is the weather in Paris?"
const padding = 500
const minSilence = 500

describe("a recogniser of single utterances", () => {
  for (const feed of [undefined, "all", "speech"] as const) {
    for (const seconds of [2, 20, 60]) {
      it.effect(`is asked for the speech with its padding after ${seconds} s of silence, whatever is fed (${feed})`, () =>
        Effect.gen(function*() {
          const from = seconds * 1000
          const asked: Array<number> = []
          const timeline = yield* hold(Layer.sync(Stt.Stt, () => oneShot(asked)), {
            user: [Testing.say(from, from + 1900, question)],
            options: feed === undefined ? {} : { feed }
          })
          assert.strictEqual(timeline.messages[0], `user: ${question}`)
          assert.strictEqual(asked.length, 1)
          assert.closeTo(asked[0]!, padding + 1900 + minSilence, 60)
          const [heard] = timeline.of("UserTranscript")
          assert.closeTo(heard!.start!, from - padding, 60)
          assert.closeTo(heard!.end!, from + 1900 + minSilence, 60)
        }))
    }
  }

  it.effect("is not asked for a long speech in pieces because the line was silent before", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const timeline = yield* hold(Layer.sync(Stt.Stt, () => oneShot(asked)), {
        user: [Testing.say(58_000, 69_000, "And so my fellow Americans ask not what your country can do for you")]
      })
      assert.closeTo(asked[0]!, 12_000, 60)
      assert.strictEqual(asked.length, 1)
      assert.strictEqual(timeline.of("UserTranscript").length, 1)
    }))

  it.effect("hears nothing twice where one speech follows another", () =>
    Effect.gen(function*() {
      const heard: Array<Audio.Frame> = []
      yield* hold(
        Layer.sync(Stt.Stt, () =>
          Stt.fromRecognizer({
            name: "one-shot",
            recognize: (speech) => Effect.sync(() => (heard.push(speech), { text: "heard" }))
          })),
        {
          user: [
            Testing.say(2000, 3000, "One"),
            Testing.say(3600, 4600, "Two"),
            Testing.say(9000, 10_000, "Three")
          ]
        }
      )
      assert.strictEqual(heard.length, 3)
      const total = heard.reduce((ms, speech) => ms + Audio.durationMs(speech), 0)
      // From 1,500 to 5,100, and from 8,500 to 10,500.
      assert.closeTo(total, 5600, 100)
    }))

  it.effect("is fed speech behind guards, meters and a fallback of its kind", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const wanted = yield* Effect.scoped(Effect.map(
        Stt.fallback([oneShot(asked), Stt.resilient(oneShot(asked))]),
        (stt) => [stt.wants, Stt.resilient(oneShot(asked)).wants, oneShot(asked).wants]
      ))
      assert.deepStrictEqual(wanted, ["speech", "speech", "speech"])
      yield* hold(Layer.effect(Stt.Stt, Stt.fallback([oneShot(asked), oneShot(asked)])), {
        user: [Testing.say(20_000, 21_900, question)]
      })
      assert.strictEqual(asked.length, 1)
      assert.closeTo(asked[0]!, 2900, 60)
    }))

  it.effect("finds the speech itself where it has a detector of its own", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const stt = Layer.provide(
        Layer.effect(Stt.Stt, Vad.Vad.useSync((vad) => oneShot(asked, { vad }))),
        EnergyVad.layer()
      )
      yield* hold(stt, { user: [Testing.say(20_000, 21_900, question)] })
      assert.strictEqual(asked.length, 1)
      assert.closeTo(asked[0]!, 2900, 120)
    }))
})

describe("a fallback of a streaming recogniser and one of single utterances", () => {
  for (const nested of [false, true]) {
    it.effect(`feeds the first all and the second speech (${nested ? "in another fallback" : "alone"})`, () =>
      Effect.gen(function*() {
        const asked: Array<number> = []
        let streamed = 0
        const streaming = Stt.make({
          name: "streaming",
          transcribe: (audio) =>
            Stream.flatMap(audio, (input): Stream.Stream<Stt.Transcript, Stt.SttError> => {
              if ("samples" in input) {
                streamed += Audio.durationMs(input)
                return Stream.empty
              }
              return Stream.fail(
                new Stt.SttError({
                  provider: "streaming",
                  reason: new Failure.InvalidRequest({ detail: "it is not to be asked again" })
                })
              )
            })
        })
        const both = Stt.fallback([streaming, oneShot(asked)])
        const stt = nested ? Effect.flatMap(both, (inner) => Stt.fallback([inner])) : both
        const timeline = yield* hold(Layer.effect(Stt.Stt, stt), {
          user: [Testing.say(20_000, 21_900, question), Testing.say(40_000, 41_900, question)],
          options: { apology: false }
        })
        assert.closeTo(streamed, 22_400, 200)
        assert.strictEqual(asked.length, 2)
        for (const ms of asked) assert.closeTo(ms, 2900, 120)
        const starts = timeline.of("UserTranscript").map(({ start }) => start!)
        assert.closeTo(starts[0]!, 19_500, 120)
        assert.closeTo(starts[1]!, 39_500, 120)
      }))
  }
})
