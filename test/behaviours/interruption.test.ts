import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { Agent, type Event, Llm, Pipeline, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { classifier, detector } from "../support/judges.ts"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const ten = "one two three four five six seven eight nine ten."
const asked = {
  preset: "mechanics",
  user: [hello],
  llm: [ten],
  tts: [{ duration: 10_000 }, { duration: 1000 }]
} as const

/** After "Hello" the agent speaks from 3500 to 13 500, unless it is disturbed. */
const disturbed = (
  user: ReadonlyArray<Testing.UserAction>,
  script: Omit<Testing.Scenario<never, never>, "user"> = {}
) => Testing.scenario({ ...asked, ...script, user: [hello, ...user] })

const first = (timeline: Testing.Timeline) => timeline.playbacks[0]!

describe("words that interrupt", () => {
  const options = { turn: { interruption: { minWords: 2 } } }
  it.effect.each(
    [
      ["", true],
      ["hello", true],
      ["hello there", false],
      ["hello there my friend", false]
    ] as const
  )("with at least two words %j leaves the speech whole: %s", ([text, whole]) =>
    Effect.gen(function*() {
      for (const interims of [true, false]) {
        const timeline = yield* disturbed([Testing.say(5000, 6000, text)], { options, stt: { interims } })
        assert.strictEqual(first(timeline).interrupted, !whole, `interims ${interims}`)
        assert.strictEqual(first(timeline).playedMs === 10_000, whole)
        // Words that were too few are answered when the agent has ended.
        assert.strictEqual(timeline.requests.length, text === "" ? 1 : 2)
      }
    }))

  it.effect("words that were too few are a turn when the agent falls silent, however long ago they were said", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed(
        [Testing.say(5000, 6000, "hello"), Testing.say(15_000, 16_000, "there")],
        { options, stt: { interims: true } }
      )
      assert.isFalse(first(timeline).interrupted)
      assert.deepStrictEqual(timeline.messages.slice(1, 3), [`assistant: ${ten}`, "user: hello"])
      timeline.expect(["UserSpeechCommitted", 13_500, { text: "hello" }], ["UserSpeechCommitted", 16_500, {
        text: "there"
      }])
    }))

  it.effect.each([[3, [5700, 5900, 6100]], [2, [5700, 5900]]] as const)(
    "words of several finals add up to %d",
    ([minWords, finals]) =>
      Effect.gen(function*() {
        const timeline = yield* disturbed(
          [
            Testing.say(5000, 7000, "my new number", {
              transcripts: ["my", "new", "number"].map((text, i) => ({ at: 700 + 200 * i, text }))
            })
          ],
          { options: { turn: { interruption: { minWords } } }, stt: { interims: true } }
        )
        timeline.expect(["AgentPaused", finals.at(-1)!])
        assert.strictEqual(timeline.of("AgentPaused").length, 1)
        assert.isTrue(first(timeline).interrupted)
      })
  )
})

