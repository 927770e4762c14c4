/** How a failure of a component reaches the conversation, the log and the listeners. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Event from "../../Event.ts"
import * as Failure from "../../Failure.ts"
import * as Turn from "../../Turn.ts"
import { logOwn, logPlaced, traceOf } from "../foreign.ts"
import { afterHook } from "../hook.ts"
import { asAsked } from "../session.ts"
import { sleepBut } from "../steady.ts"
import { type Core, isOpen, signal } from "./core.ts"

interface Reasoned {
  readonly reason: Failure.Reason | string
  readonly isRetryable?: boolean
}

const hasReason = (error: unknown): error is Reasoned =>
  typeof error === "object" && error !== null && "reason" in error &&
  (typeof error.reason === "string" || (typeof error.reason === "object" && error.reason !== null))

/** The reason of a cause, without anything that the user or the model said. */
const reasonOf = (cause: Cause.Cause<unknown>): Failure.Reason | string => {
  const error = Cause.findErrorOption(cause)
  if (error._tag === "Some" && hasReason(error.value)) {
    const { reason } = error.value
    return typeof reason === "string" ? reason : "isRetryable" in reason ? reason : new Failure.Broken({})
  }
  return new Failure.Broken({})
}

/** What is at work when the session ends is ended with it, and has not failed. */
const endedWith = (core: Core, cause: Cause.Cause<unknown>): boolean => Cause.hasInterruptsOnly(cause) && !isOpen(core)

const hookFailed = (core: Core, name: string, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (endedWith(core, cause)) return Effect.void
  core.publish({ _tag: "ProviderFailed", component: "hook", provider: name, reason: "HookFailed", recovered: true })
  return logOwn(`a hook failed: ${afterHook(name)}`, cause).pipe(
    Effect.andThen(Effect.logDebug("all that the hook failed with", cause)),
    Effect.annotateLogs({ hook: name })
  )
}

/** How long something may take, but for time that does not count. */
interface Limit {
  readonly ms: number
  /** Time (ms) since its beginning that does not count. */
  readonly spared?: Effect.Effect<number> | undefined
  /** What follows if it takes longer: a warning that it did not do this in time, or something else. */
  readonly late: "answer" | "end" | (() => void)
}

/** How it has ended, if it has in time. */
const settled = <A, E>(
  fiber: Fiber.Fiber<A, E>,
  limit: Limit | undefined
): Effect.Effect<Option.Option<Exit.Exit<A, E>>> => {
  const exit = Effect.asSome(Fiber.await(fiber))
  if (limit === undefined) return exit
  return Effect.raceFirst(exit, Effect.as(sleepBut(limit.ms, limit.spared ?? Effect.succeed(0)), Option.none()))
}

/**
 * Runs what the user has written: its failure, or that it gives itself up, is
 * reported and harms nothing; what takes too long is left behind.
 */
export const guarded = <A>(
  core: Core,
  name: string,
  effect: Effect.Effect<A, unknown>,
  limit?: Limit,
  report: (cause: Cause.Cause<unknown>) => Effect.Effect<void> = (cause) => hookFailed(core, name, cause)
): Effect.Effect<A | undefined> =>
  Effect.flatMap(asAsked, (tied) => {
    const fiber = core.fork(tied(effect))
    const dismiss = Effect.sync(() => fiber.interruptUnsafe())
    return settled(fiber, limit).pipe(
      Effect.onInterrupt(() => dismiss),
      Effect.flatMap((exit): Effect.Effect<A | undefined> => {
        if (exit._tag === "None") {
          const late = limit?.late
          if (typeof late === "function") late()
          else core.publish({ _tag: "Warning", component: "hook", message: `${name} did not ${late} in time` })
          return Effect.as(dismiss, undefined)
        }
        if (Exit.isSuccess(exit.value)) return Effect.succeed(exit.value.value)
        return Effect.as(report(exit.value.cause), undefined)
      })
    )
  })

/** Nobody mended it: told to the listeners, to the agent's hook, and to the turn-taking, which counts. */
export const failed = (
  core: Core,
  component: Event.Component,
  provider: string,
  cause: Cause.Cause<unknown>,
  fatal = false
): void => {
  const reason = reasonOf(cause)
  // Reasons hold no content.
  const about = typeof reason === "string" ? { reason } : { reason: reason._tag, why: reason.message }
  core.publish({ _tag: "ProviderFailed", component, provider, reason, recovered: false })
  const log = traceOf(cause) === undefined
    ? Effect.logError("a provider failed")
    : logPlaced("a provider failed", cause)
  core.fork(Effect.annotateLogs(log, { component, provider, ...about }))
  const hook = core.agent.bound().onFailure
  if (hook !== undefined) {
    const at = core.conductor.now()
    core.fork(
      guarded(core, "onFailure", hook({ _tag: "ProviderFailed", at, component, provider, reason, recovered: false }))
    )
  }
  signal(core, { _tag: "Failed", component, fatal })
}

/** All is lost: those who can help are told. */
export const escalate = (
  core: Core,
  escalation: Omit<Event.Of<"Escalated">, "_tag" | "at" | "level">
): void => {
  const event = { _tag: "Escalated", level: "critical", ...escalation } as const
  core.publish(event)
  core.fork(Effect.logFatal("the session gives up").pipe(Effect.annotateLogs(escalation)))
  const hook = core.agent.bound().onEscalation
  if (hook === undefined) return
  const ms = core.settings.hookTimeout
  core.fork(guarded(core, "onEscalation", hook({ ...event, at: core.conductor.now() }), { ms, late: "end" }))
}

/** It failed, but nobody will notice: told to the listeners alone. */
export const mended = (
  core: Core,
  component: Event.Component,
  provider: string,
  cause: Cause.Cause<unknown>
): void => core.publish({ _tag: "ProviderFailed", component, provider, reason: reasonOf(cause), recovered: true })

/** A guess that breaks off is none, whatever it has begun to say: nobody has heard it, and the model is asked when the turn is over. */
export const guessFailed = (
  core: Core,
  speech: string,
  provider: string,
  cause: Cause.Cause<unknown>
): Effect.Effect<never> => {
  mended(core, "llm", provider, cause)
  signal(core, { _tag: "SpeechEnded", speech })
  return Effect.interrupt
}

/** The same of a room, which was done without. */
export const mendedRoom = (cause: Cause.Cause<unknown>): Event.Draft => ({
  _tag: "ProviderFailed",
  component: "room",
  provider: "room",
  reason: reasonOf(cause),
  recovered: true
})

export const worked = (core: Core, component: Event.Component): void => {
  if (Turn.failuresInARow(core.conductor.state(), component) > 0) signal(core, { _tag: "Worked", component })
}

/** Text that did not come to its end, or was not rewritten for the ear: the user's own doing, no provider's. */
export const textFailed = (
  core: Core,
  source: string,
  outcome: "SourceFailed" | "SourceStalled" | "Bypassed",
  cause: Cause.Cause<unknown>
): Effect.Effect<void> => {
  const recovered = outcome === "Bypassed"
  core.publish({ _tag: "ProviderFailed", component: "text", provider: source, reason: outcome, recovered })
  const message = recovered ? "a transform of the text failed and is left out" : "the text to say broke off"
  const log = outcome === "SourceStalled" ? Effect.logError(message) : logPlaced(message, cause)
  return log.pipe(
    Effect.andThen(Effect.logDebug("why the text failed", cause)),
    Effect.annotateLogs({ text: source })
  )
}
