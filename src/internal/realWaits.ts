/**
 * For whom a plain function runs, and what it waits for. A virtual Clock cannot see that a function awaits something real
 * (a file, a socket, a timer of its own), so this tells it to stand still. Requests to the conversation end with virtual
 * time: the Clock goes on while a function awaits one. With real time nothing is counted.
 */
import * as Context from "effect/Context"
import { AsyncLocalStorage } from "node:async_hooks"

/** A function that is awaited. */
export interface RealWait {
  /** It awaits what time brings, as often as it resumes. */
  readonly pause: () => void
  readonly resume: () => void
  readonly end: () => void
}

/** Begins to wait; `onPassed` is told when it has taken too long, and time goes on without it. */
export type RealWaits = (name: string, onPassed: (message: string) => void) => RealWait

/** Who waits, where time is virtual. */
export const CurrentRealWaits = Context.Reference<RealWaits | undefined>("effect-voice/RealWaits", {
  defaultValue: () => undefined
})

/** Whoever runs a plain function: what they run with, and how they are waited for. */
export interface Running {
  readonly context: Context.Context<never>
  readonly wait: RealWait | undefined
}

const current = new AsyncLocalStorage<Running | undefined>()

/** Runs a plain function, with all that it begins, on somebody's behalf. */
export const within = <A>(running: Running, run: () => A): A => current.run(running, run)

/**
 * Asks for what time brings, on behalf of the plain function that asks, or else of whoever was given what it asks:
 * a function that is waited for is not, until it is there.
 */
export const asking = <A>(
  given: Context.Context<never>,
  ask: (context: Context.Context<never>) => Promise<A>
): Promise<A> => {
  const running = current.getStore()
  const promise = current.run(undefined, () => ask(running?.context ?? given))
  const wait = running?.wait
  if (wait === undefined) return promise
  wait.pause()
  return promise.finally(wait.resume)
}
