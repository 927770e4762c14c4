import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { Policy } from "../../Resilience.ts"
import { type Circuit, circuitOf } from "./breaker.ts"

/** A policy with its defaults; absent for a provider that is resilient itself. */
export interface Settings {
  readonly retries: number
  readonly schedule: Schedule.Schedule<unknown>
  readonly firstOutputMs: number
  readonly nextOutputMs: number
  readonly breaker: Circuit | undefined
}

const backoff = Schedule.exponential("100 millis").pipe(Schedule.jittered)

export const resolve = (policy: Policy | undefined): Settings => ({
  retries: policy?.retries ?? 3,
  schedule: policy?.schedule ?? backoff,
  firstOutputMs: Duration.toMillis(Duration.fromInputUnsafe(policy?.firstOutput ?? "10 seconds")),
  nextOutputMs: Duration.toMillis(Duration.fromInputUnsafe(policy?.nextOutput ?? "10 seconds")),
  breaker: circuitOf(policy?.breaker)
})

export const recovery: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("1 second"),
  Schedule.spaced("1 minute")
])

/** Names what broke without telling what it said: messages may hold content or keys. */
export const defectName = (defect: unknown): string => defect instanceof Error ? defect.name : typeof defect
