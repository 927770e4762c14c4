// Alone: it reads the metrics of its process
import { assert, describe, it } from "@effect/vitest"
import { JobStatus } from "@livekit/protocol"
import { Duration, Effect, Fiber, Logger, Queue } from "effect"
import type * as Worker from "effect-voice/Worker"
import { decodeJwt } from "jose"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { Patience } from "../../src/internal/worker/poolWatch.ts"
import { makeJob, outcome, serveAgent } from "../support/agentServer.ts"
import desk from "./fixtures.desk.ts"
import { hasty, start, startHasty } from "./support.ts"

const module = (name: string) => new URL(`./fixtures.${name}.ts`, import.meta.url).href

const pool = (processes: number, jobsPerProcess: number, more: Partial<Worker.PoolOptions> = {}) => ({
  pool: { module: module("desk"), processes, jobsPerProcess, execArgv: [], ...more }
})

interface Health {
  readonly children: ReadonlyArray<
    { readonly pid: number; readonly jobs: number; readonly state: string; readonly memoryBytes: number }
  >
}

const get = (worker: Worker.Worker, path: string) =>
  Effect.promise(async () => {
    const response = await fetch(`http://127.0.0.1:${worker.ports[0]}${path}`)
    return { status: response.status, text: await response.text() }
  })

const children = (worker: Worker.Worker) =>
  Effect.map(get(worker, "/health"), ({ text }) => {
    const health: Health = JSON.parse(text)
    return health.children
  })

const childrenUntil = (worker: Worker.Worker, holds: (all: Health["children"]) => boolean): Effect.Effect<
  Health["children"]
> =>
  Effect.flatMap(
    children(worker),
    (all) => holds(all) ? Effect.succeed(all) : Effect.andThen(Effect.sleep(50), childrenUntil(worker, holds))
  )

const http = { port: 0, host: "127.0.0.1", metricsPort: false, metrics: true } as const

