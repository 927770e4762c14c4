/**
 * How turns are taken at present. The options are kept as they were given, for
 * those that a change leaves out; what an agent says of them goes first while it
 * talks.
 */
import * as Effect from "effect/Effect"
import type { InvalidOptions } from "../../Failure.ts"
import type * as Turn from "../../Turn.ts"
import type { Conductor } from "./conductor.ts"
import { checkTurn, mergeTurn, underAgent } from "./options.ts"

export interface Tuning {
  /** With an agent that says this of them. */
  readonly optionsWith: (agent: Turn.Options | undefined) => Turn.Options
  readonly settingsWith: (agent: Turn.Options | undefined) => Effect.Effect<Turn.Settings, InvalidOptions>
  /** Checks a change, with what the agent says then, and gives what puts it in force. */
  readonly prepare: (
    change: Turn.Options,
    agent: Turn.Options | undefined
  ) => Effect.Effect<() => void, InvalidOptions>
  readonly tune: (settings: Turn.Settings) => void
}

export const makeTuning = (
  initial: Turn.Options,
  conductor: Conductor,
  /** What may be done now of what is asked for. */
  allowed: (options: Turn.Options) => Turn.Options,
  /** The session was given a turn detector. */
  detector: boolean
): Tuning => {
  let options = initial
  const over = (own: Turn.Options, agent: Turn.Options | undefined): Turn.Options => allowed(underAgent(own, agent))
  const tune = (settings: Turn.Settings): void => conductor.dispatch({ _tag: "Tune", settings })
  return {
    optionsWith: (agent) => over(options, agent),
    settingsWith: (agent) => Effect.suspend(() => checkTurn(over(options, agent), detector)),
    prepare: (change, agent) =>
      Effect.suspend(() => {
        const changed = mergeTurn(options, change)
        return Effect.map(checkTurn(over(changed, agent), detector), (settings) => () => {
          options = changed
          tune(settings)
        })
      }),
    tune
  }
}
