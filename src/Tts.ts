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
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "./Audio.ts"
import { fields as formats } from "./internal/audio/options.ts"
import { partsOf, resultOf } from "./internal/given.ts"
import * as Check from "./internal/options.ts"
import { invalid, nameIn } from "./internal/provider/options.ts"
import * as own from "./internal/provider/own.ts"
import { masked } from "./internal/resilience/errors.ts"
import { layerResilient as layerOf, services } from "./internal/resilience/layers.ts"
import * as caching from "./internal/tts/cache.ts"
import { finite, inFormat } from "./internal/tts/chunks.ts"
import * as files from "./internal/tts/fileStore.ts"
import {
  type Cache,
  type CacheOptions,
  type CacheStore,
  type Chunk,
  type Options,
  type Service,
  type StoreOptions,
  TtsError,
  type Voice
} from "./internal/tts/model.ts"
import { directory, memory, refusing, spokenAt } from "./internal/tts/options.ts"
import { spoken } from "./internal/tts/pieces.ts"
import * as resilience from "./internal/tts/resilient.ts"
import * as byVoice from "./internal/tts/voices.ts"
import type {
  Fallback,
  FallbackOptions,
  HedgeOptions,
  LayerOptions,
  Policy,
  PrewarmOptions,
  RecoverOptions,
  Recovery
} from "./Resilience.ts"

export {
  type Cache,
  type CacheOptions,
  type CacheStore,
  type Chunk,
  type Options,
  type Service,
  type StoreOptions,
  TimedText,
  TtsError,
  type Voice
} from "./internal/tts/model.ts"

/**
 * The service that speaks.
 *
 * **Details**
 *
 * `sampleRate` (Hz) and `channels` are those of the chunks. `voices` lists the names of the voices,
 * if the provider has a fixed list. `resilient` says that it already retries and fails over, so the
 * pipeline does not. `model` is for usage and cost. `prewarm` opens the connection for the first
 * speech, without a paid request.
 *
 * @category services
 * @since 0.1.0
 */
export class Tts extends Context.Service<Tts, Service>()("effect-voice/Tts") {}

const voice = { ...own.fields, ...formats, voices: Check.list(Check.text()) }

// A service that is wrapped, as by `{ ...tts, speak }`, may have more.
const making = Check.wider(
  Check.struct<Parameters<typeof make>[0]>()({ ...voice, resilient: Check.flag(), speak: own.act })
)

const isAudio = (given: unknown): boolean => Predicate.hasProperty(given, "samples") && given.samples !== undefined

/**
 * Creates a `Tts` from a function that speaks a stream of text.
 *
 * **When to use**
 *
 * Use to adapt a provider that takes the text as it comes. For one that turns
 * one text into one piece of audio, use `fromSynthesizer`.
 *
 * **Details**
 *
 * `make` adds a span, drops chunks with neither samples nor alignment, and replaces times that are
 * not finite numbers by 0. A chunk in another format than the declared one fails with
 * `InvalidResponse`. Throws a `TtsError` with `InvalidRequest` if the declared format is wrong.
 *
 * Several fibers pull the stream in turn. So fork with `Effect.forkScoped`, into the stream's
 * scope, and not as a child of one fiber.
 *
 * **Example** (A voice of silence, piece by piece)
 *
 * ```ts
 * import { Stream } from "effect"
 * import { Audio, Tts } from "effect-voice"
 *
 * const silent = Tts.make({
 *   name: "silent",
 *   sampleRate: 16_000,
 *   channels: 1,
 *   speak: (text) => Stream.map(text, (piece) => ({ frame: Audio.silence(piece.length * 60, Audio.speech) }))
 * })
 * ```
 *
 * @see `fromSynthesizer` for voices that turn one text into one piece of audio
 * @see `Stt.make` and `Llm.make` for recognisers and models
 * @category constructors
 * @since 0.1.0
 */
