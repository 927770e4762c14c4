/**
 * Voice activity by loudness alone: no model, no native code, the same answer
 * for the same audio on every machine.
 *
 * **When to use**
 *
 * Use in tests and examples, or where the line is quiet. It takes any noise
 * above the threshold for voice; `SileroVad` tells them apart.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import { rmsAt, scorer, usual } from "../internal/vad/energy.ts"
import { invalidOptions } from "../internal/vad/errors.ts"
import { apart, fields } from "../internal/vad/settings.ts"
import * as Vad from "../Vad.ts"

/**
 * Options of the layer: those of `Vad.Options` are the defaults of its
 * detectors.
 *
 * **Details**
 *
 * The probability of a window is `e / (e + t)`, where `e` is its mean square
 * and `t` that of the threshold: 0 for silence, 0.5 at the threshold, and 0.35
 * (the default `deactivation`) 2.7 dB below it.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Vad.Options {
  /**
   * Loudness at which the probability is 0.5: dBFS (not above 0), or the root
   * mean square of samples between -1 and 1 (above 0, up to 1). @default -45
   */
  readonly threshold?: number | { readonly rms: number } | undefined
  /** Rate in Hz at which loudness is measured. @default 16000 */
  readonly sampleRate?: 8000 | 16_000 | undefined
  /** Samples a window; boundaries fall on windows. @default 20 ms */
  readonly windowSize?: number | undefined
}

/** Root mean square of the threshold, where there is one. */
const rmsOf = (threshold: NonNullable<Options["threshold"]>): number | undefined => {
  if (typeof threshold === "number") {
    return Number.isFinite(threshold) && threshold <= 0 ? rmsAt(threshold) : undefined
  }
  return threshold.rms > 0 && threshold.rms <= 1 ? threshold.rms : undefined
}

const schema = Check.together(
  Check.struct<Options>()({
    ...fields,
    threshold: Check.such<number | { readonly rms: number }>(
      (threshold) => rmsOf(threshold) !== undefined,
      "be a level in dBFS up to 0, or { rms } above 0 and up to 1"
    ),
    sampleRate: Check.oneOf([8000, 16_000], { default: 16_000 }),
    windowSize: Check.whole({ least: 1, most: 1_048_576 })
  }),
  apart
)

const make = Effect.fnUntraced(function*(options: Options) {
  const { sampleRate, threshold, windowSize, ...defaults } = yield* Check.readOrFail(schema, options, invalidOptions)
  const rms = rmsOf(threshold ?? usual) ?? 0
  const model = { sampleRate, windowSize: windowSize ?? sampleRate / 50 }
  return Vad.make({ ...model, name: "energy", scorer: Effect.succeed(scorer(rms)), defaults })
})

/**
 * Layer of a `Vad` that measures loudness.
 *
 * **Details**
 *
 * Fails with `InvalidOptions` when an option is out of its range.
 *
 * **Example**
 *
 * ```ts
 * import * as EnergyVad from "effect-voice/Layers/EnergyVad"
 *
 * const layer = EnergyVad.layer({ threshold: -40 })
 * ```
 *
 * @see `Layers/SileroVad`, which tells voices from noise
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Vad.Vad, Vad.VadError> => Layer.effect(Vad.Vad, make(options))

/**
 * The same with options from the configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Vad.Vad, Vad.VadError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
