/**
 * Voice activity by the Silero model, which comes with this package.
 *
 * Up to six windows are scored in WebAssembly. More at once are cheaper, by
 * about a third, in onnxruntime-node, if that is installed; another
 * `modelPath` needs it. All layers and detectors of a process share one model:
 * windows that are ready together are scored in one batch, of 32 at most, and a
 * window that is alone waits for nobody. Every detector keeps its own memory of
 * its stream.
 *
 * A detector whose windows wait holds back its audio, at most 32 windows of
 * it; what piles up behind them is for the room to drop. The metrics are
 * `vad_batch_size`, `vad_queue_depth`, `vad_inference_time` and
 * `vad_lateness_time`.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import { invalidOptions } from "../internal/vad/errors.ts"
import { apart, fields } from "../internal/vad/settings.ts"
import * as silero from "../internal/vad/silero.ts"
import * as Vad from "../Vad.ts"

/**
 * Options of the layer: those of `Vad.Options` are the defaults of its
 * detectors.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Vad.Options {
  /** Rate in Hz at which the model listens; audio of any rate is converted. @default 16000 */
  readonly sampleRate?: 8000 | 16_000 | undefined
  /** Samples a window: 512 at 16000 Hz, 256 at 8000 Hz. @default 32 ms */
  readonly windowSize?: 256 | 512 | undefined
  /** Another file with the inputs and outputs of Silero 5 or 6. @default the file of this package */
  readonly modelPath?: string | undefined
  /**
   * Whether the model runs in a thread of its own. No batch holds the JavaScript
   * thread for longer than 32 windows take, under a millisecond, and the loop
   * goes round between batches: a worker, which costs more in all, pays where
   * that thread has other work and there is a core to spare. @default false
   */
  readonly worker?: boolean | undefined
}

const schema = Check.together(
  Check.struct<Options>()({
    ...fields,
    sampleRate: Check.oneOf([8000, 16_000], { default: 16_000 }),
    windowSize: Check.oneOf([256, 512]),
    modelPath: Check.text(),
    worker: Check.flag({ default: false })
  }),
  ({ sampleRate, windowSize, ...thresholds }) => {
    const right = silero.formats[sampleRate].windowSize
    return {
      ...apart(thresholds),
      windowSize: windowSize === undefined || windowSize === right ? undefined : `must be ${right} at ${sampleRate} Hz`
    }
  }
)

const make = Effect.fnUntraced(function*(options: Options) {
  const settings = yield* Check.readOrFail(schema, options, invalidOptions)
  const { modelPath: path = silero.bundled, sampleRate, windowSize: _, worker, ...defaults } = settings
  const model = { sampleRate, windowSize: silero.formats[sampleRate].windowSize }
  const { scorer, specialised } = yield* silero.model({ path, sampleRate, worker })
  if (!specialised) {
    yield* Effect.logWarning("the voice activity model has no known structure and runs as it is, which is slower").pipe(
      Effect.annotateLogs({ model: path })
    )
  }
  return Vad.make({ ...model, name: "silero", scorer, defaults })
})

/**
 * Layer of a `Vad` that runs the Silero model.
 *
 * **Details**
 *
 * Fails with `InvalidOptions` when an option is out of its range, and with
 * `ModelUnavailable` when the model cannot be loaded, or is another file and
 * onnxruntime-node is missing.
 *
 * **Example**
 *
 * ```ts
 * import * as SileroVad from "effect-voice/Layers/SileroVad"
 *
 * const layer = SileroVad.layer({ activation: 0.6, minSilence: "400 millis" })
 * ```
 *
 * @see `Layers/EnergyVad`, which needs no model
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