describe("the backchannel rule", () => {
  const options = { turn: { interruption: { backchannel: true } } }
  it.effect.each(["yeah", "mm-hm", "Mm-hm.", "uh-huh", "okay", "right"])(
    "%j pauses the agent at most until it is understood, and has no reply of its own",
    (text) =>
      Effect.gen(function*() {
        const timeline = yield* disturbed([Testing.say(5000, 5800, text)], { options, until: 16_000 })
        timeline.exactly(
          ["AgentPaused", 5500],
          ["FalseInterruption", 6000, { resumed: true }]
        )
        assert.strictEqual(first(timeline).end, 14_000)
        assert.deepStrictEqual(timeline.messages.slice(0, 2), ["user: Hello, how are you?", `assistant: ${ten}`])
        assert.strictEqual(timeline.requests.length, 1)
        assert.strictEqual(timeline.playbacks.length, 1)
      })
  )

  it.effect("too short to pause the agent, it is not even noticed; its words are set aside", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([
        Testing.say(5000, 5300, "yeah"),
        Testing.say(15_000, 16_000, "that is fine")
      ], { options })
      assert.deepStrictEqual(timeline.of("AgentPaused"), [])
      assert.strictEqual(first(timeline).end, 13_500)
      timeline.exactly(["UserSpeechSetAside", 6550, { text: "yeah", reason: "agreement", startedAt: 5000 }])
      assert.deepStrictEqual(timeline.messages.slice(1, 4), [`assistant: ${ten}`, "user: yeah", "user: that is fine"])
    }))

  it.effect("the words of a close are not lost", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([Testing.say(5000, 5300, "yeah")], { options, until: 7000 })
      assert.include(timeline.messages, "user: yeah")
    }))

  it.effect.each(["stop", "Stop!", "wait", "Wait.", "Excuse me."])(
    "%j interrupts as soon as it is heard, however short",
    (text) =>
      Effect.gen(function*() {
        const timeline = yield* disturbed([Testing.say(5000, 5300, text)], { options, until: 9000 })
        timeline.expect(["AgentPaused", 5500], ["UserSpeechCommitted", 5800])
        assert.deepInclude(first(timeline), { end: 5500, playedMs: 2000, interrupted: true })
      })
  )

  it.effect("what begins as a backchannel and goes on interrupts", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed(
        [
          Testing.say(5000, 7000, "yeah but what about Monday", {
            transcripts: [
              { at: 300, text: "yeah", final: false },
              { at: 900, text: "yeah but what", final: false },
              { at: 2100, text: "yeah but what about Monday" }
            ]
          })
        ],
        { options, stt: { interims: true }, until: 12_000 }
      )
      assert.isTrue(first(timeline).interrupted)
      timeline.expect(["AgentPaused", 5900], ["UserSpeechCommitted", 7500, { text: "yeah but what about Monday" }])
    }))

  it.effect("when the agent is silent it is an answer", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [Testing.say(500, 1000, "Yeah.")], options })
      assert.deepStrictEqual(timeline.messages, ["user: Yeah.", "assistant: OK."])
    }))
})

describe("the port for what overlapping words mean", () => {
  const judged = (
    verdict: "backchannel" | "interruption" | "unknown",
    after: number,
    user: ReadonlyArray<Testing.UserAction>,
    asked: Array<string> = []
  ) =>
    disturbed(user, {
      options: { turn: { interruption: { backchannel: true } } },
      layer: classifier(({ text }) => {
        asked.push(text)
        return Effect.delay(Effect.succeed(verdict), after)
      })
    })

  it.effect("a backchannel by its word resumes the agent", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const timeline = yield* judged("backchannel", 50, [Testing.say(5000, 5800, "I see what you mean")], asked)
      assert.deepStrictEqual(asked, ["I see what you mean"])
      timeline.expect(["FalseInterruption", 6050, { resumed: true }])
      assert.isFalse(first(timeline).interrupted)
      assert.strictEqual(timeline.requests.length, 1)
    }))

  it.effect("an interruption by its word stops the agent, however short", () =>
    Effect.gen(function*() {
      const timeline = yield* judged("interruption", 50, [Testing.say(5000, 5300, "mm-hm")])
      timeline.expect(["AgentPaused", 5550])
      assert.isTrue(first(timeline).interrupted)
    }))

  it.effect("without a verdict the duration decides", () =>
    Effect.gen(function*() {
      const timeline = yield* judged("unknown", 50, [Testing.say(5000, 5800, "mm-hm")])
      assert.deepInclude(first(timeline), { end: 5500, interrupted: true })
    }))

  it.effect("a verdict that comes after the turn changes nothing", () =>
    Effect.gen(function*() {
      const timeline = yield* judged("backchannel", 5000, [Testing.say(5000, 5800, "I see")])
      timeline.expect(["UserSpeechCommitted", 6300, { text: "I see" }])
      assert.isTrue(first(timeline).interrupted)
    }))

  it.effect("a late verdict is about the words that were asked of, not about those that are said now", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed(
        [Testing.say(5000, 5800, "I see"), Testing.say(8000, 11_000, "please tell me about something else")],
        {
          tts: { duration: 10_000 },
          options: { turn: { interruption: { backchannel: true } } },
          layer: classifier(({ text }) =>
            text === "I see" ? Effect.delay(Effect.succeed("backchannel" as const), 2800) : Effect.succeed("unknown")
          )
        }
      )
      // The verdict comes at 8800, when the next words have already paused the agent.
      assert.deepInclude(timeline.playbacks[1], { end: 8500, interrupted: true })
      assert.deepStrictEqual(timeline.of("FalseInterruption"), [])
    }))

  it.effect("when it fails there is a warning, and the duration decides", () =>
    Effect.gen(function*() {
      for (const failure of [Effect.fail("no"), Effect.die("no")]) {
        const timeline = yield* disturbed([Testing.say(5000, 5800, "mm-hm")], {
          options: { turn: { interruption: { backchannel: true } } },
          layer: classifier(() => failure)
        })
        assert.isNotEmpty(timeline.warnings)
        assert.isTrue(first(timeline).interrupted)
      }
    }))
})

