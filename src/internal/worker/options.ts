/** Options of definitions and of runs, checked. */
import type * as EffectConfig from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Config from "../../Config.ts"
import type { Room, RoomError } from "../../Room.ts"
import type { Definition, Entrance, HttpOptions, Options, PoolOptions } from "../../Worker.ts"
import { millisOf } from "../provider/options.ts"
import { invalid, type WorkerError } from "./errors.ts"
import type { Framing, Grants } from "./protocol.ts"

export interface JobSettings {
  readonly connect: (entrance: Entrance) => Effect.Effect<Room["Service"], RoomError, Scope.Scope>
  readonly joinTimeout: number
  readonly shutdownTimeout: number
  readonly callbackTimeout: number
  readonly leaveTimeout: number
  readonly afterRoom: number
  readonly prewarmTimeout: number
}

export interface PoolSettings {
  readonly module: string
  readonly processes: number
  readonly jobsPerProcess: number
  readonly memoryWarning: number
  readonly memoryLimit: number
  readonly execArgv: ReadonlyArray<string>
}

export interface HttpSettings {
  readonly port: number
  readonly host: string | undefined
  readonly metricsPort: number | undefined
  readonly metrics: boolean
  readonly token: Redacted.Redacted | undefined
}

export interface Settings {
  readonly url: string
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
  readonly framing: Framing
  readonly grants: Grants
  readonly retries: number
  readonly retryDelay: number
  readonly reconnects: number
  readonly maxJobs: number
  readonly load: Options["load"]
  readonly loadThreshold: number
  readonly drainTimeout: number
  readonly pool: PoolSettings | undefined
  readonly http: HttpSettings | undefined
}

type Checked<A> = Effect.Effect<A, WorkerError>

const millis = (option: string, input: Duration.Input | undefined, fallback: number): Checked<number> =>
  Effect.suspend(() => {
    if (input === undefined) return Effect.succeed(fallback)
    const ms = millisOf(input)
    return ms >= 0 && ms <= 7 * 86_400_000
      ? Effect.succeed(ms)
      : Effect.fail(invalid(option, "must be a duration of at most 7 days, such as \"15 seconds\""))
  })

const whole = (option: string, value: number | undefined, fallback: number, least: number, most: number) =>
  Effect.suspend((): Checked<number> =>
    value === undefined
      ? Effect.succeed(fallback)
      : Number.isInteger(value) && value >= least && value <= most
      ? Effect.succeed(value)
      : Effect.fail(invalid(option, `must be a whole number from ${least} to ${most}, not ${value}`))
  )

// Native code is for those who need it.
const joinLiveKit: JobSettings["connect"] = ({ admin, autoSubscribe, token, url }) =>
  Effect.flatMap(
    Effect.promise(() => import("../livekit/served.ts")),
    ({ joinServed }) => joinServed({ url, token, admin, autoSubscribe })
  )

export const checkDefinition = (definition: Definition<unknown>): Checked<JobSettings> =>
  Effect.gen(function*() {
    const { options } = definition
    return {
      connect: options.connect ?? joinLiveKit,
      joinTimeout: yield* millis("joinTimeout", options.joinTimeout, 15_000),
      shutdownTimeout: yield* millis("shutdownTimeout", options.shutdownTimeout, 15_000),
      callbackTimeout: yield* millis("callbackTimeout", options.callbackTimeout, 10_000),
      leaveTimeout: 10_000,
      afterRoom: yield* millis("afterRoom", options.afterRoom, 60_000),
      prewarmTimeout: yield* millis("prewarmTimeout", options.prewarmTimeout, 60_000)
    }
  })

/** Where workers register: the server's URL, spoken as WebSocket, with `/agent`. */
export const agentUrl = (url: string): string => {
  const parsed = new URL(url)
  parsed.protocol = parsed.protocol.replace("http", "ws")
  parsed.pathname = `${parsed.pathname.replace(/\/+$/, "")}/agent`
  return parsed.href
}

const checkUrl = (url: string): Checked<string> =>
  /^(ws|http)s?:$/.test(URL.parse(url)?.protocol ?? "")
    ? Effect.succeed(url)
    : Effect.fail(invalid("url", "must begin with ws://, wss://, http:// or https://"))

/** All that is wrong with the environment, by the names of its variables. */
const unreadable = (error: EffectConfig.ConfigError): WorkerError => {
  const [first, ...others] = Config.problems(error)
  if (first === undefined) return invalid("the environment", "cannot be read")
  return invalid(
    first.variable,
    [first.detail, ...others.map(({ detail, variable }) => `${variable} ${detail}`)].join("; ")
  )
}

const variables = { url: "LIVEKIT_URL", apiKey: "LIVEKIT_API_KEY", apiSecret: "LIVEKIT_API_SECRET" } as const

