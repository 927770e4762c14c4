/**
 * One conversation: a room, ears, a mind and a voice, taking turns.
 *
 * `make` opens a session in a scope; `run` opens one and waits for its end.
 * Whatever a session starts, its end stops: closing the scope, or interrupting
 * `run`, ends the conversation at once and leaves nothing behind.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Agent from "./Agent.ts"
import type * as Audio from "./Audio.ts"
import type * as Cost from "./Cost.ts"
import type * as Event from "./Event.ts"
import type { InvalidOptions } from "./Failure.ts"
import type * as History from "./History.ts"
import { each as holdEach } from "./internal/pipeline/each.ts"
import { open } from "./internal/pipeline/open.ts"
import type * as Llm from "./Llm.ts"
import type * as Processor from "./Processor.ts"
import type * as Resilience from "./Resilience.ts"
import type * as Room from "./Room.ts"
import type { Session } from "./Session.ts"
import type * as Stt from "./Stt.ts"
import type * as Text from "./Text.ts"
import type * as Tools from "./Tools.ts"
import type * as Tts from "./Tts.ts"
import type * as Turn from "./Turn.ts"
import type * as Vad from "./Vad.ts"

/**
 * Why a session could not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export type PipelineError = InvalidOptions | Room.RoomError | Vad.VadError | Tools.ToolsError

/**
 * What the caller hears when the session gives up.
 *
 * @category options
 * @since 0.1.0
 */
export interface Apology {
  /** @default "I'm experiencing technical difficulties. Please try again later." */
  readonly text?: string | undefined
  /**
   * The audio of `text`, heard even when the synthesiser is dead.
   *
   * @default a clip of the default text; another text is synthesised once in a process, when the first session begins
   */
  readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined
}

/**
 * What the caller hears when a reply has failed, and the session goes on.
 *
 * @category options
 * @since 0.1.0
 */
export interface FailedReply {
  /** @default "Sorry, I could not answer that. Could you say it again?" */
  readonly text?: string | undefined
  /**
   * The audio of `text`, heard where the synthesiser has failed; else it is asked.
   *
   * @default a clip of the default text; another text is synthesised once in a process, when the first session begins
   */
  readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined
}

/**
 * What is said while the caller waits in silence for a reply, for a hook or for
 * a tool: once a turn at most, and not where the reply is there before it.
 *
 * @category options
 * @since 0.1.0
 */
export interface Filler {
  /** Silence after which it is said. @default "2 seconds" */
  readonly after?: Duration.Input | undefined
  /** Shortest time from one to the next. @default "8 seconds" */
  readonly apart?: Duration.Input | undefined
  /**
   * A text, several that take turns, or what makes one; without one nothing is
   * said. It does not enter the history.
   *
   * @default "One moment, please."
   */
  readonly say?:
    | string
    | ReadonlyArray<string>
    | ((session: Session["Service"]) => Effect.Effect<string | undefined, unknown>)
    | undefined
  /** The audio of `say`: the synthesiser is not asked. */
  readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined
}

