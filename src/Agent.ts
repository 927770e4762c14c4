/**
 * The agent as a value: what it is told, what it can do, what it does when.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Layer from "effect/Layer"
import * as Pipeable from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type * as Event from "./Event.ts"
import * as History from "./History.ts"
import { built, given } from "./internal/agent.ts"
import { checkOptions } from "./internal/agentOptions.ts"
import { currentPlain, type Plain, settled } from "./internal/plain.ts"
import type * as Llm from "./Llm.ts"
import type * as Stt from "./Stt.ts"
import * as Tools from "./Tools.ts"
import type * as Tts from "./Tts.ts"
import type * as Turn from "./Turn.ts"
import type * as Vad from "./Vad.ts"

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
 * A user turn that has exceeded a limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnLimit {
  readonly words: number
  readonly speechMs: number
}

/**
 * What an agent does when: its hooks, which need `R`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hooks<out R = never> {
  readonly onEnter?: Effect.Effect<unknown, unknown, R> | undefined
  readonly onExit?: Effect.Effect<unknown, unknown, R> | undefined
  readonly onUserTurn?: ((turn: UserTurn) => Effect.Effect<Verdict | void, unknown, R>) | undefined
  readonly onTurnLimit?: ((turn: TurnLimit) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onKey?: ((key: string) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onFailure?: ((failure: Event.Of<"ProviderFailed">) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onEscalation?: ((escalation: Event.Of<"Escalated">) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onOrphanedResult?: ((result: Tools.Output) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onApproval?: ((call: Tools.Call) => Effect.Effect<boolean, unknown, R>) | undefined
}

/**
 * The tools and hooks of an agent in one session, with all that they need.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bound extends Hooks {
  readonly tools: Tools.Set
}

/**
 * An agent that needs `R` to run, and whose layers may fail with `E`.
 *
 * **Details**
 *
 * The session that runs an agent gives it `Session`, and asks once for `bound`,
 * in a scope that lives as long as itself.
 *
 * Of agents that refer to each other TypeScript cannot infer the types: to write
 * down that of one breaks the circle.
 *
 * **Example** (Agents that hand the call to and fro)
 *
 * ```ts
 * import { Agent, Session } from "effect-voice"
 * import { Tool, Toolkit } from "effect/ai"
 *
 * const ToDesk = Toolkit.make(Tool.make("to_desk", { dependencies: [Session.Session] }))
 * const ToBar = Toolkit.make(Tool.make("to_bar", { dependencies: [Session.Session] }))
 *
 * const desk: Agent.Agent<Session.Session> = Agent.make({ name: "desk", instructions: "You book rooms.", tools: ToBar }).pipe(
 *   Agent.provide(ToBar.toLayer({ to_bar: () => Session.Session.use((session) => session.handoff(bar)) }))
 * )
 *
 * const bar = Agent.make({ name: "bar", instructions: "You reserve tables.", tools: ToDesk }).pipe(
 *   Agent.provide(ToDesk.toLayer({ to_desk: () => Session.Session.use((session) => session.handoff(desk)) }))
 * )
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out R = never, out E = never> extends Pipeable.Pipeable {
  readonly name: string
  readonly instructions: string
  readonly history: History.History
  readonly voice: string | undefined
  readonly stt: Stt.Stt["Service"] | undefined
  readonly llm: Llm.Llm["Service"] | undefined
  readonly tts: Tts.Tts["Service"] | undefined
  readonly turn: Turn.Options | undefined
  readonly vad: Vad.Options | undefined
  readonly bound: Effect.Effect<Bound, E | Tools.ToolsError, R | Scope.Scope>
}

/**
 * What an agent is made of. Each hook is an effect, or a plain function, which is
 * given the conversation and may give a promise; one that throws or rejects has
 * failed.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<
  Kits extends Tools.Source | ReadonlyArray<Tools.Source> = never,
  RE = never,
  RX = never,
  RU = never,
  RL = never,
  RF = never,
  RC = never,
  RK = never,
  RO = never,
  RA = never
> {
  /** Name in events and logs. @default "agent" */
  readonly name?: string | undefined
  readonly instructions: string
  /** What the model may call, of one source or several. Two tools of one name are refused. @default none */
  readonly tools?: Kits | undefined
  /**
   * What was said before the conversation begins. At a handoff the items whose
   * ids are not there yet join the conversation, each at its time.
   *
   * @default nothing
   */
  readonly history?: History.History | undefined
  /** Voice by the synthesiser's name for it. @default the layer's own */
  readonly voice?: string | undefined
  /**
   * Overrides the `Stt` of the pipeline, such as for another language: where nobody
   * speaks, or from the next silence on. A pipeline with `stt: false` stays deaf.
   */
  readonly stt?: Stt.Stt["Service"] | undefined
  /** Overrides the `Llm` of the pipeline. */
  readonly llm?: Llm.Llm["Service"] | undefined
  /** Overrides the `Tts` of the pipeline. */
  readonly tts?: Tts.Tts["Service"] | undefined
  /**
   * Turn-taking while this agent speaks: what it leaves out is as the pipeline
   * has it, and is so again when it has handed over.
   */
  readonly turn?: Turn.Options | undefined
  /**
   * Tuning of the detector while this agent speaks, over the pipeline's own. It
   * changes where no speech is heard.
   */
  readonly vad?: Vad.Options | undefined
  /** Runs when the agent takes over; a failure is reported, not fatal. */
  readonly onEnter?: Effect.Effect<unknown, unknown, RE> | ((session: Plain) => unknown) | undefined
  /** Runs when the agent leaves, if it has entered, for at most `closeTimeout` of the pipeline. */
  readonly onExit?: Effect.Effect<unknown, unknown, RX> | ((session: Plain) => unknown) | undefined
  /**
   * Sees each user turn before the reply: edits it, adds context, or vetoes the
   * reply. Has `hookTimeout` of the pipeline; a hook that fails or is late changes nothing.
   */
  readonly onUserTurn?:
    | ((turn: UserTurn, session: Plain) => Effect.Effect<Verdict | void, unknown, RU> | Promise<Verdict | void>)
    | undefined
  /** Runs once when a user turn exceeds a limit, not again while it runs. */
  readonly onTurnLimit?:
    | ((turn: TurnLimit, session: Plain) => Effect.Effect<unknown, unknown, RL> | Promise<unknown> | void)
    | undefined
  /** Runs when a key is pressed on a telephone, in place of the `onKey` of the pipeline. */
  readonly onKey?:
    | ((key: string, session: Plain) => Effect.Effect<unknown, unknown, RK> | Promise<unknown> | void)
    | undefined
  /** Runs for each failure that no retry and no other provider has mended. */
  readonly onFailure?:
    | ((
      failure: Event.Of<"ProviderFailed">,
      session: Plain
    ) => Effect.Effect<unknown, unknown, RF> | Promise<unknown> | void)
    | undefined
  /** Runs once when the session gives up, while the caller hears the apology: call somebody. */
  readonly onEscalation?:
    | ((
      escalation: Event.Of<"Escalated">,
      session: Plain
    ) => Effect.Effect<unknown, unknown, RC> | Promise<unknown> | void)
    | undefined
  /**
   * Runs when the session ends for each result that the caller was not told any
   * more: send a message. Has `hookTimeout` of the pipeline.
   */
  readonly onOrphanedResult?:
    | ((result: Tools.Output, session: Plain) => Effect.Effect<unknown, unknown, RO> | Promise<unknown> | void)
    | undefined
  /**
   * Decides on each call that `needsApproval` of its tool is for. A hook that
   * fails does not approve.
   *
   * @default the model asks the caller, and may call again once they have spoken
   */
  readonly onApproval?:
    | ((call: Tools.Call, session: Plain) => Effect.Effect<boolean, unknown, RA> | Promise<boolean> | boolean)
    | undefined
}

