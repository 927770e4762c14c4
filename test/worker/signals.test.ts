import { assert, describe, it } from "@effect/vitest"
import { JobStatus, WorkerStatus } from "@livekit/protocol"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { untilSignalled } from "../../src/internal/worker/signals.ts"
import { load, makeJob, outcome, serveAgent } from "../support/agentServer.ts"

const file = fileURLToPath(new URL("./fixtures.program.ts", import.meta.url))

/** A program that ends with the test, whatever happens. */
const program = Effect.fnUntraced(function*(url: string, ...more: ReadonlyArray<string>) {
  const exited = yield* Deferred.make<number | null>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [file, url, ...more], { stdio: "ignore" })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  child.once("exit", (code) => Deferred.doneUnsafe(exited, Effect.succeed(code)))
  return { pid: child.pid!, kill: (signal: NodeJS.Signals) => child.kill(signal), exited: Deferred.await(exited) }
})

const forgetful = (args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [fileURLToPath(new URL("./fixtures.forgetful.ts", import.meta.url)), ...args])
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** As the process hears it: what listens to the signal is called, and tests end nothing. */
const signalled = (before: number) =>
  Effect.sync(() => {
    for (const listener of process.listeners("SIGTERM").slice(before)) listener("SIGTERM")
  })

describe("what listens to signals", () => {
  const never = { drain: () => Effect.void, stop: Effect.void, ended: Effect.never }

  it.effect("lets the second end the process by default, where making cannot be interrupted", () =>
    Effect.gen(function*() {
      const before = process.listenerCount("SIGTERM")
      const fiber = yield* untilSignalled(Effect.uninterruptible(Effect.as(Effect.sleep("1 hour"), never))).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      assert.strictEqual(process.listenerCount("SIGTERM"), before + 1)
      yield* signalled(before)
      assert.strictEqual(process.listenerCount("SIGTERM"), before)
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
    }))

  it.effect("lets the next one end the process by default, once nothing is left that it could ask", () =>
    Effect.gen(function*() {
      const before = process.listenerCount("SIGTERM")
      const closing = Deferred.makeUnsafe<void>()
      const make = Effect.acquireRelease(
        Effect.succeed({ ...never, ended: Effect.void }),
        () => Effect.andThen(Deferred.succeed(closing, undefined), Effect.sleep("1 hour"))
      )
      const fiber = yield* Effect.forkChild(untilSignalled(make), { startImmediately: true })
      yield* Deferred.await(closing)
      assert.strictEqual(process.listenerCount("SIGTERM"), before)
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
    }))

  it.effect("drains at the first, ends the calls at the second, and lets the third end the process", () =>
    Effect.gen(function*() {
      const before = process.listenerCount("SIGTERM")
      const asked: Array<string> = []
      const ask = (what: string) => Effect.andThen(Effect.sync(() => asked.push(what)), Effect.never)
      const worker = { drain: () => ask("drain"), stop: ask("stop"), ended: Effect.never }
      const fiber = yield* Effect.forkChild(untilSignalled(Effect.succeed(worker)), { startImmediately: true })
      yield* TestClock.adjust(0)
      for (const expected of [["drain"], ["drain", "stop"]]) {
        yield* signalled(before)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(asked, expected)
      }
      assert.strictEqual(process.listenerCount("SIGTERM"), before)
      yield* Fiber.interrupt(fiber)
    }))
})

/** The processes that a process has started. */
const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number)

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(20), until(condition)))

