import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Tracer } from "effect"
import * as Telemetry from "effect-voice/Layers/Telemetry"

// Around the whole program: JSON lines on stdout, and logs, traces and metrics to a collector.
export const exporters = Telemetry.layerOtlp({
  url: "http://127.0.0.1:4318",
  serviceName: "desk",
  headers: { authorization: Redacted.make("Bearer …") },
  compression: "gzip",
  shutdownTimeout: "1 second"
}).pipe(Layer.provideMerge(Telemetry.layerJson()))

// The same where the standard variables say it: `Worker.serve(definition).pipe(Effect.provide(fromEnvironment))`.
export const fromEnvironment = Telemetry.layerOtlpConfig().pipe(Layer.provideMerge(Telemetry.layerJson()))

it.live("is what spans go to, by either way", () =>
  Effect.gen(function*() {
    for (const layer of [exporters, fromEnvironment]) {
      const tracer = yield* Effect.provide(Effect.tracer, layer)
      assert.notStrictEqual(tracer, Tracer.nativeTracer)
    }
  }).pipe(
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318"
    })))
  ))
