/**
 * Speech to text.
 *
 * An `Stt` turns a stream of audio into transcripts. The audio is pulled as
 * fast as the provider takes it; the stream of transcripts ends when the audio
 * has ended and everything in it was transcribed. Interrupting the consumer
 * closes the provider's connection.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.ts"
import * as Failure from "./Failure.ts"
import { spoken } from "./internal/audio/options.ts"
import { partsOf, resultOf } from "./internal/given.ts"
import * as Check from "./internal/options.ts"
import * as languages from "./internal/provider/languages.ts"
import { nameIn, refused } from "./internal/provider/options.ts"
import { act, fields } from "./internal/provider/own.ts"
import { masked } from "./internal/resilience/errors.ts"
import { layerResilient as layerOf, services } from "./internal/resilience/layers.ts"
import { failing } from "./internal/stt/attempts.ts"
import {
  type Input,
  type Recognition,
  type Service,
  SttError,
  type Transcript,
  type Wants
} from "./internal/stt/model.ts"
import { recognizer } from "./internal/stt/options.ts"
import { recognise } from "./internal/stt/recognizer.ts"
import * as resilience from "./internal/stt/resilient.ts"
import { byMarks, byVoice } from "./internal/stt/segments.ts"
import { Mapping, StreamTime } from "./internal/stt/streamTime.ts"
import { inLanguage, isEmpty, isNews, sane } from "./internal/stt/transcripts.ts"
import type {
  Fallback,
  FallbackOptions,
  LayerOptions,
  Policy,
  PrewarmOptions,
  RecoverOptions,
  Recovery
} from "./Resilience.ts"
import type * as Vad from "./Vad.ts"

export {
  Finalize,
  type Input,
  type Recognition,
  type Service,
  SttError,
  Transcript,
  type Wants,
  Word
} from "./internal/stt/model.ts"

/**
 * The service that transcribes speech.
 *
 * **Details**
 *
 * `interims` says whether the provider reports interim transcripts. `resilient` says that it
 * already retries and fails over, so the pipeline does not. `wants` says which audio a pipeline
 * gives it, whatever the pipeline's own `feed`; the default is `all`. `oneShot` says that it begins
 * to recognise when speech has ended, so its transcript is awaited for longer. `turns` says that it
 * reports the ends of turns (`Transcript.turn`): with `turn.detection: "stt"` it decides alone.
 * `model` is for usage and cost. `prewarm` opens the connection for the first audio, without a paid
 * request. `language` is the language that it is set to, if that is one; it is the language of
 * transcripts that name none. `withLanguage`, if it is there, gives the same recogniser for another
 * language (a BCP 47 tag).
 *
 * @category services
 * @since 0.1.0
 */
export class Stt extends Context.Service<Stt, Service>()("effect-voice/Stt") {}

type Transcribe = Stt["Service"]["transcribe"]

const hasText = (given: unknown): boolean => Predicate.hasProperty(given, "text") && typeof given.text === "string"

const complete = (provider: {
  readonly name: string
  readonly model?: string | undefined
  readonly prewarm?: Effect.Effect<void, SttError> | undefined
  readonly withLanguage?: ((language: string) => Stt["Service"]) | undefined
  readonly interims?: boolean | undefined
  readonly resilient?: boolean | undefined
  readonly wants?: Wants | undefined
  readonly oneShot?: boolean | undefined
  readonly language?: string | undefined
  readonly turns?: boolean | undefined
}, transcribe: Transcribe): Stt["Service"] => {
  const language = provider.language === undefined ? undefined : languages.told(provider.language)
  return Stt.of({
    name: provider.name,
    model: provider.model,
    interims: provider.interims ?? false,
    resilient: provider.resilient ?? false,
    wants: provider.wants,
    oneShot: provider.oneShot,
    language,
    turns: provider.turns,
    prewarm: provider.prewarm,
    withLanguage: provider.withLanguage,
    transcribe: (audio) =>
      transcribe(audio).pipe(
        Stream.map((heard) => inLanguage(sane(heard), language)),
        masked((reason) => new SttError({ provider: provider.name, reason })),
        Stream.withSpan("Stt.transcribe", { attributes: { provider: provider.name }, captureStackTrace: false }),
        Stream.filter(isNews)
      )
  })
}

