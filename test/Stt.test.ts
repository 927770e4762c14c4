import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Queue, Schedule, Stream } from "effect"
import { Audio, Failure, Stt, type Vad } from "effect-voice"
import { TestClock } from "effect/testing"
import { contract } from "./contract/stt.ts"

const frame = (value: number, ms = 100, at?: number): Audio.Frame => ({
  sampleRate: 1000,
  channels: 1,
  samples: new Int16Array(ms).fill(value),
  ...(at === undefined ? undefined : { at })
})

/** Names the values of the samples that it is given, run by run. */
const spell = (speech: Audio.Frame): string => {
  const runs: Array<string> = []
  let count = 0
  speech.samples.forEach((value, index) => {
    count++
    if (speech.samples[index + 1] !== value) {
      runs.push(`${value}x${count}`)
      count = 0
    }
  })
  return runs.join(" ")
}

const speller = (options?: Partial<Stt.RecognizerOptions>) =>
  Stt.fromRecognizer({
    name: "speller",
    recognize: (speech) => Effect.succeed({ text: spell(speech) }),
    ...options
  })

/** Hears voice in samples above 0; times in ms, one frame is one window. */
const vad = (options: { readonly truncateAt?: number } = {}): Vad.Vad["Service"] => {
  const detector: Vad.Vad["Service"]["detector"] = () =>
    Effect.sync(() => {
      let kept: Array<Audio.Frame> = []
      let startedAt: number | undefined
      let now = 0
      const ended = (): ReadonlyArray<Vad.Event> => {
        if (startedAt === undefined) return []
        const at = startedAt - 100
        const speech = joined(kept, at, options.truncateAt === undefined ? now : at + options.truncateAt)
        const event: Vad.Event = {
          _tag: "SpeechEnded",
          at: now,
          startedAt,
          speech: { frame: speech, at, truncated: options.truncateAt !== undefined && now - at > options.truncateAt }
        }
        startedAt = undefined
        return [event]
      }
      return {
        push: (frames) =>
          Effect.sync(() =>
            frames.flatMap((frame): ReadonlyArray<Vad.Event> => {
              kept = [...kept, frame]
              const start = frame.at ?? now
              const voiced = (frame.samples[0] ?? 0) > 0
              if (!voiced && startedAt !== undefined) {
                const events = ended()
                now = start + frame.samples.length
                return events
              }
              now = start + frame.samples.length
              if (!voiced || startedAt !== undefined) return []
              startedAt = start
              return [{ _tag: "SpeechStarted", at: start, padding: joined(kept, start - 100, now) }]
            })
          ),
        end: Effect.sync(ended)
      }
    })
  return { name: "loudness", detector, detect: () => Stream.empty }
}

const joined = (frames: ReadonlyArray<Audio.Frame>, from: number, to: number): Audio.Frame => ({
  sampleRate: 1000,
  channels: 1,
  samples: Int16Array.from(
    frames.flatMap((frame) =>
      [...frame.samples].filter((_, i) => (frame.at ?? 0) + i >= from && (frame.at ?? 0) + i < to)
    )
  )
})

const run = (stt: Stt.Stt["Service"], ...inputs: ReadonlyArray<Stt.Input>) =>
  Stream.fromIterable(inputs).pipe(stt.transcribe, Stream.runCollect)

const said = (transcripts: ReadonlyArray<Stt.Transcript>) =>
  transcripts.map(({ end, final, start, text }) => [final ? "final" : "interim", text, start, end])

