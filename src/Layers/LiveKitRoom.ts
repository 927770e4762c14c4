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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Frontend from "../Frontend.ts"
import { layerFrom } from "../internal/config/variable.ts"
import { logRoom } from "../internal/livekit/logging.ts"
import { check } from "../internal/livekit/options.ts"
import { make } from "../internal/livekit/room.ts"
import { hold } from "../internal/livekit/rtc.ts"
import { sign } from "../internal/livekit/token.ts"
import { Room, type RoomError } from "../Room.ts"

/**
 * Options of a room.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Address of the server: `wss://…`, `ws://…`; `http` stands for `ws`. */
  readonly url: string
  /** The token of a job, or one of `token`. */
  readonly token: Redacted.Redacted
  /**
   * A token with the right `roomAdmin` in this room, by which `Room.remove`, and
   * with it `Session.hangUp`, takes others out of it. A worker brings one.
   *
   * @default `token`, where it has that right, as one of `token({ admin: true })`
   */
  readonly admin?: Redacted.Redacted | undefined
  /** What is received without being asked for; the rest by `Room.subscribe`. @default "audio" */
  readonly autoSubscribe?: "all" | "audio" | "video" | "none" | undefined
  /** End-to-end encryption of media and data, with the key that everyone in the room shares. @default none */
  readonly encryption?: { readonly key: Redacted.Redacted } | undefined
  /**
   * Joins again when the connection is lost for good, under the same service;
   * not after the agent was removed, or the room closed.
   *
   * @default true
   */
  readonly rejoin?: boolean | undefined
  /** Further attempts after one that failed, to join or to join again; a refused token is not tried again. @default 3 */
  readonly retries?: number | undefined
  /** Between two attempts. @default "2 seconds" */
  readonly retryDelay?: Duration.Input | undefined
  /**
   * Length of a frame of a participant's audio: 10 to 100 ms, a multiple of 10.
   * Each costs the same, whatever its length, and delays what it begins with by
   * as much.
   *
   * @default "40 millis"
   */
  readonly frame?: Duration.Input | undefined
  /** Audio that a slow listener may lag behind before the oldest is dropped. @default "2 seconds" */
  readonly audioBuffer?: Duration.Input | undefined
  /**
   * Longest text or bytes that are taken in; longer ones are dropped, as are
   * those of a sender who has 16 on the way or two of the longest, and one of
   * which nothing has come for a minute.
   *
   * @default 16 MiB
   */
  readonly maxMessageBytes?: number | undefined
  /**
   * Topics on which something may come before anyone listens: it is kept for
   * who listens first, 64 messages and 32 MiB each.
   *
   * @default the chat, the audio recorded before the agent came, and the requests of tools
   */
  readonly topics?: {
    readonly texts?: ReadonlyArray<string> | undefined
    readonly bytes?: ReadonlyArray<string> | undefined
  } | undefined
  /**
   * Brings the log of the native side into this process, as events that
   * rtc-node tells its listeners: 60 MB and a tenth of the processor at eight
   * rooms. Without it, there is none unless `RUST_LOG` asks for one on the standard
   * error, where tokens that were refused are quoted. Decided by whoever opens the
   * first room.
   *
   * @default false
   */
  readonly nativeLogs?: boolean | undefined
  /** What stock frontends are told of every conversation in the room; `false`: nothing. @default everything */
  readonly frontend?: Frontend.Options | false | undefined
  /** Hears what frontends have recorded before the agent came; `false`: only what comes live. @default 3 seconds */
  readonly preconnect?: Frontend.PreconnectOptions | false | undefined
}

/**
 * What a token says.
 *
 * @category options
 * @since 0.1.0
 */
export interface TokenOptions {
  readonly apiKey: string
  readonly apiSecret: Redacted.Redacted
  readonly room: string
  readonly identity: string
  readonly name?: string | undefined
  readonly metadata?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** An agent is known as one to frontends, and may speak in another's name. @default "agent" */
  readonly kind?: "agent" | "standard" | undefined
  /** Not seen by the others. @default false */
  readonly hidden?: boolean | undefined
  /** May take others out of the room: `Room.remove`. @default false */
  readonly admin?: boolean | undefined
  /** How long it lets someone in. @default "1 hour" */
  readonly ttl?: Duration.Input | undefined
}

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
export const token: (options: TokenOptions) => Effect.Effect<Redacted.Redacted, RoomError> = sign

/**
 * Joins a room for as long as the scope is open.
 *
 * **Details**
 *
 * Fails with `Unavailable` when rtc-node is not installed, with `InvalidOption`,
 * and with `ConnectFailed` after the last attempt. Who is interrupted while
 * joining goes at once; the connection is closed as soon as it stands.
 *
 * `audio` gives the format that is wished for, converted natively. An `output`
 * is a track of the source microphone, fed 200 ms ahead in pieces of 20 ms: a
 * `clear` or a `pause` is heard within 20 ms, and the network's delay. Each
 * output is a track of its own, so parallel conversations do not mix.
 *
 * Who comes and goes and how the connection is are logged, with identities; tracks,
 * data and attributes at the level `Debug`, without what they hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (options: Options): Effect.Effect<Room["Service"], RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const { frontend, preconnect } = options
    const { room } = yield* Effect.flatMap(check(options), make)
    yield* logRoom(room)
    const served: Room["Service"] = frontend === false
      ? room
      : { ...room, attach: (session) => Frontend.attach(session, frontend) }
    return preconnect === false ? served : yield* Frontend.preconnect(served, preconnect)
  })

/**
 * Layer of a room that is joined when it is built, and left when it is released.
 *
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
): Layer.Layer<never, RoomError> => Layer.effectDiscard(hold({ captureLogs: options.nativeLogs === true }))
