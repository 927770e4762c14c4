import { layer } from "@effect/vitest"
import type { Layer } from "effect"
import { Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** What every `Tts` keeps, whoever the provider is. */
export const contract = <E>(
  name: string,
  tts: Layer.Layer<Tts.Tts, E>,
  options: Testing.ContractOptions = {}
): void =>
  layer(tts, { excludeTestServices: options.live === true })(`${name} keeps the Tts contract`, (it) => {
    for (const { holds, sentence } of Testing.ttsContract({ timeout: "1 minute", ...options })) {
      it.effect(sentence, () => Tts.Tts.use(holds))
    }
  })
