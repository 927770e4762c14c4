/** What ElevenLabs' services have in common: where they are, how they say no, and whose voices they know. */
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Failure from "../../Failure.ts"
import { own } from "../own.ts"
import { Closes, type Table } from "../provider/closes.ts"
import { maybe } from "../provider/hints.ts"
import type { Http } from "../provider/http.ts"
import { address, invalid } from "../provider/options.ts"

/** Where the services are. */
export const baseUrl = "https://api.elevenlabs.io"

/** The key, in the header in which it is wanted. */
export const headers = (apiKey: Redacted.Redacted) => ({ "xi-api-key": apiKey })

const refusals: ReadonlyArray<readonly [RegExp, (id: string) => Failure.Reason]> = [
  [/quota|unaccepted_terms|payment|subscription|paid_plan/, () => new Failure.Rejected({ status: 402 })],
  [/unusual_activity|^only_for|forbidden/, () => new Failure.Rejected({ status: 403 })],
  [/rate_limit|throttl|concurren|busy|too_many|overflow|exhausted/, () => new Failure.Rejected({ status: 429 })],
  [/auth|api_key|permission/, () => new Failure.Rejected({ status: 401 })],
  [/timeout|time_limit|insufficient_audio/, (id) => new Failure.Disconnected({ code: id })],
  [/voice/, (id) => invalid("voice", `ElevenLabs cannot use it (${id})`)],
  [/model/, (id) => invalid("model", `ElevenLabs cannot use it (${id})`)],
  [
    /input|invalid|unsupported|not_allowed|chunk_size|character_limit|too_long/,
    (id) => invalid("request", `ElevenLabs cannot use it (${id})`)
  ]
]

const isPlain = (id: string): boolean => /^[\w.+-]{1,60}$/.test(id)

/** What an error is by its id; the message beside it may quote what was said. */
const refused = (id: string): Failure.Reason => {
  const plain = isPlain(id) ? id.toLowerCase() : "error"
  return refusals.find(([pattern]) => pattern.test(plain))?.[1](plain) ?? new Failure.Broken({ detail: plain })
}

/** Where a message may name an error. */
export const errorFields = {
  error: maybe(Schema.Unknown),
  code: maybe(Schema.Unknown),
  detail: maybe(Schema.Unknown)
}

/** Kinds of messages that are errors by their name. */
const isError = (kind: string): boolean =>
  /(?:error|exceeded|limited|throttled|exhausted|overflow|terms|activity)$/.test(kind) && kind !== "commit_throttled"

const ids = ["status", "code", "type"] as const

const idIn = (told: unknown): string | undefined =>
  Predicate.isObject(told)
    ? ids.map((name) => own<unknown>(told as Readonly<Record<string, unknown>>, name)).find(Predicate.isString)
    : undefined

/** The error that a message tells, by the most telling of its names. */
export const errorIn = (
  { code, detail, error }: { readonly error?: unknown; readonly code?: unknown; readonly detail?: unknown },
  kind = ""
): Failure.Reason | undefined => {
  const named = idIn(error) ?? idIn(detail) ?? (typeof code === "string" ? code : undefined)
  const isTold = error !== undefined && error !== null && error !== false
  if (!isTold && (detail === undefined || detail === null) && !isError(kind)) return undefined
  const name = isError(kind) && kind !== "error" ? kind : named ?? (kind === "" ? error : kind)
  return refused(typeof name === "string" ? name : "error")
}

/** Words with which it closes, and by which it says what it otherwise has ids for. */
const words: Table = [
  [/^[\w.+-]{1,60}$/, ({ words }) => refused(words)],
  [/quota|credits?\b|payment/i, () => refused("quota")],
  [/unusual activity|free tier/i, () => new Failure.Rejected({ status: 403 })],
  [/concurren|simultaneous|too many|rate limit/i, () => refused("too_many")],
  [/within the timeout|timed? ?out|inactiv/i, () => refused("timeout")],
  [/\bvoice\b.*\b(?:exist|found|access|available|allowed|valid)/i, () => refused("voice_not_found")],
  [/\bmodel\b.*\b(?:exist|found|access|available|allowed|valid|support)/i, () => refused("model_not_found")]
]

/** How it closes a connection, for one layer. */
export const closes = (): Closes => new Closes(words)

const Voices = Schema.Struct({
  voices: Schema.Array(Schema.Struct({ voice_id: Schema.String, name: Schema.optional(Schema.NullOr(Schema.String)) }))
})

/** Ids are 20 letters and digits: no name is. */
const isId = (voice: string) => /^(?=.*\d)[A-Za-z0-9]{20}$/.test(voice)

/** The voice of the defaults: asking for its id would make the first speech late. */
const known: ReadonlyMap<string, string> = new Map([["rachel", "21m00Tcm4TlvDq8ikWAM"]])

/** Names are compared without case, and as a whole or up to the description that follows " - ". */
const plainName = (name: string) => name.trim().toLowerCase()

/** Finds the id of a voice by its name; the account is asked once. */
export const voices = (http: Http, base: string, apiKey: Redacted.Redacted) => {
  const asking = Semaphore.makeUnsafe(1)
  let ids: ReadonlyMap<string, string> | undefined
  const ask = Effect.gen(function*() {
    if (ids !== undefined) return ids
    const request = HttpClientRequest.get(address(base, "/v1/voices")).pipe(
      HttpClientRequest.setHeader("xi-api-key", Redacted.value(apiKey))
    )
    const { voices } = yield* http.json(request, Voices)
    const found = new Map<string, string>()
    for (const { name, voice_id } of voices.toReversed()) {
      const [short = ""] = (name ?? "").split(" - ")
      if (plainName(short) !== "") found.set(plainName(short), voice_id)
    }
    for (const { name, voice_id } of voices.toReversed()) found.set(plainName(name ?? voice_id), voice_id)
    return ids = found
  })
  return (voice: string): Effect.Effect<string, Failure.Reason> => {
    const name = plainName(voice)
    const id = isId(voice) ? voice : known.get(name)
    if (id !== undefined) return Effect.succeed(id)
    return Effect.flatMap(asking.withPermit(ask), (ids) => {
      const found = ids.get(name)
      return found === undefined
        ? Effect.fail(invalid("voice", "this account has none of that name; use the name or the id of one that it has"))
        : Effect.succeed(found)
    })
  }
}
