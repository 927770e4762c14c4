/** What the layers of OpenAI share: options, and options from the environment. */
import * as Config from "effect/Config"
import type * as Redacted from "effect/Redacted"
import * as VoiceConfig from "../../Config.ts"
import * as Check from "../options.ts"
import { tag, tagOrAuto } from "../provider/languages.ts"
import { type Access, isHeader, provider, reveal } from "./client.ts"

/** What every layer of OpenAI is told; no message shows the values. */
export const access = {
  apiKey: Check.keyOfWords,
  baseUrl: Check.url(["https:", "http:"]),
  organization: Check.text(),
  project: Check.text(),
  headers: Check.such<NonNullable<Access["headers"]>>(
    (headers) =>
      Check.isRecord(headers) &&
      Object.entries(headers).every(([name, value]) => /^[\w-]+$/.test(name) && isHeader(reveal(value))),
    "hold names and values that can be sent"
  ),
  name: Check.text({ default: provider })
}

/** OpenAI's own server asks for a key, another may not. */
export const keyed = ({ apiKey, baseUrl }: Pick<Access, "apiKey" | "baseUrl">) => ({
  apiKey: apiKey === undefined && baseUrl === undefined ? "must be given: OpenAI asks for one" : undefined
})

export const language = Check.text({
  pattern: tagOrAuto,
  must: "be a BCP 47 tag such as \"en-US\", or \"auto\"",
  default: "en"
})

/** Several languages, of which each may be spoken. */
export const several = Check.list(
  Check.required(Check.text({ pattern: tag, must: "be a BCP 47 tag such as \"en-US\"" }))
)

/** Names and terms to expect. */
export const terms = Check.list(Check.required(Check.text()))

/** The key of OpenAI, which must be there, and the other settings. */
export const settings: Config.Config<VoiceConfig.OpenAi & { readonly apiKey: Redacted.Redacted }> = Config.all({
  settings: VoiceConfig.openai,
  // Asked for once more, so that its absence is told as that of any variable.
  apiKey: Config.Redacted("OPENAI_API_KEY")
}).pipe(Config.map(({ apiKey, settings }) => ({ ...settings, apiKey: settings.apiKey ?? apiKey })))
