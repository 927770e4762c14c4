import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Agent, Audio, History, type Session, Stt } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { detector } from "../support/judges.ts"

type TheSession = Session.Session["Service"]

const hello = Testing.say(500, 2500, "Hello, how are you?")

const at = (at: number, act: (session: TheSession) => Effect.Effect<unknown, unknown>) => ({ at, do: act })

const message = (id: string, text: string, createdAt: number) =>
  History.Message.make({ id, role: "assistant", text, createdAt })

describe("the history that an agent brings along", () => {
  it.effect("comes before the turns of the session, also where it was made later", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        agent: Agent.make({ instructions: "", history: History.make([message("old", "Earlier.", 1_700_000_000_000)]) })
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: Earlier.", "user: Hello, how are you?", "assistant: OK."])
    }))

  it.effect("is merged at a handoff, and what follows comes after it", () =>
    Effect.gen(function*() {
      const early = message("early", "Good morning.", 0)
      const late = message("late", "Earlier.", 1_700_000_000_000)
      const other = Agent.make({ name: "other", instructions: "", history: History.make([early, late]) })
      const timeline = yield* Testing.scenario({ user: [hello], at: [at(100, (session) => session.handoff(other))] })
      assert.deepStrictEqual(timeline.messages, [
        "assistant: Good morning.",
        "assistant: Earlier.",
        "handoff: other",
        "user: Hello, how are you?",
        "assistant: OK."
      ])
    }))
})

describe("what the program asks for wrongly", () => {
  it.effect("a wait that is no duration is refused by its name", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [at(100, (session) =>
          Effect.flip(session.commitTurn({ wait: "soon" as "1 second" })).pipe(
            Effect.tap((error) =>
              Effect.sync(() => {
                assert.strictEqual(error.reason, "InvalidOption")
                assert.match(error.detail, /^wait /)
              })
            )
          ))]
      })
      assert.deepStrictEqual(timeline.failures, [])
    }))
})

describe("the agent's transcript as it is written (syncTranscript off)", () => {
  it.effect.each([["Hello", ["Hi there.", ""]], ["Hello again", ["Hi there again.", ""]]] as const)(
    "a guess keeps its words to itself until it is wanted (%s)",
    ([text, told]) =>
      Effect.gen(function*() {
        const again = text.includes("again")
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 2000, text, {
            transcripts: again
              ? [{ at: 1000, text: "Hello" }, { at: 1600, text: "again" }]
              : [{ at: 1600, text: "Hello" }]
          })],
          llm: ({ text }) => text.includes("again") ? "Hi there again." : "Hi there.",
          options: { syncTranscript: false, turn: { preemption: { llm: true } } }
        })
        const said = timeline.of("AgentTranscript")
        assert.deepStrictEqual(said.filter(({ final }) => !final).map(({ text }) => text).join(""), told[0])
        assert.deepStrictEqual(said.filter(({ final }) => final).length, 1)
        assert.isTrue(said.every(({ at }) => at >= 2500))
      })
  )
})

describe("an empty room", () => {
  it.effect("hears no goodbye, and no exit of an agent that never entered", () =>
    Effect.gen(function*() {
      let exits = 0
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onExit: Effect.sync(() => exits++) }),
        room: { joins: false },
        at: [{ at: 1000, do: (session) => session.hangUp({ say: "Goodbye!" }) }]
      })
      assert.deepStrictEqual(timeline.messages, [])
      assert.strictEqual(exits, 0)
      timeline.expect(["SessionClosed", 1000, { reason: "hang_up" }])
    }))
})

describe("feed: speech", () => {
  it.effect.each([20, 50, 200, 700])(
    "misses nothing of the speech and repeats nothing, in frames of %d ms",
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

describe("a turn detector", () => {
  it.effect("that fails is not waited for", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        layer: detector(() => Effect.fail("down"))
      })
      timeline.expect(["UserSpeechCommitted", 3000])
      assert.deepStrictEqual(timeline.warnings, ["the turn detector failed"])
    }))

  it.effect("that is asked again has its former question taken back", () =>
    Effect.gen(function*() {
      let open = 0
      let most = 0
      yield* Testing.scenario({
        user: Array.from({ length: 6 }, (_, i) => Testing.say(1000 + i * 1500, 1500 + i * 1500, `word ${i}`)),
        vad: { minSilence: 200 },
        options: { turn: { endpointing: { minDelay: 3000, maxDelay: 9000 } } },
        layer: detector(() =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              most = Math.max(most, ++open)
            }),
            () => Effect.never,
            () => Effect.sync(() => open--)
          )
        )
      })
      assert.strictEqual(most, 1)
      assert.strictEqual(open, 0)
    }))
})

describe("the agent's transcript without times from the synthesiser", () => {
  it.effect("comes with the audio, word by word, and whole", () =>
    Effect.gen(function*() {
      const text = "one two three four five six seven eight nine ten."
      const timeline = yield* Testing.scenario({
        at: [at(0, (session) => session.say(text))],
        tts: { duration: 10_000, alignment: false }
      })
      const told = timeline.of("AgentTranscript").filter(({ final }) => !final)
      assert.strictEqual(told.map(({ text }) => text).join(""), text)
      assert.isAbove(told.length, 5)
      assert.isAtMost(told[0]!.text.length, 10)
      assert.isAtLeast(told.at(-1)!.at, 8000)
    }))
})