// A service that is wrapped, as by `{ ...stt, transcribe }`, may have more.
const making = Check.wider(
  Check.struct<Parameters<typeof make>[0]>()({
    ...fields,
    interims: Check.flag(),
    resilient: Check.flag(),
    wants: Check.oneOf(["all", "speech"]),
    oneShot: Check.flag(),
    turns: Check.flag(),
    language: Check.text(),
    withLanguage: Check.callback,
    format: Check.maybe(spoken),
    transcribe: act
  })
)

/** The audio in one format, with all of it before a mark. */
const inFormat = <E, R>(audio: Stream.Stream<Input, E, R>, format: Audio.Format): Stream.Stream<Input, E, R> =>
  Stream.mapAccumArray(
    audio,
    () => Audio.converter({ to: format }),
    (converter, inputs): readonly [Audio.Converter, ReadonlyArray<Input>] => [
      converter,
      inputs.flatMap((input): ReadonlyArray<Input> =>
        "_tag" in input ? [...converter.flush(), input] : converter.push([input])
      )
    ],
    { onHalt: (converter) => converter.flush() }
  )

/**
 * Creates an `Stt` from a function that transcribes a stream of audio.
 *
 * **When to use**
 *
 * Use to adapt a provider that takes the audio as it comes. For one that takes
 * one piece of speech at a time, use `fromRecognizer`.
 *
 * **Details**
 *
 * The audio comes at the rate of the room: 8 kHz of a telephone, often 48 kHz of a browser. A provider
 * that wants one rate says so in `format`, and gets nothing else; without it, look at each frame.
 *
 * The provider counts the samples that it gets. If frames say that audio between them was lost, the
 * times of the transcripts are corrected. `make` adds a span, drops interim transcripts without
 * text, drops times that are not finite numbers and confidences outside of 0–1, and puts times in
 * order that go back. It passes on a final transcript without text, which says that no more words
 * follow.
 *
 * Several fibers pull the stream in turn. So fork with `Effect.forkScoped`, into the stream's
 * scope, and not as a child of one fiber.
 *
 * **Example** (A recogniser that only counts frames)
 *
 * ```ts
 * import { Stream } from "effect"
 * import { Audio, Stt } from "effect-voice"
 *
 * const counting = Stt.make({
 *   name: "counting",
 *   format: Audio.speech,
 *   transcribe: (audio) =>
 *     Stream.map(Stream.take(audio, 1), () => ({ text: "I heard a frame.", final: true }))
 * })
 * ```
 *
 * @see `fromRecognizer` for recognisers of one piece of speech
 * @see `Llm.make` and `Tts.make` for models and voices
 * @category constructors
 * @since 0.1.0
 */
export const make = (provider: {
  readonly name: string
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Whether it reports interim transcripts. @default false */
  readonly interims?: boolean | undefined
  /** Whether it already retries and fails over, so that the pipeline does not. @default false */
  readonly resilient?: boolean | undefined
  /** Which audio a pipeline gives it, whatever the pipeline's own `feed`. @default "all" */
  readonly wants?: "all" | "speech" | undefined
  /** Whether it begins to recognise when speech has ended. Then its transcript is awaited for longer. @default false */
  readonly oneShot?: boolean | undefined
  /** Whether it reports the ends of turns (`Transcript.turn`). @default false */
  readonly turns?: boolean | undefined
  /** Opens the connection for the first audio, without a paid request. @default nothing */
  readonly prewarm?: Effect.Effect<void, SttError> | undefined
  /**
   * The language that it is set to (a BCP 47 tag). It is the language of transcripts that name
   * none.
   *
   * @default not known
   */
  readonly language?: string | undefined
  /** Gives the same recogniser for another language (a BCP 47 tag). @default its language cannot be changed */
  readonly withLanguage?: ((language: string) => Stt["Service"]) | undefined
  /** Format of the audio that `transcribe` gets: a rate of 4000 Hz or more. @default as it comes */
  readonly format?: Audio.Format | undefined
  readonly transcribe: <E, R>(audio: Stream.Stream<Input, E, R>) => Stream.Stream<Transcript, E | SttError, R>
}): Stt["Service"] => {
  Check.readOrThrow(making, provider, refusing(nameIn(provider, "stt")))
  const refuse = refusing(provider.name)
  const { format } = provider
  return complete(provider, (audio) =>
    Stream.suspend(() => {
      const streamTime = new StreamTime()
      const mapping = new Mapping()
      const counted = Stream.map(audio, (input) => {
        if (!("_tag" in input)) mapping.push(input, streamTime.push(input))
        return input
      })
      const given = partsOf(
        "transcribe",
        provider.transcribe(format === undefined ? counted : inFormat(counted, format)),
        hasText,
        "transcripts, such as { text, final: true }",
        refuse
      )
      return Stream.map(given, (transcript) => mapping.transcript(transcript))
    }))
}

