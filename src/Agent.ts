/**
 * The agent as a value: what it is told, what it can do, what it does when.
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import type * as Event from "./Event.ts"
import * as History from "./History.ts"
import type * as Llm from "./Llm.ts"
import * as Tools from "./Tools.ts"
import type * as Tts from "./Tts.ts"

/**
 * What the user has said, before the agent replies to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserTurn {
  readonly turn: number
  readonly text: string
  readonly source: "voice" | "text" | "manual"
  /** The conversation up to and without this turn. */
  readonly history: History.History
}

/**
 * What a hook makes of a user's turn; nothing at all means: reply to it as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  /** The turn in other words; these enter the history. */
  readonly text?: string | undefined
  /** What the model is told before this turn, such as passages found for it. */
  readonly context?: string | undefined
  /** `false`: the turn gets no reply. It stays in the history. @default true */
  readonly reply?: boolean | undefined
}

/**
 * An agent that needs `R` to run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out R = never> {
  readonly name: string
  readonly instructions: string
  readonly tools: Effect.Effect<Tools.Set<R>, Tools.ToolsError, R>
  readonly history: History.History
  readonly voice: string | undefined
  readonly llm: Llm.Llm["Service"] | undefined
  readonly tts: Tts.Tts["Service"] | undefined
  readonly onEnter: Effect.Effect<unknown, unknown, R> | undefined
  readonly onExit: Effect.Effect<unknown, unknown, R> | undefined
  readonly onUserTurn: ((turn: UserTurn) => Effect.Effect<Verdict | void, unknown, R>) | undefined
  readonly onTurnLimit:
    | ((turn: { readonly words: number; readonly speechMs: number }) => Effect.Effect<unknown, unknown, R>)
    | undefined
  readonly onFailure:
    | ((failure: Event.Of<"ProviderFailed">) => Effect.Effect<unknown, unknown, R>)
    | undefined
  readonly onEscalation:
    | ((escalation: Event.Of<"Escalated">) => Effect.Effect<unknown, unknown, R>)
    | undefined
}

/**
 * What an agent is made of.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<Tools extends Record<string, Tool.Any>, RE, RX, RU, RL, RF, RC = never> {
  /** Name in events and logs. @default "agent" */
  readonly name?: string | undefined
  readonly instructions: string
  /** What the model may call. Two tools of one name are refused. @default none */
  readonly tools?: Toolkit.Toolkit<Tools> | ReadonlyArray<Toolkit.Toolkit<Tools>> | undefined
  /**
   * What was said before the conversation begins. At a handoff the items whose
   * ids are not there yet join the conversation, each at its time.
   *
   * @default nothing
   */
  readonly history?: History.History | undefined
  /** Voice by the synthesiser's name for it. @default the layer's own */
  readonly voice?: string | undefined
  /** Overrides the `Llm` of the pipeline. */
  readonly llm?: Llm.Llm["Service"] | undefined
  /** Overrides the `Tts` of the pipeline. */
  readonly tts?: Tts.Tts["Service"] | undefined
  /** Runs when the agent takes over; a failure is reported, not fatal. */
  readonly onEnter?: Effect.Effect<unknown, unknown, RE> | undefined
  /** Runs when the agent leaves, if it has entered, for at most `closeTimeout` of the pipeline. */
  readonly onExit?: Effect.Effect<unknown, unknown, RX> | undefined
  /**
   * Sees each user turn before the reply: edits it, adds context, or vetoes the
   * reply. Has `hookTimeout` of the pipeline; a hook that fails or is late changes nothing.
   */
  readonly onUserTurn?: ((turn: UserTurn) => Effect.Effect<Verdict | void, unknown, RU>) | undefined
  /** Runs once when a user turn exceeds a limit, not again while it runs. */
  readonly onTurnLimit?:
    | ((turn: { readonly words: number; readonly speechMs: number }) => Effect.Effect<unknown, unknown, RL>)
    | undefined
  /** Runs for each failure that no retry and no other provider has mended. */
  readonly onFailure?: ((failure: Event.Of<"ProviderFailed">) => Effect.Effect<unknown, unknown, RF>) | undefined
  /** Runs once when the session gives up, while the caller hears the apology: call somebody. */
  readonly onEscalation?: ((escalation: Event.Of<"Escalated">) => Effect.Effect<unknown, unknown, RC>) | undefined
}

/**
 * Makes an agent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  Toolset extends Record<string, Tool.Any> = {},
  RE = never,
  RX = never,
  RU = never,
  RL = never,
  RF = never,
  RC = never
>(
  options: Options<Toolset, RE, RX, RU, RL, RF, RC>
): Agent<Tool.HandlersFor<Toolset> | Tool.HandlerServices<Toolset[keyof Toolset]> | RE | RX | RU | RL | RF | RC> => ({
  name: options.name ?? "agent",
  instructions: options.instructions,
  tools: options.tools === undefined ? Effect.succeed(Tools.empty) : Tools.resolve(options.tools),
  history: options.history ?? History.empty,
  voice: options.voice,
  llm: options.llm,
  tts: options.tts,
  onEnter: options.onEnter,
  onExit: options.onExit,
  onUserTurn: options.onUserTurn,
  onTurnLimit: options.onTurnLimit,
  onFailure: options.onFailure,
  onEscalation: options.onEscalation
})
