import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Kit = Toolkit.make(
  Tool.make("book", { parameters: Schema.Struct({ nights: Schema.Int }), success: Schema.String })
)
const desk = Agent.make({ instructions: "You book rooms.", tools: Kit })

it.effect("books what was asked for, and survives a lost connection", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(500, 2500, "A room for two nights, please.")],
      llm: [{ fail: true }, { tools: [{ name: "book", params: { nights: 2 } }] }, "Room seven is yours."],
      tts: { duration: 1500 }
    })
    assert.deepStrictEqual(timeline.messages, [
      "user: A room for two nights, please.",
      "call: book",
      "output: book",
      "assistant: Room seven is yours."
    ])
    timeline.expect(["UserSpeechCommitted", 3000], ["AgentSpeechCommitted", timeline.playbacks[0]!.end!])
  }).pipe(Effect.provide(Kit.toLayer({ book: ({ nights }) => Effect.succeed(`${nights} nights`) }))))
