import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as files from "../../src/internal/command/files.ts"
import * as command from "../../src/internal/command/run.ts"
import * as programs from "../support/programs.ts"

const limits = { timeoutMs: 30_000, maxOutput: 1024 * 1024 }

const sh = (script: string, more: Partial<command.Command> = {}) =>
  command.run({ program: "/bin/sh", args: ["-c", script], ...limits, ...more })

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("a local program", () => {
  it.live("is given its input whole and gives its output whole, however large", () =>
    Effect.gen(function*() {
      const bytes = new Uint8Array(900_000).map((_, i) => i * 7)
      const output = yield* command.run({ program: "cat", args: [], stdin: bytes, ...limits })
      assert.deepStrictEqual(Buffer.from(output), Buffer.from(bytes))
      assert.strictEqual(textOf(yield* sh("cat", { stdin: new Uint8Array(0) })), "")
      assert.strictEqual(textOf(yield* sh("cat; printf none")), "none")
    }))

  it.live("finds what it is given in its environment, beside what was there", () =>
    Effect.gen(function*() {
      const env = { SPEECH_KEY: Redacted.make("sk-secret"), SPEECH_MODE: "fast" }
      assert.strictEqual(
        textOf(yield* sh("printf %s-%s-%s $SPEECH_KEY $SPEECH_MODE ${PATH:+path}", { env })),
        "sk-secret-fast-path"
      )
    }))

  const faults: ReadonlyArray<
    readonly [name: string, run: Effect.Effect<Uint8Array, unknown>, tag: string, says: RegExp]
  > = [
    ["an exit code", sh("printf 'secret words'; printf 'secret words' >&2; exit 3"), "Broken", /exit code 3/],
    ["a signal", sh("kill -SEGV $$"), "Broken", /SIGSEGV/],
    [
      "a program that is not there",
      command.run({ program: "no-such-program", args: [], ...limits }),
      "InvalidRequest",
      /"no-such-program" was not found/
    ],
    [
      "a program that may not be run",
      command.run({ program: "/etc/passwd", args: [], ...limits }),
      "InvalidRequest",
      /may not be run/
    ],
    [
      "an argument that is none",
      command.run({ program: "cat", args: ["secret\0words"], ...limits }),
      "InvalidRequest",
      /U\+0000/
    ],
    [
      "arguments that are too long",
      command.run({ program: "cat", args: ["x".repeat(3_000_000)], ...limits }),
      "InvalidRequest",
      /too long/
    ],
    ["a directory that is not there", sh("true", { cwd: "/no/such/directory" }), "InvalidRequest", /cwd/],
    [
      "output without end",
      sh("while true; do echo secret words; done", { maxOutput: 10_000 }),
      "InvalidResponse",
      /more than 10000 bytes/
    ],
    [
      "input that nobody reads",
      sh("exit 0", { stdin: new Uint8Array(900_000) }),
      "Broken",
      /before it had read its input/
    ],
    [
      "input that nobody reads, and an exit code",
      sh("exit 2", { stdin: new Uint8Array(900_000) }),
      "Broken",
      /exit code 2/
    ],
    [
      "input that is cut off in the middle",
      sh("head -c 100000 > /dev/null; exit 0", { stdin: new Uint8Array(900_000) }),
      "Broken",
      /before it had read its input/
    ],
    ["no end", sh("sleep 600", { timeoutMs: 100 }), "TimedOut", /100 ms/],
    ["no end, with helpers that hold the output", sh("sleep 600 & sleep 600", { timeoutMs: 100 }), "TimedOut", /100 ms/]
  ]
  for (const [name, run, tag, says] of faults) {
    it.live(`fails typed, without content: ${name}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(run)
        assert.propertyVal(error, "_tag", tag)
        const told = error instanceof Error ? error.message : ""
        assert.match(told, says)
        assert.notInclude(told + JSON.stringify(error), "secret")
      }))
  }

  it.live("does not wait for what it has left behind", () =>
    Effect.gen(function*() {
      assert.strictEqual(textOf(yield* sh("sleep 600 & printf done")), "done")
    }))

  it.live("is gone with all that it has started when it is interrupted, also where it ignores being asked", () =>
    Effect.gen(function*() {
      const watch = yield* programs.watch
      const fiber = yield* Effect.forkChild(
        command.run({ program: process.execPath, args: programs.immortal(watch.port), ...limits })
      )
      yield* watch.started
      yield* watch.started
      yield* Fiber.interrupt(fiber)
      yield* watch.gone
      yield* watch.gone
    }))

  it.live("does not outlive a process that exits in the middle of a call", () =>
    Effect.gen(function*() {
      const watch = yield* programs.watch
      const module = new URL("../../src/internal/command/run.ts", import.meta.url).href
      const script = `
        import { run } from ${JSON.stringify(module)}
        import { Effect } from "effect"
        const args = ${JSON.stringify(programs.immortal(watch.port))}
        Effect.runFork(run({ program: process.execPath, args, timeoutMs: 60_000, maxOutput: 1 }))
        process.stdin.on("end", () => process.exit(0)).resume()`
      const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
        cwd: new URL("../..", import.meta.url),
        stdio: ["pipe", "inherit", "inherit"]
      })
      yield* watch.started
      yield* watch.started
      parent.stdin.end()
      yield* watch.gone
      yield* watch.gone
    }))

  it.live("leaves no temporary file, whatever becomes of it", () =>
    Effect.gen(function*() {
      const bytes = new TextEncoder().encode("hello")
      const seen: Array<string> = []
      const cat = (path: string) => {
        seen.push(path)
        return sh(`cat ${path}`)
      }
      assert.strictEqual(textOf(yield* files.withInput("a.txt", bytes, cat)), "hello")
      yield* Effect.exit(files.withInput("a.txt", bytes, (path) => {
        seen.push(path)
        return sh("exit 1")
      }))
      const fiber = yield* Effect.forkChild(files.withInput("a.txt", bytes, () => Effect.never))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(textOf(yield* files.withOutput("b.txt", 10, (path) => sh(`printf hi > ${path}`))), "hi")
      const none = yield* Effect.flip(files.withOutput("b.txt", 10, () => sh("true")))
      assert.strictEqual(none.message, "the provider's answer could not be understood: the program wrote no file")
      const large = yield* Effect.flip(files.withOutput("b.txt", 10, (path) => sh(`printf 12345678901 > ${path}`)))
      assert.strictEqual(large._tag, "InvalidResponse")
      for (const path of seen) assert.isFalse(fs.existsSync(path))
    }))

  it.live("is looked for before it is needed", () =>
    Effect.gen(function*() {
      yield* command.find({ program: "sh" })
      yield* command.find({ program: process.execPath })
      assert.match((yield* Effect.flip(command.find({ program: "no-such-program" }))).message, /was not found/)
      assert.match((yield* Effect.flip(command.find({ program: "; exit 0" }))).message, /was not found/)
    }))
})
