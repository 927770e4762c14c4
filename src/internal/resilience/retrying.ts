/** Tells that a provider is asked again: the session's listeners, and whoever reads the log at debug. */
import * as Effect from "effect/Effect"
import type * as Failure from "../../Failure.ts"
import { Retries, type Retry } from "./model.ts"

/** Who is asked. */
export interface Asked {
  readonly component: Retry["component"]
  readonly provider: string
}

/** Another attempt begins, the second of all is number 1. */
export const retrying = (asked: Asked | undefined, attempt: number, reason: Failure.Reason): Effect.Effect<void> => {
  if (asked === undefined) return Effect.void
  return Effect.flatMap(Retries, (tell) => {
    tell({ ...asked, attempt, reason })
    return Effect.logDebug("a provider is asked again").pipe(
      Effect.annotateLogs({ ...asked, attempt, reason: reason._tag, why: reason.message })
    )
  })
}
