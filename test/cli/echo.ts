/** An agent that says what it was told, takes its time to look things up, and fails where it is told "once" or "always". */
import { Layer, Schema } from "effect"
import { Agent, Failure, Pipeline, Tools, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { setTimeout as delay } from "node:timers/promises"

const agent = Agent.make({
  instructions: "You say what you were told.",
  tools: Tools.functions({ look: { parameters: Schema.Struct({}), run: () => delay(700) } }),
  // It is asked for late: no line is lost before it.
  onEnter: async (session) => {
    await delay(200)
    await session.say("Echo desk.")
  }
})

const answer = ({ step, text }: Testing.LlmRequest): Testing.LlmReply => {
  if (/once|always/.test(text)) return { fail: new Failure.InvalidRequest({ detail: "no" }) }
  return text.startsWith("look") && step === 0 ? { tools: [{ name: "look" }] } : { text: `You said ${text}.` }
}

export default Worker.define({
  entry: () => Pipeline.run(agent),
  layer: Layer.mergeAll(
    EnergyVad.layer(),
    Testing.layerStt(),
    Testing.layerLlm(answer),
    Testing.layerTts({ duration: 200 })
  )
})
