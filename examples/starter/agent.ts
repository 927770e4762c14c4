/** The agent: what it says and what it can do. */
import { Schema } from "effect"
import { Agent, Pipeline, Tools, Worker } from "effect-voice"
import { providers } from "./providers.ts"

export const desk = Agent.make({
  instructions: "You answer the phone of a small hotel and book rooms. Be brief: you are heard, not read.",
  tools: Tools.functions({
    book: {
      description: "Books a room",
      parameters: Schema.Struct({ nights: Schema.Int }),
      run: async ({ nights }) => {
        if (nights > 14) throw new Tools.ToolError({ message: "Two weeks at most." })
        return { room: 7, nights }
      }
    },
    hang_up: {
      description: "Says goodbye and ends the call",
      run: async (_, { session }) => session.hangUp({ say: "Goodbye!" })
    }
  }),
  onEnter: async (session) => session.say("Sea View Hotel, how can I help?")
})

export default Worker.define({ agentName: "desk", entry: () => Pipeline.run(desk), layer: providers })
