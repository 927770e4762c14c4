import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"
import { desk } from "./agent.ts"

// A whole conversation from a script, in virtual time: it takes milliseconds, and each time in it is exact.
it.effect("books what was asked for, and hangs up", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(3000, 4500, "A room for two nights, please."), Testing.say(9000, 9500, "That is all.")],
      llm: [
        { tools: [{ name: "book", params: { nights: 2 } }] },
        "Room seven is yours.",
        { tools: [{ name: "hang_up" }] }
      ],
      tts: { duration: 1500 }
    })
    assert.deepStrictEqual(timeline.messages, [
      "assistant: Sea View Hotel, how can I help?",
      "user: A room for two nights, please.",
      "call: book",
      "output: book",
      "assistant: Room seven is yours.",
      "user: That is all.",
      "call: hang_up",
      "output: hang_up",
      "assistant: Goodbye!"
    ])
  }))
