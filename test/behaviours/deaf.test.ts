/** An agent that has gone deaf: it is told, and hears again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { type Audio, Failure, Recorder, Room, Stt } from "effect-voice"
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
          Layer.succeed(
            Recorder.Recorder,
            Recorder.Recorder.of({
              open: () =>
                Effect.succeed({
                  event: () => {},
                  audio: (_, at, frames) => void recorded.push(at, ...frames.map(({ sampleRate }) => sampleRate))
                })
            })
          )
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
