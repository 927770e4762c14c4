/** What the environment says of a conversation, wherever its program says nothing. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Agent from "../../Agent.ts"
import * as Config from "../../Config.ts"
import type { Options } from "../../Pipeline.ts"
import type * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import { mergeTurn, mergeVad } from "./options.ts"

const msOf = (input: Duration.Input | undefined): number =>
  input === undefined ? Number.POSITIVE_INFINITY : Option.match(Duration.fromInput(input), {
    onNone: () => Number.POSITIVE_INFINITY,
    onSome: Duration.toMillis
  })

/** It must not lie above what the program says is the longest. */
const turnOf = (given: Turn.Options, explicit: Turn.Options): Turn.Options => {
  const { minDelay } = given.endpointing ?? {}
  const { maxDelay } = explicit.endpointing ?? {}
  return maxDelay === undefined || msOf(maxDelay) >= msOf(minDelay)
    ? given
    : { ...given, endpointing: { ...given.endpointing, minDelay: maxDelay } }
}

const vadOf = (given: Vad.Options, explicit: Vad.Options): Vad.Options => {
  const { activation } = given
  const { deactivation } = explicit
  const open = Object.entries(given).filter(([key]) => explicit[key as keyof Vad.Options] === undefined)
  return {
    ...Object.fromEntries(open),
    ...(activation === undefined || deactivation === undefined || explicit.activation !== undefined
      ? undefined
      : { activation: Math.max(activation, deactivation) })
  }
}

/** The options of a conversation over what the environment says; the detector's own come first, too. */
export const underOptions = (
  options: Options,
  agent: Pick<Agent.Agent, "turn" | "vad">,
  detector: Vad.Options | undefined
): Effect.Effect<Options> =>
  Effect.map(Config.Environment, ({ turn, vad }) => {
    if (turn === undefined && vad === undefined) return options
    const explicit = {
      turn: mergeTurn(options.turn ?? {}, agent.turn ?? {}),
      vad: mergeVad(mergeVad(detector, options.vad), agent.vad)
    }
    return {
      ...options,
      turn: mergeTurn(turnOf(turn ?? {}, explicit.turn), options.turn ?? {}),
      vad: mergeVad(vadOf(vad ?? {}, explicit.vad), options.vad)
    }
  })
