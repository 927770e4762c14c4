import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Agent, type Pipeline, Room, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** An agent that notes when it was told that the user is away, and does something about it. */
const noting = (act: (away: Agent.Away, session: Parameters<NonNullable<Agent.Options["onAway"]>>[1]) => unknown) => {
  const told: Array<number> = []
  return {
    told,
    onAway: async (away: Agent.Away, session: Parameters<NonNullable<Agent.Options["onAway"]>>[1]) => {
      told.push(away.times)
      await act(away, session)
    }
  }
}

const spoken = (timeline: Testing.Timeline) =>
  timeline.of("AgentSpeechCommitted").map(({ at, text }) => [Math.round(at), text])

describe("a user who says nothing", () => {
  it.effect("is asked after each silence, and hung up on in the end", () =>
    Effect.gen(function*() {
      const { onAway, told } = noting(({ times }, session) =>
        times < 3 ? session.say("Are you still there?") : session.hangUp({ say: "Goodbye!" })
      )
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onEnter: async (session) => session.say("Hello."), onAway }),
        tts: { duration: 1000 },
        quiet: "20 seconds"
      })
      assert.deepStrictEqual(told, [1, 2, 3])
      // 15 s after the agent's last sound, each time; 200 ms for the voice, one second of it.
      assert.deepStrictEqual(spoken(timeline), [
        [1200, "Hello."],
        [17_400, "Are you still there?"],
        [33_600, "Are you still there?"],
        [49_800, "Goodbye!"]
      ])
      assert.strictEqual(timeline.of("SessionClosed")[0]?.reason, "hang_up")
      assert.deepStrictEqual(timeline.of("UserStateChanged").map(({ to }) => to), ["away"])
    }))

  it.effect("is told again after as much silence, whatever the hook does, and anew after a word or a key", () =>
    Effect.gen(function*() {
      const { onAway, told } = noting(() => undefined)
      yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onAway, turn: { awayAfter: "5 seconds" } }),
        user: [Testing.say(12_000, 13_000, "I am here."), Testing.press(30_000, "1")],
        llm: () => "Good.",
        until: 42_000
      })
      // At 5 and 10 s; silence from 14.7 s on, so at 19.7, 24.7 and 29.7 s; a key at 30 s: at 35 and 40 s.
      assert.deepStrictEqual(told, [1, 2, 1, 2, 3, 1, 2])
    }))

  it.effect("has not said anything with a sound, or with the agent's own echo", () =>
    Effect.gen(function*() {
      const { onAway, told } = noting(({ times }, session) => times === 2 && session.say("Are you still there?"))
      yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onAway, turn: { awayAfter: "5 seconds" } }),
        user: [Testing.say(6000, 6300, ""), Testing.say(12_500, 13_200, "are you still there")],
        until: 22_000
      })
      assert.deepStrictEqual(told, [1, 2, 3])
    }))

  it.effect("waits for what runs, and is not asked meanwhile", () =>
    Effect.gen(function*() {
      const { onAway, told } = noting(() => undefined)
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onAway,
          turn: { awayAfter: "5 seconds" },
          tools: Tools.functions({
            search: {
              voice: { background: true },
              run: (_) => Effect.as(Effect.sleep("20 seconds"), "found")
            }
          })
        }),
        user: [Testing.say(1000, 2000, "Search for it.")],
        llm: [{ tools: [{ name: "search" }] }, "I will.", "I have found it."],
        until: 38_000
      })
      const found = timeline.of("AgentSpeechCommitted").at(-1)
      assert.strictEqual(found?.text, "I have found it.")
      assert.deepStrictEqual(told, [1, 2])
    }))

  it.effect("is not asked while the connection is lost, nor twice at a time", () =>
    Effect.gen(function*() {
      const lost = noting(() => undefined)
      yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onAway: lost.onAway, turn: { awayAfter: "3 seconds" } }),
        at: [
          { at: 1000, do: (_, caller) => caller.room.leave(caller.identity, "connection_lost") },
          { at: 11_000, do: (_, caller) => caller.joins }
        ],
        until: 14_000
      })
      assert.deepStrictEqual(lost.told, [1])
      const times: Array<number> = []
      yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          turn: { awayAfter: "3 seconds" },
          onAway: (away) => Effect.andThen(Effect.sync(() => times.push(away.times)), Effect.sleep("8 seconds"))
        }),
        until: 16_000
      })
      assert.deepStrictEqual(times, [1, 2])
    }))

  it.effect("costs the conversation nothing where the hook fails", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onAway: () => Effect.fail("no") }),
        user: [Testing.say(20_000, 21_000, "Hello?")],
        llm: ["Hello!"]
      })
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ provider }) => provider), ["onAway"])
      assert.deepStrictEqual(timeline.messages, ["user: Hello?", "assistant: Hello!"])
    }))
})

describe("the time limits of a session", () => {
  const hold = (timeLimits: Pipeline.Options["timeLimits"], more: Partial<Testing.Scenario> = {}) =>
    Testing.scenario({ tts: { duration: 1000 }, options: { timeLimits }, quiet: "25 seconds", ...more })
  const closed = (timeline: Testing.Timeline) => timeline.of("SessionClosed").map(({ reason }) => reason)

  it.effect("let the agent finish, say goodbye, and end the line of a telephone", () =>
    Effect.gen(function*() {
      const removed: Array<string> = []
      const timeline = yield* hold({ session: "10 seconds" }, {
        room: { kind: "sip" },
        layer: Layer.effect(
          Room.Room,
          Room.Room.useSync((room) => ({
            ...room,
            remove: (identity) => Effect.sync(() => void removed.push(identity))
          }))
        ),
        user: [Testing.say(8000, 9000, "Tell me a story.")],
        llm: ["Once upon a time."],
        tts: ({ text }) => ({ duration: text.startsWith("Once") ? 4000 : 1000 })
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: Tell me a story.",
        "assistant: Once upon a time.",
        "assistant: Goodbye!"
      ])
      assert.deepStrictEqual(closed(timeline), ["time_limit"])
      assert.deepStrictEqual(removed, ["caller"])
      assert.deepStrictEqual(timeline.warnings, [])
    }))

  it.effect("count an absence from when the user is away, whatever the agent says, until they are back", () =>
    Effect.gen(function*() {
      const onAway = async (_: Agent.Away, session: Parameters<NonNullable<Agent.Options["onAway"]>>[1]) =>
        session.say("Hello?")
      const agent = Agent.make({ instructions: "", onAway })
      const gone = yield* hold({ away: "20 seconds", goodbye: "Bye, then." }, { agent })
      assert.deepStrictEqual(closed(gone), ["user_away"])
      assert.strictEqual(gone.messages.at(-1), "assistant: Bye, then.")
      // Away at 15 s, and 20 s more; the voice needs 200 ms, and one second.
      assert.deepStrictEqual(gone.of("SessionClosed").map(({ at }) => Math.round(at)), [36_200])
      const back = yield* hold({ away: "20 seconds" }, { agent, user: [Testing.press(30_000, "1")], until: 50_000 })
      assert.deepStrictEqual(closed(back), ["closed"])
    }))

  it.effect("end it without a word where there are none, and in an empty room", () =>
    Effect.gen(function*() {
      const silent = yield* hold({ session: "3 seconds", goodbye: "" })
      assert.deepStrictEqual(silent.messages, [])
      assert.deepStrictEqual(silent.of("SessionClosed").map(({ at, reason }) => [Math.round(at), reason]), [
        [3000, "time_limit"]
      ])
    }))
})
