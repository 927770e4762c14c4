/** Options of definitions and of runs, checked. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Config from "../../Config.ts"
import { InvalidOptions } from "../../Failure.ts"
import type { Room, RoomError } from "../../Room.ts"
import type { Definition, Entrance, HttpOptions, Options, Permissions, PoolOptions } from "../../Worker.ts"
import { loopback } from "../config/defaults.ts"
import { survey } from "../config/findings.ts"
import { keyedBy } from "../numbers.ts"
import * as Check from "../options.ts"
import { invalid, type WorkerError } from "./errors.ts"

export interface JobSettings {
  readonly connect: (entrance: Entrance) => Effect.Effect<Room["Service"], RoomError, Scope.Scope>
  readonly joinTimeout: number
  readonly shutdownTimeout: number
  readonly callbackTimeout: number
  readonly leaveTimeout: number
  readonly afterRoom: number
  readonly prewarmTimeout: number
}

// No timer of a worker runs for longer (ms).
const week = 7 * 86_400_000

const permissions = Check.struct<Permissions>()({
  publish: Check.flag({ default: true }),
  subscribe: Check.flag({ default: true }),
  publishData: Check.flag({ default: true }),
  updateMetadata: Check.flag({ default: true }),
  hidden: Check.flag({ default: false })
})

const definitionSchema = Check.struct<Definition["options"]>()({
  agentName: Check.words,
  type: Check.oneOf(["room", "publisher", "participant"]),
  accept: Check.callback,
  encryption: Check.maybe(
    Check.struct<NonNullable<Definition["options"]["encryption"]>>()({
      key: Check.required(Check.secret)
    })
  ),
  connect: Check.callback,
  autoSubscribe: Check.oneOf(["all", "audio", "video", "none"]),
  permissions: Check.section(permissions),
  deployment: Check.such<string>(
    (deployment) =>
      typeof deployment === "string" && new TextEncoder().encode(deployment).length <= 64 &&
      !/[_\s\p{Cc}]/u.test(deployment),
    "have at most 64 bytes, without underscores, space and control characters"
  ),
  joinTimeout: Check.duration({ most: week, default: "15 seconds" }),
  shutdownTimeout: Check.duration({ most: week, default: "15 seconds" }),
  callbackTimeout: Check.duration({ most: week, default: "10 seconds" }),
  afterRoom: Check.duration({ most: week, default: "1 minute" }),
  prewarmTimeout: Check.duration({ most: week, default: "1 minute" }),
  warmProviders: Check.flag()
})

const pool = Check.struct<PoolOptions>()({
  module: Check.required(Check.such<string>(
    (module) => URL.parse(module)?.protocol === "file:",
    "be the file: URL of the module that exports the definition by default"
  )),
  processes: Check.whole({ least: 1, most: 64, default: 2 }),
  jobsPerProcess: Check.whole({ least: 1, most: 1000, default: 8 }),
  memoryWarning: Check.whole({ least: 1, most: 1_000_000, default: 1000 }),
  memoryLimit: Check.whole({ least: 1, most: 1_000_000, default: 2000 }),
  replaceAfterGrowth: Check.or(false, Check.whole({ least: 1, most: 1_000_000, default: 300 }), { default: 300 }),
  replaceAfterJobs: Check.or(false, Check.whole({ least: 1, most: 1_000_000, default: 2000 }), { default: 2000 }),
  execArgv: Check.list(Check.text())
})

export const http = Check.struct<HttpOptions>()({
  port: Check.port({ default: 8081 }),
  host: Check.text(),
  metricsPort: Check.or(false, Check.port()),
  metrics: Check.flag(),
  token: Check.keyOfWords
})

/** How a worker is asked to drain. */
export const draining = Check.struct<{ readonly limit?: Duration.Input | undefined }>()({
  limit: Check.duration({ most: week })
})

const url = Check.url(["ws:", "wss:", "http:", "https:"])

const run = Check.struct<Options>()({
  url,
  apiKey: Check.secret,
  apiSecret: Check.secret,
  framing: Check.oneOf(["binary", "json"], { default: "binary" }),
  retries: Check.whole({ most: 1000, default: 3 }),
  retryDelay: Check.duration({ most: week, default: "2 seconds" }),
  reconnects: Check.whole({ most: 1_000_000, default: 16 }),
  maxJobs: Check.whole({ least: 1, most: 10_000, default: 32 }),
  memoryLimit: Check.maybe(Check.whole({ least: 1, most: 1_000_000 })),
  load: Check.callback,
  loadThreshold: Check.number({ above: 0, most: 1, default: 0.7 }),
  drainTimeout: Check.duration({ most: week, default: "1 hour" }),
  pool: Check.maybe(pool),
  http: Check.or(false, http, { default: {} })
})

const server = Check.struct<{ readonly url: string }>()({ url: Check.required(url) })

export interface PoolSettings extends Omit<typeof pool.Type, "execArgv"> {
  readonly execArgv: ReadonlyArray<string>
}

export interface HttpSettings {
  readonly port: number
  readonly host: string
  readonly metricsPort: number | undefined
  readonly metrics: boolean
  readonly token: Redacted.Redacted | undefined
}

