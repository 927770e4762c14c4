/** What the errors of all providers have in common, and what is read from them. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { logPlaced } from "../foreign.ts"
import { defectName } from "../thrown.ts"

export interface ProviderError {
  readonly reason: Failure.Reason
  readonly isRetryable: boolean
}

/** A failure of this kind of request says nothing about the next request. */
export const blamesRequest = (reason: Failure.Reason): boolean =>
  reason._tag === "InvalidRequest" ||
  (reason._tag === "Rejected" && (reason.status === 400 || reason.status === 413 || reason.status === 422))

export const retryAfterMs = (error: unknown): number =>
  typeof error === "object" && error !== null && "reason" in error && typeof error.reason === "object" &&
    error.reason !== null && "retryAfterMs" in error.reason && typeof error.reason.retryAfterMs === "number"
    ? error.reason.retryAfterMs
    : 0

/** Its breaker was open: it was not asked. */
export const isUnavailable = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "reason" in error && typeof error.reason === "object" &&
  error.reason !== null && "_tag" in error.reason && error.reason._tag === "Unavailable"

/**
 * The typed failure in a cause. To be asked only where an interruption from
 * outside does not come by: then the provider has interrupted itself.
 */
export const failureOf = <E>(cause: Cause.Cause<E>, error: (reason: Failure.Reason) => E): E => {
  const failure = Cause.findErrorOption(cause)
  if (Option.isSome(failure)) return failure.value
  const defect = Cause.findDefect(cause)
  const detail = Result.isSuccess(defect) ? defectName(defect.success) : "it was interrupted"
  return error(new Failure.Broken({ detail }))
}

/** Makes a failure of what a provider dies of: the defect may hold content, or a URL with a key. The log has its place. */
export const masked =
  <E2>(error: (reason: Failure.Reason) => E2) => <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E | E2, R> =>
    Stream.catchCause(self, (cause): Stream.Stream<never, E | E2> => {
      if (!Cause.hasDies(cause) || Cause.hasInterrupts(cause)) return Stream.failCause(cause)
      const failure = Cause.findErrorOption(cause)
      const defect = cause.reasons.find(Cause.isDieReason)?.defect
      return Option.isSome(failure)
        ? Stream.fail(failure.value)
        : Stream.unwrap(
          Effect.as(
            logPlaced("a provider broke", Cause.die(defect)),
            Stream.fail(error(new Failure.Broken({ detail: defectName(defect) })))
          )
        )
    })
