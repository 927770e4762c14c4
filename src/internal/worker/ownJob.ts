/**
 * A job that nobody has dispatched: of a command, or of a test. The callbacks of `onShutdown` run when the scope closes, the
 * latest first; one that fails is logged, and the others run.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EndReason, Job } from "../../Worker.ts"
import { registering } from "../plain.ts"
import { logFailure } from "./failureLog.ts"

/** What is told of such a job. */
export interface About extends Omit<Job, "ending" | "onShutdown"> {}

export const ownJob = (about: About): Effect.Effect<Job, never, Scope.Scope> =>
  Effect.gen(function*() {
    const callbacks: Array<Effect.Effect<unknown, unknown>> = []
    yield* Effect.addFinalizer(() =>
      Effect.forEach(
        callbacks,
        (callback) => Effect.catchCause(callback, (cause) => logFailure("failed", cause, { step: "onShutdown" })),
        { discard: true }
      )
    )
    return {
      ...about,
      ending: Deferred.await(Deferred.makeUnsafe<EndReason>()),
      onShutdown: registering((callback) => void callbacks.unshift(callback))
    }
  })
