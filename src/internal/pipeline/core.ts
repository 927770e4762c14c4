/** What the parts of one running conversation share. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Latch from "effect/Latch"
import type * as Semaphore from "effect/Semaphore"
import type * as Agent from "../../Agent.ts"
import type * as Event from "../../Event.ts"
import type * as History from "../../History.ts"
import type * as Llm from "../../Llm.ts"
import type * as Room from "../../Room.ts"
import type * as Session from "../../Session.ts"
import type * as Text from "../../Text.ts"
import type * as Tools from "../../Tools.ts"
import type * as Tts from "../../Tts.ts"
import type * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import type { Apology } from "./apology.ts"
import type { Running } from "./calls.ts"
import type { Conductor } from "./conductor.ts"
import type { Job } from "./job.ts"
import type { Spending } from "./spending.ts"

/** An agent with everything that it requires already given. */
export interface Persona extends Agent.Hooks {
  readonly name: string
  readonly instructions: string
  readonly voice: string | undefined
  readonly llm: Llm.Llm["Service"]
  readonly tts: Tts.Tts["Service"]
  /** What it says of these; the rest is the pipeline's. */
  readonly turn: Turn.Options | undefined
  readonly vad: Vad.Options | undefined
}

/** What a committed turn was measured at. */
export interface TurnTimes {
  readonly turn: number
  readonly source: "voice" | "text" | "manual"
  readonly stoppedAt: number
  readonly finalAt: number
  readonly committedAt: number
}

export interface Core {
  readonly id: string
  readonly conductor: Conductor
  readonly output: Room.Output
  readonly publish: (event: Event.Draft) => void
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly session: Session.Session["Service"]
  readonly settings: Settings
  readonly runner: Tools.Runner
  readonly defaults: Defaults
  readonly transforms: ReadonlyArray<Text.Transform>
  readonly apology: Apology | undefined
  readonly spending: Spending
  readonly jobs: Map<string, Job>
  /** Open once the session is coming to its end. */
  readonly leaving: Latch.Latch
  /** Steps whose tools are running, whatever has become of their speech. */
  readonly acts: Set<Fiber.Fiber<unknown>>
  history: History.History
  /** As they were given, for those that an update leaves out. */
  turnOptions: Turn.Options
  persona: Persona
  tools: Tools.Set<Session.Session>
  /** Text that was looked up for the turn that is replied to. */
  context: string | undefined
  ids: number
  /** How often the agent has changed. */
  handoffs: number
  stamped: number
  /** An agent has entered: the participant is there. */
  entered: boolean
  /** Who has had its `onExit` already. */
  left: Persona["onExit"]
  /** Lets what is said to the output arrive in the order in which it was said. */
  readonly speaker: Semaphore.Semaphore
  /** The calls without an output, by their ids. */
  readonly calls: Map<string, Running>
  /** The last that was said to the output is that it shall pause. */
  paused: boolean
}

/** The providers of the pipeline, and how those of an agent are made as safe. */
export interface Defaults {
  readonly llm: Llm.Llm["Service"]
  readonly tts: Tts.Tts["Service"]
  readonly guardLlm: (llm: Llm.Llm["Service"]) => Llm.Llm["Service"]
  readonly guardTts: (tts: Tts.Tts["Service"]) => Tts.Tts["Service"]
}

export interface Settings {
  readonly maxToolSteps: number
  readonly minSentence: number
  readonly syncTranscript: boolean
  /** How long the room may take (ms). */
  readonly roomTimeout: number
  /** Longest time for a hook that nobody waits for (ms). */
  readonly hookTimeout: number
}

// Between two things of the same millisecond, so that the history keeps their order.
const tick = 1 / 1024

/** The time for the next item of the history: the Clock's, later than any before it. */
export const stamp = (core: Core): number => {
  const now = core.conductor.now()
  core.stamped = now > core.stamped ? now : core.stamped + tick
  return core.stamped
}

/** When the newest item of a history was made: what is said from now on comes after it. */
export const latest = (history: History.History): number =>
  history.items.reduce((newest, { createdAt }) => Math.max(newest, createdAt), 0)

export const nextId = (core: Core, kind: string): string => `${kind}-${++core.ids}`

/** Ties the logs and spans of an effect to what they are about. */
export const about =
  (ids: { readonly turn?: number; readonly participant?: string }) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.annotateLogs(ids), Effect.annotateSpans(ids))

/** A span of the conversation. Where it was opened is always the same place: no stack is kept. */
export const spanned =
  (name: string, attributes: Record<string, unknown>) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.withSpan(effect, name, { attributes, captureStackTrace: false })

export const signal = (core: Core, value: Turn.Signal): void => core.conductor.dispatch(value)
