/**
 * The agent that talks at present: who it is, what it may call, whether it has
 * entered. Nobody else writes this; a hand-off is one call.
 */
import type * as Agent from "../../Agent.ts"
import type { Session, Update } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import { type Binding, type BoundAgent, sttOf } from "./boundAgent.ts"
import type { Defaults } from "./core.ts"
import { mergeTurn } from "./options.ts"

export interface CurrentAgent {
  readonly bound: () => BoundAgent
  readonly tools: () => Tools.Set<Session>
  /** How often it has changed. */
  readonly changes: () => number
  /** The first is ready, with all that it requires. */
  readonly begins: (binding: Binding) => void
  /** Another goes on. */
  readonly replaced: (binding: Binding) => void
  /** As it would be with a change; what that leaves out stays. */
  readonly changed: (change: Update) => BoundAgent
  readonly updated: (bound: BoundAgent, tools: Tools.Set<Session> | undefined) => void
  /** The participant is there, and it begins. */
  readonly entered: () => void
  /** Its `onExit`, once; none for one that has never entered. */
  readonly takeExit: () => BoundAgent["onExit"]
}

/** An agent before its hooks and tools have what they require: it does nothing by itself. */
const unbound = (
  { instructions, name, stt, turn, vad, voice }: Agent.Agent<unknown, unknown>,
  defaults: Defaults
): BoundAgent => ({
  name,
  instructions,
  voice,
  turn,
  vad,
  stt: sttOf(stt, defaults),
  llm: defaults.llm,
  tts: defaults.tts
})

export const makeCurrentAgent = (agent: Agent.Agent<unknown, unknown>, defaults: Defaults): CurrentAgent => {
  let bound = unbound(agent, defaults)
  let tools: Tools.Set<Session> = Tools.empty
  let changes = 0
  let entered = false
  let exited: BoundAgent["onExit"]
  const begins = (binding: Binding): void => {
    bound = binding.agent
    tools = binding.tools
  }
  return {
    bound: () => bound,
    tools: () => tools,
    changes: () => changes,
    begins,
    replaced: (binding) => {
      changes += 1
      exited = undefined
      begins(binding)
    },
    changed: ({ instructions = bound.instructions, turn, voice = bound.voice }) => ({
      ...bound,
      instructions,
      voice,
      // What is asked for now goes before what the agent was made with.
      turn: turn === undefined || bound.turn === undefined ? bound.turn : mergeTurn(bound.turn, turn)
    }),
    updated: (changed, given = tools) => {
      bound = changed
      tools = given
    },
    entered: () => {
      entered = true
    },
    takeExit: () => {
      const { onExit } = bound
      if (!entered || exited === onExit) return undefined
      exited = onExit
      return onExit
    }
  }
}
