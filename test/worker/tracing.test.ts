import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Metric, Scope } from "effect"
import * as Telemetry from "effect-voice/Layers/Telemetry"
import { createServer } from "node:http"
import { makeJob, outcome, serveAgent } from "../support/agentServer.ts"
import desk from "./fixtures.desk.ts"
import { start } from "./support.ts"

const module = new URL("./fixtures.desk.ts", import.meta.url).href
const pool = { module, processes: 1, execArgv: [] }

interface Told {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly status: { readonly code: number }
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: Readonly<Record<string, unknown>> }>
  readonly events: ReadonlyArray<{ readonly name: string }>
}

/** An OpenTelemetry collector that keeps what it is sent. */
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly sent: Array<{ readonly path: string; readonly body: unknown }> }>(
    (resume) => {
      const sent: Array<{ readonly path: string; readonly body: unknown }> = []
      const server = createServer((request, response) => {
        let body = ""
        request.on("data", (chunk) => void (body += String(chunk)))
        request.on("end", () => {
          sent.push({ path: request.url ?? "", body: JSON.parse(body) })
          response.end("{}")
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, sent, server }))
      })
    }
  ).pipe(Effect.map((all) => all as typeof all & { readonly server: ReturnType<typeof createServer> })),
  ({ server }) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
)

const spansOf = (sent: ReadonlyArray<{ readonly path: string; readonly body: unknown }>): ReadonlyArray<Told> =>
  sent.filter(({ path }) => path === "/v1/traces").flatMap(({ body }) => {
    const { resourceSpans } = body as {
      readonly resourceSpans: ReadonlyArray<
        { readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Told> }> }
      >
    }
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  })

const trace = "0af7651916cd43dd8448eb211c80319c"
const caller = "b7ad6b7169203331"
const traceparent = `00-${trace}-${caller}-01`

/** What a collector has of one job, by the time that its worker has ended. */
const traced = (metadata: string | ReadonlyArray<string>, more: Partial<Parameters<typeof start>[2]>) =>
  Effect.gen(function*() {
    const { sent, url } = yield* collector
    const scope = yield* Scope.make()
    yield* Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* start(desk, server, { http: false, ...more })
      const connection = yield* server.next
      for (const [index, each] of [metadata].flat().entries()) {
        yield* connection.dispatch(makeJob(`AJ_${index}`, { metadata: each }))
        yield* outcome(connection)
      }
      yield* worker.drain()
    }).pipe(
      Effect.scoped,
      Effect.provide(Telemetry.layerOtlp({ url, tracesInterval: "1 minute" })),
      Scope.provide(scope),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
    yield* Scope.close(scope, Exit.void)
    return { spans: spansOf(sent), sent }
  })

interface Point {
  readonly asDouble?: number
  readonly count?: number
}

/** The last that a collector was sent of each metric. */
const measuredOf = (sent: ReadonlyArray<{ readonly path: string; readonly body: unknown }>) => {
  const { body } = sent.findLast(({ path }) => path === "/v1/metrics")!
  const { resourceMetrics } = body as {
    readonly resourceMetrics: ReadonlyArray<{
      readonly scopeMetrics: ReadonlyArray<{
        readonly metrics: ReadonlyArray<{
          readonly name: string
          readonly sum?: { readonly dataPoints: ReadonlyArray<Point> }
          readonly histogram?: { readonly dataPoints: ReadonlyArray<Point> }
        }>
      }>
    }>
  }
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  return (name: string): ReadonlyArray<Point> =>
    metrics.filter((metric) => metric.name === name).flatMap(({ histogram, sum }) =>
      sum?.dataPoints ?? histogram?.dataPoints ?? []
    )
}

describe("what is measured", () => {
  it.live("by the processes of a pool is exported by their parent, also when they are gone", () =>
    Effect.gen(function*() {
      for (const more of [{ pool }, {}]) {
        const { sent } = yield* traced(["work", "work", ...("pool" in more ? ["crash"] : [])], more)
        const of = measuredOf(sent)
        assert.deepStrictEqual(of("desk_jobs").map(({ asDouble }) => asDouble), [2])
        assert.deepStrictEqual(of("agent_worker_join_seconds").map(({ count }) => (count ?? 0) >= 2), [true])
      }
    }))
})

describe("what is traced", () => {
  it.live("by the processes of a pool is sent by their parent, with the ids that they have", () =>
    Effect.gen(function*() {
      for (const more of [{ pool }, {}]) {
        const { sent, spans } = yield* traced(JSON.stringify({ do: "trace", traceparent }), more)
        const span = (name: string) => spans.find((span) => span.name === name)!
        const job = span("job")
        const inner = span("look up")
        assert.deepStrictEqual([job.traceId, job.parentSpanId], [trace, caller])
        assert.deepStrictEqual([inner.traceId, inner.parentSpanId], [trace, job.spanId])
        assert.deepInclude(inner.attributes, { key: "nights", value: { intValue: 2 } })
        assert.deepStrictEqual(inner.events.map(({ name }) => name), ["found"])
        assert.strictEqual(span("charge").status.code, 2)
        const logs = JSON.stringify(sent.filter(({ path }) => path === "/v1/logs").map(({ body }) => body))
        assert.include(logs, `"spanId":"${inner.spanId}"`)
      }
    }))

  it.live("is ended when the process of a pool is lost under it", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced("crash", { pool })
      const job = spans.find(({ name }) => name === "job")
      assert.strictEqual(job?.status.code, 2)
      assert.notStrictEqual(job?.traceId, trace)
    }))

  it.live("is nothing where nobody is told of it", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      yield* start(desk, server, { http: false, pool })
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1", { metadata: "untraced" }))
      assert.strictEqual((yield* outcome(connection)).error, "")
    }))
})
