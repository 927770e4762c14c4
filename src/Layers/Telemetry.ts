/**
 * Logs as JSON lines, and logs, traces and metrics to an OpenTelemetry
 * collector.
 *
 * Each is one layer around the program:
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as Telemetry from "effect-voice/Layers/Telemetry"
 *
 * const telemetry = Telemetry.layerOtlp({ url: "http://localhost:4318", serviceName: "desk" }).pipe(
 *   Layer.provideMerge(Telemetry.layerJson())
 * )
 *
 * const program = Effect.logInfo("hello").pipe(Effect.provide(telemetry))
 * ```
 *
 * The order matters: the collector gets the logs beside the loggers that are there before it. Logs
 * and spans carry the ids of `Metrics.annotationNames`, and never words of a conversation.
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
import * as LogLevel from "effect/LogLevel"
import * as Otlp from "effect/observability/Otlp"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type { InvalidOptions } from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import { spanLogger } from "../internal/spanLog.ts"

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

const json = Check.struct<JsonOptions>()({
  minimumLevel: Check.oneOf<ReadonlyArray<LogLevel.LogLevel>, {}>(LogLevel.values),
  to: Check.oneOf(["stdout", "stderr"])
})

/**
 * Replaces the loggers by one that writes a JSON object a line.
 *
 * **Details**
 *
 * Log annotations are in `annotations`. The first 128 lines also become events
 * of the span in which they are logged. Throws `Failure.InvalidOptions` if an option is wrong.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerJson = (options: JsonOptions = {}): Layer.Layer<never> => {
  Check.readOrThrow(json, options)
  const loggers = Logger.layer([
    options.to === "stderr" ? Logger.withConsoleError(Logger.formatJson) : Logger.consoleJson,
    spanLogger
  ])
  return options.minimumLevel === undefined
    ? loggers
    : Layer.merge(loggers, Layer.succeed(References.MinimumLogLevel, options.minimumLevel))
}

// More often than this sends nothing but requests (ms).
const shortest = 10

const otlp = Check.struct<OtlpOptions>()({
  url: Check.required(Check.url(["https:", "http:"])),
  serviceName: Check.text({ default: "effect-voice" }),
  serviceVersion: Check.text(),
  attributes: Check.texts,
  headers: Check.such<NonNullable<OtlpOptions["headers"]>>(
    (given) => Check.isRecord(given) && Object.values(given).every(Redacted.isRedacted),
    "be an object of headers whose values are Redacted, such as { authorization: Redacted.make(\"…\") }"
  ),
  compression: Check.oneOf(["gzip", "none"]),
  logsInterval: Check.duration({ least: shortest, default: "1 second" }),
  metricsInterval: Check.duration({ least: shortest, default: "10 seconds" }),
  tracesInterval: Check.duration({ least: shortest, default: "5 seconds" }),
  shutdownTimeout: Check.duration({ default: "3 seconds" })
})

// The exporter would read OTEL_… variables by itself.
const silent = ConfigProvider.layer(ConfigProvider.fromUnknown({}))

/**
 * Sends logs, traces and metrics over OTLP (HTTP, JSON).
 *
 * **Details**
 *
 * The rest of the buffer is sent when the scope closes. A collector that cannot be reached never
 * fails the program: after three retries what is buffered is dropped, and a minute later it is
 * tried again. Fails if an interval is wrong.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOtlp = (options: OtlpOptions): Layer.Layer<never, InvalidOptions> =>
  Layer.unwrap(Effect.map(Check.readOrFail(otlp, options, (wrong) => wrong), sending))

const sending = (options: typeof otlp.Type): Layer.Layer<never> =>
  Otlp.layerJson({
    baseUrl: options.url,
    resource: {
      serviceName: options.serviceName,
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
): Layer.Layer<never, InvalidOptions | EffectConfig.ConfigError> => layerFrom(EffectConfig.unwrap(options), layerOtlp)
