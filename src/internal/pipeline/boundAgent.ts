/** An agent with everything that it requires already given. */
import * as Effect from "effect/Effect"
import type * as Agent from "../../Agent.ts"
import { Session } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import type { Defaults, Persona } from "./core.ts"

export const bind = <R>(
  agent: Agent.Agent<R>,
  session: Session["Service"],
  defaults: Defaults
): Effect.Effect<
  { readonly persona: Persona; readonly tools: Tools.Set<Session> },
  Tools.ToolsError,
  Exclude<R, Session>
> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<Exclude<R, Session>>()
    const provide = <A, E>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
      Effect.provideContext(Effect.provideService(effect, Session, session), context)
    const tools = Tools.provide(yield* provide(agent.tools), yield* provide(Effect.context<R>()))
    const { onEnter, onEscalation, onExit, onFailure, onTurnLimit, onUserTurn } = agent
    const persona: Persona = {
      name: agent.name,
      instructions: agent.instructions,
      voice: agent.voice,
      llm: agent.llm === undefined ? defaults.llm : defaults.guardLlm(agent.llm),
      tts: agent.tts === undefined ? defaults.tts : defaults.guardTts(agent.tts),
      onEnter: onEnter && provide(onEnter),
      onExit: onExit && provide(onExit),
      onUserTurn: onUserTurn && ((turn) => Effect.suspend(() => provide(onUserTurn(turn)))),
      onTurnLimit: onTurnLimit && ((turn) => Effect.suspend(() => provide(onTurnLimit(turn)))),
      onEscalation: onEscalation && ((escalation) => Effect.suspend(() => provide(onEscalation(escalation)))),
      onFailure: onFailure && ((failure) => Effect.suspend(() => provide(onFailure(failure))))
    }
    return { persona, tools }
  })
