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
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "./Audio.ts"
import * as Check from "./internal/options.ts"
import { name } from "./internal/provider/own.ts"
import { throughEffect } from "./internal/streams.ts"
import { makeDetector } from "./internal/vad/detector.ts"
import { InferenceFailed, invalidOptions, ModelUnavailable, VadError } from "./internal/vad/errors.ts"
import { checkModel, settings } from "./internal/vad/settings.ts"

/**
 * The audio of one utterance, with the padding before its start and the silence that ended it.
 *
 * **Details**
 *
 * Mono, at the rate of the model. `at` is the stream time of the first sample
 * (ms). `truncated` says that the voice went on beyond `maxBufferedSpeech`, so
 * that its end is missing. The padding never reaches back into the voice of the
 * speech before.
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
 * An event of a detector. All times are stream time in milliseconds, counted on from the `at` of
 * the first frame (from 0 without one).
 *
 * **Details**
 *
 * A frame whose `at` leaves a gap of more than 2 ms makes the gap silence: no
 * voice is heard in it, its time passes, and the audio kept has zeros there.
 *
 * Grammar: `(SpeechStarted (VoicePaused VoiceResumed)* VoicePaused? SpeechEnded)*`. Every
 * `SpeechStarted` is followed by exactly one `SpeechEnded`, also when the audio ends during a
 * speech.
 *
 * - `SpeechStarted`: speech has lasted `minSpeech`. `at` is where the voice
 *   began; `padding` is the audio kept from before that moment up to now.
 * - `VoicePaused` / `VoiceResumed`: the voice stopped, or came back, inside one
 *   speech, at `at`. Reported at once, so that the length of voiced audio is
 *   known without waiting for `minSilence`.
 * - `SpeechEnded`: silence has lasted `minSilence`. `at` is where the voice
 *   stopped; `speech` is its audio with `prefixPadding`.
 *
 * A detector notices an end late. `silentFrom`, if it is there, is the end of the last sound above
 * the noise, before `at`. Silence is counted from it.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "SpeechStarted"; readonly at: number; readonly padding: Audio.Frame }
  | { readonly _tag: "VoicePaused"; readonly at: number; readonly silentFrom?: number }
  | { readonly _tag: "VoiceResumed"; readonly at: number }
  | {
    readonly _tag: "SpeechEnded"
    readonly at: number
    readonly silentFrom?: number
    readonly startedAt: number
    readonly speech: Speech
  }

export { InferenceFailed, ModelUnavailable, VadError }

/**
 * The score of one window. `at` is the stream time of its end (ms).
 *
 * @category models
 * @since 0.1.0
 */
export interface Score {
  readonly at: number
  readonly probability: number
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
  /** Probability (0–1, not above `activation`) below which voice stops. @default 0.35: 0.15 below `activation` */
  readonly deactivation?: number | undefined
  /** Unbroken voice needed before speech is reported. @default "50 millis" */
  readonly minSpeech?: Duration.Input | undefined
  /** Silence that ends speech, from its last sound. @default "500 millis" */
  readonly minSilence?: Duration.Input | undefined
  /** Audio kept from before the start of speech. @default "500 millis" */
  readonly prefixPadding?: Duration.Input | undefined
  /** Longest audio kept for one speech, its padding included. @default "60 seconds" */
  readonly maxBufferedSpeech?: Duration.Input | undefined
  /**
   * Called with the score of every window, synchronously, for instance for a meter. It must not
   * throw.
   *
   * @default none
   */
  readonly onScore?: ((score: Score) => void) | undefined
}

/**
 * Boundary detection over one stream of audio.
 *
 * **Details**
 *
 * `push` takes frames of any rate, channel count and length, in order, and
 * gives the boundaries that they complete. `end` closes a speech that is still
 * going and forgets the model's state; the detector may be pushed to again
 * afterwards (a muted microphone), and time goes on from there unless a frame
 * says otherwise. One fiber at a time may use a detector.
 *
 * A call that fails or is interrupted has used its frames: their time passes, and windows without a
 * score decide nothing. The next call gives the boundaries that were found before. So a second
 * `end` closes the speech.
 *
 * @category models
 * @since 0.1.0
 */
export interface Detector {
  readonly push: (frames: ReadonlyArray<Audio.Frame>) => Effect.Effect<ReadonlyArray<Event>, VadError>
  readonly end: Effect.Effect<ReadonlyArray<Event>, VadError>
}

/**
 * The service that finds speech in audio.
 *
 * **Details**
 *
 * `detector` fails with `InvalidOptions` before it allocates anything. `detect`
 * is the same as a stream.
 *
 * @category services
 * @since 0.1.0
 */