export const make = (provider: {
  readonly name: string
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  readonly sampleRate: number
  readonly channels: number
  readonly voices?: ReadonlyArray<string> | undefined
  /** Whether it already retries and fails over, so that the pipeline does not. @default false */
  readonly resilient?: boolean | undefined
  /** Opens the connection for the first speech, without a paid request. @default nothing */
  readonly prewarm?: Effect.Effect<void, TtsError> | undefined
  readonly speak: <E, R>(
    text: Stream.Stream<string, E, R>,
    options?: Options
  ) => Stream.Stream<Chunk, E | TtsError, R>
}): Tts["Service"] => {
  Check.readOrThrow(making, provider, refusing(nameIn(provider, "tts")))
  const refuse = refusing(provider.name)
  return Tts.of({
    name: provider.name,
    model: provider.model,
    resilient: provider.resilient ?? false,
    prewarm: provider.prewarm,
    sampleRate: provider.sampleRate,
    channels: provider.channels,
    voices: provider.voices ?? [],
    speak: <E, R>(text: Stream.Stream<string, E, R>, options?: Options): Stream.Stream<Chunk, E | TtsError, R> =>
      // What is thrown where it is called is masked, too, and logged by its place.
      Stream.suspend(() =>
        partsOf(
          "speak",
          provider.speak(text, options),
          (chunk) => Predicate.hasProperty(chunk, "frame") && isAudio(chunk.frame),
          "chunks, such as { frame: { samples, sampleRate, channels } }",
          refuse
        )
      ).pipe(
        Stream.filter((chunk) => chunk.frame.samples.length > 0 || (chunk.alignment?.length ?? 0) > 0),
        Stream.mapArrayEffect(inFormat(provider)),
        Stream.map(finite),
        masked((reason) => new TtsError({ provider: provider.name, reason })),
        Stream.withSpan("Tts.speak", { attributes: { provider: provider.name }, captureStackTrace: false })
      )
  })
}

const synthesizing = Check.struct<Parameters<typeof fromSynthesizer>[0]>()({ ...voice, synthesize: own.act })

/**
 * Creates a `Tts` from a function that turns one text into one piece of audio.
 *
 * **Details**
 *
 * Each piece of text becomes one chunk, aligned as a whole. While a chunk is
 * consumed, the next piece is synthesised, and no more than that one. Pieces of
 * white space are not synthesised: they join the text of the next piece.
 *
 * **Example** (A voice of silence)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Audio, Tts } from "effect-voice"
 *
 * const voice = Layer.succeed(
 *   Tts.Tts,
 *   Tts.fromSynthesizer({
 *     name: "silent",
 *     sampleRate: 16_000,
 *     channels: 1,
 *     synthesize: (text) => Effect.succeed(Audio.silence(text.length * 60, Audio.speech))
 *   })
 * )
 * ```
 *
 * @see `make` for a voice that takes the text as it comes
 * @see `Stt.fromRecognizer` for recognisers
 * @category constructors
 * @since 0.1.0
 */
export const fromSynthesizer = (synthesizer: {
  readonly name: string
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  readonly sampleRate: number
  readonly channels: number
  readonly voices?: ReadonlyArray<string> | undefined
  readonly prewarm?: Effect.Effect<void, TtsError> | undefined
  readonly synthesize: (
    text: string,
    voice: string | undefined,
    options: Options | undefined
  ) => Effect.Effect<Audio.Frame, TtsError>
}): Tts["Service"] => {
  Check.readOrThrow(synthesizing, synthesizer, refusing(nameIn(synthesizer, "tts")))
  const { synthesize, ...provider } = synthesizer
  const refuse = refusing(provider.name)
  return make({
    ...provider,
    speak: (text, options) =>
      spoken(text).pipe(
        Stream.mapEffect((piece) =>
          Effect.map(
            resultOf(
              "synthesize",
              () => synthesize(piece.trim(), options?.voice, options),
              isAudio,
              "a frame, such as { samples, sampleRate, channels }",
              refuse
            ),
            (frame) => ({ frame, piece })
          )
        ),
        Stream.mapAccum(() => 0, (samples: number, { frame, piece }): readonly [number, ReadonlyArray<Chunk>] => {
          const end = samples + frame.samples.length
          const ms = (at: number) => at / frame.channels / frame.sampleRate * 1000
          return [end, [{ frame, alignment: [{ text: piece, start: ms(samples), end: ms(end) }] }]]
        }),
        Stream.buffer({ capacity: 0 })
      )
  })
}

