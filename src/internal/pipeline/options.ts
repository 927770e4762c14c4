/** `Pipeline.Options`, checked. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Cost from "../../Cost.ts"
import type { InvalidOptions } from "../../Failure.ts"
import type { Apology, EachOptions, Filler, Options } from "../../Pipeline.ts"
import type * as Processor from "../../Processor.ts"
import type * as Text from "../../Text.ts"
import type * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import { clip } from "../audio/options.ts"
import { sizes } from "../history/options.ts"
import * as Check from "../options.ts"
import { overlay } from "../options.ts"
import { ofPipelines } from "../options/counterparts.ts"
import { lengthOf } from "../options/duration.ts"
import { attempts } from "../resilience/options.ts"
import { settle, turn } from "../turn/settings.ts"

const isText = (given: string): boolean => typeof given === "string"

const processors = Check.list(
  Check.required(
    Check.such<Processor.Processor>(
      (given) => Check.isRecord(given) && Effect.isEffect(given.open),
      "be a Processor, such as Processor.gain or Processor.make gives"
    )
  )
)

/** Providers tell their prices for a million; for each one they are as small as this. */
const forEach = (given: unknown): string | undefined =>
  typeof given === "number" && given > 0 && given < 0.001
    ? `is ${given} for a million: ${Number((given * 1_000_000).toPrecision(6))} may be meant`
    : undefined

const million = Check.number({ least: 0, doubt: forEach })

const price = Check.struct<Cost.Price>()({
  provider: Check.required(Check.text()),
  model: Check.text(),
  inputTokens: million,
  cachedInputTokens: million,
  outputTokens: million,
  audioInputTokens: million,
  cachedAudioInputTokens: million,
  audioOutputTokens: million,
  characters: million,
  audioMinutes: Check.number({ least: 0 })
})

const spending = Check.together(
  Check.struct<NonNullable<Options["spending"]>>()({
    prices: Check.list(price),
    budget: Check.maybe(
      Check.struct<Cost.Budget>()({
        limit: Check.required(Check.number({ above: 0, endless: true })),
        unit: Check.oneOf(["cost", "tokens", "characters", "audioSeconds"]),
        warnAt: Check.ratio(),
        economyAt: Check.ratio(),
        goodbye: Check.words
      })
    )
  }),
  ({ budget, prices = [] }) => ({
    prices: budget !== undefined && (budget.unit ?? "cost") === "cost" && prices.length === 0
      ? "must be given, for the budget is one of cost; or set budget.unit to tokens, characters or audioSeconds"
      : undefined
  })
)

const budget = Check.struct<NonNullable<Options["budget"]>>()({
  ...sizes,
  strategy: Check.required(Check.oneOf(["truncate", "summarize"]))
})

const results = Check.struct<NonNullable<Options["results"]>>()({
  calm: Check.duration({ default: "1.5 seconds" }),
  failureCalm: Check.duration({ default: "500 millis" }),
  remindAfter: Check.duration({ default: "30 seconds" }),
  maxReplies: Check.whole({ default: 20, endless: true }),
  goodbyeWait: Check.duration({ default: "8 seconds" }),
  goodbyeSay: Check.or(false, Check.text(), { default: "One moment, please." })
})

const timeLimits = Check.struct<NonNullable<Options["timeLimits"]>>()({
  session: Check.duration({ default: "Infinity", above: 0, usual: "30 minutes" }),
  away: Check.duration({ default: "Infinity", usual: "2 minutes" }),
  ringing: Check.duration({ default: "2 minutes", above: 0 }),
  goodbye: Check.words
})

const filler = Check.struct<Filler>()({
  after: Check.duration({ default: "2 seconds" }),
  apart: Check.duration({ default: "8 seconds" }),
  say: Check.such<NonNullable<Filler["say"]>>(
    (given) => typeof given === "function" || [given].flat().every((one) => typeof one === "string"),
    "be a text, a list of texts, or a function that gives one"
  ),
  clip
})

/** Words that are said when something has failed. */
const recorded = Check.or(false, Check.struct<Apology>()({ text: Check.words, clip }))

