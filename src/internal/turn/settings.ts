/** The options of turn-taking with every default filled in, or what is wrong with them. */
import * as Result from "effect/Result"
import type { InvalidOptions } from "../../Failure.ts"
import type { Options } from "../../Turn.ts"
import * as Check from "../options.ts"
import { ofTurn } from "../options/counterparts.ts"
import type * as Phrases from "../text/phrases.ts"

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
    readonly threshold: number | undefined
    readonly confidentDelay: number
    readonly detectorDeadline: number
  }
  readonly interruption: {
    readonly enabled: boolean
    readonly duck: boolean
    readonly minDuration: number
    readonly faintBelow: number
    readonly minWords: number
    readonly falseInterruptionTimeout: number | undefined
    readonly resume: boolean
    readonly resumeFrom: "clause" | "pause"
    readonly echoWarmUp: number
    readonly backchannel: boolean
  }
  readonly preemption: {
    readonly llm: boolean
    readonly tts: boolean
    readonly maxSpeech: number
    readonly maxTries: number
  }
  readonly language: string | undefined
  readonly phrases: Phrases.MorePhrases | undefined
  readonly awayAfter: number
  readonly holdFor: number
  readonly transcriptionTimeout: number | undefined
  readonly limits: { readonly maxWords: number; readonly maxSpeech: number }
  readonly toleratedFailures: number
  readonly maxErrors: number
  readonly errorWindow: number
}

const isPhrases = (given: NonNullable<Options["phrases"]>): boolean =>
  Check.isRecord(given) && Object.values(given).every((book) =>
    typeof book === "object" && book !== null &&
    Object.values(book).every((list) =>
      list === undefined || (Array.isArray(list) && list.every((phrase) => typeof phrase === "string"))
    )
  )

// What `Turn.Options` may be; its docstrings say the same.
const fields = Check.struct<Options>()({
  detection: Check.oneOf(["vad", "stt", "manual"], { default: "vad" }),
  endpointing: Check.section(
    Check.struct<NonNullable<Options["endpointing"]>>()({
      mode: Check.oneOf(["fixed", "dynamic"], { default: "fixed" }),
      minDelay: Check.duration({ usual: "500 millis" }),
      maxDelay: Check.duration({ usual: "3 seconds" }),
      alpha: Check.ratio({ default: 0.9 }),
      threshold: Check.ratio(),
      confidentDelay: Check.duration({ usual: "200 millis" }),
      detectorDeadline: Check.duration({ default: "1 second" })
    })
  ),
  interruption: Check.section(
    Check.struct<NonNullable<Options["interruption"]>>()({
      enabled: Check.flag({ default: true }),
      duck: Check.flag({ default: true }),
      minDuration: Check.duration({ default: "500 millis" }),
      faintBelow: Check.number({ least: 0, default: 12, endless: true }),
      minWords: Check.whole({ default: 0, endless: true }),
      falseInterruptionTimeout: Check.duration({ usual: "2 seconds" }),
      resume: Check.flag({ default: true }),
      resumeFrom: Check.oneOf(["clause", "pause"], { default: "clause" }),
      echoWarmUp: Check.duration({ default: "3 seconds" }),
      backchannel: Check.flag({ default: true })
    })
  ),
  preemption: Check.section(
    Check.struct<NonNullable<Options["preemption"]>>()({
      llm: Check.flag({ default: true }),
      tts: Check.flag({ default: false }),
      maxSpeech: Check.duration({ default: "10 seconds" }),
      maxTries: Check.whole({ default: 3, endless: true })
    })
  ),
  language: Check.text(),
  phrases: Check.such(isPhrases, "must be lists of texts by language, such as { de: { continuers: [\"jep\"] } }"),
  awayAfter: Check.duration({ default: "15 seconds" }),
  holdFor: Check.duration({ default: "45 seconds" }),
  transcriptionTimeout: Check.duration({ usual: "3 seconds" }),
  limits: Check.section(
    Check.struct<NonNullable<Options["limits"]>>()({
      maxWords: Check.whole({ least: 1, default: Infinity, endless: true }),
      maxSpeech: Check.duration({ default: "Infinity", usual: "30 seconds" })
    })
  ),
  toleratedFailures: Check.whole({ default: 2, endless: true }),
  maxErrors: Check.whole({ default: 10, endless: true }),
  errorWindow: Check.duration({ default: "5 minutes" })
})
const schema = Check.instead(fields, ofTurn)

/** Silence (ms) after which a turn may be over, where the program does not say. */
const shortest = 500

/** `Turn.Options`, as other options hold them. */
export const turn = Check.together(schema, ({ endpointing: { maxDelay, minDelay = shortest } }) => ({
  "endpointing.maxDelay": maxDelay !== undefined && maxDelay < minDelay
    ? `must not be below endpointing.minDelay (${minDelay} ms)`
    : undefined
}))

/** Without a `maxDelay` of its own, a long `minDelay` is both; one that is set holds for a confident end, too. */
export const settle = ({ endpointing, ...others }: typeof turn.Type): Settings => {
  const { minDelay = shortest } = endpointing
  return {
    ...others,
    endpointing: {
      ...endpointing,
      minDelay,
      maxDelay: endpointing.maxDelay ?? Math.max(3000, minDelay),
      confidentDelay: endpointing.confidentDelay ?? endpointing.minDelay ?? 200
    }
  }
}

/**
 * Fills in every default, or tells all that is wrong, each by a path such as
 * `endpointing.minDelay`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (options: Options = {}): Result.Result<Settings, InvalidOptions> =>
  Result.map(Check.read(turn, options), settle)
