/**
 * Retries, deadlines, circuit breakers and failing over, once and in one place.
 *
 * This module knows no provider. The functions for providers are in `Stt`, `Llm` and `Tts`, under
 * the same names: `resilient`, `fallback`, `recovering`, `prewarm` and their layers; `hedge` is in
 * the last two.
 *
 * A provider is asked again only before its first useful output and only when its error is
 * retryable; the deadline covers all its attempts up to that output. An attempt that shows no sign
 * of life for 4 seconds gets another one beside it; whichever answers first counts. A service that
 * is resilient already stays as it is, so retries never nest. Interruption closes the attempts in
 * progress. Nobody waits longer than a second for a provider that cannot be interrupted or does not
 * close.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type * as Failure from "./Failure.ts"
import * as Check from "./internal/options.ts"
import { breakersOf, Circuit } from "./internal/resilience/breaker.ts"
import { guarded } from "./internal/resilience/firstOutput.ts"
import type {
  Availability,
  Breaker,
  BreakerOptions,
  Fallback,
  Policy,
  RetryLayerOptions
} from "./internal/resilience/model.ts"
import { guarding } from "./internal/resilience/options.ts"
import { resolve } from "./internal/resilience/policy.ts"
import * as retrying from "./internal/resilience/retryLayer.ts"

export {
  Availability,
  type Breaker,
  BreakerChange,
  type BreakerOptions,
  BreakerState,
  type Fallback,
  type FallbackOptions,
  type HedgeOptions,
  type LayerOptions,
  type Policy,
  type PrewarmOptions,
  type RecoverOptions,
  type Recovery,
  Retries,
  type Retry,
  type RetryLayerOptions
} from "./internal/resilience/model.ts"

/**
 * Makes a circuit breaker.
 *
 * **When to use**
 *
 * Use as `breaker` of a `Policy` for an `Stt`, `Llm` or `Tts`, where it works together with the
 * retries. For anything else, use its `protect`. A fallback makes its own
 * (`FallbackOptions.breaker`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const breaker = (options: BreakerOptions): Effect.Effect<Breaker, Failure.InvalidOptions> =>
  Circuit.make(options)

/**
 * Makes a stream of a provider resilient up to its first useful output.
 *
 * **Details**
 *
 * Elements before the first useful one are held back, and dropped if their
 * attempt fails. `error` makes the failures that the guard finds itself: the
 * deadline (`TimedOut`), an end without useful output (`EndedEarly`), a defect
 * (`Broken`, with the name of the error only). Other failures pass as they are,
 * and after the first useful output all of them do. Throws
 * `Failure.InvalidOptions` if an option is wrong.
 *
 * **Gotchas**
 *
 * Each attempt runs the whole stream again, so its input must be repeatable.
 * Use `resilient` of `Stt`, `Llm` and `Tts` for services: they keep the input.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guard = <A, E extends { readonly isRetryable: boolean }>(policy: Policy | undefined, options: {
  readonly error: (reason: Failure.Reason) => E
  /** @default every element is useful */
  readonly isUseful?: ((element: A) => boolean) | undefined
}): <R>(self: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R> => {
  Check.readOrThrow(guarding, options)
  return (self) =>
    guarded({
      open: self,
      settings: resolve(policy),
      isUseful: options.isUseful ?? (() => true),
      isRetryable: (error) => error.isRetryable,
      error: options.error
    })
}

/**
 * Builds a layer again if that failed and another try makes sense: three attempts, with waits of 2
 * and 4 seconds.
 *
 * **Details**
 *
 * An error whose `isRetryable` is false, and an error of the configuration, is final: a wrong key
 * or a missing model does not change. Everything that a failed attempt has opened is closed before
 * the next one. The layer is built by itself: it shares nothing with other layers but what it is
 * provided with.
 *
 * @category layers
 * @since 0.1.0
 */
export const retryLayer = <A, E, R>(
  layer: Layer.Layer<A, E, R>,
  options: RetryLayerOptions<E> = {}
): Layer.Layer<A, E, R> => retrying.retryLayer(layer, options)

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
