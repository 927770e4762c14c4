import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"

export const caller = Agent.make({
  instructions: "You call guests about their bookings.",
  // Nobody is greeted, and no model is asked, before it is known who has answered.
  onEnter: async (session) => {
    const { by } = await session.answeredBy()
    if (by === "voicemail") {
      return session.hangUp({ say: "This is the Sea View Hotel. Please call us back about Friday. Goodbye!" })
    }
    if (by === "menu" || by === "unreachable") return session.hangUp()
    await session.say("Good morning, this is the Sea View Hotel. I call about your booking.")
  }
})

const calling = (user: ReadonlyArray<Testing.UserAction>) =>
  Testing.scenario({
    room: { kind: "sip", direction: "outbound" },
    agent: caller,
    user,
    llm: ["For Friday."],
    tts: { duration: 4000 }
  })

it.effect("greets a person", () =>
  Effect.gen(function*() {
    const timeline = yield* calling([Testing.say(500, 1000, "Hello?"), Testing.say(7000, 8000, "For which day?")])
    assert.deepStrictEqual(timeline.messages, [
      "user: Hello?",
      "assistant: Good morning, this is the Sea View Hotel. I call about your booking.",
      "user: For which day?",
      "assistant: For Friday."
    ])
  }))

it.effect("leaves a message at the end of a machine's greeting, and never asks the model", () =>
  Effect.gen(function*() {
    const timeline = yield* calling([
      Testing.say(500, 2000, "You have reached Ann."),
      Testing.say(3000, 6000, "Please leave a message after the tone.")
    ])
    assert.strictEqual(
      timeline.messages.at(-1),
      "assistant: This is the Sea View Hotel. Please call us back about Friday. Goodbye!"
    )
    assert.deepStrictEqual(timeline.requests, [])
  }))
