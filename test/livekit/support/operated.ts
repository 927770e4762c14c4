/** A worker in a process of its own, seen from where its operator stands. */
import { Deferred, Effect } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { freePort } from "../../support/freePort.ts"
import { until } from "./people.ts"
import type { Address } from "./server.ts"

const program = fileURLToPath(new URL("./program.ts", import.meta.url))

export interface Line {
  readonly message: unknown
  readonly level: string
  readonly annotations: Readonly<Record<string, unknown>>
}

const read = (line: string): Line => {
  const { annotations, level, message } = JSON.parse(line)
  return { annotations, level, message }
}

/** Starts it, and kills it with the scope if it is still there. */
export const operated = (at: Address, processes: number) =>
  Effect.gen(function*() {
    const [port, metricsPort] = yield* Effect.promise(() => Promise.all([freePort(), freePort()]))
    const exited = yield* Deferred.make<number | null>()
    const args = ["--conditions=effect-voice/source", program, ...[port, metricsPort, processes].map(String)]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, args, {
          env: {
            ...process.env,
            LIVEKIT_URL: at.url,
            LIVEKIT_API_KEY: at.key,
            LIVEKIT_API_SECRET: at.secret
          }
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    let text = ""
    let errors = ""
    child.stdout.on("data", (data: Buffer) => void (text += data.toString()))
    child.stderr.on("data", (data: Buffer) => void (errors += data.toString()))
    child.once("exit", (code) => Deferred.doneUnsafe(exited, Effect.succeed(code)))
    const get = (path: string) =>
      Effect.promise(async () => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`)
        return { status: response.status, text: await response.text() }
      })
    const lines = (): ReadonlyArray<Line> => text.split("\n").slice(0, -1).map(read)
    yield* until(() => lines().some(({ message }) => message === "the worker is registered"))
    return {
      get,
      lines,
      text: () => text,
      errors: () => errors,
      kill: (signal: NodeJS.Signals) => child.kill(signal),
      exited: Deferred.await(exited)
    }
  })
