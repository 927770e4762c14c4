import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, History, type Pipeline, type Room, type Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { drive, final, started, stopped } from "../support/turn.ts"

type Step = NonNullable<Testing.Scenario["at"]>[number]
const sound = (timeline: Testing.Timeline) => assert.deepStrictEqual(Testing.invariants(timeline), [])
const away = (timeline: Testing.Timeline) =>
  timeline.of("UserStateChanged").flatMap(({ at, to }) => to === "away" ? [at] : [])

describe("keys of a telephone", () => {
  it.effect("are a sign of presence: who presses them is not away, and who was away is back", () =>
    Effect.gen(function*() {
      const press = (at: number): Step => ({ at, do: (_, caller) => caller.presses("1") })
      const timeline = yield* Testing.scenario({ at: [5000, 12_000, 14_000, 40_000].map(press), until: 50_000 })
      assert.deepStrictEqual(away(timeline), [29_000])
      timeline.expect(["UserPressedKey", 40_000], ["UserStateChanged", 40_000, { from: "away", to: "listening" }])
    }))

  it.effect("typed texts are one, too", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onUserTurn: () => Effect.succeed({ reply: false }) }),
        user: [Testing.type(10_000, "Hi")],
        until: 30_000
      })
      assert.deepStrictEqual(away(timeline), [25_000])
    }))
})

describe("a caller whose connection is lost", () => {
  const lost = (back: number | undefined, reason: Room.LeaveReason = "connection_lost", options?: Session.SayOptions) =>
    Testing.scenario({
      at: [
        { at: 800, do: (session) => session.say("One two three four five six seven eight nine ten.", options) },
        { at: 3000, do: (_, caller) => caller.room.leave(caller.identity, reason) },
        { at: 4000, do: (session) => session.say("Eleven.", options) },
        ...(back === undefined
          ? []
          : [{ at: back, do: (_: unknown, caller: Testing.Caller["Service"]) => caller.joins }])
      ],
      tts: ({ text }) => ({ duration: text.startsWith("One") ? 5000 : 500 }),
      options: { returnTimeout: "10 seconds" },
      until: 30_000
    })

  it.effect("hears nothing: what is said waits for them, and goes on where it was", () =>
    Effect.gen(function*() {
      for (const options of [{}, { protected: true }]) {
        const timeline = yield* lost(6000, "connection_lost", options)
        assert.deepStrictEqual(timeline.audible.map(({ from, to }) => [from, to]), [
          [1000, 3000],
          [6000, 9000],
          [9200, 9700]
        ])
        timeline.expect(["AgentStateChanged", 3000, { to: "listening" }], ["AgentStateChanged", 6000, {
          to: "speaking"
        }])
        assert.deepStrictEqual(timeline.playbacks.map(({ interrupted, playedMs }) => [playedMs, interrupted]), [
          [5000, false],
          [500, false]
        ])
        sound(timeline)
      }
    }))

  it.effect("and does not come back: the history stops where they were lost", () =>
    Effect.gen(function*() {
      const timeline = yield* lost(undefined)
      assert.deepStrictEqual(timeline.messages, ["assistant: One two three four—"])
      assert.deepInclude(timeline.playbacks[0]!, { playedMs: 2000, interrupted: true })
      timeline.expect(["SessionClosed", 13_000, { reason: "participant_left" }])
      sound(timeline)
    }))

  it.effect("in the middle of a reply that is thought of: it is said when they are back", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2500, "Hello, how are you?")],
        at: [
          { at: 3100, do: (_, caller) => caller.room.leave(caller.identity, "connection_lost") },
          { at: 8000, do: (_, caller) => caller.joins }
        ],
        llm: ["I am fine."],
        options: { filler: true }
      })
      assert.deepStrictEqual(timeline.playbacks.map(({ start }) => start), [8000])
      sound(timeline)
    }))
})

describe("the history that a program reads", () => {
  it.effect("is as it was then: nothing is added to it later, and what is done to it changes nothing", () =>
    Effect.gen(function*() {
      let early: History.History | undefined
      const before: Array<History.Item> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", history: { items: before } }),
        user: [Testing.type(2000, "Hi"), Testing.type(9000, "And?")],
        llm: ["Hello.", "Well."],
        at: [{
          at: 8000,
          do: (session) =>
            Effect.gen(function*() {
              early = yield* session.history
              const other = yield* session.history
              ;(other.items as Array<History.Item>).length = 0
              before.push(History.Message.make({ id: "x", role: "user", text: "Never said", createdAt: 0 }))
            })
        }]
      })
      assert.deepStrictEqual(early!.items.map((item) => item._tag === "Message" ? item.text : ""), ["Hi", "Hello."])
      assert.deepStrictEqual(timeline.messages, ["user: Hi", "assistant: Hello.", "user: And?", "assistant: Well."])
      sound(timeline)
    }))
})

