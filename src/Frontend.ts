/**
 * Support for LiveKit's own frontends: the agent's state, transcripts, and requests about the
 * session, with the names and messages that those clients expect.
 *
 * It requires only a `Room`. A LiveKit room attaches it to every session by itself. For another
 * room, use `Room.attach` or `attach`.
 *
 * - The attribute `lk.agent.state` of the agent: `initializing`, `listening`,
 *   `thinking`, `speaking`, and `idle` when the session has ended.
 * - Texts on `lk.transcription`. Of the user: each update is a text of its own
 *   with all that was understood so far, in the user's name. Of the agent: one
 *   text a stretch of speech that grows as it is heard, and at its end is
 *   replaced by what was heard, cut where the user cut in. Updates of the same
 *   `lk.segment_id` belong together; `lk.transcription_final` ends them. LiveKit's
 *   components and apps show the newest of a segment; whoever handles the texts
 *   themselves does the same, or reads only those that are final. With
 *   `Pipeline.Options.syncTranscript` `false` the agent's text comes as it is
 *   written.
 * - The same as transcription packets, for frontends older than text streams.
 * - Requests and events on `lk.agent.session`, as playgrounds and LiveKit's
 *   command line use them: ping, history, agent, state, usage, framework, to run
 *   typed text, to switch the microphone off and on. Statistics of the connection
 *   are empty.
 *
 * Typed text on `lk.chat` is not part of this: see `Pipeline.Options.textTopic`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { showState } from "./internal/frontend/agentState.ts"
import { recording, serving } from "./internal/frontend/options.ts"
import { withRecordings } from "./internal/frontend/preconnect.ts"
import { serveRequests } from "./internal/frontend/sessionRequests.ts"
import { tellTranscripts } from "./internal/frontend/transcripts.ts"
import * as Check from "./internal/options.ts"
import { refused } from "./internal/room/options.ts"
import type * as Room from "./Room.ts"

/**
 * Options of `attach`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Name of the agent for `lk.agent.name`. @default `agentName` of the session's job, else the agent's name */
  readonly name?: string | undefined
  /** The agent's state and name as attributes. @default true */
  readonly state?: boolean | undefined
  /** Send the words of both sides as texts. @default true */
  readonly transcripts?: boolean | undefined
  /** Also send them as packets. Everyone in the room gets these. @default true */
  readonly packets?: boolean | undefined
  /**
   * Answers requests about the session and tells its events, on
   * `lk.agent.session`: to its participant, unless at a telephone, and to whom
   * `access` lets ask.
   *
   * @default true
   */
  readonly remote?: boolean | undefined
  /** Decides who else in the room may ask about the session. They learn its whole history. @default nobody */
  readonly access?: ((identity: string) => boolean) | undefined
  /** Tells the agent's instructions to those who ask about it. @default false */
  readonly instructions?: boolean | undefined
  /**
   * Tells those who may ask what tools were given and have answered; else `{}`
   * and nothing, with the names.
   *
   * @default false
   */
  readonly tools?: boolean | undefined
  /** Longest time for the reply to what a request runs, before it is answered without. @default "1 minute" */
  readonly runTimeout?: Duration.Input | undefined
  /** Identities of those who are sent the texts. @default everyone */
  readonly to?: ReadonlyArray<string> | undefined
}

/**
 * Serves frontends for as long as the scope is open.
 *
 * **Details**
 *
 * The conversation never waits for it. If the room is slower than the words, several updates become
 * one. A failure to send is logged. When the scope closes after the end of the session, the last
 * words are still sent, for at most a second. Fails if an option is wrong.
 *
 * @category running
 * @since 0.1.0
 */
export const attach = (
  session: Room.Conversation,
  options: Options = {}
): Effect.Effect<void, Room.RoomError, Room.Room | Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* Check.readOrFail(serving, options, refused)
    const { access = () => false, instructions, packets, runTimeout, tools, transcripts: streams } = settings
    if (streams || packets) yield* tellTranscripts(session, { streams, packets, to: settings.to })
    if (settings.remote) yield* serveRequests(session, { access, instructions, runTimeout, tools })
    if (settings.state) {
      yield* showState(session, settings.name ?? session.job["agentName"] ?? (yield* session.agent))
    }
  })

/**
 * Options of recordings.
 *
 * @category options
 * @since 0.1.0
 */
export interface PreconnectOptions {
  /** Longest time for which live audio is held back when a recording is announced. @default "3 seconds" */
  readonly wait?: Duration.Input | undefined
  /** A recording that came longer than this before somebody listened is not heard. @default "3 seconds" */
  readonly maxAge?: Duration.Input | undefined
}

/**
 * Makes a room in which the agent hears words that were said before it joined. A frontend records
 * them and sends them on `lk.agent.pre-connect-audio-buffer`. The recording comes before the
 * participant's live audio, and its time counts.
 *
 * **Details**
 *
 * Raw 16-bit samples are understood as they are; Opus in WebM or Ogg, as browsers record it, when
 * the package `opus-decoder` is installed. If a recording cannot be decoded, there is a warning in
 * the log, and only the live audio is heard.
 *
 * One recording of each participant is taken, of at most 2 MiB, and the last 15
 * seconds of it are heard. It is decoded when the participant is listened to.
 *
 * A LiveKit room does this by itself. Fails if an option is wrong.
 *
 * @category combinators
 * @since 0.1.0
 */
export const preconnect = (
  room: Room.Room["Service"],
  options: PreconnectOptions = {}
): Effect.Effect<Room.Room["Service"], Room.RoomError, Scope.Scope> =>
  Effect.flatMap(Check.readOrFail(recording, options, refused), (settings) => withRecordings(room, settings))
