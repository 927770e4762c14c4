/**
 * How a failure is logged. An error of this library is logged with its message, which says what to
 * correct and contains no content. An error of other code is logged with its trace at the level
 * `Error`, for its author. Errors that may quote a request or an answer are logged only by kind and
 * place.
 */
import * as Cause from "effect/Cause"
import * as EffectConfig from "effect/Config"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Config from "../../Config.ts"

/** Kind of a failure for reports: its text may hold a secret. */
export const nameOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "Interrupted"
  const error: unknown = Cause.squash(cause)
  if (error instanceof EffectConfig.ConfigError) {
    // Only what is missing is surely no value.
    return ["ConfigError", ...Config.problems(error).map(told)].join("/")
  }
  return kindOf(error)
}

const kindOf = (error: unknown): string => {
  const name = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
    ? error._tag
    : error instanceof Error
    ? error.name
    : "unknown"
  return Predicate.hasProperty(error, "reason") ? `${name}/${reasonOf(error.reason)}` : name
}

const told = ({ detail, variable }: Config.Problem): string =>
  detail === "is not set" ? `${variable} is not set` : variable

const reasonOf = (reason: unknown): string =>
  typeof reason === "string"
    ? reason
    : Predicate.hasProperty(reason, "_tag") && typeof reason._tag === "string"
    ? reason._tag
    : "unknown"

/** Whether it is an error of this library, of whichever copy. */
const isOurs = (error: unknown): error is Error =>
  error instanceof Error && Predicate.hasProperty(error.constructor, "identifier") &&
  String(error.constructor.identifier).startsWith("effect-voice/")

const isOurOwn = (error: unknown): boolean => isOurs(error) || error instanceof EffectConfig.ConfigError

/** Who is to mend it finds the words here: our own message, else the kind of failure. */
export const detailOf = (cause: Cause.Cause<unknown>): string => {
  const error: unknown = Cause.squash(cause)
  return isOurs(error) && error.message !== "" ? error.message : nameOf(cause)
}

const settings: ReadonlySet<unknown> = new Set(["InvalidOption", "InvalidOptions", "PackageMissing"])

/** Whether it will be the same the next time, because a setting is wrong. */
export const isSetting = (cause: Cause.Cause<unknown>): boolean => {
  const error: unknown = Cause.squash(cause)
  if (error instanceof EffectConfig.ConfigError) return true
  if (!isOurs(error)) return false
  return Predicate.hasProperty(error, "isRetryable") && error.isRetryable === false ||
    Predicate.hasProperty(error, "reason") && settings.has(reasonOf(error.reason))
}

/** They quote what a provider has answered, a URL, or a value that was decoded. */
const quoting: ReadonlySet<unknown> = new Set(["AiError", "HttpClientError", "SchemaError", "ConfigError"])

const framesOf = (stack: string): string =>
  stack.split("\n").filter((line) => /^\s+at /.test(line)).map((line) => `\n${line}`).join("")

/** The error as it may be told: its name, its message and where it was made; no fields, which may hold anything. */
const plain = (error: unknown, depth = 0): Error => {
  const tag = Predicate.hasProperty(error, "_tag") ? error._tag : undefined
  const text = typeof error === "string"
    ? error
    : quoting.has(tag)
    ? kindOf(error)
    : Predicate.hasProperty(error, "message") && typeof error.message === "string"
    ? error.message
    : ""
  const copy = new Error(text)
  copy.name = error instanceof Error ? error.name : typeof tag === "string" ? tag : "Error"
  const stack = Predicate.hasProperty(error, "stack") && typeof error.stack === "string" ? framesOf(error.stack) : ""
  copy.stack = `${copy.name}: ${copy.message}${isOurs(error) ? "" : stack}`
  if (depth < 5 && Predicate.hasProperty(error, "cause") && error.cause !== undefined && !isOurOwn(error)) {
    copy.cause = plain(error.cause, depth + 1)
  }
  return copy
}

/** What others have written and is to be mended by them; undefined where there is nothing of the kind. */
const traceOf = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> | undefined => {
  const foreign = cause.reasons.flatMap((reason) => {
    if (Cause.isInterruptReason(reason)) return []
    const error = Cause.isFailReason(reason) ? reason.error : reason.defect
    if (isOurOwn(error)) return []
    return Cause.annotate(Cause.die(plain(error)), Cause.reasonAnnotations(reason)).reasons
  })
  return foreign.length === 0 ? undefined : Cause.fromReasons(foreign)
}

/** Logs that something has failed, with all that may be told of it. */
export const logFailure = (
  message: string,
  cause: Cause.Cause<unknown>,
  annotations: Readonly<Record<string, string | number>> = {}
): Effect.Effect<void> => {
  const trace = traceOf(cause)
  const reason = nameOf(cause)
  const detail = detailOf(cause)
  return (trace === undefined ? Effect.logWarning(message) : Effect.logError(message, trace)).pipe(
    Effect.annotateLogs({ ...annotations, reason, ...(detail === reason ? undefined : { detail }) })
  )
}

/** Logs what others have written; what our own errors say is told by whoever is given them. */
export const logForeign = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  traceOf(cause) === undefined ? Effect.void : logFailure(message, cause)
