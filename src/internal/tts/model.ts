/** What text to speech is made of, as `Tts` shows it. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"

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
 * text. A conversation puts what does not upon that text. A provider that knows
 * no times leaves it out.
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
  /** Rate of speech, 1 is the voice's own; left out by a provider that has none. @default the layer's own */
  readonly speed?: number | undefined
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
 * What a `Tts` is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly name: string
  readonly model?: string | undefined
  readonly resilient: boolean
  readonly prewarm?: Effect.Effect<void, TtsError> | undefined
  readonly sampleRate: number
  readonly channels: number
  readonly voices: ReadonlyArray<string>
  readonly speak: <E, R>(
    text: Stream.Stream<string, E, R>,
    options?: Options
  ) => Stream.Stream<Chunk, E | TtsError, R>
}

/**
 * Where cached speech is kept beside the memory. It never fails: what cannot be
 * read is `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheStore {
  readonly get: (key: string) => Effect.Effect<ReadonlyArray<Chunk> | undefined>
  readonly set: (key: string, speech: ReadonlyArray<Chunk>) => Effect.Effect<void>
}

/**
 * Options of a cache of speech.
 *
 * @category options
 * @since 0.1.0
 */
export interface CacheOptions {
  /** Most bytes of audio in memory; what was not used for the longest goes first. @default 33554432 */
  readonly maxBytes?: number | undefined
  /** Which sentences are kept; they come without white space around them. @default those of at most 200 characters */
  readonly accepts?: ((text: string) => boolean) | undefined
  /** Keeps speech beyond the process, see `fileStore`. @default none */
  readonly store?: CacheStore | undefined
}

/**
 * Where speech is kept beyond the process, and how much of it.
 *
 * @category options
 * @since 0.1.0
 */
export interface StoreOptions {
  readonly path: string
  readonly variant: string
  /** Most bytes of all files; what was not used for the longest goes first. @default 268435456 */
  readonly maxBytes?: number | undefined
}

/**
 * What a cache has done and holds: `bytes` of audio of `entries` sentences.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cache {
  readonly cache: Effect.Effect<{
    readonly hits: number
    readonly misses: number
    readonly entries: number
    readonly bytes: number
  }>
}

/**
 * One of the voices of `voices`: a service, and its own name for the voice
 * where it has several.
 *
 * @category options
 * @since 0.1.0
 */
export type Voice = Service | { readonly tts: Service; readonly voice: string }