/**
 * Options of a conversation.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Whom to talk with.
   *
   * @default the first that is there, or comes, has a microphone (see `microphoneTimeout`), and is no agent, recorder or incoming stream
   */
  readonly participant?: string | undefined
  readonly turn?: Turn.Options | undefined
  readonly vad?: Vad.Options | undefined
  /** Steps in which the model may call tools, in one reply. @default 3 */
  readonly maxToolSteps?: number | undefined
  /** Longest time for one tool, after which it is ended and the model told. @default "60 seconds" */
  readonly toolTimeout?: Duration.Input | undefined
  /** How results are told that come after their reply. */
  readonly results?: {
    /** Nobody has spoken, and nothing was owed to the caller, for so long. @default "1.5 seconds" */
    readonly calm?: Duration.Input | undefined
    /** The same, where one of them is a failure. @default "500 millis" */
    readonly failureCalm?: Duration.Input | undefined
    /** What was asked for so long ago is told beginning with what it is about. @default "30 seconds" */
    readonly remindAfter?: Duration.Input | undefined
    /**
     * Most replies of a session that nothing but a result has called for. After two in a row that have failed, results wait
     * until the caller speaks. @default 20
     */
    readonly maxReplies?: number | undefined
    /** Longest wait for calls that run, before `Session.hangUp` says goodbye. @default "8 seconds" */
    readonly goodbyeWait?: Duration.Input | undefined
    /** What is said when that wait begins; `false`: nothing. @default "One moment, please." */
    readonly goodbyeSay?: string | false | undefined
  } | undefined
  /** Retries and the deadline for a provider's first output. */
  readonly resilience?: Omit<Resilience.Policy, "breaker"> | undefined
  /** Said when the session gives up, and then it ends; `false` ends it without a word. */
  readonly apology?: Apology | false | undefined
  /**
   * Said at once when a reply has failed, or was empty, and nothing of it was heard;
   * `false` says nothing. When a session gives up, `apology` is said instead.
   */
  readonly failedReply?: FailedReply | false | undefined
  /** Said while the caller waits in silence. @default on for a telephone call */
  readonly filler?: Filler | boolean | undefined
  /**
   * Longest wait, in silence, for the next piece of a text that `say` was given as a
   * stream. What came before it is said, and the speech has failed.
   *
   * @default "10 seconds"
   */
  readonly textTimeout?: Duration.Input | undefined
  /** Opens the providers' connections when the session begins; `"paid"` also asks each for a trifle. @default true */
  readonly prewarm?: boolean | "paid" | undefined
  /** Before the detector and the recogniser, in this order. @default none */
  readonly processors?: ReadonlyArray<Processor.Processor> | undefined
  /**
   * Before the voice detector alone, after `processors`: what helps it to tell voice
   * from noise, and would cost the recogniser words. Each frame comes out with the
   * `at` that it came in with.
   *
   * @default none
   */
  readonly detectorProcessors?: ReadonlyArray<Processor.Processor> | undefined
  /** How text is rewritten for the ear. @default `Text.speechTransforms` */
  readonly transforms?: ReadonlyArray<Text.Transform> | undefined
  /** Shortest piece of text to speak, in characters. @default 20 */
  readonly minSentence?: number | undefined
  /** `speech` feeds the recogniser only speech, with its padding; one of single utterances never gets more. @default "all" */
  readonly feed?: "all" | "speech" | undefined
  /** Without a recogniser: typed turns only, or speech without words. @default true */
  readonly stt?: boolean | undefined
  /** Publish the agent's words as they are heard, not as they are written. @default true */
  readonly syncTranscript?: boolean | undefined
  /** Silence of the microphone itself that ends an open speech. @default "1 second" */
  readonly mutedAfter?: Duration.Input | undefined
  /** Keeps the history within a budget, off the reply's way. @default unlimited */
  readonly budget?: (History.Budget & { readonly strategy: "truncate" | "summarize" }) | undefined
  /** What the providers' services cost, and how much of them the session may use. @default no prices, no limit */
  readonly spending?: {
    readonly prices?: Cost.Prices | undefined
    readonly budget?: Cost.Budget | undefined
  } | undefined
  readonly output?: Room.OutputOptions | undefined
  /**
   * Topic of typed text, `false` for none. A text of more than 16,384 characters,
   * and what comes beyond 20 texts in ten seconds, is refused with the event
   * `Warning`.
   *
   * @default "lk.chat"
   */
  readonly textTopic?: string | false | undefined
  /** What becomes of typed text. @default `session.send`: it interrupts, and is answered */
  readonly onText?:
    | ((
      message: Room.TextMessage,
      session: Session["Service"]
    ) => Effect.Effect<unknown, unknown> | Promise<unknown> | void)
    | undefined
  /** What becomes of a key that is pressed on a telephone, besides its event, unless the agent says. @default nothing */
  readonly onKey?:
    | ((key: string, session: Session["Service"]) => Effect.Effect<unknown, unknown> | Promise<unknown> | void)
    | undefined
  /**
   * Where those who are there have no microphone, as one who looks on has none: longest
   * wait for somebody who has. After it the first of them is talked with, in
   * writing, and the event `Warning` says so. Without a recogniser nobody is waited for.
   *
   * @default "2 seconds"
   */
  readonly microphoneTimeout?: Duration.Input | undefined
  /** Longest wait, before the agent enters, until somebody receives its track. @default "5 seconds" */
  readonly subscriberTimeout?: Duration.Input | undefined
  /** Ends the session when the participant leaves. @default true */
  readonly closeOnLeave?: boolean | undefined
  /**
   * Longest wait for a participant who has gone without having left for good
   * (`Room.LeaveReason`), before that counts as having left.
   *
   * @default "20 seconds"
   */
  readonly returnTimeout?: Duration.Input | undefined
  /**
   * Longest time, when the session ends, for tools to finish that an interruption does not cancel, then for `onExit`, then for
   * cleaning up. Closing the session's scope leaves tools no time.
   *
   * @default "5 seconds"
   */
  readonly closeTimeout?: Duration.Input | undefined
  /**
   * Longest wait, when the session ends, for the transcript of what the caller
   * has said; none where nothing is owed. It is within `closeTimeout`.
   *
   * @default "2 seconds"
   */
  readonly lastWordsTimeout?: Duration.Input | undefined
  /** Longest time for what is still to be said when the session drains. @default "30 seconds" */
  readonly drainTimeout?: Duration.Input | undefined
  /** Longest time that the room may play nothing of what it was given, or leave a command unanswered. @default "10 seconds" */
  readonly roomTimeout?: Duration.Input | undefined
  /** Longest time for `onUserTurn` and for `onEscalation`. @default "10 seconds" */
  readonly hookTimeout?: Duration.Input | undefined
  /** Facts about the job, its `id` among them, for `Session.job`, logs and spans. @default those of the worker's job, else none */
  readonly job?: Readonly<Record<string, string>> | undefined
  /** @default made from the room's name and a number */
  readonly sessionId?: string | undefined
  /** Sees every event as it happens, in the same breath; must not throw. */
  readonly onEvent?: ((event: Event.Event) => void) | undefined
}

