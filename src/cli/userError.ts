/** The message of a failure for a user: what to correct, not where in the program it was noticed. */
import type * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as EffectConfig from "effect/Config"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { explain } from "../internal/config/variable.ts"
import { isOurs, thrownIn } from "../internal/foreign.ts"
import { WorkerError } from "../internal/worker/errors.ts"
import { logFailure, nameOf } from "../internal/worker/failureLog.ts"

/** Another program listens on the port. */
export class PortInUse extends Schema.TaggedError<PortInUse>("effect-voice/cli/PortInUse")("PortInUse", {
  port: Schema.Int,
  flag: Schema.String,
  isWorker: Schema.Boolean
}) {
  override get message(): string {
    const who = this.isWorker ? "by another worker of effect-voice" : "by another program"
    return `port ${this.port} is in use ${who}; choose another with ${this.flag}`
  }
}

/** What went wrong, in this library's words; undefined where others have made the failure. */
export const wordsOf = (error: unknown): string | undefined =>
  error instanceof EffectConfig.ConfigError
    ? explain(error).message
    : isOurs(error) && error.message !== ""
    ? error.message
    : undefined

/** The failure of something in its words; what others have made is logged, with its place, by whichever logger there is. */
export const explainedAs =
  (what: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, CliError.UserError, R> => {
    const told = (cause: Cause.Cause<unknown>): Effect.Effect<never, CliError.UserError> => {
      const error = thrownIn(cause)
      if (error instanceof CliError.UserError) return Effect.fail(error)
      const words = wordsOf(error)
      if (words !== undefined) return Effect.fail(new CliError.UserError({ cause: words }))
      const above = new CliError.UserError({ cause: `${what} (${nameOf(cause)}); see above` })
      return Effect.andThen(logFailure(what, cause), Effect.fail(above))
    }
    return effect.pipe(
      Effect.tapError((error) => Effect.logDebug("the whole failure", error)),
      // Whoever is interrupted from outside does not come here.
      Effect.catchCause(told)
    )
  }

export const explained = explainedAs("the agent could not be made ready")

/** The same failure, by the flag that mends it, and with who listens there, as far as that can be asked. */
export const portInUse = (error: unknown): Effect.Effect<never, unknown> => {
  if (!(error instanceof WorkerError)) return Effect.fail(error)
  const { reason } = error
  if (reason._tag !== "ListenFailed" || reason.code !== "EADDRINUSE") return Effect.fail(error)
  const flag = reason.option === "http.metricsPort" ? "METRICS_PORT" : "--port"
  return Effect.flatMap(
    Effect.orElseSucceed(
      Effect.timeout(
        Effect.tryPromise(async (signal) => {
          const answer = await fetch(`http://127.0.0.1:${reason.port}/health`, { signal })
          const body: unknown = await answer.json()
          return Predicate.hasProperty(body, "status") && Predicate.hasProperty(body, "oldestJobMs")
        }),
        "1 second"
      ),
      () => false
    ),
    (isWorker) => Effect.fail(new PortInUse({ port: reason.port, flag, isWorker }))
  )
}
