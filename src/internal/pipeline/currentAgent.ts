/**
 * The agent that talks at present: who it is, what it may call, whether it has entered; and those
 * who wait while it performs a task. Nobody else writes this; a hand-off is one call.
 */
import * as Latch from "effect/Latch"
import type * as Agent from "../../Agent.ts"
import type { Session, Update } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import { type Binding, type BoundAgent, sttOf } from "./boundAgent.ts"
import type { Defaults } from "./core.ts"
import { mergeTurn } from "./options.ts"

export interface CurrentAgent {
  readonly bound: () => BoundAgent
  readonly tools: () => Tools.Set<Session>
  /** Another one whenever the agent has changed; the same again when one that waited goes on. */
  readonly place: () => object
  /** Whether the agent of that place waits. */
  readonly waits: (place: object) => boolean
  /** The first is ready, with all that it requires. */
  readonly begins: (binding: Binding) => void
  /** Another goes on, and nobody waits any more. */
  readonly replaced: (binding: Binding) => void
  /** Another goes on for a while; the present one waits. */
  readonly lent: (binding: Binding) => Loan
  /** As it would be with a change; what that leaves out stays. */
  readonly changed: (change: Update) => BoundAgent
  readonly updated: (bound: BoundAgent, tools: Tools.Set<Session> | undefined) => void
  /** The participant is there, and it begins. */
  readonly entered: () => void
  readonly hasEntered: () => boolean
  /** The `onExit` of the present one and of those who wait, each once; none if nobody has ever entered. */
  readonly takeExits: () => ReadonlyArray<NonNullable<BoundAgent["onExit"]>>
}

/** An agent that has the conversation for a while. */
export interface Loan {
  /** Open once the conversation has gone to another agent for good. */
  readonly lost: Latch.Latch
  /** Who goes on when it gives the conversation back; `undefined` if it does not have it. */
  readonly next: () => Binding | undefined
  /** It leaves; whoever had the conversation before it goes on, if it still has it. */
  readonly returned: () => void
  /** Its own `onExit`, once. */
  readonly takeExit: () => BoundAgent["onExit"]
}

/** One agent of a session, while it has the conversation or waits for it. */
interface Place {
  bound: BoundAgent
  tools: Tools.Set<Session>
  exited: BoundAgent["onExit"]
  readonly lost: Latch.Latch
}

/** An agent before its hooks and tools have what they require: it does nothing by itself. */
const unbound = (
  { instructions, language, name, stt, turn, vad, voice }: Agent.Agent<unknown, unknown>,
  defaults: Defaults
): BoundAgent => ({
  name,
  instructions,
  language,
  voice,
  turn,
  vad,
  stt: sttOf({ language, stt }, defaults),
  llm: defaults.llm,
  tts: defaults.tts
})

const placeOf = (bound: BoundAgent, tools: Tools.Set<Session>): Place => ({
  bound,
  tools,
  exited: undefined,
  lost: Latch.makeUnsafe(false)
})

export const makeCurrentAgent = (agent: Agent.Agent<unknown, unknown>, defaults: Defaults): CurrentAgent => {
  let present = placeOf(unbound(agent, defaults), Tools.empty)
  /** Who waits, the one that goes on next last. */
  let waiting: ReadonlyArray<Place> = []
  let entered = false
  const exitOf = (place: Place): BoundAgent["onExit"] => {
    const { onExit } = place.bound
    if (!entered || place.exited === onExit) return undefined
    place.exited = onExit
    return onExit
  }
  return {
    bound: () => present.bound,
    tools: () => present.tools,
    place: () => present,
    waits: (place) => waiting.some((other) => other === place),
    begins: ({ agent, tools }) => {
      present.bound = agent
      present.tools = tools
    },
    replaced: ({ agent, tools }) => {
      for (const { lost } of [...waiting, present]) lost.openUnsafe()
      waiting = []
      present = placeOf(agent, tools)
    },
    lent: ({ agent, tools }) => {
      const mine = placeOf(agent, tools)
      waiting = [...waiting, present]
      present = mine
      return {
        lost: mine.lost,
        next: () => {
          const last = waiting.at(-1)
          return present !== mine || last === undefined ? undefined : { agent: last.bound, tools: last.tools }
        },
        returned: () => {
          if (present === mine) {
            present = waiting.at(-1)!
            waiting = waiting.slice(0, -1)
          } else waiting = waiting.filter((other) => other !== mine)
        },
        takeExit: () => exitOf(mine)
      }
    },
    changed: ({ instructions = present.bound.instructions, turn, voice = present.bound.voice }) => ({
      ...present.bound,
      instructions,
      voice,
      // What is asked for now goes before what the agent was made with.
      turn: turn === undefined || present.bound.turn === undefined
        ? present.bound.turn
        : mergeTurn(present.bound.turn, turn)
    }),
    updated: (changed, given = present.tools) => {
      present.bound = changed
      present.tools = given
    },
    entered: () => {
      entered = true
    },
    hasEntered: () => entered,
    takeExits: () =>
      [present, ...waiting.toReversed()].flatMap((place) => {
        const onExit = exitOf(place)
        return onExit === undefined ? [] : [onExit]
      })
  }
}