const refusing = (provider: string) => (wrong: Failure.InvalidOptions) =>
  new SttError({ provider, reason: refused(wrong) })

/**
 * Options of `fromRecognizer`.
 *
 * @category options
 * @since 0.1.0
 */
export interface RecognizerOptions {
  readonly name: string
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Opens the connection for the first audio, without a paid request. @default nothing */
  readonly prewarm?: Effect.Effect<void, SttError> | undefined
  /**
   * The language that it is set to (a BCP 47 tag). It is the language of transcripts that name
   * none.
   *
   * @default not known
   */
  readonly language?: string | undefined
  /** Gives the same recogniser for another language (a BCP 47 tag). @default its language cannot be changed */
  readonly withLanguage?: ((language: string) => Stt["Service"]) | undefined
  readonly recognize: (speech: Audio.Frame) => Effect.Effect<Recognition, SttError>
  /** Format of the audio that `recognize` gets. @default that of the first frame */
  readonly format?: Audio.Format | undefined
  /** Finds the speech in the audio. @default none: a pipeline finds it, and speech ends at `Finalize` */
  readonly vad?: Vad.Vad["Service"] | undefined
  readonly vadOptions?: Vad.Options | undefined
  /** Length of speech between two interim transcripts, at least 10 ms. @default no interim transcripts */
  readonly interimEvery?: Duration.Input | undefined
  /**
   * Longest speech for one recognition, at least 100 ms. Longer speech gives several final
   * transcripts. It is cut at its most silent place in the last third before the limit (at most in
   * the last 10 seconds).
   *
   * @default "60 seconds"
   */
  readonly maxSpeech?: Duration.Input | undefined
}

const vadFailure = ({ reason }: Vad.VadError): Failure.Reason =>
  reason._tag === "InferenceFailed"
    ? new Failure.Broken({ detail: reason.message })
    : new Failure.InvalidRequest({ detail: reason.message })

/**
 * Creates an `Stt` from a function that recognises one piece of speech.
 *
 * **Details**
 *
 * With `vad`, each speech that it finds gives one final transcript, and a `Finalize` mark ends the
 * present speech. Without `vad`, the audio since the last `Finalize` is recognised at the next one
 * and at the end of the audio; a pipeline then gives it only speech, with its padding (`wants`).
 *
 * Up to four recognitions run side by side, and transcripts still come in the order of the speech.
 * A failed interim recognition is ignored.
 *
 * Throws an `SttError` with `InvalidRequest` if an option is wrong; it names the option.
 *
 * **Example** (A function that recognises one piece of speech)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Audio, Stt } from "effect-voice"
 *
 * const recogniser = Layer.succeed(
 *   Stt.Stt,
 *   Stt.fromRecognizer({
 *     name: "mine",
 *     format: Audio.speech,
 *     recognize: (speech) => Effect.succeed({ text: `${Math.round(Audio.durationMs(speech))} ms of speech` })
 *   })
 * )
 * ```
 *
 * @see `make` for a recogniser that takes the audio as it comes
 * @see `Tts.fromSynthesizer` for voices
 * @category constructors
 * @since 0.1.0
 */
