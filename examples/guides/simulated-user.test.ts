import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Agent, Llm } from "effect-voice"
import * as Testing from "effect-voice/testing"

export const reception = Agent.make({
  instructions: "You answer the phone of a small hotel, and ask for the number of nights.",
  onEnter: (session) => session.say("Grand Hotel, good evening.")
})

// Yours are providers': `OpenAiLlm.layerConfig()`. These two answer by heart.
const byHeart = (...answers: ReadonlyArray<ReadonlyArray<Llm.Delta>>) =>
  Layer.sync(Llm.Llm, () => {
    let next = 0
    return Llm.make({
      name: "stand-in",
      reply: () => Stream.fromIterable<Llm.Delta>([...answers[next++] ?? [], { _tag: "Finish" }])
    })
  })
const agentModel = byHeart(
  [{ _tag: "Text", text: "For how many nights?" }],
  [{ _tag: "Text", text: "Two nights, room seven. Good night." }]
)
const callersModel = byHeart(
  [{ _tag: "Text", text: "I would like a room." }],
  [{ _tag: "Text", text: "Two." }],
  [{ _tag: "ToolCall", id: "1", name: "hang_up", params: { achieved: true, reason: "I have a room." } }]
)

it.live("gives a room to one who says little", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: reception,
      layer: Testing.layerRealLlm(agentModel),
      simulatedUser: {
        instructions: "You want a room for two nights. You say no more than you are asked. Hang up when you have it.",
        model: callersModel,
        maxTurns: 10
      }
    })
    // What the caller thinks of it, and what no caller can see.
    assert.deepStrictEqual(timeline.simulation, { turns: 2, end: "hungUp", achieved: true, reason: "I have a room." })
    assert.deepStrictEqual(Testing.invariants(timeline), [])
  }))
