/**
 * What a function of the program gives where an Effect or a Stream is needed. A program without types may give a promise or a
 * plain value: the error names the function, and says what to write. It quotes nothing of what was given.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type { InvalidOptions } from "../Failure.ts"
import { problem } from "./options.ts"
import { shown } from "./options/shown.ts"

const article = { Effect: "an Effect", Stream: "a Stream" } as const

type Wanted = keyof typeof article

/** How a plain value becomes one. */
const plainly = { Effect: "Effect.succeed(…)", Stream: "Stream.make(…)" } as const

const advice = (wanted: Wanted, given: unknown): string => {
  if (given === undefined) return "undefined: return it"
  if (typeof given === "function") return "a function: call it"
  if (typeof given !== "object" || given === null) {
    return `${given === null ? "null" : `a ${typeof given}`}: write ${plainly[wanted]}`
  }
  if (Predicate.isPromiseLike(given)) {
    return `a promise: write ${
      wanted === "Effect" ? "Effect.promise(() => …)" : "Stream.unwrap(Effect.promise(() => …))"
    }`
  }
  if (Effect.isEffect(given)) return "an Effect: write Stream.fromEffect(…), or Stream.unwrap(…) if it gives a Stream"
  if (Stream.isStream(given)) return "a Stream: write Stream.runCollect(…)"
  if (Symbol.asyncIterator in given) {
    return `an async generator: write ${
      wanted === "Effect" ? "Effect.gen(function*() { … })" : "Stream.fromAsyncIterable(…)"
    }`
  }
  if (wanted === "Effect" && "next" in given) return "a generator: write Effect.gen(function*() { … })"
  if (wanted === "Stream" && Symbol.iterator in given) return "a list: write Stream.fromIterable(…)"
  return `${Array.isArray(given) ? "a list" : "an object"}: write ${plainly[wanted]}`
}

/** It is told what was given: that a promise of it rejects later is no news. */
const forget = (given: unknown): void => {
  if (Predicate.isPromiseLike(given)) given.then(undefined, () => undefined)
}

const wrong = (option: string, wanted: Wanted, given: unknown): InvalidOptions => {
  forget(given)
  return problem(option, `must give ${article[wanted]}, not ${advice(wanted, given)}`)
}

/** The Effect that a function gives. If it gives something else, the effect fails as `refuse` says, else it dies. */
export const effectOf = <A, E, R, E2 = never>(
  option: string,
  run: () => Effect.Effect<A, E, R>,
  refuse: (wrong: InvalidOptions) => Effect.Effect<never, E2> = Effect.die
): Effect.Effect<A, E | E2, R> =>
  Effect.suspend((): Effect.Effect<A, E | E2, R> => {
    const given = run()
    return Effect.isEffect(given) ? given : refuse(wrong(option, "Effect", given))
  })

/** The Stream that a function has given; if that is something else, a stream that fails as `refuse` says. */
export const streamOf = <A, E, R, E2>(
  option: string,
  given: Stream.Stream<A, E, R>,
  refuse: (wrong: InvalidOptions) => E2
): Stream.Stream<A, E | E2, R> => Stream.isStream(given) ? given : Stream.fail(refuse(wrong(option, "Stream", given)))

/** What a function gives is of another kind than `such` says. */
const other = (option: string, such: string, given: unknown): InvalidOptions =>
  problem(option, `must give ${such}, not ${shown(given)}`)

/** The same, of which each part is what the function has to give; `such` says what that is. */
export const partsOf = <A, E, R, E2>(
  option: string,
  given: Stream.Stream<A, E, R>,
  is: (part: A) => boolean,
  such: string,
  refuse: (wrong: InvalidOptions) => E2
): Stream.Stream<A, E | E2, R> =>
  Stream.mapArrayEffect(streamOf(option, given, refuse), (parts) => {
    const at = parts.findIndex((part) => !is(part))
    return at < 0 ? Effect.succeed(parts) : Effect.fail(refuse(other(option, such, parts[at])))
  })

/** The same of the one result of the Effect that a function gives. */
export const resultOf = <A, E, R, E2>(
  option: string,
  run: () => Effect.Effect<A, E, R>,
  is: (result: A) => boolean,
  such: string,
  refuse: (wrong: InvalidOptions) => E2
): Effect.Effect<A, E | E2, R> =>
  Effect.flatMap(
    effectOf(option, run, (wrong) => Effect.fail(refuse(wrong))),
    (result) => is(result) ? Effect.succeed(result) : Effect.fail(refuse(other(option, such, result)))
  )

/** Whether a function says yes. Throws where it gives a promise or an Effect: that would be a yes to everything. */
export const saysYes = (option: string, given: unknown): boolean => {
  const late = Predicate.isPromiseLike(given) ? "a promise" : Effect.isEffect(given) ? "an Effect" : undefined
  if (late === undefined) return Boolean(given)
  forget(given)
  throw problem(option, `must give true or false at once, not ${late}`)
}
