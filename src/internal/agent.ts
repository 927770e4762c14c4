/**
 * How an agent gets its services.
 *
 * A session asks for an agent's `bound` in the scope of its layers. If this is interrupted, the
 * session still closes that scope.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Bound, Hooks } from "../Agent.ts"
import { Meter } from "../Cost.ts"
import * as Tools from "../Tools.ts"
import { problem } from "./options.ts"
import { Retries } from "./resilience/model.ts"
import { CurrentSpeech } from "./session.ts"
import { CurrentCall } from "./tools/execute.ts"

/** Belongs to whoever runs something, not to where it was made: time, logs, spans, and on whose behalf. */
const lasting = Context.omit(
  Clock.Clock,
  Console.Console,
  CurrentCall,
  CurrentSpeech,
  Layer.CurrentMemoMap,
  Logger.CurrentLoggers,
  Meter,
  Retries,
  Random.Random,
  References.CurrentLogAnnotations,
  References.CurrentLogSpans,
  References.CurrentStackFrame,
  References.MinimumLogLevel,
  References.TracerEnabled,
  References.TracerSpanAnnotations,
  References.TracerSpanLinks,
  Scheduler.Scheduler,
  Scope.Scope,
  Tracer.ParentSpan,
  Tracer.Tracer
)

/** Tools and hooks with what there is where they are bound. */
export const given = <Handlers, Services, R>(
  tools: Effect.Effect<Tools.Set<Services>, Tools.ToolsError, Handlers>,
  hooks: Hooks<R>
): Effect.Effect<Bound, Tools.ToolsError, Handlers | Services | R> =>
  Effect.gen(function*() {
    const { onApproval, onAway, onEnter, onEscalation, onExit, onFailure, onKey, onOrphanedResult } = hooks
    const { onTurnLimit, onUserTurn } = hooks
    const context = lasting(yield* Effect.context<Services | R>()) as Context.Context<Services | R>
    const provide = <A, E>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
      Effect.provideContext(effect, context)
    const hook = <A, B, E>(run: ((about: A) => Effect.Effect<B, E, R>) | undefined) =>
      run && ((about: A) => Effect.suspend(() => provide(run(about))))
    return {
      tools: Tools.provide(yield* tools, context),
      onEnter: onEnter && provide(onEnter),
      onExit: onExit && provide(onExit),
      onUserTurn: hook(onUserTurn),
      onTurnLimit: hook(onTurnLimit),
      onAway: hook(onAway),
      onKey: hook(onKey),
      onEscalation: hook(onEscalation),
      onFailure: hook(onFailure),
      onOrphanedResult: hook(onOrphanedResult),
      onApproval: hook(onApproval)
    }
  })

/** Builds a layer first, or takes what the session has built of it. Throws for what is none. */
export const built = <R, E, ROut, E2, RIn>(
  bound: Effect.Effect<Bound, E, R | Scope.Scope>,
  layer: Layer.Layer<ROut, E2, RIn>
): Effect.Effect<Bound, E | E2, Exclude<R, ROut> | RIn | Scope.Scope> => {
  const given: unknown = layer
  if (!Layer.isLayer(given)) throw problem("layer", "must be a Layer: write Agent.provide(Kit.toLayer({ … }))")
  return Effect.gen(function*() {
    const memoMap = yield* Effect.serviceOption(Layer.CurrentMemoMap)
    const shared = memoMap._tag === "Some" ? memoMap.value : Layer.makeMemoMapUnsafe()
    const scope = yield* Effect.scope
    const context = yield* Layer.buildWithMemoMap(layer, shared, scope)
    return yield* Effect.provideContext(Scope.provide(bound, scope) as Effect.Effect<Bound, E, R>, context)
  })
}
