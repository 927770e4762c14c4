/** Speech of sentences that are said often, kept in memory and, if wanted, beyond. */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { effectOf } from "../given.ts"
import { ReplayBuffer, unwrapInput } from "../resilience/replayBuffer.ts"
import type * as Tts from "./model.ts"
import { inSentences } from "./sentences.ts"

type Service = Tts.Service
type Speech = ReadonlyArray<Tts.Chunk>

const bytesOf = (speech: Speech): number => speech.reduce((sum, { frame }) => sum + 2 * frame.samples.length, 0)

/** Speech by key, the least recently used goes first. */
class Memory {
  readonly #maxBytes: number
  readonly #kept = new Map<string, Speech>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#kept.size
  }

  get(key: string): Speech | undefined {
    const speech = this.#kept.get(key)
    if (speech === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, speech)
    return speech
  }

  set(key: string, speech: Speech): void {
    const size = bytesOf(speech)
    if (size > this.#maxBytes || this.#kept.has(key)) return
    this.#kept.set(key, speech)
    this.#bytes += size
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) return
      this.#kept.delete(oldest)
      this.#bytes -= bytesOf(old)
    }
  }
}

/** One sentence with all that changes its sound. */
class Sentence implements Equal.Equal {
  readonly key: string
  readonly text: string
  readonly options: Tts.Options | undefined

  constructor(service: Service, text: string, options: Tts.Options | undefined) {
    const { channels, model, name, sampleRate } = service
    const asked = Object.entries(options ?? {}).filter(([, value]) => value !== undefined).sort()
    this.key = JSON.stringify([name, model ?? null, sampleRate, channels, asked, text])
    this.text = text
    this.options = options
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof Sentence && that.key === this.key
  }

  [Hash.symbol](): number {
    return Hash.string(this.key)
  }
}

/** A sentence that is being synthesised, for all who want it. */
interface Flight {
  readonly replay: ReplayBuffer<Tts.Chunk, Tts.TtsError, never>
  kept: boolean
}

export interface Settings {
  readonly maxBytes: number
  readonly accepts: (text: string) => boolean
  readonly store: Tts.CacheStore | undefined
}

export const cached = Effect.fnUntraced(function*(service: Service, settings: Settings) {
  const { accepts, store } = settings
  const memory = new Memory(settings.maxBytes)
  const scope = yield* Scope.Scope
  let hits = 0
  let misses = 0
  const flights = yield* RcMap.make({
    lookup: ({ options, text }: Sentence): Effect.Effect<Flight, never, Scope.Scope> =>
      Effect.map(ReplayBuffer.make(service.speak(Stream.make(text), options)), (replay) => ({ replay, kept: false }))
  })

  const remembered = Effect.fnUntraced(function*(key: string) {
    const speech = memory.get(key)
    if (speech !== undefined || store === undefined) return speech
    const stored = yield* effectOf("store.get", () => store.get(key))
    if (stored !== undefined) memory.set(key, stored)
    return stored
  })

  /** Speech that has come to its end without a failure, and is any. */
  const keep = (key: string, flight: Flight) =>
    Effect.suspend(() => {
      if (flight.kept || flight.replay.ended !== "done") return Effect.void
      flight.kept = true
      const speech = Array.from({ length: flight.replay.head }, (_, i) => flight.replay.at(i)).filter((chunk) =>
        chunk !== undefined
      )
      if (bytesOf(speech) === 0) return Effect.void
      memory.set(key, speech)
      return store === undefined
        ? Effect.void
        : Effect.forkIn(effectOf("store.set", () => store.set(key, speech)), scope)
    })

  const speechOf = (sentence: Sentence): Stream.Stream<Tts.Chunk, Tts.TtsError> =>
    Stream.unwrap(Effect.gen(function*() {
      const speech = yield* remembered(sentence.key)
      if (speech !== undefined) {
        hits++
        return Stream.fromIterable(speech)
      }
      misses++
      const flight = yield* RcMap.get(flights, sentence)
      const read = unwrapInput<Tts.Chunk, never, Tts.TtsError, never>(flight.replay.read(0))
      return Stream.concat(read, Stream.fromEffectDrain(keep(sentence.key, flight)))
    }))

  return {
    ...service,
    cache: Effect.sync(() => ({ hits, misses, entries: memory.entries, bytes: memory.bytes })),
    speak: <E, R>(text: Stream.Stream<string, E, R>, options?: Tts.Options) =>
      inSentences(text, {
        accepts,
        alone: (text) => speechOf(new Sentence(service, text, options)),
        together: (text) => service.speak(text, options)
      })
  }
})
