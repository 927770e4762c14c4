import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Agent, Session, Task } from "effect-voice"
import * as Testing from "effect-voice/testing"

describe("a session that opens", () => {
  it.effect("is there for the layers of its agent, which may speak already", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const eager = Layer.effectDiscard(Session.Session.use((session) =>
        Effect.gen(function*() {
          seen.push(yield* session.agent, yield* session.instructions)
          yield* session.say("Welcome.")
        })
      ))
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ name: "desk", instructions: "You book rooms." }).pipe(Agent.provide(eager))
      })
      assert.deepStrictEqual(seen, ["desk", "You book rooms."])
      assert.deepStrictEqual(timeline.messages, ["assistant: Welcome."])
    }))

  const greeting = (name: string, entered: Array<string> = []) =>
    Agent.make({
      name,
      instructions: "You book rooms.",
      onEnter: Session.Session.use((session) => {
        entered.push(name)
        return session.say(`This is ${name}.`)
      })
    })

  it.effect.each<readonly [string, Testing.Scenario["room"], Testing.UserAction, number, ReadonlyArray<string>]>([
    ["at once", {}, Testing.mute(5000), 0, ["bar"]],
    ["before the caller is there", { joins: false }, Testing.join(3000), 1000, ["bar"]],
    [
      "while it rings",
      { kind: "sip", direction: "outbound", call: "ringing" },
      Testing.callStatus(4000, "answered"),
      1000,
      ["bar"]
    ],
    ["when its agent has begun", {}, Testing.mute(5000), 10, ["desk", "bar"]]
  ])(
    "is handed over %s: the agent that has it then greets, once",
    ([, room, user, at, expected]) =>
      Effect.gen(function*() {
        const entered: Array<string> = []
        const timeline = yield* Testing.scenario({
          agent: greeting("desk", entered),
          room,
          user: [user],
          at: [{ at, do: (session) => session.handoff(greeting("bar", entered)) }]
        })
        assert.deepStrictEqual(entered, expected)
        assert.deepStrictEqual(
          timeline.messages.filter((message) => message.startsWith("assistant")),
          expected.map((name) => `assistant: This is ${name}.`)
        )
        timeline.exactly(["AgentChanged", at, { from: "desk", to: "bar" }])
      })
  )

  it.effect("lets a task begin once that is performed before the caller is there", () =>
    Effect.gen(function*() {
      const entered: Array<string> = []
      yield* Testing.scenario({
        agent: greeting("desk", entered),
        room: { joins: false },
        user: [Testing.join(3000)],
        at: [{
          at: 1000,
          do: (session) => session.perform(Task.make(greeting("form", entered), { result: Schema.Struct({}) }))
        }],
        until: 8000
      })
      assert.deepStrictEqual(entered, ["form"])
    }))
})