describe("the port for the end of a turn", () => {
  const turns = (predict: Parameters<typeof detector>[0]) =>
    Testing.scenario({
      user: [hello],
      layer: detector(predict),
      options: { turn: { endpointing: { maxDelay: 2000 } } }
    })

  it.effect.each([[0.9, 3050], [0.5, 3050], [0.1, 4500]] as const)(
    "with probability %f the turn is over at %d",
    ([probability, at]) =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const timeline = yield* turns(({ text }) => {
          asked.push(text)
          return Effect.delay(Effect.succeed(probability), 50)
        })
        timeline.exactly(["UserSpeechCommitted", at])
        assert.include(asked, "Hello, how are you?")
        assert.isNotEmpty(timeline.of("EndOfTurnPredicted"))
      })
  )

  it.effect.each(
    [
      ["hangs", Effect.never],
      ["is late", Effect.delay(Effect.succeed(0), 1500)],
      ["fails", Effect.fail("no model")],
      ["dies", Effect.die("no model")],
      ["answers nonsense", Effect.succeed(Number.NaN)]
    ] as const
  )("when the detector %s the turn is over all the same, with a warning", ([, answer]) =>
    Effect.gen(function*() {
      const timeline = yield* turns(() => answer)
      const [committed] = timeline.of("UserSpeechCommitted")
      assert.isAtMost(committed!.at, 4000)
      assert.isNotEmpty(timeline.warnings)
    }))

  it.effect.each(
    [
      ["one word of two: after the decision", "hello", 6500],
      ["a noise: after the timeout", "", 6350]
    ] as const
  )("a paused reply resumes, %s", ([, text, at]) =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([Testing.say(5000, 6000, text, { finalDelay: 20 })], {
        vad: { minSilence: 50 },
        layer: detector(() => Effect.succeed(0.1)),
        options: {
          turn: {
            endpointing: { minDelay: 100, maxDelay: 500 },
            interruption: { minWords: 2, falseInterruptionTimeout: 300 }
          }
        }
      })
      timeline.exactly(["AgentPaused", 5500], ["FalseInterruption", at, { resumed: true }])
      assert.deepInclude(first(timeline), { interrupted: false, playedMs: 10_000 })
    }))

  it.effect("after a commit a paused reply never resumes", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([Testing.say(5000, 6000, "hello there", { finalDelay: 20 })], {
        vad: { minSilence: 50 },
        layer: detector(() => Effect.succeed(0.1)),
        options: {
          turn: { endpointing: { maxDelay: 500 }, interruption: { falseInterruptionTimeout: 300 } }
        }
      })
      timeline.expect(["UserSpeechCommitted", 6500])
      assert.deepStrictEqual(timeline.of("FalseInterruption"), [])
      assert.deepInclude(first(timeline), { interrupted: true, playedMs: 2000 })
    }))

  it.effect("a detector that fails is not waited for", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        layer: detector(() => Effect.fail("down"))
      })
      timeline.expect(["UserSpeechCommitted", 3000])
      assert.deepStrictEqual(timeline.warnings, ["the turn detector failed"])
    }))

  it.effect("a detector that is asked again has its former question taken back", () =>
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

describe("false interruptions", () => {
  it.effect.each([[300, 6800], [2000, 8500], [2500, 9000]] as const)(
    "after %d without words the agent goes on, at %d",
    ([falseInterruptionTimeout, at]) =>
      Effect.gen(function*() {
        const timeline = yield* disturbed([Testing.cough(5000, 6000)], {
          options: { turn: { interruption: { falseInterruptionTimeout } } }
        })
        timeline.exactly(["AgentPaused", 5500], ["FalseInterruption", at, { resumed: true }])
        assert.deepInclude(first(timeline), { playedMs: 10_000, interrupted: false, end: 13_500 + at - 5500 })
        assert.deepStrictEqual(timeline.messages.at(-1), `assistant: ${ten}`)
      })
  )

  it.effect("with resume off the agent has stopped for good, and it is told that it was for nothing", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([Testing.cough(5000, 6000)], {
        options: { turn: { interruption: { resume: false } } }
      })
      assert.deepInclude(first(timeline), { end: 5500, playedMs: 2000, interrupted: true })
      timeline.exactly(["FalseInterruption", 6500, { resumed: false }])
      assert.deepStrictEqual(timeline.messages.at(-1), "assistant: one two—")
    }))

  it.effect("a turn that gets no reply leaves the agent to go on", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([Testing.say(5000, 6000, "hm never mind")], {
        agent: Agent.make({
          instructions: "",
          onUserTurn: ({ text }) => Effect.succeed({ reply: !text.includes("never mind") })
        })
      })
      timeline.expect(["UserSpeechCommitted", 6500])
      assert.deepInclude(first(timeline), { playedMs: 10_000, interrupted: false })
      assert.include(timeline.messages, "user: hm never mind")
      assert.strictEqual(timeline.requests.length, 1)
    }))

  it.effect("a pause for words without a voice ends, too", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(ten) }],
        user: [
          Testing.say(1000, 2000, "", {
            transcripts: [{ at: 1700, text: "hold the line", final: false }, { at: 2900, text: "" }]
          })
        ],
        stt: { interims: true },
        tts: { duration: 10_000 },
        options: { turn: { interruption: { minWords: 2, resumeFrom: "pause" } } }
      })
      assert.strictEqual(timeline.playbacks[0]!.playedMs, 10_000)
    }))
})