export const fromRecognizer = (options: RecognizerOptions): Stt["Service"] => {
  const { format, interimEvery, maxSpeech, name, recognize, vad, vadOptions } = Check.readOrThrow(
    recognizer,
    options,
    refusing(nameIn(options, "stt"))
  )
  const cutting = { format, maxMs: maxSpeech, interimMs: interimEvery, paddingMs: vadOptions.prefixPadding }
  const failed = (error: Vad.VadError) => new SttError({ provider: name, reason: vadFailure(error) })
  const refuse = refusing(name)
  const recognized = (speech: Audio.Frame) =>
    resultOf(
      "recognize",
      () => recognize(speech),
      hasText,
      "what was recognised, such as { text }",
      refuse
    )
  const segmenter = vad === undefined
    ? Effect.sync(() => byMarks(cutting))
    : Effect.mapBoth(byVoice(cutting, vad.detector(options.vadOptions)), {
      onFailure: failed,
      onSuccess: (segmenter) => ({
        push: (inputs: ReadonlyArray<Input>) => Effect.mapError(segmenter.push(inputs), failed),
        end: Effect.mapError(segmenter.end, failed)
      })
    })
  return complete(
    {
      name,
      model: options.model,
      prewarm: options.prewarm,
      language: options.language,
      withLanguage: options.withLanguage,
      interims: interimEvery !== undefined,
      oneShot: true,
      wants: vad === undefined ? "speech" : "all"
    },
    (audio) => recognise(audio, segmenter, recognized)
  )
}

/**
 * Makes an `Stt` resilient. A resilient one comes back unchanged.
 *
 * **Details**
 *
 * The audio since the last final transcript is kept, 30 seconds at most, and given again to the
 * next attempt. Times go on through all attempts. Retries are counted from 0 again after every
 * answer, and after an attempt that has lived for `firstOutput`. A quiet user is not a failure; an
 * end before the audio has ended is one. If an answer is due for longer than `Policy.attempt`, the
 * recogniser is asked again over a new connection, and the first answer of both counts.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resilient: (service: Stt["Service"], policy?: Policy) => Stt["Service"] = resilience.resilient

/**
 * Layer of an `Stt` with retries and a circuit breaker.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerResilient: <E, R>(
  layer: Layer.Layer<Stt, E, R>,
  options?: LayerOptions
) => Layer.Layer<Stt, E | SttError, R> = layerOf(Stt, "stt", resilient, failing)

/**
 * Creates an `Stt` that asks the next provider when one fails.
 *
 * **Details**
 *
 * The audio since the last final transcript is kept, 30 seconds at most, and
 * given to the next provider; times go on. A lost provider is skipped until it
 * is back. When every provider has failed since the last transcript, the stream
 * fails with `Exhausted`. Closing the scope stops the probes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fallback = (
  providers: readonly [Stt["Service"], ...ReadonlyArray<Stt["Service"]>],
  options: FallbackOptions<Stt["Service"]> = {}
): Effect.Effect<Stt["Service"] & Fallback, SttError, Scope.Scope> => resilience.fallback(providers, options)

/**
 * Layer of a fallback over the services of other layers, the preferred one
 * first.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFallback = <E, R>(
  providers: readonly [Layer.Layer<Stt, E, R>, ...ReadonlyArray<Layer.Layer<Stt, E, R>>],
  options?: FallbackOptions<Stt["Service"]>
): Layer.Layer<Stt, E | SttError, R> =>
  Layer.effect(
    Stt,
    Effect.flatMap(services(Stt, providers), (services) => fallback(services, options))
  )

/**
 * The default ways to ask a recogniser again: after a second, and in English if its language can be
 * changed.
 *
 * @category constants
 * @since 0.1.0
 */
export const recoveries: ReadonlyArray<Recovery<Stt["Service"]>> = resilience.recoveries

/**
 * Creates an `Stt` that is asked in other ways when it has failed: a `fallback`
 * over itself with changed settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const recovering: (
  service: Stt["Service"],
  options?: RecoverOptions<Stt["Service"]>
) => Effect.Effect<Stt["Service"] & Fallback, SttError, Scope.Scope> = resilience.recovering

/**
 * Opens the connections of an `Stt` before they are needed, for 10 seconds at most. A failure is
 * logged with its reason only, and the connection is opened again when it is needed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prewarm = (service: Stt["Service"], options: PrewarmOptions = {}): Effect.Effect<void> =>
  resilience.prewarm(service, options)

/**
 * Transcribes a stream of audio with the `Stt` of the context. It gives the transcripts that have a
 * text.
 *
 * @category combinators
 * @since 0.1.0
 */
export const transcribe: {
  <E, R>(audio: Stream.Stream<Input, E, R>): Stream.Stream<Transcript, E | SttError, R | Stt>
} = (audio) =>
  Stream.unwrap(Stt.useSync((stt) => Stream.filter(stt.transcribe(audio), (transcript) => !isEmpty(transcript))))
