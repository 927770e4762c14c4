/**
 * Agents with everything that they require already given, one binding an agent and session.
 *
 * What an agent's layers hold lives in `scope`, until the session ends. A binding
 * that fails, or is interrupted, leaves nothing there, and may be tried again.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Agent from "../../Agent.ts"
import { Session } from "../../Session.ts"
import type * as Tools from "../../Tools.ts"
import type { Defaults, Persona } from "./core.ts"

export interface Binding {
  readonly persona: Persona
  readonly tools: Tools.Set<Session>
}

export type Bind = <R, E>(
  agent: Agent.Agent<R, E>
) => Effect.Effect<Binding, E | Tools.ToolsError, Exclude<Exclude<R, Session>, Scope.Scope>>

export const makeBind = (parts: {
  readonly session: Session["Service"]
  readonly defaults: Defaults
  readonly scope: Scope.Scope
  /** Layers that agents share are built once in it. */
  readonly memoMap: Layer.MemoMap
}): Bind => {
  const { defaults, memoMap, scope, session } = parts
  const known = new WeakMap<object, Binding>()
  return <R, E>(agent: Agent.Agent<R, E>) =>
    Effect.suspend(() => {
      const before = known.get(agent)
      if (before !== undefined) return Effect.succeed(before)
      const binding = Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Scope.fork(scope), (own) =>
          restore(agent.bound).pipe(
            Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
            Effect.provideService(Layer.CurrentMemoMap, memoMap),
            Effect.provideService(Session, session),
            Scope.provide(own)
          ))
      )
      return Effect.map(binding, ({ tools, ...hooks }): Binding => {
        const { instructions, llm, name, tts, turn, vad, voice } = agent
        const persona = {
          name,
          instructions,
          voice,
          turn,
          vad,
          llm: llm === undefined ? defaults.llm : defaults.guardLlm(llm),
          tts: tts === undefined ? defaults.tts : defaults.guardTts(tts),
          ...hooks
        }
        const made = { persona, tools }
        known.set(agent, made)
        return made
      })
    })
}
