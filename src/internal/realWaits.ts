/**
 * For whom a plain function runs, and what it waits for. A virtual Clock cannot see that a function, or a server of tools,
 * awaits something real (a file, a socket, a timer of its own), so this tells it to stand still. Requests to the
 * conversation end with virtual time, and so do sleeps: the Clock goes on while somebody awaits one. With real time nothing
 * is counted.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
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

/** Begins to wait for whoever has this context; a warning is logged there. Nothing where time is real. */
export const begin = (name: string, context: Context.Context<never>): RealWait | undefined =>
  Context.get(context, CurrentRealWaits)?.(name, (message) => Effect.runForkWith(context)(Effect.logWarning(message)))

/**
 * Does something that is answered from outside, such as by a server. Sleeps in it take virtual time, unless they outlast
 * `within` (ms): these are deadlines.
 */
export const outside = <A, E, R>(
  name: string,
  self: Effect.Effect<A, E, R>,
  within = Number.POSITIVE_INFINITY
): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const wait = begin(name, context)
    if (wait === undefined) return self
    const clock = Context.get(context, Clock.Clock)
    const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
      Duration.toMillis(duration) >= within ? clock.sleep(duration) : Effect.acquireUseRelease(
        Effect.sync(wait.pause),
        () => clock.sleep(duration),
        () => Effect.sync(wait.resume)
      )
    return self.pipe(
      Effect.provideService(Clock.Clock, { ...clock, sleep }),
      Effect.ensuring(Effect.sync(wait.end))
    )
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
