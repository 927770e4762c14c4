import { layer } from "@effect/vitest"
import type { Layer } from "effect"
import { Llm } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** What every `Llm` keeps, whoever the provider is. */
export const contract = <E>(
  name: string,
  llm: Layer.Layer<Llm.Llm, E>,
  options: Testing.ContractOptions = {}
): void =>
  layer(llm, { excludeTestServices: options.live === true })(`${name} keeps the Llm contract`, (it) => {
    for (const { holds, sentence } of Testing.llmContract({ timeout: "1 minute", ...options })) {
      it.effect(sentence, () => Llm.Llm.use(holds))
    }
  })
