/** What a conversation cannot be held without, looked for before anything is opened: each that is missing is named, with what gives it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { InvalidOptions } from "../../Failure.ts"
import { Llm } from "../../Llm.ts"
import { Room } from "../../Room.ts"
import { Stt } from "../../Stt.ts"
import { Tts } from "../../Tts.ts"
import { Vad } from "../../Vad.ts"
import * as Check from "../options.ts"

const needed = [
  ["Room", Room, "LocalRoom.layer(…), or run the agent by Worker.define and the command"],
  ["Vad", Vad, "EnergyVad.layer() or SileroVad.layer()"],
  ["Stt", Stt, "DeepgramStt.layerConfig() or OpenAiStt.layerConfig()"],
  ["Llm", Llm, "OpenAiLlm.layerConfig() or Llm.layerLanguageModel(…)"],
  ["Tts", Tts, "ElevenLabsTts.layerConfig() or OpenAiTts.layerConfig()"]
] as const

/** Fails with all that nobody has provided. */
export const checkServices: Effect.Effect<void, InvalidOptions> = Effect.contextWith(
  (context: Context.Context<never>) => {
    const missing = Check.invalid(
      needed.flatMap(([option, service, such]) =>
        Context.getOption(context, service as Context.Key<any, any>)._tag === "Some"
          ? []
          : [{
            option,
            detail: `is not provided: give its layer to Effect.provide, or to layer of Worker.define, such as ${such}`
          }]
      )
    )
    return missing === undefined ? Effect.void : Effect.fail(missing)
  }
)
