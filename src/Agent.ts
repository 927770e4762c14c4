/**
 * An agent as a plain value: its instructions, its tools, and its hooks.
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
import { currentPlain, hooked, type Plain, settled } from "./internal/plain.ts"
import type * as Llm from "./Llm.ts"
import type * as Stt from "./Stt.ts"
import * as Tools from "./Tools.ts"
import type * as Tts from "./Tts.ts"
import type * as Turn from "./Turn.ts"
import type * as Vad from "./Vad.ts"

/**
 * A turn of the user, before the agent replies.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserTurn {
  readonly turn: number
  readonly text: string
  readonly source: "voice" | "text" | "manual"
  /**
   * Language of its words (a BCP 47 tag): the one that the recogniser heard, else the one that it, or
   * `turn.language`, was set to. @default not known
   */
  readonly language?: string | undefined
  /** The conversation before this turn. */
  readonly history: History.History
}

/**
 * The decision of `onUserTurn` about a turn. If it gives nothing, the agent replies to the turn as
 * it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  /** A new text for the turn. The history contains this text instead. */
  readonly text?: string | undefined
  /** Text that the model gets before this turn, such as passages that you found for it. */
  readonly context?: string | undefined
  /**
   * `false` gives no reply. The turn stays in the history. A speech that the turn had paused goes
   * on; if the user said "stop", it ends. After two such turns in a row, the model is not asked
   * before the end of a turn (`preemption`) until a turn gets a reply again.
   *
   * @default true
   */
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
 * A user who is away: both sides have been silent for `awayAfter`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Away {
  /** How often in a row, 1 at first. It is 1 again after the user has said something, written, or pressed a key. */
  readonly times: number
}

