import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, References } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"
import failing from "../cli/failing.ts"
import { makeJob, outcome } from "../support/agentServer.ts"
import { memory, settled, start } from "./support.ts"

interface Line {
  readonly level: string
  readonly message: unknown
  readonly cause: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** All that is logged. */
const recorded = () => {
  const lines: Array<Line> = []
  const logger = Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
    lines.push({
      level: logLevel,
      message: Array.isArray(message) ? message[0] : message,
      cause: Cause.pretty(cause),
      annotations: fiber.getRef(References.CurrentLogAnnotations)
    })
  })
  return { lines, layer: Logger.layer([logger]) }
}

/** What a job of `failing.ts` leaves in the log, and what the server is told. */
const ends = (metadata: string) =>
  Effect.gen(function*() {
    const { layer, lines } = recorded()
    const server = yield* memory()
    yield* start(failing, server).pipe(
      Effect.provide(layer),
      Effect.annotateLogs({ service: "hotel" }),
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
    const connection = yield* server.next
    yield* connection.dispatch(makeJob("AJ_1", { metadata }))
    const { error } = yield* outcome(connection)
    yield* settled
    return { error, lines, line: lines.find(({ message }) => message === "the job failed")! }
  })

/** A worker whose `accept` fails has been offered a job. */
const refused = Effect.gen(function*() {
  const { layer, lines } = recorded()
  const server = yield* memory()
  yield* Effect.provide(start(failing, server), layer)
  const connection = yield* server.next
  assert.isFalse(yield* connection.dispatch(makeJob("AJ_1", { metadata: "refuse" })))
  return { layer, lines, server }
})

describe("a job that fails", () => {
  it.effect("by what others have written is logged with the message and the place", () =>
    Effect.gen(function*() {
      const { error, line } = yield* ends("foreign")
      assert.strictEqual(error, "TypeError")
      assert.strictEqual(line.level, "Error")
      assert.deepStrictEqual(line.annotations, {
        service: "hotel",
        job: "AJ_1",
        room: "room-AJ_1",
        reason: "TypeError"
      })
      assert.match(line.cause, /^TypeError: Cannot read properties of undefined/)
      assert.match(line.cause, /\n +at .*failing\.ts/)
    }))

  it.effect("has said in each line which one it is, beside what its worker says", () =>
    Effect.gen(function*() {
      const { lines } = yield* ends("foreign")
      for (const message of ["the job begins", "the entry runs", "the job failed", "failed", "the job is over"]) {
        const line = lines.find((line) => line.message === message)
        assert.deepInclude(line?.annotations, { service: "hotel", job: "AJ_1", room: "room-AJ_1" }, message)
      }
    }))

  it.effect("by an error of this library is logged with its message alone", () =>
    Effect.gen(function*() {
      const { error, line } = yield* ends("ours")
      assert.strictEqual(error, "TtsError/InvalidRequest")
      assert.strictEqual(line.level, "Warn")
      assert.strictEqual(line.annotations["detail"], "flite: voice: there is none")
      assert.strictEqual(line.cause, "")
    }))

  it.effect("by one that has a cause of its own is logged with both", () =>
    Effect.gen(function*() {
      const { line } = yield* ends("wrapped")
      assert.match(line.cause, /^Error: the booking broke\n/)
      assert.include(line.cause, "[cause]: RangeError: room 900")
    }))

  it.effect("by one that quotes, or has fields, is logged without what was said", () =>
    Effect.gen(function*() {
      for (const [metadata, kind] of [["quoting", "SchemaError"], ["structured", "BookingFailed"]] as const) {
        const { error, line, lines } = yield* ends(metadata)
        assert.strictEqual(error, kind)
        assert.strictEqual(line.level, "Error")
        assert.include(line.cause, kind)
        assert.notInclude(JSON.stringify(lines), "555-0199")
      }
    }))

  it.effect("in a callback of onShutdown says so, too", () =>
    Effect.gen(function*() {
      const { lines } = yield* ends("none")
      const line = lines.find(({ message }) => message === "failed")!
      assert.strictEqual(line.annotations["step"], "onShutdown")
      assert.match(line.cause, /^RangeError: the callback broke\n +at .*failing\.ts/)
    }))

  it.effect("to be accepted, or to be joined, or to be made ready says so, too", () =>
    Effect.gen(function*() {
      const { layer, lines, server } = yield* refused
      yield* Effect.provide(
        start(
          Worker.define({
            layer: Layer.empty,
            connect: () => Effect.die(new TypeError("no way in")),
            entry: () => Effect.void
          }),
          server
        ),
        layer
      )
      const second = yield* server.next
      yield* second.dispatch(makeJob("AJ_2"))
      yield* outcome(second)
      const error = yield* Effect.flip(Effect.provide(
        start(
          Worker.define({
            layer: Layer.empty,
            prewarm: Effect.die(new TypeError("the table is away")),
            entry: () => Effect.void
          }),
          server
        ),
        layer
      ))
      assert.strictEqual(error.message, "the worker could not be made ready: prewarm failed (TypeError)")
      for (
        const [message, cause] of [
          ["accept has failed, the job is declined", "TypeError: accept is broken"],
          ["the room could not be joined", "TypeError: no way in"],
          ["prewarm failed", "TypeError: the table is away"]
        ] as const
      ) {
        const line = lines.find((line) => line.message === message)
        assert.strictEqual(line?.level, "Error", message)
        assert.isTrue(line?.cause.startsWith(`${cause}\n`), message)
      }
    }))

  it.effect.each<
    readonly [what: string, connect: (name: string) => unknown, says: string, line: object, message: string]
  >([
    [
      "a thing that is no room",
      () => Effect.succeed({}),
      "InvalidOptions",
      { level: "Warn", detail: "connect must give a Room, not an object" },
      "the room could not be joined"
    ],
    [
      "nothing",
      () => Effect.void,
      "InvalidOptions",
      { level: "Warn", detail: "connect must give a Room, not undefined" },
      "the room could not be joined"
    ],
    [
      "a room too late",
      () => Effect.never,
      "TimeoutError",
      { level: "Error", cause: "TimeoutError: connect took more than 1000 ms (joinTimeout)" },
      "the room could not be joined"
    ],
    [
      "a room that breaks",
      (name) =>
        Effect.map(
          makeMemoryRoom({ name }),
          ({ room }) => ({ ...room, ended: Effect.delay(Effect.die(new RangeError("gone")), 500) })
        ),
      "RangeError",
      { level: "Error", cause: "RangeError: gone" },
      "the job failed"
    ]
  ])(
    "because connect gave %s is reported, logged once, and goes on nowhere",
    ([, connect, says, expected, message]) =>
      Effect.gen(function*() {
        const { layer, lines } = recorded()
        const server = yield* memory()
        const ended: Array<string> = []
        const definition = Worker.define({
          layer: Layer.empty,
          joinTimeout: "1 second",
          // What JavaScript may give.
          connect: (({ job }: Worker.Entrance) => connect(job.room.name)) as NonNullable<
            Worker.DefineOptions<never, never>["connect"]
          >,
          entry: (job) =>
            Effect.andThen(
              job.onShutdown(() => ended.push("callback")),
              Effect.onInterrupt(Effect.never, () => Effect.sync(() => void ended.push("entry")))
            )
        })
        const worker = yield* Effect.provide(start(definition, server), layer)
        const connection = yield* server.next
        yield* connection.dispatch(makeJob("AJ_1"))
        yield* settled
        yield* TestClock.adjust("1 second")
        const end = yield* outcome(connection)
        assert.deepInclude(end, { jobId: "AJ_1", error: says })
        yield* settled
        const told = lines.filter(({ level }) => level === "Error" || level === "Warn")
        assert.deepStrictEqual(told.map((line) => line.message), [message])
        const { annotations, cause, level } = told[0]!
        const { detail } = annotations
        assert.deepInclude({ level, detail, cause: cause.split("\n", 1)[0] }, expected)
        assert.deepStrictEqual(ended, message === "the job failed" ? ["entry", "callback"] : [])
        assert.strictEqual((yield* worker.status).jobs, 0)
      })
  )

  it.effect("is not said to be declined by accept, which has not decided", () =>
    Effect.gen(function*() {
      const { lines } = yield* refused
      yield* settled
      const declined = lines.find((line) => line.message === "a job is declined")
      assert.strictEqual(declined?.annotations["why"], "accept has not decided")
    }))
})
