/** One call: how the desk takes turns, and how long it waits for whom. */
import { Pipeline } from "effect-voice"
import { desk } from "./agent.ts"

export const options: Pipeline.Options = {
  turn: {
    endpointing: { mode: "dynamic", minDelay: "400 millis", maxDelay: "2 seconds" },
    interruption: { minDuration: "300 millis", minWords: 1 }
  },
  maxToolSteps: 4,
  toolTimeout: "20 seconds",
  resilience: { retries: 2, firstOutput: "4 seconds" },
  budget: { maxTokens: 8000, strategy: "summarize" }
}

export const call = Pipeline.run(desk, options)
