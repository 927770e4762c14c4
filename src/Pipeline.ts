/**
 * One conversation: a room, a recogniser, a model and a voice, taking turns.
 *
 * `make` opens a session in a scope; `run` opens one and waits for its end. The end of a session
 * stops everything that it has started. To end the conversation at once, close the scope or
 * interrupt `run`; nothing is left behind.
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
 * The words that the caller hears when the session gives up.
 *
 * @category options
 * @since 0.1.0
 */
export interface Apology {
  /** @default "I'm experiencing technical difficulties. Please try again later." */
  readonly text?: string | undefined
  /**
   * The audio of `text`. The caller hears it even if the synthesiser does not work.
   *
   * @default a clip of the default text; another text is synthesised once in a process, when the first session begins
   */
  readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined
}

/**
 * The words that the caller hears when a reply has failed and the session goes on.
 *
 * @category options
 * @since 0.1.0
 */
export interface FailedReply {
  /** @default "Sorry, I could not answer that. Could you say it again?" */
  readonly text?: string | undefined
  /**
   * The audio of `text`, for when the synthesiser has failed. Otherwise the synthesiser speaks
   * `text`.
   *
   * @default a clip of the default text; another text is synthesised once in a process, when the first session begins
   */
  readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined
}

/**
 * Words for the time when the caller waits in silence for a reply, a hook or a tool. They are said
 * at most once in a turn, and only if the reply does not come first.
 *
 * @category options
 * @since 0.1.0
 */
