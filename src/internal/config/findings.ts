/**
 * What is wrong with the environment, found in one go.
 *
 * A layer that reads it notes the missing variables before it fails (`layerFrom`), and waits until
 * its neighbours have done the same. The builder of the layers owns the notes and reports all of
 * them. Without such a builder, a layer only fails.
 */
import * as EffectConfig from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Config from "../../Config.ts"
import { InvalidOptions } from "../../Failure.ts"
import { Findings, type Problem } from "./variable.ts"

/** All of it as options that nothing can be done with, each variable once. */
const refusal = (problems: ReadonlyArray<Problem>): InvalidOptions | undefined => {
  const distinct = new Map(problems.map(({ detail, variable }) => [variable, { option: variable, detail }]))
  const [first, ...others] = distinct.values()
  return first === undefined ? undefined : new InvalidOptions({ problems: [first, ...others] })
}

/** Builds layers; where several things are wrong with the environment, the failure tells all of them. */
export const noting = <A, E, R, E2>(
  build: Effect.Effect<A, E, R>,
  refuse: (all: InvalidOptions) => E2
): Effect.Effect<A, E | E2, R> =>
  Effect.suspend(() => {
    const problems: Array<Problem> = []
    return build.pipe(
      Effect.provideService(Findings, { problems, only: false }),
      Effect.mapError((error): E | E2 => {
        const all = refusal(problems)
        return all === undefined || all.problems.length === 1 ? error : refuse(all)
      })
    )
  })

/** What layers lack, although nothing will come of them. */
const lackedBy = (open: Effect.Effect<unknown, unknown, Scope.Scope>): Effect.Effect<ReadonlyArray<Problem>> =>
  Effect.suspend(() => {
    const problems: Array<Problem> = []
    return Effect.scoped(open).pipe(
      Effect.provideService(Findings, { problems, only: true }),
      Effect.timeoutOption("10 seconds"),
      Effect.exit,
      Effect.as(problems)
    )
  })

const missing = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
  const found: Array<Problem> = []
  for (const variable of names) {
    const text = yield* Effect.option(EffectConfig.option(EffectConfig.String(variable)))
    if (Option.isNone(text) || Option.getOrElse(text.value, () => "").trim() === "") {
      found.push({ variable, detail: "is not set" })
    }
  }
  return found
})

/** What the environment says; or all that is wrong with it: nonsense, what `needs` be set, and what the layers lack. */
export const survey = <E>(options: {
  readonly open: Effect.Effect<unknown, unknown, Scope.Scope>
  readonly needs: ReadonlyArray<string>
  readonly refuse: (all: InvalidOptions) => E
}): Effect.Effect<Config.Given, E> =>
  Effect.gen(function*() {
    const given = yield* Effect.result(Config.given)
    const lacks = yield* missing(options.needs)
    if (given._tag === "Success" && lacks.length === 0) return given.success
    const nonsense = given._tag === "Success" ? [] : Config.problems(given.failure)
    const problems = [...nonsense, ...lacks, ...(yield* lackedBy(options.open))]
    return yield* Effect.fail(
      options.refuse(
        refusal(problems) ?? new InvalidOptions({
          problems: [{ option: "the environment", detail: "cannot be read" }]
        })
      )
    )
  })

/** Runs what holds conversations: what the environment says acts in them, under what the program says. */
export const within = (given: Config.Given) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideServiceEffect(
    self,
    Config.Environment,
    Effect.map(Config.Environment, (own): Config.Given => Config.merge(given, own))
  )
