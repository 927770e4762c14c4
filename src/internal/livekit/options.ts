/** Options of a room of LiveKit, and what is made of them when they are checked. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Frontend from "../../Frontend.ts"
import type { RoomError } from "../../Room.ts"
import { recording, serving } from "../frontend/options.ts"
import * as Check from "../options.ts"
import { refused } from "../room/options.ts"

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
   * with it `Session.hangUp`, takes others out of it; with `sip.call` as well, `Session.transfer` gives their calls
   * to somebody else. A worker brings one.
   *
   * @default `token`, where it has these rights, as one of `token({ admin: true })`
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
   * @default 16777216: 16 MiB
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

const topics = Check.list(Check.text())

const schema = Check.together(
  Check.struct<Options & { readonly job?: unknown }>()({
    // A worker's way into a room is given as it is: whose it is belongs to it.
    job: Check.asIs,
    // Not shown: whoever puts a key into an address by mistake should not read it in a log.
    url: Check.required(
      Check.text({ pattern: /^(?:wss?|https?):\/\/[^\s/]+/, must: "begin with ws://, wss://, http:// or https://" })
    ),
    token: Check.required(Check.secret),
    admin: Check.secret,
    autoSubscribe: Check.oneOf(["all", "audio", "video", "none"], { default: "audio" }),
    encryption: Check.maybe(Check.struct<NonNullable<Options["encryption"]>>()({ key: Check.required(Check.secret) })),
    rejoin: Check.flag({ default: true }),
    retries: Check.whole({ default: 3 }),
    retryDelay: Check.duration({ most: 3_600_000, default: "2 seconds" }),
    frame: Check.duration({ least: 10, most: 100, default: "40 millis" }),
    audioBuffer: Check.duration({ least: 100, most: 60_000, default: "2 seconds" }),
    maxMessageBytes: Check.whole({ least: 1, default: 16 * 1024 * 1024 }),
    topics: Check.section(Check.struct<NonNullable<Options["topics"]>>()({ texts: topics, bytes: topics })),
    nativeLogs: Check.flag({ default: false }),
    frontend: Check.or(false, serving),
    preconnect: Check.or(false, recording)
  }),
  ({ frame }) => ({ frame: frame % 10 === 0 ? undefined : `must be a multiple of 10 ms, not ${frame} ms` })
)

const engine = Check.struct<Pick<Options, "nativeLogs">>()({ nativeLogs: Check.flag({ default: false }) })

export const checkEngine = (
  options: Pick<Options, "nativeLogs">
): Effect.Effect<{ readonly captureLogs: boolean }, RoomError> =>
  Effect.map(Check.readOrFail(engine, options, refused), ({ nativeLogs }) => ({ captureLogs: nativeLogs }))

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

export const check = (options: Options): Effect.Effect<Checked, RoomError> =>
  Effect.map(
    Check.readOrFail(schema, options, refused),
    ({ audioBuffer, encryption, frame, job: _, nativeLogs, retryDelay, topics, url, ...others }) => ({
      ...others,
      url: url.replace(/^http/, "ws"),
      key: encryption?.key,
      frameMs: frame,
      retryMs: retryDelay,
      bufferMs: audioBuffer,
      topics: {
        texts: topics.texts ?? ["lk.chat"],
        bytes: topics.bytes ?? ["lk.agent.pre-connect-audio-buffer", "lk.agent.session"]
      },
      captureLogs: nativeLogs
    })
  )
