import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Event } from "effect-voice"
import * as Testing from "effect-voice/testing"

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
})
