/**
 * What turn-taking knows: the state that `step` advances, and nothing else.
 *
 * It has three sides: what the user does, what the agent does, and what becomes
 * of the session. Every time is milliseconds of the Clock and every length is
 * milliseconds; `undefined` means "not now".
 */
import type * as Event from "../../Event.ts"
import type { SetAside } from "../history/aside.ts"
import type * as Endpointing from "./endpointing.ts"
import type * as Repeated from "./repeated.ts"
import type { Settings } from "./settings.ts"

/**
 * A conversation at one moment. Read it through the getters of this module:
 * what stands inside may change.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly user: User
  readonly agent: Agent
  readonly session: Session
}

interface User {
  /** What `UserStateChanged` said last. */
  readonly state: Event.UserState
  readonly presence: Presence
  /** Their connection is lost, and they may be back: nobody hears the agent. */
  readonly unreachable: boolean
  readonly voice: Voice
  /** What was said in the open turn. */
  readonly words: Words
  /** How much was said in turns since the agent was audible last, or since it was told to be too much: limits count it, too. */
  readonly unheeded: { readonly words: number; readonly speechMs: number }
  /** Number of the open turn, the one that is not committed yet: the first is 1. */
  readonly turn: number
  /** Whether the open turn is over: to be decided, from when the user has stopped until they go on or it is committed. */
  readonly decision: Decision | undefined
  /** Number of the newest question to the turn detector: none of a session has the number of another. */
  readonly question: number
  /** What a detector that listens was asked in this silence. */
  readonly listened: Listened | undefined
  /** Until when `CommitTurn` waits for the transcript of what was said. */
  readonly manualUntil: number | undefined
  /** Number of the committed turn whose hook has not answered yet; the user may be in the next one already. */
  readonly pending: number | undefined
  /** The words of that turn have asked for the floor, as "stop" does. */
  readonly stops: boolean
  /** How many turns in a row nobody was to answer. */
  readonly declined: number
  /** How long a silence must be to end a turn, and what was learned of that. */
  readonly endpointing: Endpointing.State
  /** Up to when all that was said has its final transcript. */
  readonly heardTo: number
  /** When the last final transcript with words came, whatever became of them. */
  readonly worded: number
  /** The answers that the recogniser still owes, in the order in which it was asked. */
  readonly owed: ReadonlyArray<Owed>
  /** Up to when it has said all that there is to say. */
  readonly settledTo: number
  /** When the newest voice that has ended began and ended, in whichever turn. */
  readonly spokenFrom: number
  readonly spokenTo: number
  /** When the user last gave what may be a digit of a number, by voice or key, and nothing else since. */
  readonly digitAt: number | undefined
  /** Signs of listening that wait to be set aside, oldest first. */
  readonly signs: ReadonlyArray<Sign>
  /** They have asked for a moment: until when the agent waits for them. */
  readonly waitsUntil: number | undefined
  /** Words were cleared away at `at`, the last of which sounded at `soundedAt`: a transcript of them is expected, and ignored, until `until`. */
  readonly cleared: { readonly at: number; readonly soundedAt: number; readonly until: number } | undefined
  /** An interim transcript was taken for the final one: that adds only what goes beyond it, until `until`. */
  readonly used: { readonly text: string; readonly at: number; readonly until: number } | undefined
  /** The newest final transcripts, oldest first: they may be told again. */
  readonly told: ReadonlyArray<Repeated.Told>
}

/** What a turn detector that listens was asked in one silence. */
export interface Listened {
  /** How many of its questions are behind it. */
  readonly asked: number
  /** The question that is not answered yet. */
  readonly question: number | undefined
  readonly askedAt: number
  /** What it answered last: whether the user has finished. */
  readonly finished: boolean | undefined
  /** The recogniser was asked for what it has. */
  readonly finalized: boolean
}

