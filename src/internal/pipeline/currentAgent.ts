/**
 * The agent that talks at present: who it is, what it may call, whether it has
 * entered. Nobody else writes this; a hand-off is one call.
 */
import type * as Agent from "../../Agent.ts"
import type { Session, Update } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import type { Binding } from "./boundAgent.ts"
import type { Defaults, Persona } from "./core.ts"
import { mergeTurn } from "./options.ts"

export interface CurrentAgent {
  readonly persona: () => Persona
  readonly tools: () => Tools.Set<Session>
  /** How often it has changed. */
  readonly changes: () => number
  /** The first is ready, with all that it requires. */
  readonly begins: (binding: Binding) => void
  /** Another goes on. */
  readonly replaced: (binding: Binding) => void
  /** As it would be with a change; what that leaves out stays. */
  readonly changed: (change: Update) => Persona
  readonly updated: (persona: Persona, tools: Tools.Set<Session> | undefined) => void
  /** The participant is there, and it begins. */
  readonly entered: () => void
  /** Its `onExit`, once; none for one that has never entered. */
  readonly takeExit: () => Persona["onExit"]
}

/** An agent before its hooks and tools have what they require: it does nothing by itself. */
const unbound = (
  { instructions, name, turn, vad, voice }: Agent.Agent<unknown, unknown>,
  defaults: Defaults
): Persona => ({
  name,
  instructions,
  voice,
  turn,
  vad,
  llm: defaults.llm,
  tts: defaults.tts
})

export const makeCurrentAgent = (agent: Agent.Agent<unknown, unknown>, defaults: Defaults): CurrentAgent => {
  let persona = unbound(agent, defaults)
  let tools: Tools.Set<Session> = Tools.empty
  let changes = 0
  let entered = false
  let exited: Persona["onExit"]
  const begins = (binding: Binding): void => {
    persona = binding.persona
    tools = binding.tools
  }
  return {
    persona: () => persona,
    tools: () => tools,
    changes: () => changes,
    begins,
    replaced: (binding) => {
      changes += 1
      exited = undefined
      begins(binding)
    },
    changed: ({ instructions = persona.instructions, turn, voice = persona.voice }) => ({
      ...persona,
      instructions,
      voice,
      // What is asked for now goes before what the agent was made with.
      turn: turn === undefined || persona.turn === undefined ? persona.turn : mergeTurn(persona.turn, turn)
    }),
    updated: (changed, given = tools) => {
      persona = changed
      tools = given
    },
    entered: () => {
      entered = true
    },
    takeExit: () => {
      const { onExit } = persona
      if (!entered || exited === onExit) return undefined
      exited = onExit
      return onExit
    }
  }
}
