import type * as Failure from "../../Failure.ts"

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
