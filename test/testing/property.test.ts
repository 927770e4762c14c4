import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Agent, type Event, Task, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

/** A timeline that was tampered with. */
const tampered = (change: (events: ReadonlyArray<Event.Event>) => ReadonlyArray<Event.Event>) =>
  Effect.map(
    Testing.scenario({
      user: [Testing.say(500, 2500, "Hello there"), Testing.say(5000, 6000, "Stop now")],
      llm: ["This is a long answer to you.", "Yes?"],
      tts: { duration: 4000 }
    }),
    (timeline) =>
      new Set(
        Testing.invariants({ ...timeline, ...remake(timeline, change(timeline.events)) }).map(({ invariant }) =>
          invariant
        )
      )
  )

const remake = (timeline: Testing.Timeline, events: ReadonlyArray<Event.Event>): Partial<Testing.Timeline> => {
  const of: Testing.Timeline["of"] = (tag) =>
    events.filter((event): event is Event.Of<typeof tag> => event._tag === tag)
  return {
    events,
    of,
    turns: of("TurnMeasured").map(({ record }) => record),
    playbacks: timeline.playbacks
  }
}

describe("the invariants", () => {
  it.effect("hold of an ordinary conversation", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual([...(yield* tampered((events) => events))], [])
    }))

  const broken: ReadonlyArray<readonly [string, (events: ReadonlyArray<Event.Event>) => ReadonlyArray<Event.Event>]> = [
    ["I1", (events) => events.filter(({ _tag }) => _tag !== "UserSpeechCommitted")],
    ["I1", (events) => events.filter((event) => event._tag !== "UserTranscript" || event.at > 5000)],
    [
      "I2",
      (events) => events.map((event) => event._tag === "AgentStoppedSpeaking" ? { ...event, playedMs: 5 } : event)
    ],
    ["I3", (events) => events.filter(({ _tag }) => _tag !== "AgentStoppedSpeaking")],
    [
      "I6",
      (events) => events.map((event) => event._tag === "AgentStateChanged" ? { ...event, at: event.at + 50 } : event)
    ],
    ["I7", (events) => events.filter((event) => event._tag !== "AgentStateChanged" || event.to !== "listening")],
    ["I8", (events) => events.filter(({ _tag }) => _tag !== "SessionClosed")],
    [
      "I9",
      (events) =>
        events.map((event) =>
          event._tag === "TurnMeasured" ? { ...event, record: { ...event.record, llmFirstToken: 1 } } : event
        )
    ],
    ["I10", (events) => events.filter(({ _tag }) => _tag !== "SpeechFinished")],
    ["I10", (events) => events.toReversed()]
  ]
  it.effect.each(broken)("miss what is wrong (%s)", ([invariant, change]) =>
    Effect.gen(function*() {
      assert.include([...(yield* tampered(change))], invariant)
    }))

  it.effect.each([false, true])(
    "hold for what is asked for in the first moments of a voice (I4), committed: %s",
    (push) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(1000, 1250, "What is it?", { finalDelay: 2000 })],
          at: [
            {
              at: 1010,
              do: (session) => session.say("A long sentence that is still heard when the transcript comes.")
            },
            { at: 1500, do: (session) => push ? session.commitTurn() : Effect.void }
          ],
          llm: ["It is a door."]
        })
        const [said] = timeline.playbacks
        const [turn] = timeline.of("UserSpeechCommitted")
        assert.strictEqual(turn!.source, push ? "manual" : "voice")
        assert.isAbove(said!.end!, turn!.at)
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )

  it.effect("find the rest of what an interim transcript was used for, though the whole is said again (I1)", () =>
    Effect.map(Testing.replay(9_505_536), ({ timeline, violations }) => {
      assert.lengthOf(timeline.of("InterimTranscriptUsed"), 1)
      assert.deepStrictEqual(violations, [])
    }))

  it.effect("see a voice over a committed turn (I4), and a call without its output (I5)", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [Testing.say(500, 2500, "Hello there")] })
      const talking = {
        ...timeline,
        playbacks: [{ speech: "say-1", start: 2000, end: 3100, playedMs: 1100, interrupted: true }],
        audible: [{ from: 2000, to: 3100 }]
      }
      const seen = (changed: Testing.Timeline) => Testing.invariants(changed).map(({ invariant }) => invariant)
      assert.include(seen(talking), "I4")
      assert.notInclude(Testing.invariants(talking, { protected: new Set(["say-1"]) }).map((v) => v.invariant), "I4")
      const call = { _tag: "ToolCall", id: "c", callId: "c", name: "look", params: {}, createdAt: 0 } as const
      assert.include(seen({ ...timeline, history: { items: [call, ...timeline.history.items] } }), "I5")
    }))
})

