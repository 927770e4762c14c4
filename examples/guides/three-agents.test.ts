import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** Three agents of one call, and what they know of it. */
export const restaurant = () => {
  const booking: { name?: string; table?: string; paid?: number } = {}

  const greeter: Agent.Agent = Agent.make({
    name: "greeter",
    instructions: "You answer the phone of a restaurant. Ask for the caller's name.",
    tools: Tools.functions({
      to_reservations: {
        description: "Gives the call to reservations",
        parameters: Schema.Struct({ name: Schema.String }),
        run: async ({ name }, { session }) => {
          booking.name = name
          await session.handoff(reservations)
        }
      }
    }),
    onEnter: async (session) =>
      session.say(
        booking.paid === undefined
          ? "Harbour Restaurant, good evening! Who is calling?"
          : `All is set, ${booking.name}: ${booking.table}, and ${booking.paid} euros are paid. Anything else?`
      )
  })

  const reservations: Agent.Agent = Agent.make({
    name: "reservations",
    instructions: "You book tables.",
    tools: Tools.functions({
      look_up: {
        description: "Which tables are free",
        parameters: Schema.Struct({ time: Schema.String }),
        run: async ({ time }) => `The window table is free at ${time}.`
      },
      book: {
        description: "Books a table and gives the call to payment",
        parameters: Schema.Struct({ guests: Schema.Int, time: Schema.String }),
        run: async ({ guests, time }, { session }) => {
          booking.table = `a table for ${guests} at ${time}`
          await session.handoff(payment(guests * 10))
        }
      }
    }),
    onEnter: async (session) => session.say(`Hello ${booking.name}, for when, and for how many?`)
  })

  const payment = (deposit: number) =>
    Agent.make({
      name: "payment",
      instructions: "You take deposits.",
      turn: { endpointing: { minDelay: "1500 millis", maxDelay: "5 seconds" } },
      tools: Tools.functions({
        look_up: { description: "Whether a deposit is due", run: async () => `${deposit} euros are due.` },
        take_deposit: {
          description: "Takes the deposit and gives the call back",
          parameters: Schema.Struct({ card: Schema.String }),
          run: async (_, { session }) => {
            booking.paid = deposit
            await session.handoff(greeter)
          }
        }
      }),
      onEnter: async (session) => session.say("There is a deposit to pay. Your card's number, please.")
    })

  return greeter
}

it.effect("books, takes the deposit, and comes back", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: restaurant(),
      options: { turn: { preemption: { llm: false } } },
      user: [
        Testing.say(4000, 6000, "This is Ada, I want a table."),
        Testing.say(11_000, 13_000, "Half past seven, for two."),
        Testing.say(18_000, 19_000, "Yes, please."),
        Testing.say(26_000, 28_000, "Four one one one.")
      ],
      llm: [
        { tools: [{ name: "to_reservations", params: { name: "Ada" } }] },
        { tools: [{ name: "look_up", params: { time: "19:30" } }] },
        "Our window table is free. Shall I book it?",
        { tools: [{ name: "book", params: { guests: 2, time: "19:30" } }] },
        { tools: [{ name: "take_deposit", params: { card: "4111" } }] }
      ],
      tts: { duration: 2000 }
    })
    assert.strictEqual(
      timeline.messages.at(-1),
      "assistant: All is set, Ada: a table for 2 at 19:30, and 20 euros are paid. Anything else?"
    )
  }))
