/**
 * Agents with everything that they require already given, one binding an agent and session.
 *
 * What an agent's layers hold lives in `scope`, until the session ends. A binding
 * that fails, or is interrupted, leaves nothing there, and may be tried again.
 */
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Agent from "../../Agent.ts"
import type * as Llm from "../../Llm.ts"
import { Session } from "../../Session.ts"
import type * as Stt from "../../Stt.ts"
import * as Tools from "../../Tools.ts"
import type * as Tts from "../../Tts.ts"
import type * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import type { Defaults } from "./core.ts"

/** An agent with everything that it requires already given. */
export interface BoundAgent extends Agent.Hooks {
  readonly name: string
  readonly instructions: string
  /** What it speaks, where it says so. */
  readonly language: string | undefined
  readonly voice: string | undefined
  readonly stt: Stt.Stt["Service"] | undefined
  readonly llm: Llm.Llm["Service"]
  readonly tts: Tts.Tts["Service"]
  /** What it says of these; the rest is the pipeline's. */
  readonly turn: Turn.Options | undefined
  readonly vad: Vad.Options | undefined
}

/** The recogniser of an agent: its own, else the pipeline's, in the agent's language. */
export const sttOf = (
  { language, stt }: Pick<Agent.Agent, "language" | "stt">,
  defaults: Defaults
): Stt.Stt["Service"] | undefined =>
  defaults.stt === undefined || (stt === undefined && language === undefined)
    ? defaults.stt
    : stt === undefined
    ? defaults.sttIn(language!)
    : defaults.guardStt(stt)

export interface Binding {
  readonly agent: BoundAgent
  readonly tools: Tools.Set<Session>
}

export type Bind = <R, E>(
  agent: Agent.Agent<R, E>,
  session: Session["Service"]
) => Effect.Effect<Binding, E | Tools.ToolsError, Exclude<Exclude<R, Session>, Scope.Scope>>

/** A tool that nobody runs would look like one of the provider's own, call after call. */
const complete = (agent: string) => (bound: Agent.Bound): Effect.Effect<Agent.Bound, Tools.ToolsError> => {
  for (const { handler, tool } of bound.tools.entries.values()) {
    if (handler === undefined && (!Tool.isProviderDefined(tool) || tool.requiresHandler)) {
      return Effect.fail(new Tools.ToolsError({ reason: new Tools.NoHandler({ tool: tool.name, agent }) }))
    }
  }
  return Effect.succeed(bound)
}

export const makeBind = (parts: {
  readonly defaults: Defaults
  readonly scope: Scope.Scope
  /** Layers that agents share are built once in it. */
  readonly memoMap: Layer.MemoMap
}): Bind => {
  const { defaults, memoMap, scope } = parts
  const known = new WeakMap<object, Binding>()
  return <R, E>(agent: Agent.Agent<R, E>, session: Session["Service"]) =>
    Effect.suspend(() => {
      const before = known.get(agent)
      if (before !== undefined) return Effect.succeed(before)
      const binding = Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Scope.fork(scope), (own) =>
          restore(Effect.flatMap(agent.bound, complete(agent.name))).pipe(
            Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
            Effect.provideService(Layer.CurrentMemoMap, memoMap),
            Effect.provideService(Session, session),
            Scope.provide(own)
          ))
      )
      return Effect.map(binding, ({ tools, ...hooks }): Binding => {
        const { instructions, language, llm, name, tts, turn, vad, voice } = agent
        const bound = {
          name,
          instructions,
          language,
          voice,
          turn,
          vad,
          stt: sttOf(agent, defaults),
          llm: llm === undefined ? defaults.llm : defaults.guardLlm(llm),
          tts: tts === undefined ? defaults.tts : defaults.guardTts(tts),
          ...hooks
        }
        const made = { agent: bound, tools }
        known.set(agent, made)
        return made
      })
    })
}
