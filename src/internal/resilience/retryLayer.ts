/** Building a layer again when that has failed. */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Check from "../options.ts"
import { building } from "./options.ts"

/** What says of itself that it stays as it is, or is a matter of settings, is not tried again. */
const canMend = (error: unknown): boolean => {
  if (typeof error !== "object" || error === null) return true
  if ("isRetryable" in error) return error.isRetryable === true
  return !("_tag" in error) || (error._tag !== "ConfigError" && error._tag !== "SchemaError")
}

export const retryLayer = <A, E, R>(layer: Layer.Layer<A, E, R>, options: {
  readonly attempts?: number | undefined
  readonly first?: Duration.Input | undefined
  readonly isRetryable?: ((error: E) => boolean) | undefined
}): Layer.Layer<A, E, R> => {
  const { attempts, first, isRetryable = canMend } = Check.readOrThrow(building, options)
  return Layer.effectContext(Effect.gen(function*() {
    const scope = yield* Effect.scope
    // A failed attempt closes what it has opened before the next one begins.
    const attempt: Effect.Effect<Context.Context<A>, E, R> = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.fork(scope), (own) =>
        restore(Scope.provide(Layer.build(Layer.fresh(layer)), own)).pipe(
          Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit))
        ))
    )
    return yield* Effect.retry(attempt, {
      while: isRetryable,
      times: attempts - 1,
      schedule: Schedule.exponential(first)
    })
  }))
}
