import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Metric, Redacted, Stream } from "effect"
import { Metrics, Vad } from "effect-voice"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as Worker from "effect-voice/Worker"
import { Yaml } from "effect/encoding"
import { PrometheusMetrics } from "effect/observability"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { httpLimits } from "../../src/internal/httpServer.ts"
import { tell } from "../../src/internal/worker/measured.ts"
import { child } from "../../src/internal/worker/metrics.ts"
import { PoolMetrics } from "../../src/internal/worker/poolMetrics.ts"
import { makeJob, outcome, serveAgent } from "../support/agentServer.ts"
import { start, virtualRooms } from "./support.ts"

const get = (port: number, path: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
    const text = await response.text()
    return { status: response.status, text, json: text.startsWith("{") ? JSON.parse(text) : undefined }
  })

const http = { port: 0, host: "127.0.0.1", metricsPort: 0, metrics: true } as const

const isolated = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.provideService(self, Metric.MetricRegistry, new Map())

const forever = { entry: () => Effect.never, layer: Layer.empty }

/** All parts of what a process tells. */
const take = (pool: PoolMetrics, child: object, context: Context.Context<never>): void => {
  for (const text of tell(context).texts) pool.take(child, text)
}

describe("what operators ask", () => {
  it.live("is answered on both ports", () =>
    isolated(Effect.gen(function*() {
      const server = yield* serveAgent()
      const rooms = yield* virtualRooms
      const definition = Worker.define({ ...forever, connect: rooms.connect, agentName: "desk" })
      const worker = yield* start(definition, server, { http, maxJobs: 1 })
      const [main, metrics] = worker.ports
      const connection = yield* server.next
      for (const port of [main!, metrics!]) {
        assert.strictEqual((yield* get(port, "/ready")).status, 200)
        assert.deepInclude((yield* get(port, "/health")).json, { status: "ok", connection: "registered", jobs: 0 })
        assert.include((yield* get(port, "/metrics")).text, "agent_worker_connected 1")
        assert.strictEqual((yield* get(port, "/ready", { method: "POST" })).status, 405)
        assert.strictEqual((yield* get(port, "/secrets")).status, 404)
      }
      assert.strictEqual((yield* get(main!, "/")).status, 200)
      assert.strictEqual((yield* get(metrics!, "/worker")).status, 404)
      yield* connection.dispatch(makeJob("AJ_1"))
      yield* rooms.next
      assert.deepInclude((yield* get(main!, "/worker")).json, {
        agent_name: "desk",
        worker_type: "JT_ROOM",
        active_jobs: 1,
        protocol_version: 1
      })
      const ready = yield* get(main!, "/ready")
      assert.deepStrictEqual([ready.status, ready.json.problem], [503, "it has its 1 jobs"])
      assert.strictEqual((yield* get(main!, "/health")).json.jobs, 1)
    })))

  it.live("is health alone without metrics, and details only with the token", () =>
    isolated(Effect.gen(function*() {
      const server = yield* serveAgent()
      const token = Redacted.make("open sesame")
      const worker = yield* start(Worker.define(forever), server, {
        http: { ...http, metricsPort: false, metrics: false, token }
      })
      assert.strictEqual(worker.ports.length, 1)
      const [port] = worker.ports
      assert.strictEqual((yield* get(port!, "/metrics")).status, 404)
      assert.deepStrictEqual((yield* get(port!, "/health")).json, { status: "ok" })
      assert.strictEqual((yield* get(port!, "/worker")).status, 401)
      const wrong = { headers: { authorization: "Bearer open Sesame" } }
      assert.strictEqual((yield* get(port!, "/worker", wrong)).status, 401)
      const right = { headers: { authorization: "Bearer open sesame" } }
      assert.strictEqual((yield* get(port!, "/worker", right)).status, 200)
      assert.property((yield* get(port!, "/health", right)).json, "eventLoopDelayMs")
    })))

  it.live("is answered on loopback alone unless an address is given, by the program or by METRICS_HOST", () =>
    isolated(Effect.gen(function*() {
      const server = yield* serveAgent()
      const outside = Object.values(networkInterfaces()).flat().find((one) => one?.family === "IPv4" && !one.internal)
      const reached = (port: number) =>
        outside === undefined ?
          Effect.undefined :
          Effect.promise(() =>
            fetch(`http://${outside.address}:${port}/health`).then(({ status }) => status, () => "refused")
          )
      const { host: _, ...silent } = http
      const quiet = yield* start(Worker.define(forever), server, { http: silent })
      assert.strictEqual((yield* get(quiet.ports[0]!, "/health")).status, 200)
      const told = yield* start(Worker.define(forever), server, { http: silent }).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ METRICS_HOST: "0.0.0.0" })))
      )
      if (outside === undefined) return
      for (const port of quiet.ports) assert.strictEqual(yield* reached(port), "refused")
      for (const port of told.ports) assert.strictEqual(yield* reached(port), 200)
    })))

  it.live("is refused to heads that are too long and to connections that are too many, and goes on for others", () =>
    isolated(Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* start(Worker.define(forever), server, { http })
      const [port] = worker.ports
      const long = { headers: { cookie: "x".repeat(httpLimits.headBytes) } }
      assert.strictEqual((yield* get(port!, "/health", long)).status, 431)
      const hold = Effect.acquireRelease(
        Effect.callback<{ readonly socket: Socket; readonly closed: Promise<unknown> }>((resume) => {
          const socket = connect(port!, "127.0.0.1").resume()
          socket.on("error", () => undefined)
          const closed = once(socket, "close").catch(() => undefined)
          socket.once("connect", () => resume(Effect.succeed({ socket, closed })))
        }),
        ({ socket }) => Effect.sync(() => socket.destroy())
      )
      yield* Effect.scoped(Effect.gen(function*() {
        const held = yield* Effect.all(Array.from({ length: httpLimits.connections + 20 }, () => hold))
        yield* Effect.promise(() => Promise.all(held.slice(httpLimits.connections).map(({ closed }) => closed)))
        assert.isTrue(held.slice(0, httpLimits.connections - 1).every(({ socket }) => !socket.destroyed))
      }))
      assert.strictEqual((yield* get(worker.ports[1]!, "/health")).status, 200)
    })))

  it.live("waits five seconds for the rest of a head, and no longer", () =>
    isolated(Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* start(Worker.define(forever), server, { http })
      const said = yield* Effect.callback<string>((resume) => {
        const socket = connect(worker.ports[0]!, "127.0.0.1", () => socket.write("GET /health HTTP/1.1\r\nhost: x\r\n"))
        let text = ""
        socket.on("data", (data) => void (text += data.toString()))
        socket.once("close", () => resume(Effect.succeed(text)))
      })
      assert.match(said, /^HTTP\/1.1 408 /)
    })))

  it.live("is unready while the worker is made ready, and a used port is a clear error", () =>
    isolated(Effect.gen(function*() {
      const server = yield* serveAgent()
      const port = yield* Effect.acquireRelease(
        Effect.callback<{ readonly close: () => void; readonly port: number }>((resume) => {
          const taken = createServer().listen(0, "127.0.0.1", () => {
            const address = taken.address()
            resume(Effect.succeed({
              close: () => taken.close(),
              port: typeof address === "object" ? address!.port : 0
            }))
          })
        }),
        ({ close }) => Effect.sync(close)
      )
      for (
        const [option, way] of [
          ["port", "the option http.port"],
          ["metricsPort", "the option http.metricsPort (false: none), or with METRICS_PORT"]
        ] as const
      ) {
        const taken = { http: { ...http, [option]: port.port } }
        const error = yield* Effect.flip(start(Worker.define(forever), server, taken))
        assert.strictEqual(error.message, `port ${port.port} is in use: choose another with ${way}`)
      }
    })))

  it.live("warms the detector with half a second of silence before the worker registers", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      let fedMs = 0
      const vad = Layer.succeed(
        Vad.Vad,
        Vad.Vad.of({
          name: "counting",
          detector: () =>
            Effect.succeed({
              push: (frames) =>
                Effect.sync(() => {
                  assert.strictEqual(server.dials(), 0)
                  for (const { sampleRate, samples } of frames) fedMs += samples.length / sampleRate * 1000
                  return []
                }),
              end: Effect.succeed([])
            }),
          detect: () => Stream.empty
        })
      )
      let warm = 0
      const definition = Worker.define({
        entry: () => Effect.void,
        layer: vad,
        prewarm: Vad.Vad.useSync(() => void warm++)
      })
      yield* start(definition, server)
      assert.deepStrictEqual([Math.round(fedMs), warm], [500, 1])
      const broken = Worker.define({ ...forever, prewarm: Effect.fail({ _tag: "ModelMissing" }) })
      const error = yield* Effect.flip(start(broken, server))
      assert.strictEqual(error.message, "the worker could not be made ready: prewarm failed (ModelMissing)")
    }))
})

