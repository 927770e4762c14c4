/** An agent that has gone deaf: it is told, and hears again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Failure, Processor, Recorder, Room, Stt, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** The room, with another microphone. */
const hearing = (change: (audio: Stream.Stream<Audio.Frame, Room.RoomError>, time: number) => typeof audio) => {
  let opened = 0
  return Layer.effect(
    Room.Room,
    Room.Room.useSync((room) =>
      Room.Room.of({ ...room, audio: (identity, format) => change(room.audio(identity, format), ++opened) })
    )
  )
}

const breaks: ReadonlyArray<readonly [string, Stream.Stream<never, Room.RoomError>]> = [
  ["dies", Stream.die(new Error("a defect"))],
  ["fails", Stream.fail(new Room.RoomError({ reason: "Unavailable", detail: "the track is lost" }))],
  ["gives itself up", Stream.fromEffect(Effect.interrupt)]
]

/** What comes as a frame, and is no audio. */
const noAudio: ReadonlyArray<readonly [string, unknown]> = [
  ["nothing", null],
  ["a word", "frame"],
  ["no samples", { sampleRate: 16_000, channels: 1 }],
  ["numbers for samples", { samples: [1, 2, 3], sampleRate: 16_000, channels: 1 }],
  ["samples of another kind", { samples: new Float32Array(160), sampleRate: 16_000, channels: 1 }],
  ...[0, -16_000, Number.NaN, Infinity, 1e9, 1, 1e-9, 16_000.5, "16000"].map((sampleRate) =>
    [`${sampleRate} Hz`, { samples: new Int16Array(160), sampleRate, channels: 1 }] as const
  ),
  ...[0, -1, Number.NaN, Infinity, 1.5, 1000].map((channels) =>
    [`${channels} channels`, { samples: new Int16Array(3000), sampleRate: 16_000, channels }] as const
  ),
  ["one channel that is shorter", { samples: new Int16Array(161), sampleRate: 16_000, channels: 2 }],
  ["what throws", {
    get samples() {
      throw new RangeError("the buffer is gone")
    },
    sampleRate: 16_000,
    channels: 1
  }]
]

/** A recorder that is given the audio. */
const recordedBy = (audio: Recorder.Recording["audio"]) =>
  Layer.succeed(
    Recorder.Recorder,
    Recorder.Recorder.of({ open: () => Effect.succeed({ event: () => {}, audio }) })
  )

describe("a room of one's own", () => {
  it.effect.each([
    ...noAudio,
    ["minutes at once", { samples: new Int16Array(16_000 * 600), sampleRate: 16_000, channels: 1 }]
  ])("that gives %s between frames is told of it, recorded and heard", ([, odd]) =>
    Effect.gen(function*() {
      const lengths: Array<number> = []
      let given = 0
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello.")],
        llm: ["Hi."],
        layer: Layer.merge(
          hearing((audio) =>
            Stream.flatMap(audio, (frame) => Stream.fromIterable(given++ < 12 ? [odd as Audio.Frame, frame] : [frame]))
          ),
          recordedBy((source, _, frames) => {
            if (source === "user") lengths.push(...frames.map((frame) => Audio.durationMs(frame)))
          })
        )
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello.", "assistant: Hi."])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
      assert.match(timeline.warnings[0]!, /^1 frames of the microphone could not be read/)
      assert.isAtMost(timeline.warnings.length, 2)
      assert.isAbove(lengths.length, 0)
      assert.isTrue(lengths.every((ms) => ms < 10_000))
    }))

  it.effect("that gives empty frames, or times that are none, is heard", () =>
    Effect.gen(function*() {
      for (const odd of [{ samples: new Int16Array(0) }, { at: Number.NaN }, { at: Infinity }, { at: -1e9 }]) {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 1500, "Hello.")],
          llm: ["Hi."],
          layer: hearing((audio) =>
            Stream.flatMap(
              audio,
              (frame) => Stream.make({ samples: new Int16Array(16), sampleRate: 16_000, channels: 1, ...odd }, frame)
            )
          )
        })
        assert.deepStrictEqual(timeline.messages, ["user: Hello.", "assistant: Hi."])
        assert.deepStrictEqual(timeline.of("Warning"), [])
      }
    }))
})

