/** What resilience is made of, as `Resilience` shows it. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Failure from "../../Failure.ts"

/**
 * A provider of a fallback was lost, or is back. If several have one name, `provider` tells the model,
 * too (`openai/gpt-4.1-mini`), and a number from the second of one model on (`openai/gpt-4.1-mini#2`).
 *
 * @category models
 * @since 0.1.0
 */
export const Availability = Schema.Struct({
  component: Schema.Literals(["stt", "llm", "tts"]),
  provider: Schema.String,
  available: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type Availability = typeof Availability.Type

/**
 * What a fallback tells beside being a service: the names of the providers
 * that are available now, in order of preference, and every change from now on.
 * A slow reader of `availability` loses all but the newest 64 changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fallback {
  readonly available: Effect.Effect<ReadonlyArray<string>>
  readonly availability: Stream.Stream<Availability>
}

/**
 * What a circuit breaker does: lets every request through, one to try, or none.
 *
 * @category models
 * @since 0.1.0
 */
export const BreakerState = Schema.Literals(["closed", "half_open", "open"])

/**
 * @category models
 * @since 0.1.0
 */
export type BreakerState = typeof BreakerState.Type

/**
 * A circuit breaker has changed.
 *
 * @category models
 * @since 0.1.0
 */
export const BreakerChange = Schema.Struct({
  component: Schema.Literals(["stt", "llm", "tts", "other"]),
  provider: Schema.String,
  from: BreakerState,
  to: BreakerState
})

/**
 * @category models
 * @since 0.1.0
 */
export type BreakerChange = typeof BreakerChange.Type

/**
 * When a circuit breaker opens, and its way back.
 *
 * **Details**
 *
 * Each attempt at the provider counts, also one that is tried again. What a bad
 * request is answered (`InvalidRequest`, status 400, 413 and 422) does not, and
 * neither does a request that was interrupted.
 *
 * @category options
 * @since 0.1.0
 */
export interface BreakerOptions {
  /** Name of the provider, in events and metrics. */
  readonly name: string
  /** What the provider is, in events and metrics. @default "other" */
  readonly component?: BreakerChange["component"] | undefined
  /** Failures in a row that open it. @default 5 */
  readonly consecutiveFailures?: number | undefined
  /** Share of failures in the window that opens it, above 0 and at most 1. @default 0.5 */
  readonly failureRate?: number | undefined
  /** Requests in the window below which the share says nothing. @default 10 */
  readonly minimumRequests?: number | undefined
  /** @default "1 minute" */
  readonly window?: Duration.Input | undefined
  /**
   * Waits before each request that may try, one step for each in a row that
   * fails; 10 minutes at most of a longer `retryAfterMs` of the provider win.
   * When it ends, no request tries any more until `reset`.
   *
   * @default exponential from 5 seconds, at most 1 minute
   */
  readonly recovery?: Schedule.Schedule<unknown> | undefined
}

/**
 * A circuit breaker: keeps requests from a provider that is down.
 *
 * **Details**
 *
 * Open, it fails every request at once with `Unavailable`. After the wait of
 * `recovery` the next request tries the provider, one at a time: if it is answered
 * the breaker closes, if it fails it is open again, for the schedule's next wait.
 * Once closed, the schedule begins anew. `state` is read at any time and says
 * `open` until that request; the gauge `agent_breaker_state` shows it. A slow
 * reader of `changes` loses all but the newest 64.
 *
 * `reset` closes it, whatever the provider has answered.
 *
 * It keeps the time of the Clock that it was made with.
 *
 * `protect` guards any effect; `isFailure` says which of its errors count.
 *
 * @category models
 * @since 0.1.0
 */
export interface Breaker {
  readonly name: string
  readonly component: BreakerChange["component"]
  readonly state: Effect.Effect<BreakerState>
  readonly changes: Stream.Stream<BreakerChange>
  readonly reset: Effect.Effect<void>
  readonly protect: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    isFailure?: (error: E) => boolean
  ) => Effect.Effect<A, E | Failure.Unavailable, R>
}

/**
 * A provider is asked again: the reason of the failure before, and the number of attempts before
 * this one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retry {
  readonly component: "stt" | "llm" | "tts"
  readonly provider: string
  /** 1 for the second attempt. */
  readonly attempt: number
  readonly reason: Failure.Reason
}

/**
 * The function that gets every retry. A session sets it for all its requests, and publishes
 * `ProviderRetried`. Outside a session, provide your own.
 *
 * @category services
 * @since 0.1.0
 */
export const Retries: Context.Reference<(retry: Retry) => void> = Context.Reference<(retry: Retry) => void>(
  "effect-voice/Resilience/Retries",
  { defaultValue: () => () => {} }
)

/**
 * How one provider is asked.
 *
 * @category options
 * @since 0.1.0
 */
