/** Opens the connection for the first request in advance. If this fails, the first request opens it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { unless } from "./bounded.ts"

const longestMs = 10_000

type Reasoned = { readonly reason: Failure.Reason }

interface Warm<E> {
  readonly prewarm?: Effect.Effect<void, E> | undefined
}

/** What went wrong, in a word: messages and defects may hold a key. */
const tagOf = (cause: Cause.Cause<Reasoned>): string => {
  const error = Cause.findErrorOption(cause)
  return error._tag === "Some" ? error.value.reason._tag : "Broken"
}

/** Warms a service for a while at most, with a request that costs where there is one; what fails is logged. */
export const prewarmed = <E extends Reasoned>(
  service: Warm<E> & { readonly name: string },
  request: Stream.Stream<unknown, Reasoned> | undefined
): Effect.Effect<void> => {
  const late = Effect.fail({ reason: new Failure.TimedOut({ afterMs: longestMs }) })
  const paid = request === undefined ? Effect.void : Stream.runDrain(request)
  return unless(
    Effect.andThen(Effect.sleep(longestMs), late),
    Effect.andThen(service.prewarm ?? Effect.void, paid)
  ).pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning("a provider could not be warmed up").pipe(
        Effect.annotateLogs({ provider: service.name, reason: tagOf(cause) })
      )
    )
  )
}

/** Warms all of several services at once; fails with the first failure after all have been tried. */
export const prewarmOf = <E>(services: ReadonlyArray<Warm<E>>): Effect.Effect<void, E> | undefined => {
  const all = services.flatMap(({ prewarm }) => prewarm === undefined ? [] : [prewarm])
  if (all.length === 0) return undefined
  return Effect.flatMap(
    Effect.forEach(all, (prewarm) => Effect.exit(prewarm), { concurrency: "unbounded" }),
    (exits) => Effect.forEach(exits, (exit) => exit, { discard: true })
  )
}