describe("the invariants about the caller's intent", () => {
  const question = Testing.say(500, 2500, "Where are you?", { intent: "question" })

  /** A recogniser, a model or a voice that does nothing, and never says so. */
  const silences: ReadonlyArray<readonly [string, Partial<Testing.Scenario<never, never>>]> = [
    ["nothing is asked of the model", { options: { turn: { detection: "manual" } } }],
    ["every turn is vetoed", {
      agent: Agent.make({ instructions: "", onUserTurn: () => Effect.succeed({ reply: false }) })
    }],
    ["every reply is stopped before it is heard", {
      at: [{ at: 0, do: (session) => Effect.forever(Effect.delay(session.interrupt(), 50)) }]
    }],
    ["a stray yes is taken for a sign of listening, though something was asked", {
      user: [Testing.say(4000, 4500, "Yes.", { intent: "answer" })],
      at: [{ at: 500, do: (session) => session.say("Shall I book it?") }],
      options: { turn: { detection: "manual" } }
    }]
  ]
  it.effect.each(silences)("miss that nobody was answered (I12): %s", ([, script]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [question], llm: ["Here."], ...script })
      assert.include(Testing.invariants(timeline).map(({ invariant }) => invariant), "I12")
      assert.strictEqual(Testing.answers(timeline).unanswered, 1)
    }))

  it.effect("count what became of each, and leave continuers, holds and noises alone", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [
          question,
          Testing.say(6000, 6300, "mm-hm", { intent: "continuer" }),
          Testing.say(15_000, 15_500, "Yes.", { intent: "answer" }),
          Testing.cough(16_000, 16_200),
          Testing.say(25_000, 26_000, "One moment.", { intent: "hold" }),
          Testing.say(40_000, 41_000, "Was kostet es?", { intent: "question" }),
          Testing.say(60_000, 61_000, "Et puis ?", { intent: "question", heard: "" }),
          Testing.say(80_000, 81_000, "¿Y ahora?", { intent: "question" }),
          Testing.say(81_200, 82_000, "¿Mañana?", { intent: "question" })
        ],
        llm: ({ text }) => text.startsWith("Was") ? "" : "A house by the sea.",
        options: { failedReply: false }
      })
      assert.deepStrictEqual(Testing.invariants(timeline), [])
      assert.deepStrictEqual(Testing.answers(timeline), {
        answered: 2,
        overtaken: 1,
        setAside: 1,
        unheard: 0,
        wordless: 1,
        unanswered: 0
      })
    }))

  it.effect("take a sign of listening for an answer shortly after a question alone, if the agent has gone on", () =>
    Effect.gen(function*() {
      const held = (language: string, text: string) =>
        Testing.scenario({
          at: [{
            at: 500,
            do: (session) =>
              Effect.andThen(
                session.say("Soll ich es buchen?"),
                Effect.delay(session.say("Es ist ein Haus am Meer, mit einem Garten und einem See."), 5000)
              )
          }],
          tts: [{ duration: 2000 }, { duration: 8000 }],
          user: [Testing.say(6500, 6900, text, { intent: "answer", language })],
          options: { turn: { detection: "manual" } }
        })
      // Nobody answers: only what wants no answer is no violation.
      const broken = (timeline: Testing.Timeline) => Testing.invariants(timeline).map(({ invariant }) => invariant)
      assert.deepStrictEqual(broken(yield* held("de", "Ja.")), [])
      assert.deepStrictEqual(broken(yield* held("en", "Yes.")), ["I12"])
    }))

  it.effect.each([9_607_831, 9_618_076, 9_870_794])(
    "know what was asked to be answered by the words before a yes, though their turn came after it (%s)",
    (seed) => Effect.map(Testing.replay(seed), ({ violations }) => assert.deepStrictEqual(violations, []))
  )

  it.effect("take a request to stop for a word like others where nobody tells its language", () =>
    Effect.map(Testing.replay(9_938_039, { frames: 20 }), ({ violations }) => assert.deepStrictEqual(violations, [])))

  it.effect("tell a reply that was empty twice from one that nobody made, whatever is said later", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [question], llm: ["Here."] })
      const late = (events: Testing.Timeline["events"]): Testing.Timeline => {
        const moved = events.map((event) =>
          event._tag === "AgentStartedSpeaking" ? { ...event, at: event.at + 5000 } : event
        )
        return { ...timeline, requests: [], speeches: [], audible: [], ...remake(timeline, moved) }
      }
      const { events } = timeline
      assert.deepInclude(Testing.answers(late(events)), { wordless: 0, unanswered: 1 })
      const turn = events.findIndex(({ _tag }) => _tag === "UserSpeechCommitted") + 1
      const empty = {
        _tag: "ReplyEmpty",
        at: events[turn]!.at,
        session: "scenario",
        speech: "turn-1",
        reason: "empty",
        retried: false
      } as const
      assert.deepInclude(Testing.answers(late(events.toSpliced(turn, 0, empty))), { wordless: 1, unanswered: 0 })
    }))

  it.effect("take no word of agreement for an answer to what a turn has answered since", () =>
    Effect.gen(function*() {
      const between = (intent: Testing.Intent) =>
        Testing.scenario({
          at: [{ at: 0, do: (session) => session.say("Shall I book it?") }],
          tts: [{ duration: 1000 }, { duration: 12_000 }],
          user: [
            Testing.say(2500, 3000, intent === "noise" ? "" : "What is it?", { intent }),
            Testing.say(7000, 7400, "Okay.", { intent: "answer" })
          ],
          llm: ["A house by the sea. It has a garden and a lake. There is a tree in front of it."],
          options: intent === "noise" ? { turn: { detection: "manual" } } : {}
        })
      const asked = yield* between("question")
      assert.lengthOf(asked.of("UserSpeechSetAside"), 1)
      assert.deepStrictEqual(Testing.invariants(asked), [])
      assert.deepStrictEqual(Testing.invariants(yield* between("noise")).map(({ invariant }) => invariant), ["I12"])
    }))

  it.effect("wait with too few words for the end of the agent, though they have paused it, and no longer", () =>
    Effect.gen(function*() {
      const hold = (minWords: number) =>
        Testing.scenario({
          at: [{ at: 0, do: (session) => session.say("one two three four five six seven eight nine ten.") }],
          tts: [{ duration: 10_000 }, { duration: 1000 }],
          user: [Testing.say(4000, 4700, "Tomorrow.", { intent: "answer" })],
          options: { turn: { interruption: { minWords, falseInterruptionTimeout: 2000, echoWarmUp: 0 } } }
        })
      const timeline = yield* hold(2)
      assert.isAbove(timeline.of("UserSpeechCommitted")[0]!.at, 12_000)
      assert.deepStrictEqual(Testing.invariants(timeline, { minWords: 2 }), [])
      assert.deepStrictEqual(Testing.invariants(timeline).map(({ invariant }) => invariant), ["I12"])
      assert.deepStrictEqual(Testing.invariants(yield* hold(0)), [])
    }))

  it.effect("allow the time of the providers, and no more", () =>
    Effect.gen(function*() {
      const slow = yield* Testing.scenario({
        user: [question],
        llm: [{ text: "Here.", firstToken: 3900 }],
        tts: { firstByte: 3000, duration: 1000 }
      })
      assert.deepStrictEqual(Testing.invariants(slow), [])
      const later = (ms: number) => ({
        ...slow,
        requests: slow.requests.map((request) => ({ ...request, endedAt: request.endedAt! - ms }))
      })
      const found = (timeline: Testing.Timeline) => Testing.invariants(timeline).map(({ invariant }) => invariant)
      assert.deepStrictEqual(found(later(450)), [])
      assert.deepStrictEqual(found(later(550)), ["I12"])
    }))

  it.effect("see a speaker who is not heard (I13)", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [question], llm: ["Here."], tts: { duration: 9000 } })
      const [whole] = timeline.audible
      const found = (audible: Testing.Timeline["audible"]) =>
        Testing.invariants({ ...timeline, audible }).map(({ invariant }) => invariant)
      assert.notInclude(found([whole!]), "I13")
      assert.notInclude(found([{ from: whole!.from, to: whole!.to - 4900 }]), "I13")
      for (const to of [whole!.from + 1, whole!.to - 5000]) assert.include(found([{ from: whole!.from, to }]), "I13")
      assert.include(found([]), "I13")
    }))
})

