import { assert, describe, it } from "@effect/vitest"
import { JobStatus, WorkerStatus } from "@livekit/protocol"
import { Deferred, Effect, Fiber, Layer, Queue, Scope } from "effect"
import { Agent, Pipeline } from "effect-voice"
import * as Testing from "effect-voice/testing"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { type Connection, load, makeJob, outcome } from "../support/agentServer.ts"
import { correctable } from "../support/clock.ts"
import { thorough } from "../support/thorough.ts"
import { memory, settled, start, until, virtualRooms } from "./support.ts"

const ids = (count: number) => Array.from({ length: count }, (_, i) => `AJ_${i}`)

/** A worker with jobs that run until they are told. */
const withJobs = Effect.fnUntraced(function*(count: number, options: Worker.Options = {}) {
  const server = yield* memory()
  const rooms = yield* virtualRooms
  const done = new Map(ids(count).map((id) => [id, Deferred.makeUnsafe<void>()] as const))
  const interrupted: Array<string> = []
  const definition = Worker.define({
    connect: rooms.connect,
    layer: Layer.empty,
    entry: (job) =>
      Deferred.await(done.get(job.id)!).pipe(Effect.onInterrupt(() => Effect.sync(() => interrupted.push(job.id))))
  })
  const worker = yield* start(definition, server, options)
  const connection = yield* server.next
  const visits = yield* Effect.forEach(ids(count), (id) => Effect.andThen(connection.dispatch(makeJob(id)), rooms.next))
  return { server, rooms, done, interrupted, worker, connection, visits }
})

const many = thorough ? 200 : 50

const lastWords = (request: Testing.LlmRequest): string => request.text

const statuses = (connection: Connection, count: number) =>
  Effect.forEach(Array.from({ length: count }), () => outcome(connection))

describe("a join that nothing can interrupt", () => {
  it.effect("is left behind at its limit, and at once when the job ends", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const definition = Worker.define({
        connect: () => Effect.uninterruptible(Effect.never),
        layer: Layer.empty,
        entry: () => Effect.never
      })
      const worker = yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      yield* settled
      yield* TestClock.adjust("15 seconds")
      assert.deepInclude(yield* outcome(connection), { jobId: "AJ_1", status: JobStatus.JS_FAILED })
      yield* connection.dispatch(makeJob("AJ_2"))
      yield* settled
      connection.terminate("AJ_2")
      assert.deepInclude(yield* outcome(connection), { jobId: "AJ_2", status: JobStatus.JS_SUCCESS })
      yield* settled
      assert.strictEqual((yield* worker.status).jobs, 0)
    }))
})

describe("termination", () => {
  it.effect("ends the job, and a late one is nothing", () =>
    Effect.gen(function*() {
      const { connection, interrupted, visits, worker } = yield* withJobs(2)
      connection.terminate("AJ_0")
      assert.deepInclude(yield* outcome(connection), { jobId: "AJ_0", status: JobStatus.JS_SUCCESS })
      yield* Deferred.await(visits[0]!.left)
      assert.deepStrictEqual(interrupted, ["AJ_0"])
      connection.terminate("AJ_0")
      connection.terminate("AJ_unknown")
      yield* settled
      assert.strictEqual((yield* worker.status).jobs, 1)
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_9")), true)
    }))

  it.effect("gives the entry 15 seconds, then the callbacks, then leaves all the same", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const order: Array<string> = []
      const note = (what: string) => Effect.sync(() => void order.push(what))
      const late = yield* Deferred.make<void, string>()
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.empty,
        entry: (job) =>
          Effect.gen(function*() {
            yield* Effect.addFinalizer(() => note("scope"))
            yield* job.onShutdown(note("first"))
            yield* job.onShutdown(Effect.andThen(note("fails"), Effect.fail("no")))
            yield* Effect.forkScoped(Effect.andThen(job.ending, note("ending")))
            yield* Effect.uninterruptible(Deferred.await(late))
          })
      })
      const worker = yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      const visit = yield* rooms.next
      yield* settled
      connection.terminate("AJ_1")
      yield* settled
      yield* TestClock.adjust("14999 millis")
      yield* settled
      assert.deepStrictEqual(order, ["ending"])
      yield* TestClock.adjust("1 millis")
      yield* Deferred.await(visit.left)
      assert.deepStrictEqual(order, ["ending", "fails", "first", "scope"])
      // A late failure hurts nobody.
      yield* Deferred.fail(late, "late")
      yield* settled
      assert.strictEqual((yield* worker.status).jobs, 0)
    }))

  it.effect("leaves the room though a callback and the scope hang", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.empty,
        entry: (job) =>
          Effect.gen(function*() {
            yield* Effect.addFinalizer(() => Effect.never)
            yield* job.onShutdown(Effect.uninterruptible(Effect.never))
          })
      })
      yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      const visit = yield* rooms.next
      yield* settled
      yield* TestClock.adjust("10 seconds")
      yield* settled
      assert.strictEqual(yield* Deferred.isDone(visit.left), false)
      yield* TestClock.adjust("15 seconds")
      yield* Deferred.await(visit.left)
      assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
    }))

  it.effect("ends an entry that goes on for a minute after its room is over", () =>
    Effect.gen(function*() {
      const { connection, interrupted, visits } = yield* withJobs(1)
      yield* visits[0]!.caller.room.disconnect("room_closed")
      yield* settled
      yield* TestClock.adjust("59 seconds")
      yield* settled
      assert.deepStrictEqual(interrupted, [])
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
      assert.deepStrictEqual(interrupted, ["AJ_0"])
    }))
})