describe("speech over a reply that is not audible yet", () => {
  it.effect.each([[3100, 3300], [3300, 3800], [3499, 4500]] as const)(
    "a cough from %d to %d holds the reply, and lets it go",
    ([from, to]) =>
      Effect.gen(function*() {
        const timeline = yield* disturbed([Testing.cough(from, to)])
        assert.strictEqual(timeline.playbacks.length, 1)
        assert.deepInclude(first(timeline), { playedMs: 10_000, interrupted: false })
        assert.isAtLeast(first(timeline).start, 3500)
        assert.isAtMost(first(timeline).start, to + 500 + 2000)
      })
  )
})

describe("the echo warm-up", () => {
  it.effect.each([[0, 4500], [1500, 5000], [3000, 6500]] as const)(
    "of %d: voice interrupts at %d",
    ([echoWarmUp, at]) =>
      Effect.gen(function*() {
        const timeline = yield* disturbed([Testing.say(4000, 7000, "Stop it, please")], {
          options: { turn: { interruption: { echoWarmUp } } },
          until: 9000
        })
        assert.deepInclude(first(timeline), { start: 3500, end: at, interrupted: true })
      })
  )

  it.effect("is over once and for all", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([Testing.say(20_000, 21_000, "One more"), Testing.cough(22_000, 23_000)], {
        options: { turn: { interruption: { echoWarmUp: 3000 } } },
        tts: [{ duration: 10_000 }, { duration: 10_000 }]
      })
      assert.strictEqual(timeline.playbacks[1]!.start, 22_500 - 500)
      timeline.expect(["AgentPaused", 22_500])
    }))
})

