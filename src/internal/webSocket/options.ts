/** Options of a server of callers' sockets. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { timingSafeEqual } from "node:crypto"
import * as Frontend from "../../Frontend.ts"
import type { Newcomer } from "../../Room.ts"
import type * as Worker from "../../Worker.ts"
import { survey } from "../config/findings.ts"
import { serving } from "../frontend/options.ts"
import * as Check from "../options.ts"
import type { Limits } from "../worker/capacity.ts"
import { invalid, type WorkerError } from "../worker/errors.ts"
import { checkHttp, http, type HttpSettings } from "../worker/options.ts"
import type { CallsSettings } from "./calls.ts"
import type { ListenOptions } from "./listen.ts"

/**
 * Options of the server.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Port; 0 lets the system choose. @default 8090 */
  readonly port?: number | undefined
  /** Address to listen on; beyond this machine only with a `token` or `authorize`. @default "127.0.0.1" */
  readonly host?: string | undefined
  /** Path of the socket. @default "/call" */
  readonly path?: string | undefined
  /** What every caller must show. @default nothing */
  readonly token?: Redacted.Redacted | undefined
  /**
   * Who shows a token, within five seconds, and `undefined` for who may not call.
   * Their identity is theirs alone in the room of their call.
   *
   * @default everyone who shows `token`, as "caller"
   */
  readonly authorize?: ((token: string | undefined) => Effect.Effect<Newcomer | undefined>) | undefined
  /** Pages that may call besides those of this server's own host, as "https://shop.example". @default [] */
  readonly origins?: ReadonlyArray<string> | undefined
  /** Rate of the agent's voice on the socket, 8 to 48 kHz. @default 24000 */
  readonly sampleRate?: number | undefined
  /** How far ahead of what is heard audio is sent: what a network may stall, 0.1 to 5 s. @default "400 millis" */
  readonly ahead?: Duration.Input | undefined
  /** How long the call of somebody whose socket is lost waits for them. @default "20 seconds" */
  readonly returnTimeout?: Duration.Input | undefined
  /** A socket on which nothing comes for so long is lost, 1 s to 5 min. @default "8 seconds" */
  readonly silence?: Duration.Input | undefined
  /** Calls at once, 1–10000; more are told that it is busy. @default 100 */
  readonly maxCalls?: number | undefined
  /** Tells the load, from 0 to 1; must not throw. @default `Worker.defaultLoad` */
  readonly load?: Worker.Options["load"]
  /** Load from which on it is busy. @default 0.9 */
  readonly loadThreshold?: number | undefined
  /** Time for calls to end by themselves when it drains. @default "1 hour" */
  readonly drainTimeout?: Duration.Input | undefined
  /** What operators can ask, on a port of its own. @default on */
  readonly http?: Worker.HttpOptions | false | undefined
  /** What callers are told of their conversation, beside its audio; `false`: nothing. @default state and transcripts */
  readonly frontend?: Frontend.Options | false | undefined
}

// No timer of a worker runs for longer (ms).
const week = 7 * 86_400_000

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

const schema = Check.together(
  Check.struct<Options>()({
    port: Check.port({ default: 8090 }),
    host: Check.text({ default: "127.0.0.1" }),
    path: Check.text({ pattern: /^\/[\w\-./]*$/, must: "begin with /", default: "/call" }),
    token: Check.secret,
    authorize: Check.callback,
    origins: Check.list(Check.text()),
    sampleRate: Check.hertz({ least: 8000, most: 48_000, default: 24_000 }),
    ahead: Check.duration({ least: 100, most: 5000, default: "400 millis" }),
    returnTimeout: Check.duration({ finite: true, most: 3_600_000, default: "20 seconds" }),
    silence: Check.duration({ least: 1000, most: 300_000, default: "8 seconds" }),
    maxCalls: Check.whole({ least: 1, most: 10_000, default: 100 }),
    load: Check.callback,
    loadThreshold: Check.number({ above: 0, most: 1, default: 0.9 }),
    drainTimeout: Check.duration({ most: week, default: "1 hour" }),
    http: Check.or(false, http, { default: {} }),
    frontend: Check.or(false, serving)
  }),
  ({ authorize, host, token }) => ({
    host: token === undefined && authorize === undefined && !loopback.test(host)
      ? "must be this machine's own, such as \"127.0.0.1\", where neither token nor authorize says who may call"
      : undefined,
    authorize: token !== undefined && authorize !== undefined ? "must not be given together with token" : undefined
  })
)

const isSame = (given: string, wanted: Redacted.Redacted): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(Redacted.value(wanted))]
  return a.length === b.length && timingSafeEqual(a, b)
}

export interface Checked {
  readonly calls: CallsSettings
  readonly listen: Omit<ListenOptions, "pages" | "accept">
}

// How soon a socket must have said who it is (ms).
const joinMs = 10_000
// Sockets beside one for each call: strangers, those that are being closed, and pages.
const spare = 256

const checked = (options: Options) => Check.readOrFail(schema, options, invalid)

const made = (options: Options, settings: typeof schema.Type): Checked => {
  const { authorize, frontend, host, maxCalls, origins, path, port, sampleRate, token } = settings
  const anyone: Newcomer = { identity: "caller" }
  return {
    listen: {
      port,
      host,
      path,
      origins: origins ?? [],
      localOnly: token === undefined && authorize === undefined,
      mostConnections: 2 * maxCalls + spare
    },
    calls: {
      sampleRate,
      aheadMs: settings.ahead,
      returnMs: settings.returnTimeout,
      silentMs: settings.silence,
      mostCalls: maxCalls,
      mostBytes: 4 * 2 * 48_000,
      joinMs,
      authorize: authorize ??
        ((given) => Effect.succeed(token === undefined || isSame(given ?? "", token) ? anyone : undefined)),
      attach: frontend === false
        ? undefined
        : (session) => Frontend.attach(session, { packets: false, remote: false, ...options.frontend })
    }
  }
}

/** For calls alone, without what operators ask. */
export const check = (options: Options): Effect.Effect<Checked, WorkerError> =>
  Effect.map(checked(options), (settings) => made(options, settings))

export interface CheckedServer extends Checked {
  readonly limits: Limits
  readonly drainTimeout: number
  readonly http: HttpSettings | undefined
}

export const checkServer = (options: Options): Effect.Effect<CheckedServer, WorkerError> =>
  Effect.gen(function*() {
    const settings = yield* checked(options)
    const given = yield* survey({ open: Effect.void, needs: [], refuse: invalid })
    const { drainTimeout, http, load, loadThreshold, maxCalls } = settings
    return {
      ...made(options, settings),
      limits: { maxJobs: maxCalls, load, loadThreshold },
      drainTimeout,
      http: http === false ? undefined : checkHttp(http, given)
    }
  })
