/** A definition whose entry awaits an effect, which does nothing by that. */
import { Layer } from "effect"
import { Agent, Pipeline, Worker } from "effect-voice"

export default Worker.define({
  entry: (async () => {
    // @effect-diagnostics-next-line floatingEffect:off
    await Pipeline.run(Agent.make({ instructions: "You tell the weather." }))
  }) as any,
  layer: Layer.empty
})