describe("interruption while a provider hangs", () => {
  it.effect.each(
    [
      ["the model hangs", { llm: [{ hang: true }, "Yes."] }],
      ["the model hangs in mid-sentence", { llm: [{ text: ten, after: 3, hang: true }, "Yes."] }],
      ["the synthesiser hangs", { tts: [{ hang: true }, { duration: 500 }] }],
      ["the synthesiser hangs in mid-speech", { tts: [{ hang: true, after: 1 }, { duration: 500 }] }]
    ] as const
  )("%s", ([, script]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        ...asked,
        ...script,
        at: [
          { at: 6000, do: (session) => session.interrupt() },
          { at: 6000, do: (session) => session.send("Next") }
        ]
      })
      timeline.expect(["SpeechFinished", 6000, { speech: "turn-1", outcome: "interrupted" }])
      timeline.expect(["AgentStateChanged", 6500, { to: "speaking" }])
      assert.strictEqual(timeline.left, "")
    }))

  it.effect("a provider that takes its time to hang up holds nobody up", () =>
    Effect.gen(function*() {
      const slow = (closing: Effect.Effect<void>) =>
        Layer.succeed(
          Llm.Llm,
          Llm.make({
            name: "slow",
            reply: ({ prompt }) =>
              JSON.stringify(prompt).includes("Next")
                ? Stream.make({ _tag: "Text", text: "Yes." }, { _tag: "Finish" })
                : Stream.concat(Stream.make<Array<Llm.Delta>>({ _tag: "Text", text: ten }), Stream.never).pipe(
                  Stream.ensuring(closing)
                )
          })
        )
      for (const closing of [Effect.sleep(5000), Effect.never]) {
        const timeline = yield* Testing.scenario({
          ...asked,
          layer: slow(closing),
          at: [{ at: 6000, do: (session) => Effect.andThen(session.interrupt(), session.send("Next")) }],
          until: 20_000
        })
        timeline.expect(["AgentStartedSpeaking", 6200, { speech: "turn-2" }])
      }
    }))
})

describe("the session closes", () => {
  it.effect("in mid-playout: what was heard and what was being said are remembered", () =>
    Effect.gen(function*() {
      const timeline = yield* disturbed([Testing.say(5000, 6000, "Actually", { finalDelay: 100 })], {
        at: [{ at: 6200, do: (session) => session.close() }],
        options: { turn: { interruption: { enabled: false } } }
      })
      timeline.expect(["AgentSpeechCommitted", 6200, { interrupted: true }], ["SessionClosed", 6200])
      assert.deepStrictEqual(timeline.messages, [
        "user: Hello, how are you?",
        "assistant: one two three—",
        "user: Actually"
      ])
    }))

  it.effect("before the transcript has come: words that arrive while it says goodbye are remembered, too", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onExit: Effect.sleep(3000) }),
        user: [Testing.say(1000, 1500, "One."), Testing.say(3600, 4000, "Two.", { finalDelay: 3000 })],
        llm: ["", ""],
        options: { failedReply: false },
        at: [{ at: 4100, do: (session) => session.close() }]
      })
      timeline.expect(
        ["UserTranscript", 7000, { text: "Two.", final: true }],
        ["UserSpeechCommitted", 7000, { text: "Two.", turn: 2 }],
        ["SessionClosed", 9100]
      )
      assert.deepStrictEqual(timeline.messages, ["user: One.", "user: Two."])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect.each([0, 500, 1000, 2701, 3000, 3100, 3300, 3400, 3500, 3501, 8000, 13_499, 13_500])(
    "at %d: it is closed at once and nothing is left",
    (at) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({ ...asked, at: [{ at, do: (session) => session.close() }] })
        timeline.exactly(["SessionClosed", at])
        assert.strictEqual(timeline.left, "")
        assert.strictEqual(timeline.of("SpeechCreated").length, timeline.of("SpeechFinished").length)
        assert.strictEqual(timeline.events.at(-1)!._tag, "SessionClosed")
        if (at > 2700) assert.include(timeline.messages, "user: Hello, how are you?")
      })
  )
})

