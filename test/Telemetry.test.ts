import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Console, Effect, Layer, Logger, Metric, Redacted, References } from "effect"
import { type Event, Metrics } from "effect-voice"
import * as Telemetry from "effect-voice/Layers/Telemetry"
import { createServer } from "node:http"

interface Hit {
  readonly path: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
}

const collector = (status: number | "silent" = 200) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly hits: ReadonlyArray<Hit>; readonly close: () => void }>(
      (resume) => {
        const hits: Array<Hit> = []
        const server = createServer((request, response) => {
          let body = ""
          request.on("data", (chunk) => {
            body += String(chunk)
          })
          request.on("end", () => {
            hits.push({ path: request.url ?? "", headers: request.headers, body })
            if (status !== "silent") {
              response.writeHead(status).end("{}")
            }
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            server.closeAllConnections()
            server.close()
          }
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, hits, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const printed = () => {
  const out: Array<string> = []
  const err: Array<string> = []
  const console: Console.Console = {
    ...globalThis.console,
    log: (line: unknown) => void out.push(String(line)),
    error: (line: unknown) => void err.push(String(line))
  }
  return { out, err, provide: Effect.provideService(Console.Console, console) }
}

interface Line {
  readonly message: unknown
  readonly level: string
  readonly annotations: Readonly<Record<string, unknown>>
}

const parse = (lines: ReadonlyArray<string>) => lines.map((line) => JSON.parse(line) as Line)

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string; readonly doubleValue?: number }
}

const attributes = (list: ReadonlyArray<Attribute>): Record<string, string> =>
  Object.fromEntries(
    list.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue ?? value.doubleValue)])
  )

interface Resource {
  readonly attributes: ReadonlyArray<Attribute>
}

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: ReadonlyArray<Attribute>
}

interface Traces {
  readonly resourceSpans: ReadonlyArray<
    { readonly resource: Resource; readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }> }
  >
}

interface Logs {
  readonly resourceLogs: ReadonlyArray<{
    readonly scopeLogs: ReadonlyArray<{
      readonly logRecords: ReadonlyArray<
        { readonly body: unknown; readonly traceId?: string; readonly attributes: ReadonlyArray<Attribute> }
      >
    }>
  }>
}

interface Points {
  readonly name: string
  readonly unit: string
  readonly sum?: { readonly dataPoints: ReadonlyArray<{ readonly asDouble: number }> }
  readonly histogram?: { readonly dataPoints: ReadonlyArray<{ readonly count: number; readonly sum: number }> }
}

interface MetricsBody {
  readonly resourceMetrics: ReadonlyArray<
    { readonly scopeMetrics: ReadonlyArray<{ readonly metrics: ReadonlyArray<Points> }> }
  >
}

const bodies = <A>(hits: ReadonlyArray<Hit>, path: string): ReadonlyArray<A> =>
  hits.filter((hit) => hit.path === path).map((hit) => JSON.parse(hit.body) as A)

const ids = Metrics.annotations({ session: "s-1", turn: 2, participant: "caller", job: "job-7" })

const said = "my card number is 4711"

const events: ReadonlyArray<Event.Event> = [
  { _tag: "SessionStarted", at: 0, session: "s-1" },
  { _tag: "UserSpeechCommitted", at: 1, turn: 1, id: "m-1", text: said, source: "voice" },
  {
    _tag: "LlmMeasured",
    at: 2,
    speech: "speech-1",
    provider: "openai",
    firstTokenMs: 100,
    requestMs: 400,
    inputTokens: 10,
    outputTokens: 5
  }
]

const work = Effect.gen(function*() {
  const record = yield* Metrics.recorder
  for (const event of events) {
    record(event)
  }
  yield* Effect.logInfo("turn committed").pipe(Effect.withSpan("Llm.reply"))
}).pipe(Effect.withSpan("turn"), Effect.annotateSpans(ids), Effect.annotateLogs(ids))

const isolated = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.provideService(self, Metric.MetricRegistry, new Map())

const quiet = Effect.provide(Logger.layer([]))

