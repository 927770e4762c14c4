/** An error inside an answer of a provider. Its codes are facts; its messages may be content. */
import * as Predicate from "effect/Predicate"
import * as Failure from "../../Failure.ts"

/** Names of fields and codes are facts; whatever looks otherwise may be content. */
export const fact = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w.[\]-]{1,64}$/.test(value) ? value : undefined

/** What a provider says of an error, apart from its message. */
export interface Told {
  readonly code?: unknown
  readonly type?: unknown
  readonly param?: unknown
}

/** Refused as it is: says which field and by which code, where they are told. */
export const refused = (status: number | undefined, told: Told): Failure.InvalidRequest => {
  const field = fact(told.param)
  const code = fact(told.code) ?? fact(told.type)
  const where = [status === undefined ? undefined : String(status), code].filter(Predicate.isNotUndefined).join(" ")
  return new Failure.InvalidRequest({
    detail: `the provider refuses the request${field === undefined ? "" : ` because of "${field}"`}${
      where === "" ? "" : ` (${where})`
    }`
  })
}

/** What an error without a status means: it came inside of an answer. */
export const toldReason = (told: Told): Failure.Reason => {
  const code = fact(told.code) ?? (typeof told.code === "number" ? String(told.code) : "")
  const type = fact(told.type) ?? ""
  const status = Number(code)
  if (Number.isInteger(status) && status >= 400 && status <= 599) return new Failure.Rejected({ status })
  const either = (pattern: RegExp) => pattern.test(code) || pattern.test(type)
  if (either(/quota|billing|payment|insufficient_(?:balance|funds)/i)) return new Failure.Rejected({ status: 402 })
  if (either(/rate_limit|too_many|resource_exhausted|throttl/i)) return new Failure.Rejected({ status: 429 })
  if (either(/auth|api_key/i)) return new Failure.Rejected({ status: 401 })
  if (either(/permission|forbidden|access_denied/i)) return new Failure.Rejected({ status: 403 })
  if (either(/expired/i)) return new Failure.Disconnected({ code })
  if (either(/time_?out|deadline/i)) return new Failure.Rejected({ status: 504 })
  if (either(/invalid|policy|content_filter|context_length|too_(?:large|long)|not_found|unsupported/i)) {
    return refused(undefined, told)
  }
  if (either(/unavailable|insufficient_system_resource/i)) return new Failure.Rejected({ status: 503 })
  if (either(/server|overload|internal|api_error/i)) return new Failure.Rejected({ status: 500 })
  return new Failure.Broken({ detail: "the provider sent an error" })
}

const told = (error: unknown): Failure.Reason => toldReason(Predicate.isObject(error) ? error : {})

/** Why an answer is over that is not whole. */
const brokenOff = new Set(["error", "insufficient_system_resource", "network_error"])

/** The error that an event is, or holds, instead of more of the answer. */
export const errorIn = (event: unknown): Failure.Reason | undefined => {
  // Google tells it in a list.
  if (Array.isArray(event)) return errorIn(event[0])
  if (!Predicate.isObject(event)) return undefined
  const { choices, detail, error, finish_reason: end, object, type } = event as Readonly<Record<string, unknown>>
  if (error) return told(error)
  // As servers in Python tell what went wrong in them.
  if (detail !== undefined && type === undefined && Object.keys(event).length === 1) return told(undefined)
  if (type === "error" || object === "error") return told(event)
  if (typeof end === "string" && brokenOff.has(end)) return told({ code: end })
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
