import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Agent, OverlapClassifier, type Pipeline } from "effect-voice"
import * as Testing from "effect-voice/testing"

// What words over the agent mean, where the built-in phrases do not know: here a rule, else a small model of yours.
export const classifier = Layer.succeed(
  OverlapClassifier.OverlapClassifier,
  OverlapClassifier.fromWords({
    name: "house words",
    classify: ({ text }) => Effect.succeed(/^(splendid|marvellous)/i.test(text) ? "backchannel" : "unknown")
  })
)

export const storyteller = Agent.make({
  instructions: "You tell stories.",
  // Once, when a turn of the caller is longer than `limits` allow: it cuts in.
  onTurnLimit: async (_, session) => session.say("Let me stop you there.")
})

export const options: Pipeline.Options = { turn: { limits: { maxWords: 12 } } }

it.effect("talks on over praise, and stops whoever never stops", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: storyteller,
      layer: classifier,
      user: [
        Testing.say(1000, 2000, "Tell me a story."),
        Testing.say(7000, 8000, "Splendid, splendid!"),
        Testing.say(20_000, 24_000, "I once knew a man who had a dog and the dog had a friend who was a cat and")
      ],
      llm: ["Once upon a time there was a king.", "Go on."],
      stt: { interims: true },
      tts: { msPerCharacter: 200 },
      options
    })
    assert.deepStrictEqual(timeline.of("UserSpeechSetAside").map(({ text }) => text), ["Splendid, splendid!"])
    assert.include(timeline.messages, "assistant: Once upon a time there was a king.")
    assert.include(timeline.messages, "assistant: Let me stop you there.")
  }))
