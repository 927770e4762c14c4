/** The settings without which a command cannot reach a server. */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Config from "../Config.ts"

/** A setting that is not there. */
export class MissingSetting extends Schema.TaggedError<MissingSetting>("effect-voice/cli/MissingSetting")(
  "MissingSetting",
  { names: Schema.Array(Schema.String) }
) {
  override get message(): string {
    const names = this.names.join(", ")
    return `${names}: not set. Put the server's URL, key and secret into the environment, or into a file: ` +
      "node --env-file=.env node_modules/.bin/effect-voice …"
  }
}

export interface Server {
  readonly url: string
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
}

/** What `LIVEKIT_URL`, `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET` say. */
export const livekit = Effect.gen(function*() {
  const { apiKey, apiSecret, url } = yield* Config.livekit
  if (url !== undefined && apiKey !== undefined && apiSecret !== undefined) {
    return { url: url.toString(), apiKey, apiSecret } satisfies Server
  }
  const given = { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret }
  const names = Object.entries(given).flatMap(([name, value]) => value === undefined ? [name] : [])
  return yield* new MissingSetting({ names })
})
