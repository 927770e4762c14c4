import { assert, describe, it } from "@effect/vitest"
import { JobStatus, JobType, WorkerStatus } from "@livekit/protocol"
import { Deferred, Effect, Exit, Fiber, Layer, Redacted, Result } from "effect"
import { decode } from "effect-voice/internal/worker/protocol"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { claims, load, makeJob, outcome, serveAgent } from "../support/agentServer.ts"
import { memory, settled, start, until, virtualRooms } from "./support.ts"

const forever = { entry: () => Effect.never, layer: Layer.empty }

describe("registering", () => {
  it.effect("presents a token for workers and says what it is", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const definition = Worker.define({
        ...forever,
        agentName: "desk",
        type: "publisher",
        permissions: { hidden: true }
      })
      yield* Effect.forkScoped(start(definition, server))
      const connection = yield* server.next
      const payload = yield* claims(connection.authorization)
      assert.strictEqual(payload.iss, "devkey")
      assert.deepStrictEqual(payload["video"], { agent: true })
      assert.strictEqual(payload.exp, 3600)
      assert.strictEqual(connection.url, "ws://livekit.test/agent")
      const register = yield* connection.take("register")
      assert.strictEqual(register.agentName, "desk")
      assert.strictEqual(register.type, JobType.JT_PUBLISHER)
      assert.deepInclude(register.allowedPermissions, {
        canPublish: true,
        canSubscribe: true,
        canPublishData: true,
        canUpdateMetadata: true,
        hidden: true,
        agent: true
      })
      const first = yield* load(connection)
      assert.strictEqual(first.status, WorkerStatus.WS_AVAILABLE)
      assert.approximately(first.load, 0.1, 1e-6)
    }))

  it.effect("tells its load every 2.5 seconds", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      yield* start(Worker.define(forever), server)
      const connection = yield* server.next
      yield* load(connection)
      yield* settled
      for (let i = 0; i < 4; i++) {
        yield* TestClock.adjust("2499 millis")
        assert.strictEqual(connection.seen("updateWorker").length, 0)
        yield* TestClock.adjust("1 millis")
        assert.approximately((yield* load(connection)).load, 0.1, 1e-6)
      }
    }))

  it.effect("does not try a refused key again, and tells no secret", () =>
    Effect.gen(function*() {
      const server = yield* memory({ status: () => 401 })
      const error = yield* Effect.flip(start(Worker.define(forever), server))
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.strictEqual(server.dials(), 1)
      assert.notInclude(`${error.message}${JSON.stringify(error)}`, "secret-at-least")
    }))

  it.effect("gives up after three more attempts, two seconds apart", () =>
    Effect.gen(function*() {
      const server = yield* memory({ status: () => 503 })
      const fiber = yield* Effect.forkScoped(Effect.flip(start(Worker.define(forever), server)))
      for (let dials = 1; dials <= 4; dials++) {
        yield* until(() => server.dials() === dials)
        yield* TestClock.adjust("1999 millis")
        yield* settled
        assert.strictEqual(server.dials(), dials)
        yield* TestClock.adjust("1 millis")
      }
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason._tag, "Exhausted")
      assert.strictEqual(
        error.message,
        "no connection to the server after 4 attempts, at last because the server answers, but not as one for workers (status 503): check LIVEKIT_URL"
      )
    }))

  it.effect("does not wait for ever for the answer to its registration", () =>
    Effect.gen(function*() {
      const server = yield* memory({ register: "silent" })
      const fiber = yield* Effect.forkScoped(Effect.flip(start(Worker.define(forever), server, { retries: 0 })))
      yield* (yield* server.next).take("register")
      yield* settled
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.message.includes("no registration from the server within 10000 ms"), true)
    }))

  it.effect("takes another first answer, or a closed socket, for a failure", () =>
    Effect.gen(function*() {
      for (const register of ["wrong", "refuse"] as const) {
        const server = yield* memory({ register })
        const error = yield* Effect.flip(start(Worker.define(forever), server, { retries: 0 }))
        assert.strictEqual(error.reason._tag, "Exhausted")
      }
    }))

  it.effect("refuses impossible options by name", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const cases: ReadonlyArray<[Worker.Options, string]> = [
        [{ url: "localhost:7880" }, "url must be a URL that begins with ws://"],
        [{ retries: -1 }, "retries must be a whole number"],
        [{ retryDelay: Number.NaN }, "retryDelay must be a duration"],
        [{ maxJobs: 0 }, "maxJobs must be a whole number"],
        [{ loadThreshold: 0 }, "loadThreshold must be a number above 0"],
        [{ pool: { module: "./desk.ts" } }, "pool.module must be the file: URL"],
        [{ http: { port: 70_000, metrics: true, metricsPort: false } }, "http.port must be a whole number"]
      ]
      for (const [options, message] of cases) {
        const error = yield* Effect.flip(start(Worker.define(forever), server, options))
        assert.include(error.message, message)
      }
      const bad = Worker.define({ ...forever, deployment: "blue_green" })
      assert.include((yield* Effect.flip(start(bad, server))).message, "deployment must")
      assert.strictEqual(server.dials(), 0)
    }))
})

