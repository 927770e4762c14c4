/**
 * What makes a synthesiser resilient: the text is pulled once and kept, for
 * another attempt, another provider, or two at a time, until the first audio.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import { elevenLabs } from "../config/defaults.ts"
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
import { InputFailure, isInputFailure, ReplayBuffer, unwrapInput } from "../resilience/replayBuffer.ts"
import { convert, shift } from "./chunks.ts"
import { meteredSpeech } from "./metering.ts"
import * as Tts from "./model.ts"
import { hasWords } from "./pieces.ts"

type Service = Tts.Service

const refusing = (provider: string) => (wrong: Failure.InvalidOptions) => failing(provider)(refused(wrong))

export const failing = (provider: string) => (reason: Failure.Reason) => new Tts.TtsError({ provider, reason })

const wordsFrom = <E, R>(
  replay: ReplayBuffer<string, E, R>,
  piece: number
): Effect.Effect<boolean, InputFailure<E>, R> =>
  Effect.suspend(() => {
    for (let at = piece; at < replay.head; at++) {
      if (hasWords(replay.at(at) ?? "")) return Effect.succeed(true)
    }
    if (replay.ended === "done") return Effect.succeed(false)
    if (replay.ended !== undefined) return Effect.fail(new InputFailure(replay.ended))
    const head = replay.head
    return Effect.andThen(replay.reach(head), wordsFrom(replay, head))
  })

/** A voice that takes so many times as long as what it says is heard has as good as stopped. */
const slowest = 10

const request = <E, R>(
  service: Service,
  text: ReplayBuffer<string, E, R>,
  options: Tts.Options | undefined,
  policy: Settings,
  name = service.name
): Candidate<Tts.Chunk, Tts.TtsError | InputFailure<E>, R> => ({
  name,
  open: meteredSpeech(service, text.read(0), options),
  settings: service.resilient ? undefined : policy,
  isUseful: (chunk) => chunk.frame.samples.length > 0,
  isRetryable: (error) => !isInputFailure(error) && error.isRetryable,
  error: failing(name),
  asked: { component: "tts", provider: name },
  reasonOf: (error) => isInputFailure(error) ? new Failure.Broken({}) : error.reason,
  isForeign: isInputFailure,
  // Also where the provider does not read them: it may hang before it asks for any text.
  begun: Effect.exit(wordsFrom(text, 0)),
  owing: text.reach(Number.POSITIVE_INFINITY),
  expected: () => wordsFrom(text, 0),
  // What is no length makes good for nothing.
  worthMs: ({ frame }) => Number.isFinite(Audio.durationMs(frame)) ? slowest * Audio.durationMs(frame) : 0
})

/** One that already is comes back as it is. */
export const resilient = (service: Service, policy?: Policy): Service => {
  if (service.resilient) return service
  const settings = resolve(policy, refusing(service.name))
  return keepBreakers({
    ...service,
    resilient: true,
    speak: <E, R>(text: Stream.Stream<string, E, R>, options?: Tts.Options) =>
      unwrapInput(
        Stream.unwrap(
          Effect.map(ReplayBuffer.make(text), (replay) => guarded(request(service, replay, options, settings)))
        )
      )
  }, [policy?.breaker])
}

/** A voice is a provider's own name: another provider gets it only where it lists it. */
const optionsFor = (service: Service, index: number, options: Tts.Options | undefined): Tts.Options | undefined =>
  index === 0 || options?.voice === undefined || service.voices.includes(options.voice)
    ? options
    : { ...options, voice: undefined }