export interface Policy {
  /** Attempts after the first one. @default 3 */
  readonly retries?: number | undefined
  /** Waits between attempts; a longer `retryAfterMs` of the provider wins. @default exponential from 100 ms up to 5 s, jittered by 20 % */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
  /**
   * Longest time of one attempt without a sign of life. After it the provider is asked again beside
   * the silent attempt, if `firstOutput` leaves time for a whole attempt. The first answer counts,
   * and the other attempt is closed. A sign of life is any part of an answer: its headers, a
   * thought, an interim transcript. For an `Stt` the time runs as `firstOutput` does. It is longer
   * by a quarter of the speech if that is recognised in one piece. It is at least a second more
   * than the recogniser usually takes, and at least twice its latest delays in this stream.
   *
   * @default 4 seconds, or two fifths of `firstOutput` where that is longer
   */
  readonly attempt?: Duration.Input | undefined
  /**
   * Deadline for the first useful output, for all attempts together. It runs from the request for
   * an `Llm`, from the first text for a `Tts`, and from each `Finalize` without a transcript since
   * for an `Stt`. While a model thinks, the deadline moves: it is at least `nextOutput` after its
   * last thought, up to `thinking`. A text without a word, or audio without a sample, is no output.
   *
   * @default "10 seconds"
   */
  readonly firstOutput?: Duration.Input | undefined
  /**
   * Longest silence between two outputs of an `Llm`, or of a `Tts` that has all its text. After it
   * the provider has failed. A voice that is slower than a tenth of the speed at which it is heard
   * counts as silent.
   *
   * @default "10 seconds"
   */
  readonly nextOutput?: Duration.Input | undefined
  /**
   * Longest time in which a model only thinks, or writes the parameters of a call, from the request
   * or its last output on. It is never shorter than `firstOutput` and `nextOutput`.
   *
   * @default "1 minute"
   */
  readonly thinking?: Duration.Input | undefined
  /**
   * Circuit breaker: it is asked before each attempt, and learns the result. Use one for each
   * provider.
   *
   * @default none
   */
  readonly breaker?: Breaker | undefined
}

/**
 * How several providers stand in for each other.
 *
 * **Details**
 *
 * A provider that fails before its first output is lost until `probe` or
 * `recovery` brings it back; one that breaks off what is heard already is left
 * alone for 30 seconds longer, and is back when it has come to an end once.
 *
 * @category options
 * @since 0.1.0
 */
export interface FallbackOptions<Service> {
  /** Name of the fallback in errors. @default the providers' names, joined by "+" */
  readonly name?: string | undefined
  /** How each provider is asked. */
  readonly policy?: Omit<Policy, "breaker"> | undefined
  /** A circuit breaker for each provider that is not resilient itself; an open one is passed over. @default none */
  readonly breaker?: Omit<BreakerOptions, "name" | "component"> | undefined
  /**
   * Cheap call that succeeds when a lost provider is back. Without it, the next
   * request after each wait of `recovery` tries the provider.
   */
  readonly probe?: ((provider: Service) => Effect.Effect<unknown, unknown>) | undefined
  /** Waits before each probe of a lost provider. @default exponential from 1 second, at most 1 minute */
  readonly recovery?: Schedule.Schedule<unknown> | undefined
}

/**
 * When a second provider is asked beside the first.
 *
 * @category options
 * @since 0.1.0
 */
export interface HedgeOptions {
  /** Name in errors. @default the providers' names, joined by "+" */
  readonly name?: string | undefined
  /** How late the first output may be before the next provider is asked, too. @default "1500 millis" */
  readonly after?: Duration.Input | undefined
  /** How each provider is asked. */
  readonly policy?: Omit<Policy, "breaker"> | undefined
}

/**
 * Another way to ask a service that has failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recovery<Service> {
  /** What is changed, in names of providers: `openai:gpt-4o-mini`. */
  readonly name: string
  /** Gives the service with other settings; `undefined` where it cannot: the recovery is left out. */
  readonly change: (service: Service) => Service | undefined
  /** Time before it is asked. @default 0 */
  readonly after?: Duration.Input | undefined
}

/**
 * How `recovering` of a noun asks a service that has failed.
 *
 * @category options
 * @since 0.1.0
 */
export interface RecoverOptions<Service> extends FallbackOptions<Service> {
  /** The ways to ask again, in this order. @default those of `recoveries` */
  readonly recoveries?: ReadonlyArray<Recovery<Service>> | undefined
}

/**
 * Options of `layerResilient` of a noun.
 *
 * @category options
 * @since 0.1.0
 */
export interface LayerOptions {
  /** How the provider is asked. */
  readonly policy?: Omit<Policy, "breaker"> | undefined
  /** Its circuit breaker, shared by all who use the layer. @default one with the usual options */
  readonly breaker?: Omit<BreakerOptions, "name" | "component"> | undefined
}

/**
 * How often a layer is built.
 *
 * @category options
 * @since 0.1.0
 */
export interface RetryLayerOptions<in E> {
  /** @default 3 */
  readonly attempts?: number | undefined
  /** Wait before the second attempt, then doubled each time. @default "2 seconds" */
  readonly first?: Duration.Input | undefined
  /** Which errors are worth another attempt. @default those that do not say that they stay as they are */
  readonly isRetryable?: ((error: E) => boolean) | undefined
}

/**
 * Options of `prewarm` of a noun.
 *
 * @category options
 * @since 0.1.0
 */
export interface PrewarmOptions {
  /**
   * Also makes a small paid request, so that the first real one is fast: a second of silence for a
   * recogniser, "Hello" for the others.
   *
   * @default false
   */
  readonly paid?: boolean | undefined
}
