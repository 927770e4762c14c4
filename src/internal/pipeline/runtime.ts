/**
 * Where everything of a session runs: one scope, which the end of the session
 * closes, and in it every fiber, with the session's name in its logs and spans.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Cost from "../../Cost.ts"
import { Retries, type Retry } from "../resilience/model.ts"
import type { Core } from "./core.ts"
import { idsOf, type SessionParticipant } from "./participant.ts"

export interface Runtime {
  readonly scope: Scope.Closeable
  /** For what agents bring along: it outlives all that is forked, which may use it. */
  readonly layers: Scope.Scope
  readonly fork: Core["fork"]
  readonly inScope: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Scope.Scope>>
}

export const makeRuntime = (
  ids: Readonly<Record<string, string | number>>,
  participant: SessionParticipant,
  meter: (usage: Cost.Usage) => void,
  retried: (retry: Retry) => void
): Effect.Effect<Runtime, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const layers = yield* Scope.fork(scope)
    const run = yield* Scope.provide(FiberSet.makeRuntime<never>(), scope)
    const span = yield* Scope.provide(Effect.makeSpanScoped("session", { attributes: ids }), scope)
    return {
      scope,
      layers,
      inScope: (effect) => Scope.provide(effect, scope),
      fork: (effect) => {
        const tied = { ...ids, ...idsOf(participant.current()) }
        const metered = effect.pipe(
          Effect.provideService(Cost.Meter, meter),
          Effect.provideService(Retries, retried)
        )
        return run(metered.pipe(Effect.annotateLogs(tied), Effect.annotateSpans(tied), Effect.withParentSpan(span)))
      }
    }
  })