describe("a lost server", () => {
  it.effect("keeps the jobs, comes back, and tells the new connection of them", () =>
    Effect.gen(function*() {
      const { connection, done, interrupted, server, worker } = yield* withJobs(3)
      connection.drop()
      const second = yield* server.next
      assert.notStrictEqual(second.id, connection.id)
      assert.deepStrictEqual((yield* second.take("migrateJob")).jobIds, ids(3))
      assert.deepStrictEqual(interrupted, [])
      yield* Deferred.succeed(done.get("AJ_1")!, undefined)
      assert.deepInclude(yield* outcome(second), { jobId: "AJ_1", status: JobStatus.JS_SUCCESS })
      yield* settled
      assert.strictEqual((yield* worker.status).jobs, 2)
    }))

  it.effect("is one that does not answer; a corrected wall clock and a process that stood still are none", () =>
    Effect.gen(function*() {
      let answers = true
      const server = yield* memory({ pong: () => answers })
      const { freeze, run, step } = yield* correctable
      const worker = yield* run(start(Worker.define({ layer: Layer.empty, entry: () => Effect.void }), server))
      const connection = yield* server.next
      const round = Effect.andThen(TestClock.adjust("10 seconds"), settled)
      for (const ms of [61_000, -61_000, 3_600_000, -3_600_000]) {
        step(ms)
        yield* round
        yield* round
      }
      for (const ms of [15_000, 66_000, 600_000]) {
        freeze(ms)
        yield* round
        yield* round
      }
      assert.strictEqual((yield* worker.status).connection, "registered")
      assert.strictEqual(server.dials(), 1)
      answers = false
      yield* round
      yield* round
      yield* until(() => server.dials() === 2)
      assert.notStrictEqual((yield* server.next).id, connection.id)
    }))

  it.effect("waits ever longer, and reports then what has ended meanwhile", () =>
    Effect.gen(function*() {
      let down = false
      const server = yield* memory({ status: () => down ? 502 : undefined })
      const rooms = yield* virtualRooms
      const done = yield* Deferred.make<void>()
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.empty,
        entry: () => Deferred.await(done)
      })
      const worker = yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      yield* rooms.next
      yield* settled
      down = true
      connection.drop()
      yield* until(() => server.dials() === 2)
      yield* Deferred.succeed(done, undefined)
      yield* settled
      assert.deepInclude(yield* worker.status, { connection: "lost", ready: false, jobs: 0 })
      const waits = [2000, 4000, 6000, 8000, 10_000, 10_000]
      for (const [index, wait] of waits.entries()) {
        yield* TestClock.adjust(wait - 1)
        yield* settled
        assert.strictEqual(server.dials(), 2 + index)
        if (index === waits.length - 1) down = false
        yield* TestClock.adjust(1)
        yield* until(() => server.dials() === 3 + index)
      }
      const second = yield* server.next
      assert.deepInclude(yield* outcome(second), { jobId: "AJ_1", status: JobStatus.JS_SUCCESS })
    }))

  it.effect("ends the worker when it is lost for good, but not before its jobs", () =>
    Effect.gen(function*() {
      let status: number | undefined
      const server = yield* memory({ status: () => status })
      const rooms = yield* virtualRooms
      const done = yield* Deferred.make<void>()
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.empty,
        entry: () => Deferred.await(done)
      })
      const worker = yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      const visit = yield* rooms.next
      status = 401
      connection.drop()
      const ended = yield* Effect.forkScoped(Effect.flip(worker.ended), { startImmediately: true })
      yield* until(() => server.dials() === 2)
      assert.strictEqual(ended.pollUnsafe(), undefined)
      yield* Deferred.succeed(done, undefined)
      yield* Deferred.await(visit.left)
      assert.deepStrictEqual((yield* Fiber.join(ended)).reason, new Worker.Unauthorized({ status: 401 }))
    }))
})