describe("interruption in every phase of a reply", () => {
  it.effect.each([3000, 3001, 3100, 3200, 3300, 3301, 3499, 3500, 3501, 8000, 13_499, 13_500, 14_000])(
    "interrupted at %d, and the next reply is audible",
    (at) =>
      Effect.gen(function*() {
        for (const preemption of [{ llm: false }, { llm: true, tts: true }]) {
          const timeline = yield* Testing.scenario({
            ...asked,
            llmOptions: { otherwise: "OK." },
            options: { turn: { preemption } },
            at: [
              { at, do: (session) => session.interrupt() },
              { at: at + 1000, do: (session) => session.send("Next") }
            ]
          })
          assert.deepStrictEqual(timeline.failures, [])
          timeline.expect(["AgentStartedSpeaking", at + 1500])
          assert.strictEqual(timeline.messages.at(-1), "assistant: OK.")
          assert.isAtMost(timeline.messages.filter((message) => message === "assistant: ").length, 0)
          assert.strictEqual(timeline.of("SpeechCreated").length, timeline.of("SpeechFinished").length)
          assert.strictEqual(
            timeline.of("AgentStartedSpeaking").length,
            timeline.of("AgentStoppedSpeaking").length
          )
        }
      })
  )

  it.effect.each([3001, 4000, 5999])(
    "interrupt at %d, while onUserTurn thinks: there is no reply",
    (at) =>
      Effect.gen(function*() {
        for (const llm of [true, false]) {
          const timeline = yield* Testing.scenario({
            ...asked,
            agent: Agent.make({ instructions: "", onUserTurn: () => Effect.sleep(3000) }),
            options: { turn: { preemption: { llm } } },
            at: [{ at, do: (session) => session.interrupt() }]
          })
          assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?"])
          assert.deepStrictEqual(timeline.playbacks, [])
          timeline.expect(["AgentStateChanged", at, { to: "listening" }])
        }
      })
  )

  it.effect("what was heard is the synchronised transcript as far as it was told", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        llm: ["Hello world"],
        tts: { duration: 2000 },
        at: [{ at: 4700, do: (session) => session.interrupt() }]
      })
      assert.strictEqual(timeline.messages[1], "assistant: Hello—")
      assert.deepStrictEqual(
        timeline.of("AgentTranscript").filter(({ final }) => !final).map(({ text }) => text.trim()),
        ["Hello", "world"]
      )
    }))

  it.effect.each([[2000, "one two"], [5000, "one two three four five"], [40, ""]] as const)(
    "where only a position is known, %d of ten seconds are %j",
    ([played, text]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          ...asked,
          tts: { duration: 10_000, alignment: false },
          at: [{ at: 3500 + played, do: (session) => session.interrupt() }]
        })
        assert.deepStrictEqual(timeline.messages.slice(1), text === "" ? [] : [`assistant: ${text}—`])
        timeline.expect(["AgentStoppedSpeaking", 3500 + played, { playedMs: played, interrupted: true }])
      })
  )
})

describe("one speech", () => {
  const speeches = (which: number, at: number, force = false) =>
    Effect.gen(function*() {
      const outcomes: Array<string> = []
      const refused: Array<string> = []
      const timeline = yield* Testing.scenario({
        at: [{
          at: 0,
          do: (session) =>
            Effect.gen(function*() {
              const all = yield* Effect.forEach(
                ["first", "second", "third"],
                (text) => session.say(text, { protected: text === "third" })
              )
              yield* Effect.sleep(at)
              yield* all[which]!.interrupt({ force }).pipe(
                Effect.catch((error) => Effect.sync(() => void refused.push(error.reason)))
              )
              for (const speech of all) outcomes.push((yield* speech.heard).outcome)
            })
        }],
        tts: { duration: 1000 }
      })
      return { outcomes, refused, timeline }
    })

  it.effect.each(
    [
      [0, 700, ["interrupted", "completed", "completed"]],
      [1, 700, ["completed", "interrupted", "completed"]],
      [1, 0, ["completed", "interrupted", "completed"]],
      [0, 0, ["interrupted", "completed", "completed"]],
      [0, 1300, ["completed", "completed", "completed"]]
    ] as const
  )("%d is interrupted at %d, and the others are not", ([which, at, expected]) =>
    Effect.gen(function*() {
      const { outcomes, refused, timeline } = yield* speeches(which, at)
      assert.deepStrictEqual(outcomes, [...expected])
      assert.deepStrictEqual(refused, [])
      assert.strictEqual(
        timeline.playbacks.length,
        expected.filter((_, i) => i !== which || at === 700 && which === 0 || at > 1000).length
      )
    }))

  it.effect("that is protected is interrupted by force alone", () =>
    Effect.gen(function*() {
      const gently = yield* speeches(2, 100)
      assert.deepStrictEqual(gently.refused, ["Protected"])
      assert.deepStrictEqual(gently.outcomes, ["completed", "completed", "completed"])
      const forced = yield* speeches(2, 100, true)
      assert.deepStrictEqual(forced.refused, [])
      assert.deepStrictEqual(forced.outcomes, ["completed", "completed", "interrupted"])
    }))

  it.effect("interrupt with force stops everything", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          {
            at: 0,
            do: (session) => Effect.forEach(["a", "b", "c"], (text) => session.say(text, { protected: text !== "a" }))
          },
          { at: 500, do: (session) => session.interrupt({ force: true }) }
        ],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ at, outcome }) => [at, outcome]), [
        [500, "interrupted"],
        [500, "interrupted"],
        [500, "interrupted"]
      ])
    }))

  it.effect("I4: a protected one is heard to its end when the user has said something, then comes the reply, then what stood behind it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          {
            at: 0,
            do: (session) =>
              Effect.all([session.say("This call is recorded.", { protected: true }), session.say("Something else.")])
          }
        ],
        user: [Testing.say(1000, 2000, "I want a room.")],
        llm: ["Yes."],
        tts: ({ text }) => ({ duration: text.startsWith("This") ? 6000 : 1000 })
      })
      assert.deepStrictEqual(timeline.messages, [
        "assistant: This call is recorded.",
        "user: I want a room.",
        "assistant: Yes.",
        "assistant: Something else."
      ])
      assert.deepInclude(first(timeline), { start: 200, end: 6200, interrupted: false })
      assert.isAtLeast(timeline.playbacks[1]!.start, 6200)
      assert.isAtMost(timeline.playbacks[1]!.start, 6700)
    }))

  it.effect("speech behind a protected one waits while the user speaks", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onEnter: Session.Session.use((session) =>
            Effect.all([session.say("This is protected.", { protected: true }), session.say("This is not.")])
          )
        }),
        user: [Testing.cough(1000, 4000)],
        tts: { duration: 2000 }
      })
      assert.deepStrictEqual(timeline.playbacks.map(({ playedMs }) => playedMs), [2000, 2000])
      assert.strictEqual(timeline.playbacks[0]!.end, 2200)
      assert.isAtLeast(timeline.playbacks[1]!.start, 4500)
    }))
})

