/** The options of a detector, in samples of its model. */
import * as Result from "effect/Result"
import type { InvalidOptions } from "../../Failure.ts"
import type { Options, Score } from "../../Vad.ts"
import * as Check from "../options.ts"

export interface Settings {
  readonly activation: number
  readonly deactivation: number
  readonly minSpeech: number
  readonly minSilence: number
  readonly prefixPadding: number
  readonly maxBufferedSpeech: number
  readonly onScore: ((score: Score) => void) | undefined
}

// Without a deactivation of their own, all thresholds keep this distance.
const hysteresis = 0.15

/** `Vad.Options`, as layers of detectors have them among their own. */
export const fields = {
  activation: Check.ratio({ default: 0.5 }),
  deactivation: Check.ratio(),
  minSpeech: Check.duration({ default: "50 millis", finite: true }),
  minSilence: Check.duration({ default: "500 millis", finite: true }),
  prefixPadding: Check.duration({ default: "500 millis", finite: true }),
  maxBufferedSpeech: Check.duration({ default: "60 seconds", finite: true }),
  onScore: Check.callback
}

/** How the two thresholds must lie to each other. */
export const apart = ({ activation, deactivation = 0 }: {
  readonly activation: number
  readonly deactivation: number | undefined
}) => ({
  deactivation: deactivation > activation
    ? `must not lie above activation (${activation}), not ${deactivation}`
    : undefined
})

/** `Vad.Options`, as other options hold them. */
export const detector = Check.together(Check.struct<Options>()(fields), apart)

/** A detector, or whatever else has a model. */
const model = Check.wider(
  Check.struct<{ readonly sampleRate: number; readonly windowSize: number }>()({
    sampleRate: Check.required(Check.hertz()),
    windowSize: Check.required(Check.whole({ least: 1, most: 1_048_576 }))
  })
)

export const checkModel = (given: typeof model.Encoded): Result.Result<typeof model.Type, InvalidOptions> =>
  Check.read(model, given)

/** `layers` from the strongest: what one leaves open, the next decides. */
export const settings = (
  sampleRate: number,
  layers: ReadonlyArray<Options | undefined>
): Result.Result<Settings, InvalidOptions> => {
  const given = layers.reduceRight<Options>((weaker, layer) => Check.overlay(weaker, layer), {})
  return Result.map(Check.read(detector, given), ({ activation, deactivation, onScore, ...times }) => {
    const samples = (ms: number) => ms * sampleRate / 1000
    const minSpeech = samples(times.minSpeech)
    const maxBufferedSpeech = Math.floor(samples(times.maxBufferedSpeech))
    return {
      activation,
      deactivation: deactivation ?? Math.max(0, activation - hysteresis),
      minSpeech,
      minSilence: samples(times.minSilence),
      // In a short buffer the voice goes before what came ahead of it.
      prefixPadding: Math.max(
        0,
        Math.min(Math.round(samples(times.prefixPadding)), maxBufferedSpeech - Math.ceil(minSpeech))
      ),
      maxBufferedSpeech,
      onScore
    }
  })
}
