import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type * as Tts from "../../Tts.ts"
import { meteredSpeech } from "../llm/metering.ts"
import { providersOf } from "../resilience/availability.ts"
import { breakersOf, circuitsOf, keepBreakers } from "../resilience/breaker.ts"
import { type Candidate, type Fail, failover, isInputFailure, unwrapInput } from "../resilience/failover.ts"
import * as first from "../resilience/firstOutput.ts"
import { hedged, lateAfter, namesOf } from "../resilience/hedge.ts"
import type { Fallback, FallbackOptions, HedgeOptions, Policy } from "../resilience/model.ts"
import { checkFallback, checkHedge, checkPolicy } from "../resilience/options.ts"
import { resolve } from "../resilience/policy.ts"
import { prewarmOf } from "../resilience/prewarm.ts"
import { InputFailure, ReplayBuffer } from "../resilience/replayBuffer.ts"

type Service = Tts.Tts["Service"]

const hasWords = (pieces: ReadonlyArray<string>) => pieces.some((piece) => piece.trim() !== "")

const wordsFrom = <E, R>(
  replay: ReplayBuffer<string, E, R>,
  piece: number
): Effect.Effect<boolean, InputFailure<E>, R> =>
  Effect.suspend(() => {
    for (let at = piece; at < replay.head; at++) {
      if (hasWords([replay.at(at) ?? ""])) return Effect.succeed(true)
    }
    if (replay.ended === "done") return Effect.succeed(false)
    if (replay.ended !== undefined) return Effect.fail(new InputFailure(replay.ended))
    const head = replay.head
    return Effect.andThen(replay.reach(head), wordsFrom(replay, head))
  })

const request = <E, R>(
  service: Service,
  text: ReplayBuffer<string, E, R>,
  options: Tts.Options | undefined,
  policy: Policy | undefined,
  fail: Fail<Tts.TtsError>
): Candidate<Tts.Chunk, Tts.TtsError | InputFailure<E>, R> => ({
  name: service.name,
  open: meteredSpeech(service, text.read(0), options),
  settings: service.resilient ? undefined : resolve(policy),
  isUseful: (chunk) => chunk.frame.samples.length > 0,
  isRetryable: (error) => !isInputFailure(error) && error.isRetryable,
  error: (reason) => fail(service.name, reason),
  isForeign: isInputFailure,
  // Also where the provider does not read them: it may hang before it asks for any text.
  begun: Effect.exit(wordsFrom(text, 0)),
  owing: text.reach(Number.POSITIVE_INFINITY),
  expected: wordsFrom(text, 0)
})

export const guardSpeech = (service: Service, policy: Policy | undefined, fail: Fail<Tts.TtsError>): Service => {
  checkPolicy(policy)
  return keepBreakers({
    ...service,
    resilient: true,
    speak: <E, R>(text: Stream.Stream<string, E, R>, options?: Tts.Options) =>
      unwrapInput(
        Stream.unwrap(
          Effect.map(ReplayBuffer.make(text), (replay) => first.stream(request(service, replay, options, policy, fail)))
        )
      )
  }, [policy?.breaker])
}

/** Brings the chunks of a speech to one format; the alignment stays with the audio that it came with. */
export const convert =
  (to: Audio.Format) => <E, R>(self: Stream.Stream<Tts.Chunk, E, R>): Stream.Stream<Tts.Chunk, E, R> =>
    Stream.suspend(() => {
      const converter = Audio.converter({ to })
      let waiting: ReadonlyArray<Tts.TimedText> = []
      const emit = (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Tts.Chunk> =>
        frames.map((frame) => {
          if (waiting.length === 0) return { frame }
          const alignment = waiting
          waiting = []
          return { frame, alignment }
        })
      const flush = (): ReadonlyArray<Tts.Chunk> => {
        const chunks = emit(converter.flush())
        return waiting.length === 0
          ? chunks
          : [...chunks, ...emit([{ ...to, samples: new Int16Array(0) }])]
      }
      return self.pipe(
        Stream.mapAccum(() => undefined, (_, chunk): readonly [undefined, ReadonlyArray<Tts.Chunk>] => {
          if (chunk.alignment !== undefined) waiting = [...waiting, ...chunk.alignment]
          return [undefined, emit(converter.push([chunk.frame]))]
        }, { onHalt: flush })
      )
    })

/** Puts the alignment of a speech behind audio that was heard before it. */
const shift = (chunk: Tts.Chunk, ms: number): Tts.Chunk =>
  ms === 0 || chunk.alignment === undefined ? chunk : {
    ...chunk,
    alignment: chunk.alignment.map(({ end, start, text }) => ({ text, start: start + ms, end: end + ms }))
  }

/** A voice is a provider's own name: another provider gets it only where it lists it. */
const optionsFor = (service: Service, index: number, options: Tts.Options | undefined): Tts.Options | undefined =>
  index === 0 || options?.voice === undefined || service.voices.includes(options.voice)
    ? options
    : { ...options, voice: undefined }

export const hedgeSpeech = (
  services: readonly [Service, ...ReadonlyArray<Service>],
  options: HedgeOptions,
  fail: Fail<Tts.TtsError>
): Service => {
  checkHedge(services, options)
  const name = options.name ?? namesOf(services)
  const format: Audio.Format = { sampleRate: services[0].sampleRate, channels: services[0].channels }
  return keepBreakers({
    name,
    resilient: true,
    prewarm: prewarmOf(services),
    ...format,
    voices: services[0].voices,
    speak: <E, R>(text: Stream.Stream<string, E, R>, asked?: Tts.Options) =>
      unwrapInput(Stream.unwrap(Effect.map(ReplayBuffer.make(text), (replay) =>
        hedged({
          candidates: services.map((service, index) => {
            const candidate = request(service, replay, optionsFor(service, index, asked), options.policy, fail)
            return { ...candidate, open: convert(format)(candidate.open) }
          }),
          afterMs: lateAfter(options),
          own: (error) => isInputFailure(error) ? undefined : error,
          error: (reason) => fail(name, reason)
        }))))
  }, services.flatMap(breakersOf))
}

export const fallbackSpeech = (
  services: readonly [Service, ...ReadonlyArray<Service>],
  options: FallbackOptions<Service> & { readonly retryAfterOutput?: boolean | undefined },
  fail: Fail<Tts.TtsError>
): Effect.Effect<Service & Fallback, never, Scope.Scope> =>
  Effect.gen(function*() {
    checkFallback(services, options)
    const breakers = yield* circuitsOf("tts", services, options.breaker)
    const providers = yield* providersOf("tts", services, options, breakers)
    const name = options.name ?? namesOf(services)
    const format: Audio.Format = { sampleRate: services[0].sampleRate, channels: services[0].channels }
    const speak = <E, R>(text: Stream.Stream<string, E, R>, asked?: Tts.Options) =>
      unwrapInput(Stream.unwrap(Effect.map(ReplayBuffer.make(text), (replay) => {
        let heardMs = 0
        const candidates = services.map((service, index): Candidate<Tts.Chunk, Tts.TtsError | InputFailure<E>, R> => {
          const policy = { ...options.policy, breaker: breakers[index] }
          const candidate = request(service, replay, optionsFor(service, index, asked), policy, fail)
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
          afterOutput: options.retryAfterOutput ?? false,
          own: (error) => isInputFailure(error) ? undefined : error,
          error: (reason) => fail(name, reason)
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