/**
 * Creates a `Tts` whose voices are other services, by name.
 *
 * **Details**
 *
 * The first voice is the default, and its rate and channel count are those of the result; the audio
 * of the others is converted. A speech in an unknown voice fails with `InvalidRequest`. The result
 * is resilient if all its services are. Throws a `TtsError` if an option is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const voices: (
  byName: Readonly<Record<string, Voice>>,
  options?: { /** @default "voices" */ readonly name?: string | undefined }
) => Tts["Service"] = byVoice.voices

/**
 * Creates a `Tts` that keeps the audio of sentences, and plays it again without a request.
 *
 * **Details**
 *
 * A sentence is one piece of the text. Its audio is kept with its alignment, under everything that
 * changes its sound: provider, model, rate, voice, speed and text. Two requests for the same
 * sentence at the same time share one synthesis. Audio that failed, was interrupted or is empty is
 * not kept.
 *
 * A sentence for the cache is synthesised alone, so its melody does not follow the sentence before.
 * Use `accepts` to keep only the sentences that are said often.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cached = (
  tts: Tts["Service"],
  options: CacheOptions = {}
): Effect.Effect<Tts["Service"] & Cache, TtsError, Scope.Scope> => {
  return Effect.flatMap(
    Check.readOrFail(memory, options, refusing(tts.name)),
    ({ accepts = (text: string) => text.length <= 200, ...others }) => caching.cached(tts, { ...others, accepts })
  )
}

/**
 * Layer of a `Tts` that says the sentences of another layer's again from memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCached = <E, R>(
  tts: Layer.Layer<Tts, E, R>,
  options?: CacheOptions
): Layer.Layer<Tts, E | TtsError, R> =>
  Layer.effect(Tts, Effect.flatMap(services(Tts, [tts]), ([service]) => cached(service, options)))

/**
 * Opens a directory that keeps speech, one file for each sentence.
 *
 * **Details**
 *
 * `variant` is part of every key: put the settings of the provider's layer into it (its default
 * voice, its style), because they change the sound, too. Files are written whole or not at all, and
 * only this user may read them. A damaged file is removed. They contain the text and the audio of
 * sentences. Fails with `InvalidRequest` if the directory can be neither read nor made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fileStore = (options: StoreOptions): Effect.Effect<CacheStore, TtsError, FileSystem.FileSystem> => {
  const reason = invalid("path", "the directory can be neither read nor made")
  return Effect.flatMap(
    Check.readOrFail(directory, options, refusing("cache")),
    (settings) => Effect.mapError(files.fileStore(settings), () => new TtsError({ provider: "cache", reason }))
  )
}

/**
 * Makes a `Tts` resilient. A resilient one comes back unchanged.
 *
 * **Details**
 *
 * The text is pulled once and kept for the next attempt. A speech without any letter or digit may
 * end without audio; this is not a failure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resilient: (service: Tts["Service"], policy?: Policy) => Tts["Service"] = resilience.resilient

/**
 * Layer of a `Tts` with retries and a circuit breaker.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerResilient: <E, R>(
  layer: Layer.Layer<Tts, E, R>,
  options?: LayerOptions
) => Layer.Layer<Tts, E | TtsError, R> = layerOf(Tts, "tts", resilient, resilience.failing)

/**
 * Creates a `Tts` that asks the next provider when one fails before its first
 * audio.
 *
 * **Details**
 *
 * The audio has the rate and the channel count of the first provider; that of the others is
 * converted. The requested voice is passed on to the providers that list it. A lost provider is
 * skipped until it is back. When every provider has failed, the speech fails with `Exhausted`.
 * Closing the scope stops the probes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fallback = (
  providers: readonly [Tts["Service"], ...ReadonlyArray<Tts["Service"]>],
  options: FallbackOptions<Tts["Service"]> & {
    /** Asks the next provider also after some audio. Then the speech begins again. @default false */
    readonly retryAfterOutput?: boolean | undefined
  } = {}
): Effect.Effect<Tts["Service"] & Fallback, TtsError, Scope.Scope> => resilience.fallback(providers, options)

