/**
 * The providers that the doctor asks: those with keys in the environment, or those of an agent's
 * layer. It reports settings that are incomplete or look mistyped.
 */
import * as EffectConfig from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Config from "../../Config.ts"
import type * as Llm from "../../Llm.ts"
import type * as Stt from "../../Stt.ts"
import type * as Tts from "../../Tts.ts"

type Kind = "stt" | "llm" | "tts"

/** A provider that can be asked for by its variables. */
export interface Candidate {
  readonly name: string
  readonly kind: Kind
  readonly variables: ReadonlyArray<string>
  readonly layer: Effect.Effect<Layer.Layer<Stt.Stt | Llm.Llm | Tts.Tts, unknown>>
}

interface Module {
  readonly layerConfig: () => Layer.Layer<Stt.Stt | Llm.Llm | Tts.Tts, unknown>
}

const from = (
  name: string,
  kind: Kind,
  variables: ReadonlyArray<string>,
  load: () => Promise<{ readonly layerConfig: () => Layer.Layer<never, unknown> }>
): Candidate => ({
  name,
  kind,
  variables,
  layer: Effect.map(Effect.promise(load), (module) => (module as Module).layerConfig())
})

const azure = ["AZURE_SPEECH_KEY", "AZURE_SPEECH_REGION"]

export const candidates: ReadonlyArray<Candidate> = [
  from("DeepgramStt", "stt", ["DEEPGRAM_API_KEY"], () => import("../../Layers/DeepgramStt.ts")),
  from("DeepgramFluxStt", "stt", ["DEEPGRAM_API_KEY"], () => import("../../Layers/DeepgramFluxStt.ts")),
  from("ElevenLabsStt", "stt", ["ELEVENLABS_API_KEY"], () => import("../../Layers/ElevenLabsStt.ts")),
  from("AssemblyAiStt", "stt", ["ASSEMBLYAI_API_KEY"], () => import("../../Layers/AssemblyAiStt.ts")),
  from("AzureStt", "stt", azure, () => import("../../Layers/AzureStt.ts")),
  from("OpenAiStt", "stt", ["OPENAI_API_KEY"], () => import("../../Layers/OpenAiStt.ts")),
  from("OpenAiLlm", "llm", ["OPENAI_API_KEY"], () => import("../../Layers/OpenAiLlm.ts")),
  from("OpenAiRealtime", "llm", ["OPENAI_API_KEY"], () => import("../../Layers/OpenAiRealtime.ts")),
  from("OpenAiTts", "tts", ["OPENAI_API_KEY"], () => import("../../Layers/OpenAiTts.ts")),
  from("ElevenLabsTts", "tts", ["ELEVENLABS_API_KEY"], () => import("../../Layers/ElevenLabsTts.ts")),
  from("CartesiaTts", "tts", ["CARTESIA_API_KEY"], () => import("../../Layers/CartesiaTts.ts")),
  from("AzureTts", "tts", azure, () => import("../../Layers/AzureTts.ts"))
]

/** What the environment says of keys. */
export interface Environment {
  readonly configured: ReadonlyArray<Candidate>
  /** What is set wrongly, without a value. */
  readonly problems: ReadonlyArray<string>
  /** Values that must appear nowhere. */
  readonly secrets: ReadonlyArray<string>
}

const problemOf = (name: string, value: string): ReadonlyArray<string> =>
  /^(["']).*\1$/.test(value.trim())
    ? [`${name}: the quotes are part of the value; leave them out`]
    : /\s/.test(value.trim())
    ? [`${name}: there is space or a new line inside`]
    : /^(?:your|changeme|xxx|<)/i.test(value.trim())
    ? [`${name}: this is still the placeholder`]
    : []

/** Settings that nothing can be done with. */
const nonsense = Effect.match(Effect.asVoid(Config.given), {
  onSuccess: (): ReadonlyArray<string> => [],
  onFailure: (error) => Config.problems(error).map(({ detail, variable }) => `${variable}: ${detail}`)
})

/** Reads the variables of all candidates by the configuration in force. */
export const environment: Effect.Effect<Environment> = Effect.gen(function*() {
  const names = [...new Set(candidates.flatMap(({ variables }) => variables))]
  const others = ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"]
  const values = new Map<string, string>()
  for (const name of [...names, ...others]) {
    const value = yield* Effect.orElseSucceed(EffectConfig.option(EffectConfig.String(name)), Option.none<string>)
    if (Option.isSome(value) && value.value.trim() !== "") values.set(name, value.value)
  }
  const halves = new Set(candidates.flatMap(({ variables }) => {
    const missing = variables.filter((name) => !values.has(name))
    return missing.length === 0 || missing.length === variables.length
      ? []
      : [`${missing.join(", ")}: not set, but ${variables.filter((name) => values.has(name)).join(", ")} is`]
  }))
  return {
    configured: candidates.filter(({ variables }) => variables.every((name) => values.has(name))),
    problems: [
      ...halves,
      ...[...names, ...others].flatMap((name) => problemOf(name, values.get(name) ?? "")),
      ...(yield* nonsense)
    ],
    secrets: Array.from(values).flatMap(([name, value]) =>
      /KEY|SECRET/.test(name) && value.trim().length >= 6 ? [value.trim()] : []
    )
  }
})
