/**
 * Rooms for callers at a browser or a device, over a WebSocket of theirs: no
 * server but this one. Audio is 16-bit samples, all else JSON; `docs/browser.md`
 * has the protocol, `examples/browser/client.js` a client in one file.
 *
 * Each call is a job of a `Worker.Definition`, as with LiveKit and the telephone:
 * its own room, scope, metrics and logs, the same health and drain.
 *
 * Needs `@effect/platform-node`. TLS is for the proxy before it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Options } from "../internal/webSocket/options.ts"
import { notInstalled, type WorkerError } from "../internal/worker/errors.ts"
import type { Status as TelephoneStatus } from "../Telephone.ts"
import type * as Worker from "../Worker.ts"

export type { Options } from "../internal/webSocket/options.ts"

/**
 * A server at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status extends TelephoneStatus {}

/**
 * A server that callers reach.
 *
 * **Details**
 *
 * `drain` takes no more calls, waits for those that go on, and then ends. Meanwhile a caller whose
 * socket was lost may come back to their call. `limit` defaults to `drainTimeout`. `stop` ends them
 * now. `port` is the callers', `ports` are the operators'.
 *
 * @category models
 * @since 0.1.0
 */
export interface Server {
  readonly port: number
  readonly ports: ReadonlyArray<number>
  readonly status: Effect.Effect<Status>
  readonly drain: (options?: { readonly limit?: Duration.Input | undefined }) => Effect.Effect<void, WorkerError>
  readonly stop: Effect.Effect<void>
  readonly ended: Effect.Effect<void>
}

const load = Effect.tryPromise({
  try: () => import("../internal/webSocket/serving.ts"),
  catch: notInstalled("@effect/platform-node")
})

/**
 * Takes calls for as long as the scope is open; closing it ends them in good
 * order.
 *
 * **Details**
 *
 * Returns when it listens. Each call is a job: `Job.participant` is the caller, as `authorize` has
 * named them. A job that fails ends its call alone, and is logged. A caller whose socket is lost,
 * or who says nothing for `silence`, has gone with `connection_lost`, and is back in the same room
 * by the secret that they were given, within `returnTimeout`; otherwise the room ends. The part of
 * a speech that they did not hear is said when they are back. The caller reports how far the agent
 * was heard.
 *
 * Without `token` and `authorize` only this machine's own pages and programs may
 * call. A caller who sends more than four times what audio takes is put out.
 *
 * Fails with the layer's own error, or with `WorkerError`: an impossible option, or
 * a port that is taken.
 *
 * @category running
 * @since 0.1.0
 */
export const make = <E>(
  definition: Worker.Definition<E>,
  options: Options = {}
): Effect.Effect<Server, WorkerError | E, Scope.Scope> =>
  Effect.flatMap(load, (internal) => internal.make(definition, options))

/**
 * Takes calls, and listens to SIGTERM and SIGINT: the first drains, the second ends
 * now.
 *
 * **Example**
 *
 * ```ts
 * import { Layer } from "effect"
 * import { Agent, type Llm, Pipeline, type Stt, type Tts, Worker } from "effect-voice"
 * import * as SileroVad from "effect-voice/Layers/SileroVad"
 * import * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
 *
 * declare const Providers: Layer.Layer<Stt.Stt | Llm.Llm | Tts.Tts>
 *
 * const agent = Agent.make({ instructions: "Be brief." })
 *
 * const definition = Worker.define({
 *   entry: () => Pipeline.run(agent),
 *   layer: Layer.mergeAll(SileroVad.layer(), Providers)
 * })
 *
 * Worker.runMain(WebSocketRoom.serve(definition, { port: 8090 }))
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const serve = <E>(
  definition: Worker.Definition<E>,
  options: Options = {}
): Effect.Effect<void, WorkerError | E> => Effect.flatMap(load, (internal) => internal.serve(definition, options))