describe("Telemetry", () => {
  describe("layerJson", () => {
    it.effect("writes one JSON object a line, with the ids of the conversation", () => {
      const { err, out, provide } = printed()
      return Effect.gen(function*() {
        yield* work
        yield* Effect.logWarning("first\nsecond")
        yield* Effect.logDebug("not shown")
      }).pipe(
        Effect.provide(Telemetry.layerJson()),
        provide,
        Effect.map(() => {
          assert.isTrue(out.every((line) => !line.includes("\n")))
          const [first, second, ...others] = parse(out)
          assert.deepStrictEqual([first!.message, first!.level], ["turn committed", "INFO"])
          assert.deepStrictEqual(first!.annotations, { session: "s-1", turn: 2, participant: "caller", job: "job-7" })
          assert.deepStrictEqual([second!.message, second!.level], ["first\nsecond", "WARN"])
          assert.deepStrictEqual([others, err], [[], []])
        })
      )
    })

    it.effect("writes to stderr and from another level on when told so", () => {
      const { err, out, provide } = printed()
      return Effect.logDebug("shown").pipe(
        Effect.provide(Telemetry.layerJson({ to: "stderr", minimumLevel: "Debug" })),
        provide,
        Effect.map(() => {
          assert.deepStrictEqual(parse(err).map(({ message }) => message), ["shown"])
          assert.deepStrictEqual(out, [])
        })
      )
    })

    it.effect("leaves the level alone when it is not told", () => {
      const { out, provide } = printed()
      return Effect.logInfo("hidden").pipe(
        Effect.provide(Telemetry.layerJson()),
        Effect.provideService(References.MinimumLogLevel, "Error"),
        provide,
        Effect.map(() => assert.deepStrictEqual(out, []))
      )
    })
  })

  describe("layerOtlp", () => {
    it.live("brings traces, logs and metrics to a collector when the scope closes", () =>
      Effect.gen(function*() {
        const { hits, url } = yield* collector()
        yield* work.pipe(Effect.provide(Telemetry.layerOtlp({
          url,
          serviceName: "desk",
          serviceVersion: "1.2.3",
          attributes: { region: "eu" },
          headers: { authorization: Redacted.make("Bearer t0ken") },
          logsInterval: "1 hour",
          metricsInterval: "1 hour",
          tracesInterval: "1 hour"
        })))
        assert.deepStrictEqual([...new Set(hits.map(({ path }) => path))].sort(), [
          "/v1/logs",
          "/v1/metrics",
          "/v1/traces"
        ])
        assert.isTrue(hits.every(({ headers }) => headers["authorization"] === "Bearer t0ken"))

        const [traces] = bodies<Traces>(hits, "/v1/traces")
        const { resource, scopeSpans } = traces!.resourceSpans[0]!
        const named = attributes(resource.attributes)
        assert.deepStrictEqual(
          [named["service.name"], named["service.version"], named["region"]],
          ["desk", "1.2.3", "eu"]
        )
        const spans = scopeSpans.flatMap((scope) => scope.spans)
        const turn = spans.find(({ name }) => name === "turn")!
        const reply = spans.find(({ name }) => name === "Llm.reply")!
        assert.strictEqual(spans.length, 2)
        assert.strictEqual(reply.parentSpanId, turn.spanId)
        for (const span of spans) {
          assert.deepInclude(attributes(span.attributes), {
            session: "s-1",
            turn: "2",
            participant: "caller",
            job: "job-7"
          })
        }

        const [logs] = bodies<Logs>(hits, "/v1/logs")
        const records = logs!.resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
        assert.deepStrictEqual(records.map(({ body }) => body), [{ stringValue: "turn committed" }])
        assert.strictEqual(records[0]!.traceId, turn.traceId)
        assert.deepInclude(attributes(records[0]!.attributes), { session: "s-1", turn: "2" })

        const [measured] = bodies<MetricsBody>(hits, "/v1/metrics")
        const metrics = measured!.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((s) => s.metrics))
        const metric = (name: string) => metrics.find((one) => one.name === name)!
        assert.strictEqual(metric("agent_conversations_total").sum?.dataPoints[0]?.asDouble, 1)
        assert.strictEqual(metric("messages_processed").sum?.dataPoints[0]?.asDouble, 1)
        assert.strictEqual(metric("llm_response_time").histogram?.dataPoints[0]?.sum, 400)
        assert.strictEqual(metric("llm_response_time").unit, "ms")

        assert.isTrue(hits.every(({ body }) => !body.includes(said) && !body.includes("t0ken")))
      }).pipe(isolated, quiet))

    it.live("works beside JSON logs, around which it goes", () => {
      const { out, provide } = printed()
      return Effect.gen(function*() {
        const { hits, url } = yield* collector()
        yield* work.pipe(
          Effect.provide(Telemetry.layerOtlp({ url }).pipe(Layer.provideMerge(Telemetry.layerJson()))),
          provide
        )
        assert.deepStrictEqual(parse(out).map(({ message }) => message), ["turn committed"])
        assert.strictEqual(hits.filter(({ path }) => path === "/v1/logs").length, 1)
        assert.include(hits.find(({ path }) => path === "/v1/logs")!.body, "turn committed")
      }).pipe(isolated)
    })

    it.live("does not fail the program when there is no collector", () =>
      Effect.gen(function*() {
        const { close, url } = yield* collector()
        close()
        const result = yield* work.pipe(
          Effect.as("done"),
          Effect.provide(Telemetry.layerOtlp({ url, shutdownTimeout: "50 millis" }))
        )
        assert.strictEqual(result, "done")
      }).pipe(isolated, quiet))

    it.live("waits for a collector that never answers only as long as it is told", () =>
      Effect.gen(function*() {
        const { hits, url } = yield* collector("silent")
        yield* work.pipe(
          Effect.provide(Telemetry.layerOtlp({ url, shutdownTimeout: "1 second" })),
          Effect.timeout("20 seconds")
        )
        assert.isNotEmpty(hits)
      }).pipe(isolated, quiet))

    it.live("survives a collector that refuses", () =>
      Effect.gen(function*() {
        const { hits, url } = yield* collector(403)
        assert.strictEqual(
          yield* work.pipe(Effect.as("done"), Effect.provide(Telemetry.layerOtlp({ url }))),
          "done"
        )
        assert.isNotEmpty(hits)
      }).pipe(isolated, quiet))

    it.live("does not read the environment", () =>
      Effect.gen(function*() {
        const { hits, url } = yield* collector()
        yield* work.pipe(
          Effect.provide(Telemetry.layerOtlp({ url })),
          Effect.provideService(
            ConfigProvider.ConfigProvider,
            ConfigProvider.fromEnvRecord({ OTEL_SERVICE_NAME: "env", OTEL_RESOURCE_ATTRIBUTES: "team=env" })
          )
        )
        const [traces] = bodies<Traces>(hits, "/v1/traces")
        const { "service.name": name, team } = attributes(traces!.resourceSpans[0]!.resource.attributes)
        assert.deepStrictEqual([name, team], ["effect-voice", undefined])
      }).pipe(isolated, quiet))
  })

  describe("layerOtlpConfig", () => {
    it.live("goes where the standard variables say", () =>
      Effect.gen(function*() {
        const { hits, url } = yield* collector()
        yield* work.pipe(
          Effect.provide(Telemetry.layerOtlpConfig()),
          Effect.provideService(
            ConfigProvider.ConfigProvider,
            ConfigProvider.fromEnvRecord({
              OTEL_EXPORTER_OTLP_ENDPOINT: url,
              OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b,x-team=voice",
              OTEL_SERVICE_NAME: "desk"
            })
          )
        )
        assert.strictEqual(new Set(hits.map(({ path }) => path)).size, 3)
        assert.isTrue(hits.every(({ headers }) => headers["x-key"] === "a b" && headers["x-team"] === "voice"))
        const [traces] = bodies<Traces>(hits, "/v1/traces")
        assert.strictEqual(attributes(traces!.resourceSpans[0]!.resource.attributes)["service.name"], "desk")
      }).pipe(isolated, quiet))

    it.effect("names the variable that is missing", () =>
      Effect.gen(function*() {
        const error = yield* Layer.build(Telemetry.layerOtlpConfig()).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({})),
          Effect.flip
        )
        assert.include(error.message, "OTEL_EXPORTER_OTLP_ENDPOINT")
      }))
  })
})
