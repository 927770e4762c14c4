/**
 * What the parts of one running conversation share. Everything in it that changes has one owner,
 * and only the owner writes it. The others call the owner's functions.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Latch from "effect/Latch"
import type * as Event from "../../Event.ts"
import type * as Llm from "../../Llm.ts"
import type * as Room from "../../Room.ts"
import type * as Stt from "../../Stt.ts"
import type * as Text from "../../Text.ts"
import type * as Tools from "../../Tools.ts"
import type * as Tts from "../../Tts.ts"
import * as Turn from "../../Turn.ts"
import type { Store } from "../callState.ts"
import { maskedAll } from "../numbers.ts"
import type { Answering } from "./answering.ts"
import type { Prepared } from "./apology.ts"
import type { Calls } from "./calls.ts"
import type { Conductor } from "./conductor.ts"
import type { CurrentAgent } from "./currentAgent.ts"
import type { SessionHistory } from "./history.ts"
import type { Keys } from "./keys.ts"
import type { Measuring } from "./measuring.ts"
import type { Commands } from "./output.ts"
import type { Outstanding } from "./outstanding.ts"
import type { SessionParticipant } from "./participant.ts"
import type { Speeches } from "./speech.ts"
import type { Spending } from "./spending.ts"
import type { Transfers } from "./transfer.ts"
import type { Tuning } from "./tuning.ts"
import type { TurnAudio } from "./turnAudio.ts"

/** What a committed turn was measured at. */
export interface TurnTimes {
  readonly turn: number
  readonly source: "voice" | "text" | "manual"
  readonly stoppedAt: number
  readonly finalAt: number
  readonly committedAt: number
}

/** The providers of the pipeline, and how those of an agent are made as safe. */
export interface Defaults {
  /** None where the options want none, and then agents have none either. */
  readonly stt: Stt.Stt["Service"] | undefined
  readonly guardStt: (stt: Stt.Stt["Service"]) => Stt.Stt["Service"]
  /** The same in another language, if it can be set to it. */
  readonly sttIn: (language: string) => Stt.Stt["Service"] | undefined
  readonly llm: Llm.Llm["Service"]
  readonly tts: Tts.Tts["Service"]
  readonly guardLlm: (llm: Llm.Llm["Service"]) => Llm.Llm["Service"]
  readonly guardTts: (tts: Tts.Tts["Service"]) => Tts.Tts["Service"]
}

export interface Settings {
  readonly maxToolSteps: number
  readonly minSentence: number | undefined
  readonly syncTranscript: boolean
  /** How long the room may take (ms). */
  readonly roomTimeout: number
  /** Longest wait, in silence, for the next piece of a text (ms). */
  readonly textTimeout: number
  /** Longest time for a hook that nobody waits for (ms). */
  readonly hookTimeout: number
}

export interface Core {
  readonly id: string
  readonly settings: Settings
  readonly publish: (event: Event.Draft) => void
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  /** A name for one more thing of a kind. */
  readonly nextId: (kind: string) => string
  readonly participant: SessionParticipant
  readonly conductor: Conductor
  readonly tuning: Tuning
  readonly agent: CurrentAgent
  readonly history: SessionHistory
  readonly callState: Store
  readonly speeches: Speeches
  readonly measuring: Measuring
  readonly calls: Calls
  readonly keys: Keys
  readonly answering: Answering
  /** What the user has said, as audio, where a model hears. */
  readonly turnAudio: TurnAudio
  readonly outstanding: Outstanding
  readonly runner: Tools.Runner
  readonly output: Room.Output
  readonly commands: Commands
  readonly defaults: Defaults
  readonly transforms: ReadonlyArray<Text.Transform>
  readonly apology: Prepared | undefined
  /** What is said of a reply that has failed. */
  readonly failedReply: Prepared | undefined
  readonly spending: Spending
  readonly transfers: Transfers
  /** Open once the session is coming to its end. */
  readonly leaving: Latch.Latch
}

export const makeIds = (): Core["nextId"] => {
  let ids = 0
  return (kind) => `${kind}-${++ids}`
}

/** Ties the logs and spans of an effect to what they are about. */
export const about =
  (ids: { readonly turn?: number; readonly participant?: string }) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.annotateLogs(maskedAll(ids)), Effect.annotateSpans(maskedAll(ids)))

/** A span of the conversation. Where it was opened is always the same place: no stack is kept. */
export const spanned =
  (name: string, attributes: Record<string, unknown>) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.withSpan(effect, name, { attributes, captureStackTrace: false })

export const signal = (core: Core, value: Turn.Signal): void => core.conductor.dispatch(value)

/** Whether the session goes on: it has not begun to end. */
export const isOpen = (core: Core): boolean => {
  const status = Turn.status(core.conductor.state())
  return status === "open" || status === "starting"
}
