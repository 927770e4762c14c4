import type * as Event from "../../Event.ts"
import type { ErrorType } from "../metrics/errorType.ts"
import type * as Endpointing from "./endpointing.ts"
import type { Settings } from "./settings.ts"

/** Everything is milliseconds of the Clock; `undefined` means "not now". */
export interface State {
  readonly settings: Settings
  readonly status: "starting" | "open" | "draining" | "closed"
  readonly closing: Event.CloseReason | undefined
  /** What the components can do: without an STT nothing waits for words. */
  readonly ears: {
    readonly stt: boolean
    readonly interims: boolean
    readonly detector: boolean
    readonly judge: boolean
  }

  readonly voice: Voice | undefined
  readonly words: Words
  readonly decision: Decision | undefined
  /** The words that were cleared away, as far as their transcript is still to come. */
  readonly cleared: { readonly at: number; readonly until: number } | undefined
  /** A committed turn whose hook has not answered yet. */
  readonly pending: Pending | undefined
  readonly manual: { readonly until: number } | undefined
  /** Up to where all that was said has its final transcript. */
  readonly heardTo: number
  /** How long the end waits for a transcript that is owed (ms). */
  readonly patience: number
  readonly lastWords: LastWords | undefined
  /** What was kept at the end without a final transcript. */
  readonly keptInterim: string
  readonly endpointing: Endpointing.State
  /** Number of the turn that the user is in. */
  readonly turn: number

  /** In play order; the first that may play has the floor. */
  readonly speeches: ReadonlyArray<Speech>
  readonly pause: Pause | undefined
  /** A silent reply is held back until then, unless a decision comes first. */
  readonly holdUntil: number | undefined
  /** The agent has fallen silent between two things that it says, so far only for a breath. */
  readonly silentSince: number | undefined
  readonly speculation: { readonly speech: string; readonly text: string } | undefined
  readonly warmUpUntil: number | undefined

  /** In a row, of each component. */
  readonly failures: Readonly<Partial<Record<Event.Component, number>>>
  /** When the failures of each kind happened, as far back as they count. */
  readonly errors: Readonly<Partial<Record<ErrorType, ReadonlyArray<number>>>>
  /** Whether there is anything to say when the session gives up. */
  readonly apology: boolean
  /** Interrupted in this very moment: what follows at once decides what the agent does. */
  readonly hushed: boolean
  readonly awayAt: number | undefined
  readonly away: boolean
  readonly user: Event.UserState
  readonly agent: Event.AgentState
}

/** Speech of the user that is going on. */
export interface Voice {
  readonly startedAt: number
  /** Since when the voice sounds, without a pause; `undefined` in a pause. */
  readonly sounding: number | undefined
  /** When it paused last. */
  readonly pausedAt: number | undefined
  /** Length of the voice before that. */
  readonly soundedMs: number
  /** Said to be no interruption: it no longer pauses anything. */
  readonly dismissed: boolean
  /** What was said in it is committed: until more is heard, it waits for nothing. */
  readonly committed: boolean
}

/** What the user has said in the turn that is not committed yet. */
export interface Words {
  readonly finals: ReadonlyArray<string>
  readonly interim: string
  readonly startedAt: number | undefined
  readonly stoppedAt: number | undefined
  readonly finalAt: number | undefined
  readonly speechMs: number
  /** Said over an agent that was heard, and that did not fall silent within a second of it. */
  readonly overlap: boolean
  /** How many of the finals were judged and kept for the next turn: these alone open no decision. */
  readonly kept: number
  /** They ask for the floor by what they are: however few, they are a turn. */
  readonly cutIn: boolean
  /** For how long the agent has been paused since their voice began. */
  readonly pausedMs: number
  readonly tries: number
  readonly limited: boolean
  /** When to report that no transcript came. */
  readonly expectedAt: number | undefined
}

/** The user has stopped: is the turn over? */
export interface Decision {
  readonly id: number
  readonly anchor: number
  readonly commitAt: number
  /** The detector has been asked and has not answered. */
  readonly asking: boolean
}

export interface Pending {
  readonly turn: number
  readonly text: string
}

/** The session ends, and words are still to come. */
export interface LastWords {
  readonly until: number
  /** When the microphone is closed, at the latest. */
  readonly askAt: number
  readonly asked: boolean
  /** Nothing more is waited for. */
  readonly over: boolean
  /** They were said before the session began to drain, and are answered. */
  readonly answers: boolean
}

export interface Pause {
  readonly speech: string
  readonly at: number
  /** The turn that was open: once it is committed, nobody hears the agent. */
  readonly turn: number
  /** When it resumes, once nobody speaks and nothing is open. */
  readonly until: number | undefined
  /** Paused by a commit, not by a voice: resuming it is no false interruption. */
  readonly silent: boolean
}

