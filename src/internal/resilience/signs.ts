/**
 * Signs of life of one attempt at a provider: that it has answered at all, and each piece of an
 * answer, though nothing can be used yet. The request gives the signs, so an attempt at work does
 * not count as one that hangs.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** Told whenever a provider has shown that it is at work. */
export const Sign: Context.Reference<() => void> = Context.Reference<() => void>("effect-voice/internal/Sign", {
  defaultValue: () => () => {}
})

/** What comes is a sign. */
export const lively = <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.map(Sign, (sign) =>
    Stream.mapArray(self, (all) => {
      sign()
      return all
    })))

/** That there is an answer is one. */
export const given: Effect.Effect<void> = Effect.map(Sign, (sign) => sign())
