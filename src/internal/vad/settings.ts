import * as Duration from "effect/Duration"
import type { Options, Score } from "../../Vad.ts"
import { millisOf } from "../provider/options.ts"

/** The options of a detector in samples of its model. */
export interface Settings {
  readonly activation: number
  readonly deactivation: number
  readonly minSpeech: number
  readonly minSilence: number
  readonly prefixPadding: number
  readonly maxBufferedSpeech: number
  readonly onScore: ((score: Score) => void) | undefined
}

export interface Problem {
  readonly _tag: "Problem"
  readonly option: string
  readonly detail: string
}

const problem = (option: string, detail: string): Problem => ({ _tag: "Problem", option, detail })

const defaults = {
  activation: 0.5,
  minSpeech: Duration.millis(50),
  minSilence: Duration.millis(500),
  prefixPadding: Duration.millis(500),
  maxBufferedSpeech: Duration.seconds(60)
}

// Without a deactivation of their own, all thresholds keep this distance.
const hysteresis = 0.15

const durations = ["minSpeech", "minSilence", "prefixPadding", "maxBufferedSpeech"] as const

const isProbability = (n: number): boolean => n >= 0 && n <= 1

const limits = { sampleRate: 768_000, windowSize: 1_048_576 }

export const modelProblem = (model: { readonly sampleRate: number; readonly windowSize: number }) => {
  for (const option of ["sampleRate", "windowSize"] as const) {
    if (!Number.isInteger(model[option]) || model[option] < 1 || model[option] > limits[option]) {
      return problem(option, `must be a whole number from 1 to ${limits[option]}, not ${model[option]}`)
    }
  }
  return undefined
}

/** `layers` from the strongest: what one leaves open, the next decides. */
export const settings = (
  sampleRate: number,
  layers: ReadonlyArray<Options | undefined>
): Settings | Problem => {
  const pick = <K extends keyof Options>(key: K): Options[K] =>
    layers.find((options) => options?.[key] !== undefined)?.[key]
  const activation = pick("activation") ?? defaults.activation
  if (!isProbability(activation)) {
    return problem("activation", `must lie between 0 and 1, not ${activation}`)
  }
  const deactivation = pick("deactivation") ?? Math.max(0, activation - hysteresis)
  if (!isProbability(deactivation)) {
    return problem("deactivation", `must lie between 0 and 1, not ${deactivation}`)
  }
  if (deactivation > activation) {
    return problem("deactivation", `must not lie above activation (${activation}), not ${deactivation}`)
  }
  const samples = { minSpeech: 0, minSilence: 0, prefixPadding: 0, maxBufferedSpeech: 0 }
  for (const option of durations) {
    const input = pick(option) ?? defaults[option]
    const ms = millisOf(input)
    if (!Number.isFinite(ms) || ms < 0) return problem(option, "must be a finite duration from zero on")
    samples[option] = ms * sampleRate / 1000
  }
  const maxBufferedSpeech = Math.floor(samples.maxBufferedSpeech)
  return {
    activation,
    deactivation,
    minSpeech: samples.minSpeech,
    minSilence: samples.minSilence,
    // In a short buffer the voice goes before what came ahead of it.
    prefixPadding: Math.max(
      0,
      Math.min(Math.round(samples.prefixPadding), maxBufferedSpeech - Math.ceil(samples.minSpeech))
    ),
    maxBufferedSpeech,
    onScore: pick("onScore")
  }
}

export const isProblem = (value: Settings | Problem): value is Problem => "_tag" in value
