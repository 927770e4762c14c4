/**
 * What a process survives that holds calls for others than who has made a mistake in it: a promise
 * that nobody awaited is logged when it is rejected, and ends nothing; and nobody's call ends because
 * whoever reads what is printed has gone. An exception that nobody could catch is logged before it ends
 * the process. Only what owns its process does this: a program that imports the library keeps Node's
 * way.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import process from "node:process"
import { logOwn } from "./foreign.ts"

const message = "a promise that nobody awaited was rejected: await it where it was made, or catch it"

let isGuarded = false

/** From now on, for the rest of the process, output that nobody reads is lost, told once, and ends nothing. */
export const guardOutput = (): void => {
  if (isGuarded) return
  isGuarded = true
  for (const [name, stream] of [["output", process.stdout], ["error output", process.stderr]] as const) {
    let isTold = false
    stream.on("error", (cause) => {
      if (isTold) return
      isTold = true
      const code = "code" in cause ? String(cause.code) : "unknown"
      const other = stream === process.stdout ? process.stderr : process.stdout
      other.write(
        `effect-voice: the standard ${name} takes nothing any more (${code}): what is printed there is lost\n`
      )
    })
  }
}

/** Runs it in a process that survives them; they are logged as it logs. */
export const surviving = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.contextWith((context) => {
    const fork = Effect.runForkWith(context)
    const onRejection = (reason: unknown): void => void fork(logOwn(message, Cause.die(reason)))
    const onException = (error: unknown): void => {
      fork(logOwn("the process crashes", Cause.die(error)))
      process.exit(1)
    }
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        guardOutput()
        process.on("unhandledRejection", onRejection)
        process.on("uncaughtException", onException)
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          process.off("unhandledRejection", onRejection)
          process.off("uncaughtException", onException)
        })
    )
  })
