import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Task, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

// An agent that has the conversation until its model knows this; `check` sends it back to the caller.
export const askAddress = Task.make(
  Agent.make({
    name: "address",
    instructions: "Ask for the caller's e-mail address. Spell it out, and let them confirm it.",
    // Whoever spells makes pauses.
    turn: { endpointing: { minDelay: "1 second" } }
  }),
  {
    result: Schema.Struct({ address: Schema.String }),
    check: ({ address }) => /^\S+@\S+\.\w+$/.test(address) ? undefined : "This is no e-mail address. Ask once more."
  }
)

export const askNights = Task.make(
  Agent.make({ name: "nights", instructions: "Ask how many nights the caller stays: one to fourteen." }),
  { result: Schema.Struct({ nights: Schema.Int }) }
)

// One after the other; whoever says "three nights, sorry" while the address is asked for goes back (`go_back`).
export const askBooking = Task.sequence({ stay: askNights, guest: askAddress })

// A value is typed; what cannot be found out is a `Task.TaskError`, which the model reads.
export const desk = Agent.make({
  name: "desk",
  instructions: "You book rooms.",
  tools: Tools.functions({
    book: {
      description: "Asks for all that a booking needs, and books a room",
      run: async (_, { session }) => {
        const { guest, stay } = await session.perform(askBooking)
        return { room: 7, nights: stay.nights, confirmedTo: guest.address }
      }
    }
  })
})

it.effect("asks for one thing after the other, and books", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [
        Testing.say(1000, 2000, "A room, please."),
        Testing.say(7000, 8000, "Two nights."),
        Testing.say(14_000, 15_000, "It is Ann."),
        Testing.say(22_000, 24_000, "Three nights, sorry."),
        Testing.say(32_000, 35_000, "Ann at example dot com.")
      ],
      llm: [
        { tools: [{ name: "book" }] },
        "How many nights?",
        { tools: [{ name: "complete_task", params: { nights: 2 } }] },
        "And your e-mail address?",
        { tools: [{ name: "complete_task", params: { address: "Ann" } }] },
        "I need all of it, please.",
        { tools: [{ name: "go_back", params: { to: "stay" } }] },
        { tools: [{ name: "complete_task", params: { nights: 3 } }] },
        "Three nights. And your e-mail address?",
        { tools: [{ name: "complete_task", params: { address: "ann@example.com" } }] },
        "Room seven is yours."
      ],
      tts: { duration: 2000 }
    })
    assert.deepStrictEqual(timeline.messages.filter((line) => line.startsWith("assistant")), [
      "assistant: How many nights?",
      "assistant: And your e-mail address?",
      "assistant: I need all of it, please.",
      "assistant: Three nights. And your e-mail address?",
      "assistant: Room seven is yours."
    ])
    const booked = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls).find(({ name }) =>
      name === "book"
    )
    assert.deepStrictEqual(booked?.result, { room: 7, nights: 3, confirmedTo: "ann@example.com" })
  }))
