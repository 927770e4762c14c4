/** The metrics of a command that serves none by itself, where the environment asks for them. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Config from "../Config.ts"

/** For as long as the scope is open; one that another program is in the way of is told, and done without. */
export const serveMetrics = ({ metrics }: Config.Given): Effect.Effect<void, never, Scope.Scope> => {
  const isAsked = metrics?.port !== undefined || metrics?.enabled === true
  return !isAsked || metrics?.enabled === false
    ? Effect.void
    : Effect.promise(() => import("../Layers/Prometheus.ts")).pipe(
      Effect.flatMap(({ layer }) => Layer.build(layer({ port: metrics?.port, host: "127.0.0.1" }))),
      Effect.asVoid,
      Effect.catch((error) => Effect.logWarning(`metrics are not served: ${error.message}`))
    )
}
