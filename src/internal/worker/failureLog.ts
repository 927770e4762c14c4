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
import { isOurs, kindOf, reasonOf, thrownIn, traceOf } from "../foreign.ts"

/** Kind of a failure for reports: its text may hold a secret. */
export const nameOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "Interrupted"
  const error = thrownIn(cause)
  if (error instanceof EffectConfig.ConfigError) {
    // Only what is missing is surely no value.
    return ["ConfigError", ...Config.problems(error).map(told)].join("/")
  }
  return kindOf(error)
}

const told = ({ detail, variable }: Config.Problem): string =>
  detail === "is not set" ? `${variable} is not set` : variable

/** Who is to mend it finds the words here: our own message, else the kind of failure. */
export const detailOf = (cause: Cause.Cause<unknown>): string => {
  const error = thrownIn(cause)
  return isOurs(error) && error.message !== "" ? error.message : nameOf(cause)
}

const settings: ReadonlySet<unknown> = new Set(["InvalidOption", "InvalidOptions", "PackageMissing"])

/** Whether it will be the same the next time, because a setting is wrong. */
export const isSetting = (cause: Cause.Cause<unknown>): boolean => {
  const error = thrownIn(cause)
  if (error instanceof EffectConfig.ConfigError) return true
  if (!isOurs(error)) return false
  return Predicate.hasProperty(error, "isRetryable") && error.isRetryable === false ||
    Predicate.hasProperty(error, "reason") && settings.has(reasonOf(error.reason))
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
