/** What a task consists of: an agent, and the value that it is to find out. */
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Agent from "../Agent.ts"
import type { InvalidOptions } from "../Failure.ts"
import { checkAgent } from "./agentOptions.ts"
import * as Check from "./options.ts"
import { shown } from "./options/shown.ts"
import { wrongParameters } from "./tools/refused.ts"

export interface Definition<in out A, out R = never, out E = never> {
  readonly agent: Agent.Agent<R, E>
  readonly result: Schema.Codec<A, any>
  /** What is wrong with a result, in words for the model. */
  readonly check: ((result: A) => Effect.Effect<string | void, unknown, R>) | undefined
  /** Tasks that are performed instead, one after the other: their names and results make the result. */
  readonly steps?: ReadonlyMap<string, Definition<unknown, R, E>> | undefined
}

const options = Check.struct<{ readonly result: Schema.Top; readonly check?: unknown }>()({
  result: Check.required(
    Check.such<Schema.Top>(
      (given) => Schema.isSchema(given),
      "be a schema of an object: write Schema.Struct({ … })"
    )
  ),
  check: Check.callback
})

/** Throws for all that cannot be. */
export const checkTask = (agent: unknown, given: typeof options.Encoded): void => {
  const wrong = checkAgent(agent)
  const read = Check.read(options, given)
  Check.throwAll([
    ...(wrong?.problems ?? []),
    ...(Result.isFailure(read) ? read.failure.problems : wrongParameters(given.result, "result"))
  ])
}

const isTask = (given: unknown): boolean =>
  Predicate.hasProperty(given, "agent") && Predicate.hasProperty(given, "result") &&
  checkAgent(given.agent) === undefined && Schema.isSchema(given.result)

const made = "must be made by Task.make(agent, { result: … })"

/** Throws for steps of which one is no task. */
export const checkSteps = (given: unknown): void => {
  const steps = Check.isRecord(given) ? Object.entries(given) : []
  const wrong = steps.filter(([, task]) => !isTask(task)).map(([name, task]) => ({
    option: `steps.${name}`,
    detail: `${made}, not ${shown(task)}`
  }))
  Check.throwAll(
    steps.length > 0
      ? wrong
      : [{ option: "steps", detail: "must have a task for each value: { address: askAddress, … }" }]
  )
}

/** What is no task. */
export const wrongTask = (given: unknown): InvalidOptions | undefined => {
  return isTask(given) ? undefined : Check.invalid([{ option: "perform", detail: `${made}, not ${shown(given)}` }])
}
