/**
 * What stock frontends rely on: the agent's state, transcripts, and requests
 * about the session, by the names and in the shapes of LiveKit's own clients.
 *
 * It needs nothing but a `Room`. A room of LiveKit attaches it to every session
 * by itself; another one does with `Room.attach`, or a program with `attach`.
 *
 * - The attribute `lk.agent.state` of the agent: `initializing`, `listening`,
 *   `thinking`, `speaking`, and `idle` when the session has ended.
 * - Texts on `lk.transcription`. Of the user: each update is a text of its own
 *   with all that was understood so far, in the user's name. Of the agent: one
 *   text a stretch of speech that grows as it is heard, and at its end is
 *   replaced by what was heard, cut where the user cut in. Updates of the same
 *   `lk.segment_id` belong together; `lk.transcription_final` ends them. With
 *   `Pipeline.Options.syncTranscript` `false` the agent's text comes as it is
 *   written.
 * - The same as transcription packets, for frontends older than text streams.
 * - Requests and events on `lk.agent.session`, as playgrounds and LiveKit's
 *   command line use them: ping, history, agent, state, usage, framework, to run
 *   typed text, to switch the microphone off and on. Statistics of the connection
 *   are empty.
 *
 * Typed text on `lk.chat` is not its affair: `Pipeline.Options.textTopic`.
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
 * Options of what frontends are told.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Name of the agent for `lk.agent.name`. @default `agentName` of the session's job, else the agent's name */
  readonly name?: string | undefined
  /** The agent's state and name as attributes. @default true */
  readonly state?: boolean | undefined
  /** What is said, as texts. @default true */
  readonly transcripts?: boolean | undefined
  /** What is said, as packets too: everyone in the room gets these. @default true */
  readonly packets?: boolean | undefined
  /**
   * Answers requests about the session and tells its events, on
   * `lk.agent.session`: to its participant, unless at a telephone, and to whom
   * `access` lets ask.
   *
   * @default true
   */
  readonly remote?: boolean | undefined
  /** Who else in the room may ask about the session: they learn its whole history. @default nobody */
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
 * It listens beside the conversation and never holds it up: where the room is
 * slower than the words, several updates become one. What cannot be sent is
 * logged. When the scope closes after the end of the session, what was said last
 * is still sent, for a second at most. Fails where an option cannot be.
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
 * A room in which what was said while the agent joined is heard: the recording
 * that a frontend sends on `lk.agent.pre-connect-audio-buffer` goes ahead of the
 * participant's live audio, and the stream's time goes on with it.
 *
 * **Details**
 *
 * Raw 16-bit samples are understood as they are; Opus in WebM or Ogg, as browsers
 * record it, when the package `opus-decoder` is installed. What cannot be
 * decoded is logged as a warning, and the live audio heard alone.
 *
 * One recording of each participant is taken, of at most 2 MiB, and the last 15
 * seconds of it are heard. It is decoded when the participant is listened to.
 *
 * A room of LiveKit does this by itself. Fails where an option cannot be.
 *
 * @category combinators
 * @since 0.1.0
 */
export const preconnect = (
  room: Room.Room["Service"],
  options: PreconnectOptions = {}
): Effect.Effect<Room.Room["Service"], Room.RoomError, Scope.Scope> =>
  Effect.flatMap(Check.readOrFail(recording, options, refused), (settings) => withRecordings(room, settings))
