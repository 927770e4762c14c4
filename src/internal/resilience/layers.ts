import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/** Builds layers of one service, in their order. */
export const services = <I, S, E, R>(
  tag: Context.Service<I, S>,
  [first, ...rest]: readonly [Layer.Layer<I, E, R>, ...ReadonlyArray<Layer.Layer<I, E, R>>]
): Effect.Effect<readonly [S, ...ReadonlyArray<S>], E, R | Scope.Scope> => {
  const build = (layer: Layer.Layer<I, E, R>) => Effect.map(Layer.build(layer), (context) => Context.get(context, tag))
  return Effect.zipWith(build(first), Effect.forEach(rest, build), (first, rest) => [first, ...rest] as const)
}
