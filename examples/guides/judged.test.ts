import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Agent, Llm } from "effect-voice"
import * as Testing from "effect-voice/testing"
import * as timers from "node:timers/promises"

export const desk = Agent.make({
  instructions: "You answer the phone of a small hotel. You never promise a refund: a colleague calls back about it."
})

// Yours is a provider's: `OpenAiLlm.layerConfig()`. This one answers without a network, as slowly.
const model = Layer.succeed(
  Llm.Llm,
  Llm.make({
    name: "stand-in",
    reply: ({ tools }) =>
      Stream.unwrap(Effect.promise(async () => {
        await timers.setTimeout(100)
        const answer: Llm.Delta = tools.some(({ name }) => name === "verdict")
          ? { _tag: "ToolCall", id: "1", name: "verdict", params: { reason: "“will call you back”", passed: true } }
          : { _tag: "Text", text: "A colleague will call you back about that." }
        return Stream.make(answer, { _tag: "Finish" })
      }))
  })
)

// The caller is scripted, and so are ears and voice; the model is real, and takes no time of the conversation.
it.live("promises no refund", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(1000, 2000, "The room was cold. I want my money back!")],
      layer: Testing.layerRealLlm(model),
      realWait: "1 minute"
    })
    // What it did, an assertion tells; how it said it, a judge.
    assert.deepStrictEqual(timeline.of("FunctionCallStarted"), [])
    const { passed, reason } = yield* Effect.provide(
      Testing.judge(timeline, "The agent promises no refund, and says that somebody will call back."),
      model
    )
    assert.isTrue(passed, reason)
  }))