/**
 * Creates a `Tts` that also asks the next provider when one is late.
 *
 * **Details**
 *
 * The next provider is asked `after` that time from the first text, or at once
 * when one fails. The first audio wins, and the other requests are interrupted.
 * Rate, channel count and voice are as in `fallback`. When every provider has
 * failed, the speech fails with `Exhausted`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hedge = (
  providers: readonly [Tts["Service"], ...ReadonlyArray<Tts["Service"]>],
  options: HedgeOptions = {}
): Tts["Service"] => resilience.hedge(providers, options)

/**
 * Gives a `Tts` that always speaks with these options. They replace those of each speech.
 * Throws a `TtsError` if one is wrong.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withOptions = (tts: Tts["Service"], options: Options): Tts["Service"] => {
  Check.readOrThrow(always, options, refusing(tts.name))
  return { ...tts, speak: (text, asked) => tts.speak(text, { ...asked, ...options }) }
}

const always = spokenAt({ above: 0 })

/**
 * Layer of a fallback over the services of other layers, the preferred one
 * first.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFallback = <E, R>(
  providers: readonly [Layer.Layer<Tts, E, R>, ...ReadonlyArray<Layer.Layer<Tts, E, R>>],
  options?: Parameters<typeof fallback>[1]
): Layer.Layer<Tts, E | TtsError, R> =>
  Layer.effect(Tts, Effect.flatMap(services(Tts, providers), (services) => fallback(services, options)))

/**
 * The default ways to ask a synthesiser again: with the voice `Antoni`. The name is ElevenLabs':
 * give other recoveries to another provider.
 *
 * @category constants
 * @since 0.1.0
 */
export const recoveries: ReadonlyArray<Recovery<Tts["Service"]>> = resilience.recoveries

/**
 * Creates a `Tts` that is asked in other ways when it has failed: a `fallback`
 * over itself with changed settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const recovering: (
  service: Tts["Service"],
  options?: RecoverOptions<Tts["Service"]>
) => Effect.Effect<Tts["Service"] & Fallback, TtsError, Scope.Scope> = resilience.recovering

/**
 * Opens the connections of a `Tts` before they are needed, for 10 seconds at most. A failure is
 * logged with its reason only, and the connection is opened again when it is needed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prewarm = (service: Tts["Service"], options: PrewarmOptions = {}): Effect.Effect<void> =>
  resilience.prewarm(service, options)

/**
 * Speaks a stream of text with the `Tts` of the context.
 *
 * @category combinators
 * @since 0.1.0
 */
export const speak: {
  (options?: Options): <E, R>(text: Stream.Stream<string, E, R>) => Stream.Stream<Chunk, E | TtsError, R | Tts>
  <E, R>(text: Stream.Stream<string, E, R>, options?: Options): Stream.Stream<Chunk, E | TtsError, R | Tts>
} = dual(
  (args) => Stream.isStream(args[0]),
  <E, R>(text: Stream.Stream<string, E, R>, options?: Options): Stream.Stream<Chunk, E | TtsError, R | Tts> =>
    Stream.unwrap(Tts.useSync((tts) => tts.speak(text, options)))
)
