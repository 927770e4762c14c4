/** What the environment tells a command: all that is wrong with it at once, or what is set. */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Config from "../Config.ts"
import { survey } from "../internal/config/findings.ts"
import type { Definition } from "../Worker.ts"

const Problem = Schema.Struct({ option: Schema.String, detail: Schema.String })

/** Settings that are missing, or that nothing can be done with. */
export class SettingsError extends Schema.TaggedError<SettingsError>("effect-voice/cli/SettingsError")(
  "SettingsError",
  { problems: Schema.Array(Problem) }
) {
  override get message(): string {
    const missing = this.problems.filter(({ detail }) => detail === "is not set").map(({ option }) => option)
    const wrong = this.problems.filter(({ detail }) => detail !== "is not set")
    return [
      ...(missing.length === 0 ? [] : [`${missing.join(", ")}: not set`]),
      ...wrong.map(({ detail, option }) => `${option} ${detail}`)
    ].join("; ") + ". Mend it in the environment, or in a file: .env, or what --env-file names" +
      (missing.includes("LIVEKIT_URL")
        ? ". Without a LiveKit server: effect-voice dev, or a program with Telephone.serve or WebSocketRoom.serve"
        : "")
  }
}

export interface Server {
  readonly url: string
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
}

const names = ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"] as const

const refuse = ({ problems }: { readonly problems: ReadonlyArray<typeof Problem.Type> }): SettingsError =>
  new SettingsError({ problems })

/** What is set, for a command without a server. */
export const given = ({ open }: Definition<unknown>): Effect.Effect<Config.Given, SettingsError> =>
  survey({ open, needs: [], refuse })

/** What is set, and the server, which must be. */
export const withServer = ({ open }: Definition<unknown>) =>
  Effect.gen(function*() {
    const given = yield* survey({ open, needs: names, refuse })
    const { apiKey, apiSecret, url } = given.livekit ?? {}
    if (url === undefined || apiKey === undefined || apiSecret === undefined) {
      return yield* refuse({ problems: names.map((option) => ({ option, detail: "is not set" })) })
    }
    return { given, server: { url, apiKey, apiSecret } satisfies Server }
  })
