/** A recogniser that finds no word in what is said: the listeners are told, once until words come. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Stream } from "effect"
import { Stt } from "effect-voice"
import * as Testing from "effect-voice/testing"

const empty = (timeline: Testing.Timeline) =>
  timeline.of("TranscriptEmpty").map(({ at, reason, speechMs, startedAt }) => [at, startedAt, speechMs, reason])

/** A recogniser that answers nothing but this when it is asked. */
const deaf = (text: string) =>
  Layer.succeed(
    Stt.Stt,
    Stt.make({
      name: "deaf",
      transcribe: (audio) =>
        Stream.flatMap(audio, (input) => "_tag" in input ? Stream.succeed({ text, final: true }) : Stream.empty)
    })
  )

describe("speech in which no word is found", () => {
  it.effect.each(
    [["", "blank"], ["  ", "blank"], ["[Music]", "wordless"], ["...", "wordless"], ["♪", "wordless"]] as const
  )("is told with its reason where the transcript is %j", ([text, reason]) =>
    Effect.gen(function*() {
      for (const settled of [true, false]) {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(1000, 3500, text)],
          ...(settled ? { layer: deaf(text) } : {})
        })
        assert.deepStrictEqual(empty(timeline), [[4000, 1000, 2500, reason]])
        assert.strictEqual(timeline.of("TranscriptEmpty")[0]!.participant, "caller")
        assert.deepStrictEqual(timeline.of("TranscriptionTimedOut"), [])
        assert.deepStrictEqual(timeline.messages, [])
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))

  it.effect("is told once, however often it is tried, and again when words have come or it was silent for long", () =>
    Effect.gen(function*() {
      const again = yield* Testing.scenario({
        user: [1000, 4000, 7000].map((at) => Testing.say(at, at + 2000, ""))
      })
      assert.deepStrictEqual(empty(again), [[3500, 1000, 2000, "blank"]])
      const words = yield* Testing.scenario({
        user: [Testing.say(1000, 3000, ""), Testing.say(5000, 6000, "Hello?"), Testing.say(12_000, 14_000, "")],
        llm: ["Hi."]
      })
      assert.deepStrictEqual(empty(words), [[3500, 1000, 2000, "blank"], [14_500, 12_000, 2000, "blank"]])
      assert.deepStrictEqual(words.messages, ["user: Hello?", "assistant: Hi."])
      const later = yield* Testing.scenario({
        user: [Testing.say(1000, 3000, ""), Testing.say(20_000, 22_000, "")]
      })
      assert.deepStrictEqual(empty(later).map(([at]) => at), [3500, 22_500])
    }))

  it.effect("counts all voices of the turn, and a cough is none", () =>
    Effect.gen(function*() {
      const pieces = yield* Testing.scenario({
        user: [Testing.say(1000, 1600, ""), Testing.say(2500, 3100, "")]
      })
      assert.deepStrictEqual(empty(pieces), [[3600, 2500, 1200, "blank"]])
      const coughs = yield* Testing.scenario({ user: [Testing.cough(1000, 1400)], layer: deaf("") })
      assert.deepStrictEqual(empty(coughs), [])
    }))

  it.effect("is not told of what is heard: words, signs of listening, an echo, holds, late transcripts", () =>
    Effect.gen(function*() {
      const story = "One two three four five six seven eight nine ten."
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(story) }],
        tts: [{ duration: 12_000 }, { duration: 1000 }, { duration: 1000 }],
        user: [
          Testing.say(4000, 5200, "Three four."),
          Testing.say(7000, 8200, "Mm-hm, mm-hm, yeah."),
          Testing.say(10_000, 11_200, "Hang on."),
          Testing.say(14_000, 15_500, "A room, please.", { finalDelay: 1000 }),
          Testing.say(21_000, 22_500, "For two.", { finalDelay: -300 })
        ],
        llm: ["Fine.", "Good."]
      })
      assert.deepStrictEqual(empty(timeline), [])
      assert.deepStrictEqual(timeline.of("UserSpeechSetAside").map(({ reason }) => reason), [
        "echo",
        "agreement",
        "hold"
      ])
    }))

  it.effect("is not told of a voice whose words were kept or set aside while it went on", () =>
    Effect.gen(function*() {
      const transcripts = [{ at: 900, text: "My number is four" }, { at: 1500, text: "hang on." }]
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 4000, "x", { transcripts })],
        until: 20_000
      })
      assert.deepStrictEqual(timeline.messages, ["user: My number is four", "user: hang on."])
      assert.deepStrictEqual(empty(timeline), [])
    }))

  it.effect("over the agent is told, too, and the agent goes on", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("One two three four five six seven eight nine ten.") }],
        tts: { duration: 10_000 },
        user: [Testing.say(4000, 6000, "")]
      })
      assert.deepStrictEqual(empty(timeline), [[6500, 4000, 2000, "blank"]])
      assert.deepStrictEqual(timeline.of("FalseInterruption").map(({ resumed }) => resumed), [true])
      timeline.expect(["AgentSpeechCommitted", timeline.playbacks.at(-1)!.end!, { interrupted: false }])
    }))

  it.effect("is counted by its reason", () =>
    Effect.gen(function*() {
      yield* Testing.scenario({ user: [Testing.say(1000, 3500, "[Noise]")] })
      const metrics = yield* Metric.snapshot
      const counted = metrics.find(({ attributes, id }) =>
        id === "agent_transcripts_empty_total" && attributes?.["reason"] === "wordless"
      )
      assert.deepInclude(counted?.state, { count: 1 })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("lets the program say so", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 3500, "")],
        at: [{
          at: 0,
          do: (session) =>
            session.events.pipe(
              Stream.filter(({ _tag }) => _tag === "TranscriptEmpty"),
              Stream.runForEach(() => session.say("Sorry, I did not catch that."))
            )
        }],
        until: 12_000
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: Sorry, I did not catch that."])
    }))
})
