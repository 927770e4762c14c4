import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Context, Effect, Exit, Layer, Logger, Metric, Scope, Tracer } from "effect"
import { type Event, Failure, Metrics } from "effect-voice"
import * as Prometheus from "effect-voice/Layers/Prometheus"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { connect } from "node:net"

const start = (options?: Prometheus.Options) =>
  Layer.build(Prometheus.layer({ port: 0, host: "127.0.0.1", ...options })).pipe(
    Effect.map((context) => Context.get(context, Prometheus.Prometheus).port)
  )

const request = (port: number, path: string, method: "GET" | "POST" | "HEAD" = "GET") =>
  HttpClient.execute(HttpClientRequest.make(method)(`http://127.0.0.1:${port}${path}`)).pipe(
    Effect.flatMap((response) =>
      Effect.map(response.text, (text) => ({ status: response.status, type: response.headers["content-type"], text }))
    ),
    Effect.provide(FetchHttpClient.layer)
  )

const isolated = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.provideService(self, Metric.MetricRegistry, new Map())

const conversation: ReadonlyArray<Event.Event> = [
  { _tag: "SessionStarted", at: 0, session: "s-1" },
  {
    _tag: "TurnMeasured",
    at: 1900,
    record: {
      turn: 1,
      speech: "speech-1",
      source: "voice",
      userStoppedAt: 1000,
      committedAt: 1500,
      audibleAt: 1700,
      endOfUtterance: 500,
      transcriptionDelay: 220,
      tools: 0,
      llmFirstToken: 100,
      firstSentence: 50,
      ttsFirstByte: 50,
      playoutStart: 0,
      total: 700,
      ttsMs: 50,
      steps: 1,
      toolCalls: 0,
      inputTokens: 10,
      outputTokens: 10,
      audioMs: 1000,
      preempted: false,
      interrupted: false
    }
  },
  {
    _tag: "ProviderFailed",
    at: 1,
    component: "stt",
    provider: "openai",
    reason: new Failure.EndedEarly(),
    recovered: true
  }
]

const lines = (text: string, name: string) => text.split("\n").filter((line) => line.includes(name))