/**
 * The hooks of an agent. They require `R`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hooks<out R = never> {
  readonly onEnter?: Effect.Effect<unknown, unknown, R> | undefined
  readonly onExit?: Effect.Effect<unknown, unknown, R> | undefined
  readonly onUserTurn?: ((turn: UserTurn) => Effect.Effect<Verdict | void, unknown, R>) | undefined
  readonly onTurnLimit?: ((turn: TurnLimit) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onAway?: ((away: Away) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onKey?: ((key: string) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onFailure?: ((failure: Event.Of<"ProviderFailed">) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onEscalation?: ((escalation: Event.Of<"Escalated">) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onOrphanedResult?: ((result: Tools.Output) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onApproval?: ((call: Tools.Call) => Effect.Effect<boolean, unknown, R>) | undefined
}

/**
 * The tools and hooks of an agent in one session, with everything that they require.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bound extends Hooks {
  readonly tools: Tools.Set
}

/**
 * An agent. It requires `R` to run, and its layers may fail with `E`.
 *
 * **Details**
 *
 * The session gives the agent the service `Session`. It runs `bound` once, in a scope that lives as
 * long as the session.
 *
 * TypeScript cannot infer the types of two agents that refer to each other. Write down the type of
 * one of them.
 *
 * **Example** (Two agents that hand the call to each other)
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
  readonly language: string | undefined
  readonly voice: string | undefined
  readonly stt: Stt.Stt["Service"] | undefined
  readonly llm: Llm.Llm["Service"] | undefined
  readonly tts: Tts.Tts["Service"] | undefined
  readonly turn: Turn.Options | undefined
  readonly vad: Vad.Options | undefined
  readonly bound: Effect.Effect<Bound, E | Tools.ToolsError, R | Scope.Scope>
}

/**
 * Options of an agent. A hook is an effect, or a plain function that gets the conversation and may
 * return a promise. A function that throws, or whose promise rejects, counts as failed.
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
  RA = never,
  RW = never
> {
  /** The agent's name in events and logs. @default "agent" */
  readonly name?: string | undefined
  readonly instructions: string
  /**
   * The tools that the model may call, from one source or several. Two tools with the same name are
   * an error.
   *
   * @default none
   */
  readonly tools?: Kits | undefined
  /**
   * The history before the conversation begins. At a hand-off, its items join the conversation,
   * each at its time; an item whose id is there already is left out.
   *
   * @default nothing
   */
  readonly history?: History.History | undefined
  /**
   * The language that the agent speaks (a BCP 47 tag). Numbers and formulas are read in it, whatever language was heard
   * before. It is the `language` of `turn`, if that has none. While this agent has the call, the pipeline's recogniser
   * is set to it, if that is set to another language and can be changed; one that hears several languages stays as it
   * is. A voice has no such setting: give `voice` or `tts`, too.
   *
   * @default that of the user's words, else of `turn.language`
   */
  readonly language?: string | undefined
  /** The voice, by the synthesiser's name for it. @default the layer's own */
  readonly voice?: string | undefined
  /**
   * Replaces the `Stt` of the pipeline, for instance for another language. It takes over at once if
   * nobody speaks, else at the next silence. With `stt: false` in the pipeline, nothing is
   * recognised all the same.
   */
  readonly stt?: Stt.Stt["Service"] | undefined
  /** Replaces the `Llm` of the pipeline. */
  readonly llm?: Llm.Llm["Service"] | undefined
  /** Replaces the `Tts` of the pipeline. */
  readonly tts?: Tts.Tts["Service"] | undefined
  /**
   * Options of turn-taking while this agent has the call. The pipeline's options fill in the rest,
   * and apply again after a hand-off. If two delays contradict each other, the pipeline's changes: a
   * `minDelay` of 2 s becomes 1 s for an agent with a `maxDelay` of 1 s.
   */
  readonly turn?: Turn.Options | undefined
  /**
   * Options of the voice detector while this agent has the call, over the pipeline's own. They
   * change when nobody speaks.
   */
  readonly vad?: Vad.Options | undefined
  /** Runs when the agent takes over the call. If it fails, this is reported and the session goes on. */
  readonly onEnter?: Effect.Effect<unknown, unknown, RE> | ((session: Plain) => unknown) | undefined
  /** Runs when the agent leaves, if it had entered. It has the pipeline's `closeTimeout`. */
  readonly onExit?: Effect.Effect<unknown, unknown, RX> | ((session: Plain) => unknown) | undefined
  /**
   * Gets each user turn before the reply. It may change the text, add context, or prevent the
   * reply. It has the pipeline's `hookTimeout`. A hook that fails or is late changes nothing.
   */
  readonly onUserTurn?:
    | ((
      turn: UserTurn,
      session: Plain
    ) => Effect.Effect<Verdict | void, unknown, RU> | Promise<Verdict | void> | Verdict | void)
    | undefined
  /** Runs when a user turn exceeds a limit. It does not run twice at a time. */
  readonly onTurnLimit?:
    | ((turn: TurnLimit, session: Plain) => Effect.Effect<unknown, unknown, RL> | Promise<unknown> | void)
    | undefined
  /**
   * Runs when the user is away (`awayAfter` of `turn`), and again after each further such silence:
   * to ask whether they are still there, and to hang up in the end. It does not run while a tool
   * runs for whose result the user waits, not twice at a time, and at most 240 times in a row.
   *
   * @default nothing
   */
  readonly onAway?:
    | ((away: Away, session: Plain) => Effect.Effect<unknown, unknown, RW> | Promise<unknown> | void)
    | undefined
  /**
   * Runs when a key is pressed on a telephone, in place of the `onKey` of the pipeline. While 32 of
   * them run, the next key ends the one that began first, and a `Warning` says so, once.
   */
  readonly onKey?:
    | ((key: string, session: Plain) => Effect.Effect<unknown, unknown, RK> | Promise<unknown> | void)
    | undefined
  /** Runs for each failure that neither a retry nor another provider could repair. */
  readonly onFailure?:
    | ((
      failure: Event.Of<"ProviderFailed">,
      session: Plain
    ) => Effect.Effect<unknown, unknown, RF> | Promise<unknown> | void)
    | undefined
  /**
   * Runs once when the session gives up, while the caller hears the apology. Use it to alert somebody: the line of a
   * caller at a telephone stays open for them.
   *
   * @default nobody is alerted, and the line ends after the apology
   */
  readonly onEscalation?:
    | ((
      escalation: Event.Of<"Escalated">,
      session: Plain
    ) => Effect.Effect<unknown, unknown, RC> | Promise<unknown> | void)
    | undefined
  /**
   * Runs at the end of the session, for each result that the caller did not hear. Use it to send
   * them a message. It has the pipeline's `hookTimeout`.
   */
  readonly onOrphanedResult?:
    | ((result: Tools.Output, session: Plain) => Effect.Effect<unknown, unknown, RO> | Promise<unknown> | void)
    | undefined
  /**
   * Decides about each tool call that needs approval (`needsApproval` of the tool). A hook that
   * fails does not approve.
   *
   * @default the model asks the caller, and may call again once they have spoken
   */
  readonly onApproval?:
    | ((call: Tools.Call, session: Plain) => Effect.Effect<boolean, unknown, RA> | Promise<boolean> | boolean)
    | undefined
}

