/** An error inside an answer of a provider. Its codes are facts; its messages may be content. */
import * as Predicate from "effect/Predicate"
import * as Failure from "../../Failure.ts"
import { own } from "../own.ts"
import * as lengths from "./lengths.ts"

/** Names of fields and codes are facts; whatever looks otherwise may be content. */
const fact = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w.[\]-]{1,64}$/.test(value) ? value : undefined

/** What a provider says of an error, apart from its message. */
export interface Told {
  readonly code?: unknown
  readonly type?: unknown
  readonly param?: unknown
  readonly status?: unknown
}

/** Refused as it is: says which field and by which code, where they are told. */
export const refused = (status: number | undefined, told: Told): Failure.InvalidRequest => {
  const field = fact(told.param)
  // Some servers tell the status once more as a code.
  const code = [told.code, told.type].map(fact).find((one) =>
    one !== undefined && one !== String(status) && one !== "None"
  )
  const where = [status === undefined ? undefined : String(status), code].filter(Predicate.isNotUndefined).join(" ")
  return new Failure.InvalidRequest({
    detail: `the provider refuses the request${field === undefined ? "" : ` because of "${field}"`}${
      where === "" ? "" : ` (${where})`
    }`
  })
}

/** The names under which servers write a status into an error. */
const statuses = ["code", "status", "status_code", "statusCode", "http_code", "http_status"] as const

const statusIn = (told: object): number | undefined =>
  statuses.map((name) => {
    const status = own<unknown>(told as Readonly<Record<string, unknown>>, name)
    return typeof status === "string" || typeof status === "number" ? Number(status) : Number.NaN
  }).find((status) => Number.isInteger(status) && status >= 400 && status <= 599)

/** A name of an error as words between lines: `RateLimitError` and "Rate limit" are one. */
const plain = (name: unknown): string =>
  typeof name === "string"
    ? name.slice(0, 200).replaceAll(/([a-z0-9])(?=[A-Z])/g, "$1_").replaceAll(/[\s.-]+/g, "_")
    : ""

/** LiteLLM tells the name of an error before its message alone. */
const named = /^(?:litellm\.)?(\w+(?:Error|Exception))\b/

/** What the model has written was no call that its provider can read: it may be the next time. */
const unreadable = /tool_use_failed|json_validate_failed|model_stream_error|model_error|failed_generation/i

/** The failure of such an answer; nothing for any other error. */
export const unreadableIn = ({ code, type }: Told): Failure.Broken | undefined =>
  unreadable.test(plain(code)) || unreadable.test(plain(type))
    ? new Failure.Broken({ detail: "the model has written what its provider cannot read" })
    : undefined

const meanings: ReadonlyArray<readonly [pattern: RegExp, status: number]> = [
  [/billing|payment|insufficient_(?:balance|funds|credit|quota)/i, 402],
  [/rate_?limit|too_many|resource.{0,10}_exhausted|throttl|capacity_exceeded/i, 429],
  [/quota/i, 402],
  [/auth|api_key/i, 401],
  [/permission|forbidden|access_denied/i, 403]
]

/** What an error without a status means: it came inside of an answer. */
export const toldReason = (told: Told): Failure.Reason => {
  const status = statusIn(told)
  const wait = waitIn(told)
  const rejected = (status: number) =>
    new Failure.Rejected({ status, ...(wait === undefined ? undefined : { retryAfterMs: wait }) })
  const message = "message" in told && typeof told.message === "string" ? named.exec(told.message)?.[1] : undefined
  const names = [told.code, told.type, told.status, message].map(plain)
  const either = (pattern: RegExp) => names.some((name) => pattern.test(name))
  const written = unreadableIn(told)
  if (written !== undefined) return written
  if (status === 400 && either(/policy|content_filter|context_(?:length|size)/i)) return refused(undefined, told)
  if (status !== undefined) return rejected(status === 429 && isQuota(told) ? 402 : status)
  const meaning = meanings.find(([pattern]) => either(pattern))
  if (meaning !== undefined) return rejected(meaning[1])
  if (either(/expired/i)) return new Failure.Disconnected({ code: fact(told.code) ?? "" })
  if (either(/time_?out|deadline/i)) return rejected(504)
  if (
    either(
      /invalid|policy|content_filter|context_length|context_size|too_(?:large|long)|not_found|unsupported|bad_request|validation/i
    )
  ) return refused(undefined, told)
  if (either(/unavailable|insufficient_system_resource|not_ready/i)) return rejected(503)
  if (either(/server|overload|internal|api_error/i)) return rejected(500)
  return new Failure.Broken({ detail: "the provider sent an error" })
}

