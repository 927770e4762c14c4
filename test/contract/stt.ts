import { layer } from "@effect/vitest"
import type { Layer } from "effect"
import { Stt } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** What every `Stt` keeps, whoever the provider is. */
export const contract = <E>(
  name: string,
  stt: Layer.Layer<Stt.Stt, E>,
  options: Testing.SttContractOptions = {}
): void =>
  layer(stt, { excludeTestServices: options.live === true })(`${name} keeps the Stt contract`, (it) => {
    for (const { holds, sentence } of Testing.sttContract({ timeout: "1 minute", ...options })) {
      it.effect(sentence, () => Stt.Stt.use(holds))
    }
  })
