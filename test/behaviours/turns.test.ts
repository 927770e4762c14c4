import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const ten = "one two three four five six seven eight nine ten."

const Lookup = Tool.make("lookup", { parameters: Schema.Struct({ word: Schema.String }), success: Schema.String })
const Kit = Toolkit.make(Lookup)
const withTools = Agent.make({ instructions: "Look things up.", tools: Kit })
const handlers = (run: (word: string) => Effect.Effect<string>) =>
  Effect.provide(Kit.toLayer({ lookup: ({ word }) => run(word) }))

describe("whole turns", () => {
  it.effect("one turn, to the millisecond", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: ["I am fine, thank you."],
        tts: { duration: 2000 }
      })
      assert.deepStrictEqual(timeline.states(), [
        ["listening", 0],
        ["thinking", 3000],
        ["speaking", 3500],
        ["listening", 5500]
      ])
      timeline.expect(
        ["UserTranscript", 2700, { final: true }],
        ["UserStateChanged", 3000, { to: "listening" }],
        ["UserSpeechCommitted", 3000],
        ["AgentSpeechCommitted", 5500, { text: "I am fine, thank you.", interrupted: false }]
      )
      const [record] = timeline.turns
      assert.strictEqual(timeline.turns.length, 1)
      assert.deepInclude(record, {
        endOfUtterance: 500,
        transcriptionDelay: 200,
        llmFirstToken: 100,
        firstSentence: 200,
        ttsFirstByte: 200,
        playoutStart: 0,
        total: 1000
      })
    }))

  it.effect.each([[100, 300, 200], [700, 900, 50], [0, 0, 0], [30, 5000, 1200]] as const)(
    "with other numbers (first token %d, whole reply %d, first byte %d)",
    ([firstToken, total, firstByte]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          user: [hello],
          llm: [{ text: "I am fine.", firstToken, total }],
          tts: { duration: 1234, firstByte }
        })
        const audible = 3000 + total + firstByte
        timeline.expect(["AgentStateChanged", audible, { to: "speaking" }])
        timeline.expect(["AgentStateChanged", audible + 1234, { to: "listening" }])
        assert.strictEqual(timeline.turns[0]!.total, audible - 2500)
      })
  )

  it.effect("the synthesiser's first byte counts from its own first text", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        llm: [{ text: "I am fine.", total: 2000 }],
        tts: { duration: 500 }
      })
      assert.strictEqual(timeline.of("TtsMeasured")[0]!.firstByteMs, 200)
      assert.strictEqual(timeline.turns[0]!.ttsMs, 200)
    }))

  it.effect("text and a tool call, then a second reply", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: withTools,
        user: [hello],
        llm: [{ text: "Let me see.", tools: [{ name: "lookup", params: { word: "fine" } }] }, "It means good."],
        tts: [{ duration: 2000 }, { duration: 3000 }]
      }).pipe(handlers((word) => Effect.succeed(`${word}: good`)))
      assert.deepStrictEqual(timeline.playbacks.map(({ playedMs }) => playedMs), [2000, 3000])
      assert.deepStrictEqual(timeline.states().map(([state]) => state), [
        "listening",
        "thinking",
        "speaking",
        "thinking",
        "speaking",
        "listening"
      ])
      assert.deepStrictEqual(timeline.messages, [
        "user: Hello, how are you?",
        "assistant: Let me see.",
        "call: lookup",
        "output: lookup",
        "assistant: It means good."
      ])
      assert.deepStrictEqual(
        timeline.of("FunctionCallsFinished")[0]!.calls.map((
          { isFailure, name, params, result }
        ) => [name, params, result, isFailure]),
        [
          ["lookup", { word: "fine" }, "fine: good", false]
        ]
      )
    }))

  it.effect("the agent thinks while a tool runs, and the user is not away", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: withTools,
        user: [hello],
        llm: [{ tools: [{ name: "lookup", params: { word: "x" } }] }, "Done."],
        tts: [{ duration: 1000 }, { duration: 1000 }],
        at: [{ at: 3800, do: (session) => session.say("One moment.") }],
        options: { turn: { awayAfter: "3 seconds" } },
        until: 13_000
      }).pipe(handlers(() => Effect.delay(Effect.succeed("x"), 8000)))
      assert.deepStrictEqual(timeline.states(), [
        ["listening", 0],
        ["thinking", 3000],
        ["speaking", 4000],
        ["thinking", 5000],
        ["speaking", 11_300 + 300 + 200],
        ["listening", 12_800]
      ])
      assert.deepStrictEqual(timeline.userStates().map(([state]) => state), ["speaking", "listening"])
    }))

  it.effect("when nothing is to be said after a tool, the turn is handed back", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: withTools,
        user: [hello],
        llm: [{ text: "One moment.", tools: [{ name: "lookup", params: { word: "x" } }] }, "", ""],
        tts: { duration: 1000 },
        until: 14_000
      }).pipe(handlers(() => Effect.delay(Effect.succeed("x"), 8000)))
      assert.deepStrictEqual(timeline.states().map(([state]) => state), [
        "listening",
        "thinking",
        "speaking",
        "thinking",
        "listening"
      ])
      timeline.expect(["AgentStateChanged", 11_900, { to: "listening" }])
      assert.strictEqual(timeline.of("ProviderFailed").length, 0)
    }))

  it.effect("a barge-in", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(5000, 6000, "Stop!")],
        llm: [ten],
        tts: { duration: 10_000 },
        until: 8000
      })
      assert.deepStrictEqual(timeline.states().slice(0, 6), [
        ["listening", 0],
        ["thinking", 3000],
        ["speaking", 3500],
        ["listening", 5500],
        ["thinking", 6500],
        ["speaking", 7000]
      ])
      assert.deepInclude(timeline.playbacks[0], { start: 3500, end: 5500, playedMs: 2000, interrupted: true })
      assert.deepStrictEqual(timeline.messages.slice(0, 3), [
        "user: Hello, how are you?",
        "assistant: one two—",
        "user: Stop!"
      ])
    }))

  it.effect("without interruption nothing is cut, and the user's words are answered afterwards", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(5000, 6000, "Stop!")],
        llm: [ten, "Sorry."],
        tts: [{ duration: 10_000 }, { duration: 1000 }],
        options: { turn: { interruption: { enabled: false } } }
      })
      assert.deepStrictEqual(
        timeline.playbacks.map(({ interrupted, playedMs, start }) => [start, playedMs, interrupted]),
        [
          [3500, 10_000, false],
          [13_500, 1000, false]
        ]
      )
      assert.includeMembers([...timeline.messages], [`assistant: ${ten}`, "user: Stop!", "assistant: Sorry."])
    }))

  it.effect("interrupt and a typed request", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: [ten, "Yes."],
        tts: [{ duration: 10_000 }, { duration: 500 }],
        at: [{ at: 5000, do: (session) => Effect.andThen(session.interrupt(), session.send("Something else")) }]
      })
      assert.deepStrictEqual(timeline.states().slice(2, 4), [["speaking", 3500], ["thinking", 5000]])
      assert.deepStrictEqual(timeline.messages.slice(1), [
        "assistant: one two—",
        "user: Something else",
        "assistant: Yes."
      ])
    }))

  it.effect("the user goes on while the reply is made", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello, Testing.say(3000, 4000, "Stop!")],
        llm: [{ text: ten, total: 2000 }, "OK."],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.playbacks.map(({ start }) => start), [5000])
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "user: Stop!", "assistant: OK."])
    }))

  it.effect("in the echo warm-up voice does not interrupt, the turn does", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(4000, 5000, "Stop it now")],
        llm: [ten],
        tts: { duration: 10_000 },
        options: { turn: { interruption: { echoWarmUp: "3 seconds" } } },
        until: 6000
      })
      assert.deepInclude(timeline.playbacks[0], { start: 3500, end: 5500, playedMs: 2000 })
      assert.deepStrictEqual(timeline.states().slice(0, 4), [
        ["listening", 0],
        ["thinking", 3000],
        ["speaking", 3500],
        ["thinking", 5500]
      ])
    }))

  it.effect.each([[true, true, 700], [true, false, 800], [false, false, 1100]] as const)(
    "preemption of the model %s, of the synthesiser %s: %d ms",
    ([llm, tts, total]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 2000, "Hello", { finalDelay: 100 })],
          llm: ["Hi there."],
          tts: { duration: 1000, firstByte: 300 },
          options: { turn: { preemption: { llm, tts } } }
        })
        assert.strictEqual(timeline.turns[0]!.total, total)
        assert.strictEqual(timeline.turns[0]!.preempted, llm)
        assert.strictEqual(timeline.requests.length, 1)
        assert.deepStrictEqual(timeline.messages, ["user: Hello", "assistant: Hi there."])
      })
  )

  it.effect("a noise is one false interruption, and its pause ends with it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: withTools,
        at: [{ at: 0, do: (session) => session.say(ten) }],
        user: [Testing.cough(850, 2000), Testing.say(15_000, 16_000, "Go on.")],
        llm: ["Sure."],
        tts: { duration: 5000 }
      }).pipe(handlers(() => Effect.succeed("")))
      assert.deepStrictEqual(timeline.of("FalseInterruption").map(({ at, resumed }) => [at, resumed]), [[2500, true]])
      assert.deepStrictEqual(timeline.playbacks.map(({ playedMs }) => playedMs), [5000, 5000])
      assert.strictEqual(timeline.playbacks[0]!.end, 200 + 5000 + (2500 - 1350))
      assert.deepInclude(timeline.playbacks[1], { start: 17_000, end: 22_000 })
    }))

  it.effect("interrupt leaves the protected speech and what is behind it", () =>
    Effect.gen(function*() {
      const outcomes: Array<string> = []
      const timeline = yield* Testing.scenario({
        at: [{
          at: 0,
          do: (session) =>
            Effect.gen(function*() {
              const speeches = yield* Effect.forEach(
                ["current", "first", "protected", "behind"],
                (text) => session.say(text, { protected: text === "protected" })
              )
              yield* Effect.sleep(700)
              yield* session.interrupt()
              yield* Effect.sleep(700)
              const refused = yield* Effect.flip(session.interrupt())
              outcomes.push(refused.reason)
              for (const speech of speeches) outcomes.push((yield* speech.heard).outcome)
            })
        }],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(outcomes, ["Protected", "interrupted", "interrupted", "completed", "completed"])
      assert.deepStrictEqual(timeline.failures, [])
    }))

  it.effect("a tool outlives the reply that called it, and is recorded once", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: withTools,
        user: [hello, Testing.say(3400, 4400, "No, wait.")],
        llm: [
          { tools: [{ name: "lookup", params: { word: "fast" } }, { name: "lookup", params: { word: "slow" } }] },
          "I wait.",
          "Now.",
          "OK."
        ],
        tts: { duration: 1000 },
        at: [{ at: 12_000, do: (session) => session.send("And?") }]
      }).pipe(handlers((word) => Effect.delay(Effect.succeed(word), word === "fast" ? 100 : 5000)))
      assert.deepStrictEqual(timeline.messages, [
        "user: Hello, how are you?",
        "call: lookup",
        "output: lookup",
        "call: lookup",
        "user: No, wait.",
        "assistant: I wait.",
        "output: lookup",
        "assistant: Now.",
        "user: And?",
        "assistant: OK."
      ])
      const running = JSON.stringify(timeline.requests[1]!.prompt)
      assert.include(running, "fast")
      assert.include(running, "Still running")
      const known = JSON.stringify(timeline.requests[2]!.prompt)
      assert.include(known, "\"result\":\"slow\"")
      assert.strictEqual(timeline.of("FunctionCallsFinished").length, 1)
    }))

  it.effect("a pause inside the endpointing delay makes one turn", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "I would like"), Testing.say(1900, 2900, "a room.")],
        vad: { minSilence: 100 },
        tts: { duration: 500 }
      })
      assert.deepStrictEqual(timeline.messages[0], "user: I would like a room.")
      assert.strictEqual(timeline.of("UserSpeechCommitted").length, 1)
    }))

  it.effect("what was heard is what the synthesiser had said", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(4100, 5500, "Excuse me, please stop.")],
        llm: ["Let me check on that for you."],
        tts: { duration: 2000, alignment: "word" },
        until: 6100
      })
      assert.strictEqual(timeline.messages[1], "assistant: Let me check on—")
      assert.strictEqual(
        timeline.of("AgentTranscript").filter(({ speech }) => speech === "turn-1").map(({ text }) => text).join(""),
        "Let me check on"
      )
    }))

  it.effect("a hook that waits does not keep the session from closing", () =>
    Effect.gen(function*() {
      const stuck = Agent.make({
        instructions: "",
        onEnter: Session.Session.use((session) => Effect.andThen(session.say("Hello there."), Effect.never)),
        onUserTurn: () => Effect.never
      })
      const timeline = yield* Testing.scenario({
        agent: stuck,
        user: [Testing.say(3000, 4000, "Hi.")],
        tts: { duration: 1000 },
        at: [{ at: 6000, do: (session) => session.close() }]
      })
      timeline.expect(["SessionClosed", 6000, { reason: "closed" }])
      assert.include(timeline.messages, "user: Hi.")
      assert.strictEqual(timeline.left, "")
    }))

  it.effect("a microphone that is muted in mid-speech ends the speech", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { frames: 20 },
        user: [Testing.say(500, 5000, "Hello, this is a long sentence that will be cut off"), Testing.mute(2000)]
      })
      assert.deepStrictEqual(timeline.of("UserStoppedSpeaking").length, 1)
      assert.isAtMost(timeline.of("UserStoppedSpeaking")[0]!.at, 3020)
      assert.strictEqual(timeline.userStates().at(-1)![0], "listening")
    }))

  it.effect.each([0, 1, 200, 1000])(
    "closed %d ms after the beginning, whatever hangs",
    (after) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          room: { joins: after > 500 ? false : 100 },
          agent: Agent.make({ instructions: "", onEnter: Session.Session.use((session) => session.say("Hello.")) }),
          tts: { hang: true },
          llm: [{ hang: true }],
          user: [],
          at: [{ at: after, do: (session) => session.close() }]
        })
        timeline.expect(["SessionClosed", after])
        assert.strictEqual(timeline.left, "")
      })
  )
})
