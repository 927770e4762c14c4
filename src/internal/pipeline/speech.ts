/** One speech of the agent while it is being made: what was asked, what was heard. */
import * as Deferred from "effect/Deferred"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type * as Audio from "../../Audio.ts"
import type * as Event from "../../Event.ts"
import type * as History from "../../History.ts"
import type { Heard, ReplyOptions, Session } from "../../Session.ts"
import type * as Tools from "../../Tools.ts"
import type { BoundAgent } from "./boundAgent.ts"
import type { Core, TurnTimes } from "./core.ts"
import type { LineOutput } from "./lineOutput.ts"
import { makeMilestones, type Milestones } from "./milestones.ts"
import type { Utterance } from "./utterance.ts"

/** What a reply was made from. */
export interface Basis {
  readonly history: History.History
  readonly agent: BoundAgent
  readonly tools: Tools.Set<Session>
}

/** Steps in which the model may still call tools, without the caller having said anything. */
export interface Steps {
  left: number
}

export interface Speech {
  readonly id: string
  readonly source: "say" | "reply" | "turn"
  readonly options: ReplyOptions
  /** What to say; a reply asks the model instead. */
  readonly text: string | Stream.Stream<string> | undefined
  /** The audio of the text, where it is at hand: the synthesiser is not asked. */
  readonly clip: ReadonlyArray<Audio.Frame> | undefined
  /** The user's words that a guess answers, before they are in the history. */
  readonly guess: string | undefined
  /** Open once the reply is wanted; a guess waits here. */
  readonly authorized: Latch.Latch
  /** Whether a guess may be synthesised before it is authorised. */
  readonly ahead: boolean
  /** What a guess was made from. */
  readonly basis: Basis | undefined
  /** What a guess has thought of: placed in the history when it is authorised. */
  readonly early: Array<{ createdAt: number }>
  /** Opened for each stretch of audio that gets the floor. */
  readonly floor: Latch.Latch
  readonly result: Deferred.Deferred<Heard>
  /** Open once one of its tools waits for the end of the session. */
  readonly attending: Latch.Latch
  /** Open once one of its tools performs a task: it says nothing more. */
  readonly parted: Latch.Latch
  readonly milestones: Milestones
  readonly steps: Steps
  /** It tells what came after its reply. */
  readonly announces: boolean
  /** Calls of which the model was shown a result that the caller has not been told. */
  readonly shows: Set<string>
  /** Those of them that it has told, as far as anybody can know: the model had them before it when it wrote what is said. */
  readonly tells: Set<string>
  turn: TurnTimes | undefined
  /** The turn that is measured by it, with what was done for that before it. */
  measures: { readonly times: TurnTimes; readonly before?: Milestones | undefined } | undefined
  /** The speech whose tool has asked for it. */
  readonly askedBy: string | undefined
  /** What its tools have asked for and was heard first. */
  answeredBy: Speech | undefined
  /** It fills a silence, and answers nothing. */
  readonly passing: boolean
  /** Why nothing, or not all, of it is heard. */
  reason: Event.SpeechReason | undefined
  /** Speeches that its tools wait for. */
  readonly awaits: Set<string>
  /** What was written of what it was given to say. */
  recited: Utterance | undefined
  /** Where its first message stands in the history (ms of the Clock). */
  createdAt: number
  outcome: Heard["outcome"]
  /** What it says at the time, and the output as that uses it. */
  saying: { readonly utterance: Utterance; readonly output: LineOutput } | undefined
  /** It has the floor and has not told yet how far it was heard. */
  playing: boolean
  /** Tells of what plays that the output fell silent at a position (ms), if that is known. */
  tellHeard: ((played: number | undefined, interrupted: boolean) => void) | undefined
  span: Tracer.Span | undefined
  /** Its end has been told. */
  finished: boolean
  /** Nothing more will be thought of; what there is may still be spoken. */
  thought: boolean
  /** Its tools are running. */
  acting: boolean
  /** Ids of the calls of its present step. */
  calls: ReadonlyArray<string>
  /** Lines that have text and were not heard to their end yet. */
  lines: number
  /** What the model writes, or has written, and nobody has heard the beginning of. */
  readonly unheard: Set<Utterance>
  heard: string
  playedMs: number
  fiber: Fiber.Fiber<void> | undefined
  /** Plays its lines: interrupted first, so that silence waits for no provider. */
  playout: Fiber.Fiber<void> | undefined
}

export const makeSpeech = (options: {
  readonly id: string
  readonly source: Speech["source"]
  readonly now: number
  readonly options?: ReplyOptions | undefined
  readonly text?: string | Stream.Stream<string> | undefined
  readonly clip?: ReadonlyArray<Audio.Frame> | undefined
  readonly guess?: { readonly text: string; readonly tts: boolean } | undefined
  readonly basis?: Basis | undefined
  readonly turn?: TurnTimes | undefined
  readonly steps: Steps
  readonly announces?: boolean | undefined
  readonly askedBy?: string | undefined
  readonly passing?: boolean | undefined
}): Speech => ({
  id: options.id,
  source: options.source,
  options: options.options ?? {},
  text: options.text,
  clip: options.clip,
  guess: options.guess?.text,
  authorized: Latch.makeUnsafe(options.guess === undefined),
  ahead: options.guess?.tts ?? true,
  basis: options.basis,
  early: [],
  floor: Latch.makeUnsafe(false),
  result: Deferred.makeUnsafe(),
  attending: Latch.makeUnsafe(false),
  parted: Latch.makeUnsafe(false),
  milestones: makeMilestones(),
  steps: options.steps,
  announces: options.announces === true,
  shows: new Set(),
  tells: new Set(),
  turn: options.turn,
  measures: options.turn === undefined ? undefined : { times: options.turn },
  askedBy: options.askedBy,
  answeredBy: undefined,
  passing: options.passing === true,
  reason: undefined,
  awaits: new Set(),
  recited: undefined,
  createdAt: options.now,
  outcome: "completed",
  saying: undefined,
  playing: false,
  tellHeard: undefined,
  span: undefined,
  finished: false,
  thought: false,
  acting: false,
  calls: [],
  lines: 0,
  unheard: new Set(),
  heard: "",
  playedMs: 0,
  fiber: undefined,
  playout: undefined
})

/** What a new turn, or the program, gives. */
export const newSteps = (core: Core): Steps => ({ left: core.settings.maxToolSteps })

/** What a reply would be made from now. */
export const basisOf = (core: Core): Basis => ({
  history: core.history.current(),
  agent: core.agent.bound(),
  tools: core.agent.tools()
})

/** Whether a reply would be the same if it were made now. */
export const isCurrent = (core: Core, basis: Basis): boolean =>
  basis.history === core.history.current() && basis.agent === core.agent.bound() &&
  basis.tools === core.agent.tools()

/** The speeches that are to be made, or are being made, by their ids. Nobody else writes this. */
export interface Speeches {
  readonly get: (id: string) => Speech | undefined
  readonly all: () => ReadonlyArray<Speech>
  readonly add: (speech: Speech) => void
  readonly remove: (speech: Speech) => void
}

export const makeSpeeches = (): Speeches => {
  const speeches = new Map<string, Speech>()
  return {
    get: (id) => speeches.get(id),
    all: () => [...speeches.values()],
    add: (speech) => void speeches.set(speech.id, speech),
    remove: (speech) => void speeches.delete(speech.id)
  }
}
