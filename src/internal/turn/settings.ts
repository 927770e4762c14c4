/** The options of turn-taking with every default filled in, or what is wrong with them. */
import * as Duration from "effect/Duration"
import type { Options } from "../../Turn.ts"

/**
 * `Turn.Options` with every default filled in and every duration in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly detection: "vad" | "stt" | "manual"
  readonly endpointing: {
    readonly mode: "fixed" | "dynamic"
    readonly minDelay: number
    readonly maxDelay: number
    readonly alpha: number
    readonly threshold: number
    readonly detectorDeadline: number
  }
  readonly interruption: {
    readonly enabled: boolean
    readonly minDuration: number
    readonly minWords: number
    readonly falseInterruptionTimeout: number
    readonly resume: boolean
    readonly echoWarmUp: number
    readonly backchannel: boolean
  }
  readonly preemption: {
    readonly llm: boolean
    readonly tts: boolean
    readonly maxSpeech: number
    readonly maxTries: number
  }
  readonly awayAfter: number
  readonly transcriptionTimeout: number
  readonly limits: { readonly maxWords: number; readonly maxSpeech: number }
  readonly tolerated: number
  readonly maxErrors: number
  readonly errorWindow: number
}

/**
 * An option that no conversation can work with: its path, such as
 * `endpointing.minDelay`, and what it must be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly option: string
  readonly detail: string
}

/**
 * Fills in every default. What comes back is a `Problem` if one of the options
 * cannot be used: it has the field `option`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (options: Options = {}): Settings | Problem => {
  const problems: Array<Problem> = []
  const ms = (option: string, value: Duration.Input | undefined, fallback: number): number => {
    if (value === undefined) return fallback
    const duration = Duration.fromInput(value)
    const millis = duration._tag === "Some" && !Number.isNaN(value) ? Duration.toMillis(duration.value) : Number.NaN
    if (millis >= 0) return millis
    problems.push({ option, detail: "must be a duration of 0 or more, such as \"500 millis\"" })
    return fallback
  }
  const whole = (option: string, value: number | undefined, fallback: number, least: number): number => {
    if (value === undefined) return fallback
    if (value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value >= least)) return value
    problems.push({ option, detail: `must be a whole number of ${least} or more, not ${value}` })
    return fallback
  }
  const fraction = (option: string, value: number | undefined, fallback: number): number => {
    if (value === undefined) return fallback
    if (value >= 0 && value <= 1) return value
    problems.push({ option, detail: `must lie between 0 and 1, not ${value}` })
    return fallback
  }
  const oneOf = <A extends string>(option: string, value: A | undefined, allowed: readonly [A, ...Array<A>]): A => {
    if (value === undefined || allowed.includes(value)) return value ?? allowed[0]
    problems.push({ option, detail: `must be one of ${allowed.join(", ")}` })
    return allowed[0]
  }
  const { endpointing = {}, interruption = {}, limits = {}, preemption = {} } = options
  const minDelay = ms("endpointing.minDelay", endpointing.minDelay, 500)
  const maxDelay = ms("endpointing.maxDelay", endpointing.maxDelay, Math.max(3000, minDelay))
  if (maxDelay < minDelay) {
    problems.push({ option: "endpointing.maxDelay", detail: `must not be below endpointing.minDelay (${minDelay} ms)` })
  }
  const settings: Settings = {
    detection: oneOf("detection", options.detection, ["vad", "stt", "manual"]),
    endpointing: {
      mode: oneOf("endpointing.mode", endpointing.mode, ["fixed", "dynamic"]),
      minDelay,
      maxDelay,
      alpha: fraction("endpointing.alpha", endpointing.alpha, 0.9),
      threshold: fraction("endpointing.threshold", endpointing.threshold, 0.5),
      detectorDeadline: ms("endpointing.detectorDeadline", endpointing.detectorDeadline, 1000)
    },
    interruption: {
      enabled: interruption.enabled ?? true,
      minDuration: ms("interruption.minDuration", interruption.minDuration, 500),
      minWords: whole("interruption.minWords", interruption.minWords, 0, 0),
      falseInterruptionTimeout: ms(
        "interruption.falseInterruptionTimeout",
        interruption.falseInterruptionTimeout,
        2000
      ),
      resume: interruption.resume ?? true,
      echoWarmUp: ms("interruption.echoWarmUp", interruption.echoWarmUp, 3000),
      backchannel: interruption.backchannel ?? true
    },
    preemption: {
      llm: preemption.llm ?? true,
      tts: preemption.tts ?? false,
      maxSpeech: ms("preemption.maxSpeech", preemption.maxSpeech, 10_000),
      maxTries: whole("preemption.maxTries", preemption.maxTries, 3, 0)
    },
    awayAfter: ms("awayAfter", options.awayAfter, 15_000),
    transcriptionTimeout: ms("transcriptionTimeout", options.transcriptionTimeout, Number.POSITIVE_INFINITY),
    limits: {
      maxWords: whole("limits.maxWords", limits.maxWords, Number.POSITIVE_INFINITY, 1),
      maxSpeech: ms("limits.maxSpeech", limits.maxSpeech, Number.POSITIVE_INFINITY)
    },
    tolerated: whole("toleratedFailures", options.toleratedFailures, 2, 0),
    maxErrors: whole("maxErrors", options.maxErrors, 10, 0),
    errorWindow: ms("errorWindow", options.errorWindow, 300_000)
  }
  return problems[0] ?? settings
}