describe("offers", () => {
  it.effect("takes a job, runs it in its room, and reports its success before it leaves", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const done = yield* Deferred.make<void>()
      const definition = Worker.define({
        agentName: "desk",
        connect: rooms.connect,
        layer: Layer.empty,
        entry: () => Deferred.await(done)
      })
      yield* start(definition, server)
      const connection = yield* server.next
      connection.offer(makeJob("AJ_1"))
      const answer = yield* connection.take("availability")
      assert.deepInclude(answer, { jobId: "AJ_1", available: true, participantIdentity: "agent-AJ_1" })
      assert.strictEqual(answer.participantAttributes["lk.agent.name"], "desk")
      connection.assign(makeJob("AJ_1"))
      const visit = yield* rooms.next
      assert.strictEqual(visit.url, server.url)
      assert.strictEqual((yield* connection.take("updateJob")).status, JobStatus.JS_RUNNING)
      assert.strictEqual(yield* Deferred.isDone(visit.left), false)
      yield* Deferred.succeed(done, undefined)
      const over = yield* connection.take("updateJob")
      assert.strictEqual(over.status, JobStatus.JS_SUCCESS)
      assert.strictEqual(yield* Deferred.isDone(visit.left), false)
      yield* Deferred.await(visit.left)
    }))

  it.effect("declines within two seconds whatever accept does", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const definition = Worker.define({
        ...forever,
        connect: rooms.connect,
        accept: (request): Effect.Effect<Worker.Decision, string> => {
          switch (request.metadata) {
            case "hang":
              return Effect.uninterruptible(Effect.never)
            case "fail":
              return Effect.fail("no")
            case "throw":
              throw new Error("no")
            case "end":
              return Effect.succeed("end")
            default:
              return Effect.succeed({ identity: "bot", name: "Bot", attributes: { a: "b" } })
          }
        }
      })
      yield* start(definition, server)
      const connection = yield* server.next
      for (const metadata of ["fail", "throw", "end"]) {
        connection.offer(makeJob(`AJ_${metadata}`, { metadata }))
        const answer = yield* connection.take("availability")
        assert.deepStrictEqual([answer.available, answer.terminate], [false, metadata === "end"])
      }
      connection.offer(makeJob("AJ_hang", { metadata: "hang" }))
      yield* settled
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(connection.seen("availability").length, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* connection.take("availability")).available, false)
      connection.offer(makeJob("AJ_yes"))
      const answer = yield* connection.take("availability")
      assert.deepInclude(answer, { available: true, participantIdentity: "bot", participantName: "Bot" })
      assert.strictEqual(answer.participantAttributes["a"], "b")
    }))

  it.effect("declines what accept gives that cannot be sent, and stays connected", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const given: Record<string, unknown> = {
        attribute: { attributes: { tenant: undefined } },
        identity: { identity: 5 },
        nothing: null
      }
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.empty,
        accept: ({ id }) => Effect.succeed(id in given ? given[id] as Worker.Decision : true),
        entry: () => Effect.never
      })
      yield* start(definition, server)
      const connection = yield* server.next
      for (const id of Object.keys(given)) assert.isFalse(yield* connection.dispatch(makeJob(id)), id)
      assert.isTrue(yield* connection.dispatch(makeJob("AJ_1")))
      assert.strictEqual(server.dials(), 1)
    }))

  it.effect("takes none while its load cannot be told, and goes on telling", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      let broken = true
      const definition = Worker.define({ connect: rooms.connect, layer: Layer.empty, entry: () => Effect.never })
      const worker = yield* start(definition, server, {
        load: () => {
          if (broken) throw new TypeError("no load")
          return 0.1
        }
      })
      const connection = yield* server.next
      assert.isFalse(yield* connection.dispatch(makeJob("AJ_1")))
      assert.strictEqual((yield* worker.status).load, 1)
      broken = false
      yield* TestClock.adjust("2500 millis")
      yield* settled
      assert.isTrue(yield* connection.dispatch(makeJob("AJ_2")))
    }))

  it.effect("gives its place back when no assignment comes, and runs none that comes late", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const worker = yield* start(Worker.define({ ...forever, connect: rooms.connect }), server, { maxJobs: 1 })
      const connection = yield* server.next
      connection.offer(makeJob("AJ_1"))
      assert.strictEqual((yield* connection.take("availability")).available, true)
      connection.offer(makeJob("AJ_2"))
      assert.strictEqual((yield* connection.take("availability")).available, false)
      yield* settled
      yield* TestClock.adjust("7500 millis")
      yield* settled
      connection.assign(makeJob("AJ_1"))
      const update = yield* connection.take("updateJob")
      assert.deepInclude(update, { status: JobStatus.JS_FAILED, error: "the assignment came too late" })
      assert.strictEqual((yield* worker.status).jobs, 0)
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_3")), true)
      yield* rooms.next
    }))

  it.effect("reports what failed by its kind, never by its text", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      const definition = Worker.define({
        connect: rooms.connect,
        layer: Layer.empty,
        entry: (job) =>
          job.metadata === "die"
            ? Effect.die(new TypeError("the user said: my number is 42"))
            : Effect.fail({ _tag: "BookingFailed", text: "my number is 42" })
      })
      yield* start(definition, server)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_FAILED, error: "BookingFailed" })
      yield* connection.dispatch(makeJob("AJ_2", { metadata: "die" }))
      assert.deepInclude(yield* outcome(connection), { status: JobStatus.JS_FAILED, error: "TypeError" })
    }))

  it.effect("is full at its load and its number of jobs, and says so", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      let now = 0.69
      const worker = yield* start(Worker.define({ ...forever, connect: rooms.connect }), server, {
        load: () => now,
        maxJobs: 2
      })
      const connection = yield* server.next
      assert.strictEqual((yield* load(connection)).status, WorkerStatus.WS_AVAILABLE)
      yield* settled
      now = 0.7
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual((yield* load(connection)).status, WorkerStatus.WS_FULL)
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_0")), false)
      now = 0.2
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual((yield* load(connection)).status, WorkerStatus.WS_AVAILABLE)
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_1")), true)
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_2")), true)
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_3")), false)
      yield* rooms.next
      yield* rooms.next
      const status = yield* worker.status
      assert.deepInclude(status, { jobs: 2, ready: false, problem: "it has its 2 jobs" })
    }))
})