describe("Stt", () => {
  describe("make", () => {
    it.effect("gets its audio in the format that it says, all of it before a mark", () =>
      Effect.gen(function*() {
        const got: Array<string | number> = []
        const stt = Stt.make({
          name: "ours",
          format: Audio.speech,
          transcribe: (audio) =>
            Stream.drain(Stream.tap(audio, (input) =>
              Effect.sync(() =>
                got.push("_tag" in input ? input._tag : input.sampleRate, "_tag" in input ? 0 : input.samples.length)
              )))
        })
        const half = Audio.silence(500, { sampleRate: 48_000, channels: 2 })
        yield* Stream.runDrain(stt.transcribe(Stream.make<ReadonlyArray<Stt.Input>>(half, half, Stt.Finalize, half)))
        const marks = got.indexOf("Finalize")
        const samples = (all: ReadonlyArray<string | number>) =>
          all.reduce<number>((sum, one, i) =>
            i % 2 === 1 && typeof one === "number" ? sum + one : sum, 0)
        assert.deepStrictEqual([...new Set(got.filter((_, i) => i % 2 === 0))], [16_000, "Finalize"])
        assert.strictEqual(samples(got.slice(0, marks)), 16_000)
        assert.strictEqual(samples(got), 24_000)
      }))

    it.effect("drops interims without text, and passes on that what was sent is settled", () =>
      Effect.gen(function*() {
        const stt = Stt.make({
          name: "fake",
          transcribe: () =>
            Stream.make(
              { text: "", final: false },
              { text: "hello", final: false },
              { text: " ", final: true },
              { text: "hello", final: true }
            )
        })
        assert.deepStrictEqual(yield* run(stt), [
          { text: "hello", final: false },
          { text: " ", final: true },
          { text: "hello", final: true }
        ])
      }))

    it.effect("moves times by the audio that was lost, for words on either side of the gap", () =>
      Effect.gen(function*() {
        const stt = Stt.make({
          name: "fake",
          transcribe: (audio) =>
            Stream.concat(
              Stream.drain(audio),
              Stream.make<[Stt.Transcript]>({
                text: "a b",
                final: true,
                start: 0,
                end: 200,
                words: [{ text: "a", start: 0, end: 100 }, { text: "b", start: 100, end: 200 }]
              })
            )
        })
        const [heard] = yield* run(stt, frame(1, 100, 5000), frame(1, 100, 5600))
        assert.deepStrictEqual(heard, {
          text: "a b",
          final: true,
          start: 0,
          end: 700,
          words: [{ text: "a", start: 0, end: 100 }, { text: "b", start: 600, end: 700 }]
        })
      }))
  })

  describe("fromRecognizer without a detector", () => {
    it.effect("recognises the audio between the marks and the rest at the end, each sample once", () =>
      Effect.gen(function*() {
        const heard = yield* run(
          speller(),
          frame(1),
          frame(2),
          Stt.Finalize,
          Stt.Finalize,
          frame(3),
          Stt.Finalize,
          frame(4)
        )
        assert.deepStrictEqual(said(heard), [
          ["final", "1x100 2x100", 0, 200],
          ["final", "", undefined, undefined],
          ["final", "3x100", 200, 300],
          ["final", "4x100", 300, 400]
        ])
      }))

    it.effect("answers each mark in order, one at which there was nothing to hear as settled", () =>
      Effect.gen(function*() {
        const recognised: Array<string> = []
        const stt = Stt.fromRecognizer({
          name: "slow",
          recognize: ({ samples }) =>
            Effect.as(Effect.delay(Effect.sync(() => recognised.push(`${samples.length}`)), "1 second"), {
              text: "words"
            })
        })
        const fiber = yield* Stream.make<[...Array<Stt.Input>]>(Stt.Finalize, frame(1), Stt.Finalize, Stt.Finalize)
          .pipe(
            stt.transcribe,
            Stream.runCollect,
            Effect.forkChild
          )
        yield* TestClock.adjust("1 second")
        const heard = yield* Fiber.join(fiber)
        assert.deepStrictEqual(heard.map(({ final, text }) => [final, text]), [[true, ""], [true, "words"], [true, ""]])
        assert.strictEqual(recognised.length, 1)
      }))

    it.effect("cuts speech that is too long without losing a sample", () =>
      Effect.gen(function*() {
        const heard = yield* run(speller({ maxSpeech: "200 millis" }), frame(1), frame(2), frame(3), Stt.Finalize)
        assert.deepStrictEqual(said(heard), [["final", "1x100 2x100", 0, 200], ["final", "3x100", 200, 300]])
      }))

    it.effect("gives interim transcripts of the growing speech", () =>
      Effect.gen(function*() {
        const heard = yield* Stream.make(frame(1), frame(2), frame(3), frame(4), Stt.Finalize).pipe(
          Stream.rechunk(1),
          Stream.schedule(Schedule.spaced(100)),
          speller({ interimEvery: "200 millis" }).transcribe,
          Stream.runCollect,
          Effect.forkChild
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(said(yield* Fiber.join(heard)), [
          ["interim", "1x100 2x100", 0, 200],
          ["interim", "1x100 2x100 3x100 4x100", 0, 400],
          ["final", "1x100 2x100 3x100 4x100", 0, 400]
        ])
      }))

    it.effect("counts the longest speech anew after each mark", () =>
      Effect.gen(function*() {
        const heard = yield* run(
          speller({ maxSpeech: "300 millis" }),
          frame(1, 150),
          Stt.Finalize,
          frame(2, 150),
          frame(3, 100),
          Stt.Finalize
        )
        assert.deepStrictEqual(said(heard), [["final", "1x150", 0, 150], ["final", "2x150 3x100", 150, 400]])
      }))

    it.effect("looks at growing speech again only when the last look is over", () =>
      Effect.gen(function*() {
        const looks: Array<number> = []
        const fiber = yield* Stream.fromIterable([1, 2, 3, 4, 5, 6].map((value) => frame(value))).pipe(
          Stream.rechunk(1),
          Stream.schedule(Schedule.spaced(100)),
          speller({
            interimEvery: "100 millis",
            recognize: (speech) =>
              Effect.suspend(
                () => (looks.push(speech.samples.length), Effect.delay(Effect.succeed({ text: "x" }), 250))
              )
          }).transcribe,
          Stream.runDrain,
          Effect.forkChild
        )
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(looks, [100, 400, 600])
      }))

    it.effect("keeps the order when a later recognition is faster, and runs both at a time", () =>
      Effect.gen(function*() {
        const delays = [300, 100]
        const stt = speller({
          recognize: (speech) => Effect.delay(Effect.succeed({ text: spell(speech) }), delays.shift() ?? 0)
        })
        const fiber = yield* Stream.make(frame(1), Stt.Finalize, frame(2), Stt.Finalize).pipe(
          stt.transcribe,
          Stream.mapEffect(({ text }) => Effect.map(Clock.currentTimeMillis, (at) => [text, at])),
          Stream.runCollect,
          Effect.forkChild
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(fiber), [["1x100", 300], ["2x100", 300]])
      }))

    it.effect("gives up an interim recognition that is slower than the speaker", () =>
      Effect.gen(function*() {
        const stt = speller({
          interimEvery: "100 millis",
          recognize: (speech) =>
            Effect.delay(Effect.succeed({ text: spell(speech) }), speech.samples.length === 100 ? 10_000 : 50)
        })
        const inputs = yield* Queue.unbounded<Stt.Input>()
        const heard: Array<unknown> = []
        yield* Stream.fromQueue(inputs).pipe(
          stt.transcribe,
          Stream.runForEach(({ final, text }) =>
            Effect.map(Clock.currentTimeMillis, (at) => heard.push([final, text, at]))
          ),
          Effect.forkScoped
        )
        yield* Queue.offer(inputs, frame(1))
        yield* TestClock.adjust(1000)
        yield* Queue.offerAll(inputs, [frame(2), Stt.Finalize])
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(heard, [[true, "1x100 2x100", 1050]])
      }))

    it.effect("delivers the speech before a failed recognition, then the failure", () =>
      Effect.gen(function*() {
        const error = new Stt.SttError({ provider: "speller", reason: new Failure.Disconnected({}) })
        const stt = speller({
          recognize: (speech) =>
            speech.samples[0] === 1
              ? Effect.delay(Effect.succeed({ text: "one" }), 500)
              : Effect.fail(error)
        })
        const heard: Array<string> = []
        const fiber = yield* Stream.make(frame(1), Stt.Finalize, frame(2), Stt.Finalize).pipe(
          stt.transcribe,
          Stream.runForEach(({ text }) => Effect.sync(() => heard.push(text))),
          Effect.flip,
          Effect.forkChild
        )
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(fiber), error)
        assert.deepStrictEqual(heard, ["one"])
      }))

    it.effect("converts the audio to the format that the recogniser wants", () =>
      Effect.gen(function*() {
        const formats: Array<string> = []
        const stt = speller({
          format: { sampleRate: 16_000, channels: 1 },
          recognize: ({ channels, sampleRate, samples }) =>
            Effect.sync(() => (formats.push(`${sampleRate}/${channels}/${samples.length}`), { text: "x" }))
        })
        const stereo: Audio.Frame = { sampleRate: 48_000, channels: 2, samples: new Int16Array(96_000) }
        yield* run(stt, stereo, Stt.Finalize, stereo)
        assert.deepStrictEqual(formats, ["16000/1/16000", "16000/1/16000"])
      }))

    it.effect("counts lost audio as time", () =>
      Effect.gen(function*() {
        const heard = yield* run(
          speller(),
          frame(1, 100, 5000),
          Stt.Finalize,
          frame(2, 100, 7000),
          frame(2, 100, 7100)
        )
        assert.deepStrictEqual(said(heard), [["final", "1x100", 0, 100], ["final", "2x200", 2000, 2200]])
      }))

    it.effect("moves the words of a recogniser to their time in the audio", () =>
      Effect.gen(function*() {
        const stt = speller({
          recognize: () =>
            Effect.succeed({ text: "x", words: [{ text: "x", start: 10, end: 20 }], confidence: 0.5, language: "en" })
        })
        const [, second] = yield* run(stt, frame(1), Stt.Finalize, frame(2))
        assert.deepStrictEqual(second, {
          text: "x",
          final: true,
          start: 100,
          end: 200,
          words: [{ text: "x", start: 110, end: 120 }],
          confidence: 0.5,
          language: "en"
        })
      }))
  })

  describe("speech that is too long", () => {
    /** Half a second of noise, and a pause of 250 ms, over and over; each sample tells its time. */
    const rate = 1000
    const isPause = (ms: number) => ms % 750 >= 500
    const talk = (ms: number): Audio.Frame => ({
      sampleRate: rate,
      channels: 1,
      samples: Int16Array.from({ length: ms }, (_, at) => isPause(at) ? (at % 3) - 1 : ((at * 7919) % 6000) - 3000)
    })
    const framed = (whole: Audio.Frame, ms: number) =>
      Array.from({ length: Math.ceil(whole.samples.length / ms) }, (_, i) => ({
        ...whole,
        samples: whole.samples.slice(i * ms, (i + 1) * ms)
      }))
    const always: Vad.Vad["Service"]["detector"] = () =>
      Effect.sync(() => {
        let begun = false
        let now = 0
        return {
          push: (frames) =>
            Effect.sync((): ReadonlyArray<Vad.Event> => {
              now += frames.reduce((ms, { samples }) => ms + samples.length, 0)
              if (begun) return []
              begun = true
              return [{ _tag: "SpeechStarted", at: 0, padding: frames[0]! }]
            }),
          end: Effect.sync((): ReadonlyArray<Vad.Event> => [
            {
              _tag: "SpeechEnded",
              at: now,
              startedAt: 0,
              speech: {
                frame: { sampleRate: rate, channels: 1, samples: new Int16Array(now) },
                at: 0,
                truncated: false
              }
            }
          ])
        }
      })
    const detectors = { "without a detector": undefined, "with one": always }

    for (const [name, detector] of Object.entries(detectors)) {
      for (const ms of [10, 100, 130, 700, 30_000]) {
        it.effect(`is cut in a pause before the limit, ${name}, in frames of ${ms} ms, and no sample is lost`, () =>
          Effect.gen(function*() {
            const pieces: Array<Audio.Frame> = []
            const whole = talk(30_000)
            const heard = yield* run(
              speller({
                maxSpeech: "7 seconds",
                recognize: (speech) => Effect.sync(() => (pieces.push(speech), { text: "x" })),
                ...(detector === undefined ? {} : { vad: { name: "always", detector, detect: () => Stream.empty } })
              }),
              ...framed(whole, ms)
            )
            assert.isAbove(pieces.length, 3)
            assert.deepStrictEqual(pieces.flatMap(({ samples }) => [...samples]), [...whole.samples])
            let at = 0
            for (const [i, piece] of pieces.entries()) {
              assert.isAtMost(piece.samples.length, 7000)
              assert.closeTo(heard[i]!.start!, at, 1)
              at += piece.samples.length
              if (i < pieces.length - 1) assert.isTrue(isPause(at), `cut at ${at}`)
            }
          }))
      }
    }
  })

  describe("fromRecognizer with a detector", () => {
    const call = [0, 0, 1, 2, 0, 0, 0, 3, 0].map((value) => frame(value))
    const options = { vadOptions: { prefixPadding: "100 millis" } } as const

    it.effect("gives one final transcript for each speech, with the padding before it", () =>
      Effect.gen(function*() {
        const heard = yield* run(speller({ vad: vad(), ...options }), ...call)
        assert.deepStrictEqual(said(heard), [
          ["final", "0x100 1x100 2x100", 200, 400],
          ["final", "0x100 3x100", 700, 800]
        ])
      }))

    it.effect("gives the same whatever the chunking", () =>
      Effect.gen(function*() {
        const whole = yield* run(speller({ vad: vad(), ...options }), ...call)
        for (const size of [1, 2, 3, 5]) {
          const parts = yield* Stream.fromIterable(call).pipe(
            Stream.rechunk(size),
            speller({ vad: vad(), ...options }).transcribe,
            Stream.runCollect
          )
          assert.deepStrictEqual(parts, whole)
        }
      }))

    it.effect("ends the speech in progress at a mark and at the end, and takes no sample twice", () =>
      Effect.gen(function*() {
        const heard = yield* run(
          speller({ vad: vad(), ...options }),
          frame(0),
          frame(1),
          Stt.Finalize,
          frame(2),
          frame(3)
        )
        assert.deepStrictEqual(said(heard), [["final", "0x100 1x100", 100, 200], ["final", "2x100 3x100", 200, 400]])
      }))

    it.effect("answers a mark after the detector has ended the speech, and one in silence, as settled", () =>
      Effect.gen(function*() {
        const heard = yield* run(
          speller({ vad: vad(), ...options }),
          ...[0, 1, 0, 0].map((value) => frame(value)),
          Stt.Finalize,
          ...[0, 0].map((value) => frame(value)),
          Stt.Finalize
        )
        assert.deepStrictEqual(said(heard), [
          ["final", "0x100 1x100", 100, 200],
          ["final", "", undefined, undefined],
          ["final", "", undefined, undefined]
        ])
      }))

    it.effect("cuts speech that is too long, also when the detector has not kept its end", () =>
      Effect.gen(function*() {
        const long = [0, 1, 2, 3, 4, 5, 0].map((value) => frame(value))
        const cut = yield* run(speller({ vad: vad(), maxSpeech: "300 millis", ...options }), ...long)
        assert.deepStrictEqual(cut.map(({ text }) => text), ["0x100 1x100 2x100", "3x100 4x100 5x100"])
        const whole = yield* run(speller({ vad: vad({ truncateAt: 200 }), ...options }), ...long)
        assert.deepStrictEqual(whole.map(({ text }) => text), ["0x100 1x100 2x100 3x100 4x100 5x100"])
      }))

    it.effect("gives interim transcripts only while someone speaks", () =>
      Effect.gen(function*() {
        const fiber = yield* Stream.fromIterable(call).pipe(
          Stream.rechunk(1),
          Stream.schedule(Schedule.spaced(100)),
          speller({ vad: vad(), interimEvery: "200 millis", ...options }).transcribe,
          Stream.runCollect,
          Effect.forkChild
        )
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(said(yield* Fiber.join(fiber)), [
          ["interim", "0x100 1x100", 200, 300],
          ["final", "0x100 1x100 2x100", 200, 400],
          ["interim", "0x100 3x100", 700, 800],
          ["final", "0x100 3x100", 700, 800]
        ])
      }))
  })

  contract(
    "an Stt made of a function",
    Layer.succeed(
      Stt.Stt,
      Stt.make({
        name: "fake",
        transcribe: (audio) =>
          audio.pipe(
            Stream.filter((input) => "_tag" in input),
            Stream.map((): Stt.Transcript => ({ text: "hello", final: true })),
            Stream.tap(() => Effect.sleep(200))
          )
      })
    )
  )

  contract(
    "a recogniser",
    Layer.succeed(
      Stt.Stt,
      speller({
        recognize: () => Effect.delay(Effect.succeed({ text: "hello" }), 300)
      })
    ),
    { speech: [frame(1), frame(2)] }
  )

  contract(
    "a recogniser with a detector",
    Layer.succeed(Stt.Stt, speller({ vad: vad(), interimEvery: "100 millis" })),
    {
      speech: [0, 1, 2, 0, 3, 0].map((value) => frame(value))
    }
  )

  const greeter = Stt.make({
    name: "greeter",
    transcribe: (audio) =>
      audio.pipe(
        Stream.filter((input) => "_tag" in input),
        Stream.map((): Stt.Transcript => ({ text: "hello", final: true }))
      )
  })
  const lost = Stt.make({
    name: "lost",
    transcribe: (audio) =>
      Stream.mapEffect(
        audio,
        () => Effect.fail(new Stt.SttError({ provider: "lost", reason: new Failure.Disconnected({}) }))
      )
  })
  contract("a guarded Stt", Layer.succeed(Stt.Stt, Stt.resilient(greeter)), { speech: [frame(1)] })
  contract("a fallback", Layer.effect(Stt.Stt, Stt.fallback([lost, greeter])), { speech: [frame(1)] })
})