describe("the limits of a turn", () => {
  it.effect("count all that is said until the agent has spoken", () =>
    Effect.gen(function*() {
      const talk = (total: number) =>
        Testing.scenario({
          user: [
            Testing.say(1000, 2000, "One two three"),
            Testing.say(4000, 5000, "four five six"),
            Testing.say(12_000, 13_000, "seven eight nine")
          ],
          llm: () => ({ text: "I see.", firstToken: total, total }),
          options: { turn: { limits: { maxWords: 5 } } }
        })
      const never = yield* talk(3000)
      assert.deepStrictEqual(never.of("UserTurnLimitReached").map(({ at, words }) => [at, words]), [[5200, 6]])
      const spoke = yield* talk(300)
      assert.deepStrictEqual(spoke.of("UserTurnLimitReached"), [])
      sound(never)
    }))

  it.effect("once they were told, they begin anew", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "One two three four five six"), Testing.say(3100, 4000, "and seven")],
        llm: () => ({ text: "I see.", firstToken: 3000, total: 3000 }),
        options: { turn: { limits: { maxWords: 5 } } }
      })
      assert.strictEqual(timeline.of("UserTurnLimitReached").length, 1)
    }))
})

describe("the record of a turn", () => {
  it("lies within the turn, whatever noise was heard long before words of which no voice was heard", () => {
    for (const at of [9000, 200_000]) {
      const driver = drive()
        .at(0, { _tag: "Opened" })
        .at(1200, started(1000))
        .at(3000, stopped(2500))
        .at(at, final("Hello there"))
        .until(210_000)
      const commit = driver.log.find(({ action }) => action._tag === "CommitTurn")
      assert.deepInclude(commit?.action, { text: "Hello there", stoppedAt: at, finalAt: at })
      assert.strictEqual(commit?.at, at + 500)
    }
  })
})

describe("somebody without a microphone", () => {
  const observed = (caller: number | undefined, options?: Pipeline.Options, observer = 500) =>
    Testing.scenario({
      room: { joins: false },
      at: [{ at: observer, do: (_, { room }) => room.join({ identity: "observer", microphone: false }) }],
      user: [
        ...(caller === undefined ? [] : [Testing.join(caller)]),
        Testing.type(15_000, "And in writing?"),
        Testing.say(5000, 6500, "Hello, how are you?")
      ].filter((action) => caller !== undefined || action._tag === "Join"),
      llm: ["I am fine.", "Well."],
      options,
      until: 20_000
    })

  it.effect("is not taken for the caller, who comes a moment later", () =>
    Effect.gen(function*() {
      for (const [caller, observer] of [[1000, 500], [1000, 1000], [500, 1000]] as const) {
        const timeline = yield* observed(caller, {}, observer)
        timeline.expect(["SessionStarted", caller, { participant: "caller" }])
        assert.deepStrictEqual(timeline.messages.slice(0, 2), ["user: Hello, how are you?", "assistant: I am fine."])
        assert.deepStrictEqual(timeline.of("Warning"), [])
      }
    }))

  it.effect("is talked with in writing where nobody else comes in time, and that is told", () =>
    Effect.gen(function*() {
      const timeline = yield* observed(undefined)
      timeline.expect(["SessionStarted", 2500, { participant: "observer" }], ["Warning", 2500, { component: "room" }])
      const patient = yield* observed(undefined, { microphoneTimeout: "5 seconds" })
      patient.expect(["SessionStarted", 5500, { participant: "observer" }])
    }))

  it.effect("is the one to talk with where that is said, or nobody is listened to", () =>
    Effect.gen(function*() {
      for (const options of [{ participant: "observer" }, { stt: false }] as const) {
        const timeline = yield* observed(undefined, options)
        timeline.expect(["SessionStarted", 500, { participant: "observer" }])
        assert.deepStrictEqual(timeline.of("Warning"), [])
      }
    }))
})