const shared = {
  turn: Check.section(turn),
  vad: Check.such<Vad.Options>(Check.isRecord, "be an object of options of the detector"),
  maxToolSteps: Check.whole({ default: 3, endless: true }),
  toolTimeout: Check.duration({ default: "60 seconds" }),
  results: Check.section(results),
  resilience: Check.maybe(attempts),
  apology: recorded,
  failedReply: recorded,
  filler: Check.shorthand(
    Check.or(false, filler),
    (given: boolean | Filler | undefined) => given === true ? {} : given
  ),
  textTimeout: Check.duration({ default: "10 seconds" }),
  prewarm: Check.oneOf([true, false, "paid"]),
  processors,
  detectorProcessors: processors,
  transforms: Check.list(
    Check.required(
      Check.such<Text.Transform>(
        (given) => Check.isRecord(given) && typeof given.open === "function",
        "be a Transform, such as Text.markdown or Text.replace gives"
      )
    )
  ),
  minSentence: Check.whole({ endless: true }),
  feed: Check.oneOf(["all", "speech"]),
  stt: Check.flag(),
  syncTranscript: Check.flag(),
  mutedAfter: Check.duration({ default: "1 second" }),
  budget: Check.maybe(budget),
  spending: Check.maybe(spending),
  output: Check.such<NonNullable<Options["output"]>>(Check.isRecord, "be an object of options of the output"),
  textTopic: Check.or(false, Check.text()),
  onText: Check.callback,
  onKey: Check.callback,
  microphoneTimeout: Check.duration({ default: "2 seconds" }),
  subscriberTimeout: Check.duration({ default: "5 seconds" }),
  closeOnLeave: Check.flag(),
  returnTimeout: Check.duration({ default: "20 seconds" }),
  closeTimeout: Check.duration({ default: "5 seconds" }),
  lastWordsTimeout: Check.duration({ default: "2 seconds" }),
  drainTimeout: Check.duration({ default: "30 seconds" }),
  timeLimits: Check.section(timeLimits),
  roomTimeout: Check.duration({ default: "10 seconds" }),
  hookTimeout: Check.duration({ default: "10 seconds" }),
  job: Check.texts,
  onEvent: Check.callback
}

/** How turns are taken in a session with a turn detector, or without one. */
const turnBeside = (detector: boolean) =>
  Check.together(turn, ({ detection, endpointing: { threshold } }) => ({
    "endpointing.threshold": threshold !== undefined && !detector
      ? "is what a turn detector's answer is held against, and there is none: provide one, such as SmartTurnDetector"
      : undefined,
    detection: detection === "stt" && detector
      ? "must not be \"stt\" beside a turn detector: the recogniser alone decides then, so leave one of them out"
      : undefined
  }))

const turns = { judged: turnBeside(true), plain: turnBeside(false) }

const turnWith = (detector: boolean) => detector ? turns.judged : turns.plain

const oneWith = (detector: boolean) =>
  Check.instead(
    Check.struct<Options>()({
      ...shared,
      turn: Check.section(turnWith(detector)),
      participant: Check.such(isText, "be the identity of a participant"),
      sessionId: Check.text()
    }),
    ofPipelines
  )

const one = { judged: oneWith(true), plain: oneWith(false) }

const each = Check.instead(
  Check.struct<EachOptions>()({
    ...shared,
    accepts: Check.callback,
    concurrency: Check.whole({ least: 1, default: 16 })
  }),
  ofPipelines
)

export interface Checked extends Omit<typeof one.plain.Type, "turn"> {
  readonly turn: Turn.Settings
}

/** Checks them for a session with a turn detector, or without one. */
export const check = (options: Options, detector: boolean): Effect.Effect<Checked, InvalidOptions> =>
  Effect.map(
    Check.readWarning(detector ? one.judged : one.plain, options),
    ({ turn, ...others }) => ({ ...others, turn: settle(turn) })
  )

export const checkEach = (options: EachOptions): Effect.Effect<typeof each.Type, InvalidOptions> =>
  Check.readWarning(each, options)

export const checkTurn = (
  options: Turn.Options | undefined,
  detector: boolean
): Effect.Effect<Turn.Settings, InvalidOptions> =>
  Effect.suspend(() => Effect.fromResult(Result.map(Check.read(turnWith(detector), options ?? {}, "turn"), settle)))

/** How a silence is filled where nobody has said anything about it, and it is. */
export const fillerByDefault = (): typeof filler.Type => Check.readOrThrow(filler, {})

/** What the second leaves out stays as it is in the first, section by section. */
export const mergeTurn = (self: Turn.Options, that: Turn.Options): Turn.Options => ({
  ...overlay(self, that),
  endpointing: overlay(self.endpointing, that.endpointing),
  interruption: overlay(self.interruption, that.interruption),
  preemption: overlay(self.preemption, that.preemption),
  limits: overlay(self.limits, that.limits)
})

/**
 * What an agent says goes before what its pipeline says: where a delay of the
 * pipeline's contradicts one of the agent's, it gives way.
 */
export const underAgent = (pipeline: Turn.Options, agent: Turn.Options | undefined): Turn.Options => {
  if (agent === undefined) return pipeline
  const merged = mergeTurn(pipeline, agent)
  const { maxDelay, minDelay } = merged.endpointing ?? {}
  const own = agent.endpointing ?? {}
  const agrees = maxDelay === undefined || minDelay === undefined || lengthOf(maxDelay) >= lengthOf(minDelay)
  if (agrees || (own.maxDelay === undefined) === (own.minDelay === undefined)) return merged
  const delay = own.maxDelay ?? own.minDelay
  return { ...merged, endpointing: { ...merged.endpointing, minDelay: delay, maxDelay: delay } }
}

/** What the second leaves out stays as it is in the first. */
export const mergeVad = (self: Vad.Options | undefined, that: Vad.Options | undefined): Vad.Options =>
  overlay(self, that)
