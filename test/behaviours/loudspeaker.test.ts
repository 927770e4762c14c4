/** The room's side of the agent's voice: what becomes of a speech when the output is late, slow or broken. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, type Pipeline, Room, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { withOutput } from "../support/output.ts"

const ten = "one two three four five six seven eight nine ten."

describe("a track that nobody receives yet", () => {
  it.effect.each<readonly [string, Effect.Effect<void>, Pipeline.Options, number]>([
    ["received after 1.2 s", Effect.sleep(1200), {}, 1200],
    ["never received", Effect.never, {}, 5000],
    ["never received, which matters less here", Effect.never, { subscriberTimeout: 700 }, 700]
  ])(
    "%s: the agent enters as soon as it is heard, or at the deadline",
    ([_, subscribed, options, at]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", onEnter: Session.Session.use((session) => session.say(ten)) }),
          tts: { firstByte: 0, duration: 2000 },
          options,
          layer: withOutput((output) => ({ ...output, subscribed }))
        })
        assert.strictEqual(timeline.of("AgentStartedSpeaking")[0]?.at, at)
      })
  )
})

describe("a loudspeaker that fails", () => {
  it.effect.each(["fails", "dies"])(
    "when writing %s, the speech has failed and is told to its end",
    (how) =>
      Effect.gen(function*() {
        let writes = 0
        const timeline = yield* Testing.scenario({
          at: [{ at: 100, do: (session) => session.say(ten) }],
          tts: { duration: 5000, chunk: 500 },
          layer: withOutput((output) => ({
            ...output,
            write: (frames) =>
              ++writes < 3
                ? output.write(frames)
                : how === "dies"
                ? Effect.die("cable")
                : Effect.fail(new Room.RoomError({ reason: "Disconnected", detail: "gone" }))
          }))
        })
        assert.strictEqual(timeline.of("AgentStartedSpeaking").length, 1)
        assert.strictEqual(timeline.of("AgentStoppedSpeaking").length, 1)
        assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed"])
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["room"])
      })
  )

  it.effect("slow to pause, it is not left paused behind an interruption", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(ten) }],
        user: [Testing.type(2000, "Stop")],
        llm: ["All right."],
        tts: [{ duration: 5000 }, { duration: 1000 }],
        layer: withOutput((output) => ({ ...output, pause: Effect.andThen(Effect.sleep(50), output.pause) }))
      })
      assert.deepStrictEqual(timeline.of("AgentStoppedSpeaking").map(({ playedMs }) => playedMs).at(-1), 1000)
    }))
})

describe("a loudspeaker that never answers", () => {
  it.effect("keeps no speech open when the session is closed", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          { at: 100, do: (session) => session.say(ten) },
          { at: 2000, do: (session) => session.close() }
        ],
        tts: { duration: 5000, chunk: 500 },
        layer: withOutput((output) => ({ ...output, clear: Effect.never, drained: Effect.never, played: Effect.never }))
      })
      const ends = timeline.events.filter(({ _tag }) =>
        _tag === "AgentStoppedSpeaking" || _tag === "SpeechFinished" || _tag === "SessionClosed"
      )
      assert.deepStrictEqual(ends.map(({ _tag }) => _tag), [
        "AgentStoppedSpeaking",
        "SpeechFinished",
        "SessionClosed"
      ])
    }))
})
