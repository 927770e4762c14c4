/**
 * Voice activity detection.
 *
 * A `Vad` turns audio into speech boundaries. Each detector owns its own model
 * state, so many rooms share one service. Interrupting the consumer, or closing
 * the detector's scope, frees that state.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Audio from "./Audio.ts"

/**
 * The audio of one utterance, with the padding before its start.
 *
 * **Details**
 *
 * `at` is the stream time of the first sample (ms). `truncated` says that the
 * speech was longer than `maxBufferedSpeech`, so that its end is missing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Speech {
  readonly frame: Audio.Frame
  readonly at: number
  readonly truncated: boolean
}

/**
 * What a detector reports. All times are stream time in milliseconds.
 *
 * **Details**
 *
 * Grammar: `(SpeechStarted (VoicePaused VoiceResumed)* VoicePaused? SpeechEnded)*`.
 * Every `SpeechStarted` is followed by exactly one `SpeechEnded`, also when the
 * audio ends in mid-speech.
 *
 * - `SpeechStarted`: speech has lasted `minSpeech`. `at` is where the voice
 *   began; `padding` is the audio kept from before that moment up to now.
 * - `VoicePaused` / `VoiceResumed`: the voice stopped, or came back, inside one
 *   speech, at `at`. Reported at once, so that the length of voiced audio is
 *   known without waiting for `minSilence`.
 * - `SpeechEnded`: silence has lasted `minSilence`. `at` is where the voice
 *   stopped; `speech` is its audio with `prefixPadding`.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "SpeechStarted"; readonly at: number; readonly padding: Audio.Frame }
  | { readonly _tag: "VoicePaused"; readonly at: number }
  | { readonly _tag: "VoiceResumed"; readonly at: number }
  | { readonly _tag: "SpeechEnded"; readonly at: number; readonly startedAt: number; readonly speech: Speech }

/**
 * The model could not be loaded.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelUnavailable
  extends Schema.TaggedError<ModelUnavailable>("effect-voice/Vad/ModelUnavailable")("ModelUnavailable", {
    path: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `No voice activity model at ${this.path}: ${this.detail}`
  }
}

/**
 * The model failed on a window.
 *
 * @category errors
 * @since 0.1.0
 */
export class InferenceFailed
  extends Schema.TaggedError<InferenceFailed>("effect-voice/Vad/InferenceFailed")("InferenceFailed", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The voice activity model failed: ${this.detail}`
  }
}

/**
 * An option has a value that the detector cannot work with.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption
  extends Schema.TaggedError<InvalidOption>("effect-voice/Vad/InvalidOption")("InvalidOption", {
    option: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `${this.option}: ${this.detail}`
  }
}

/**
 * Every way a `Vad` fails.
 *
 * @category errors
 * @since 0.1.0
 */
export class VadError extends Schema.TaggedError<VadError>("effect-voice/Vad/VadError")("VadError", {
  reason: Schema.Union([ModelUnavailable, InferenceFailed, InvalidOption])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * Tuning of one detector.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Probability (0–1) at which a window counts as voice. @default 0.5 */
  readonly activation?: number | undefined
  /** Probability (0–1, not above `activation`) below which a voiced stream becomes quiet. @default 0.35 */
  readonly deactivation?: number | undefined
  /** Voice needed before speech is reported. @default "50 millis" */
  readonly minSpeech?: Duration.Input | undefined
  /** Silence that ends speech. @default "500 millis" */
  readonly minSilence?: Duration.Input | undefined
  /** Audio kept from before the start of speech. @default "500 millis" */
  readonly prefixPadding?: Duration.Input | undefined
  /** Longest audio kept for one speech. @default "60 seconds" */
  readonly maxBufferedSpeech?: Duration.Input | undefined
}

/**
 * Boundary detection over one stream of audio.
 *
 * **Details**
 *
 * `push` takes frames of any rate, channel count and length, in order, and
 * gives the boundaries that they complete. `end` closes a speech that is still
 * going; the detector may be pushed to again afterwards (a muted microphone).
 *
 * @category models
 * @since 0.1.0
 */
export interface Detector {
  readonly push: (frames: ReadonlyArray<Audio.Frame>) => Effect.Effect<ReadonlyArray<Event>, VadError>
  readonly end: Effect.Effect<ReadonlyArray<Event>, VadError>
}

/**
 * Service that finds speech in audio.
 *
 * **Details**
 *
 * `detector` fails with `InvalidOption` before it allocates anything. `detect`
 * is the same as a stream.
 *
 * @category services
 * @since 0.1.0
 */
export class Vad extends Context.Service<Vad, {
  readonly name: string
  readonly detector: (options?: Options) => Effect.Effect<Detector, VadError, Scope.Scope>
  readonly detect: <E, R>(
    audio: Stream.Stream<Audio.Frame, E, R>,
    options?: Options
  ) => Stream.Stream<Event, E | VadError, R>
}>()("effect-voice/Vad") {}