describe("a program", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    it.live(`drains at the first ${signal} and exits by itself`, () =>
      Effect.gen(function*() {
        const server = yield* serveAgent()
        const { exited, kill } = yield* program(server.url)
        const connection = yield* server.next
        yield* load(connection)
        yield* connection.dispatch(makeJob("AJ_1", { metadata: "wait" }))
        assert.strictEqual((yield* connection.take("updateJob")).status, JobStatus.JS_RUNNING)
        kill(signal)
        while ((yield* load(connection)).status !== WorkerStatus.WS_FULL);
        assert.strictEqual(yield* connection.dispatch(makeJob("AJ_2")), false)
        connection.terminate("AJ_1")
        assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
        assert.strictEqual(yield* exited, 0)
      }))
  }

  it.live("ends its calls at the second signal", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const { exited, kill } = yield* program(server.url)
      const connection = yield* server.next
      yield* load(connection)
      yield* connection.dispatch(makeJob("AJ_1", { metadata: "wait" }))
      yield* connection.take("updateJob")
      kill("SIGINT")
      while ((yield* load(connection)).status !== WorkerStatus.WS_FULL);
      kill("SIGINT")
      assert.deepStrictEqual((yield* outcome(connection)).error, "the worker was stopped")
      assert.strictEqual(yield* exited, 0)
    }))

  describe.skipIf(process.platform !== "linux")("with a pool", () => {
    const talking = Effect.gen(function*() {
      const server = yield* serveAgent()
      const one = yield* program(server.url, "2")
      const connection = yield* server.next
      yield* load(connection)
      yield* connection.dispatch(makeJob("AJ_1", { metadata: "wait" }))
      assert.strictEqual((yield* connection.take("updateJob")).status, JobStatus.JS_RUNNING)
      const children = childrenOf(one.pid)
      assert.lengthOf(children, 2)
      // Whatever comes of it, none is left behind by this test.
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const pid of children) if (isAlive(pid)) process.kill(pid, "SIGKILL")
        })
      )
      return { ...one, children, connection }
    })

    it.live("that is stopped, and killed then, leaves none of its processes behind", () =>
      Effect.gen(function*() {
        const { children, kill } = yield* talking
        kill("SIGSTOP")
        kill("SIGKILL")
        yield* until(() => !children.some(isAlive))
      }))

    it.live("that is stopped for a while goes on with the calls of its processes", () =>
      Effect.gen(function*() {
        const { children, connection, exited, kill } = yield* talking
        kill("SIGSTOP")
        yield* Effect.sleep(1000)
        assert.isTrue(children.every(isAlive))
        kill("SIGCONT")
        connection.terminate("AJ_1")
        assert.strictEqual((yield* outcome(connection)).status, JobStatus.JS_SUCCESS)
        kill("SIGTERM")
        assert.strictEqual(yield* exited, 0)
        assert.isFalse(children.some(isAlive))
      }))
  })

  it.live("survives a promise that nobody awaited, which is logged with its place", () =>
    Effect.gen(function*() {
      const child = yield* forgetful([])
      let output = ""
      child.stdout.on("data", (data: Buffer) => void (output += data.toString()))
      yield* Effect.promise(() => once(child, "close"))
      assert.match(
        output,
        /ERROR .*a promise that nobody awaited was rejected.*RangeError: it was not saved\n +at save/
      )
      // It went on until it had no server.
      assert.include(output, "the server is given up")
    }))

  it.live("goes on where nobody reads what it prints, and says so once", () =>
    Effect.gen(function*() {
      const child = yield* forgetful([])
      child.stdout.destroy()
      let errors = ""
      child.stderr.on("data", (data: Buffer) => void (errors += data.toString()))
      const [code] = yield* Effect.promise(() => once(child, "close"))
      // Its own end: it has no server.
      assert.strictEqual(code, 1)
      assert.strictEqual(errors.split("the standard output takes nothing any more (EPIPE)").length, 2, errors)
      assert.notInclude(errors, "    at ")
    }))

  it.live("logs what was thrown where nobody could catch it, once, before it ends", () =>
    Effect.gen(function*() {
      const child = yield* forgetful(["throw"])
      let output = ""
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (data: Buffer) => void (output += data.toString()))
      }
      const [code] = yield* Effect.promise(() => once(child, "close"))
      assert.strictEqual(code, 1)
      assert.match(output, /ERROR .*the process crashes.*RangeError: out of reach\n +at .*fixtures\.forgetful\.ts/)
      assert.strictEqual(output.split("out of reach").length, 2, output)
    }))

  it.live("exits with 1 when the server cannot be reached", () =>
    Effect.gen(function*() {
      const { exited } = yield* program("ws://127.0.0.1:9")
      assert.strictEqual(yield* exited, 1)
    }))
})
