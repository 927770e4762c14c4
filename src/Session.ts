/**
 * The conversation in progress, as tools, hooks and the program see it.
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Agent from "./Agent.ts"
import type * as Audio from "./Audio.ts"
import type * as Cost from "./Cost.ts"
import type * as Event from "./Event.ts"
import type * as History from "./History.ts"
import type { Definition, Held } from "./internal/callState.ts"
import type * as Llm from "./Llm.ts"
import type * as Room from "./Room.ts"
import type * as Stt from "./Stt.ts"
import type * as Tools from "./Tools.ts"
import type * as Tts from "./Tts.ts"
import type * as Turn from "./Turn.ts"
import type * as Vad from "./Vad.ts"

export type { Plain, PlainSayOptions, PlainSpeech } from "./internal/plain.ts"

/**
 * Why a session refuses.
 *
 * **Details**
 *
 * - `Protected`: the speech may only be interrupted by force.
 * - `OwnSpeech`: a tool waits for the speech that waits for the tool.
 * - `Deadlock`: `onUserTurn` waits for a speech that comes after the reply, which
 *   waits for `onUserTurn`.
 * - `InvalidOption`: `detail` names the option and what to do.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionError extends Schema.TaggedError<SessionError>("effect-voice/Session/SessionError")(
  "SessionError",
  { reason: Schema.Literals(["Protected", "OwnSpeech", "Deadlock", "InvalidOption"]), detail: Schema.String }
) {
  override get message(): string {
    return this.detail
  }
}

/**
 * What became of a speech.
 *
 * @category models
 * @since 0.1.0
 */
export interface Heard {
  /** What the user heard of it. */
  readonly text: string
  /** Audio that was heard, in milliseconds. */
  readonly playedMs: number
  readonly outcome: "completed" | "interrupted" | "failed" | "discarded"
}

/**
 * Something that the agent says, from the moment it was asked for.
 *
 * **Details**
 *
 * `heard` waits for the end of the speech, for a reply with all its steps and
 * tools. Where that cannot come before the waiting is over it fails at once: with
 * `OwnSpeech` inside a tool that the speech itself waits for (one that a reply has
 * called; not one that says it), with `Deadlock` inside
 * `onUserTurn` for a speech that comes after the reply. While it is heard, the
 * `hookTimeout` of a hook that waits for it does not run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Speech {
  readonly id: string
  readonly heard: Effect.Effect<Heard, SessionError>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Effect.Effect<void, SessionError>
}

/**
 * Options of one speech.
 *
 * @category options
 * @since 0.1.0
 */
export interface SayOptions {
  /**
   * Where it goes:
   *
   * - `now` cuts in, over the agent and over the user, and nothing interrupts it for
   *   two seconds;
   * - `withReply` is said before the reply to the turn that is open or was just
   *   committed, and the model that makes the reply is told of it;
   * - `idle` waits for the floor, behind all that waits already.
   *
   * A turn of the user ends what was asked for before it began, or was talked over.
   *
   * @default "idle"; "withReply" inside `onUserTurn`, "now" inside `onTurnLimit`
   */
  readonly when?: "now" | "withReply" | "idle" | undefined
  /** Not said at all, and `discarded`, where it is not audible so soon. @default "Infinity" */
  readonly expires?: Duration.Input | undefined
  /** The audio of the text, where it is at hand: the synthesiser is not asked. */
  readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined
  /** Not to be interrupted, neither by voice nor by `interrupt` without force. @default false */
  readonly protected?: boolean | undefined
  /** Whether it enters the history. @default true */
  readonly record?: boolean | undefined
  /** Voice by the provider's name for it. @default the agent's */
  readonly voice?: string | undefined
}

/**
 * Options of the end of a turn by hand.
 *
 * @category options
 * @since 0.1.0
 */
export interface CommitOptions {
  /** Longest wait for the transcript of what was just said. @default "2 seconds" */
  readonly wait?: Duration.Input | undefined
}

/**
 * Options of one reply.
 *
 * @category options
 * @since 0.1.0
 */
export interface ReplyOptions extends Omit<SayOptions, "clip"> {
  /** What the model is told for this reply alone. */
  readonly instructions?: string | undefined
  /** @default "auto" */
  readonly toolChoice?: "auto" | "none" | "required" | undefined
}

/**
 * Changes to a running session; what is left out stays.
 *
 * @category options
 * @since 0.1.0
 */
export interface Update {
  readonly instructions?: string | undefined
  readonly voice?: string | undefined
  /** What the model may call from now on; start from `Session.tools`. */
  readonly tools?: Tools.Set<Session> | undefined
  readonly turn?: Turn.Options | undefined
}

/**
 * Where the conversation stands.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly agent: Event.AgentState
  readonly user: Event.UserState
  readonly status: "starting" | "open" | "draining" | "closed"
  /** Number of the user's turn that is open. */
  readonly turn: number
}

/**
 * What a session has for every agent that it runs.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Given = Session | Room.Room | Vad.Vad | Stt.Stt | Llm.Llm | Tts.Tts

/**
 * What the compiler shows where an agent needs `R` that a session has not got.
 *
 * @category utility types
 * @since 0.1.0
 */
export interface Missing<in out R> {
  readonly "give the agent what it needs with Agent.provide": R
}

/**
 * An agent that a session can run as it is; `Missing` for another.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Ready<R, E> = [Exclude<R, Given>] extends [never] ? Agent.Agent<R, E> : Missing<Exclude<R, Given>>

/**
 * A call of a tool that has no result yet.
 *
 * @category models
 * @since 0.1.0
 */
