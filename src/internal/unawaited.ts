/**
 * Promises that nobody awaited, in a process that holds calls for others than
 * who has forgotten one: a rejection is logged, and ends nothing. Only what owns
 * its process does this: a program that imports the library keeps Node's way.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { logOwn } from "./foreign.ts"

const message = "a promise that nobody awaited was rejected: await it where it was made, or catch it"

/** Runs it in a process that survives them; they are logged as it logs. */
export const surviving = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.contextWith((context) => {
    const fork = Effect.runForkWith(context)
    const listener = (reason: unknown): void => void fork(logOwn(message, Cause.die(reason)))
    return Effect.acquireUseRelease(
      Effect.sync(() => process.on("unhandledRejection", listener)),
      () => effect,
      () => Effect.sync(() => process.off("unhandledRejection", listener))
    )
  })
