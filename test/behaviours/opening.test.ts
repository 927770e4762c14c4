import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Agent, Session } from "effect-voice"
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
})
