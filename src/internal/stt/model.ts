/** What speech to text is made of, as `Stt` shows it. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"

/**
 * One word with its time in the stream of audio (ms from its first sample).
 *
 * @category models
 * @since 0.1.0
 */
export const Word = Schema.Struct({
  text: Schema.String,
  start: Schema.Finite,
  end: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Word = typeof Word.Type

/**
 * A transcript of speech.
 *
 * **Details**
 *
 * An interim transcript (`final: false`) replaces the interim before it and is replaced by the
 * final one; a final transcript never changes. A final transcript without text says that the audio
 * up to its `end`, or else up to the first `Finalize` without an answer, had no more words. `start`
 * and `end` are milliseconds from the first sample of the audio; `confidence` lies between 0 and 1.
 * Each is absent if the provider does not give it.
 *
 * A provider that detects turns reports in `turn` what happened to the user's turn. `started`: it
 * began. `eager`: it may be over, with these words. `resumed`: it goes on after all. `ended`: it is
 * over, with this final transcript.
 *
 * @category models
 * @since 0.1.0
 */
export const Transcript = Schema.Struct({
  text: Schema.String,
  final: Schema.Boolean,
  start: Schema.optionalKey(Schema.Finite),
  end: Schema.optionalKey(Schema.Finite),
  words: Schema.optionalKey(Schema.Array(Word)),
  confidence: Schema.optionalKey(Schema.Finite),
  language: Schema.optionalKey(Schema.String),
  turn: Schema.optionalKey(Schema.Literals(["started", "eager", "resumed", "ended"]))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Transcript = typeof Transcript.Type

/**
 * A mark in the audio: the speaker has stopped, so transcribe the audio up to here now. The answer
 * is a final transcript; it has no text if there were no more words.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finalize {
  readonly _tag: "Finalize"
}

/**
 * The mark that asks for the final transcript of what was sent so far.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Finalize: Finalize = { _tag: "Finalize" }

/**
 * The input of a recogniser: audio, with a `Finalize` mark at each end of speech.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Audio.Frame | Finalize

/**
 * The error of an `Stt`.
 *
 * @category errors
 * @since 0.1.0
 */
export class SttError extends Schema.TaggedError<SttError>("effect-voice/Stt/SttError")("SttError", {
  provider: Schema.String,
  reason: Failure.Reason
}) {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `${this.provider}: ${this.reason.message}`
  }
}

/**
 * Which audio a recogniser gets.
 *
 * **Details**
 *
 * - `all`: the audio as it comes, silence included.
 * - `speech`: only speech, with its padding, as the pipeline's detector finds it. Recognisers of
 *   single pieces invent words in silence, and cost money for it.
 * - `each`: several in one, which want different things; told by `fallback`.
 *
 * @category models
 * @since 0.1.0
 */
export type Wants = "all" | "speech" | "each"

/**
 * The functions and facts of an `Stt`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly name: string
  readonly model?: string | undefined
  readonly interims: boolean
  readonly resilient: boolean
  readonly wants?: Wants | undefined
  readonly oneShot?: boolean | undefined
  readonly language?: string | undefined
  readonly turns?: boolean | undefined
  readonly prewarm?: Effect.Effect<void, SttError> | undefined
  readonly withLanguage?: ((language: string) => Service) | undefined
  readonly transcribe: <E, R>(audio: Stream.Stream<Input, E, R>) => Stream.Stream<Transcript, E | SttError, R>
}

/**
 * The result of recognising one piece of speech. Times are milliseconds from the first sample of
 * the piece.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recognition {
  readonly text: string
  readonly confidence?: number | undefined
  readonly words?: ReadonlyArray<Word> | undefined
  readonly language?: string | undefined
}
