/** What makes a model resilient: another attempt, another provider, or two at a time, until the first output. */
import * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Failure from "../../Failure.ts"
import { openAi } from "../config/defaults.ts"
import * as Check from "../options.ts"
import { nameIn, refused } from "../provider/options.ts"
import { providersOf } from "../resilience/availability.ts"
import { breakersOf, circuitsOf, keepBreakers } from "../resilience/breaker.ts"
import { type Candidate, failover } from "../resilience/failover.ts"
import { guarded } from "../resilience/firstOutput.ts"
import { hedged } from "../resilience/hedge.ts"
import type {
  Fallback,
  FallbackOptions,
  HedgeOptions,
  Policy,
  PrewarmOptions,
  RecoverOptions,
  Recovery
} from "../resilience/model.ts"
import { joined, namesOf } from "../resilience/names.ts"
import * as options from "../resilience/options.ts"
import { resolve, type Settings, settle } from "../resilience/policy.ts"
import { prewarmed, prewarmOf } from "../resilience/prewarm.ts"
import { insteadOf, later } from "../resilience/recovery.ts"
import { withoutAudio } from "./heard.ts"
import { meteredReply } from "./metering.ts"
import * as Llm from "./model.ts"
import { Thinking } from "./thinking.ts"
import { wordsOf } from "./words.ts"

type Service = Llm.Service

const refusing = (provider: string) => (wrong: Failure.InvalidOptions) => failing(provider)(refused(wrong))

export const failing = (provider: string) => (reason: Failure.Reason) => new Llm.LlmError({ provider, reason })

/** Neither blanks nor signs that nobody sees are of use: a model that gives no more has fallen silent. */
const isUseful = (delta: Llm.Delta): boolean =>
  (delta._tag !== "Text" && delta._tag !== "Speech") || "frame" in delta || /[^\s\p{C}]/u.test(wordsOf(delta))

const request = (
  service: Service,
  request: Llm.Request,
  policy: Settings,
  name = service.name
): Candidate<Llm.Delta, Llm.LlmError, never> => {
  const thinking = new Thinking()
  return {
    name,
    open: thinking.listen(meteredReply(service, request)),
    lastSign: () => thinking.last,
    settings: service.resilient ? undefined : policy,
    isUseful,
    isRetryable: (error) => error.isRetryable,
    error: failing(name),
    asked: { component: "llm", provider: name },
    reasonOf: ({ reason }) => reason,
    owing: Effect.void,
    // A text without a word is an answer, once it is all.
    expected: (held) => Effect.succeed(held.length === 0)
  }
}

/** One that already is comes back as it is. */
export const resilient = (service: Service, policy?: Policy): Service => {
  if (service.resilient) return service
  const settings = resolve(policy, refusing(service.name))
  return keepBreakers({
    ...service,
    resilient: true,
    reply: (asked) => guarded(request(service, asked, settings))
  }, [policy?.breaker])
}

const hearsOf = (services: ReadonlyArray<Service>): boolean => services.some(({ hears }) => hears === true)

/** What each of several is asked: a model is one provider's own name, the other settings go to all, and audio to those that hear. */
const requestsFor = (services: ReadonlyArray<Service>, asked: Llm.Request): ReadonlyArray<Llm.Request> => {
  const others = asked.settings?.model === undefined
    ? asked
    : { ...asked, settings: { ...asked.settings, model: undefined } }
  const written = hearsOf(services) ? withoutAudio(asked.prompt) : asked.prompt
  return services.map(({ hears }, index) => {
    const request = index === 0 ? asked : others
    return hears === true || written === asked.prompt ? request : { ...request, prompt: written }
  })
}

export const hedge = (
  services: ReadonlyArray<Service>,
  asked: HedgeOptions
): Service => {
  const names = namesOf(services)
  const name = nameIn(asked, joined(names))
  Check.readOrThrow(options.among, { providers: services }, refusing(name))
  const { after, policy } = Check.readOrThrow(options.hedge, asked, refusing(name))
  const settings = settle(policy)
  return keepBreakers({
    name,
    resilient: true,
    hears: hearsOf(services),
    prewarm: prewarmOf(services),
    reply: (question) =>
      hedged({
        candidates: requestsFor(services, question).map((asked, index) =>
          request(services[index]!, asked, settings, names[index])
        ),
        afterMs: after,
        own: (error) => error,
        error: failing(name)
      })
  }, services.flatMap(breakersOf))
}

export const fallback = (
  services: ReadonlyArray<Service>,
  asked: FallbackOptions<Service> & { readonly retryAfterOutput?: boolean | undefined }
): Effect.Effect<Service & Fallback, Llm.LlmError, Scope.Scope> =>
  Effect.gen(function*() {
    const names = namesOf(services)
    const name = nameIn(asked, joined(names))
    yield* Check.readOrFail(options.among, { providers: services }, refusing(name))
    const settings = yield* Check.readOrFail(options.resuming, asked, refusing(name))
    const breakers = yield* circuitsOf("llm", services, names, settings.breaker)
    const providers = yield* providersOf("llm", services, names, settings, breakers)
    return keepBreakers({
      name,
      resilient: true,
      hears: hearsOf(services),
      prewarm: prewarmOf(services),
      available: providers.available,
      availability: providers.changes,
      reply: (question) =>
        failover({
          claims: providers,
          candidates: requestsFor(services, question).map((asked, index) =>
            request(services[index]!, asked, settle({ ...settings.policy, breaker: breakers[index] }), names[index])
          ),
          afterOutput: settings.retryAfterOutput,
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
  asked: RecoverOptions<Service> = {}
): Effect.Effect<Service & Fallback, Llm.LlmError, Scope.Scope> =>
  Effect.flatMap(
    Check.readOrFail(options.recovering, asked, refusing(nameIn(asked, service.name))),
    ({ recoveries: ways = recoveries, ...others }) => fallback(insteadOf(service, ways, delayed), others)
  )

const hello: Llm.Request = { prompt: Prompt.make("Hello"), tools: [], toolChoice: "none" }

export const prewarm = (service: Service, asked: PrewarmOptions): Effect.Effect<void> => {
  const { paid } = Check.readOrThrow(options.warming, asked, refusing(service.name))
  return prewarmed(service, paid ? Stream.suspend(() => meteredReply(service, hello)) : undefined)
}
