/** Local programs for tests: whether they are there, and whether they are still running. */
import { Effect, Queue, type Scope } from "effect"
import { spawnSync } from "node:child_process"
import * as net from "node:net"
import type { AddressInfo } from "node:net"

/** Whether a program is installed. */
export const installed = (program: string): boolean =>
  spawnSync("/bin/sh", ["-c", `command -v -- "$1"`, "sh", program]).status === 0

/** Whether all are; says which are not, so that a skipped test is seen to be one. */
export const available = (...programs: ReadonlyArray<string>): boolean => {
  const missing = programs.filter((program) => !installed(program))
  if (missing.length > 0) process.stdout.write(`skipped, not installed: ${missing.join(", ")}\n`)
  return missing.length === 0
}

/** A server that programs connect to, so that it is seen when they are gone. */
export interface Watch {
  readonly port: number
  /** Waits for the next program that has connected. */
  readonly started: Effect.Effect<void>
  /** Waits for the next program that is gone. */
  readonly gone: Effect.Effect<void>
}

export const watch: Effect.Effect<Watch, never, Scope.Scope> = Effect.gen(function*() {
  const starts = yield* Queue.unbounded<void>()
  const ends = yield* Queue.unbounded<void>()
  const server = net.createServer((socket) => {
    Queue.offerUnsafe(starts, undefined)
    socket.on("error", () => {})
    socket.on("close", () => Queue.offerUnsafe(ends, undefined))
    socket.resume()
  })
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () => Effect.sync(() => server.close())
  )
  return { port, started: Queue.take(starts), gone: Queue.take(ends) }
})

/** A program of Node that reports to a watch, starts another one that does, and stays for ever. */
export const immortal = (port: number): ReadonlyArray<string> => {
  const report = `require("node:net").connect(${port}, "127.0.0.1"); process.on("SIGTERM", () => {});`
  const child = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(report)}], ` +
    `{ stdio: "inherit" });`
  return ["-e", report + child]
}
