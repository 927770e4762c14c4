/** The part of a program's error that may be logged, for its author: its message and its place. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

/** What the engine itself says holds no content; what is thrown by programs may quote what was said. */
const ofEngine: ReadonlySet<unknown> = new Set([TypeError, ReferenceError])

/** Whether it is an error of this library, of whichever copy: its message holds no content. */
export const isOurs = (error: unknown): error is Error =>
  error instanceof Error && Predicate.hasProperty(error.constructor, "identifier") &&
  String(error.constructor.identifier).startsWith("effect-voice/")

/** The kind of a failure and where it was. */
const placed = (cause: Cause.Cause<unknown>): Cause.Cause<never> => {
  const error = Cause.squash(cause)
  const speaks = isOurs(error) || (error instanceof Error && ofEngine.has(error.constructor))
  const told = new Error(speaks ? error.message : "")
  told.name = error instanceof Error
    ? error.name
    : Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
    ? error._tag
    : typeof error
  const frames = error instanceof Error ? (error.stack ?? "").match(/^\s+at .*$/gm) ?? [] : []
  told.stack = [told.message === "" ? told.name : `${told.name}: ${told.message}`, ...frames].join("\n")
  return Cause.die(told)
}

/** Logs what a program's own code has failed with, by kind and place; all of it is for who debugs. */
export const logPlaced = (
  message: string,
  cause: Cause.Cause<unknown>,
  log: typeof Effect.logError = Effect.logError
): Effect.Effect<void> =>
  Effect.andThen(log(message, placed(cause)), Effect.logDebug(`${message}: this is all of it`, cause))
