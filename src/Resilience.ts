/**
 * Retries, deadlines and failing over, once and in one place.
 *
 * A provider is asked again only before its first useful output and only when
 * its error is retryable; the deadline covers all its attempts up to that
 * output. What is resilient already is left alone, so retries never nest.
 * Interruption passes through untouched and closes the attempt in progress; a
 * provider that cannot be interrupted, or does not hang up within a second, is
 * left behind.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Failure from "./Failure.ts"
import { guardReply } from "./internal/llm/resilient.ts"
import { breakersOf, Circuit } from "./internal/resilience/breaker.ts"
import * as first from "./internal/resilience/firstOutput.ts"
import type {
  Availability,
  Breaker,
  BreakerChange,
  BreakerOptions,
  Fallback,
  FallbackOptions,
  Policy
} from "./internal/resilience/model.ts"
import { resolve } from "./internal/resilience/policy.ts"
import * as recovery from "./internal/resilience/recovery.ts"
import * as buildings from "./internal/resilience/retryLayer.ts"
import * as warming from "./internal/resilience/warmUp.ts"
import { guardTranscription } from "./internal/stt/resilient.ts"
import { guardSpeech } from "./internal/tts/resilient.ts"
import * as Llm from "./Llm.ts"
import * as Stt from "./Stt.ts"
import * as Tts from "./Tts.ts"

export {
  Availability,
  type Breaker,
  BreakerChange,
  type BreakerOptions,
  BreakerState,
  type Fallback,
  type FallbackOptions,
  type HedgeOptions,
  type Policy
} from "./internal/resilience/model.ts"
export { InvalidOption } from "./internal/resilience/options.ts"

/**
 * Makes a circuit breaker.
 *
 * **When to use**
 *
 * Use as `breaker` of a `Policy` for an `Stt`, `Llm` or `Tts`, where it decides
 * together with the retries; use its `protect` for anything else. A fallback
 * makes its own (`FallbackOptions.breaker`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const breaker = (options: BreakerOptions): Effect.Effect<Breaker> => Circuit.make(options)

/**
 * Makes a stream of a provider resilient up to its first useful output.
 *
 * **Details**
 *
 * Elements before the first useful one are held back, and dropped if their
 * attempt fails. `error` makes the failures that the guard finds itself: the
 * deadline (`TimedOut`), an end without useful output (`EndedEarly`), a defect
 * (`Broken`, with the name of the error only). Other failures pass as they are,
 * and after the first useful output all of them do.
 *
 * **Gotchas**
 *
 * Each attempt runs the whole stream again, so its input must be repeatable.
 * Use `stt`, `llm` and `tts` for services: they keep the input.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guard = <A, E extends { readonly isRetryable: boolean }>(policy: Policy | undefined, options: {
  readonly error: (reason: Failure.Reason) => E
  /** @default every element is useful */
  readonly isUseful?: ((element: A) => boolean) | undefined
}) =>
<R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  first.stream({
    open: self,
    settings: resolve(policy),
    isUseful: options.isUseful ?? (() => true),
    isRetryable: (error) => error.isRetryable,
    error: options.error
  })

/**
 * Makes an `Stt` resilient; one that already is comes back as it is.
 *
 * **Details**
 *
 * The audio since the last final transcript is kept, 30 seconds at most, and
 * given again to the next attempt. Times go on through all attempts. Retries
 * are counted anew after every answer, and after an attempt that has lived for
 * `firstOutput`. A quiet user is no failure; an end before the audio has ended is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stt = (service: Stt.Stt["Service"], policy?: Policy): Stt.Stt["Service"] =>
  service.resilient
    ? service
    : guardTranscription(service, policy, (provider, reason) => new Stt.SttError({ provider, reason }))

/**
 * Makes an `Llm` resilient; one that already is comes back as it is.
 *
 * **Details**
 *
 * Every delta is useful output: a model may finish without a word.
 *
 * @category combinators
 * @since 0.1.0
 */
export const llm = (service: Llm.Llm["Service"], policy?: Policy): Llm.Llm["Service"] =>
  service.resilient
    ? service
    : guardReply(service, policy, (provider, reason) => new Llm.LlmError({ provider, reason }))

/**
 * Makes a `Tts` resilient; one that already is comes back as it is.
 *
 * **Details**
 *
 * The text is pulled once and kept for the next attempt. A speech without any
 * text ends without audio, and that is no failure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tts = (service: Tts.Tts["Service"], policy?: Policy): Tts.Tts["Service"] =>
  service.resilient
    ? service
    : guardSpeech(service, policy, (provider, reason) => new Tts.TtsError({ provider, reason }))

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
 * What is tried when a service has failed, in this order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recoveries {
  readonly stt: ReadonlyArray<Recovery<Stt.Stt["Service"]>>
  readonly llm: ReadonlyArray<Recovery<Llm.Llm["Service"]>>
  readonly tts: ReadonlyArray<Recovery<Tts.Tts["Service"]>>
}

/**
 * The usual ones: a recogniser is opened again after a second, in English where
 * it can be told; a model is asked as `gpt-4o-mini` for 100 tokens at a
 * temperature of 0.5; a synthesiser speaks with the voice `Antoni`.
 *
 * **Gotchas**
 *
 * The names are OpenAI's and ElevenLabs': give other recoveries to other
 * providers.
 *
 * @category constants
 * @since 0.1.0
 */
export const recoveries: Recoveries = recovery.defaults

/**
 * Options of `recoverStt`, `recoverLlm` and `recoverTts`.
 *
 * @category options
 * @since 0.1.0
 */
export interface RecoverOptions<Service> extends FallbackOptions<Service> {
  /** What is tried, in this order. @default those of `recoveries` */
  readonly recoveries?: ReadonlyArray<Recovery<Service>> | undefined
}

