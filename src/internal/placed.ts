/** The part of a program's error that may be logged, for its author: its message and its place. */
import * as Cause from "effect/Cause"

/** What the engine itself says holds no content; what is thrown by programs may quote what was said. */
const ofEngine: ReadonlySet<unknown> = new Set([TypeError, ReferenceError])

/** The kind of a failure and where it was. */
export const placed = (cause: Cause.Cause<unknown>): Cause.Cause<never> => {
  const error = Cause.squash(cause)
  const told = new Error(error instanceof Error && ofEngine.has(error.constructor) ? error.message : "")
  told.name = error instanceof Error ? error.name : typeof error
  const frames = error instanceof Error ? (error.stack ?? "").match(/^\s+at .*$/gm) ?? [] : []
  told.stack = [told.message === "" ? told.name : `${told.name}: ${told.message}`, ...frames].join("\n")
  return Cause.die(told)
}
