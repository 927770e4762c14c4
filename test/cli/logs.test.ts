import { assert, describe, it } from "@effect/vitest"
import { WorkerStatus } from "@livekit/protocol"
import { Deferred, Effect } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { load, makeJob, outcome, serveAgent } from "../support/agentServer.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

interface Line {
  readonly level: string
  readonly message: unknown
  readonly cause?: string
  readonly annotations: Readonly<Record<string, unknown>>
  readonly spans: Readonly<Record<string, number>>
}

/** The command, until it ends or the test does. */
const command = Effect.fnUntraced(function*(args: ReadonlyArray<string>, url: string) {
  const over = yield* Deferred.make<
    { readonly code: number | null; readonly output: string; readonly errors: string }
  >()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--conditions", "effect-voice/source", "src/cli/main.ts", ...args], {
        cwd: root,
        env: {
          ...process.env,
          NO_COLOR: "1",
          METRICS_PORT: "0",
          LIVEKIT_URL: url,
          LIVEKIT_API_KEY: "devkey",
          LIVEKIT_API_SECRET: "secret-at-least-thirty-two-characters"
        }
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let output = ""
  let errors = ""
  child.stdout.on("data", (data: Buffer) => void (output += data.toString()))
  child.stderr.on("data", (data: Buffer) => void (errors += data.toString()))
  child.on("close", (code) => Deferred.doneUnsafe(over, Effect.succeed({ code, output, errors })))
  return { stop: Effect.sync(() => child.kill("SIGTERM")), over: Deferred.await(over) }
})

/** What the command prints about one job of `failing.ts`. */
const printed = (args: ReadonlyArray<string>, metadata = "foreign") =>
  Effect.gen(function*() {
    const server = yield* serveAgent()
    const { over, stop } = yield* command(args, server.url)
    const connection = yield* server.next
    // A process that has just begun is busy.
    while ((yield* load(connection)).status === WorkerStatus.WS_FULL);
    yield* connection.dispatch(makeJob("AJ_1", { metadata }))
    yield* outcome(connection)
    yield* stop
    return yield* over
  })

const linesOf = (output: string): ReadonlyArray<Line> =>
  output.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))

describe.concurrent("what is logged", () => {
  it.live("by the processes of a pool is logged as their parent was told", () =>
    Effect.gen(function*() {
      const pool = ["start", "test/cli/failing.ts", "--port", "0", "--processes", "1"]
      const { code, errors, output } = yield* printed([...pool, "--log-level", "debug"])
      assert.strictEqual(code, 0, errors)
      const lines = linesOf(output)
      const line = (message: string) => lines.find((line) => [line.message].flat()[0] === message)
      for (const message of ["the job begins", "the entry runs", "the job failed", "the job is over"]) {
        assert.deepInclude(line(message)?.annotations, { job: "AJ_1", room: "room-AJ_1", child: 0 }, message)
      }
      assert.deepStrictEqual(line("the entry runs")?.message, ["the entry runs", { about: "foreign" }])
      assert.strictEqual(line("the entry runs")?.level, "DEBUG")
      assert.isAtLeast(line("the entry runs")?.spans["call"] ?? -1, 0)
      assert.match(line("the job failed")?.cause ?? "", /^TypeError: Cannot read .*\n +at .*failing\.ts/)

      const quiet = linesOf((yield* printed([...pool, "--log-level", "error"])).output)
      assert.deepStrictEqual(quiet.map(({ message }) => message), ["the job failed", "failed"])
    }))

  it.live("of a process that crashes says why, and which job it took with it", () =>
    Effect.gen(function*() {
      const { code, output } = yield* printed(
        ["start", "test/cli/failing.ts", "--port", "0", "--processes", "1"],
        "crash"
      )
      assert.strictEqual(code, 0)
      const lines = linesOf(output)
      const line = (message: string) => lines.find((line) => line.message === message)
      assert.match(line("the process crashes")?.cause ?? "", /^RangeError: out of reach\n +at .*failing\.ts/)
      assert.deepStrictEqual(line("the job failed")?.annotations, {
        job: "AJ_1",
        room: "room-AJ_1",
        child: 0,
        reason: "the process of the job has ended (exit code 1)"
      })
      assert.isDefined(line("a process of the pool has ended (exit code 1)"))
    }))

  it.live("of a job that fails names the place, with and without a pool, for authors and for operators", () =>
    Effect.gen(function*() {
      for (
        const args of [["dev", "--no-playground"], ["dev", "--no-playground", "--verbose"], ["start", "--port", "0"]]
      ) {
        const [name = "", ...flags] = args
        const { output } = yield* printed([name, "test/cli/failing.ts", ...flags])
        assert.match(output, /TypeError: Cannot read properties of undefined/)
        assert.match(output, /at .*failing\.ts:\d+/)
      }
    }))

  it.live("of a setting that is wrong is its message, once, however many processes there are", () =>
    Effect.gen(function*() {
      for (const processes of ["0", "1", "2"]) {
        const { over } = yield* command(
          ["start", "test/cli/voiceless.ts", "--port", "0", "--processes", processes],
          "ws://127.0.0.1:9"
        )
        const { code, errors, output } = yield* over
        assert.strictEqual(code, 1)
        assert.strictEqual((output + errors).split("voice must be one of").length, 2, output + errors)
      }
    }))

  it.live("of a layer that breaks names the place, in the format of the command, with and without a pool", () =>
    Effect.gen(function*() {
      const place = /TypeError: Cannot read .*\n? +at .*layerless\.ts:\d+/
      const dev = yield* (yield* command(["dev", "--no-playground", "test/cli/layerless.ts"], "ws://127.0.0.1:9")).over
      assert.strictEqual(dev.code, 1)
      assert.match(dev.output, place)
      for (const processes of ["0", "1"]) {
        const args = ["start", "test/cli/layerless.ts", "--port", "0", "--processes", processes]
        const { code, output } = yield* (yield* command(args, "ws://127.0.0.1:9")).over
        assert.strictEqual(code, 1)
        const told = output.split("\n").filter((line) => line.startsWith("{")).map((line): Line => JSON.parse(line))
        assert.match(told.find(({ cause }) => cause !== undefined)?.cause ?? "", place)
        assert.strictEqual(told.find(({ cause }) => cause !== undefined)?.level, "ERROR")
      }
    }))
})
