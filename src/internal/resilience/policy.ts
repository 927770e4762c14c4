/**
 * The policy for one provider: waits between attempts, and the time of one attempt. `options` has
 * its other defaults.
 */
import * as Schedule from "effect/Schedule"
import type { InvalidOptions } from "../../Failure.ts"
import * as Check from "../options.ts"
import { type Circuit, circuitOf } from "./breaker.ts"
import type { Policy } from "./model.ts"
import { policy } from "./options.ts"

interface Read extends Omit<typeof policy.Type, "breaker"> {
  readonly breaker?: Policy["breaker"]
}

/** A policy with its defaults; absent for a provider that is resilient itself. */
export interface Settings {
  readonly retries: number
  readonly schedule: Schedule.Schedule<unknown>
  /** Time of one attempt without a sign of life. */
  readonly attemptMs: number
  readonly firstOutputMs: number
  readonly nextOutputMs: number
  /** Longest time in which signs of life alone come. */
  readonly thinkingMs: number
  readonly breaker: Circuit | undefined
}

/** Nobody waits for longer between two attempts: the provider may be back. */
const longest = "5 seconds"

const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced(longest)]).pipe(Schedule.jittered)

/** Time of an attempt without a sign of life (ms), and as a share of the time for all where that is longer. */
const usualMs = 4000
const share = 0.4

/** Of options that are checked already. */
export const settle = (
  { attempt, breaker, firstOutput, nextOutput, retries, schedule = backoff, thinking }: Read
): Settings => ({
  retries,
  schedule,
  // Who waits for longer in all knows the provider to be slow.
  attemptMs: attempt ?? Math.max(usualMs, firstOutput * share),
  firstOutputMs: firstOutput,
  nextOutputMs: nextOutput,
  thinkingMs: thinking,
  breaker: circuitOf(breaker)
})

/** Throws where an option cannot be. */
export const resolve = (
  asked: Policy = {},
  error?: (wrong: InvalidOptions) => Error
): Settings => settle(Check.readOrThrow(policy, asked, error))

export const recovery: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("1 second"),
  Schedule.spaced("1 minute")
])
