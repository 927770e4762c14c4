import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Llm from "../../Llm.ts"
import { providersOf } from "../resilience/availability.ts"
import { breakersOf, circuitsOf, keepBreakers } from "../resilience/breaker.ts"
import { type Candidate, type Fail, failover } from "../resilience/failover.ts"
import * as first from "../resilience/firstOutput.ts"
import { hedged, lateAfter, namesOf } from "../resilience/hedge.ts"
import type { Fallback, FallbackOptions, HedgeOptions, Policy } from "../resilience/model.ts"
import { checkFallback, checkHedge, checkPolicy } from "../resilience/options.ts"
import { resolve } from "../resilience/policy.ts"
import { prewarmOf } from "../resilience/prewarm.ts"
import { meteredReply } from "./metering.ts"

type Service = Llm.Llm["Service"]

const request = (
  service: Service,
  request: Llm.Request,
  policy: Policy | undefined,
  fail: Fail<Llm.LlmError>
): Candidate<Llm.Delta, Llm.LlmError, never> => ({
  name: service.name,
  open: meteredReply(service, request),
  settings: service.resilient ? undefined : resolve(policy),
  isUseful: () => true,
  isRetryable: (error) => error.isRetryable,
  error: (reason) => fail(service.name, reason),
  owing: Effect.void
})

export const guardReply = (service: Service, policy: Policy | undefined, fail: Fail<Llm.LlmError>): Service => {
  checkPolicy(policy)
  return keepBreakers({
    ...service,
    resilient: true,
    reply: (asked) => first.stream(request(service, asked, policy, fail))
  }, [policy?.breaker])
}

/** A model is one provider's own name; the other settings go to all. */
const requestFor = (index: number, asked: Llm.Request): Llm.Request =>
  index === 0 || asked.settings?.model === undefined
    ? asked
    : { ...asked, settings: { ...asked.settings, model: undefined } }

export const hedgeReply = (
  services: ReadonlyArray<Service>,
  options: HedgeOptions,
  fail: Fail<Llm.LlmError>
): Service => {
  checkHedge(services, options)
  const name = options.name ?? namesOf(services)
  return keepBreakers({
    name,
    resilient: true,
    prewarm: prewarmOf(services),
    reply: (asked) =>
      hedged({
        candidates: services.map((service, index) => request(service, requestFor(index, asked), options.policy, fail)),
        afterMs: lateAfter(options),
        own: (error) => error,
        error: (reason) => fail(name, reason)
      })
  }, services.flatMap(breakersOf))
}

export const fallbackReply = (
  services: ReadonlyArray<Service>,
  options: FallbackOptions<Service> & { readonly retryAfterOutput?: boolean | undefined },
  fail: Fail<Llm.LlmError>
): Effect.Effect<Service & Fallback, never, Scope.Scope> =>
  Effect.gen(function*() {
    checkFallback(services, options)
    const breakers = yield* circuitsOf("llm", services, options.breaker)
    const providers = yield* providersOf("llm", services, options, breakers)
    const name = options.name ?? namesOf(services)
    return keepBreakers({
      name,
      resilient: true,
      prewarm: prewarmOf(services),
      available: providers.available,
      availability: providers.changes,
      reply: (asked) =>
        failover({
          claims: providers,
          candidates: services.map((service, index) =>
            request(service, requestFor(index, asked), { ...options.policy, breaker: breakers[index] }, fail)
          ),
          afterOutput: options.retryAfterOutput ?? false,
          own: (error) => error,
          error: (reason) => fail(name, reason)
        })
    }, breakers)
  })
