/**
 * Logs as JSON lines, and logs, traces and metrics to an OpenTelemetry
 * collector.
 *
 * Each is one layer around the program:
 *
 * ```ts
 * program.pipe(Effect.provide(
 *   Telemetry.layerOtlp({ url: "http://localhost:4318", serviceName: "desk" }).pipe(
 *     Layer.provideMerge(Telemetry.layerJson())
 *   )
 * ))
 * ```
 *
 * The order matters: the collector gets the logs beside the loggers that are
 * there before it. What is logged and traced carries the ids of
 * `Metrics.annotationNames`, and never what was said.
 *
 * @since 0.1.0
 */
import * as EffectConfig from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Otlp from "effect/observability/Otlp"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { layerFrom } from "../internal/config/variable.ts"
import { millisOf } from "../internal/provider/options.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface JsonOptions {
  /** Less important messages are dropped. @default what is in force, which is "Info" unless changed */
  readonly minimumLevel?: LogLevel.LogLevel | undefined
  /** Where the lines go. @default "stdout" */
  readonly to?: "stdout" | "stderr" | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface OtlpOptions {
  /** Base URL of the collector; `/v1/logs`, `/v1/metrics` and `/v1/traces` are below it. */
  readonly url: string
  /** @default "effect-voice" */
  readonly serviceName?: string | undefined
  /** @default none */
  readonly serviceVersion?: string | undefined
  /** Further attributes of the resource. @default {} */
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** Sent with every request: keys belong here. @default {} */
  readonly headers?: Readonly<Record<string, Redacted.Redacted>> | undefined
  /** Compression of requests above 1 KB. @default "none" */
  readonly compression?: "gzip" | "none" | undefined
  /** @default "1 second" */
  readonly logsInterval?: Duration.Input | undefined
  /** @default "10 seconds" */
  readonly metricsInterval?: Duration.Input | undefined
  /** @default "5 seconds" */
  readonly tracesInterval?: Duration.Input | undefined
  /** Longest time for what is left when the scope closes. @default "3 seconds" */
  readonly shutdownTimeout?: Duration.Input | undefined
}

/**
 * An option has a value that nothing can be sent with.
 *
 * @category errors
 * @since 0.1.0
 */
export class TelemetryError extends Schema.TaggedError<TelemetryError>("effect-voice/Layers/Telemetry/TelemetryError")(
  "TelemetryError",
  { option: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `${this.option} ${this.detail}`
  }
}

/**
 * Replaces the loggers by one that writes a JSON object a line.
 *
 * **Details**
 *
 * Log annotations are in `annotations`. Lines also become events of the span
 * in which they are logged.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerJson = (options?: JsonOptions): Layer.Layer<never> => {
  const loggers = Logger.layer([
    options?.to === "stderr" ? Logger.withConsoleError(Logger.formatJson) : Logger.consoleJson,
    Logger.tracerLogger
  ])
  return options?.minimumLevel === undefined
    ? loggers
    : Layer.merge(loggers, Layer.succeed(References.MinimumLogLevel, options.minimumLevel))
}

// More often than this sends nothing but requests.
const shortestMs = 10

// The exporter would read OTEL_… variables by itself.
const silent = ConfigProvider.layer(ConfigProvider.fromUnknown({}))

/**
 * Sends logs, traces and metrics over OTLP (HTTP, JSON).
 *
 * **Details**
 *
 * What is buffered is sent when the scope closes. A collector that cannot be
 * reached never fails the program: after three retries what is buffered is
 * dropped, and a minute later it is tried again. Fails where an interval cannot
 * be.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOtlp = (options: OtlpOptions): Layer.Layer<never, TelemetryError> =>
  Layer.provideMerge(sending(options), Layer.effectDiscard(check(options)))

const check = (options: OtlpOptions): Effect.Effect<void, TelemetryError> =>
  Effect.gen(function*() {
    for (const option of ["logsInterval", "metricsInterval", "tracesInterval", "shutdownTimeout"] as const) {
      const ms = millisOf(options[option] ?? "1 second")
      if (option === "shutdownTimeout" ? ms >= 0 : ms >= shortestMs) continue
      return yield* new TelemetryError({
        option,
        detail: `must be a duration of ${option === "shutdownTimeout" ? 0 : shortestMs} ms or more, such as "5 seconds"`
      })
    }
  })

const sending = (options: OtlpOptions): Layer.Layer<never> =>
  Otlp.layerJson({
    baseUrl: options.url,
    resource: {
      serviceName: options.serviceName ?? "effect-voice",
      serviceVersion: options.serviceVersion,
      attributes: { ...options.attributes }
    },
    headers: Record.map(options.headers ?? {}, (header) => Redacted.value(header)),
    compression: options.compression,
    loggerExportInterval: options.logsInterval,
    metricsExportInterval: options.metricsInterval,
    tracerExportInterval: options.tracesInterval,
    shutdownTimeout: options.shutdownTimeout
  }).pipe(Layer.provide([FetchHttpClient.layer, silent]))

const standard: EffectConfig.Config<OtlpOptions> = EffectConfig.all({
  url: EffectConfig.String("OTEL_EXPORTER_OTLP_ENDPOINT"),
  serviceName: EffectConfig.String("OTEL_SERVICE_NAME").pipe(EffectConfig.withDefault(undefined)),
  headers: EffectConfig.Record(
    Schema.String,
    Schema.Redacted(Schema.StringFromUriComponent),
    "OTEL_EXPORTER_OTLP_HEADERS"
  ).pipe(EffectConfig.withDefault(undefined))
})

/**
 * Sends to where the standard variables `OTEL_EXPORTER_OTLP_ENDPOINT`,
 * `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_SERVICE_NAME` say, or as the given
 * config.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOtlpConfig = (
  options: EffectConfig.Wrap<OtlpOptions> = standard
): Layer.Layer<never, TelemetryError | EffectConfig.ConfigError> => layerFrom(EffectConfig.unwrap(options), layerOtlp)