export interface Speech {
  readonly id: string
  readonly source: "say" | "reply" | "turn"
  readonly protected: boolean
  /**
   * `queued` not begun, `working` silent, `tools` silent and without need of the
   * floor, `ready` with audio at hand, `playing`, `stopping` until it has
   * cleaned up behind itself.
   */
  readonly phase: "queued" | "working" | "tools" | "ready" | "playing" | "stopping"
  /** Since when, having the floor, it has no audio left that was not heard: more is to come. */
  readonly starvedAt?: number | undefined
}

export type Signal =
  | { readonly _tag: "Opened" }
  | { readonly _tag: "Settled" }
  | { readonly _tag: "Tick" }
  | { readonly _tag: "VoiceStarted"; readonly startedAt: number }
  | { readonly _tag: "VoicePaused"; readonly voiceAt: number }
  | { readonly _tag: "VoiceResumed"; readonly voiceAt: number }
  | { readonly _tag: "VoiceEnded"; readonly endedAt: number }
  | { readonly _tag: "Heard"; readonly text: string; readonly final: boolean; readonly endedAt?: number | undefined }
  | { readonly _tag: "EndOfTurn"; readonly decision: number; readonly probability: number }
  | {
    readonly _tag: "Overlap"
    readonly verdict: "backchannel" | "interruption" | "unknown"
    /** The words that were asked about. */
    readonly text: string
  }
  | { readonly _tag: "Typed"; readonly text: string }
  | { readonly _tag: "CommitTurn"; readonly waitMs: number }
  | { readonly _tag: "ClearTurn" }
  | { readonly _tag: "Accepted"; readonly turn: number; readonly text: string; readonly changed: boolean }
  | { readonly _tag: "Declined"; readonly turn: number }
  | { readonly _tag: "Enqueue"; readonly speech: string; readonly source: "say" | "reply"; readonly protected: boolean }
  | { readonly _tag: "Interrupt"; readonly force: boolean; readonly speech?: string | undefined }
  | { readonly _tag: "AudioReady"; readonly speech: string }
  | { readonly _tag: "Starved"; readonly speech: string; readonly starved: boolean }
  | { readonly _tag: "PlayoutEnded"; readonly speech: string; readonly next: "working" | "tools" | "done" }
  | { readonly _tag: "Working"; readonly speech: string; readonly phase: "working" | "tools" }
  | { readonly _tag: "SpeechEnded"; readonly speech: string }
  | {
    readonly _tag: "Failed"
    readonly component: Event.Component
    /** It cannot be mended, and there is no conversation without it. @default false */
    readonly fatal?: boolean | undefined
  }
  | { readonly _tag: "Worked"; readonly component: Event.Component }
  | { readonly _tag: "Tune"; readonly settings: Settings }
  /** The recogniser has given all that it had. */
  | { readonly _tag: "Transcribed" }
  | {
    readonly _tag: "Close"
    readonly drain: boolean
    readonly reason: Event.CloseReason
    /** What is still to be transcribed is not waited for. @default false */
    readonly now?: boolean | undefined
  }

export type Action =
  | { readonly _tag: "Publish"; readonly event: Event.Draft }
  | {
    readonly _tag: "CommitTurn"
    readonly turn: number
    readonly text: string
    readonly source: "voice" | "text" | "manual"
    readonly stoppedAt: number
    readonly finalAt: number
  }
  | { readonly _tag: "StartReply"; readonly speech: string; readonly turn: number }
  | {
    readonly _tag: "Speculate"
    readonly speech: string
    readonly turn: number
    readonly text: string
    readonly tts: boolean
  }
  | { readonly _tag: "Authorize"; readonly speech: string; readonly turn: number }
  | { readonly _tag: "Begin"; readonly speech: string }
  | { readonly _tag: "Play"; readonly speech: string }
  | { readonly _tag: "Pause"; readonly speech: string }
  | { readonly _tag: "Resume"; readonly speech: string }
  | { readonly _tag: "Stop"; readonly speech: string }
  | { readonly _tag: "Refuse"; readonly speech: string }
  | { readonly _tag: "AskDetector"; readonly decision: number; readonly text: string }
  | { readonly _tag: "Judge"; readonly text: string }
  | { readonly _tag: "Finalize" }
  | { readonly _tag: "LastWords" }
  | { readonly _tag: "TurnLimit"; readonly words: number; readonly speechMs: number }
  | { readonly _tag: "Settle" }
  | { readonly _tag: "KeepWords"; readonly turn: number; readonly text: string }
  | {
    readonly _tag: "Escalate"
    readonly component: Event.Component
    readonly cause: Event.Of<"Escalated">["cause"]
    readonly failures: number
    /** Speech to apologise with, where there is one. */
    readonly apology: string | undefined
  }
  | { readonly _tag: "Closing"; readonly drain: boolean; readonly reason: Event.CloseReason }
  | { readonly _tag: "Finish"; readonly reason: Event.CloseReason }
