/** `Pipeline.Options`, checked. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Cost from "../../Cost.ts"
import type { Options } from "../../Pipeline.ts"
import * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import { millisOf } from "../provider/options.ts"

/**
 * An option has a value that no conversation can work with.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends Schema.TaggedError<InvalidOption>("effect-voice/Pipeline/InvalidOption")(
  "InvalidOption",
  { option: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `${this.option} ${this.detail}`
  }
}

export interface Checked {
  readonly turn: Turn.Settings
  readonly maxToolSteps: number
  readonly minSentence: number
  readonly mutedAfter: number
  readonly closeTimeout: number
  readonly drainTimeout: number
  readonly lastWordsTimeout: number
  readonly subscriberTimeout: number
  readonly returnTimeout: number
  readonly hookTimeout: number
  readonly toolTimeout: number
  readonly roomTimeout: number
}

const oneOf = (
  option: string,
  value: string | undefined,
  allowed: ReadonlyArray<string>
): Effect.Effect<void, InvalidOption> =>
  value === undefined || allowed.includes(value)
    ? Effect.void
    : Effect.fail(new InvalidOption({ option, detail: `must be one of ${allowed.join(", ")}` }))

const whole = (option: string, value: number | undefined, fallback: number): Effect.Effect<number, InvalidOption> =>
  value === undefined || value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value >= 0)
    ? Effect.succeed(value ?? fallback)
    : Effect.fail(new InvalidOption({ option, detail: `must be a whole number of 0 or more, not ${value}` }))

export const millis = (
  option: string,
  value: Duration.Input | undefined,
  fallback: number
): Effect.Effect<number, InvalidOption> => {
  if (value === undefined) return Effect.succeed(fallback)
  const length = millisOf(value)
  return length >= 0
    ? Effect.succeed(length)
    : Effect.fail(new InvalidOption({ option, detail: "must be a duration of 0 or more, such as \"5 seconds\"" }))
}

const checkPrices = (prices: Cost.Prices): Effect.Effect<void, InvalidOption> =>
  Effect.forEach(
    prices,
    (price) =>
      Effect.forEach(["inputTokens", "outputTokens", "characters", "audioMinutes"] as const, (unit) => {
        const asked = price[unit] ?? 0
        return asked >= 0 && Number.isFinite(asked) ? Effect.void : Effect.fail(
          new InvalidOption({
            option: `spending.prices of ${price.provider}: ${unit}`,
            detail: `must be a number of 0 or more, not ${asked}`
          })
        )
      }, { discard: true }),
    { discard: true }
  )

const checkSpending = (budget: Cost.Budget | undefined): Effect.Effect<void, InvalidOption> =>
  Effect.gen(function*() {
    if (budget === undefined) return
    if (!(budget.limit > 0)) {
      return yield* new InvalidOption({
        option: "spending.budget.limit",
        detail: `must be above 0, not ${budget.limit}`
      })
    }
    yield* oneOf("spending.budget.unit", budget.unit, ["cost", "tokens", "characters", "audioSeconds"])
    for (const option of ["warnAt", "economyAt"] as const) {
      const share = budget[option]
      if (share === undefined || (share >= 0 && share <= 1)) continue
      return yield* new InvalidOption({
        option: `spending.budget.${option}`,
        detail: `must be a share of the limit, from 0 to 1, not ${share}`
      })
    }
  })

export const checkTurn = (options: Turn.Options | undefined): Effect.Effect<Turn.Settings, InvalidOption> => {
  const settings = Turn.resolve(options)
  return "option" in settings
    ? Effect.fail(new InvalidOption({ option: `turn.${settings.option}`, detail: settings.detail }))
    : Effect.succeed(settings)
}

const overlay = <A extends object>(self: A | undefined, that: A | undefined): Partial<A> => ({
  ...self,
  ...Object.fromEntries(Object.entries(that ?? {}).filter(([, value]) => value !== undefined)) as Partial<A>
})

/** What the second leaves out stays as it is in the first, section by section. */
export const mergeTurn = (self: Turn.Options, that: Turn.Options): Turn.Options => ({
  ...overlay(self, that),
  endpointing: overlay(self.endpointing, that.endpointing),
  interruption: overlay(self.interruption, that.interruption),
  preemption: overlay(self.preemption, that.preemption),
  limits: overlay(self.limits, that.limits)
})

/** What the second leaves out stays as it is in the first. */
export const mergeVad = (self: Vad.Options | undefined, that: Vad.Options | undefined): Vad.Options =>
  overlay(self, that)

export const check = (options: Options): Effect.Effect<Checked, InvalidOption> =>
  Effect.gen(function*() {
    const turn = yield* checkTurn(options.turn)
    const { budget, resilience } = options
    yield* oneOf("feed", options.feed, ["all", "speech"])
    yield* whole("resilience.retries", resilience?.retries, 0)
    yield* millis("resilience.firstOutput", resilience?.firstOutput, 0)
    yield* millis("resilience.nextOutput", resilience?.nextOutput, 0)
    yield* whole("budget.maxTokens", budget?.maxTokens, 0)
    yield* whole("budget.targetTokens", budget?.targetTokens, 0)
    yield* whole("budget.keepRecent", budget?.keepRecent, 0)
    yield* checkPrices(options.spending?.prices ?? [])
    yield* checkSpending(options.spending?.budget)
    if (options.prewarm !== undefined && typeof options.prewarm !== "boolean") {
      yield* oneOf("prewarm", options.prewarm, ["paid"])
    }
    yield* oneOf("budget.strategy", budget?.strategy, ["truncate", "summarize"])
    return {
      turn,
      maxToolSteps: yield* whole("maxToolSteps", options.maxToolSteps, 3),
      minSentence: yield* whole("minSentence", options.minSentence, 20),
      mutedAfter: yield* millis("mutedAfter", options.mutedAfter, 1000),
      closeTimeout: yield* millis("closeTimeout", options.closeTimeout, 5000),
      lastWordsTimeout: yield* millis("lastWordsTimeout", options.lastWordsTimeout, 2000),
      drainTimeout: yield* millis("drainTimeout", options.drainTimeout, 30_000),
      subscriberTimeout: yield* millis("subscriberTimeout", options.subscriberTimeout, 5000),
      returnTimeout: yield* millis("returnTimeout", options.returnTimeout, 20_000),
      toolTimeout: yield* millis("toolTimeout", options.toolTimeout, 60_000),
      roomTimeout: yield* millis("roomTimeout", options.roomTimeout, 10_000),
      hookTimeout: yield* millis("hookTimeout", options.hookTimeout, 10_000)
    }
  })
