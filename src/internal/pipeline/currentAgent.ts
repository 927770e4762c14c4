/**
 * The agent that talks at present: who it is, what it may call, whether it has
 * entered. Nobody else writes this; a hand-off is one call.
 */
import type * as Agent from "../../Agent.ts"
import type { Session } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import type { Defaults, Persona } from "./core.ts"

export interface Bound {
  readonly persona: Persona
  readonly tools: Tools.Set<Session>
}

export interface CurrentAgent {
  readonly persona: () => Persona
  readonly tools: () => Tools.Set<Session>
  /** How often it has changed. */
  readonly changes: () => number
  /** The first is ready, with all that it requires. */
  readonly begins: (bound: Bound) => void
  /** Another goes on. */
  readonly replaced: (bound: Bound) => void
  /** What is left out stays. */
  readonly updated: (change: {
    readonly instructions?: string | undefined
    readonly voice?: string | undefined
    readonly tools?: Tools.Set<Session> | undefined
  }) => void
  /** The participant is there, and it begins. */
  readonly entered: () => void
  /** Its `onExit`, once; none for one that has never entered. */
  readonly takeExit: () => Persona["onExit"]
}

/** An agent before its hooks and tools have what they require: it does nothing by itself. */
const unbound = (agent: Pick<Agent.Agent, "name" | "instructions" | "voice">, defaults: Defaults): Persona => ({
  name: agent.name,
  instructions: agent.instructions,
  voice: agent.voice,
  llm: defaults.llm,
  tts: defaults.tts,
  onEnter: undefined,
  onExit: undefined,
  onUserTurn: undefined,
  onTurnLimit: undefined,
  onFailure: undefined,
  onEscalation: undefined
})

export const makeCurrentAgent = (
  agent: Pick<Agent.Agent, "name" | "instructions" | "voice">,
  defaults: Defaults
): CurrentAgent => {
  let persona = unbound(agent, defaults)
  let tools: Tools.Set<Session> = Tools.empty
  let changes = 0
  let entered = false
  let exited: Persona["onExit"]
  const begins = (bound: Bound): void => {
    persona = bound.persona
    tools = bound.tools
  }
  return {
    persona: () => persona,
    tools: () => tools,
    changes: () => changes,
    begins,
    replaced: (bound) => {
      changes += 1
      begins(bound)
    },
    updated: (change) => {
      const { instructions = persona.instructions, voice = persona.voice } = change
      persona = { ...persona, instructions, voice }
      tools = change.tools ?? tools
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