/**
 * Creates an `Stt` that is asked in other ways when it has failed: a
 * `Stt.fallback` over itself with changed settings.
 *
 * @category recovering
 * @since 0.1.0
 */
export const recoverStt = (
  service: Stt.Stt["Service"],
  options: RecoverOptions<Stt.Stt["Service"]> = {}
): Effect.Effect<Stt.Stt["Service"] & Fallback, never, Scope.Scope> =>
  Stt.fallback(recovery.insteadOf(service, options.recoveries ?? recoveries.stt, recovery.delayStt), options)

/**
 * Creates an `Llm` that is asked in other ways when it has failed: a
 * `Llm.fallback` over itself with changed settings. Prompt and tools stay.
 *
 * @category recovering
 * @since 0.1.0
 */
export const recoverLlm = (
  service: Llm.Llm["Service"],
  options: RecoverOptions<Llm.Llm["Service"]> = {}
): Effect.Effect<Llm.Llm["Service"] & Fallback, never, Scope.Scope> =>
  Llm.fallback(recovery.insteadOf(service, options.recoveries ?? recoveries.llm, recovery.delayLlm), options)

/**
 * Creates a `Tts` that is asked in other ways when it has failed: a
 * `Tts.fallback` over itself with changed settings.
 *
 * @category recovering
 * @since 0.1.0
 */
export const recoverTts = (
  service: Tts.Tts["Service"],
  options: RecoverOptions<Tts.Tts["Service"]> = {}
): Effect.Effect<Tts.Tts["Service"] & Fallback, never, Scope.Scope> =>
  Tts.fallback(recovery.insteadOf(service, options.recoveries ?? recoveries.tts, recovery.delayTts), options)

/**
 * Options of a guarded layer.
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
 * Layer of an `Stt` with retries and a circuit breaker.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStt = <E, R>(
  layer: Layer.Layer<Stt.Stt, E, R>,
  options?: LayerOptions
): Layer.Layer<Stt.Stt, E, R> => Layer.effect(Stt.Stt, guarded(Stt.Stt, layer, "stt", options, stt))

/**
 * Layer of an `Llm` with retries and a circuit breaker.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLlm = <E, R>(
  layer: Layer.Layer<Llm.Llm, E, R>,
  options?: LayerOptions
): Layer.Layer<Llm.Llm, E, R> => Layer.effect(Llm.Llm, guarded(Llm.Llm, layer, "llm", options, llm))

/**
 * Layer of a `Tts` with retries and a circuit breaker.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTts = <E, R>(
  layer: Layer.Layer<Tts.Tts, E, R>,
  options?: LayerOptions
): Layer.Layer<Tts.Tts, E, R> => Layer.effect(Tts.Tts, guarded(Tts.Tts, layer, "tts", options, tts))

const guarded = <I, S extends { readonly name: string }, E, R>(
  tag: Context.Service<I, S>,
  layer: Layer.Layer<I, E, R>,
  component: BreakerChange["component"],
  options: LayerOptions | undefined,
  guard: (service: S, policy: Policy) => S
): Effect.Effect<S, E, R | Scope.Scope> =>
  Effect.gen(function*() {
    const service = Context.get(yield* Layer.build(layer), tag)
    const own = yield* breaker({ ...options?.breaker, name: service.name, component })
    return guard(service, { ...options?.policy, breaker: own })
  })

/**
 * Builds a layer again when that has failed and may be mended: three attempts,
 * after 2 and after 4 seconds.
 *
 * **Details**
 *
 * An error whose `isRetryable` is false, and one of the configuration, is a
 * failure at once: a bad key or a missing model stays as it is. What a failed
 * attempt had opened is closed before the next one. The layer is built by
 * itself: it shares nothing with other layers but what it is provided with.
 *
 * @category layers
 * @since 0.1.0
 */
export const building = <A, E, R>(layer: Layer.Layer<A, E, R>, options: {
  /** @default 3 */
  readonly attempts?: number | undefined
  /** Wait before the second attempt, then doubled each time. @default "2 seconds" */
  readonly first?: Duration.Input | undefined
  /** Which errors are worth another attempt. */
  readonly isRetryable?: ((error: E) => boolean) | undefined
} = {}): Layer.Layer<A, E, R> => buildings.building(layer, options)

/**
 * Opens the connections of services before they are needed. What fails is
 * logged, with the reason and nothing else, and tried again when it is needed.
 *
 * **Details**
 *
 * Runs the `prewarm` of each service, side by side, for at most 10 seconds. With
 * `paid`, a recogniser also gets a second of silence, and a model and a
 * synthesiser "Hello": the first real request then finds everything awake.
 *
 * @category running
 * @since 0.1.0
 */
export const prewarm = (services: {
  readonly stt?: Stt.Stt["Service"] | undefined
  readonly llm?: Llm.Llm["Service"] | undefined
  readonly tts?: Tts.Tts["Service"] | undefined
}, options: {
  /** @default false */
  readonly paid?: boolean | undefined
} = {}): Effect.Effect<void> => warming.prewarm(services, options.paid ?? false)

/**
 * The circuit breakers inside a service, those of a fallback in its order.
 *
 * @category getters
 * @since 0.1.0
 */
export const breakers = (service: object): ReadonlyArray<Breaker> => breakersOf(service)

const isFallback = (service: object): service is Fallback =>
  "availability" in service && Stream.isStream(service.availability)

/**
 * Changes of availability inside a service: those of a fallback, none of any
 * other service.
 *
 * @category getters
 * @since 0.1.0
 */
export const availability = (service: object): Stream.Stream<Availability> =>
  isFallback(service) ? service.availability : Stream.empty