/**
 * Options of conversations side by side.
 *
 * @category options
 * @since 0.1.0
 */
export interface EachOptions extends Omit<Options, "participant" | "sessionId" | "onEvent"> {
  /** With whom. @default everyone who is no agent, recorder or incoming stream */
  readonly accepts?: ((participant: Room.Participant) => boolean) | undefined
  /** Most conversations at once; who comes then waits for one to end. @default 16 */
  readonly concurrency?: number | undefined
  /** Sees every event of every conversation as it happens; must not throw. */
  readonly onEvent?: ((event: Event.Event, participant: Room.Participant) => void) | undefined
}

/**
 * What a conversation needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = Room.Room | Vad.Vad | Stt.Stt | Llm.Llm | Tts.Tts

/**
 * Opens a session: it ends by itself, by `Session.close`, or with the scope.
 *
 * **Details**
 *
 * Returns when everything is ready; the agent enters when the participant is
 * there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <R, E>(
  agent: Agent.Agent<R, E>,
  options?: Options
) => Effect.Effect<Session["Service"], PipelineError | E, Services | Scope.Scope | Exclude<R, Session>> = open

/**
 * Holds a whole conversation and tells why it has ended.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <R, E>(
  agent: Agent.Agent<R, E>,
  options?: Options
): Effect.Effect<Event.CloseReason, PipelineError | E, Services | Exclude<Exclude<R, Session>, Scope.Scope>> =>
  Effect.scoped(Effect.flatMap(make(agent, options), (session) => session.ended))

/**
 * Holds a conversation with each participant of the room, side by side, until
 * the room ends.
 *
 * **Details**
 *
 * Each has its own session, history, and track, named after the participant
 * (`agent-audio-ann`); its texts go to that participant alone, who is the only
 * one it sees and hears. Everyone's frontend receives all tracks unless it
 * chooses; transcription packets, which cannot be addressed, are left out. The
 * agent's one state attribute is that of the busiest conversation.
 *
 * Who leaves and comes again gets a new conversation, after `hangUp` too. One
 * that cannot be held is logged, and the others go on.
 *
 * @category running
 * @since 0.1.0
 */
export const each: <R, E>(
  agent: Agent.Agent<R, E> | ((participant: Room.Participant) => Agent.Agent<R, E>),
  options?: EachOptions
) => Effect.Effect<void, PipelineError, Services | Exclude<Exclude<R, Session>, Scope.Scope>> = holdEach
