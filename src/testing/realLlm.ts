/** A real model in virtual time. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { begin } from "../internal/realWaits.ts"
import * as Llm from "../Llm.ts"

/** Time stands still from the request to the end of the answer. */
const awaited = (llm: Llm.Llm["Service"]): Llm.Llm["Service"] => ({
  ...llm,
  reply: (request) =>
    Stream.unwrap(Effect.gen(function*() {
      const wait = begin(`the model ${llm.name}`, yield* Effect.context<never>())
      yield* Effect.addFinalizer(() => Effect.sync(() => wait?.end()))
      return llm.reply(request)
    }))
})

/**
 * A model of a provider in place of the scripted one of a scenario: its `layer`.
 *
 * **Details**
 *
 * Time stands still while the model answers, up to the scenario's `realWait` for each request (raise
 * it: 2 seconds are little for a model), so an answer takes no time of the conversation. All else is
 * scripted, and exact. What the model says may differ from run to run: `judge` tells whether it is
 * as expected. Each request costs what the provider takes.
 *
 * **Example** (An agent with its real model, and a scripted caller)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 * import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
 * import * as Testing from "effect-voice/testing"
 *
 * const program = Testing.scenario({
 *   agent: Agent.make({ instructions: "You answer the phone of a small hotel. You never promise a refund." }),
 *   user: [Testing.say(1000, 2000, "Can I have my money back?")],
 *   layer: Testing.layerRealLlm(OpenAiLlm.layerConfig()),
 *   realWait: "1 minute"
 * })
 * ```
 *
 * @see `judge`
 * @category llm
 * @since 0.1.0
 */
export const layerRealLlm = <E, R>(model: Layer.Layer<Llm.Llm, E, R>): Layer.Layer<Llm.Llm, E, R> =>
  Layer.provide(Layer.effect(Llm.Llm, Llm.Llm.useSync(awaited)), model)
