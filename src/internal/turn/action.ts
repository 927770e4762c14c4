/**
 * What turn-taking asks for. The interpreter does it in this order and at once;
 * what takes time it forks, and what comes of it is a signal.
 */
import type * as Event from "../../Event.ts"
import type { AsideReason } from "./model.ts"

/**
 * Something is to be done.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  /** Tell the listeners, in this breath. Nothing follows. */
  | { readonly _tag: "Publish"; readonly event: Event.Draft }
  // The user
  /**
   * The words are a turn: put them into the history and ask the hook. `Accepted`
   * or `Declined` follows, for the newest turn alone. `stoppedAt` is when the user
   * fell silent, `finalAt` when the last transcript came.
   */
  | {
    readonly _tag: "CommitTurn"
    readonly turn: number
    readonly text: string
    readonly source: "voice" | "text" | "manual"
    readonly stoppedAt: number
    readonly finalAt: number
  }
  /** The words are a turn that nobody replies to: put them into the history. Nothing follows. */
  | { readonly _tag: "KeepWords"; readonly turn: number; readonly text: string }
  /** The words are no turn: put them into the history as what they are, in their place. Nothing follows. */
  | {
    readonly _tag: "SetAside"
    readonly text: string
    readonly reason: AsideReason
    readonly startedAt: number
    readonly endedAt: number
  }
  /** Nobody has said anything for too long, once more if the user is away already: tell the agent's hook. Nothing follows. */
  | { readonly _tag: "Away" }
  /** A turn is longer than the limits: tell the agent's hook. Once for each turn; nothing follows. */
  | { readonly _tag: "TurnLimit"; readonly words: number; readonly speechMs: number }
  /**
   * Ask the turn detector, and forget what it was asked before: after so long a
   * `silence`, of a turn that began `length` ms ago. `EndOfTurn` with the same
   * number follows, or nothing.
   */
  | {
    readonly _tag: "AskDetector"
    readonly question: number
    readonly text: string
    readonly language: string | undefined
    readonly silence: number
    readonly length: number
  }
  /** Ask the judge what the words over the agent are. `Overlap` with the same text follows, or nothing. */
  | { readonly _tag: "Judge"; readonly text: string; readonly language: string | undefined }
  /** Ask the recogniser for the final transcript of what it has heard. `Heard` follows, where there was anything. */
  | { readonly _tag: "Finalize" }
  /** Give the recogniser no more audio, and have all that it owes. `Heard`, then `Transcribed` follow. */
  | { readonly _tag: "LastWords" }
  // The agent
  /** Start the reply to a turn, of which the audio may be played when it has the floor. */
  | { readonly _tag: "StartReply"; readonly speech: string; readonly turn: number }
  /**
   * Start a reply to words that are not a turn yet, with `tts` up to its audio, and
   * tell nobody. `Authorize` or `Stop` comes later.
   */
  | {
    readonly _tag: "Speculate"
    readonly speech: string
    readonly turn: number
    readonly text: string
    readonly tts: boolean
  }
  /** The guess is the reply to a turn: it is told of, and may go on to its audio. */
  | { readonly _tag: "Authorize"; readonly speech: string; readonly turn: number }
  /** Start a speech that has waited in line. `AudioReady`, or `SpeechEnded`, follows from it. */
  | { readonly _tag: "Begin"; readonly speech: string }
  /** The speech has the floor: let its audio out. `PlayoutEnded` follows. */
  | { readonly _tag: "Play"; readonly speech: string }
  /** It is nobody's turn: say what has come since its reply. `Enqueue` follows, or nothing. */
  | { readonly _tag: "Tell" }
  /** Lower the level of the output: the user may want the floor. */
  | { readonly _tag: "Duck"; readonly speech: string }
  /** Let the output have its level again. */
  | { readonly _tag: "Restore"; readonly speech: string }
  /** Silence the output, so that it can go on where it was. */
  | { readonly _tag: "Pause"; readonly speech: string }
  /** Let the output go on, after a pause of so many milliseconds where it was interrupted. */
  | { readonly _tag: "Resume"; readonly speech: string; readonly pausedMs?: number | undefined }
  /** End the speech: what is not heard yet never is. With `why` it was not to be heard at all. `SpeechEnded` follows. */
  | { readonly _tag: "Stop"; readonly speech: string; readonly why?: "expired" | "needless" | undefined }
  /** The user has been owed something for too long: say something meanwhile. `Enqueue` follows, or nothing. */
  | { readonly _tag: "Fill" }
  /** The speech comes too late: the session ends. It is over before it has begun; nothing follows. */
  | { readonly _tag: "Refuse"; readonly speech: string }
  /** Let the moment pass: who has interrupted may do something in the same breath. `Settled` follows. */
  | { readonly _tag: "Settle" }
  // The session
  /**
   * All is lost: tell those who can help. Where there is something to say about
   * it, `apology` is the speech that says it, and `Begin` follows.
   */
  | {
    readonly _tag: "Escalate"
    readonly component: Event.Component
    readonly cause: Event.Of<"Escalated">["cause"]
    readonly failures: number
    readonly apology: string | undefined
  }
  /** The session has begun to end, or ends harder than before: see to it that it comes to its end. */
  | { readonly _tag: "Closing"; readonly drain: boolean; readonly reason: Event.CloseReason }
  /** The session has ended: free everything. Last of all actions, but for the words of a transcript that is late. */
  | { readonly _tag: "Finish"; readonly reason: Event.CloseReason }