describe("draining", () => {
  it.effect("loses none of ten calls, takes no new one, and ends with the last", () =>
    Effect.gen(function*() {
      const { connection, done, interrupted, worker } = yield* withJobs(10)
      yield* settled
      while (connection.seen("updateWorker").length > 0) yield* load(connection)
      const draining = yield* Effect.forkScoped(worker.drain(), { startImmediately: true })
      assert.strictEqual((yield* load(connection)).status, WorkerStatus.WS_FULL)
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_new")), false)
      yield* TestClock.adjust("59 minutes")
      for (const [, deferred] of done) {
        assert.strictEqual(draining.pollUnsafe(), undefined)
        yield* Deferred.succeed(deferred, undefined)
        assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
      }
      yield* Fiber.join(draining)
      yield* worker.ended
      assert.strictEqual(yield* connection.closed, 1000)
      assert.deepStrictEqual(interrupted, [])
    }))

  it.effect("ends what is left at its limit", () =>
    Effect.gen(function*() {
      const { connection, done, interrupted, worker } = yield* withJobs(2)
      for (const limit of [Number.NaN, -1, "5 secs" as "5 seconds"]) {
        assert.include((yield* Effect.flip(worker.drain({ limit }))).message, "limit must be a duration")
      }
      const draining = yield* Effect.forkScoped(worker.drain({ limit: "1 minute" }), { startImmediately: true })
      yield* Deferred.succeed(done.get("AJ_0")!, undefined)
      assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_FAILED, error: "the worker was drained" })
      yield* Fiber.join(draining)
      assert.deepStrictEqual(interrupted, ["AJ_1"])
    }))

  it.effect("is cut short by a stop, which gives each step a second", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.empty,
        entry: () => Effect.uninterruptible(Effect.never)
      })
      const worker = yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      const visit = yield* rooms.next
      const draining = yield* Effect.forkScoped(worker.drain(), { startImmediately: true })
      yield* settled
      const stopping = yield* Effect.forkScoped(worker.stop, { startImmediately: true })
      yield* settled
      yield* TestClock.adjust("1 second")
      yield* Deferred.await(visit.left)
      yield* Fiber.join(stopping)
      yield* Fiber.join(draining)
      assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_FAILED, error: "the worker was stopped" })
    }))

  it.effect("ends the jobs when the worker's scope closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { connection, interrupted, visits } = yield* Scope.provide(withJobs(2), scope)
      yield* settled
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      assert.deepStrictEqual(interrupted, ids(2))
      for (const visit of visits) assert.strictEqual(yield* Deferred.isDone(visit.left), true)
      assert.deepStrictEqual(
        (yield* statuses(connection, 2)).map(({ error }) => error),
        ["the worker was stopped", "the worker was stopped"]
      )
      assert.strictEqual(yield* connection.closed, 1000)
    }))
})

describe("conversations", () => {
  it.effect("run in their own rooms, with the job in session and logs", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const sessions = yield* Queue.unbounded<Readonly<Record<string, string>>>()
      const agent = Agent.make({ instructions: "You are the desk." })
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.mergeAll(Testing.layerVad(), Testing.layerStt(), Testing.layerLlm(), Testing.layerTts()),
        entry: () =>
          Effect.gen(function*() {
            const session = yield* Pipeline.make(agent)
            yield* Queue.offer(sessions, session.job)
            yield* session.ended
          })
      })
      yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1", { room: "lobby" }))
      const visit = yield* rooms.next
      assert.deepStrictEqual(yield* Queue.take(sessions), { id: "AJ_1", room: "lobby" })
      yield* settled
      yield* visit.caller.leaves
      assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
    }))

  // Two hundred in CI.
  it.effect("are many at once, none in another's room", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const agent = Agent.make({ instructions: "You are the desk." })
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.mergeAll(
          Testing.layerVad(),
          Testing.layerStt(),
          Testing.layerLlm((request) => lastWords(request)),
          Testing.layerTts({ audio: "audible" })
        ),
        entry: () => Pipeline.run(agent)
      })
      const worker = yield* start(definition, server, { maxJobs: many })
      const connection = yield* server.next
      const visits = yield* Effect.forEach(
        ids(many),
        (id) => Effect.andThen(connection.dispatch(makeJob(id)), rooms.next)
      )
      assert.strictEqual((yield* worker.status).jobs, many)
      yield* settled
      yield* Effect.forEach(visits, ({ caller, job }) => caller.says(`I am in ${job.room.name}.`))
      yield* visits[0]!.caller.wait("20 seconds")
      for (const { caller, job } of visits) {
        assert.include(yield* caller.heard, `I am in ${job.room.name}.`)
      }
    }))
})
