import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Result } from "effect"
import { Agent, History, Llm, Tools, Turn } from "effect-voice"
import * as Testing from "effect-voice/testing"

const hello = Testing.say(500, 2500, "Hello, how are you?")

describe("a scenario", () => {
  it.effect("tells the course of one turn to the millisecond", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: ["I am fine."],
        tts: { duration: 2000 }
      })
      timeline.expect(
        ["UserTranscript", 2700, { text: "Hello, how are you?", final: true }],
        ["AgentStateChanged", 3000, { to: "thinking" }],
        ["AgentStateChanged", 3500, { to: "speaking" }],
        ["AgentSpeechCommitted", 5500, { text: "I am fine.", interrupted: false }]
      )
      timeline.exactly(["UserSpeechCommitted", 3000, { text: "Hello, how are you?" }])
      assert.deepStrictEqual(timeline.playbacks, [
        { speech: "turn-1", start: 3500, end: 5500, playedMs: 2000, interrupted: false }
      ])
      assert.deepStrictEqual(timeline.audible, [{ from: 3500, to: 5500 }])
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: I am fine."])
      assert.deepStrictEqual(timeline.userStates(), [["speaking", 550], ["listening", 3000]])
      assert.deepStrictEqual(timeline.requests.map(({ at, text }) => [at, text]), [[3000, "Hello, how are you?"]])
      assert.strictEqual(timeline.stoppedAt, 17_500)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("takes turns by the defaults of a pipeline, unless a preset switches judgement off", () =>
    Effect.gen(function*() {
      const script = {
        user: [hello, Testing.say(4500, 5300, "Yeah."), Testing.say(9000, 9800, "mm-hm")],
        llm: ["one two three four five six seven eight nine ten."],
        tts: { duration: 10_000 }
      } as const
      const course = (options: Omit<Testing.Scenario, keyof typeof script>) =>
        Effect.map(Testing.scenario({ ...script, ...options }), (timeline) => ({
          asked: timeline.requests.map(({ at }) => at),
          paused: timeline.of("AgentPaused").map(({ at }) => at)
        }))
      const { echoWarmUp, minWords } = Result.getOrThrow(Turn.resolve({})).interruption
      assert.deepStrictEqual([echoWarmUp, minWords], [3000, 0])
      const usual = yield* course({})
      // Asked before the commit; what lies in the echo warm-up pauses nothing; signs of listening are not answered.
      assert.deepStrictEqual(usual, { asked: [2700], paused: [9500] })
      assert.deepStrictEqual(yield* course({ preset: "production" }), usual)
      assert.deepStrictEqual(yield* course({ preset: "mechanics" }), {
        asked: [3000, 5800, 10_300],
        paused: [5000, 9500]
      })
      // What the script says goes first.
      const spoken = yield* course({
        preset: "mechanics",
        options: { turn: { interruption: { backchannel: true } } }
      })
      assert.deepStrictEqual(spoken.asked, [3000])
    }))

  it.effect("goes the same way where only speech is fed", () =>
    Effect.gen(function*() {
      for (const minSpeech of [0, 50]) {
        const script = { user: [hello, Testing.say(9000, 9800, "And you?")], stt: { interims: true } } as const
        const all = yield* Testing.scenario({ ...script, options: { vad: { minSpeech } } })
        const speech = yield* Testing.scenario({ ...script, options: { feed: "speech", vad: { minSpeech } } })
        assert.deepStrictEqual(Testing.differs(all, speech), [])
        assert.strictEqual(all.messages.length, 4)
      }
    }))

  it.effect("stops when the caller says stop", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(5000, 6000, "Stop!")],
        llm: ["I will tell you a very long story now.", "Yes?"],
        tts: [{ duration: 10_000 }, { duration: 500 }]
      })
      timeline.expect(["AgentStoppedSpeaking", 6500, { playedMs: 2000, interrupted: true }])
      assert.deepStrictEqual(timeline.audible[0], { from: 3500, to: 5500 })
      assert.deepStrictEqual(timeline.messages[1], "assistant: I will—")
    }))

  it.effect("prints what happened when an expectation is not met", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [Testing.type(100, "Hi")], llm: ["Hello."] })
      const attempt = (...expected: ReadonlyArray<Testing.Expectation>) => {
        try {
          timeline.expect(...expected)
        } catch (error) {
          return error instanceof Testing.Unexpected ? error.message : String(error)
        }
        return "met"
      }
      assert.strictEqual(attempt(["UserSpeechCommitted", 100, { text: "Hi" }]), "met")
      const late = attempt(["UserSpeechCommitted", 101])
      assert.include(late, "101  UserSpeechCommitted")
      assert.include(late, "100  UserSpeechCommitted turn=1")
      assert.include(late, "what happened:")
      assert.include(attempt(["AgentChanged", 5]), "there is no AgentChanged at all")
      assert.include(attempt(["AgentStateChanged", 100], ["AgentStateChanged", 0]), "in this order")
      assert.throws(() => timeline.exactly(["AgentStateChanged", 0]), Testing.Unexpected)
    }))

  it.effect("runs what the program does, and keeps what it fails with", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "Be brief.",
          history: History.empty,
          onEnter: Effect.logInfo("entered")
        }),
        at: [
          { at: 1000, do: (session) => session.say("Good morning to you.") },
          { at: 1500, do: (_session, caller) => caller.says("Wait!", { duration: 700 }) },
          { at: 9000, do: () => Effect.fail("no") },
          { at: 9500, do: (session) => session.hangUp() }
        ],
        tts: { duration: 3000 },
        until: 60_000
      })
      assert.deepStrictEqual(timeline.failures, [{ at: 9000, cause: "no" }])
      assert.deepStrictEqual(
        timeline.logs.filter(({ text }) => text === "entered").map(({ at, level }) => [at, level]),
        [
          [0, "Info"]
        ]
      )
      timeline.expect(["AgentStartedSpeaking", 1200], ["UserSpeechCommitted", 2700, { text: "Wait!" }], [
        "SessionClosed",
        9500,
        { reason: "hang_up" }
      ])
      assert.strictEqual(timeline.stoppedAt, undefined)
      assert.isBelow(timeline.endedAt, 20_000)
    }))

  it.effect("happens again in the same way", () =>
    Effect.gen(function*() {
      const script: Testing.Scenario = {
        user: [hello, Testing.cough(4000, 4400), Testing.say(7000, 9000, "And you?")],
        stt: { interims: true, faults: [{ fail: true, after: 1 }] },
        llm: ["I am fine.", { fail: true }, "Me too."]
      }
      const one = yield* Testing.scenario(script)
      assert.deepStrictEqual(Testing.differs(one, yield* Testing.scenario(script)), [])
      const other = yield* Testing.scenario({ ...script, seed: "other" })
      assert.deepStrictEqual(Testing.differs(one, other).map(({ invariant }) => invariant), ["I11"])
    }))

  it.effect("gives up on a session that never comes to rest", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onEnter: Effect.forever(Effect.andThen(Effect.sleep(5000), Effect.fail("again"))).pipe(Effect.ignore)
        }),
        at: Array.from({ length: 20 }, (_, i) => ({ at: i * 3000, do: (session) => session.say("Tick.") })),
        quiet: 20_000,
        patience: 10_000
      })
      assert.isFalse(timeline.quiet)
      assert.deepStrictEqual(Testing.invariants(timeline).map(({ invariant }) => invariant), ["I7"])
    }))

  it.effect("warns of a tool that the script calls, and the agent does not have", () =>
    Effect.gen(function*() {
      const script = { user: [Testing.say(500, 1500, "A room, please.")], llm: [{ tools: [{ name: "bok" }] }, "Done."] }
      const book = Tools.functions({ book: { run: async () => 7 } })
      const agent = Agent.make({ instructions: "You book rooms.", tools: book })
      const warnings = (yield* Testing.scenario({ ...script, agent })).warnings
      assert.deepStrictEqual(warnings, ["the script calls the tool bok, which there is not: the agent has book"])
    }))

  it.effect("warns of a hook that has failed, for the conversation goes on without it", () =>
    Effect.gen(function*() {
      const agent = Agent.make({
        instructions: "x",
        onEnter: () => {
          throw new TypeError("no such room")
        },
        onUserTurn: () => Effect.fail("too late")
      })
      const { warnings } = yield* Testing.scenario({ agent, user: [hello], llm: ["I am fine."] })
      assert.deepStrictEqual(warnings, [
        "onEnter has failed at 0: TypeError: no such room",
        "onUserTurn has failed at 3000: Error: too late"
      ])
    }))

  it.effect("hears who speaks at once", () =>
    Effect.gen(function*() {
      const { messages } = yield* Testing.scenario({ user: [Testing.say(0, 1000, "Hello?")], llm: ["I am here."] })
      assert.deepStrictEqual(messages, ["user: Hello?", "assistant: I am here."])
    }))

  it.effect("tells in its log, and in print, why a provider has failed", () =>
    Effect.gen(function*() {
      const promised = Llm.make({ name: "ours", reply: (async () => "Hello.") as never })
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello?")],
        layer: Layer.succeed(Llm.Llm, promised)
      })
      const failed = timeline.logs.find(({ text }) => text === "a provider failed")
      assert.match(String(failed?.annotations?.["why"]), /^reply must give a Stream, not a promise/)
      assert.match(timeline.print(), /log Error: a provider failed .*why="reply must give a Stream/)
    }))

  it.effect("tells that the model's script was too short", () =>
    Effect.gen(function*() {
      const user = [hello, Testing.say(10_000, 11_000, "And now?")]
      const timeline = yield* Testing.scenario({ user, llm: ["I am fine."] })
      const short = "the model was asked for 2 replies, but its script has 1: add to `llm`, or say by " +
        "`llmOptions: { otherwise: \"OK.\" }` what else it replies"
      assert.deepStrictEqual(timeline.warnings, [short])
      assert.include(timeline.print(), `log Warn: ${short}`)
      assert.strictEqual(timeline.messages.at(-1), "assistant: (the script has no second reply)")
      const otherwise = yield* Testing.scenario({ user, llm: ["I am fine."], llmOptions: { otherwise: "Good." } })
      assert.deepStrictEqual([otherwise.messages.at(-1), otherwise.warnings], ["assistant: Good.", []])
      const meant = yield* Testing.scenario({ user })
      assert.notInclude(meant.print(), "log Warn")
    }))

  it.effect("refuses a speech that ends before it begins", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Testing.scenario({ user: [Testing.say(4000, 3000, "Hello.")] }))
      assert.isTrue(Exit.isFailure(exit) && Exit.hasDies(exit))
      if (Exit.isFailure(exit)) assert.include(Cause.pretty(exit.cause), "ends at 3000, before it begins at 4000")
      for (const at of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        const refused = yield* Effect.exit(Testing.scenario({ user: [Testing.say(at, at + 1000, "Hello.")] }))
        assert.isTrue(Exit.isFailure(refused) && Cause.pretty(refused.cause).includes("no time of the Clock"))
      }
    }))
})
