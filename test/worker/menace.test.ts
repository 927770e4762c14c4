/** A real process of a pool that leaks, throws, floods or dies: its neighbours live, and every job is reported. */
import { assert, describe, it } from "@effect/vitest"
import { JobStatus } from "@livekit/protocol"
import { Effect, Logger } from "effect"
import { makeJob, outcome, serveAgent } from "../support/agentServer.ts"
import menace from "./fixtures.menace.ts"
import { start } from "./support.ts"

const module = new URL("./fixtures.menace.ts", import.meta.url).href
const http = { port: 0, host: "127.0.0.1", metricsPort: false, metrics: true } as const

/** What it logs is read, and shown to nobody. */
const unheard = Logger.layer([Logger.make<unknown, void>(() => undefined)])

const pool = {
  pool: { module, processes: 2, jobsPerProcess: 2, execArgv: [], memoryWarning: 300, memoryLimit: 400 },
  http
}

/** One of them misbehaves; the worker goes on with the other, and with who takes its place. */
const survives = (metadata: string) =>
  Effect.gen(function*() {
    const server = yield* serveAgent()
    yield* start(menace, server, pool)
    const connection = yield* server.next
    yield* connection.dispatch(makeJob("AJ_neighbour", { metadata: "none while talking" }))
    assert.strictEqual(yield* connection.dispatch(makeJob("AJ_menace", { metadata })), true)
    const end = yield* outcome(connection)
    assert.strictEqual(end.jobId, "AJ_menace", end.error)
    // There is a place for another, at once or as soon as there is a process for it.
    let placed = false
    while (!placed) {
      placed = yield* connection.dispatch(makeJob("AJ_next", { metadata: "none while talking" }))
      if (!placed) yield* Effect.sleep(100)
    }
    for (const id of ["AJ_neighbour", "AJ_next"]) {
      connection.terminate(id)
      assert.deepInclude(yield* outcome(connection), { jobId: id, status: JobStatus.JS_SUCCESS })
    }
    return end
  }).pipe(Effect.provide(unheard))

const times = { timeout: 60_000 }

// Each costs two processes and more.
describe("a process of a pool", () => {
  it.live.each(["leak while talking", "throw while talking", "die while joining"])(
    "that misbehaves is replaced, its job is reported, and its neighbour talks on: %s",
    (metadata) =>
      Effect.gen(function*() {
        const end = yield* survives(metadata)
        assert.strictEqual(end.status, JobStatus.JS_FAILED, end.error)
        assert.include(end.error, "the process of the job has ended")
      }),
    times
  )

  it.live("that floods its log holds up nobody", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      yield* start(menace, server, pool)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_menace", { metadata: "flood while talking" }))
      yield* connection.dispatch(makeJob("AJ_neighbour", { metadata: "none while talking" }))
      const memory = process.memoryUsage().rss
      yield* Effect.sleep(3000)
      assert.isBelow(process.memoryUsage().rss - memory, 500 * 1024 * 1024)
      for (const id of ["AJ_neighbour", "AJ_menace"]) {
        connection.terminate(id)
        assert.deepInclude(yield* outcome(connection), { jobId: id, status: JobStatus.JS_SUCCESS })
      }
    }).pipe(Effect.provide(unheard)), times)
})
