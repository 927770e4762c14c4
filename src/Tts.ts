/**
 * Text to speech.
 *
 * A `Tts` turns a stream of speakable pieces of text into audio. It starts with
 * the first piece, without waiting for the end of the text. Interrupting the
 * consumer closes the provider's connection.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Audio from "./Audio.ts"
import * as Failure from "./Failure.ts"

/**
 * A stretch of the spoken text and when it sounds, in milliseconds from the
 * first sample of the speech.
 *
 * @category models
 * @since 0.1.0
 */
export const TimedText = Schema.Struct({
  text: Schema.String,
  start: Schema.Finite,
  end: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type TimedText = typeof TimedText.Type

/**
 * A piece of synthesised speech.
 *
 * **Details**
 *
 * Every chunk of one speech has the same rate and channel count. `alignment`
 * lists, in order and without repetition, the stretches of text whose time has
 * become known with this chunk; joined over the speech they give the spoken
 * text. A provider that knows no times leaves it out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  readonly frame: Audio.Frame
  readonly alignment?: ReadonlyArray<TimedText> | undefined
}

/**
 * Options of one speech.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Voice by the provider's name for it. @default the layer's own */
  readonly voice?: string | undefined
}

/**
 * Every way a `Tts` fails.
 *
 * @category errors
 * @since 0.1.0
 */
export class TtsError extends Schema.TaggedError<TtsError>("effect-voice/Tts/TtsError")("TtsError", {
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
 * Service that speaks.
 *
 * **Details**
 *
 * `sampleRate` and `channels` are those of the chunks. `voices` lists the
 * voices by name where the provider has a fixed list. `resilient` says that it
 * already retries and fails over, so that the pipeline must not.
 *
 * @category services
 * @since 0.1.0
 */
export class Tts extends Context.Service<Tts, {
  readonly name: string
  readonly resilient: boolean
  readonly sampleRate: number
  readonly channels: number
  readonly voices: ReadonlyArray<string>
  readonly speak: <E, R>(
    text: Stream.Stream<string, E, R>,
    options?: Options
  ) => Stream.Stream<Chunk, E | TtsError, R>
}>()("effect-voice/Tts") {}
