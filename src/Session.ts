/**
 * The conversation in progress, for tools, hooks and the program.
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
import type { Definition as TaskDefinition } from "./internal/task.ts"
import type { TaskError } from "./internal/taskError.ts"
import type * as Llm from "./Llm.ts"
import type * as Room from "./Room.ts"
import type * as Stt from "./Stt.ts"
import type * as Tools from "./Tools.ts"
import type * as Tts from "./Tts.ts"
import type * as Turn from "./Turn.ts"
import type * as Vad from "./Vad.ts"

export type { Plain, PlainSayOptions, PlainSpeech } from "./internal/plain.ts"
export type { PlainRoom } from "./internal/plainRoom.ts"

/**
 * Why a session refuses.
 *
 * **Details**
 *
 * - `Protected`: the speech may only be interrupted by force.
 * - `OwnSpeech`: a tool waits for the speech that itself waits for the tool.
 * - `Deadlock`: `onUserTurn` waits for a speech that comes after the reply, which
 *   waits for `onUserTurn`.
 * - `InvalidOption`: `detail` names the option and what to do.
 * - `Unsupported`: the room cannot transfer a call, or not this participant's.
 * - `NotTransferred`: the call was not transferred, and goes on; `detail` says why.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionError extends Schema.TaggedError<SessionError>("effect-voice/Session/SessionError")(
  "SessionError",
  {
    reason: Schema.Literals(["Protected", "OwnSpeech", "Deadlock", "InvalidOption", "Unsupported", "NotTransferred"]),
    detail: Schema.String
  }
) {
  override get message(): string {
    return this.detail
  }
}

/**
 * How a speech ended, and what the user heard of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Heard {
  /** The text that the user heard. */
  readonly text: string
  /** Length of the audio that was heard, in milliseconds. */
  readonly playedMs: number
  readonly outcome: "completed" | "interrupted" | "failed" | "discarded"
}

/**
 * One thing that the agent says, from the request until it has ended.
 *
 * **Details**
 *
 * `heard` waits for the end of the speech; for a reply, this includes all its steps and tools. If
 * that wait could never end, it fails at once: with `OwnSpeech` inside a tool that the speech
 * itself waits for (the tool of a reply, not a tool that says the speech), with `Deadlock` inside `onUserTurn` for a speech that comes after the reply.
 * While a hook waits for a speech that is audible, its `hookTimeout` stands still.
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
   * The place in the queue:
   *
   * - `now` begins at once, over the agent and over the user, and cannot be interrupted for two
   *   seconds;
   * - `withReply` comes before the reply to the turn that is open or was just committed, and the
   *   model knows about it when it makes that reply; inside a tool, it comes after what led to the
   *   call, and before the reply to its result;
   * - `idle` waits until nobody speaks, behind everything that waits already.
   *
   * A turn of the user ends each speech that was requested before the turn began, or that the user
   * talked over.
   *
   * @default "idle"; "withReply" inside `onUserTurn`, and for `say` inside a tool whose reply is to come; "now" inside `onTurnLimit`
   */
  readonly when?: "now" | "withReply" | "idle" | undefined
  /**
   * If the speech is not audible within this time, it is not said, and its outcome is `discarded`.
   *
   * @default "Infinity"
   */
  readonly expires?: Duration.Input | undefined
  /** The audio of the text, if you have it. Then no synthesiser is asked. */
  readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined
  /** Neither a voice nor `interrupt` without `force` ends it. @default false */
  readonly protected?: boolean | undefined
  /** Whether it enters the history. @default true */
  readonly record?: boolean | undefined
  /** The voice, by the provider's name for it. @default the agent's */
  readonly voice?: string | undefined
}

/**
 * Options of `commitTurn`.
 *
 * @category options
 * @since 0.1.0
 */
export interface CommitOptions {
  /** Longest wait for the transcript of the last words. @default "2 seconds" */
  readonly wait?: Duration.Input | undefined
}

/**
 * Options of keys that belong together.
 *
 * @category options
 * @since 0.1.0
 */
