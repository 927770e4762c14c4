/**
 * A room of LiveKit, over WebRTC.
 *
 * The package `@livekit/rtc-node` must be installed beside this one; it is
 * loaded when a room is joined. Its native engine runs as long as a room is
 * open, so that a program whose rooms are closed ends by itself.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { layerFrom } from "../internal/config/variable.ts"
import { checkEngine, type Options } from "../internal/livekit/options.ts"
import { hold } from "../internal/livekit/rtc.ts"
import { joinServed } from "../internal/livekit/served.ts"
import { participantToken, type TokenOptions } from "../internal/livekitServer/token.ts"
import { Room, type RoomError } from "../Room.ts"

export type { Options } from "../internal/livekit/options.ts"
export type { TokenOptions } from "../internal/livekitServer/token.ts"

/**
 * Signs a token, with the rights to join, to speak, to listen, to send data and
 * to change its own attributes, and no others unless they are asked for.
 *
 * **When to use**
 *
 * Use for consoles and tests: an agent that is dispatched gets the token of its
 * job, and a frontend that of your own server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const token: (options: TokenOptions) => Effect.Effect<Redacted.Redacted, RoomError> = participantToken

/**
 * Joins a room for as long as the scope is open.
 *
 * **Details**
 *
 * Fails with `Unavailable` when rtc-node is not installed, with `InvalidOption`, and with
 * `ConnectFailed` after the last attempt. If joining is interrupted, it ends at once, and the
 * connection is closed as soon as it is there.
 *
 * `audio` gives the format that is wished for, converted natively. An `output`
 * is a track of the source microphone, fed 200 ms ahead in pieces of 20 ms: a
 * `clear` or a `pause` is heard within 20 ms, and the network's delay. Each
 * output is a track of its own, so parallel conversations do not mix.
 *
 * It logs who comes and goes, with identities, and the state of the connection. At the level
 * `Debug` it also logs tracks, data and attributes, without their content.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect: (options: Options) => Effect.Effect<Room["Service"], RoomError, Scope.Scope> = joinServed

/**
 * Layer of a room that is joined when it is built, and left when it is released.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
 *
 * const room = LiveKitRoom.layer({ url: "wss://example.livekit.cloud", token: Redacted.make("a token") })
 * ```
 *
 * @see `connect`, the same as an effect
 * @see `Worker.define` to get rooms from a LiveKit server as jobs
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Room, RoomError> => Layer.effect(Room, connect(options))

/**
 * The same with options from the configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (options: Config.Wrap<Options>): Layer.Layer<Room, RoomError | Config.ConfigError> =>
  layerFrom(Config.unwrap(options), layer)

/**
 * Layer that loads rtc-node and keeps its engine running between rooms.
 *
 * **When to use**
 *
 * Use in a process that joins one room after the other: the first is then
 * joined as fast as the next. The process ends only after it is released.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEngine = (
  options: Pick<Options, "nativeLogs"> = {}
): Layer.Layer<never, RoomError> => Layer.effectDiscard(Effect.flatMap(checkEngine(options), hold))