export interface Settings extends Omit<typeof run.Type, "url" | "apiKey" | "apiSecret" | "pool" | "http"> {
  readonly url: string
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
  readonly grants: typeof permissions.Type
  readonly pool: PoolSettings | undefined
  readonly http: HttpSettings | undefined
}

type Checked<A> = Effect.Effect<A, WorkerError>

// Native code is for those who need it.
const joinLiveKit =
  (encryption: Definition["options"]["encryption"]): JobSettings["connect"] => ({ admin, autoSubscribe, token, url }) =>
    Effect.flatMap(
      Effect.promise(() => import("../livekit/served.ts")),
      ({ joinServed }) => joinServed({ url, token, admin, autoSubscribe, encryption })
    )

export const checkDefinition = ({ options }: Definition<unknown>): Checked<JobSettings> =>
  Effect.map(
    Check.readOrFail(definitionSchema, options, invalid),
    ({ afterRoom, callbackTimeout, connect, encryption, joinTimeout, prewarmTimeout, shutdownTimeout }) => ({
      connect: connect ?? joinLiveKit(encryption),
      joinTimeout,
      shutdownTimeout,
      callbackTimeout,
      leaveTimeout: 10_000,
      afterRoom,
      prewarmTimeout
    })
  )

/** Where workers register: the server's URL, spoken as WebSocket, with `/agent`. */
export const agentUrl = (url: string): string => {
  const parsed = new URL(url)
  parsed.protocol = parsed.protocol.replace("http", "ws")
  parsed.hash = ""
  parsed.pathname = `${parsed.pathname.replace(/\/+$/, "")}/agent`
  return parsed.href
}

const variables = { url: "LIVEKIT_URL", apiKey: "LIVEKIT_API_KEY", apiSecret: "LIVEKIT_API_SECRET" } as const

type Server = Pick<Options, keyof typeof variables>

/** The variables that must be set, for what is not given. */
const needed = (options: Server): ReadonlyArray<string> =>
  Object.entries(variables).flatMap(([option, variable]) =>
    options[option as keyof Server] === undefined ? [variable] : []
  )

const told = ({ problems: [first, ...others] }: InvalidOptions): InvalidOptions => {
  const hint = ({ detail, option }: InvalidOptions["problems"][number]) => {
    const own = Object.entries(variables).find(([, variable]) => variable === option)?.[0]
    return own !== undefined && detail === "is not set"
      ? { option: own, detail: `is missing: give it, or set ${option}` }
      : { option, detail }
  }
  return new InvalidOptions({ problems: [hint(first), ...others.map(hint)] })
}

const checkServer = (options: Server, { livekit }: Config.Given) =>
  Effect.gen(function*() {
    const apiKey = options.apiKey ?? livekit?.apiKey
    const apiSecret = options.apiSecret ?? livekit?.apiSecret
    const url = options.url ?? livekit?.url
    if (url === undefined || apiKey === undefined || apiSecret === undefined) {
      return yield* Effect.die(new Error("the server's settings were checked"))
    }
    keyedBy(Redacted.value(apiSecret))
    return { ...(yield* Check.readOrFail(server, { url }, invalid)), apiKey, apiSecret }
  })

export const checkHttp = (
  { host, metrics, metricsPort, port, token }: typeof http.Type,
  { metrics: environment }: Config.Given
): HttpSettings => ({
  port,
  host: host ?? environment?.host ?? loopback,
  metricsPort: metricsPort === false ? undefined : metricsPort ?? environment?.port ?? 8000,
  metrics: metrics ?? environment?.enabled ?? true,
  token
})

const problemsOf = (
  result: Result.Result<unknown, InvalidOptions>
): ReadonlyArray<InvalidOptions["problems"][number]> => Result.isFailure(result) ? result.failure.problems : []

/** Of options and environment, and what the environment says. */
export const check = (definition: Definition<unknown>, options: Options): Checked<readonly [Settings, Config.Given]> =>
  Effect.gen(function*() {
    const defined = Check.read(definitionSchema, definition.options)
    const asked = Check.read(run, options)
    const needs = Check.isRecord(options) ? needed(options) : []
    const surveyed = yield* Effect.result(survey({ open: definition.open, needs, refuse: told }))
    const [first, ...others] = [...problemsOf(defined), ...problemsOf(asked), ...problemsOf(surveyed)]
    if (first !== undefined) return yield* invalid(new InvalidOptions({ problems: [first, ...others] }))
    const { permissions } = Result.getOrThrow(defined)
    const settings = Result.getOrThrow(asked)
    const given = Result.getOrThrow(surveyed)
    const { http, maxJobs } = settings
    const pool = settings.pool === undefined ? undefined : { ...settings.pool, execArgv: settings.pool.execArgv ?? [] }
    return [{
      ...settings,
      ...(yield* checkServer(settings, given)),
      grants: permissions,
      maxJobs: pool === undefined ? maxJobs : pool.processes * pool.jobsPerProcess,
      pool,
      http: http === false ? undefined : checkHttp(http, given)
    }, given]
  })
