/** What makes a model resilient: another attempt, another provider, or two at a time, until the first output. */
import * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Failure from "../../Failure.ts"
import { openAi } from "../config/defaults.ts"
import { providersOf } from "../resilience/availability.ts"
import { breakersOf, circuitsOf, keepBreakers } from "../resilience/breaker.ts"
import { type Candidate, failover } from "../resilience/failover.ts"
import { guarded } from "../resilience/firstOutput.ts"
import { hedged, lateAfter, namesOf } from "../resilience/hedge.ts"
import type {
  Fallback,
  FallbackOptions,
  HedgeOptions,
  Policy,
  PrewarmOptions,
  RecoverOptions,
  Recovery
} from "../resilience/model.ts"
import { checkFallback, checkHedge, checkPolicy } from "../resilience/options.ts"
import { resolve } from "../resilience/policy.ts"
import { prewarmed, prewarmOf } from "../resilience/prewarm.ts"
import { insteadOf, later } from "../resilience/recovery.ts"
import { meteredReply } from "./metering.ts"
import * as Llm from "./model.ts"
import { Thinking } from "./thinking.ts"

type Service = Llm.Service

const failing = (provider: string) => (reason: Failure.Reason) => new Llm.LlmError({ provider, reason })

const request = (
  service: Service,
  request: Llm.Request,
  policy: Policy | undefined
): Candidate<Llm.Delta, Llm.LlmError, never> => {
  const thinking = new Thinking()
  return {
    name: service.name,
    open: thinking.listen(meteredReply(service, request)),
    lastSign: () => thinking.last,
    settings: service.resilient ? undefined : resolve(policy),
    isUseful: () => true,
    isRetryable: (error) => error.isRetryable,
    error: failing(service.name),
    owing: Effect.void
  }
}

/** One that already is comes back as it is. */
export const resilient = (service: Service, policy?: Policy): Service => {
  if (service.resilient) return service
  checkPolicy(policy)
  return keepBreakers({
    ...service,
    resilient: true,
    reply: (asked) => guarded(request(service, asked, policy))
  }, [policy?.breaker])
}

/** A model is one provider's own name; the other settings go to all. */
const requestFor = (index: number, asked: Llm.Request): Llm.Request =>
  index === 0 || asked.settings?.model === undefined
    ? asked
    : { ...asked, settings: { ...asked.settings, model: undefined } }

export const hedge = (
  services: ReadonlyArray<Service>,
  options: HedgeOptions
): Service => {
  checkHedge(services, options)
  const name = options.name ?? namesOf(services)
  return keepBreakers({
    name,
    resilient: true,
    prewarm: prewarmOf(services),
    reply: (asked) =>
      hedged({
        candidates: services.map((service, index) => request(service, requestFor(index, asked), options.policy)),
        afterMs: lateAfter(options),
        own: (error) => error,
        error: failing(name)
      })
  }, services.flatMap(breakersOf))
}

export const fallback = (
  services: ReadonlyArray<Service>,
  options: FallbackOptions<Service> & { readonly retryAfterOutput?: boolean | undefined }
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
            request(service, requestFor(index, asked), { ...options.policy, breaker: breakers[index] })
          ),
          afterOutput: options.retryAfterOutput ?? false,
          own: (error) => error,
          error: failing(name)
        })
    }, breakers)
  })

const delayed = (service: Service, ms: number): Service => ({
  ...service,
  reply: (request) => later(ms)(service.reply(request))
})

export const recoveries: ReadonlyArray<Recovery<Service>> = [{
  name: openAi.model,
  change: (llm) => ({
    ...llm,
    model: openAi.model,
    reply: (request) => llm.reply({ ...request, settings: { model: openAi.model, maxTokens: 100, temperature: 0.5 } })
  })
}]

export const recovering = (
  service: Service,
  options: RecoverOptions<Service> = {}
): Effect.Effect<Service & Fallback, never, Scope.Scope> =>
  fallback(insteadOf(service, options.recoveries ?? recoveries, delayed), options)

const hello: Llm.Request = { prompt: Prompt.make("Hello"), tools: [], toolChoice: "none" }

export const prewarm = (service: Service, { paid }: PrewarmOptions): Effect.Effect<void> =>
  prewarmed(service, paid === true ? Stream.suspend(() => meteredReply(service, hello)) : undefined)