describe("Prometheus", () => {
  it.live("serves the three metrics whose names are fixed", () =>
    Effect.gen(function*() {
      const port = yield* start()
      const record = yield* Metrics.recorder
      for (const event of conversation) {
        record(event)
      }
      const { status, text, type } = yield* request(port, "/metrics")
      assert.strictEqual(status, 200)
      assert.strictEqual(type, "text/plain; version=0.0.4; charset=utf-8")
      assert.deepStrictEqual(lines(text, "agent_response_time_seconds"), [
        "# HELP agent_response_time_seconds Time taken for agent to respond, in seconds",
        "# TYPE agent_response_time_seconds histogram",
        "agent_response_time_seconds_bucket{le=\"0.1\"} 0",
        "agent_response_time_seconds_bucket{le=\"0.5\"} 0",
        "agent_response_time_seconds_bucket{le=\"1\"} 1",
        "agent_response_time_seconds_bucket{le=\"2\"} 1",
        "agent_response_time_seconds_bucket{le=\"5\"} 1",
        "agent_response_time_seconds_bucket{le=\"+Inf\"} 1",
        "agent_response_time_seconds_sum 0.7",
        "agent_response_time_seconds_count 1"
      ])
      assert.deepStrictEqual(lines(text, "agent_conversations_total").slice(1), [
        "# TYPE agent_conversations_total counter",
        "agent_conversations_total 1"
      ])
      assert.deepStrictEqual(lines(text, "agent_errors_total").slice(1), [
        "# TYPE agent_errors_total counter",
        "agent_errors_total{error_type=\"stt_error\"} 1",
        "agent_errors_total{error_type=\"llm_error\"} 0",
        "agent_errors_total{error_type=\"tts_error\"} 0",
        "agent_errors_total{error_type=\"connection_error\"} 0",
        "agent_errors_total{error_type=\"unknown_error\"} 0"
      ])
    }).pipe(isolated))

  it.live("serves metrics that the program defines itself, and only those of its registry", () =>
    Effect.gen(function*() {
      const port = yield* start()
      const orders = Metric.counter("orders_total", { description: "Orders taken", attributes: { dish: "pizza" } })
      yield* Metric.update(orders, 2)
      yield* Metric.update(Metric.counter("elsewhere_total"), 1).pipe(isolated)
      const { text } = yield* request(port, "/metrics?format=text")
      assert.deepStrictEqual(lines(text, "orders_total"), [
        "# HELP orders_total Orders taken",
        "# TYPE orders_total counter",
        "orders_total{dish=\"pizza\"} 2"
      ])
      assert.deepStrictEqual(lines(text, "elsewhere_total"), [])
    }).pipe(isolated))

  it.live("writes text in which every line is a comment or a sample", () =>
    Effect.gen(function*() {
      const port = yield* start()
      const { text } = yield* request(port, "/metrics")
      assert.isTrue(text.endsWith("\n"))
      const sample = /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+$/
      for (const line of text.trimEnd().split("\n")) {
        assert.match(line, line.startsWith("#") ? /^# (HELP|TYPE) [a-z_]+ .+$/ : sample)
      }
      const types = text.split("\n").filter((line) => line.startsWith("# TYPE"))
      assert.strictEqual(new Set(types).size, types.length)
    }).pipe(isolated))

  it.live("puts a prefix before all names but the agent's", () =>
    Effect.gen(function*() {
      const { text } = yield* request(yield* start({ prefix: "desk" }), "/metrics")
      assert.isNotEmpty(lines(text, "desk_conversations_started 0"))
      assert.isNotEmpty(lines(text, "agent_conversations_total 0"))
      assert.notInclude(text, "desk_agent_")
      assert.deepStrictEqual(text.split("\n").filter((line) => line !== "" && !/(desk|agent)_/.test(line)), [])
    }).pipe(isolated))

  it.live("answers health and readiness, and nothing that it does not have", () =>
    Effect.gen(function*() {
      const well = { health: true, ready: true }
      const port = yield* start({
        path: "/internal/metrics",
        health: Effect.sync(() => well.health),
        ready: Effect.suspend(() => well.ready ? Effect.succeed(true) : Effect.fail("not yet"))
      })
      const status = (path: string, method?: "POST" | "HEAD") =>
        Effect.map(request(port, path, method), (response) => response.status)
      assert.strictEqual(yield* status("/health"), 200)
      assert.strictEqual(yield* status("/ready"), 200)
      assert.strictEqual(yield* status("/health", "HEAD"), 200)
      assert.strictEqual(yield* status("/internal/metrics"), 200)
      assert.strictEqual(yield* status("/metrics"), 404)
      assert.strictEqual(yield* status("/"), 404)
      assert.strictEqual(yield* status("/healthz"), 404)
      assert.strictEqual(yield* status("/health", "POST"), 405)
      well.health = false
      well.ready = false
      assert.strictEqual(yield* status("/health"), 503)
      assert.strictEqual(yield* status("/ready"), 503)
      const silent = yield* start()
      for (const path of ["/health", "/ready"]) {
        assert.strictEqual((yield* request(silent, path)).status, 404, "where the program says nothing")
      }
    }).pipe(isolated))

  it.live("logs why a check fails, once until it answers again", () =>
    Effect.gen(function*() {
      const lines: Array<readonly [level: string, message: unknown, cause: string]> = []
      const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
        lines.push([logLevel, [message].flat()[0], Cause.pretty(cause).split("\n", 1)[0]!])
      })
      const gone = new RangeError("the table is gone")
      let check: Effect.Effect<boolean, unknown> = Effect.fail<unknown>(gone)
      const port = yield* Effect.provide(start({ ready: Effect.suspend(() => check) }), Logger.layer([logger]))
      const status = Effect.map(request(port, "/ready"), (response) => response.status)
      assert.deepStrictEqual([yield* status, yield* status], [503, 503])
      const told = ["Error", "the option ready has failed: it answers 503", "RangeError: the table is gone"] as const
      assert.deepStrictEqual(lines, [told])
      check = Effect.succeed(true)
      assert.strictEqual(yield* status, 200)
      check = Effect.die(gone)
      assert.strictEqual(yield* status, 503)
      assert.deepStrictEqual(lines, [told, told])
    }).pipe(isolated))

  it.live("turns metrics off with ENABLE_METRICS=false", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(Prometheus.layerConfig())
      const { port } = Context.get(context, Prometheus.Prometheus)
      assert.strictEqual((yield* request(port, "/metrics")).status, 404)
    }).pipe(
      isolated,
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnvRecord({ ENABLE_METRICS: "False", METRICS_PORT: "0" })
      )
    ))

  it.live("listens on METRICS_PORT, and says which option to change when it is taken", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const port = yield* start().pipe(Scope.provide(scope))
      const configured = Layer.build(Prometheus.layerConfig()).pipe(
        Effect.provideService(
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromEnvRecord({ METRICS_PORT: String(port) })
        )
      )
      const error = yield* Effect.flip(configured)
      assert(error._tag === "PrometheusError")
      assert.deepStrictEqual(error.reason, new Prometheus.PortInUse({ port }))
      assert.include(error.message, "METRICS_PORT")
      yield* Scope.close(scope, Exit.void)
      const context = yield* configured
      assert.strictEqual(Context.get(context, Prometheus.Prometheus).port, port)
      assert.strictEqual((yield* request(port, "/metrics")).status, 200)
    }).pipe(isolated))

  it.live("fails typed for an address that is not its own", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(start({ host: "192.0.2.1" }))
      assert.strictEqual(error.reason._tag, "ListenFailed")
      assert.include(error.message, "option")
    }).pipe(isolated))

  it.live("lets go of the port when the scope closes, also of clients that never finish", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const port = yield* start().pipe(Scope.provide(scope))
      const closed = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const socket = connect(port, "127.0.0.1")
          socket.on("error", () => {})
          return socket
        }),
        (socket) => Effect.sync(() => socket.destroy())
      ).pipe(
        Effect.tap((socket) =>
          Effect.callback<void>((resume) => {
            socket.write("GET /metrics HTTP/1.1\r\nHost:", () => resume(Effect.void))
          })
        ),
        Effect.map((socket) =>
          Effect.callback<void>((resume) => {
            if (socket.closed) {
              resume(Effect.void)
            } else {
              socket.on("close", () => resume(Effect.void))
            }
          })
        )
      )
      yield* Scope.close(scope, Exit.void).pipe(Effect.timeout("5 seconds"))
      yield* Effect.timeout(closed, "5 seconds")
      const error = yield* Effect.flip(request(port, "/health"))
      assert.strictEqual(error.reason._tag, "TransportError")
    }).pipe(isolated))

  it.live("makes no spans of its own", () => {
    const spans: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        spans.push(options.name)
        return new Tracer.NativeSpan(options)
      }
    })
    return Effect.gen(function*() {
      const port = yield* start().pipe(Effect.provideService(Tracer.Tracer, tracer))
      yield* request(port, "/metrics")
      yield* request(port, "/health")
      assert.deepStrictEqual(spans, [])
    }).pipe(isolated)
  })
})
