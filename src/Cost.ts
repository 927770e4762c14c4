/**
 * How much a conversation uses its providers, and what that costs.
 *
 * Usage is counted for every real request: also in a fallback, in a hedged request that was too
 * late, and in a reply that was interrupted. You give the prices: they differ by contract and
 * change, so the package contains none. Usage without a price counts with a cost of 0, and is
 * reported all the same.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import * as costs from "./internal/cost.ts"

/**
 * The usage of one request to a provider. An `Stt` reports it with each final transcript, and after
 * 15 seconds of audio without one.
 *
 * **Details**
 *
 * `characters` of text and `audioMs` of audio are what a synthesiser was given
 * and gave; `audioMs` of a recogniser is what it was given. `estimated` says
 * that the model did not tell its tokens, as when a reply is interrupted: they
 * are then counted as one for four characters.
 *
 * @category models
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  component: Schema.Literals(["stt", "llm", "tts"]),
  provider: Schema.String,
  model: Schema.optionalKey(Schema.String),
  inputTokens: Schema.Finite,
  outputTokens: Schema.Finite,
  /** Those of `inputTokens` that the provider had in its cache, where it tells. */
  cachedInputTokens: Schema.optionalKey(Schema.Finite),
  /** Those of `inputTokens` that the model heard. */
  audioInputTokens: Schema.optionalKey(Schema.Finite),
  /** Those of `audioInputTokens` that the provider had in its cache. */
  cachedAudioInputTokens: Schema.optionalKey(Schema.Finite),
  /** Those of `outputTokens` that the model spoke itself. */
  audioOutputTokens: Schema.optionalKey(Schema.Finite),
  characters: Schema.Int,
  audioMs: Schema.Finite,
  estimated: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type

/**
 * The price of a provider. Use one currency for all prices.
 *
 * @category models
 * @since 0.1.0
 */
export interface Price {
  /** The provider's name, as its layer has it. */
  readonly provider: string
  /** Of this model, and those whose names begin with it; the longest name counts. @default of all models */
  readonly model?: string | undefined
  /** For a million tokens of the prompt. @default 0 */
  readonly inputTokens?: number | undefined
  /** For a million tokens of the prompt that the provider had in its cache. @default the price of the others */
  readonly cachedInputTokens?: number | undefined
  /** For a million tokens of the reply. @default 0 */
  readonly outputTokens?: number | undefined
  /** For a million tokens of audio that a model hears. @default the price of `inputTokens` */
  readonly audioInputTokens?: number | undefined
  /** For a million of those that the provider had in its cache. @default the price of `audioInputTokens` */
  readonly cachedAudioInputTokens?: number | undefined
  /** For a million tokens of audio that a model speaks. @default the price of `outputTokens` */
  readonly audioOutputTokens?: number | undefined
  /** For a million characters of text. @default 0 */
  readonly characters?: number | undefined
  /** For a minute of audio. @default 0 */
  readonly audioMinutes?: number | undefined
}

/**
 * A price table.
 *
 * @category models
 * @since 0.1.0
 */
export type Prices = ReadonlyArray<Price>

/**
 * The unit of a budget.
 *
 * @category models
 * @since 0.1.0
 */
export const Unit = Schema.Literals(["cost", "tokens", "characters", "audioSeconds"])

/**
 * @category models
 * @since 0.1.0
 */
export type Unit = typeof Unit.Type

/**
 * How much a conversation may use.
 *
 * **Details**
 *
 * There are three stages, and each is an event. First comes a warning for the operator. Then no
 * more replies are made in advance (preemption). At the limit the agent says goodbye, and the
 * session ends with the reason `budget`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Budget {
  /** Above 0, in `unit`. */
  readonly limit: number
  /** @default "cost" */
  readonly unit?: Unit | undefined
  /** Share of the limit at which the operator is warned. @default 0.8 */
  readonly warnAt?: number | undefined
  /** Share of the limit from which on no reply is made in advance. @default 0.9 */
  readonly economyAt?: number | undefined
  /** Said at the limit; `""` for nothing. @default "I'm sorry, our time is up. Goodbye!" */
  readonly goodbye?: string | undefined
}

/**
 * The usage so far, in total or of one provider and model.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spent {
  readonly requests: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly characters: number
  readonly audioMs: number
  /** 0 for what has no price. */
  readonly cost: number
}

/**
 * The usage so far, by `provider`, or by `provider/model` if the model is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly total: Spent
  readonly by: Readonly<Record<string, Spent>>
}

/**
 * A report without any usage.
 *
 * @category constants
 * @since 0.1.0
 */
export const nothing: Report = costs.nothing

/**
 * Gives the cost of a usage, `undefined` where the table has no price for it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const of: (usage: Usage, prices: Prices) => number | undefined = costs.of

/**
 * Adds a usage to a report.
 *
 * @category combinators
 * @since 0.1.0
 */
export const add: (self: Report, usage: Usage, cost?: number) => Report = costs.add

/**
 * Gives what a report has of a unit: cost, tokens of both directions,
 * characters, or seconds of audio.
 *
 * @category getters
 * @since 0.1.0
 */
export const amount: (self: Report, unit: Unit) => number = costs.amount

/**
 * The function that gets every usage. A session sets it for all its requests. Outside a session,
 * provide your own.
 *
 * @category services
 * @since 0.1.0
 */
export const Meter: Context.Reference<(usage: Usage) => void> = Context.Reference<(usage: Usage) => void>(
  "effect-voice/Cost/Meter",
  { defaultValue: () => () => {} }
)