const whole = <R>(
  name: string,
  hook: Effect.Effect<unknown, unknown, R> | ((session: Plain) => unknown) | undefined
): Effect.Effect<unknown, unknown, R> | undefined =>
  hook === undefined || Effect.isEffect(hook)
    ? hook
    : Effect.flatMap(currentPlain, (session) => hooked<unknown, never>(name, () => hook(session!)))

const asked = <A, B, R>(
  name: string,
  hook: ((about: A, session: Plain) => Effect.Effect<B, unknown, R> | Promise<B> | B) | undefined,
  run: typeof hooked = hooked
): ((about: A) => Effect.Effect<B, unknown, R>) | undefined =>
  hook && ((about) => Effect.flatMap(currentPlain, (session) => run(name, () => hook(about, session!))))

/** The hooks as effects, whatever they were written as. */
const effects = <RE, RX, RU, RL, RF, RC, RK, RO, RA, RW>(
  options: Omit<Options<never, RE, RX, RU, RL, RF, RC, RK, RO, RA, RW>, "tools">
): Hooks<RE | RX | RU | RL | RF | RC | RK | RO | RA | RW> => ({
  onEnter: whole("onEnter", options.onEnter),
  onExit: whole("onExit", options.onExit),
  onUserTurn: asked<UserTurn, Verdict | void, RU>("onUserTurn", options.onUserTurn, settled),
  onTurnLimit: asked<TurnLimit, unknown, RL>("onTurnLimit", options.onTurnLimit),
  onAway: asked<Away, unknown, RW>("onAway", options.onAway),
  onKey: asked<string, unknown, RK>("onKey", options.onKey),
  onFailure: asked<Event.Of<"ProviderFailed">, unknown, RF>("onFailure", options.onFailure),
  onEscalation: asked<Event.Of<"Escalated">, unknown, RC>("onEscalation", options.onEscalation),
  onOrphanedResult: asked<Tools.Output, unknown, RO>("onOrphanedResult", options.onOrphanedResult),
  onApproval: asked<Tools.Call, boolean, RA>("onApproval", options.onApproval, settled)
})

/**
 * Makes an agent. It requires the handlers of its tools, and the services of its tools and hooks.
 * Throws `Failure.InvalidOptions` if an option is wrong.
 *
 * **Example** (An agent with a tool that is a plain function)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Agent, Tools } from "effect-voice"
 *
 * const desk = Agent.make({
 *   name: "desk",
 *   instructions: "You book rooms.",
 *   tools: Tools.functions({
 *     book: { parameters: Schema.Struct({ nights: Schema.Int }), run: async ({ nights }) => ({ room: 7, nights }) }
 *   }),
 *   onEnter: async (session) => session.say("Sea View Hotel, how can I help?")
 * })
 * ```
 *
 * @see `provide` to give an agent its services
 * @see `Pipeline.run` to hold a conversation with it
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
  RA = never,
  RW = never
>(
  options: Options<Kits, RE, RX, RU, RL, RF, RC, RK, RO, RA, RW>
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
  | RW
> => {
  checkOptions(options)
  const hooks = effects(options)
  const { history = History.empty, instructions, language, llm, name = "agent", stt, tools, tts, vad, voice } = options
  const turn = language === undefined ? options.turn : { ...options.turn, language: options.turn?.language ?? language }
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
    | RW
    | Exclude<Tools.HandlersOf<Kits>, Scope.Scope>
    | Tools.ServicesOf<Kits>,
    never
  >(
    { name, instructions, history, language, voice, stt, llm, tts, turn, vad },
    given(tools === undefined ? Effect.succeed(Tools.empty) : Tools.resolve(tools), hooks)
  )
}

/**
 * Gives an agent the services of a layer, wherever it runs and whichever agent hands it the call.
 *
 * **Details**
 *
 * The layer is built when the agent begins. If it fails, `Pipeline.make` or `Session.handoff` fails
 * with the same error. It lives until the session ends, also while other agents have the call. A
 * layer that several agents of a session share is built once. Handlers of tools belong to the
 * agent: another agent may have a tool of the same name.
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