/** A voice has ended, or the program has asked. */
export interface Owed {
  readonly askedAt: number
  readonly endedAt: number
  /** There may be words in it: they are waited for. */
  readonly words: boolean
}

interface Agent {
  /** What `AgentStateChanged` said last. */
  readonly state: Event.AgentState
  /** In play order; the first that may play has the floor. */
  readonly speeches: ReadonlyArray<Speech>
  readonly pause: Pause | undefined
  /** The agent has lowered its voice, for the user's may be an interruption. */
  readonly ducked: Ducked | undefined
  /** Until when a reply that is not heard yet is held back, unless a decision comes first. */
  readonly holdUntil: number | undefined
  /** Since when the agent is silent between two things that it says, so far only for a breath. */
  readonly silentSince: number | undefined
  /** A reply in the making to the words of a turn that is not committed yet. */
  readonly guess: { readonly speech: string; readonly text: string } | undefined
  /** Until when what is heard may be the agent's own echo. */
  readonly warmUpUntil: number | undefined
  /** What it was heard saying lately. */
  readonly said: Said
  /** Interrupted in this very moment: what follows at once decides which state is told. */
  readonly hushed: boolean
  /** Since when it has been nobody's turn. */
  readonly calmSince: number | undefined
  /** Something is to be told that came after its reply: when it was calm for so long (ms), and since when. */
  readonly untold: { readonly calm: number; readonly since: number; readonly awaited: boolean } | undefined
  /** When it last began to say something, but for what fills a silence. */
  readonly spokeAt: number
  /** Since when the user has waited in silence for something that is to come. */
  readonly owedSince: number | undefined
  /** The newest filler: when, and in which open turn. */
  readonly filled: { readonly at: number; readonly turn: number } | undefined
}

interface Session {
  readonly settings: Settings
  readonly ears: Ears & { readonly delay: number }
  readonly status: SessionStatus
  readonly lastWords: LastWords | undefined
  /** How long the end waits for a transcript that is owed. */
  readonly patience: number
  /** Words that the end has kept as an interim transcript: the final one adds only what goes beyond them. */
  readonly keptInterim: string
  readonly failures: Failures
  /** Whether there is anything to say when the session gives up. */
  readonly apology: boolean
  /** How much silence the user is owed no longer, and how far apart it is filled (ms); `undefined`: never. */
  readonly filler: { readonly after: number; readonly apart: number } | undefined
}

/**
 * What the components can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ears {
  /** There is a recogniser: without one nothing waits for words. */
  readonly stt: boolean
  /** It tells what it hears while one speaks. */
  readonly interims: boolean
  /** It tells when turns end: with `detection: "stt"` it alone decides. @default false */
  readonly turns?: boolean | undefined
  /** There is a turn detector: `AskDetector` is answered by `EndOfTurn`. */
  readonly detector: boolean
  /** It listens to the audio: it is asked in every pause, with or without words. @default false */
  readonly listens?: boolean | undefined
  /** There is a judge of what is said over the agent: `Judge` is answered by `Overlap`. */
  readonly judge: boolean
  /** From `Finalize` to the answer, as the recogniser takes it (ms); `Measured` tells it anew. @default 500 */
  readonly delay?: number | undefined
}

// The user.

/** Whether anybody seems to be there. */
export type Presence =
  /** Somebody speaks or works, or the session is not open. */
  | { readonly _tag: "Present" }
  /** Both are silent. */
  | { readonly _tag: "Idle"; readonly awayAt: number }
  /** Both have been silent for too long; at `againAt` they have been so once more, `undefined` while the agent speaks or works. */
  | { readonly _tag: "Away"; readonly againAt: number | undefined; readonly times: number }

/** The user's voice, by what the voice detector says of it. */
export type Voice =
  | { readonly _tag: "Silent" }
  | Sounding
  /** Silent for so short a time that the voice has not ended. */
  | Paused

