/**
 * What makes a recogniser resilient: the audio that has no final transcript yet
 * is kept, and given again to the next attempt and to the next provider.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import * as Check from "../options.ts"
import { refused } from "../provider/options.ts"
import { alone, type Claims, providersOf } from "../resilience/availability.ts"
import { backoff } from "../resilience/backoff.ts"
import { type Own, own, unless } from "../resilience/bounded.ts"
import { type Circuit, circuitsOf, keepBreakers, type Ticket } from "../resilience/breaker.ts"
import { blamesRequest, failureOf } from "../resilience/errors.ts"
import { exhausted, roundOf } from "../resilience/failover.ts"
import type {
  Fallback,
  FallbackOptions,
  Policy,
  PrewarmOptions,
  RecoverOptions,
  Recovery
} from "../resilience/model.ts"
import * as options from "../resilience/options.ts"
import { resolve, type Settings as Patience, settle } from "../resilience/policy.ts"
import { prewarmed, prewarmOf } from "../resilience/prewarm.ts"
import { insteadOf, later } from "../resilience/recovery.ts"
import { type InputFailure, isInputFailure, unwrapInput } from "../resilience/replayBuffer.ts"
import { monotonic } from "../steady.ts"
import { Delays, delaysOf, keepDelays, shareDelays } from "./delays.ts"
import { Memory } from "./memory.ts"
import { meteredTranscription } from "./metering.ts"
import * as Stt from "./model.ts"
import { makeStall } from "./stall.ts"
import { isNews } from "./transcripts.ts"

type Service = Stt.Service
type Failing<E> = Stt.SttError | InputFailure<E>
type Live<E, R> = Pull.Pull<Arr.NonEmptyReadonlyArray<Stt.Transcript>, Failing<E>, void, R>

interface Lost {
  readonly name: string
  readonly error: Stt.SttError
}

const refusing = (provider: string) => (wrong: Failure.InvalidOptions) => failing(provider)(refused(wrong))

export const failing = (provider: string) => (reason: Failure.Reason) => new Stt.SttError({ provider, reason })

/** Attempts at one provider, one after the other, until it is given up. */
const persist = <E, R>(options: {
  readonly service: Service
  /** Absent: the service is resilient itself. */
  readonly settings: Patience | undefined
  readonly memory: Memory<E, R>
  /** Where what it takes is remembered. */
  readonly delays: readonly [Delays, ...ReadonlyArray<Delays>]
  readonly scope: Scope.Scope
  /** The provider is at work. */
  readonly onAlive: (answered: boolean) => Effect.Effect<void>
}): Effect.Effect<Live<E, R>> =>
  Effect.gen(function*() {
    interface Attempt {
      readonly own: Own
      readonly since: number
      readonly pull: Live<E, R>
      readonly ticket: Ticket | undefined
    }
    const { memory, service, settings, settings: { breaker } = {} } = options
    const fail = failing(service.name)
    const deadline = settings?.firstOutputMs ?? Infinity
    let late: Stt.SttError | undefined
    const overdue: Effect.Effect<never, Stt.SttError> = settings === undefined ? Effect.never : Effect.andThen(
      memory.pending.overdue(() => deadline),
      Effect.suspend(() => {
        late = fail(new Failure.TimedOut({ afterMs: deadline }))
        blame(attempt, late)
        return Effect.fail(late)
      })
    )
    const stall = yield* makeStall({ delays: options.delays, settings, memory, fail })
    let wait = yield* backoff(settings)
    let attempt: Attempt | undefined

    const blame = (failed: Attempt | undefined, error: Stt.SttError): void => {
      if (failed?.ticket === undefined) return
      if (failed.ticket.told) breaker?.lost(error)
      else breaker?.failed(failed.ticket, error)
    }
    const open: Effect.Effect<Attempt, Stt.SttError, R> = Effect.gen(function*() {
      const ticket = breaker?.claim()
      if (ticket instanceof Failure.Unavailable) return yield* fail(ticket)
      const mine = yield* own(options.scope)
      if (ticket !== undefined) yield* Scope.addFinalizer(mine.scope, Effect.sync(() => breaker?.released(ticket)))
      const { audio, mapping } = memory.take(service.wants)
      const heard = Stream.map(meteredTranscription(service, audio, service.transcribe), (transcript) =>
        mapping.transcript(transcript))
      const pull = yield* Scope.provide(Stream.toPull(heard), mine.scope)
      return { own: mine, pull, since: yield* monotonic, ticket }
    })

    const alive = (answered: boolean): Effect.Effect<void> =>
      Effect.flatMap(backoff(settings), (budget) => {
        wait = budget
        if (attempt?.ticket !== undefined) {
          breaker?.succeeded(attempt.ticket)
        }
        return options.onAlive(answered)
      })

    const hear = (chunk: Arr.NonEmptyReadonlyArray<Stt.Transcript>): Effect.Effect<ReadonlyArray<Stt.Transcript>> =>
      Effect.flatMap(monotonic, (now) => {
        stall.heard(chunk, now)
        return Effect.as(alive(true), chunk.filter(isNews))
      })

    /** Closes a failed attempt; fails where there shall be no other. */
    const recover = (failed: Attempt, exit: Exit.Failure<unknown, Failing<E> | Cause.Done>) =>
      Effect.gen(function*() {
        const error: Failing<E> = Pull.isDoneCause(exit.cause)
          ? fail(new Failure.EndedEarly())
          : failureOf(exit.cause as Cause.Cause<Failing<E>>, fail)
        // Whatever it has died of now: it had been well.
        const healthy = (yield* monotonic) - failed.since >= deadline
        if (healthy && failed.ticket !== undefined) {
          breaker?.succeeded(failed.ticket)
        }
        if (!isInputFailure(error) && error !== late) {
          blame(failed, error)
        }
        attempt = undefined
        yield* failed.own.close(exit)
        if (isInputFailure(error) || error === late || !error.isRetryable) {
          return yield* Effect.fail(error)
        }
        if (healthy) {
          yield* alive(false)
        }
        const again = yield* Effect.raceFirst(wait(error), overdue)
        return again ? undefined : yield* error
      })

    const next: Live<E, R> = Effect.suspend(() =>
      attempt === undefined
        ? Effect.flatMap(open, (opened) => {
          attempt = opened
          return next
        })
        : listenTo(attempt)
    )

    const news = (heard: ReadonlyArray<Stt.Transcript>): Live<E, R> =>
      Arr.isReadonlyArrayNonEmpty(heard) ? Effect.succeed(heard) : next

    const heardIn = (current: Attempt) =>
      Effect.exit(unless(Effect.raceFirst(overdue, stall.of(current.since)), current.pull))

    const listenTo = (current: Attempt): Live<E, R> =>
      Effect.flatMap(heardIn(current), (exit): Live<E, R> => {
        if (Exit.isSuccess(exit)) {
          return Effect.flatMap(hear(exit.value), news)
        }
        if (Pull.isDoneCause(exit.cause) && memory.exhausted) {
          return Cause.done()
        }
        return Effect.andThen(recover(current, exit), next)
      })

    return next
  })