export class Vad extends Context.Service<Vad, {
  readonly name: string
  /** Options that the layer gives to every detector. `undefined` leaves all of them to the defaults. */
  readonly defaults?: Options | undefined
  readonly detector: (options?: Options) => Effect.Effect<Detector, VadError, Scope.Scope>
  readonly detect: <E, R>(
    audio: Stream.Stream<Audio.Frame, E, R>,
    options?: Options
  ) => Stream.Stream<Event, E | VadError, R>
}>()("effect-voice/Vad") {}

/**
 * Computes how probable it is that a window of audio contains a voice.
 *
 * **Details**
 *
 * A window is mono audio between -1 and 1, of the size and rate that were declared; its memory is
 * reused after the answer. Use the function if the score depends on the window only. The other form
 * gets the windows in order, gives one probability (0–1) for each, and forgets earlier audio at
 * `reset`.
 *
 * @category models
 * @since 0.1.0
 */
export type Scorer =
  | ((window: Float32Array) => number)
  | {
    readonly score: (
      windows: ReadonlyArray<Float32Array>
    ) => Effect.Effect<ReadonlyArray<number>, VadError>
    readonly reset: () => void
  }

/**
 * Checks a model's format and a detector's options, as `make` does.
 *
 * **When to use**
 *
 * Use in a layer, so that wrong defaults fail when it is built.
 *
 * @category validation
 * @since 0.1.0
 */
export const validate = (
  model: { readonly sampleRate: number; readonly windowSize: number },
  options?: Options
): Effect.Effect<void, VadError> => Effect.asVoid(checked(model, [options]))

const checked = (
  model: { readonly sampleRate: number; readonly windowSize: number },
  layers: ReadonlyArray<Options | undefined>
) =>
  Effect.suspend(() =>
    Effect.fromResult(
      Result.mapError(Result.flatMap(checkModel(model), () => settings(model.sampleRate, layers)), invalidOptions)
    )
  )

// The format and the defaults are checked with what each detector is asked for.
const making = Check.struct<Parameters<typeof make>[0]>()({
  name,
  sampleRate: Check.asIs,
  windowSize: Check.asIs,
  defaults: Check.such<Options>(Check.isRecord, "be an object of options"),
  scorer: Check.required(Check.effect)
})

/**
 * Creates a `Vad` from a function that scores one window.
 *
 * **When to use**
 *
 * Use to adapt a model, or a rule of your own, as one function.
 *
 * **Details**
 *
 * `sampleRate` (Hz) and `windowSize` (samples) describe the windows of the scorer: audio of any
 * format is converted and cut into them. `scorer` is acquired once for each detector, in its scope.
 * `defaults` fills in the options that a detector leaves out.
 *
 * **Example** (A detector of loud windows)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Vad } from "effect-voice"
 *
 * const loud = Vad.make({
 *   name: "loud",
 *   sampleRate: 16_000,
 *   windowSize: 320,
 *   scorer: Effect.succeed((window) => window.some((sample) => Math.abs(sample) > 0.1) ? 1 : 0)
 * })
 *
 * const layer = Layer.succeed(Vad.Vad, loud)
 * ```
 *
 * @see `Layers/SileroVad` and `Layers/EnergyVad`, which come with the package
 * @category constructors
 * @since 0.1.0
 */
export const make = (provider: {
  readonly name: string
  readonly sampleRate: number
  readonly windowSize: number
  readonly scorer: Effect.Effect<Scorer, VadError, Scope.Scope>
  readonly defaults?: Options | undefined
}): Vad["Service"] => {
  Check.readOrThrow(making, provider, invalidOptions)
  const detector = (options?: Options): Effect.Effect<Detector, VadError, Scope.Scope> =>
    Effect.flatMap(
      checked(provider, [options, provider.defaults]),
      (settings) => Effect.map(provider.scorer, (scorer) => makeDetector(provider, settings, scorer))
    )
  return Vad.of({
    name: provider.name,
    defaults: provider.defaults,
    detector,
    detect: <E, R>(audio: Stream.Stream<Audio.Frame, E, R>, options?: Options): Stream.Stream<Event, E | VadError, R> =>
      Stream.unwrap(
        Effect.map(
          detector(options),
          ({ end, push }) => audio.pipe(throughEffect(push), Stream.concat(Stream.fromIterableEffect(end)))
        )
      )
  })
}

/**
 * Emits the speech boundaries in a stream of audio with the `Vad` of the
 * context.
 *
 * @category combinators
 * @since 0.1.0
 */
export const detect: {
  (options?: Options): <E, R>(audio: Stream.Stream<Audio.Frame, E, R>) => Stream.Stream<Event, E | VadError, R | Vad>
  <E, R>(audio: Stream.Stream<Audio.Frame, E, R>, options?: Options): Stream.Stream<Event, E | VadError, R | Vad>
} = dual(
  (args) => Stream.isStream(args[0]),
  <E, R>(audio: Stream.Stream<Audio.Frame, E, R>, options?: Options): Stream.Stream<Event, E | VadError, R | Vad> =>
    Stream.unwrap(Vad.useSync((vad) => vad.detect(audio, options)))
)
