/** What operators and orchestrators ask a worker over HTTP. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import type * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { timingSafeEqual } from "node:crypto"
import type { Definition, Status } from "../../Worker.ts"
import { asItself, openHttpServer } from "../httpServer.ts"
import { monotonic } from "../steady.ts"
import { ListenFailed, WorkerError } from "./errors.ts"
import type { Executor } from "./executor.ts"
import type { Usage } from "./loadFacts.ts"
import type { HttpSettings } from "./options.ts"
import { version } from "./version.ts"

const stillMs = 5000
const lostMs = 120_000
const stuckMs = 300_000

export interface Facts {
  readonly definition: Definition<unknown>
  readonly status: Effect.Effect<Status>
  readonly usage: () => Usage
  readonly lostAt: () => number | undefined
  readonly executor: () => Executor | undefined
}

const health = Effect.fnUntraced(function*(facts: Facts) {
  const now = yield* monotonic
  const { connection } = yield* facts.status
  const executor = facts.executor()
  const { cpu, eventLoopDelayMs, memoryBytes } = facts.usage()
  const running = executor?.running() ?? []
  const oldest = (times: ReadonlyArray<number | undefined>): number =>
    times.reduce<number>((most, at) => at === undefined ? most : Math.max(most, Math.round(now - at)), 0)
  const lostAt = facts.lostAt()
  const lostForMs = lostAt === undefined ? 0 : Math.round(now - lostAt)
  const stuckForMs = oldest(running.map(({ stuckSince }) => stuckSince))
  const problems = [
    ...(eventLoopDelayMs >= stillMs ? ["the event loop stands still"] : []),
    ...(lostForMs >= lostMs ? ["the server is lost"] : []),
    ...(stuckForMs >= stuckMs ? ["a job that is over goes on"] : [])
  ]
  return {
    healthy: problems.length === 0,
    details: {
      problems,
      connection,
      lostForMs,
      eventLoopDelayMs,
      cpu,
      memoryBytes,
      jobs: running.length,
      oldestJobMs: oldest(running.map(({ startedAt }) => startedAt)),
      oldestStuckJobMs: stuckForMs,
      children: executor?.children() ?? []
    }
  }
})

const answer = (ok: boolean, details: object): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe({ status: ok ? "ok" : "failing", ...details }, { status: ok ? 200 : 503 })

const notFound = HttpServerResponse.text("not found\n", { status: 404 })
const notAllowed = HttpServerResponse.text("use GET\n", { status: 405, headers: { allow: "GET, HEAD" } })
const unauthorized = HttpServerResponse.text("a bearer token is needed\n", {
  status: 401,
  headers: { "www-authenticate": "Bearer" }
})

const isToken = (expected: Redacted.Redacted, header: string | undefined): boolean => {
  const given = Buffer.from(header ?? "")
  const wanted = Buffer.from(`Bearer ${Redacted.value(expected)}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

const jobTypes = { room: "JT_ROOM", publisher: "JT_PUBLISHER", participant: "JT_PARTICIPANT" } as const

const responder = (settings: HttpSettings, facts: Facts, context: Context.Context<never>, whole: boolean) =>
  Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    const target = request.url.split("?", 1)[0]
    const trusted = settings.token === undefined || isToken(settings.token, request.headers["authorization"])
    const known = target === "/health" || target === "/ready" || (target === "/metrics" && settings.metrics) ||
      (whole && (target === "/" || target === "/worker"))
    if (!known) return notFound
    if (request.method !== "GET" && request.method !== "HEAD") return notAllowed
    switch (target) {
      case "/ready": {
        const { draining, jobs, load, problem, ready } = yield* facts.status
        return answer(ready, trusted ? { problem, draining, jobs, load } : {})
      }
      case "/metrics": {
        if (!trusted) return unauthorized
        yield* facts.executor()?.measured ?? Effect.void
        return HttpServerResponse.text(PrometheusMetrics.formatUnsafe(context), {
          contentType: "text/plain; version=0.0.4; charset=utf-8"
        })
      }
      case "/worker":
        if (!trusted) return unauthorized
        return HttpServerResponse.jsonUnsafe({
          agent_name: facts.definition.agentName,
          agent_name_is_env: false,
          deployment: facts.definition.options.deployment ?? "",
          worker_type: jobTypes[facts.definition.type],
          active_jobs: (yield* facts.status).jobs,
          worker_load: (yield* facts.status).load,
          sdk_version: version,
          project_type: "node",
          protocol_version: 1
        })
      default: {
        const { details, healthy } = yield* health(facts)
        return answer(healthy, trusted ? details : {})
      }
    }
  })

export const listenError =
  (port: number, option: ListenFailed["option"]) => (error: HttpServerError.ServeError): WorkerError =>
    new WorkerError({
      reason: new ListenFailed({
        port,
        option,
        code: Predicate.hasProperty(error.cause, "code") ? String(error.cause.code) : "unknown"
      })
    })

const listen = Effect.fnUntraced(function*(port: number, settings: HttpSettings, facts: Facts, whole: boolean) {
  const context = yield* Effect.context<never>()
  const { host } = settings
  const listening = yield* openHttpServer({ port, host }).pipe(
    Effect.mapError(listenError(port, whole ? "http.port" : "http.metricsPort"))
  )
  const respond = responder(settings, facts, context, whole)
  yield* listening.http.serve(
    settings.token === undefined
      ? asItself(host)(respond)
      : Effect.flatMap(HttpServerRequest.HttpServerRequest, respond)
  )
  return listening.port
})

/** Serves for as long as the scope is open; tells the ports. */
export const serveHttp = (
  settings: HttpSettings | undefined,
  facts: Facts
): Effect.Effect<ReadonlyArray<number>, WorkerError, Scope.Scope> =>
  Effect.gen(function*() {
    if (settings === undefined) return []
    const { metricsPort, port } = settings
    const first = yield* listen(port, settings, facts, true)
    if (metricsPort === undefined || (metricsPort === port && port !== 0)) return [first]
    return [first, yield* listen(metricsPort, settings, facts, false)]
  }).pipe(Effect.provideService(HttpMiddleware.TracerDisabledWhen, constTrue))
