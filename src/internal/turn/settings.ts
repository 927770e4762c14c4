/** The options of turn-taking with every default filled in, or what is wrong with them. */
import * as Result from "effect/Result"
import type { InvalidOptions } from "../../Failure.ts"
import type { Options } from "../../Turn.ts"
import * as Asked from "../options.ts"

type Section<K extends keyof Options> = NonNullable<Options[K]>

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
  readonly toleratedFailures: number
  readonly maxErrors: number
  readonly errorWindow: number
}

// What `Turn.Options` may be; its docstrings say the same.
const schema = Asked.struct<Options>()({
  detection: Asked.oneOf(["vad", "stt", "manual"], { default: "vad" }),
  endpointing: Asked.section(
    Asked.struct<Section<"endpointing">>()({
      mode: Asked.oneOf(["fixed", "dynamic"], { default: "fixed" }),
      minDelay: Asked.duration({ default: "500 millis" }),
      maxDelay: Asked.duration(),
      alpha: Asked.ratio({ default: 0.9 }),
      threshold: Asked.ratio({ default: 0.5 }),
      detectorDeadline: Asked.duration({ default: "1 second" })
    })
  ),
  interruption: Asked.section(
    Asked.struct<Section<"interruption">>()({
      enabled: Asked.flag({ default: true }),
      minDuration: Asked.duration({ default: "500 millis" }),
      minWords: Asked.whole({ default: 0, endless: true }),
      falseInterruptionTimeout: Asked.duration({ default: "2 seconds" }),
      resume: Asked.flag({ default: true }),
      echoWarmUp: Asked.duration({ default: "3 seconds" }),
      backchannel: Asked.flag({ default: true })
    })
  ),
  preemption: Asked.section(
    Asked.struct<Section<"preemption">>()({
      llm: Asked.flag({ default: true }),
      tts: Asked.flag({ default: false }),
      maxSpeech: Asked.duration({ default: "10 seconds" }),
      maxTries: Asked.whole({ default: 3, endless: true })
    })
  ),
  awayAfter: Asked.duration({ default: "15 seconds" }),
  transcriptionTimeout: Asked.duration({ default: "Infinity" }),
  limits: Asked.section(
    Asked.struct<Section<"limits">>()({
      maxWords: Asked.whole({ least: 1, default: Infinity, endless: true }),
      maxSpeech: Asked.duration({ default: "Infinity" })
    })
  ),
  toleratedFailures: Asked.whole({ default: 2, endless: true }),
  maxErrors: Asked.whole({ default: 10, endless: true }),
  errorWindow: Asked.duration({ default: "5 minutes" })
})

/** `Turn.Options`, as other options hold them. */
export const turn = Asked.together(schema, ({ endpointing: { maxDelay, minDelay } }) => ({
  "endpointing.maxDelay": maxDelay !== undefined && maxDelay < minDelay
    ? `must not be below endpointing.minDelay (${minDelay} ms)`
    : undefined
}))

/** Without a `maxDelay` of its own, a long `minDelay` is both. */
export const settle = ({ endpointing, ...others }: typeof turn.Type): Settings => ({
  ...others,
  endpointing: { ...endpointing, maxDelay: endpointing.maxDelay ?? Math.max(3000, endpointing.minDelay) }
})

/**
 * Fills in every default, or tells all that is wrong, each by a path such as
 * `endpointing.minDelay`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (options: Options = {}): Result.Result<Settings, InvalidOptions> =>
  Result.map(Asked.read(turn, options), settle)
