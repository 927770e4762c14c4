/**
 * Audio without samples: frames of length zero that carry what is happening at
 * the microphone, so that a conversation in a test needs only a handful of them.
 */
import * as Duration from "effect/Duration"
import type * as Audio from "../Audio.ts"

/**
 * A transcript that a recogniser gives at a time of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimedTranscript {
  /** From the start of the voice. */
  readonly at: Duration.Input
  readonly text: string
  /** @default true */
  readonly final?: boolean | undefined
  /** Where its words lie in the audio, from the start of the voice. @default told where the recogniser tells `times` */
  readonly start?: Duration.Input | undefined
  readonly end?: Duration.Input | undefined
}

/**
 * How one utterance is heard, where it differs from what the layers do of
 * themselves.
 *
 * @category options
 * @since 0.1.0
 */
export interface Hearing {
  /** What the recogniser makes of it; `""` is an empty final transcript. @default the text itself */
  readonly heard?: string | undefined
  /** From the end of the voice to the final transcript; below zero it comes before the end. @default that of the recogniser */
  readonly finalDelay?: Duration.Input | undefined
  /** The transcripts one by one, instead of what the recogniser would give. */
  readonly transcripts?: ReadonlyArray<TimedTranscript> | undefined
  /** 0 to 1. @default that of the recogniser */
  readonly confidence?: number | undefined
  /** @default that of the recogniser */
  readonly language?: string | undefined
}

/**
 * One stretch of voice.
 *
 * @category models
 * @since 0.1.0
 */
export interface Utterance extends Hearing {
  /** What is said; `""` is a noise that no recogniser makes words of. */
  readonly text: string
  /** Length in milliseconds. */
  readonly ms: number
}

/**
 * What happens at a microphone.
 *
 * **Details**
 *
 * - `VoiceStarted`: from this frame on there is voice.
 * - `VoiceStopped`: there is none any more; `said` are the words that were
 *   complete by then.
 * - `Muted`: no more audio comes; the voice may go on.
 * - `Moment`: nothing has changed, but time has passed.
 *
 * `remind` asks the microphone for a `Moment` at a stream time (ms).
 *
 * @category models
 * @since 0.1.0
 */
export type Mark =
  | {
    readonly _tag: "VoiceStarted"
    readonly utterance: Utterance
    readonly remind?: ((at: number) => void) | undefined
  }
  | {
    readonly _tag: "VoiceStopped"
    readonly said: string
    readonly remind?: ((at: number) => void) | undefined
  }
  | { readonly _tag: "Muted"; readonly said: string }
  | { readonly _tag: "Moment" }

/**
 * A frame without samples that carries a mark. `at` is stream time in
 * milliseconds, as in every frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface MarkedFrame extends Audio.Frame {
  readonly at: number
  readonly mark: Mark
}

/** By the array of samples: whoever copies a frame on the way to a provider keeps that. */
const marks = new WeakMap<Int16Array, MarkedFrame>()

/**
 * Makes a frame that carries a mark, in the format that speech models want.
 *
 * @category constructors
 * @since 0.1.0
 */
export const marked = (at: number, mark: Mark): MarkedFrame => {
  const frame: MarkedFrame = { samples: new Int16Array(0), sampleRate: 16_000, channels: 1, at, mark }
  marks.set(frame.samples, frame)
  return frame
}

/**
 * The frame that was marked, where this is one or a copy of one.
 *
 * @category getters
 * @since 0.1.0
 */
export const markedFrom = (frame: Audio.Frame): MarkedFrame | undefined =>
  frame.samples.length === 0 ? marks.get(frame.samples) : undefined

/** Milliseconds of an option. */
export const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))