interface Speaking {
  readonly startedAt: number
  /** Up to when its audio has come; `undefined` where nobody tells, and the Clock counts. */
  readonly heardTo: number | undefined
  /** It is much fainter than the user's own: it interrupts nothing. */
  readonly faint: boolean
  /** How long it has sounded, but for what has sounded since the last pause. */
  readonly soundedMs: number
  /** What was said in it is a sign of listening: it pauses and holds nothing. */
  readonly dismissed: boolean
  /** What was said in it is committed: until more is heard, nothing waits for it. */
  readonly committed: boolean
}

export interface Sounding extends Speaking {
  readonly _tag: "Sounding"
  /** Since when, without a pause. */
  readonly since: number
}

export interface Paused extends Speaking {
  readonly _tag: "Paused"
  readonly pausedAt: number
}

/** What was said in the open turn. */
export interface Words {
  /** Transcripts that will not change. */
  readonly finals: ReadonlyArray<string>
  /** What is being said, as far as it is understood; "" if nothing is. */
  readonly interim: string
  /** When the voice of its first words began, or its first transcript came. */
  readonly startedAt: number | undefined
  /** When the newest of its voices began, or the newest words of which no voice was heard came. */
  readonly newestAt: number | undefined
  /** When the voice of its last words ended. */
  readonly stoppedAt: number | undefined
  /** Their language, as the last transcript told it; `undefined` for that of the settings. */
  readonly language: string | undefined
  /** When the last transcript with words came, interim or final. */
  readonly heardAt: number | undefined
  /** When the last final transcript came. */
  readonly finalAt: number | undefined
  /** Length of the voices that have ended. */
  readonly speechMs: number
  /** When it is told that no transcript has come. */
  readonly expectedAt: number | undefined
  /** The recogniser has found signs in it, and no word; or that it finds no word was told. */
  readonly empty: "wordless" | "told" | undefined
  /** That it is too long was told. */
  readonly limited: boolean
  /** How many guesses at a reply were made. */
  readonly guesses: number

  /** Said over an agent that was heard, and that did not fall silent within a second of it. */
  readonly overlap: boolean
  /** For how long that agent has been paused since their voice began. */
  readonly pausedMs: number
  /**
   * How many of the finals were too few to take the floor: these alone open no
   * decision until the agent falls silent, however late that is.
   */
  readonly short: number
  /** They ask for the floor by what they are, or answer a question: however few, they are a turn. */
  readonly cutIn: boolean
}

/** Why words are no turn. */
export type AsideReason = SetAside

/** Words that are a sign of listening, unless what the agent does next makes them an answer. */
export interface Sign {
  readonly text: string
  readonly reason: AsideReason
  readonly startedAt: number
  readonly endedAt: number
  /** For how long the agent was paused since. */
  readonly pausedMs: number
  /** When they are a turn, if nobody takes the floor; `undefined` while the agent is heard. */
  readonly turnAt: number | undefined
}

/** The user has stopped: is the turn over? */
export type Decision =
  /** The turn detector has been asked: without an answer the turn is committed at `commitAt`. */
  | { readonly _tag: "Asking"; readonly question: number; readonly stoppedAt: number; readonly commitAt: number }
  /** Silence until `commitAt` is enough. */
  | { readonly _tag: "Waiting"; readonly commitAt: number }

// The agent.

/** Something that the agent says, from when it is wanted until it has cleaned up behind itself. */
export type Speech =
  /** Not begun. */
  | (Named & { readonly phase: "queued" })
  /** Thinks, and needs the floor next. */
  | (Named & { readonly phase: "working" })
  /** Its tools run: it is silent, and who comes behind may have the floor. */
  | (Named & { readonly phase: "tools" })
  /** Has audio at hand, and waits for the floor. */
  | (Named & { readonly phase: "ready" })
  | Playing
  /** Is over, but for its cleaning up. */
  | (Named & { readonly phase: "stopping" })

