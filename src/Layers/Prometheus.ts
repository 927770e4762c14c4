/**
 * A small HTTP server for operators: metrics for Prometheus, and health as the
 * program tells it.
 *
 * It shows every Effect metric of the registry in which the layer is built:
 * those of `Metrics` from zero on, and whatever else the program counts. It
 * needs no worker and no room. Closing the layer's scope closes the port and
 * all connections, the idle ones at once.
 *
 * Needs `@effect/platform-node`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as EffectConfig from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import type * as HttpServerError from "effect/http/HttpServerError"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Config from "../Config.ts"
import { InvalidOptions } from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import { asItself, openHttpServer } from "../internal/httpServer.ts"
import * as Check from "../internal/options.ts"
import { logFailure } from "../internal/worker/failureLog.ts"
import * as Metrics from "../Metrics.ts"

/**
 * Another program listens on the port.
 *
 * @category errors
 * @since 0.1.0
 */
export class PortInUse extends Schema.TaggedError<PortInUse>("effect-voice/Layers/Prometheus/PortInUse")("PortInUse", {
  port: Schema.Int
}) {
  override get message(): string {
    return `port ${this.port} is in use: choose another with METRICS_PORT, or with the option port`
  }
}

/**
 * The system does not let the server listen; `code` is its reason.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenFailed extends Schema.TaggedError<ListenFailed>("effect-voice/Layers/Prometheus/ListenFailed")(
  "ListenFailed",
  { port: Schema.Int, code: Schema.String }
) {
  override get message(): string {
    return `cannot listen on port ${this.port} (${this.code}): check the options host and port`
  }
}

/**
 * Why there is no metrics server.
 *
 * @category errors
 * @since 0.1.0
 */
export class PrometheusError
  extends Schema.TaggedError<PrometheusError>("effect-voice/Layers/Prometheus/PrometheusError")("PrometheusError", {
    reason: Schema.Union([PortInUse, ListenFailed, InvalidOptions])
  })
{
  override get message(): string {
    return this.reason.message
  }
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Port; 0 lets the system choose, and the service tells. @default 8000 */
  readonly port?: number | undefined
  /**
   * Address to listen on; `0.0.0.0` for every one of the machine. On loopback, only who asks for this machine by its own
   * name is answered.
   *
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined
  /** Where the metrics are. @default "/metrics" */
  readonly path?: `/${string}` | undefined
  /** Asked at `/health`: 200 where it says so, 503 where it does not, fails (which is logged once), or takes five seconds. @default `/health` is not found */
  readonly health?: Effect.Effect<boolean, unknown> | undefined
  /** The same at `/ready`. @default `/ready` is not found */
  readonly ready?: Effect.Effect<boolean, unknown> | undefined
  /** Without them, `path` is not found; `/health` and `/ready` stay as they are. @default true */
  readonly enabled?: boolean | undefined
  /** Goes before all names but those that begin with `agent_`, joined by `_`. @default "" */
  readonly prefix?: string | undefined
}

/**
 * The server that listens.
 *
 * @category services
 * @since 0.1.0
 */
export class Prometheus extends Context.Service<Prometheus, {
  readonly port: number
}>()("effect-voice/Layers/Prometheus") {}

const listenError = (port: number) => (error: HttpServerError.ServeError): PrometheusError => {
  const code = Predicate.hasProperty(error.cause, "code") ? String(error.cause.code) : "unknown"
  return new PrometheusError({
    reason: code === "EADDRINUSE" ? new PortInUse({ port }) : new ListenFailed({ port, code })
  })
}

const schema = Check.struct<Options>()({
  port: Check.port({ default: 8000 }),
  host: Check.text({ default: "127.0.0.1" }),
  path: Check.made<`/${string}`, `/${string}`>((path) => path.startsWith("/") ? path : undefined, "begin with /"),
  enabled: Check.flag({ default: true }),
  prefix: Check.words,
  health: Check.effect,
  ready: Check.effect
})

type Settings = typeof schema.Type

const ok = HttpServerResponse.text("ok\n")
const failing = HttpServerResponse.text("failing\n", { status: 503 })
const notFound = HttpServerResponse.text("not found\n", { status: 404 })
const notAllowed = HttpServerResponse.text("use GET\n", { status: 405, headers: { allow: "GET, HEAD" } })

const patience = "5 seconds"

/** What a check says; that it breaks is told once, until it says something again. */
const makeAnswer = (
  option: "health" | "ready",
  check: Effect.Effect<boolean, unknown>
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  let isTold = false
  const late = Effect.fail(new Cause.TimeoutError(`${option} took more than ${patience}`))
  return Effect.timeoutOrElse(check, { duration: patience, orElse: () => late }).pipe(
    Effect.tap(() => Effect.sync(() => void (isTold = false))),
    Effect.catchCause((cause) => {
      const isNew = !isTold
      isTold = true
      return Effect.as(
        isNew ? logFailure(`the option ${option} has failed: it answers 503`, cause) : Effect.void,
        false
      )
    }),
    Effect.map((well) => well ? ok : failing)
  )
}

const responder = (
  { enabled, health, path = "/metrics", prefix: asked = "", ready }: Settings,
  context: Context.Context<never>
) => {
  const prefix = asked === "" ? "" : `${asked}_`
  const metricNameMapper = (name: string) => name.startsWith("agent_") ? name : `${prefix}${name}`
  const metrics = Effect.sync(() =>
    HttpServerResponse.text(PrometheusMetrics.formatUnsafe(context, { metricNameMapper }), {
      contentType: "text/plain; version=0.0.4; charset=utf-8"
    })
  )
  const answers = {
    health: health && makeAnswer("health", health),
    ready: ready && makeAnswer("ready", ready)
  }
  const found = (target: string | undefined): Effect.Effect<HttpServerResponse.HttpServerResponse> | undefined => {
    if (target === path) return enabled ? metrics : undefined
    if (target === "/health") return answers.health
    return target === "/ready" ? answers.ready : undefined
  }
  return (request: HttpServerRequest.HttpServerRequest): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    const response = found(request.url.split("?", 1)[0])
    if (response === undefined) return Effect.succeed(notFound)
    return request.method === "GET" || request.method === "HEAD" ? response : Effect.succeed(notAllowed)
  }
}

/**
 * Serves `/metrics`, and `/health` and `/ready` where the program says what they mean.
 *
 * **Example**
 *
 * ```ts
 * import * as Prometheus from "effect-voice/Layers/Prometheus"
 *
 * const layer = Prometheus.layer({ port: 9090 })
 * ```
 *
 * @see `Metrics` for the names of all metrics
 * @see `Layers/Telemetry` to send metrics to a collector
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Prometheus, PrometheusError> =>
  Layer.effect(
    Prometheus,
    Effect.gen(function*() {
      const settings = yield* Check.readOrFail(schema, options, (reason) => new PrometheusError({ reason }))
      const { host, port } = settings
      const context = yield* Effect.context<never>()
      yield* Metrics.register
      const listening = yield* openHttpServer({ port, host }).pipe(Effect.mapError(listenError(port)))
      yield* listening.http.serve(asItself(host)(responder(settings, context)))
      return { port: listening.port }
    }).pipe(Effect.provideService(HttpMiddleware.TracerDisabledWhen, constTrue))
  )

/**
 * Serves as `ENABLE_METRICS`, `METRICS_PORT` and `METRICS_HOST` say, or as the given config.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: EffectConfig.Wrap<Options> = Config.metrics
): Layer.Layer<Prometheus, PrometheusError | EffectConfig.ConfigError> => layerFrom(EffectConfig.unwrap(options), layer)