export interface Filler {
  /** Silence before it is said. @default "2 seconds" */
  readonly after?: Duration.Input | undefined
  /** Shortest time between two of them. @default "8 seconds" */
  readonly apart?: Duration.Input | undefined
  /**
   * A text, several texts that take turns, or a function that gives one. Without a text nothing is
   * said. The history does not contain it.
   *
   * @default "One moment, please."
   */
  readonly say?:
    | string
    | ReadonlyArray<string>
    | ((
      session: Session["Service"]
    ) => Effect.Effect<string | undefined, unknown> | Promise<string | undefined> | string | undefined)
    | undefined
  /** The audio of `say`. Then no synthesiser is asked. */
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
   * Identity of the participant to talk with.
   *
   * @default the first participant who has a microphone (see `microphoneTimeout`) and is not an
   * agent, a recorder or an incoming stream
   */
  readonly participant?: string | undefined
  readonly turn?: Turn.Options | undefined
  readonly vad?: Vad.Options | undefined
  /** How many steps with tool calls one reply may have. @default 3 */
  readonly maxToolSteps?: number | undefined
  /**
   * Longest time for one tool. After it the tool is interrupted, and the model learns of that.
   *
   * @default "60 seconds"
   */
  readonly toolTimeout?: Duration.Input | undefined
  /** How the agent tells results that come after their reply. */
  readonly results?: {
    /** How long nobody must have spoken, and no reply must be due, before a result is told. @default "1.5 seconds" */
    readonly calm?: Duration.Input | undefined
    /** The same, if one of the results is a failure. @default "500 millis" */
    readonly failureCalm?: Duration.Input | undefined
    /** If the request is older than this, the agent first says what the result is about. @default "30 seconds" */
    readonly remindAfter?: Duration.Input | undefined
    /**
     * Most replies of a session that only tell a result. After two such replies in a row have
     * failed, results wait until the caller speaks. @default 20
     */
    readonly maxReplies?: number | undefined
    /**
     * Longest wait for running tool calls before `Session.hangUp` says goodbye, and before the next agent's
     * `onEnter` where a tool hands the conversation over beside them. @default "8 seconds"
     */
    readonly goodbyeWait?: Duration.Input | undefined
    /** Words in that wait, where it lasts longer than 300 ms; `false` says nothing. @default "One moment, please." */
    readonly goodbyeSay?: string | false | undefined
  } | undefined
  /** Retries and the deadline for a provider's first output. */
  readonly resilience?: Omit<Resilience.Policy, "breaker"> | undefined
  /** Said when the session gives up and ends. `false` ends it without a word. */
  readonly apology?: Apology | false | undefined
  /**
   * Said when a reply has failed: at once, or after what was heard of it where it breaks off. Also where a
   * reply was empty, if nothing of it was heard. No tool call of an answer that breaks off is run. `false` says nothing.
   * When the session gives up, `apology` is said instead.
   */
  readonly failedReply?: FailedReply | false | undefined
  /** Said while the caller waits in silence. @default on for a telephone call */
  readonly filler?: Filler | boolean | undefined
  /**
   * Longest wait, in silence, for the next piece of a text that you gave to `say` as a stream.
   * After it the pieces so far are said, and the speech has failed.
   *
   * @default "10 seconds"
   */
  readonly textTimeout?: Duration.Input | undefined
  /**
   * Opens the providers' connections when the session begins. `"paid"` also sends each a very small
   * request.
   *
   * @default true
   */
  readonly prewarm?: boolean | "paid" | undefined
  /** Processors of the microphone before the detector and the recogniser, in this order. @default none */
  readonly processors?: ReadonlyArray<Processor.Processor> | undefined
  /**
   * Further processors for the voice detector only, after `processors`. Use it for noise
   * suppression, which helps the detector and makes the recogniser lose words. Each frame must keep
   * its `at`.
   *
   * @default none
   */
  readonly detectorProcessors?: ReadonlyArray<Processor.Processor> | undefined
  /** How text is rewritten before it is spoken. @default `Text.speechTransforms` */
  readonly transforms?: ReadonlyArray<Text.Transform> | undefined
  /** Shortest piece of text to speak, in characters. @default 20, in Chinese, Japanese and Korean 8 */
  readonly minSentence?: number | undefined
  /**
   * `speech` gives the recogniser only speech, with its padding. A recogniser of single utterances
   * never gets more.
   *
   * @default "all"
   */
  readonly feed?: "all" | "speech" | undefined
  /** `false` uses no recogniser. Then turns are typed, or are speech without words. @default true */
  readonly stt?: boolean | undefined
  /** Publish the agent's words when they are heard, not when they are written. @default true */
  readonly syncTranscript?: boolean | undefined
  /** If the microphone gives no audio for this time, an open speech ends. @default "1 second" */
  readonly mutedAfter?: Duration.Input | undefined
  /** Keeps the history within a budget. No reply waits for this. @default unlimited */
  readonly budget?: (History.Budget & { readonly strategy: "truncate" | "summarize" }) | undefined
  /** Prices of the providers, and how much the session may spend. @default no prices, no limit */
  readonly spending?: {
    readonly prices?: Cost.Prices | undefined
    readonly budget?: Cost.Budget | undefined
  } | undefined
  readonly output?: Room.OutputOptions | undefined
  /**
   * Topic of typed text, `false` for none. A text of more than 16,384 characters, and each text
   * beyond 20 in ten seconds, is refused with the event `Warning`.
   *
   * @default "lk.chat"
   */
  readonly textTopic?: string | false | undefined
  /** What happens with typed text. @default `session.send`: it interrupts, and is answered */
  readonly onText?:
    | ((
      message: Room.TextMessage,
      session: Session["Service"]
    ) => Effect.Effect<unknown, unknown> | Promise<unknown> | void)
    | undefined
  /**
   * Runs when a key is pressed on a telephone, unless the agent has an `onKey`. The event comes in
   * any case. While 32 of them run, the next key ends the one that began first, and a `Warning` says
   * so, once; `onText` alike.
   *
   * @default nothing
   */
  readonly onKey?:
    | ((key: string, session: Session["Service"]) => Effect.Effect<unknown, unknown> | Promise<unknown> | void)
    | undefined
  /**
   * Longest wait for a participant with a microphone, if those who are there have none. After it
   * the agent talks with the first of them in writing, and the event `Warning` says so. Without a
   * recogniser there is no wait.
   *
   * @default "2 seconds"
   */
  readonly microphoneTimeout?: Duration.Input | undefined
  /** Longest wait until somebody receives the agent's track. Then the agent enters. @default "5 seconds" */
  readonly subscriberTimeout?: Duration.Input | undefined
  /** Ends the session when the participant leaves. @default true */
  readonly closeOnLeave?: boolean | undefined
  /**
   * How long a participant may be gone without leaving for good (`Room.LeaveReason`). After it they
   * count as having left.
   *
   * @default "20 seconds"
   */
  readonly returnTimeout?: Duration.Input | undefined
  /**
   * At the end of the session, the longest time for tools that an interruption does not cancel,
   * then again for `onExit`, then again for cleaning up. If you close the session's scope, tools
   * have no time.
   *
   * @default "5 seconds"
   */
  readonly closeTimeout?: Duration.Input | undefined
  /**
   * At the end of the session, the longest wait for the transcript of the caller's last words.
   * There is no wait if no transcript is due. It is a part of `closeTimeout`.
   *
   * @default "2 seconds"
   */
  readonly lastWordsTimeout?: Duration.Input | undefined
  /** Longest time for the remaining speeches when the session drains. @default "30 seconds" */
  readonly drainTimeout?: Duration.Input | undefined
  /**
   * Ends the session by itself. The agent finishes what it says, then says goodbye; the line of a
   * telephone caller ends, too.
   */
  readonly timeLimits?: {
    /** Longest session, from when the agent enters. Its end has the reason `time_limit`. @default "Infinity" */
    readonly session?: Duration.Input | undefined
    /**
     * Longest time for which the user is away, from when they count as away (`awayAfter`), whatever
     * the agent says meanwhile. The end has the reason `user_away`.
     *
     * @default "Infinity"
     */
    readonly away?: Duration.Input | undefined
    /**
     * Longest time for which a telephone call that you make may ring. Then its line is ended, and the
     * session has the reason `unanswered`.
     *
     * @default "2 minutes"
     */
    readonly ringing?: Duration.Input | undefined
    /** The last words. With `""` there are none. @default "Goodbye!" */
    readonly goodbye?: string | undefined
  } | undefined
  /** Longest time that the room may play none of its audio, or leave a command unanswered. @default "10 seconds" */
  readonly roomTimeout?: Duration.Input | undefined
  /** Longest time for `onUserTurn` and for `onEscalation`. @default "10 seconds" */
  readonly hookTimeout?: Duration.Input | undefined
  /** Facts about the job, its `id` among them, for `Session.job`, logs and spans. @default those of the worker's job, else none */
  readonly job?: Readonly<Record<string, string>> | undefined
  /** @default made from the room's name and a number */
  readonly sessionId?: string | undefined
  /** Called with every event when it happens, synchronously. It must not throw. */
  readonly onEvent?: ((event: Event.Event) => void) | undefined
}

