/** What plain functions can do to a conversation, as an Effect can. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, History } from "effect-voice"
import * as Testing from "effect-voice/testing"

it.effect("lets a plain hook change the instructions, the voice and the history", () =>
  Effect.gen(function*() {
    const agent = Agent.make({
      instructions: "You greet.",
      onUserTurn: async (_, session) => {
        await session.updateHistory(() => History.empty)
        await session.update({ instructions: "You sell.", voice: "Anna" })
      }
    })
    const timeline = yield* Testing.scenario({
      agent,
      user: [Testing.say(1000, 2000, "Hello?"), Testing.say(6000, 7000, "A pizza.")],
      llm: ["Yes?", "One pizza."],
      options: { turn: { preemption: { llm: false } } }
    })
    assert.include(JSON.stringify(timeline.requests[0]?.prompt), "You sell.")
    assert.deepStrictEqual(timeline.speeches.map(({ voice }) => voice), ["Anna", "Anna"])
    assert.notInclude(JSON.stringify(timeline.requests[1]?.prompt), "Hello?")
  }))
