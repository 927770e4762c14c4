/** What a user is told of a failure: what to mend, not where in the program it was noticed. */
import * as CliError from "effect/cli/CliError"
import * as EffectConfig from "effect/Config"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { explain } from "../internal/config/variable.ts"

const messageOf = (error: unknown): string => {
  if (error instanceof EffectConfig.ConfigError) return explain(error).message
  return Predicate.hasProperty(error, "message") && typeof error.message === "string" && error.message !== ""
    ? error.message
    : Predicate.hasProperty(error, "_tag")
    ? `the agent could not be made ready: ${String(error._tag)}`
    : "the agent could not be made ready; run with --verbose for details"
}

export const explained = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, CliError.UserError, R> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logDebug("the whole failure", error)),
    Effect.mapError((error) => new CliError.UserError({ cause: messageOf(error) }))
  )