const whole = <R>(
  hook: Effect.Effect<unknown, unknown, R> | ((session: Plain) => unknown) | undefined
): Effect.Effect<unknown, unknown, R> | undefined =>
  hook === undefined || Effect.isEffect(hook)
    ? hook
    : Effect.flatMap(currentPlain, (session) => settled<unknown, never>(() => hook(session!)))

const asked = <A, B, R>(
  hook: ((about: A, session: Plain) => Effect.Effect<B, unknown, R> | Promise<B> | B) | undefined
): ((about: A) => Effect.Effect<B, unknown, R>) | undefined =>
  hook && ((about) => Effect.flatMap(currentPlain, (session) => settled(() => hook(about, session!))))

/** The hooks as effects, whatever they were written as. */
const effects = <RE, RX, RU, RL, RF, RC, RK, RO, RA>(
  options: Omit<Options<never, RE, RX, RU, RL, RF, RC, RK, RO, RA>, "tools">
): Hooks<RE | RX | RU | RL | RF | RC | RK | RO | RA> => ({
  onEnter: whole(options.onEnter),
  onExit: whole(options.onExit),
  onUserTurn: asked<UserTurn, Verdict | void, RU>(options.onUserTurn),
  onTurnLimit: asked<TurnLimit, unknown, RL>(options.onTurnLimit),
  onKey: asked<string, unknown, RK>(options.onKey),
  onFailure: asked<Event.Of<"ProviderFailed">, unknown, RF>(options.onFailure),
  onEscalation: asked<Event.Of<"Escalated">, unknown, RC>(options.onEscalation),
  onOrphanedResult: asked<Tools.Output, unknown, RO>(options.onOrphanedResult),
  onApproval: asked<Tools.Call, boolean, RA>(options.onApproval)
})