interface Named {
  readonly id: string
  /** Who wanted it: the program (`say`, `reply`), or a turn that the user has taken. */
  readonly source: "say" | "reply" | "turn"
  /** Only force interrupts it. */
  readonly protected: boolean
  /** It is protected for a moment only, because it cuts in: until when, once it is audible. */
  readonly shield: { readonly until: number | undefined } | undefined
  /** Where it goes: before all else, before the reply to the open turn, or to the end of the line. */
  readonly when: When
  readonly askedAt: number
  /** Worth nothing if it is not audible by then. */
  readonly expiresAt: number | undefined
  /** Fills a silence, or says that a reply has failed: any new turn makes it pointless. */
  readonly passing: boolean
  /** It has been audible. */
  readonly begun: boolean
  /** A turn was committed that it is no answer to: it is gone once that is accepted. */
  readonly overtaken: boolean
}

/** Where a speech goes: see `Session.SayOptions`. */
export type When = "now" | "withReply" | "idle"

/** Has the floor: audible, unless it is paused. */
export interface Playing extends Named {
  readonly phase: "playing"
  /** Since when. */
  readonly since: number
  /** Since when all its audio was heard, and more is to come. */
  readonly starvedAt: number | undefined
}

/** A speech whose voice is lowered: until when, unless the user goes on; `undefined` while they do. */
export interface Ducked {
  readonly speech: string
  readonly until: number | undefined
}

/** The agent was silenced, and may have been so for nothing. */
export type Pause =
  /** The user's voice or words have paused it: what they say decides. */
  | (Hushed & {
    readonly _tag: "Interrupted"
    /** The turn that was open: once that is committed nobody hears the agent. */
    readonly turn: number
  })
  /** They have ended it, for resuming is off: all that is open is whether it was for nothing. */
  | (Hushed & { readonly _tag: "CutShort"; readonly turn: number })
  /** A committed turn has paused it: it goes on once it is declined, at `until`. */
  | (Hushed & { readonly _tag: "Yielded" })

interface Hushed {
  readonly speech: string
  readonly at: number
  /** When it was for nothing, once nobody speaks and nothing is open; `undefined` while that is not to be said yet. */
  readonly until: number | undefined
}

/** What the agent was heard saying lately, oldest first. */
export interface Said {
  /** Its words, and when each began to sound. */
  readonly words: ReadonlyArray<{ readonly text: string; readonly at: number }>
  /** The sentence that is being said, as far as it is heard. */
  readonly sentence: string
  /** Each question, and when it was heard to its end. */
  readonly questions: ReadonlyArray<{ readonly text: string; readonly at: number }>
  /** When anybody heard it. */
  readonly stretches: ReadonlyArray<{ readonly from: number; readonly to: number | undefined }>
}

// The session.

/** How far the session is. */
export type SessionStatus =
  /** Nobody is there yet: what is wanted is queued, and no timer runs. */
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Open" }
  /** It says what waits, answers what was said before, and ends. */
  | { readonly _tag: "Draining"; readonly reason: Event.CloseReason }
  | { readonly _tag: "Closed"; readonly reason: Event.CloseReason }

/** The session ends, and words may still come. */
export type LastWords =
  | {
    readonly _tag: "Waiting"
    readonly until: number
    /** When the recogniser is told that no more audio comes; `undefined` once it knows. */
    readonly askAt: number | undefined
    /** They were said before the session began to drain, and are answered. */
    readonly answers: boolean
  }
  /** Nothing more is waited for. */
  | { readonly _tag: "Over"; readonly answers: boolean }

/** What has failed, and was not mended. */
export interface Failures {
  /** How often each component, since it last worked. */
  readonly inARow: Readonly<Partial<Record<Event.Component, number>>>
  /** When, of each kind, as far back as it counts. */
  readonly recent: Readonly<Partial<Record<FailureKind, ReadonlyArray<number>>>>
}

/** Components whose failures are counted together over a time: what a call cannot do without counts alone. */
export type FailureKind = "stt" | "llm" | "tts" | "room" | "others"
