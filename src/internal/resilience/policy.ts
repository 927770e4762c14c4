import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type * as Failure from "../../Failure.ts"
import type { Policy } from "../../Resilience.ts"

/** A policy with its defaults; absent for a provider that is resilient itself. */
export interface Settings {
  readonly retries: number
  readonly schedule: Schedule.Schedule<unknown>
  readonly firstOutputMs: number
  readonly nextOutputMs: number
}

const backoff = Schedule.exponential("100 millis").pipe(Schedule.jittered)

export const resolve = (policy: Policy | undefined): Settings => ({
  retries: policy?.retries ?? 3,
  schedule: policy?.schedule ?? backoff,
  firstOutputMs: Duration.toMillis(Duration.fromInputUnsafe(policy?.firstOutput ?? "10 seconds")),
  nextOutputMs: Duration.toMillis(Duration.fromInputUnsafe(policy?.nextOutput ?? "10 seconds"))
})

export const recovery: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("1 second"),
  Schedule.spaced("1 minute")
])

/** Names what broke without telling what it said: messages may hold content or keys. */
export const defectName = (defect: unknown): string => defect instanceof Error ? defect.name : typeof defect

/** A failure of this kind of request says nothing about the next request. */
export const blamesRequest = (reason: Failure.Reason): boolean =>
  reason._tag === "InvalidRequest" ||
  (reason._tag === "Rejected" && (reason.status === 400 || reason.status === 413 || reason.status === 422))

export const retryAfterMs = (error: unknown): number =>
  typeof error === "object" && error !== null && "reason" in error && typeof error.reason === "object" &&
    error.reason !== null && "retryAfterMs" in error.reason && typeof error.reason.retryAfterMs === "number"
    ? error.reason.retryAfterMs
    : 0