export interface KeysOptions {
  /** With so many keys (1 to 64) they are complete. An end key just behind them belongs to them, too. @default 32 */
  readonly most?: number | undefined
  /** The key after which they are complete. It is not among them. `false`: there is none. @default "#" */
  readonly endKey?: string | false | undefined
  /** Longest wait for the first key, while the agent does not speak. @default "10 seconds" */
  readonly first?: Duration.Input | undefined
  /** Longest wait for each further key. @default "3 seconds" */
  readonly next?: Duration.Input | undefined
  /**
   * There is no `UserPressedKey` of them, so no listener and no record has them. The same holds for
   * keys that follow within two seconds, of a caller who has pressed too many.
   *
   * @default false
   */
  readonly secret?: boolean | undefined
}

/**
 * The one who has answered a call that the agent's side has made, and the words up to then.
 *
 * **Details**
 *
 * `voicemail` is an answering machine, which has said its greeting. `menu` wants a key
 * (`Room.sendDtmf`). `unreachable` is the network, or a mailbox that takes no message. `nobody` has said
 * nothing, or gave a long sound without a word, such as music.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnsweredBy {
  readonly by: "person" | "voicemail" | "menu" | "unreachable" | "nobody"
  readonly text: string
}

/**
 * Options of `answeredBy`.
 *
 * @category options
 * @since 0.1.0
 */
export interface AnsweredByOptions {
  /** Longest wait for a voice. @default "5 seconds" */
  readonly first?: Duration.Input | undefined
  /**
   * Longest greeting of a person whose words are no machine's. A longer one is a voicemail's, unless
   * it ends with a question, or `isMachine` says otherwise. `docs/telephone.md` has measurements.
   *
   * @default "6 seconds"
   */
  readonly person?: Duration.Input | undefined
  /** Silence after which a machine has said its greeting. @default "1.5 seconds" */
  readonly pause?: Duration.Input | undefined
  /** Longest time for a greeting. @default "45 seconds" */
  readonly longest?: Duration.Input | undefined
  /**
   * Asked about a long greeting, or one that begins like a machine's ("you have reached …"), if its
   * words do not tell. It has the pipeline's `hookTimeout`.
   *
   * @default nobody is asked
   */
  readonly isMachine?:
    | ((greeting: {
      readonly text: string
      readonly speechMs: number
    }) => Effect.Effect<boolean, unknown> | Promise<boolean> | boolean)
    | undefined
}

/**
 * Options of a transfer.
 *
 * @category options
 * @since 0.1.0
 */
export interface TransferOptions {
  /**
   * Where the call goes: a number with its country, such as `+4930123456` (spaces and `tel:` may be in it), or an
   * address of SIP, such as `sip:desk@example.com`.
   */
  readonly to: string
  /** What the caller hears first. No voice interrupts it. @default nothing */
  readonly say?: string | undefined
}

/**
 * Options of one reply.
 *
 * @category options
 * @since 0.1.0
 */
export interface ReplyOptions extends Omit<SayOptions, "clip"> {
  /** Instructions for this reply only. */
  readonly instructions?: string | undefined
  /** @default "auto" */
  readonly toolChoice?: "auto" | "none" | "required" | undefined
}

/**
 * Changes to a running session. Fields that you leave out stay as they are.
 *
 * @category options
 * @since 0.1.0
 */
export interface Update {
  readonly instructions?: string | undefined
  readonly voice?: string | undefined
  /** The tools that the model may call from now on. Start from `Session.tools`. */
  readonly tools?: Tools.Set<Session> | undefined
  readonly turn?: Turn.Options | undefined
}

/**
 * The present state of the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly agent: Event.AgentState
  readonly user: Event.UserState
  readonly status: "starting" | "open" | "draining" | "closed"
  /** Number of the user's open turn. */
  readonly turn: number
}

/**
 * The services that a session gives to each of its agents.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Given = Session | Room.Room | Vad.Vad | Stt.Stt | Llm.Llm | Tts.Tts

/**
 * What the compiler shows if an agent requires `R` and a session does not have it.
 *
 * @category utility types
 * @since 0.1.0
 */