describe("random conversations", () => {
  it("are the same for the same seed, and differ for others", () => {
    assert.deepStrictEqual(Testing.conversation(7), Testing.conversation(7))
    assert.notDeepEqual(Testing.conversation(7), Testing.conversation(8))
    const all = Array.from({ length: 300 }, (_, seed) => Testing.conversation(seed))
    const tags = new Set(all.flatMap(({ program, user }) => [...program, ...user].map(({ _tag }) => _tag)))
    for (
      const tag of ["Say", "Type", "Mute", "Unmute", "Leave", "Reply", "Interrupt", "CommitTurn", "HangUp", "Close"]
    ) {
      assert.isTrue((tags as Set<string>).has(tag), tag)
    }
    const said = all.flatMap(({ user }) => user.flatMap((action) => action._tag === "Say" ? [action] : []))
    assert.deepStrictEqual([...new Set(said.map(({ intent }) => intent))].sort(), [
      "answer",
      "continuer",
      "cutIn",
      "hold",
      "noise",
      "question"
    ])
    const spoken = new Set(said.flatMap(({ hearing }) => hearing?.language === undefined ? [] : [hearing.language]))
    assert.deepStrictEqual([...spoken].sort(), ["de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru"])
    assert.isTrue(all.some(({ connections }) => connections.length > 0))
    assert.isTrue(all.every(({ user }) => user.every((action) => action._tag !== "Say" || action.to > action.at)))
  })

  it.effect("are made as small as they can be while they fail", () =>
    Effect.gen(function*() {
      const failing = Testing.conversation(3, { size: 20 })
      let runs = 0
      const smallest = yield* Testing.shrink(failing, ({ user }) =>
        Effect.sync(() => {
          runs++
          return user.some((action) => action._tag === "Say")
        }))
      assert.strictEqual(smallest.user.length, 1)
      assert.deepStrictEqual([smallest.program, smallest.replies, smallest.speeches, smallest.turn], [[], [], [], {}])
      assert.isBelow(runs, 400)
    }))

  it.effect("fail with a seed, the smallest script and its course", () =>
    Effect.gen(function*() {
      const also = (timeline: Testing.Timeline) =>
        timeline.of("UserSpeechCommitted").slice(0, 1).map(({ at }) => ({ invariant: "shy", message: "it spoke", at }))
      const broken = yield* Effect.flip(Testing.check({ seed: 40, runs: 20, only: [], also }))
      assert.instanceOf(broken, Testing.Broken)
      assert.strictEqual(broken.invariant, "shy")
      assert.include(broken.message, `Testing.replay(${broken.seed})`)
      assert.include(broken.message, "it spoke")
      assert.include(broken.message, "UserSpeechCommitted turn=1")
      assert.include(broken.message, "\"program\": []")
    }))

  describe("with an agent of one's own", () => {
    const nights: Array<unknown> = []
    const own = Agent.make({
      instructions: "You book rooms.",
      onEnter: async (session) => session.say("Sea View Hotel?", { protected: true }),
      onUserTurn: async ({ turn }) => turn % 2 === 0 ? { reply: false } : undefined,
      tools: Tools.functions({
        book: {
          parameters: Schema.Struct({ nights: Schema.Int }),
          run: async (params) => void nights.push(params.nights)
        }
      })
    })
    const calls = [{ name: "book", params: { nights: 2 } }, { name: "book", params: { nights: 3 } }]

    it.effect("hold it to the invariants, and call its tools", () =>
      Effect.gen(function*() {
        nights.length = 0
        const seen = new Set<string>()
        const also = (timeline: Testing.Timeline) => {
          for (const item of timeline.history.items) if (item._tag === "ToolCall") seen.add(item.name)
          assert.isTrue(timeline.events.some((event) => event._tag === "SpeechCreated" && event.source === "say"))
          return []
        }
        const { runs } = yield* Testing.check({ agent: own, calls, also, runs: 30, seed: 500 })
        assert.strictEqual(runs, 30)
        assert.sameMembers([...new Set(nights)], [2, 3])
        assert.isTrue(seen.has("book"))
        assert.isFalse(seen.has("work"))
      }))

    it.effect.each<readonly [string, Partial<Agent.Options<Tools.Set>>, ReadonlyArray<Testing.LlmToolCall>]>([
      ["asks a silent caller without end whether they are there", {
        onAway: async (_, session) => session.say("Still there?")
      }, []],
      ["has a task, and somebody to hand over to", {
        tools: Tools.functions({
          ask: {
            run: async (_, { session }) =>
              session.perform(
                Task.make(Agent.make({ name: "age", instructions: "" }), { result: Schema.Struct({ age: Schema.Int }) })
              )
          },
          bar: {
            run: async (_, { session }) =>
              session.handoff(
                Agent.make({ name: "bar", instructions: "", language: "de", onEnter: async (bar) => bar.say("Bar.") })
              )
          },
          slow: { run: () => Effect.as(Effect.sleep("9 seconds"), "done"), voice: { filler: { say: "One moment." } } }
        })
      }, [{ name: "ask" }, { name: "complete_task", params: { age: 7 } }, { name: "slow" }, { name: "bar" }]]
    ])("hold one that %s", ([, options, calls]) =>
      Effect.gen(function*() {
        const agent = Agent.make({ instructions: "", ...options }) as Agent.Agent
        const { runs } = yield* Testing.check({ agent, calls, runs: 25, seed: 4000 })
        assert.strictEqual(runs, 25)
      }))

    it.effect("tell how it is held again", () =>
      Effect.gen(function*() {
        const also = ({ history }: Testing.Timeline) =>
          history.items.some((item) => item._tag === "ToolCall" && item.name === "book")
            ? [{ invariant: "quiet", message: "it booked" }]
            : []
        const broken = yield* Effect.flip(Testing.check({ agent: own, calls, also, runs: 30, seed: 500 }))
        assert.instanceOf(broken, Testing.Broken)
        assert.include(broken.message, `Testing.replay(${broken.seed}, { agent, calls })`)
        const { timeline } = yield* Testing.replay(broken.seed, { agent: own, calls })
        assert.lengthOf(also(timeline), 1)
      }))

    it.effect("ask for what it needs, and fail with what its layers fail with", () =>
      Effect.gen(function*() {
        const Kit = Toolkit.make(Tool.make("look", { success: Schema.String }))
        const agent = Agent.make({ instructions: "", tools: Kit })
        const looks = Kit.toLayer({ look: () => Effect.succeed("there") })
        assert.strictEqual((yield* Effect.provide(Testing.check({ agent, runs: 3 }), looks)).runs, 3)
        const none = Layer.effectDiscard(Effect.fail("no door" as const))
        const broken = agent.pipe(Agent.provide(Layer.merge(looks, none)))
        assert.strictEqual(yield* Effect.flip(Testing.check({ agent: broken })), "no door")
      }))
  })
})