describe("a processor", () => {
  it.effect.each(noAudio)("that gives %s is left out, which is told", ([, odd]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello.")],
        llm: ["Hi."],
        options: { processors: [Processor.sync("odd", (frames) => [odd as Audio.Frame, ...frames])] }
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello.", "assistant: Hi."])
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component, reason }) => [component, reason]), [
        ["processor", "Bypassed"]
      ])
    }))
})

describe("a voice", () => {
  it.effect.each(noAudio)(
    "that gives %s is told to have failed, and not the room",
    ([, odd]) =>
      Effect.gen(function*() {
        const good = { frame: Audio.silence(500, { sampleRate: 16_000, channels: 1 }) }
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 1500, "Hello.")],
          llm: ["Hi."],
          layer: Layer.effect(
            Tts.Tts,
            Effect.map(Tts.Tts, (tts): Tts.Tts["Service"] => ({
              ...tts,
              sampleRate: 16_000,
              channels: 1,
              speak: () => Stream.make(good, { frame: odd as Audio.Frame })
            }))
          )
        })
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["tts"])
      })
  )
})

describe("a microphone", () => {
  it.effect.each(breaks)("that %s is told, and opened again", ([, broken]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello."), Testing.say(10_000, 11_000, "Are you there?")],
        llm: ["Hi.", "I am."],
        tts: { duration: 1000 },
        layer: hearing((audio, time) =>
          time === 1 ? Stream.concat(Stream.takeUntil(audio, ({ at = 0 }) => at >= 1500), broken) : audio
        )
      })
      assert.deepStrictEqual(
        timeline.of("ProviderFailed").map(({ component, recovered }) => [component, recovered]),
        [["room", false]]
      )
      assert.include(timeline.messages, "user: Are you there?")
      assert.include(timeline.messages, "assistant: I am.")
    }))

  it.effect("that gives what is no audio is told, and heard all the same", () =>
    Effect.gen(function*() {
      const recorded: Array<number> = []
      const odd: ReadonlyArray<unknown> = [
        null,
        { samples: new Int16Array(160), sampleRate: 0, channels: 1 },
        { samples: new Int16Array(160), sampleRate: 16_000, channels: 0 },
        { samples: [1, 2, 3], sampleRate: 16_000, channels: 1 }
      ]
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello.")],
        llm: ["Hi."],
        layer: Layer.merge(
          hearing((audio) =>
            Stream.flatMap(audio, (frame) => Stream.fromIterable([...odd as ReadonlyArray<Audio.Frame>, frame]))
          ),
          recordedBy((_, at, frames) => void recorded.push(at, ...frames.map(({ sampleRate }) => sampleRate)))
        )
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello.", "assistant: Hi."])
      assert.match(timeline.of("Warning")[0]!.message, /^\d+ frames? of the microphone/)
      assert.isAtMost(timeline.of("Warning").length, 4)
      assert.isAbove(recorded.length, 0)
      assert.isTrue(recorded.every(Number.isFinite))
      assert.notInclude(recorded.slice(1), 0)
    }))
})

describe("a recogniser that is lost while the session drains", () => {
  it.effect("is opened again, and the words are in the history", () =>
    Effect.gen(function*() {
      let opened = 0
      const lost = new Stt.SttError({ provider: "flaky", reason: new Failure.Disconnected({ code: "1006" }) })
      const words = Stt.make({
        name: "flaky",
        resilient: true,
        transcribe: (audio) =>
          Stream.suspend(() => {
            const first = ++opened === 1
            return Stream.flatMap(audio, (input): Stream.Stream<Stt.Transcript, Stt.SttError> => {
              if (first) return "_tag" in input ? Stream.empty : Stream.fail(lost)
              return "_tag" in input ? Stream.make({ text: "Book it.", final: true }) : Stream.empty
            })
          })
      })
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 3000, "Book it.")],
        at: [
          { at: 0, do: (session) => session.say("Goodbye, and thank you for the call of today.") },
          { at: 900, do: (session) => session.close({ drain: true }) }
        ],
        tts: { duration: 8000 },
        options: { turn: { interruption: { enabled: false } } },
        layer: Layer.succeed(Stt.Stt, words)
      })
      assert.isAbove(opened, 1)
      assert.include(timeline.messages, "user: Book it.")
    }))
})
