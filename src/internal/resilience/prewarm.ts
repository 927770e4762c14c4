import * as Effect from "effect/Effect"

interface Warm<E> {
  readonly prewarm?: Effect.Effect<void, E> | undefined
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
