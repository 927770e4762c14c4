import { assert, describe, it } from "@effect/vitest"
import { JobStatus, WorkerStatus } from "@livekit/protocol"
import { Deferred, Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
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

/** The processes that a process has started. */
const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number)

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(20), until(condition)))

describe("a program", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
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
      }), 60_000)

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
      }), 60_000)
  })

  it.live("survives a promise that nobody awaited, which is logged with its place", () =>
    Effect.gen(function*() {
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, [fileURLToPath(new URL("./fixtures.forgetful.ts", import.meta.url))])
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
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

  it.live("exits with 1 when the server cannot be reached", () =>
    Effect.gen(function*() {
      const { exited } = yield* program("ws://127.0.0.1:9")
      assert.strictEqual(yield* exited, 1)
    }))
})