export interface Missing<in out R> {
  readonly "give the agent what it needs with Agent.provide": R
}

/**
 * An agent that a session can run as it is. For any other agent, this type is `Missing`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Ready<R, E> = [Exclude<R, Given>] extends [never] ? Agent.Agent<R, E> : Missing<Exclude<R, Given>>

/**
 * A task that a session can perform as it is. For any other task, this type is `Missing`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ReadyTask<A, R, E> = [Exclude<R, Given>] extends [never] ? TaskDefinition<A, R, E>
  : Missing<Exclude<R, Given>>

/**
 * A tool call that has no result yet.
 *
 * @category models
 * @since 0.1.0
 */
export const RunningCall = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  /** Time since it began, in seconds. */
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
 * - `say` and `reply` put a speech in the queue and return at once. `send` makes a typed user turn.
 * - `interrupt` stops the speech and those that wait, up to the first protected one. With `force`
 *   it stops all of them.
 * - `commitTurn` and `clearTurn` are for push to talk. `commitTurn` waits up to `wait` (default 2
 *   s) for the transcript of the last words.
 * - `keys` gives the keys that a telephone caller presses from now on, as one text: `""` if none
 *   comes in time. Meanwhile `onKey` does not get them. The first key interrupts the agent, unless
 *   its speech is protected. In a tool this takes no time of `toolTimeout`; the reply that has called
 *   the tool says nothing more, and what the tool gives is told as soon as it is there.
 * - `answeredBy` tells who has answered a call that the agent's side has made: ask in `onEnter`,
 *   before the agent speaks. It goes by the words of the greeting (in English, German, French,
 *   Spanish, Portuguese, Italian, Dutch, Polish and Russian), then by its length. It is there when a
 *   person has said "hello", or when a machine has said all of its greeting. Until then no turn gets
 *   a reply, and no model is asked.
 * - `listen` turns the microphone on or off.
 * - `handoff` gives the conversation to another agent, after `onExit` of the present one and before
 *   `onEnter` of the other. If the other agent's layers fail, it fails with their error and nothing
 *   changes. Use `Agent.provide` to give the other agent the services that it requires beyond
 *   `Given`. Of several calls of one step that hand over or hang up, the first does; the others
 *   fail, and the model reads why.
 * - `perform` gives the conversation to the agent of a task until its model has the result, then
 *   back to the present agent, which goes on where it was: its `onEnter` does not run again. In a
 *   tool, this takes no time of `toolTimeout`; the reply that has called the tool says nothing more,
 *   and what the tool gives is told as soon as it is there. However the wait ends, by a timeout too,
 *   the conversation goes back. Fails with a `Task.TaskError`.
 * - `running` gives the tool calls without a result, oldest first, except the call that asks.
 *   `cancel` ends one of them; it gives `false` if that call has ended already.
 * - `hangUp` first waits for running tool calls and tells their results (`results` of the
 *   pipeline). Then it says goodbye, if you gave a text, waits until that was heard, ends the line
 *   of a telephone caller (`Room.remove`; if the room cannot, a `Warning`), and ends the session.
 *   `close` ends the session now. With `drain`, it ends the session when everything that waits was
 *   said and the user's earlier words were answered. It does not end a telephone's line. Both
 *   return at once. `ended` waits for the end; running tools have the pipeline's `closeTimeout`
 *   until then, unless they wait for `ended` themselves.
 * - After the session has ended, or during its last words, requests have no effect: a speech is
 *   `discarded`, and `send` gives `false`. Inside `onUserTurn`, which runs again for what it sends,
 *   it also gives `false` for more than 20 texts in 10 seconds, and a `Warning` tells it.
 * - `transfer` gives the line of a telephone caller to a number or an address, once they have heard
 *   what you `say`, and ends the session as `transferred`. It returns when the line has gone there: by
 *   LiveKit when somebody has answered, within 30 s; a Twilio number takes the call at once and tells no more. Meanwhile
 *   the agent is silent. If it fails, the call goes on: with `InvalidOption` before a word is said,
 *   with `Unsupported` if the room cannot do it, and with `NotTransferred` if it was refused, nobody took it, the words were
 *   interrupted by force, or another transfer is under way. Other running tools then have `closeTimeout`, and
 *   nobody is told their results. A request to the room is not taken back, also if the tool that asked is
 *   cancelled or out of time.
 * - `callState` reads and sets a `CallState` of this call.
 * - `spent` is the use of the providers up to now, with its cost.
 * - `events` starts with the next event and ends with the session. A listener that is more than
 *   1024 events behind loses the oldest ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  readonly participant: Effect.Effect<Room.Participant | undefined>
  /** Id (`sid`) of the agent's track in the room. */
  readonly track: Effect.Effect<string>
  readonly state: Effect.Effect<State>
  readonly agent: Effect.Effect<string>
  /** The present instructions of the agent. */
  readonly instructions: Effect.Effect<string>
  readonly tools: Effect.Effect<Tools.Set<Session>>
  readonly history: Effect.Effect<History.History>
  readonly running: Effect.Effect<ReadonlyArray<RunningCall>>
  readonly cancel: (id: string) => Effect.Effect<boolean>
  readonly callState: <A>(state: Definition<A>) => Held<A>
  readonly spent: Effect.Effect<Cost.Report>
  /** Changes the history from now on. Dies of `Failure.InvalidOptions` if what `f` gives is no history. */
  readonly updateHistory: (f: (history: History.History) => History.History) => Effect.Effect<void>
  readonly events: Stream.Stream<Event.Event>
  readonly say: (text: string | Stream.Stream<string>, options?: SayOptions) => Effect.Effect<Speech>
  readonly reply: (options?: ReplyOptions) => Effect.Effect<Speech>
  readonly send: (text: string) => Effect.Effect<boolean>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Effect.Effect<void, SessionError>
  readonly commitTurn: (options?: CommitOptions) => Effect.Effect<void, SessionError>
  readonly clearTurn: Effect.Effect<void>
  readonly answeredBy: (options?: AnsweredByOptions) => Effect.Effect<AnsweredBy, SessionError>
  readonly keys: (options?: KeysOptions) => Effect.Effect<string, SessionError>
  readonly listen: (on: boolean) => Effect.Effect<void>
  readonly update: (update: Update) => Effect.Effect<void, SessionError>
  readonly handoff: <R, E>(agent: Ready<R, E>) => Effect.Effect<void, E>
  readonly perform: <A, R, E>(task: ReadyTask<A, R, E>) => Effect.Effect<A, TaskError | E>
  readonly hangUp: (options?: { readonly say?: string | undefined }) => Effect.Effect<void>
  readonly transfer: (options: TransferOptions) => Effect.Effect<void, SessionError>
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Effect.Effect<void>
  readonly ended: Effect.Effect<Event.CloseReason>
}

/**
 * The service of the conversation in progress.
 *
 * **Example** (A tool that says something before its result)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Agent, Session } from "effect-voice"
 * import { Tool, Toolkit } from "effect/ai"
 *
 * const Kit = Toolkit.make(Tool.make("free_rooms", { success: Schema.Int, dependencies: [Session.Session] }))
 *
 * const desk = Agent.make({ instructions: "You book rooms.", tools: Kit }).pipe(
 *   Agent.provide(Kit.toLayer({
 *     free_rooms: () =>
 *       Effect.gen(function*() {
 *         const session = yield* Session.Session
 *         yield* session.say("One moment, I look that up.")
 *         return 3
 *       })
 *   }))
 * )
 * ```
 *
 * @see `Pipeline.make`, which opens one
 * @see `Plain`, the same for plain functions
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
 * Tools with which the model lists and cancels running tool calls. Put them among the `tools` of an
 * agent that may do so; `callsLayer` has their handlers.
 *
 * **Example** (An agent that may cancel its own tool calls)
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
