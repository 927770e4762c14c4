import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"

// What the greetings of machines have in common; a model that is asked in `onUserTurn` knows more of them.
const machine = /\b(leave (me |us )?a message|after the (tone|beep)|voice ?mail|not available|cannot take your call)\b/i

export const caller = Agent.make({
  instructions: "You call guests about their bookings.",
  onUserTurn: async ({ text }, session) => {
    if (!machine.test(text)) return
    await session.hangUp({ say: "This is the Sea View Hotel. Please call us back about Friday. Goodbye!" })
    return { reply: false }
  }
})

it.effect("leaves a message at the end of a machine's greeting, and never asks the model", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      room: { kind: "sip", direction: "outbound" },
      agent: caller,
      user: [Testing.say(500, 4000, "You have reached Ann. Please leave a message after the tone.")],
      llm: [],
      tts: { duration: 4000 },
      options: { turn: { preemption: { llm: false } } }
    })
    assert.strictEqual(
      timeline.messages.at(-1),
      "assistant: This is the Sea View Hotel. Please call us back about Friday. Goodbye!"
    )
    assert.deepStrictEqual(timeline.requests, [])
  }))