describe("a pool", () => {
  it.live("spreads jobs over processes that import the definition again, and adds up their metrics", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* start(desk, server, { ...pool(2, 2), http })
      const connection = yield* server.next
      for (const id of ["AJ_1", "AJ_2", "AJ_3", "AJ_4"]) {
        assert.strictEqual(yield* connection.dispatch(makeJob(id, { metadata: "wait" })), true)
      }
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_5")), false)
      const all = yield* childrenUntil(worker, (all) => all.every(({ jobs }) => jobs === 2))
      assert.strictEqual(new Set([...all.map(({ pid }) => pid), process.pid]).size, 3)
      for (const id of ["AJ_1", "AJ_2", "AJ_3", "AJ_4"]) {
        connection.terminate(id)
        assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_SUCCESS, jobId: id })
      }
      yield* childrenUntil(worker, (all) => all.every(({ jobs }) => jobs === 0))
      for (const id of ["AJ_6", "AJ_7", "AJ_8"]) {
        yield* connection.dispatch(makeJob(id))
        assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
      }
      yield* connection.dispatch(makeJob("AJ_9", { metadata: "fail" }))
      assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_FAILED, error: "BookingFailed" })
      const { text } = yield* get(worker, "/metrics")
      assert.match(text, /^desk_jobs 3$/m)
      assert.match(text, /^agent_worker_jobs_total\{status="success"\} 7$/m)
      assert.match(text, /^agent_worker_jobs_total\{status="failed"\} 1$/m)
      assert.match(text, /^agent_worker_join_seconds_count 8$/m)
      assert.match(text, /^agent_pool_processes 2$/m)
      for (const series of ["cpu_ratio", "event_loop_delay_seconds", "memory_bytes", "jobs"]) {
        for (const child of ["0", "1"]) {
          assert.match(text, new RegExp(`^agent_pool_process_${series}\\{child="${child}"\\} [0-9.e-]+$`, "m"))
        }
      }
    }))

  it.live("reports the jobs of a process that crashes, leaves its neighbours alone, and replaces it", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* start(desk, server, { ...pool(2, 4), http })
      const connection = yield* server.next
      const wait = (id: string) => connection.dispatch(makeJob(id, { metadata: "wait" }))
      yield* wait("AJ_1")
      yield* wait("AJ_2")
      const before = yield* childrenUntil(worker, (all) => all.every(({ jobs }) => jobs === 1))
      yield* connection.dispatch(makeJob("AJ_3", { metadata: "crash" }))
      const lost = [yield* outcome(connection), yield* outcome(connection)]
      for (const { error, status } of lost) {
        assert.deepStrictEqual([status, error], [JobStatus.JS_FAILED, "the process of the job has ended (SIGKILL)"])
      }
      assert.include(lost.map(({ jobId }) => jobId), "AJ_3")
      const after = yield* childrenUntil(
        worker,
        (all) => all.length === 2 && all.every(({ state }) => state === "ready")
      )
      assert.strictEqual(after.filter(({ pid }) => before.some((child) => child.pid === pid)).length, 1)
      assert.strictEqual((yield* worker.status).jobs, 1)
      assert.match((yield* get(worker, "/metrics")).text, /^agent_pool_crashes_total 1$/m)
      assert.strictEqual(yield* wait("AJ_4"), true)
      // Nothing of a process that dies while it is asked is missed.
      process.kill(after[0]!.pid, "SIGKILL")
      assert.strictEqual((yield* get(worker, "/metrics")).status, 200)
    }))

  it.live("replaces a process whose memory is beyond the limit, without its calls", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* start(desk, server, {
        ...pool(1, 4, { memoryWarning: 250, memoryLimit: 440, replaceAfterGrowth: false }),
        http
      })
      const connection = yield* server.next
      const [first] = yield* children(worker)
      yield* connection.dispatch(makeJob("AJ_1", { metadata: "hoard" }))
      const all = yield* childrenUntil(worker, (all) => all.length === 2 && all.some(({ state }) => state === "ready"))
      assert.deepInclude(all.find(({ pid }) => pid === first!.pid)!, { state: "retiring", jobs: 1 })
      connection.terminate("AJ_1")
      assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
      const rest = yield* childrenUntil(worker, (all) => all.length === 1)
      assert.notStrictEqual(rest[0]!.pid, first!.pid)
    }))

  it.live("replaces a process that has grown by its calls, and no call ends with it", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* start(desk, server, { ...pool(2, 4, { replaceAfterGrowth: 100 }), http })
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1", { metadata: "wait" }))
      const before = yield* childrenUntil(worker, (all) => all.some(({ jobs }) => jobs === 1))
      const [talks, idle] = before.toSorted((a, b) => b.jobs - a.jobs)
      // What they use when they are ready is known.
      yield* childrenUntil(worker, (all) => all.every(({ memoryBytes }) => memoryBytes > 0))
      yield* connection.dispatch(makeJob("AJ_2", { metadata: "grow" }))
      assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_SUCCESS, jobId: "AJ_2" })
      const after = yield* childrenUntil(
        worker,
        (all) => all.length === 2 && all.every(({ pid, state }) => pid !== idle!.pid && state === "ready")
      )
      assert.deepInclude(after.find(({ pid }) => pid === talks!.pid)!, { jobs: 1, state: "ready" })
      assert.match((yield* get(worker, "/metrics")).text, /^agent_pool_replacements_total\{reason="grown"\} [1-9]/m)
      connection.terminate("AJ_1")
      assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
    }))

  it.live("drains, and leaves no process behind", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const pids = yield* Effect.scoped(Effect.gen(function*() {
        const worker = yield* start(desk, server, { ...pool(2, 2), http })
        const connection = yield* server.next
        yield* connection.dispatch(makeJob("AJ_1", { metadata: "wait" }))
        const pids = (yield* children(worker)).map(({ pid }) => pid)
        yield* worker.drain({ limit: 10 })
        assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_FAILED, error: "the worker was drained" })
        return pids
      }))
      for (const pid of pids) assert.throws(() => process.kill(pid, 0))
    }))

  it.live("gives no job to a process that is silent, and does not wait for it when it is stopped", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* startHasty(desk, server, { ...pool(1, 4), http })
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1", { metadata: "wait" }))
      const [child] = yield* childrenUntil(worker, (all) => all.every(({ jobs }) => jobs === 1))
      process.kill(child!.pid, "SIGSTOP")
      yield* Effect.sleep(hasty.silence + 1000)
      assert.strictEqual((yield* worker.status).problem, "no process is free")
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_2")), false)
      const [spent] = yield* Effect.timed(worker.stop)
      assert.isBelow(Duration.toMillis(spent), 15_000)
      assert.match((yield* outcome(connection)).error, /SIGKILL/)
    }))

  it.live("that never becomes ready ends the worker by saying why", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const error = yield* Effect.flip(start(desk, server, pool(1, 1, { module: module("broken") })))
      assert.strictEqual(error.message, "the worker could not be made ready: ModelMissing")
      assert.strictEqual(server.dials(), 0)
    }))

  it.live("kills a process that stands still before it is ready, and says so", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const brief: typeof desk = { ...desk, options: { ...desk.options, prewarmTimeout: 10 } }
      const error = yield* start(brief, server, pool(1, 1, { module: module("stuck") })).pipe(
        Effect.provideService(Patience, { ...hasty, start: 1000 }),
        Effect.flip
      )
      assert.strictEqual(
        error.message,
        "the worker could not be made ready: a process of the pool does not become ready"
      )
      const left = spawnSync("pgrep", ["-P", String(process.pid), "-f", "fixtures.stuck"], { encoding: "utf8" })
      assert.strictEqual(left.stdout ?? "", "")
    }))

  it.effect("ends at once while a process starts, which gives back what it has acquired", () =>
    Effect.gen(function*() {
      const told = yield* Queue.unbounded<string>()
      const logger = Logger.make<unknown, void>(({ message }) => {
        const [text] = [message].flat()
        if (text === "acquired" || text === "released" || String(text).includes("is killed")) {
          Queue.offerUnsafe(told, String(text))
        }
      })
      const server = yield* serveAgent()
      const starting = yield* start(desk, server, pool(1, 1, { module: module("slow") })).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.scoped,
        Effect.forkChild
      )
      assert.strictEqual(yield* Queue.take(told), "acquired")
      // The clock stands still: nobody kills it.
      yield* Fiber.interrupt(starting)
      assert.deepStrictEqual(yield* Queue.takeAll(told), ["released"])
    }))

  it.live("takes the agents of a process that crashes out of their rooms", () =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const rooms = createServer((request, response) => {
        let body = ""
        request.on("data", (piece) => (body += String(piece)))
        request.on("end", () => {
          const [, token] = request.headers.authorization?.split(" ") ?? []
          asked.push({ path: request.url, ...JSON.parse(body), video: decodeJwt(token ?? "")["video"] })
          response.writeHead(asked.length === 1 ? 200 : 404).end("{}")
        })
      })
      yield* Effect.acquireRelease(
        Effect.promise(() => once(rooms.listen(0, "127.0.0.1"), "listening")),
        () => Effect.sync(() => rooms.close())
      )
      const address = rooms.address()
      const port = typeof address === "object" ? address?.port : undefined
      const server = yield* serveAgent()
      yield* start(desk, server, { ...pool(1, 2), http })
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1", { metadata: "crash" }), { url: `ws://127.0.0.1:${port}/livekit` })
      assert.deepInclude(yield* outcome(connection), { jobId: "AJ_1", status: JobStatus.JS_FAILED })
      while (asked.length === 0) yield* Effect.sleep(20)
      assert.deepStrictEqual(asked, [{
        path: "/livekit/twirp/livekit.RoomService/RemoveParticipant",
        room: "room-AJ_1",
        identity: "agent-AJ_1",
        video: { roomAdmin: true, room: "room-AJ_1" }
      }])
    }))
})