/**
 * Options of conversations side by side.
 *
 * @category options
 * @since 0.1.0
 */
export interface EachOptions extends Omit<Options, "participant" | "sessionId" | "onEvent"> {
  /** Whether to talk with a participant. @default everyone who is no agent, recorder or incoming stream */
  readonly accepts?: ((participant: Room.Participant) => boolean) | undefined
  /** Most conversations at once. Further participants wait until one ends. @default 16 */
  readonly concurrency?: number | undefined
  /** Called with every event of every conversation when it happens, synchronously. It must not throw. */
  readonly onEvent?: ((event: Event.Event, participant: Room.Participant) => void) | undefined
}

/**
 * The services that a conversation requires.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = Room.Room | Vad.Vad | Stt.Stt | Llm.Llm | Tts.Tts

/**
 * Opens a session. It ends by itself, by `Session.close`, or with the scope.
 *
 * **Details**
 *
 * Returns when everything is ready; the agent enters when the participant is
 * there.
 *
 * **Example** (A session that the program ends)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Agent, Pipeline } from "effect-voice"
 *
 * const desk = Agent.make({ instructions: "You book rooms." })
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const session = yield* Pipeline.make(desk)
 *   yield* session.say("We close in a minute.")
 *   yield* Effect.sleep("1 minute")
 *   yield* session.close({ drain: true })
 *   return yield* session.ended
 * }))
 * ```
 *
 * @see `run`, which also waits for the end
 * @see `Session` for everything that a session can do
 * @category constructors
 * @since 0.1.0
 */
export const make: <R, E>(
  agent: Agent.Agent<R, E>,
  options?: Options
) => Effect.Effect<Session["Service"], PipelineError | E, Services | Scope.Scope | Exclude<R, Session>> = open

/**
 * Holds a whole conversation, and gives the reason why it ended.
 *
 * **Example** (One conversation in a LiveKit room)
 *
 * ```ts
 * import { Effect, Layer, Redacted } from "effect"
 * import { Agent, Pipeline } from "effect-voice"
 * import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
 * import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
 * import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
 * import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
 * import * as SileroVad from "effect-voice/Layers/SileroVad"
 *
 * const desk = Agent.make({ instructions: "You book rooms." })
 *
 * const room = LiveKitRoom.layer({ url: "wss://example.livekit.cloud", token: Redacted.make("a token") })
 * const providers = Layer.mergeAll(
 *   SileroVad.layer(),
 *   DeepgramStt.layerConfig(),
 *   OpenAiLlm.layerConfig(),
 *   ElevenLabsTts.layerConfig()
 * )
 *
 * const program = Pipeline.run(desk, { turn: { endpointing: { minDelay: "400 millis" } } }).pipe(
 *   Effect.provide(Layer.merge(room, providers))
 * )
 * ```
 *
 * @see `make` for a session that the program controls
 * @see `each` for one conversation with each participant
 * @see `Worker.define` to answer jobs of a LiveKit server
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
 * Each has its own session, history, and track, named after the participant (`agent-audio-ann`);
 * its texts go to that participant only, and it sees and hears nobody else. Everyone's frontend
 * receives all tracks unless it chooses; transcription packets, which cannot be addressed, are left
 * out. The agent's one state attribute is that of the busiest conversation.
 *
 * A participant who leaves and comes again gets a new conversation, also after `hangUp`. If a
 * conversation fails, this is logged and the others go on.
 *
 * @category running
 * @since 0.1.0
 */
export const each: <R, E>(
  agent: Agent.Agent<R, E> | ((participant: Room.Participant) => Agent.Agent<R, E>),
  options?: EachOptions
) => Effect.Effect<void, PipelineError, Services | Exclude<Exclude<R, Session>, Scope.Scope>> = holdEach
