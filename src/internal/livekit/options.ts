/** Options of a room of LiveKit, and what is made of them when they are checked. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Frontend from "../../Frontend.ts"
import { RoomError } from "../../Room.ts"
import { millisOf } from "../provider/options.ts"

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

/** Options whose defaults are filled in. */
export interface Checked {
  readonly url: string
  readonly token: Redacted.Redacted
  readonly admin: Redacted.Redacted | undefined
  readonly autoSubscribe: "all" | "audio" | "video" | "none"
  readonly key: Redacted.Redacted | undefined
  readonly rejoin: boolean
  readonly retries: number
  readonly retryMs: number
  readonly frameMs: number
  readonly bufferMs: number
  readonly maxMessageBytes: number
  readonly topics: { readonly texts: ReadonlyArray<string>; readonly bytes: ReadonlyArray<string> }
  readonly captureLogs: boolean
}

const invalid = (option: string, detail: string): Effect.Effect<never, RoomError> =>
  Effect.fail(new RoomError({ reason: "InvalidOption", detail: `${option}: ${detail}` }))

const modes: ReadonlyArray<string> = ["all", "audio", "video", "none"]

const millis = (
  option: string,
  input: Duration.Input,
  least: number,
  most: number
): Effect.Effect<number, RoomError> => {
  const ms = millisOf(input)
  return ms >= least && ms <= most
    ? Effect.succeed(ms)
    : invalid(option, `${ms} ms, expected ${least} to ${most} ms`)
}

const whole = (option: string, value: number, least: number): Effect.Effect<number, RoomError> =>
  Number.isInteger(value) && value >= least
    ? Effect.succeed(value)
    : invalid(option, `must be a whole number of ${least} or more, not ${value}`)

export const check = (options: Options): Effect.Effect<Checked, RoomError> =>
  Effect.gen(function*() {
    const { autoSubscribe = "audio", token, url } = options
    // Not quoted: whoever puts a key into an address by mistake should not read it in a log.
    if (!/^(?:wss?|https?):\/\/[^\s/]+/.test(url)) {
      return yield* invalid("url", "must begin with ws://, wss://, http:// or https://")
    }
    if (Redacted.value(token) === "") {
      return yield* invalid("token", "is empty")
    }
    if (!modes.includes(autoSubscribe)) return yield* invalid("autoSubscribe", `must be one of ${modes.join(", ")}`)
    const key = options.encryption?.key
    if (key !== undefined && Redacted.value(key) === "") return yield* invalid("encryption.key", "is empty")
    const frameMs = yield* millis("frame", options.frame ?? "40 millis", 10, 100)
    if (frameMs % 10 !== 0) return yield* invalid("frame", `must be a multiple of 10 ms, not ${frameMs} ms`)
    const { frontend, preconnect } = options
    const longest = Number.POSITIVE_INFINITY
    if (frontend !== false) yield* millis("frontend.runTimeout", frontend?.runTimeout ?? 0, 0, longest)
    if (preconnect !== false) {
      yield* millis("preconnect.wait", preconnect?.wait ?? 0, 0, longest)
      yield* millis("preconnect.maxAge", preconnect?.maxAge ?? 0, 0, longest)
    }
    return {
      url: url.replace(/^http/, "ws"),
      token,
      admin: options.admin,
      autoSubscribe,
      key,
      frameMs,
      rejoin: options.rejoin ?? true,
      retries: yield* whole("retries", options.retries ?? 3, 0),
      retryMs: yield* millis("retryDelay", options.retryDelay ?? "2 seconds", 0, 3_600_000),
      bufferMs: yield* millis("audioBuffer", options.audioBuffer ?? "2 seconds", 100, 60_000),
      maxMessageBytes: yield* whole("maxMessageBytes", options.maxMessageBytes ?? 16 * 1024 * 1024, 1),
      topics: {
        texts: options.topics?.texts ?? ["lk.chat"],
        bytes: options.topics?.bytes ?? ["lk.agent.pre-connect-audio-buffer", "lk.agent.session"]
      },
      captureLogs: options.nativeLogs === true
    }
  })