/** An account's limit, and not that of a moment. */
export const isQuota = ({ code, type }: Told): boolean => code === "insufficient_quota" || type === "insufficient_quota"

/** Characters of a message that are looked at. */
const mostWords = 2000

/** Wait in ms that an error itself asks for: as Google tells it, or in the words that OpenAI and others have for it. */
export const waitIn = (told: object): number | undefined => {
  const details = "details" in told && Array.isArray(told.details) ? told.details : []
  const delay: unknown = details.find((detail) => Predicate.hasProperty(detail, "retryDelay"))?.retryDelay
  const seconds = typeof delay === "string" ? /^(\d+(?:\.\d+)?)s$/.exec(delay)?.[1] : undefined
  if (seconds !== undefined) return Number(seconds) * 1000
  const message = "message" in told ? told.message : undefined
  return typeof message === "string" ? lengths.waitIn(message.slice(0, mostWords)) : undefined
}

const told = (error: unknown): Failure.Reason => toldReason(Predicate.isObject(error) ? error : {})

/** Why an answer is over that is not whole. */
const brokenOff = new Set([
  "error",
  "abort",
  "aborted",
  "cancelled",
  "canceled",
  "insufficient_system_resource",
  "network_error"
])

/** Some servers tell with each event that there is no error. */
const isNone = (value: unknown): boolean =>
  value === undefined || value === null || value === false || value === 0 || value === 200 ||
  (typeof value === "string" && /^(?:0|200|ok|success|none|null)?$/i.test(value.trim())) ||
  (typeof value === "object" && Object.values(value).every(isNone))

/** What is wrong with an answer, by the reason of its end. */
const endedBy = (end: unknown): Failure.Reason | undefined => {
  const name = Predicate.isObject(end) && "type" in end ? end.type : end
  return typeof name === "string" && brokenOff.has(name.trim().toLowerCase())
    ? told(Predicate.isObject(end) ? end : { code: name })
    : undefined
}

/** An event that says what went wrong, and has nothing of an answer. */
const isBare = (event: Readonly<Record<string, unknown>>): boolean =>
  typeof event["message"] === "string" && event["choices"] === undefined && event["usage"] === undefined &&
  !(typeof event["type"] === "string" && event["type"].startsWith("response.")) &&
  [...statuses, "type"].some((name) => own(event, name) !== undefined)

/** The error that an event is, or holds, instead of more of the answer. */
export const errorIn = (event: unknown): Failure.Reason | undefined => {
  // Google tells it in a list.
  if (Array.isArray(event)) return errorIn(event[0])
  if (!Predicate.isObject(event)) return undefined
  const fields = event as Readonly<Record<string, unknown>>
  const { choices, delta, detail, error, errors, finish_reason: end, object, type } = fields
  // Some tell its code beside it.
  if (!isNone(error)) return told(Predicate.isObject(error) ? error : event)
  if (choices === undefined && Array.isArray(errors) && errors.length > 0) return told(errors[0])
  // As servers in Python tell what went wrong in them.
  if (detail !== undefined && type === undefined && Object.keys(event).length === 1) return told(undefined)
  if (type === "error" || object === "error" || isBare(fields)) return told(event)
  const ended = endedBy(end)
  if (ended !== undefined) return ended
  if (Predicate.isObject(delta) && "error" in delta && choices === undefined && !isNone(delta.error)) {
    return errorIn(delta)
  }
  return Array.isArray(choices) ? errorIn(choices[0]) : undefined
}

/** The failure that an event named `error` tells, whatever its data are. */
export const errorOf = (data: string): Failure.Reason => {
  try {
    const event: unknown = JSON.parse(data)
    return errorIn(event) ?? told(event)
  } catch {
    return told(undefined)
  }
}
