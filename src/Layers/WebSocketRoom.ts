/**
 * Rooms for callers at a browser or a device, over a WebSocket of theirs: no
 * server but this one. Audio is 16-bit samples, all else JSON; `docs/browser.md`
 * has the protocol, `examples/browser/client.js` a client in one file.
 *
 * It needs the package `ws`, which `@effect/platform-node` brings.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { makeCalls } from "../internal/webSocket/calls.ts"
import { listen as listenOn } from "../internal/webSocket/listen.ts"
import { check, type Options } from "../internal/webSocket/options.ts"
import { Room, type RoomError } from "../Room.ts"

export type { Options } from "../internal/webSocket/options.ts"

/**
 * A server that callers reach.
 *
 * @category models
 * @since 0.1.0
 */
export interface Server {
  readonly port: number
  /** Calls in progress. */
  readonly calls: Effect.Effect<number>
}

/**
 * Listens for callers for as long as the scope is open, and runs a program for
 * each, in a room of their own.
 *
 * **Details**
 *
 * A program that fails ends its call alone, and is logged. A caller whose socket is
 * lost, or who says nothing for `silence`, has gone with `connection_lost`, and is
 * back in the same room by the secret that they were given, within
 * `returnTimeout`; otherwise the room ends. What they have not heard by then is
 * said when they are back. How far the agent was heard is told by the caller.
 *
 * Without `token` and `authorize` only this machine's own pages and programs may
 * call. A caller who sends more than four times what audio takes is put out.
 * Closing the scope ends all calls. Fails with `InvalidOption`, and with
 * `Unavailable` where the port is taken.
 *
 * @category running
 * @since 0.1.0
 */
export const listen = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<Server, RoomError, Exclude<R, Room | Scope.Scope> | Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* check(options)
    const context = yield* Effect.context<Exclude<R, Room | Scope.Scope>>()
    const calls = yield* makeCalls(settings.calls, (room) =>
      Effect.flatMap(Effect.scope, (scope) =>
        Effect.provide(
          program,
          context.pipe(Context.add(Room, room), Context.add(Scope.Scope, scope)) as Context.Context<R>
        )))
    const port = yield* listenOn({ ...settings.listen, pages: {}, accept: calls.accept })
    return { port, calls: Effect.sync(calls.count) }
  })

/**
 * The same as a whole program, until it is interrupted.
 *
 * **Example**
 *
 * ```ts
 * import { NodeRuntime } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { Agent, Llm, Pipeline, Stt, Tts } from "effect-voice"
 * import * as SileroVad from "effect-voice/Layers/SileroVad"
 * import * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
 *
 * declare const providers: Layer.Layer<Stt.Stt | Llm.Llm | Tts.Tts>
 *
 * const agent = Agent.make({ instructions: "Be brief." })
 *
 * WebSocketRoom.serve(Pipeline.run(agent), { port: 8090 }).pipe(
 *   Effect.provide(Layer.merge(providers, SileroVad.layer())),
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const serve = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<never, RoomError, Exclude<R, Room | Scope.Scope>> =>
  Effect.scoped(Effect.andThen(listen(program, options), Effect.never)) as Effect.Effect<
    never,
    RoomError,
    Exclude<R, Room | Scope.Scope>
  >
