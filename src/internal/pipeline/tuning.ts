/** How turns are taken at present: the options as they were given, for those that a change leaves out. */
import * as Effect from "effect/Effect"
import type * as Turn from "../../Turn.ts"
import type { Conductor } from "./conductor.ts"
import { checkTurn, type InvalidOption, mergeTurn } from "./options.ts"

export interface Tuning {
  readonly options: () => Turn.Options
  /** Checks a change, and gives what puts it in force. */
  readonly prepare: (change: Turn.Options) => Effect.Effect<() => void, InvalidOption>
}

export const makeTuning = (
  initial: Turn.Options,
  conductor: Conductor,
  /** What may be done now of what is asked for. */
  allowed: (options: Turn.Options) => Turn.Options
): Tuning => {
  let options = initial
  return {
    options: () => options,
    prepare: (change) =>
      Effect.suspend(() => {
        const changed = allowed(mergeTurn(options, change))
        return Effect.map(checkTurn(changed), (settings) => () => {
          options = changed
          conductor.dispatch({ _tag: "Tune", settings })
        })
      })
  }
}