/** One provider after the other, over one stream of audio. */
const listen = <E, R>(audio: Stream.Stream<Stt.Input, E, R>, options: {
  readonly services: ReadonlyArray<Service>
  readonly claims: Claims
  readonly policy: Patience
  readonly delays: Delays | undefined
  readonly breakers: ReadonlyArray<Circuit | undefined>
  /** The one error for all that were lost since the last transcript. */
  readonly allLost: (lost: ReadonlyArray<Lost>) => Stt.SttError
}): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> =>
  unwrapInput(Stream.unwrap(Effect.gen(function*() {
    const { policy, services, claims } = options
    const scope = yield* Effect.scope
    const memory = yield* Memory.make(audio)
    let lost: ReadonlyArray<Lost> = []
    let next = roundOf(claims, services.length)
    let live: Live<E, R> | undefined

    const start: Live<E, R> = Effect.suspend(() => {
      const claim = next()
      const service = claim === undefined ? undefined : services[claim.provider]
      if (claim === undefined || service === undefined) return Effect.fail(options.allLost(lost))
      return Effect.flatMap(Scope.fork(scope), (own) => {
        const giveUp = (error: Stt.SttError): Live<E, R> => {
          live = undefined
          lost = [...lost, { name: service.name, error }]
          return Scope.close(own, Exit.void).pipe(
            Effect.andThen(blamesRequest(error.reason) ? Effect.void : claims.failed(claim.provider)),
            Effect.andThen(start)
          )
        }
        memory.pending.reset()
        const pull = persist({
          service,
          settings: service.resilient ? undefined : { ...policy, breaker: options.breakers[claim.provider] },
          memory,
          delays: options.delays === undefined ? [delaysOf(service)] : [delaysOf(service), options.delays],
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
    const name = asked.name ?? (services.map((service) => service.name).join("+") || "no provider")
    const settings = yield* Check.readOrFail(options.fallback, { ...asked, providers: services }, refusing(name))
    const breakers = yield* circuitsOf("stt", services, settings.breaker)
    const providers = yield* providersOf("stt", services, settings, breakers)
    const delays = new Delays(services.some(({ oneShot }) => oneShot === true))
    const service = keepBreakers<Service & Fallback>({
      name,
      interims: services.every((service) => service.interims),
      wants: services.every(({ wants = "all" }) => wants === (services[0]?.wants ?? "all"))
        ? services[0]?.wants
        : "each",
      resilient: true,
      prewarm: prewarmOf(services),
      available: providers.available,
      availability: providers.changes,
      transcribe: (audio) =>
        listen(audio, {
          services,
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
    Check.readOrFail(
      options.fallback,
      { ...asked, providers: [service], recoveries: asked.recoveries ?? recoveries },
      refusing(asked.name ?? service.name)
    ),
    (settings) => fallback(insteadOf(service, settings.recoveries ?? [], delayed), asked)
  )

/** One second at 16 kHz. */
const silence = { samples: new Int16Array(16_000), sampleRate: 16_000, channels: 1 }

export const prewarm = (service: Service, { paid }: PrewarmOptions): Effect.Effect<void> =>
  prewarmed(
    service,
    paid === true
      ? Stream.suspend(() => meteredTranscription(service, Stream.make(silence), service.transcribe))
      : undefined
  )
