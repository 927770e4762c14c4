/**
 * Ends of turns by the Smart Turn model, which comes with this package: it
 * listens to how something was said, in the last eight seconds of the turn, and
 * knows no words. Offline; 23 languages.
 *
 * It runs in onnxruntime-node, in a thread of its own, one for a process and
 * file: some 40 ms of one core for a pause. Pauses are judged in order; beyond
 * 16 that wait the oldest is given up, and the delays of `turn.endpointing`
 * decide. The metrics are `turn_detector_inference_time`,
 * `turn_detector_lateness_time` and `turn_detector_shed`.
 *
 * The model was trained on audio of 16 kHz; a telephone's is converted, and
 * another file may know it better (`modelPath`).
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import * as Features from "../internal/smartTurn/features.ts"
import { bundled, predictor } from "../internal/smartTurn/predictor.ts"
import { invalidOptions } from "../internal/turnDetector/errors.ts"
import * as TurnDetector from "../TurnDetector.ts"

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Another file with the input and output of Smart Turn 3. @default the file of this package */
  readonly modelPath?: string | undefined
}

const schema = Check.struct<Options>()({ modelPath: Check.text() })

const make = Effect.fnUntraced(function*(options: Options) {
  const { modelPath = bundled } = yield* Check.readOrFail(schema, options, invalidOptions)
  const { predict } = yield* predictor(modelPath)
  return TurnDetector.fromAudio({
    name: "smart-turn",
    window: (1000 * Features.span) / Features.sampleRate,
    predict
  })
})

/**
 * Layer that gives conversations the Smart Turn model as their turn detector.
 *
 * **Details**
 *
 * Fails with `InvalidOptions` when an option is wrong, and with
 * `ModelUnavailable` when the file cannot be loaded or onnxruntime-node is
 * missing.
 *
 * **Example**
 *
 * ```ts
 * import { Layer } from "effect"
 * import * as SileroVad from "effect-voice/Layers/SileroVad"
 * import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"
 *
 * export const detectors = Layer.merge(SileroVad.layer(), SmartTurnDetector.layer())
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<never, TurnDetector.TurnDetectorError> =>
  Layer.effect(TurnDetector.TurnDetector, make(options))

/**
 * The same with options from the configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<never, TurnDetector.TurnDetectorError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