/**
 * Makes an agent. It needs the handlers of its tools, and what its tools and
 * hooks depend on. Throws `Failure.InvalidOptions` where an option cannot be.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Kits extends Tools.Source | ReadonlyArray<Tools.Source> = never,
  RE = never,
  RX = never,
  RU = never,
  RL = never,
  RF = never,
  RC = never,
  RK = never,
  RO = never,
  RA = never
>(
  options: Options<Kits, RE, RX, RU, RL, RF, RC, RK, RO, RA>
): Agent<
  | Exclude<Tools.HandlersOf<Kits>, Scope.Scope>
  | Tools.ServicesOf<Kits>
  | RE
  | RX
  | RU
  | RL
  | RF
  | RC
  | RK
  | RO
  | RA
> => {
  checkOptions(options)
  const hooks = effects(options)
  const { history = History.empty, instructions, llm, name = "agent", stt, tools, tts, turn, vad, voice } = options
  return agent<
    | RE
    | RX
    | RU
    | RL
    | RF
    | RC
    | RK
    | RO
    | RA
    | Exclude<Tools.HandlersOf<Kits>, Scope.Scope>
    | Tools.ServicesOf<Kits>,
    never
  >(
    { name, instructions, history, voice, stt, llm, tts, turn, vad },
    given(tools === undefined ? Effect.succeed(Tools.empty) : Tools.resolve(tools), hooks)
  )
}

/**
 * Gives an agent what a layer provides, wherever it runs and whoever hands the
 * call to it.
 *
 * **Details**
 *
 * The layer is built where the agent begins: what it fails with, the session
 * fails to open with (`Pipeline.make`), or the hand-off (`Session.handoff`). It
 * lives until the session ends, also while other agents speak. A layer that
 * several agents of a session were given is built once. Handlers of tools are
 * the agent's own: another may have a tool of the same name.
 *
 * **Example** (An agent with its tools)
 *
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { Agent } from "effect-voice"
 * import { Tool, Toolkit } from "effect/ai"
 *
 * const Kit = Toolkit.make(Tool.make("free_rooms", { success: Schema.Int }))
 * const KitLive: Layer.Layer<Tool.Handler<"free_rooms">> = Kit.toLayer({ free_rooms: () => Effect.succeed(3) })
 *
 * const desk: Agent.Agent = Agent.make({ instructions: "You book rooms.", tools: Kit }).pipe(Agent.provide(KitLive))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide: {
  <ROut, E2, RIn>(
    layer: Layer.Layer<ROut, E2, RIn>
  ): <R, E>(self: Agent<R, E>) => Agent<Exclude<R, ROut> | RIn, E | E2>
  <R, E, ROut, E2, RIn>(
    self: Agent<R, E>,
    layer: Layer.Layer<ROut, E2, RIn>
  ): Agent<Exclude<R, ROut> | RIn, E | E2>
} = dual(
  2,
  <R, E, ROut, E2, RIn>(
    self: Agent<R, E>,
    layer: Layer.Layer<ROut, E2, RIn>
  ): Agent<Exclude<R, ROut> | RIn, E | E2> => agent(self, built(self.bound, layer))
)

const agent = <R, E>(
  told: Omit<Agent, "bound" | "pipe">,
  bound: Effect.Effect<Bound, E | Tools.ToolsError, R | Scope.Scope>
): Agent<R, E> => ({
  ...told,
  bound,
  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  }
})
