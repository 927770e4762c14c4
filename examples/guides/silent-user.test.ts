import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, type Pipeline } from "effect-voice"
import * as Testing from "effect-voice/testing"

export const desk = Agent.make({
  instructions: "You answer the phone of a small hotel.",
  onEnter: async (session) => session.say("Sea View Hotel, how can I help?"),
  // After 10 seconds in which nobody has said anything, and after each 10 more. It counts from 1 again once they speak.
  turn: { awayAfter: "10 seconds" },
  onAway: async ({ times }, session) => {
    if (times === 1) await session.say("Are you still there?")
    else if (times === 2) await session.reply({ instructions: "Ask once more, about what was talked of last." })
    else await session.hangUp({ say: "I cannot hear you, so I hang up. Please call again!" })
  }
})

// Whatever an agent does: nobody pays for a line on which nobody talks, and no call lasts for ever.
export const options: Pipeline.Options = { timeLimits: { session: "1 hour", away: "2 minutes" } }

it.effect("asks twice, and hangs up", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({ agent: desk, options, llm: ["Which room would you like?"] })
    assert.deepStrictEqual(timeline.messages, [
      "assistant: Sea View Hotel, how can I help?",
      "assistant: Are you still there?",
      "assistant: Which room would you like?",
      "assistant: I cannot hear you, so I hang up. Please call again!"
    ])
  }))
