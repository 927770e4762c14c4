/** Layers of services that others are made of. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Failure from "../../Failure.ts"
import * as Check from "../options.ts"
import { refused } from "../provider/options.ts"
import { Circuit } from "./breaker.ts"
import type { BreakerChange, LayerOptions, Policy } from "./model.ts"
import { layer as asked } from "./options.ts"

/** Builds layers of one service, in their order. */
export const services = <I, S, E, R>(
  tag: Context.Service<I, S>,
  [first, ...rest]: readonly [Layer.Layer<I, E, R>, ...ReadonlyArray<Layer.Layer<I, E, R>>]
): Effect.Effect<readonly [S, ...ReadonlyArray<S>], E, R | Scope.Scope> => {
  const build = (layer: Layer.Layer<I, E, R>) => Effect.map(Layer.build(layer), (context) => Context.get(context, tag))
  return Effect.zipWith(build(first), Effect.forEach(rest, build), (first, rest) => [first, ...rest] as const)
}

/** Makes the service of a layer resilient, with a circuit breaker that all who use the layer share. */
export const layerResilient = <I, S extends { readonly name: string }, F>(
  tag: Context.Service<I, S>,
  component: BreakerChange["component"],
  resilient: (service: S, policy: Policy) => S,
  failing: (provider: string) => (reason: Failure.Reason) => F
) =>
<E, R>(layer: Layer.Layer<I, E, R>, options: LayerOptions = {}): Layer.Layer<I, E | F, R> =>
  Layer.effect(
    tag,
    Effect.gen(function*() {
      const [service] = yield* services(tag, [layer])
      const { name } = service
      const { breaker, policy } = yield* Check.readOrFail(asked, options, (wrong) => failing(name)(refused(wrong)))
      return resilient(service, { ...policy, breaker: yield* Circuit.open({ ...breaker, name, component }) })
    })
  )