describe("metrics", () => {
  /** Each what one process measures, and what its parent then shows of them and of itself. */
  const shown = (
    ...processes: ReadonlyArray<ReadonlyArray<readonly [metric: Metric.Metric<number, unknown>, value: number]>>
  ): ReadonlyArray<string> => {
    const fresh = () => Context.make(Metric.MetricRegistry, new Map())
    const [own = fresh(), ...others] = processes.map((measures) => {
      const context = fresh()
      for (const [metric, value] of measures) metric.updateUnsafe(value, context)
      return context
    })
    const pool = new PoolMetrics(own)
    for (const context of others) take(pool, {}, context)
    return PrometheusMetrics.formatUnsafe(own).split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  }

  it("of several processes are added up", () => {
    const jobs = Metric.counter("agent_jobs_total", { attributes: { status: "success" }, incremental: true })
    const time = Metric.histogram("agent_time", { boundaries: [1] })
    const available = Metric.gauge("agent_provider_available", { attributes: { provider: "a b" } })
    const measures = (count: number, slow: number, up: number) => [
      [jobs, count] as const,
      [time, 0.5] as const,
      ...Array.from({ length: slow }, () => [time, 2] as const),
      [available, up] as const
    ]
    assert.deepStrictEqual(shown(measures(1, 2, 1), measures(3, 4, 0)), [
      `agent_jobs_total{status="success"} 4`,
      `agent_time_bucket{le="1"} 2`,
      `agent_time_bucket{le="+Inf"} 8`,
      "agent_time_sum 13",
      "agent_time_count 8",
      `agent_provider_available{provider="a b"} 0`
    ])
  })

  it("that are states show the worst of several processes, not their sum", () => {
    const state = Metric.gauge("agent_breaker_state", { attributes: { component: "llm", provider: "a" } })
    const wait = Metric.summary("desk_wait", { maxAge: "1 minute", maxSize: 10, quantiles: [0.9] })
    for (const [states, worst] of [[[1, 1], 1], [[0, 2, 1], 2], [[0, 0], 0], [[1, 1, 1], 1]] as const) {
      assert.includeMembers(
        [...shown(...states.map((value) => [[state, value], [wait, value + 5]] as const))],
        [
          `agent_breaker_state{component="llm",provider="a"} ${worst}`,
          `desk_wait{quantile="0.9"} ${worst + 5}`,
          `desk_wait_count ${states.length}`
        ]
      )
    }
  })

  it.live("that alert rules name are exported", () =>
    isolated(Effect.gen(function*() {
      const server = yield* serveAgent()
      const rooms = yield* virtualRooms
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "recorder-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      const definition = Worker.define({
        connect: rooms.connect,
        entry: () => Effect.void,
        layer: FileRecorder.layer({ folder, key: Redacted.make("0".repeat(64)) })
      })
      const worker = yield* start(definition, server, { http })
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      yield* outcome(connection)
      // There with the first breaker, and with the first process of a pool.
      const record = yield* Metrics.recorder
      record({ _tag: "ProviderAvailability", at: 0, component: "llm", provider: "scripted", available: false })
      yield* child(0, { cpu: 0, memoryBytes: 0, eventLoopDelayMs: 0, filesShare: 0, heapShare: 0, jobs: 0 })
      const { text } = yield* get(worker.ports[0]!, "/metrics")
      const file = readFileSync(new URL("../../deploy/prometheus/alerts.yaml", import.meta.url), "utf8")
      const rules = JSON.stringify(Yaml.parse(file))
      const named = new Set(Array.from(rules.matchAll(/\bagent_[a-z_]+/g), ([name]) => name))
      assert.isAbove(named.size, 10)
      for (const name of named) assert.match(text, new RegExp(`^${name}(\\{.*\\})? `, "m"), name)
    })))

  it("adds up amounts, and takes the worst or the last of what is none, also of a program's own gauges", () => {
    for (
      const [type, name, value] of [
        ["counter", "orders_total", 12],
        ["counter", "orders_max", 12],
        ["gauge", "agent_sessions_active", 12],
        ["gauge", "open_orders", 12],
        ["gauge", "agent_provider_available", 2],
        ["gauge", "agent_breaker_state", 7],
        ["gauge", "vad_queue_depth", 7],
        ["gauge", "disk_used_ratio", 7],
        ["gauge", "menu_read_timestamp_seconds", 7],
        ["gauge", "free_tables_min", 2],
        ["gauge", "kitchen_state", 7],
        ["gauge", "cache_hits_percent", 7],
        ["gauge", "menu_age_seconds", 7],
        ["gauge", "oven_celsius", 7],
        ["gauge", "database_up", 2],
        ["gauge", "till_available", 2],
        ["gauge", "menu_version_info", 2]
      ] as const
    ) {
      const metric = type === "counter" ? Metric.counter(name) : Metric.gauge(name)
      // One that has no value says nothing of the others.
      const silent = type === "gauge"
        ? [[Number.NaN, 3, 7, 2], [3, Number.NaN, 7, 2], [undefined, 3, 7, Number.NaN, 2]]
        : []
      for (const processes of [[3, 7, 2], [undefined, 3, 7, 2], ...silent]) {
        const measures = processes.map((value) => value === undefined ? [] : [[metric, value] as const])
        assert.deepStrictEqual(shown(...measures), [`${name} ${value}`], type)
      }
    }
  })

  it("are told from process to process as they are, whatever their kind", () => {
    const context = Context.make(Metric.MetricRegistry, new Map())
    Metric.counter("calls", { bigint: true }).updateUnsafe(2n ** 70n, context)
    Metric.frequency("words", { description: "Heard" }).updateUnsafe("yes", context)
    Metric.histogram("times", { boundaries: [1, Infinity], attributes: { unit: "seconds" } }).updateUnsafe(3, context)
    Metric.histogram("nothing", { boundaries: [1] }).valueUnsafe(context)
    Metric.gauge("broken").updateUnsafe(Number.NaN, context)
    const there = Context.make(Metric.MetricRegistry, new Map())
    const pool = new PoolMetrics(there)
    take(pool, {}, context)
    assert.deepStrictEqual(Metric.snapshotUnsafe(there), Metric.snapshotUnsafe(context))
    pool.take({}, "nonsense")
    assert.lengthOf(Metric.snapshotUnsafe(there), 5)
  })

  it("are told in parts, each soon read, of so many series and no more", () => {
    const context = Context.make(Metric.MetricRegistry, new Map())
    for (let i = 0; i < 9000; i++) {
      Metric.counter("orders", { attributes: { desk: `${i}` } }).updateUnsafe(i, context)
    }
    Metric.counter("long", { attributes: { desk: "x".repeat(300_000) } }).updateUnsafe(1, context)
    const { left, texts } = tell(context)
    assert.strictEqual(left, 9001 - 8192)
    for (const text of texts) assert.isAtMost(text.length, 262_144)
    const there = Context.make(Metric.MetricRegistry, new Map())
    const pool = new PoolMetrics(there)
    const child = {}
    for (const text of texts) pool.take(child, text)
    assert.lengthOf(Metric.snapshotUnsafe(there), 8192)
    // A process that tells without end: of what is new, and of one text.
    const series = (desk: string, more = "") =>
      JSON.stringify([{
        key: desk,
        id: "orders",
        attributes: { desk, more },
        state: { _tag: "Counter", count: 1, incremental: false }
      }])
    pool.take(child, series("new"))
    pool.take({}, series("newer", "x".repeat(300_000)))
    assert.lengthOf(Metric.snapshotUnsafe(there), 8192)
    pool.take({}, series("another process"))
    assert.lengthOf(Metric.snapshotUnsafe(there), 8193)
  })

  it("of a process that is gone keep what it has counted, and lose what it was", () => {
    const there = Context.make(Metric.MetricRegistry, new Map())
    const pool = new PoolMetrics(there)
    const [orders, open] = [Metric.counter("orders"), Metric.gauge("open_orders")]
    for (const child of [{}, {}]) {
      const context = Context.make(Metric.MetricRegistry, new Map())
      orders.updateUnsafe(2, context)
      open.updateUnsafe(5, context)
      take(pool, child, context)
      assert.strictEqual(open.valueUnsafe(there).value, 5)
      pool.bury(child)
    }
    orders.updateUnsafe(1, there)
    assert.strictEqual(orders.valueUnsafe(there).count, 5)
    assert.strictEqual(open.valueUnsafe(there).value, 0)
    Context.get(there, Metric.MetricRegistry).clear()
    const context = Context.make(Metric.MetricRegistry, new Map())
    orders.updateUnsafe(1, context)
    take(pool, {}, context)
    assert.strictEqual(orders.valueUnsafe(there).count, 5)
  })
})
