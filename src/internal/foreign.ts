/**
 * Which part of a failure may be logged, for its author. An error of this library
 * is logged with its message, which says what to correct and has no content. An
 * error of other code is logged with its message and its trace, without its fields.
 * An error that may quote a request, words of a call or an answer, by its kind or
 * because a provider's own code made it, is logged by its kind and its place.
 */
import * as Cause from "effect/Cause"
import * as EffectConfig from "effect/Config"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { shortened } from "./text/head.ts"
import { framesOf, readable } from "./thrown.ts"

/** Characters of a message that are told. */
const longest = 4096

/** What a cause comes down to, as it may be asked. */
export const thrownIn = (cause: Cause.Cause<unknown>): unknown => readable(Cause.squash(cause))

export const reasonOf = (reason: unknown): string =>
  typeof reason === "string"
    ? reason
    : Predicate.hasProperty(reason, "_tag") && typeof reason._tag === "string"
    ? reason._tag
    : "unknown"

export const kindOf = (thrown: unknown): string => {
  const error = readable(thrown)
  const name = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
    ? error._tag
    : error instanceof Error
    ? error.name
    : "unknown"
  return Predicate.hasProperty(error, "reason") ? `${name}/${reasonOf(error.reason)}` : name
}

/** Whether it is an error of this library, of whichever copy. */
export const isOurs = (error: unknown): error is Error =>
  readable(error) === error && error instanceof Error && Predicate.hasProperty(error.constructor, "identifier") &&
  String(error.constructor.identifier).startsWith("effect-voice/")

const isOurOwn = (error: unknown): boolean => isOurs(error) || error instanceof EffectConfig.ConfigError

/** They quote what a provider has answered, a URL, or a value that was decoded. */
const quoting: ReadonlySet<unknown> = new Set(["AiError", "HttpClientError", "SchemaError", "ConfigError"])

/** What Effect dies of where it is given something else; it quotes that, which may be words of a call. */
const noEffect = "Fiber.runLoop: Not a valid effect"

const textOf = (error: string): string => {
  if (error.startsWith(noEffect)) {
    return "not an Effect: inside an Effect, write Effect.promise(() => …) for a promise, and Effect.succeed(…) for a value"
  }
  return error.startsWith("Service not found: effect-voice/")
    ? `${error}: an Effect.runPromise of your own has no services of the conversation; use the session that your function gets`
    : error
}

/** The error as it may be told: its name, its message and where it was made; no fields, which may hold anything. */
const plain = (thrown: unknown, within: ReadonlyArray<unknown> = []): Error => {
  const error = readable(thrown)
  const tag = Predicate.hasProperty(error, "_tag") ? error._tag : undefined
  const text = typeof error === "string"
    ? textOf(error)
    : quoting.has(tag)
    ? kindOf(error)
    : Predicate.hasProperty(error, "message") && typeof error.message === "string"
    ? textOf(error.message)
    : typeof tag === "string"
    ? ""
    : `${error === null ? "null" : typeof error === "object" ? "an object without a message" : typeof error} was thrown`
  const copy = new Error(shortened(text, longest))
  copy.name = error instanceof Error ? error.name : typeof tag === "string" ? tag : "Error"
  const stack = Predicate.hasProperty(error, "stack") && typeof error.stack === "string" ? framesOf(error.stack) : ""
  copy.stack = `${copy.name}: ${copy.message}${isOurs(error) ? "" : stack}`
  if (Predicate.hasProperty(error, "cause") && error.cause !== undefined && !isOurOwn(error)) {
    const outer = [...within, error]
    // One that is its own cause tells nothing more.
    if (outer.length <= 5 && !outer.includes(error.cause)) copy.cause = plain(error.cause, outer)
  }
  return copy
}

const told = (cause: Cause.Cause<unknown>, which: (error: unknown) => boolean): Cause.Cause<unknown> | undefined => {
  const all = cause.reasons.flatMap((reason) => {
    if (Cause.isInterruptReason(reason)) return []
    const error = readable(Cause.isFailReason(reason) ? reason.error : reason.defect)
    if (!which(error)) return []
    return Cause.annotate(Cause.die(plain(error)), Cause.reasonAnnotations(reason)).reasons
  })
  return all.length === 0 ? undefined : Cause.fromReasons(all)
}

/** What others have written and is to be mended by them; undefined where there is nothing of the kind. */
export const traceOf = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> | undefined =>
  told(cause, (error) => !isOurOwn(error))

/** What the engine itself says quotes nothing. */
const ofEngine: ReadonlySet<unknown> = new Set([TypeError, ReferenceError])

/** Logs what quotes a URL, a key or what was said, as the code of a provider may: by its kind and its place. */
export const logPlaced = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const error = thrownIn(cause)
  const quotesNothing = (isOurs(error) && kindOf(error) === "InvalidOptions") ||
    (error instanceof Error && ofEngine.has(error.constructor))
  const told = new Error(quotesNothing ? error.message : "")
  told.name = error instanceof Error ? error.name : typeof error
  const head = told.message === "" ? told.name : `${told.name}: ${told.message}`
  told.stack = `${head}${error instanceof Error ? framesOf(error.stack ?? "") : ""}`
  return Effect.logError(message, Cause.die(told))
}

/** Logs what a program's own code has failed with: its trace, or what our own error says. */
export const logOwn = (
  message: string,
  cause: Cause.Cause<unknown>,
  log: typeof Effect.logError = Effect.logError
): Effect.Effect<void> => {
  const trace = told(cause, () => true)
  return trace === undefined
    ? log(cause.reasons.length === 0 ? message : `${message} (it was interrupted)`)
    : log(message, trace)
}