describe("messages", () => {
  it.effect("ignores what a newer server says, and connects again after nonsense", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const rooms = yield* virtualRooms
      yield* start(Worker.define({ ...forever, connect: rooms.connect }), server)
      const connection = yield* server.next
      // Field 15, which nobody knows.
      connection.sendRaw(new Uint8Array([0x7a, 0x01, 0x00]))
      assert.strictEqual(yield* connection.dispatch(makeJob("AJ_1")), true)
      yield* rooms.next
      connection.sendRaw(new Uint8Array([0xff, 0xff, 0xff, 0xff]))
      const second = yield* server.next
      const migrate = yield* second.take("migrateJob")
      assert.deepStrictEqual(migrate.jobIds, ["AJ_1"])
      second.sendRaw(new Uint8Array(9 * 1024 * 1024))
      yield* settled
      yield* TestClock.adjust("2 seconds")
      yield* server.next
    }))

  it.effect("notices a server that has fallen silent", () =>
    Effect.gen(function*() {
      const server = yield* memory({ pong: () => false })
      yield* start(Worker.define(forever), server)
      const connection = yield* server.next
      yield* settled
      yield* TestClock.adjust("10 seconds")
      yield* connection.take("ping")
      yield* settled
      yield* TestClock.adjust("10 seconds")
      yield* settled
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* connection.closed, 1000)
      yield* server.next
    }))

  it.live("speaks protobuf and JSON over real sockets", () =>
    Effect.gen(function*() {
      for (const framing of ["binary", "json"] as const) {
        const server = yield* serveAgent()
        const rooms = yield* virtualRooms
        const definition = Worker.define({ connect: rooms.connect, layer: Layer.empty, entry: () => Effect.void })
        const worker = yield* start(definition, server, { framing })
        const connection = yield* server.next
        assert.strictEqual(connection.isText(), framing === "json")
        assert.strictEqual(yield* connection.dispatch(makeJob("AJ_1", { participant: "alice" })), true)
        const { job } = yield* rooms.next
        assert.strictEqual(job.participant?.identity, "alice")
        assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
        yield* worker.drain()
        assert.strictEqual(yield* connection.closed, 1000)
      }
    }))

  it.live("tells a refused key from a server that is not there", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent({ status: () => 401 })
      const refused = yield* Effect.flip(start(Worker.define(forever), server))
      assert.deepStrictEqual(refused.reason, new Worker.Unauthorized({ status: 401 }))
      const away = yield* Effect.exit(
        start(Worker.define(forever), { ...server, url: "ws://127.0.0.1:9" }, { retries: 1, retryDelay: 1 })
      )
      assert.include(Exit.isFailure(away) ? String(away.cause) : "", "after 2 attempts")
    }))

  it.live("reads what is missing from the environment, by name", () =>
    Effect.gen(function*() {
      const server = yield* memory()
      const error = yield* Effect.flip(
        start(Worker.define(forever), server, { apiSecret: undefined, apiKey: Redacted.make("k") })
      )
      assert.include(error.message, "LIVEKIT_API_SECRET")
    }))
})

describe("a message in JSON", () => {
  it("whose body is null cannot be decoded, and breaks nothing", () => {
    for (const kind of ["register", "availability", "assignment", "termination", "pong"]) {
      const decoded = decode(`{"${kind}":null}`)
      assert.isTrue(Result.isFailure(decoded) && decoded.failure._tag === "ProtocolViolated", kind)
    }
  })
})
