/**
 * What makes a recogniser resilient: the audio that has no final transcript yet
 * is kept, and given again to the next attempt and to the next provider.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import * as Check from "../options.ts"
import { nameIn, refused } from "../provider/options.ts"
import { alone, type Claims, providersOf } from "../resilience/availability.ts"
import { type Circuit, circuitsOf, keepBreakers } from "../resilience/breaker.ts"
import { blamesRequest } from "../resilience/errors.ts"
import { exhausted, roundOf } from "../resilience/failover.ts"
import type {
  Fallback,
  FallbackOptions,
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
import { isInputFailure, unwrapInput } from "../resilience/replayBuffer.ts"
import { failing, type Live, persist } from "./attempts.ts"
import { Delays, delaysOf, keepDelays, shareDelays, StreamDelays } from "./delays.ts"
import { Memory } from "./memory.ts"
import { meteredTranscription } from "./metering.ts"
import type * as Stt from "./model.ts"

type Service = Stt.Service

interface Lost {
  readonly name: string
  readonly error: Stt.SttError
}

const refusing = (provider: string) => (wrong: Failure.InvalidOptions) => failing(provider)(refused(wrong))

/** One provider after the other, over one stream of audio. */
const listen = <E, R>(audio: Stream.Stream<Stt.Input, E, R>, options: {
  readonly services: ReadonlyArray<Service>
  readonly names: ReadonlyArray<string>
  readonly claims: Claims
  readonly policy: Settings
  /** Those of all together, where they are told. */
  readonly delays: Delays | undefined
  readonly breakers: ReadonlyArray<Circuit | undefined>
  /** The one error for all that were lost since the last transcript. */
  readonly allLost: (lost: ReadonlyArray<Lost>) => Stt.SttError
}): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> =>
  unwrapInput(Stream.unwrap(Effect.gen(function*() {
    const { claims, names, policy, services } = options
    const scope = yield* Effect.scope
    const memory = yield* Memory.make(audio)
    let lost: ReadonlyArray<Lost> = []
    let next = roundOf(claims, services.length)
    let live: Live<E, R> | undefined

    const start: Live<E, R> = Effect.suspend(() => {
      const claim = next()
      const service = claim === undefined ? undefined : services[claim.provider]
      if (claim === undefined || service === undefined) return Effect.fail(options.allLost(lost))
      const name = names[claim.provider] ?? service.name
      return Effect.flatMap(Scope.fork(scope), (own) => {
        const giveUp = (error: Stt.SttError): Live<E, R> => {
          live = undefined
          lost = [...lost, { name, error }]
          return Scope.close(own, Exit.void).pipe(
            Effect.andThen(blamesRequest(error.reason) ? Effect.void : claims.failed(claim.provider)),
            Effect.andThen(start)
          )
        }
        memory.waiting.settle()
        const pull = persist({
          service,
          name,
          settings: service.resilient ? undefined : { ...policy, breaker: options.breakers[claim.provider] },
          memory,
          delays: new StreamDelays(service, delaysOf(service), options.delays === undefined ? [] : [options.delays]),
          alone: services.length === 1,
          scope: own,
          onAlive: (answered) =>
            Effect.suspend(() => {
              lost = []
              next = roundOf(claims, services.length, [claim.provider])
              return answered ? claims.succeeded(claim.provider) : Effect.void
            })
        })
        return Scope.addFinalizer(own, claim.release).pipe(
          Effect.andThen(pull),
          Effect.flatMap((pull) =>
            live = Effect.catch(pull, (error): Live<E, R> =>
              isInputFailure(error) || Cause.isDone(error) ? Effect.fail(error) : giveUp(error))
          )
        )
      })
    })

    return Stream.fromPull(Effect.succeed(Effect.suspend(() =>
      live ?? start
    )))
  })))

/** One that already is comes back as it is. */
export const resilient = (service: Service, policy?: Policy): Service => {
  if (service.resilient) return service
  const settings = resolve(policy, refusing(service.name))
  const guarded = keepBreakers<Service>({
    ...service,
    resilient: true,
    transcribe: (audio) =>
      listen(audio, {
        services: [service],
        names: [service.name],
        claims: alone,
        policy: settings,
        delays: undefined,
        breakers: [settings.breaker],
        allLost: ([lost]) => lost?.error ?? failing(service.name)(new Failure.EndedEarly())
      })
  }, [policy?.breaker])
  return shareDelays(service, guarded)
}

export const fallback = (
  services: ReadonlyArray<Service>,
  asked: FallbackOptions<Service> = {}
): Effect.Effect<Service & Fallback, Stt.SttError, Scope.Scope> =>
  Effect.gen(function*() {
    const names = namesOf(services)
    const name = nameIn(asked, joined(names))
    yield* Check.readOrFail(options.among, { providers: services }, refusing(name))
    const settings = yield* Check.readOrFail(options.fallback, asked, refusing(name))
    const breakers = yield* circuitsOf("stt", services, names, settings.breaker)
    const providers = yield* providersOf("stt", services, names, settings, breakers)
    const delays = new Delays(services.some(({ oneShot }) => oneShot === true))
    const service = keepBreakers<Service & Fallback>({
      name,
      interims: services.every((service) => service.interims),
      wants: services.every(({ wants = "all" }) => wants === (services[0]?.wants ?? "all"))
        ? services[0]?.wants
        : "each",
      language: services.every(({ language }) => language === services[0]?.language)
        ? services[0]?.language
        : undefined,
      resilient: true,
      turns: services.every((service) => service.turns === true),
      prewarm: prewarmOf(services),
      available: providers.available,
      availability: providers.changes,
      transcribe: (audio) =>
        listen(audio, {
          services,
          names,
          claims: providers,
          policy: settle(settings.policy),
          delays,
          breakers,
          allLost: (lost) => failing(name)(exhausted(lost))
        })
    }, breakers)
    return keepDelays(service, delays)
  })

const delayed = (service: Service, ms: number): Service => ({
  ...service,
  transcribe: (audio) => later(ms)(service.transcribe(audio))
})

export const recoveries: ReadonlyArray<Recovery<Service>> = [
  { name: "en", after: "1 second", change: (stt) => stt.withLanguage?.("en") ?? stt }
]

export const recovering = (
  service: Service,
  asked: RecoverOptions<Service> = {}
): Effect.Effect<Service & Fallback, Stt.SttError, Scope.Scope> =>
  Effect.flatMap(
    Check.readOrFail(options.recovering, asked, refusing(nameIn(asked, service.name))),
    ({ recoveries: ways = recoveries, ...others }) => fallback(insteadOf(service, ways, delayed), others)
  )

/** One second at 16 kHz. */
const silence = { samples: new Int16Array(16_000), sampleRate: 16_000, channels: 1 }

export const prewarm = (service: Service, asked: PrewarmOptions): Effect.Effect<void> => {
  const { paid } = Check.readOrThrow(options.warming, asked, refusing(service.name))
  return prewarmed(
    service,
    paid
      ? Stream.suspend(() => meteredTranscription(service, Stream.make(silence), service.transcribe))
      : undefined
  )
}