describe("the echo warm-up of a telephone call", () => {
  it.effect.each(
    [
      ["sip", "outbound", undefined, 0],
      ["sip", "inbound", undefined, 3000],
      ["standard", undefined, undefined, 3000],
      ["sip", "outbound", 1500, 1500],
      ["standard", undefined, 0, 0]
    ] as const
  )("%s, %s, told %s: %d ms", ([kind, direction, told, warmUp]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const events: Array<Event.Event> = []
          const fiber = yield* Effect.forkChild(
            Pipeline.run(
              Agent.make({ instructions: "", onEnter: Session.Session.use((session) => session.say(ten)) }),
              {
                onEvent: (event) => events.push(event),
                turn: { interruption: { backchannel: false, ...(told === undefined ? {} : { echoWarmUp: told }) } }
              }
            )
          )
          const caller = yield* Testing.Caller
          yield* caller.speaks(300, 6000, "")
          yield* Effect.sleep(8000)
          yield* Fiber.interrupt(fiber)
          return events
        }).pipe(
          Effect.provide(Testing.layer({ tts: { duration: 20_000 }, room: { kind, direction } }))
        )
      )
      const audible = timeline.find(({ _tag }) => _tag === "AgentStartedSpeaking")!.at
      const paused = timeline.find(({ _tag }) => _tag === "AgentPaused")!.at
      assert.strictEqual(paused, Math.max(audible + warmUp, 800))
    }))

  it.effect("counts a request to stop that begins in the echo's warm-up, if the voice lasts beyond it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Tell me a story."), Testing.say(2800, 3400, "¡No!", { language: "es" })],
        llm: ["Once upon a time there was a king.", "All right."],
        tts: { duration: 8000 },
        stt: { interims: false },
        options: {
          turn: { interruption: { minWords: 2, minDuration: 300, echoWarmUp: "1500 millis", backchannel: false } }
        }
      })
      const [first] = timeline.of("AgentStartedSpeaking")
      const over = first!.at + 1500
      assert.isBelow(timeline.of("UserTranscript").find(({ text }) => text === "¡No!")!.at, over)
      timeline.expect(["AgentPaused", over])
      assert.deepStrictEqual(timeline.of("FalseInterruption"), [])
      assert.isBelow(timeline.of("UserSpeechCommitted")[1]!.at, over + 1000)
    }))
})
