/**
 * Where everything of a session runs: one scope, which the end of the session
 * closes, and in it every fiber, with the session's name in its logs and spans.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Cost from "../../Cost.ts"
import { Conversation } from "../llm/conversation.ts"
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

/** Adds to what logs, or spans, are annotated with. */
const annotated =
  (annotations: typeof References.CurrentLogAnnotations, ids: Readonly<Record<string, string | number>>) =>
  <Services>(context: Context.Context<Services>): Context.Context<Services> =>
    Context.add(context, annotations, { ...Context.get(context, annotations), ...ids })

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
    const fibers = yield* Scope.provide(FiberSet.make(), scope)
    const span = yield* Scope.provide(Effect.makeSpanScoped("session", { attributes: ids }), scope)
    const services = (yield* Effect.context<never>()).pipe(
      Context.add(Scope.Scope, scope),
      Context.add(Cost.Meter, meter),
      Context.add(Retries, retried),
      Context.add(Conversation, { scope: layers }),
      Context.add(Tracer.ParentSpan, span)
    )
    /** What every fiber runs in: made once for whoever is talked with, not for each of them. */
    const runAs = (who: ReturnType<SessionParticipant["current"]>) => {
      const tied = { ...ids, ...idsOf(who) }
      return Effect.runForkWith(services.pipe(
        annotated(References.CurrentLogAnnotations, tied),
        annotated(References.TracerSpanAnnotations, tied)
      ))
    }
    let who = participant.current()
    let run = runAs(who)
    return {
      scope,
      layers,
      inScope: (effect) => Scope.provide(effect, scope),
      fork: (effect) => {
        if (who !== participant.current()) {
          who = participant.current()
          run = runAs(who)
        }
        const fiber = run(fibers.state._tag === "Closed" ? Effect.interrupt : effect)
        FiberSet.addUnsafe(fibers, fiber)
        return fiber
      }
    }
  })
