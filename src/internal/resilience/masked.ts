import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { defectName } from "./policy.ts"

/** Makes a failure of what a provider dies of: the defect may hold content, or a URL with a key, and spans tell it. */
export const masked =
  <E2>(error: (reason: Failure.Reason) => E2) => <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E | E2, R> =>
    Stream.catchCause(self, (cause): Stream.Stream<never, E | E2> => {
      if (!Cause.hasDies(cause) || Cause.hasInterrupts(cause)) return Stream.failCause(cause)
      const failure = Cause.findErrorOption(cause)
      const defect = cause.reasons.find(Cause.isDieReason)?.defect
      return Option.isSome(failure)
        ? Stream.fail(failure.value)
        : Stream.fail(error(new Failure.Broken({ detail: defectName(defect) })))
    })
