/**
 * @title An agent written with plain functions: greeter → booking → hang-up
 */
import { Effect, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const booking = Agent.make({
  name: "booking",
  instructions: "You book rooms, then say goodbye.",
  tools: Tools.functions({
    book: {
      description: "Books a room",
      parameters: Schema.Struct({ guest: Schema.String, nights: Schema.Int }),
      run: async ({ guest, nights }) => {
        if (nights > 14) throw new Tools.ToolError({ message: "Two weeks at most." })
        return { room: 7, guest, nights }
      }
    },
    hang_up: {
      description: "Says goodbye and ends the call",
      run: async (_, { session }) => session.hangUp({ say: "Goodbye!" })
    }
  }),
  onEnter: async (session) => session.say("This is the booking desk. For how many nights?")
})

const greeter = Agent.make({
  name: "greeter",
  instructions: "You find out what the caller wants.",
  tools: Tools.functions({
    to_booking: {
      description: "Gives the call to the booking desk",
      run: async (_, { session }) => session.handoff(booking)
    }
  }),
  onEnter: async (session) => session.say("Sea View Hotel, how can I help?"),
  onUserTurn: async (turn) => turn.text.includes("dog") ? { context: "Dogs are welcome." } : undefined
})

// A scripted caller and model. With real providers: `Pipeline.run(greeter)` in a `Worker.define`.
const timeline = await Effect.runPromise(Testing.scenario({
  agent: greeter,
  user: [Testing.say(2500, 4000, "I need a room."), Testing.say(8000, 9500, "Two nights, for Ann.")],
  llm: [
    { tools: [{ name: "to_booking" }] },
    { tools: [{ name: "book", params: { guest: "Ann", nights: 2 } }] },
    { text: "Room seven is yours.", tools: [{ name: "hang_up" }] }
  ],
  tts: { duration: 1500 }
}))
process.stdout.write(`${timeline.messages.join("\n")}\n`)
