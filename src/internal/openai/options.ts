/** What the layers of OpenAI share: checks of options, and options from the environment. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as VoiceConfig from "../../Config.ts"
import type * as Failure from "../../Failure.ts"
import { invalid } from "./client.ts"

/** Fails where a number is not in its range. */
export const inRange = (
  name: string,
  value: number | undefined,
  min: number,
  max: number
): Effect.Effect<void, Failure.InvalidRequest> =>
  value === undefined || (value >= min && value <= max)
    ? Effect.void
    : Effect.fail(invalid(`${name}: must lie between ${min} and ${max}, not ${value}`))

/** Fails where a text says nothing. */
export const named = (name: string, value: string | undefined): Effect.Effect<void, Failure.InvalidRequest> =>
  value === undefined || value.trim() !== "" ? Effect.void : Effect.fail(invalid(`${name}: is empty`))

/** The key of OpenAI, which must be there, and the other settings. */
export const settings: Config.Config<VoiceConfig.OpenAi & { readonly apiKey: Redacted.Redacted }> = Config.all({
  settings: VoiceConfig.openai,
  // Asked for once more, so that its absence is told as that of any variable.
  apiKey: Config.Redacted("OPENAI_API_KEY")
}).pipe(Config.map(({ apiKey, settings }) => ({ ...settings, apiKey: settings.apiKey ?? apiKey })))