export const hedge = (
  services: readonly [Service, ...ReadonlyArray<Service>],
  asked: HedgeOptions
): Service => {
  const names = namesOf(services)
  const name = nameIn(asked, joined(names))
  Check.readOrThrow(options.among, { providers: services }, refusing(name))
  const { after, policy } = Check.readOrThrow(options.hedge, asked, refusing(name))
  const settings = settle(policy)
  const format: Audio.Format = { sampleRate: services[0].sampleRate, channels: services[0].channels }
  return keepBreakers({
    name,
    resilient: true,
    prewarm: prewarmOf(services),
    ...format,
    voices: services[0].voices,
    speak: <E, R>(text: Stream.Stream<string, E, R>, said?: Tts.Options) =>
      unwrapInput(Stream.unwrap(Effect.map(ReplayBuffer.make(text), (replay) =>
        hedged({
          candidates: services.map((service, index) => {
            const candidate = request(service, replay, optionsFor(service, index, said), settings, names[index])
            return { ...candidate, open: convert(format)(candidate.open) }
          }),
          afterMs: after,
          own: (error) => isInputFailure(error) ? undefined : error,
          error: failing(name)
        }))))
  }, services.flatMap(breakersOf))
}

export const fallback = (
  services: readonly [Service, ...ReadonlyArray<Service>],
  asked: FallbackOptions<Service> & { readonly retryAfterOutput?: boolean | undefined }
): Effect.Effect<Service & Fallback, Tts.TtsError, Scope.Scope> =>
  Effect.gen(function*() {
    const names = namesOf(services)
    const name = nameIn(asked, joined(names))
    yield* Check.readOrFail(options.among, { providers: services }, refusing(name))
    const settings = yield* Check.readOrFail(options.resuming, asked, refusing(name))
    const breakers = yield* circuitsOf("tts", services, names, settings.breaker)
    const providers = yield* providersOf("tts", services, names, settings, breakers)
    const format: Audio.Format = { sampleRate: services[0].sampleRate, channels: services[0].channels }
    const speak = <E, R>(text: Stream.Stream<string, E, R>, said?: Tts.Options) =>
      unwrapInput(Stream.unwrap(Effect.map(ReplayBuffer.make(text), (replay) => {
        let heardMs = 0
        const candidates = services.map((service, index): Candidate<Tts.Chunk, Tts.TtsError | InputFailure<E>, R> => {
          const policy = settle({ ...settings.policy, breaker: breakers[index] })
          const candidate = request(service, replay, optionsFor(service, index, said), policy, names[index])
          return {
            ...candidate,
            open: Stream.suspend(() => {
              const before = heardMs
              return Stream.map(convert(format)(candidate.open), (chunk) => shift(chunk, before))
            })
          }
        })
        return failover({
          claims: providers,
          candidates,
          afterOutput: settings.retryAfterOutput,
          own: (error) => isInputFailure(error) ? undefined : error,
          error: failing(name)
        }).pipe(Stream.map((chunk) => {
          heardMs += Audio.durationMs(chunk.frame)
          return chunk
        }))
      })))
    return keepBreakers({
      name,
      resilient: true,
      prewarm: prewarmOf(services),
      ...format,
      voices: services[0].voices,
      available: providers.available,
      availability: providers.changes,
      speak
    }, breakers)
  })

const delayed = (service: Service, ms: number): Service => ({
  ...service,
  speak: (text, options) => later(ms)(service.speak(text, options))
})

export const recoveries: ReadonlyArray<Recovery<Service>> = [{
  name: elevenLabs.standIn,
  change: (tts) => ({ ...tts, speak: (text, options) => tts.speak(text, { ...options, voice: elevenLabs.standIn }) })
}]

export const recovering = (
  service: Service,
  asked: RecoverOptions<Service> = {}
): Effect.Effect<Service & Fallback, Tts.TtsError, Scope.Scope> =>
  Effect.flatMap(
    Check.readOrFail(options.recovering, asked, refusing(nameIn(asked, service.name))),
    ({ recoveries: ways = recoveries, ...others }) => fallback(insteadOf(service, ways, delayed), others)
  )

export const prewarm = (service: Service, asked: PrewarmOptions): Effect.Effect<void> => {
  const { paid } = Check.readOrThrow(options.warming, asked, refusing(service.name))
  return prewarmed(
    service,
    paid ? Stream.suspend(() => meteredSpeech(service, Stream.make("Hello"), undefined)) : undefined
  )
}