export const RunningCall = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  /** For how long it has been running, in seconds. */
  seconds: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type RunningCall = typeof RunningCall.Type

/**
 * The conversation in progress.
 *
 * **Details**
 *
 * - `say` and `reply` enqueue and return at once; `send` is a typed user turn.
 * - `interrupt` stops what is said and what waits, up to the first protected
 *   speech; with `force` everything.
 * - `commitTurn` and `clearTurn` are push to talk; `commitTurn` waits up to
 *   `wait` (default 2 s) for the transcript of what was just said.
 * - `listen` detaches and attaches the microphone.
 * - `handoff` gives the conversation to another agent, after the `onExit` of the
 *   present one and before the `onEnter` of the other. It fails with what the
 *   other's layers fail with, and then all stays as it was; what the other needs
 *   beside `Given` is provided where it is made (`Agent.provide`).
 * - `running` is the calls of tools that have no result yet, oldest first, but for
 *   the one that asks; `cancel` ends one of them, and is `false` where it has ended.
 * - `hangUp` says goodbye if asked to, but first waits for calls that run and tells
 *   what has come of them (`results` of the pipeline), lets it be heard, ends the line of one at a
 *   telephone (`Room.remove`; a warning where the room may not), and ends the session.
 *   `close` ends it now, or with `drain` when all that waits has been said, and
 *   what the user had said before it is answered; it leaves a telephone's line to
 *   whoever goes on with it. Both return at once; `ended` waits for the end, for which
 *   tools that run have the pipeline's `closeTimeout`. A tool that waits for it is
 *   not waited for.
 * - Once the session has ended, or says its last words, nothing comes of what it
 *   is asked for: what was to be said is `discarded`, and `send` gives `false`.
 * - `callState` is what the call has in mind: a `CallState`, at hand.
 * - `spent` is what its providers were used for up to now, and what that costs.
 * - `events` starts with the next event and ends with the session. A listener
 *   that is more than 1024 events behind loses the oldest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  readonly participant: Effect.Effect<Room.Participant | undefined>
  /** Sid of the agent's track in the room. */
  readonly track: Effect.Effect<string>
  readonly state: Effect.Effect<State>
  readonly agent: Effect.Effect<string>
  /** What the agent is told to be, now. */
  readonly instructions: Effect.Effect<string>
  readonly tools: Effect.Effect<Tools.Set<Session>>
  readonly history: Effect.Effect<History.History>
  readonly running: Effect.Effect<ReadonlyArray<RunningCall>>
  readonly cancel: (id: string) => Effect.Effect<boolean>
  readonly callState: <A>(state: Definition<A>) => Held<A>
  readonly spent: Effect.Effect<Cost.Report>
  readonly updateHistory: (f: (history: History.History) => History.History) => Effect.Effect<void>
  readonly events: Stream.Stream<Event.Event>
  readonly say: (text: string | Stream.Stream<string>, options?: SayOptions) => Effect.Effect<Speech>
  readonly reply: (options?: ReplyOptions) => Effect.Effect<Speech>
  readonly send: (text: string) => Effect.Effect<boolean>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Effect.Effect<void, SessionError>
  readonly commitTurn: (options?: CommitOptions) => Effect.Effect<void, SessionError>
  readonly clearTurn: Effect.Effect<void>
  readonly listen: (on: boolean) => Effect.Effect<void>
  readonly update: (update: Update) => Effect.Effect<void, SessionError>
  readonly handoff: <R, E>(agent: Ready<R, E>) => Effect.Effect<void, E>
  readonly hangUp: (options?: { readonly say?: string | undefined }) => Effect.Effect<void>
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Effect.Effect<void>
  readonly ended: Effect.Effect<Event.CloseReason>
}

/**
 * Service that is the conversation in progress.
 *
 * @category services
 * @since 0.1.0
 */
export class Session extends Context.Service<Session, Service>()("effect-voice/Session") {}

const ListCalls = Tool.make("list_running_calls", {
  description: "Lists the calls of tools that are still running",
  success: Schema.Array(RunningCall),
  dependencies: [Session]
}).annotate(Tool.Readonly, true)

const CancelCall = Tool.make("cancel_running_call", {
  description: "Ends a call that is still running, when its result is not wanted any more",
  parameters: Schema.Struct({ id: Schema.String }),
  success: Schema.Struct({ cancelled: Schema.Boolean }),
  dependencies: [Session]
}).annotate(Tool.Idempotent, true)

/**
 * Tools with which the model lists what runs and cancels it, for the `tools` of an
 * agent that allows it; `callsLayer` has their handlers.
 *
 * **Example** (An agent that may cancel what it has begun)
 *
 * ```ts
 * import { Agent, Session } from "effect-voice"
 *
 * const desk = Agent.make({ instructions: "You book rooms.", tools: [Session.Calls] }).pipe(
 *   Agent.provide(Session.callsLayer)
 * )
 * ```
 *
 * @category tools
 * @since 0.1.0
 */
export const Calls: Toolkit.Toolkit<{
  readonly list_running_calls: typeof ListCalls
  readonly cancel_running_call: typeof CancelCall
}> = Toolkit.make(ListCalls, CancelCall)

/**
 * The handlers of `Calls`.
 *
 * @category layers
 * @since 0.1.0
 */
export const callsLayer: Layer.Layer<
  Tool.Handler<"list_running_calls"> | Tool.Handler<"cancel_running_call">
> = Calls.toLayer({
  list_running_calls: () => Session.use((session) => session.running),
  cancel_running_call: ({ id }) =>
    Session.use((session) => Effect.map(session.cancel(id), (cancelled) => ({ cancelled })))
})
