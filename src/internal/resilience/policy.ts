/** How a provider is asked, with the defaults of what a program leaves out. */
import * as Schedule from "effect/Schedule"
import { type Circuit, circuitOf } from "./breaker.ts"
import type { Policy } from "./model.ts"
import { millis } from "./options.ts"

/** A policy with its defaults; absent for a provider that is resilient itself. */
export interface Settings {
  readonly retries: number
  readonly schedule: Schedule.Schedule<unknown>
  readonly firstOutputMs: number
  readonly nextOutputMs: number
  readonly breaker: Circuit | undefined
}

/** Nobody waits for longer between two attempts: the provider may be back. */
const longest = "5 seconds"

const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced(longest)]).pipe(Schedule.jittered)

export const resolve = (policy: Policy | undefined): Settings => ({
  retries: policy?.retries ?? 3,
  schedule: policy?.schedule ?? backoff,
  firstOutputMs: millis("firstOutput", policy?.firstOutput, "10 seconds"),
  nextOutputMs: millis("nextOutput", policy?.nextOutput, "10 seconds"),
  breaker: circuitOf(policy?.breaker)
})

export const recovery: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("1 second"),
  Schedule.spaced("1 minute")
])
