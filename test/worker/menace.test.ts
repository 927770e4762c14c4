/** A real process of a pool that leaks, throws, floods or dies: its neighbours live, and every job is reported. */
// Alone: it measures the memory of its process.
import { assert, describe, it } from "@effect/vitest"
import { JobStatus } from "@livekit/protocol"
import { Duration, Effect, Logger } from "effect"
import type * as Worker from "effect-voice/Worker"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Connection, makeJob, outcome, serveAgent } from "../support/agentServer.ts"
import menace, { titled } from "./fixtures.menace.ts"
import { start, startHasty, startPatient } from "./support.ts"

const module = new URL("./fixtures.menace.ts", import.meta.url).href
const http = { port: 0, host: "127.0.0.1", metricsPort: false, metrics: true } as const

/** What it logs is read, and shown to nobody. */
const unheard = Logger.layer([Logger.make<unknown, void>(() => undefined)])

const pool = {
  pool: { module, processes: 2, jobsPerProcess: 2, execArgv: [], memoryWarning: 300, memoryLimit: 400 },
  http
}

/** Gives a job to the worker as soon as it takes one: there may be no process for it, or all may be busy. */
const placed = (connection: Connection, id: string, metadata: string): Effect.Effect<void> =>
  Effect.flatMap(
    connection.dispatch(makeJob(id, { metadata })),
    (taken) => taken ? Effect.void : Effect.andThen(Effect.sleep(100), placed(connection, id, metadata))
  )

interface Health {
  readonly children: ReadonlyArray<{ readonly pid: number }>
}

const pids = (worker: Worker.Worker): Effect.Effect<ReadonlyArray<number>> =>
  Effect.promise(async () => {
    const response = await fetch(`http://127.0.0.1:${worker.ports[0]}/health`)
    const { children }: Health = JSON.parse(await response.text())
    return children.map(({ pid }) => pid)
  })

/** Waits until one of them is there no more. */
const oneGone = (worker: Worker.Worker, before: ReadonlyArray<number>): Effect.Effect<void> =>
  Effect.flatMap(
    pids(worker),
    (now) => before.every((pid) => now.includes(pid)) ? Effect.delay(oneGone(worker, before), 100) : Effect.void
  )

/** One of them misbehaves; the worker goes on with the other, and with who takes its place. */
const survives = (metadata: string) =>
  Effect.gen(function*() {
    const server = yield* serveAgent()
    const worker = yield* start(menace, server, pool)
    const connection = yield* server.next
    const before = yield* pids(worker)
    yield* connection.dispatch(makeJob("AJ_neighbour", { metadata: "none while talking" }))
    assert.strictEqual(yield* connection.dispatch(makeJob("AJ_menace", { metadata })), true)
    const end = yield* outcome(connection)
    assert.strictEqual(end.jobId, "AJ_menace", end.error)
    // Where its job has ended well, it would be given the next until it is noticed.
    yield* oneGone(worker, before)
    yield* placed(connection, "AJ_next", "none while talking")
    for (const id of ["AJ_neighbour", "AJ_next"]) {
      connection.terminate(id)
      assert.deepInclude(yield* outcome(connection), { jobId: id, status: JobStatus.JS_SUCCESS })
    }
    return end
  }).pipe(Effect.provide(unheard))

const times = { timeout: 180_000 }

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

  it.live.each(["babble while talking", "shout while talking", "babble while closing", "shout while joining"])(
    "that floods its channel is heard in bounds and replaced, its job is reported, and its neighbour talks on: %s",
    (metadata) =>
      Effect.gen(function*() {
        const memory = process.memoryUsage.rss()
        const end = yield* survives(metadata)
        // One that ends meanwhile may have been heard.
        if (!metadata.endsWith("closing")) {
          assert.strictEqual(end.status, JobStatus.JS_FAILED, end.error)
          assert.include(end.error, "the process of the job has ended")
        }
        assert.isBelow(process.memoryUsage.rss() - memory, 200 * 1024 * 1024)
      }),
    times
  )

  it.live.each([
    "leak while joining",
    "loop while joining",
    "loop while talking",
    "die while draining",
    "leak while draining",
    "loop while draining",
    "die while closing",
    "leak while closing",
    "loop while closing"
  ])("does not keep its worker from its end: %s", (metadata) =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const worker = yield* startHasty(menace, server, pool)
      const connection = yield* server.next
      yield* placed(connection, "AJ_neighbour", "none while talking")
      yield* placed(connection, "AJ_menace", metadata)
      const [spent] = yield* Effect.timed(worker.stop)
      assert.isBelow(Duration.toMillis(spent), 15_000)
      const ends = new Map([yield* outcome(connection), yield* outcome(connection)].map((end) => [end.jobId, end]))
      assert.strictEqual(ends.size, 2)
      assert.include(ends.get("AJ_neighbour")?.error ?? "", "the worker was stopped")
    }).pipe(Effect.provide(unheard)), times)

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

// Most of them wait for what a process does not do, and can wait side by side.
describe.concurrent("a process of a pool, from its start", () => {
  it.live.each([
    "die while starting",
    "exit while starting",
    "loop while starting",
    "leak while starting",
    "babble while starting",
    "shout while starting",
    "die while warming up",
    "loop while warming up",
    "leak while warming up",
    "babble while warming up",
    "shout while warming up"
  ])(
    "that is no good from the start keeps no other from its calls, and another comes: %s",
    (metadata) =>
      Effect.gen(function*() {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "menace-"))),
          (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
        )
        const file = join(folder, "misdeed")
        writeFileSync(file, metadata)
        const server = yield* serveAgent()
        const hasty: typeof menace = { ...menace, options: { ...menace.options, prewarmTimeout: "3 seconds" } }
        yield* startPatient(hasty, server, { ...pool, pool: { ...pool.pool, execArgv: [titled(file)] } })
        assert.isTrue(existsSync(`${file}.taken`))
        const connection = yield* server.next
        const place = (id: string) => placed(connection, id, "none while talking")
        const serve = Effect.fnUntraced(function*(ids: ReadonlyArray<string>) {
          for (const id of ids) yield* place(id)
          for (const id of ids) connection.terminate(id)
          const ends = yield* Effect.forEach(ids, () => outcome(connection))
          assert.deepStrictEqual(ends.map(({ jobId }) => jobId).toSorted(), ids)
          return ends.filter(({ status }) => status !== JobStatus.JS_SUCCESS)
        })
        // One that cannot be heard is given calls until that is noticed, no more than it takes at a time: they are
        // reported, and it gets no other.
        const most = /^(babble|shout)/.test(metadata) ? pool.pool.jobsPerProcess : 0
        const lost = yield* serve(["AJ_1", "AJ_2", "AJ_3", "AJ_4"])
        for (let i = 5; i < 8; i++) lost.push(...yield* serve([`AJ_${i}`]))
        assert.isAtMost(lost.length, most)
        for (const { error } of lost) assert.match(error, /the process of the job (has ended|did not say)/)
      }).pipe(Effect.provide(unheard)),
    times
  )
})
