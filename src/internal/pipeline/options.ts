/** `Pipeline.Options`, checked. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Cost from "../../Cost.ts"
import type { InvalidOptions } from "../../Failure.ts"
import type { EachOptions, Options } from "../../Pipeline.ts"
import type * as Turn from "../../Turn.ts"
import * as Asked from "../options.ts"
import { overlay } from "../options.ts"
import { settle, turn } from "../turn/settings.ts"

const price = Asked.struct<Cost.Price>()({
  provider: Asked.required(Asked.text()),
  model: Asked.text(),
  inputTokens: Asked.number({ least: 0 }),
  outputTokens: Asked.number({ least: 0 }),
  characters: Asked.number({ least: 0 }),
  audioMinutes: Asked.number({ least: 0 })
})

const spending = Asked.struct<NonNullable<Options["spending"]>>()({
  prices: Asked.list(price),
  budget: Asked.maybe(
    Asked.struct<Cost.Budget>()({
      limit: Asked.required(Asked.number({ above: 0, endless: true })),
      unit: Asked.oneOf(["cost", "tokens", "characters", "audioSeconds"]),
      warnAt: Asked.ratio(),
      economyAt: Asked.ratio(),
      goodbye: Asked.asIs
    })
  )
})

const budget = Asked.struct<NonNullable<Options["budget"]>>()({
  maxTokens: Asked.required(Asked.whole({ endless: true })),
  targetTokens: Asked.whole({ endless: true }),
  keepRecent: Asked.whole({ endless: true }),
  estimate: Asked.asIs,
  strategy: Asked.required(Asked.oneOf(["truncate", "summarize"]))
})

const resilience = Asked.struct<NonNullable<Options["resilience"]>>()({
  retries: Asked.whole({ endless: true }),
  schedule: Asked.asIs,
  firstOutput: Asked.duration(),
  nextOutput: Asked.duration()
})

const shared = {
  turn: Asked.section(turn),
  vad: Asked.asIs,
  maxToolSteps: Asked.whole({ default: 3, endless: true }),
  toolTimeout: Asked.duration({ default: "60 seconds" }),
  resilience: Asked.maybe(resilience),
  apology: Asked.asIs,
  prewarm: Asked.oneOf([true, false, "paid"]),
  processors: Asked.asIs,
  transforms: Asked.asIs,
  minSentence: Asked.whole({ default: 20, endless: true }),
  feed: Asked.oneOf(["all", "speech"]),
  stt: Asked.flag(),
  syncTranscript: Asked.flag(),
  mutedAfter: Asked.duration({ default: "1 second" }),
  turnDetector: Asked.asIs,
  overlapClassifier: Asked.asIs,
  budget: Asked.maybe(budget),
  spending: Asked.maybe(spending),
  output: Asked.asIs,
  textTopic: Asked.asIs,
  onText: Asked.asIs,
  onKey: Asked.asIs,
  subscriberTimeout: Asked.duration({ default: "5 seconds" }),
  closeOnLeave: Asked.flag(),
  returnTimeout: Asked.duration({ default: "20 seconds" }),
  closeTimeout: Asked.duration({ default: "5 seconds" }),
  lastWordsTimeout: Asked.duration({ default: "2 seconds" }),
  drainTimeout: Asked.duration({ default: "30 seconds" }),
  roomTimeout: Asked.duration({ default: "10 seconds" }),
  hookTimeout: Asked.duration({ default: "10 seconds" }),
  job: Asked.asIs,
  onEvent: Asked.asIs
}

const one = Asked.struct<Options>()({ ...shared, participant: Asked.asIs, sessionId: Asked.text() })

const each = Asked.struct<EachOptions>()({
  ...shared,
  accepts: Asked.asIs,
  concurrency: Asked.whole({ least: 1, default: 16 })
})

const wait = Asked.struct<{ readonly wait?: Duration.Input | undefined }>()({
  wait: Asked.duration({ default: "2 seconds" })
})

export interface Checked extends Omit<typeof one.Type, "turn"> {
  readonly turn: Turn.Settings
}

export const check = (options: Options): Effect.Effect<Checked, InvalidOptions> =>
  Effect.suspend(() =>
    Effect.fromResult(
      Result.map(Asked.read(one, options), ({ turn, ...others }) => ({ ...others, turn: settle(turn) }))
    )
  )

export const checkEach = (options: EachOptions): Effect.Effect<typeof each.Type, InvalidOptions> =>
  Effect.suspend(() => Effect.fromResult(Asked.read(each, options)))

export const checkTurn = (options: Turn.Options | undefined): Effect.Effect<Turn.Settings, InvalidOptions> =>
  Effect.suspend(() => Effect.fromResult(Result.map(Asked.read(turn, options ?? {}, "turn."), settle)))

export const checkWait = (options: typeof wait.Encoded): Effect.Effect<typeof wait.Type, InvalidOptions> =>
  Effect.suspend(() => Effect.fromResult(Asked.read(wait, options)))

/** What the second leaves out stays as it is in the first, section by section. */
export const mergeTurn = (self: Turn.Options, that: Turn.Options): Turn.Options => ({
  ...overlay(self, that),
  endpointing: overlay(self.endpointing, that.endpointing),
  interruption: overlay(self.interruption, that.interruption),
  preemption: overlay(self.preemption, that.preemption),
  limits: overlay(self.limits, that.limits)
})