const checkServer = Effect.fnUntraced(function*(options: Options) {
  const { apiKey, apiSecret, url } = options
  const complete = url !== undefined && apiKey !== undefined && apiSecret !== undefined
  const environment = complete ? undefined : yield* Effect.mapError(Config.livekit, unreadable)
  const found = {
    url: url ?? environment?.url,
    apiKey: apiKey ?? environment?.apiKey,
    apiSecret: apiSecret ?? environment?.apiSecret
  }
  if (found.url === undefined || found.apiKey === undefined || found.apiSecret === undefined) {
    const missing = (["url", "apiKey", "apiSecret"] as const).filter((name) => found[name] === undefined)
    return yield* invalid(
      missing.join(", "),
      `${missing.length === 1 ? "is missing: give it" : "are missing: give them"}, or set ${
        missing.map((name) => variables[name]).join(", ")
      }`
    )
  }
  return { url: yield* checkUrl(found.url), apiKey: found.apiKey, apiSecret: found.apiSecret }
})

const checkPool = Effect.fnUntraced(function*(pool: PoolOptions | undefined): Effect.fn.Return<
  PoolSettings | undefined,
  WorkerError
> {
  if (pool === undefined) return undefined
  if (URL.parse(pool.module)?.protocol !== "file:") {
    return yield* invalid("pool.module", "must be the file: URL of the module that exports the definition by default")
  }
  return {
    module: pool.module,
    processes: yield* whole("pool.processes", pool.processes, 2, 1, 64),
    jobsPerProcess: yield* whole("pool.jobsPerProcess", pool.jobsPerProcess, 8, 1, 1000),
    memoryWarning: yield* whole("pool.memoryWarning", pool.memoryWarning, 1000, 1, 1_000_000),
    memoryLimit: yield* whole("pool.memoryLimit", pool.memoryLimit, 2000, 1, 1_000_000),
    execArgv: pool.execArgv ?? []
  }
})

const checkHttp = Effect.fnUntraced(function*(http: HttpOptions | false | undefined): Effect.fn.Return<
  HttpSettings | undefined,
  WorkerError
> {
  if (http === false) return undefined
  const complete = http?.metrics !== undefined && http.metricsPort !== undefined
  const environment = complete ? undefined : yield* Effect.mapError(Config.metrics, unreadable)
  const metricsPort = http?.metricsPort === false
    ? undefined
    : yield* whole("http.metricsPort", http?.metricsPort ?? undefined, environment?.port ?? 8000, 0, 65_535)
  return {
    port: yield* whole("http.port", http?.port, 8081, 0, 65_535),
    host: http?.host,
    metricsPort,
    metrics: http?.metrics ?? environment?.enabled ?? true,
    token: http?.token
  }
})

const checkThreshold = (value: number | undefined): Checked<number> =>
  value === undefined || (value > 0 && value <= 1)
    ? Effect.succeed(value ?? 0.7)
    : Effect.fail(invalid("loadThreshold", `must lie above 0 and not above 1, not ${value}`))

const deployable = (definition: Definition<unknown>): Checked<void> => {
  const deployment = definition.options.deployment ?? ""
  return new TextEncoder().encode(deployment).length <= 64 && !/[_\s\p{Cc}]/u.test(deployment)
    ? Effect.void
    : Effect.fail(
      invalid("deployment", "must have at most 64 bytes, without underscores, space and control characters")
    )
}

export const check = (definition: Definition<unknown>, options: Options): Checked<Settings> =>
  Effect.gen(function*() {
    yield* deployable(definition)
    if (options.framing !== undefined && options.framing !== "binary" && options.framing !== "json") {
      return yield* invalid("framing", "must be \"binary\" or \"json\"")
    }
    const permissions = definition.options.permissions ?? {}
    const pool = yield* checkPool(options.pool)
    return {
      ...(yield* checkServer(options)),
      framing: options.framing ?? "binary",
      grants: {
        publish: permissions.publish ?? true,
        subscribe: permissions.subscribe ?? true,
        publishData: permissions.publishData ?? true,
        updateMetadata: permissions.updateMetadata ?? true,
        hidden: permissions.hidden ?? false
      },
      retries: yield* whole("retries", options.retries, 3, 0, 1000),
      retryDelay: yield* millis("retryDelay", options.retryDelay, 2000),
      reconnects: yield* whole("reconnects", options.reconnects, 16, 0, 1_000_000),
      maxJobs: pool === undefined
        ? yield* whole("maxJobs", options.maxJobs, 32, 1, 10_000)
        : pool.processes * pool.jobsPerProcess,
      load: options.load,
      loadThreshold: yield* checkThreshold(options.loadThreshold),
      drainTimeout: yield* millis("drainTimeout", options.drainTimeout, 3_600_000),
      pool,
      http: yield* checkHttp(options.http)
    }
  })
