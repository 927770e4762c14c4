/**
 * The input of turn-taking. Each signal is a fact about one moment, and the part that learns of it
 * sends it at that moment; `step` decides what follows.
 *
 * "The interpreter" runs `step` and performs its actions. Times are milliseconds of the Clock. The
 * table of turn-taking in `ARCHITECTURE.md` says what each signal does in each situation.
 */
import type * as Event from "../../Event.ts"
import type { Transcript } from "../stt/model.ts"
import type { Settings } from "./settings.ts"

/**
 * Something has happened.
 *
 * @category models
 * @since 0.1.0
 */
export type Signal =
  // The session
  /**
   * The participant is there: from the interpreter, once. The session opens, and what
   * is queued begins. `filler` says after how much silence that is owed something
   * else is said, and how far apart (ms).
   */
  | { readonly _tag: "Opened"; readonly filler?: { readonly after: number; readonly apart: number } | undefined }
  /** `deadline` is reached: from the interpreter. What is due happens; a tick that is early finds nothing due. */
  | { readonly _tag: "Tick" }
  /** The program changes how turns are taken. What is open goes on; what is decided next follows the new settings. */
  | { readonly _tag: "Tune"; readonly settings: Settings }
  /**
   * The session is to end: from the program, a budget, or because the participant
   * or the room has gone. With `drain` what waits is said and what was said before
   * is answered; without, everything stops. Either way words that the recogniser
   * owes are waited for, unless it is to be `now`. The first reason is kept.
   */
  | {
    readonly _tag: "Close"
    readonly drain: boolean
    readonly reason: Event.CloseReason
    /** What is still to be transcribed is not waited for. @default false */
    readonly now?: boolean | undefined
  }
  /** The recogniser has ended, and has given all that it had: from whoever runs it. The end waits no longer for words. */
  | { readonly _tag: "Transcribed" }
  /**
   * A component has failed and nobody mended it: from the interpreter. Too many
   * in a row, or of a kind within a time, end the session.
   */
  | {
    readonly _tag: "Failed"
    readonly component: Event.Component
    /** It cannot be mended, and there is no conversation without it. @default false */
    readonly fatal?: boolean | undefined
  }
  /** A component that has failed works again: from the interpreter. Its failures in a row are forgiven. */
  | { readonly _tag: "Worked"; readonly component: Event.Component }
  /**
   * What the recogniser takes from `Finalize` to its answer (ms), but for one
   * time in a hundred: from the interpreter, when that has changed. For so long,
   * and a little more, a transcript that is owed is waited for.
   */
  | {
    readonly _tag: "Measured"
    readonly delay: number
    /** Where it is another recogniser: what that tells. */
    readonly interims?: boolean | undefined
    readonly turns?: boolean | undefined
  }
  // The user's voice
  /**
   * A voice, from the voice detector, which needs a moment to be sure of it: it
   * began at `startedAt`. An open decision is off; the agent is paused as soon as
   * the voice has lasted long enough: by its audio, if `byAudio` says that
   * `VoiceHeard` tells how much of that has come, else by the Clock.
   */
  | { readonly _tag: "VoiceStarted"; readonly startedAt: number; readonly byAudio?: boolean | undefined }
  /**
   * The audio of the voice that sounds has come up to `to`: from the microphone,
   * when that may matter. Audio may stall, or come in bursts: what has
   * not come may be a silence.
   */
  | { readonly _tag: "VoiceHeard"; readonly to: number }
  /** A silence inside the voice, from the detector: it sounded until `voiceAt`. */
  | { readonly _tag: "VoicePaused"; readonly voiceAt: number }
  /** How far (dB) the voice that sounds is below the level at which this user speaks: from the microphone. */
  | { readonly _tag: "VoiceLevel"; readonly below: number }
  /** The voice sounds again since `voiceAt`, from the detector; `byAudio` as above. Its parts add up. */
  | { readonly _tag: "VoiceResumed"; readonly voiceAt: number; readonly byAudio?: boolean | undefined }
  /**
   * The voice is over, from the detector: it sounded until `endedAt`. The
   * recogniser is asked for its final transcript, and it is to be decided whether
   * the turn is over.
   */
  | { readonly _tag: "VoiceEnded"; readonly endedAt: number }
  // The user's words
  /**
   * A transcript, from the recogniser: an interim one replaces the last, a final
   * one stays; a final one without words says that there are none to wait for. `startedAt` is when its first word began and `endedAt` when its last
   * ended, where that is known, `language` a tag or a name. The words join the open
   * turn; over an agent that is heard they are judged, and may pause it, let it go
   * on, or be set aside; in silence a final one opens the decision whether the turn
   * is over.
   */
  | {
    readonly _tag: "Heard"
    readonly text: string
    readonly final: boolean
    readonly startedAt?: number | undefined
    readonly endedAt?: number | undefined
    readonly language?: string | undefined
    /** What has become of the turn, from a recogniser that tells. */
    readonly turn?: Transcript["turn"] | undefined
  }
  /**
   * How probable it is (0–1) that the turn is over: the turn detector's answer to
   * `AskDetector`. It moves the commit to the shorter or the longer delay; one that
   * has failed knows of none, and the delays are as they would be without it. An
   * answer to any question but the newest, or when the decision is off, is none.
   */
  | { readonly _tag: "EndOfTurn"; readonly question: number; readonly probability: number | undefined }
  /**
   * What the words over the agent are: the judge's answer to `Judge`. It holds as
   * long as these are still all that was said; that they interrupt also if more
   * was said since.
   */
  | {
    readonly _tag: "Overlap"
    readonly verdict: "backchannel" | "interruption" | "hold" | "unknown"
    /** The words that were asked about. */
    readonly text: string
  }
  /** The user has lost their connection, or is back: from whoever watches the room. Until then nothing is said, and what was being said waits. */
  | { readonly _tag: "Reachable"; readonly reachable: boolean }
  /** The user has shown that they are there without a word, by a key: from the room. */
  | { readonly _tag: "Present" }
  /** The user has written something: from the program or the room. It is a turn at once. */
  | { readonly _tag: "Typed"; readonly text: string }
  /**
   * The program says that the turn is over (push to talk). It is committed when
   * what was said has its transcript, after `waitMs` with what there is.
   */
  | { readonly _tag: "CommitTurn"; readonly waitMs: number }
  /** The program wants what was said in the open turn forgotten, transcripts that are still to come included. */
  | { readonly _tag: "ClearTurn" }
  /**
   * The committed turn is to be replied to: the interpreter's answer to
   * `CommitTurn`, when the hook has thought about it. The agent gives way, and the
   * reply begins; a guess that was made for the same `text` becomes the reply unless
   * the basis has `changed`. An answer to an older turn is ignored.
   */
  | { readonly _tag: "Accepted"; readonly turn: number; readonly text: string; readonly changed: boolean }
  /** The committed turn gets no reply: the other answer to `CommitTurn`. What it has paused goes on. */
  | { readonly _tag: "Declined"; readonly turn: number }
  // The agent
  /**
   * Something is to be told that came after its reply: from whoever owns it. It is
   * asked for (`Tell`) once nobody has spoken, and nothing was owed to the user,
   * for `calm` ms; `undefined` where there is nothing to tell any more. If it is `awaited`, the user expects it: as
   * soon as it is nobody's turn.
   */
  | { readonly _tag: "Untold"; readonly calm: number | undefined; readonly awaited?: boolean | undefined }
  /** The program wants something said: `when`, and within `expiresMs`. It waits in line; a session that ends refuses it. */
  | {
    readonly _tag: "Enqueue"
    readonly speech: string
    readonly source: "say" | "reply"
    readonly protected: boolean
    /** @default "idle" */
    readonly when?: "now" | "withReply" | "idle" | undefined
    /** @default Infinity */
    readonly expiresMs?: number | undefined
    /** It fills a silence: any new turn ends it. @default false */
    readonly passing?: boolean | undefined
    /** The reply whose tool wants it, where that has something to say before. */
    readonly behind?: string | undefined
    /** Its audio is at hand. @default false */
    readonly clip?: boolean | undefined
  }
  /**
   * The program silences the agent: one speech, or all up to the first that is
   * protected; with `force` the protected ones, too. Without `speech` a turn that
   * the hook still thinks about gets no reply.
   */
  | { readonly _tag: "Interrupt"; readonly force: boolean; readonly speech?: string | undefined }
  /** The moment of an interruption is over: the interpreter's answer to `Settle`. The state that stands now is told. */
  | { readonly _tag: "Settled" }
  /** A speech has audio at hand: from the speech. It plays when the floor is its own. */
  | { readonly _tag: "AudioReady"; readonly speech: string }
  /** More words of the speech that plays are heard from now on: from the speech. What the user says is judged by them. */
  | { readonly _tag: "Spoken"; readonly speech: string; readonly text: string }
  /** The speech that plays has run out of audio, or has some again: from the speech. Silence of a second is no longer heard. */
  | { readonly _tag: "Starved"; readonly speech: string; readonly starved: boolean }
  /** The speech that plays has gone back by so much (ms) when it was resumed: from the speech. To its words, no time has passed. */
  | { readonly _tag: "WentBack"; readonly speech: string; readonly ms: number }
  /**
   * The audio of the speech that plays, or of one step of it, has been heard to its
   * end: from the speech. The floor is free; `next` is what it does now.
   */
  | { readonly _tag: "PlayoutEnded"; readonly speech: string; readonly next: "working" | "tools" | "done" }
  /** A silent speech runs tools, or is done with them: from the speech. While they run others may have the floor. */
  | { readonly _tag: "Working"; readonly speech: string; readonly phase: "working" | "tools" }
  /** A speech has cleaned up behind itself: from the speech, last of all. It is forgotten, and the next one may begin. */
  | { readonly _tag: "SpeechEnded"; readonly speech: string }
