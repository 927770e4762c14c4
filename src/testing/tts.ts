/** A synthesiser whose speech has set lengths and times, and no sound. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import * as Tts from "../Tts.ts"
import { checkTts } from "./checks.ts"
import { millis } from "./marks.ts"
import { sounding } from "./speech.ts"
import { reasonOf, sleepUntil } from "./timedStream.ts"
import { type CallEnd, type Journal, journal, watched } from "./watched.ts"
import { spread } from "./words.ts"

/**
 * One speech of the scripted synthesiser. A number is milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsSpeech {
  /** Length of the whole speech, spread over its text. @default `msPerCharacter` times the characters */
  readonly duration?: Duration.Input | undefined
  /** @default 60 */
  readonly msPerCharacter?: number | undefined
  /** From the first text to the first audio. @default 200 */
  readonly firstByte?: Duration.Input | undefined
  /** What the alignment of a chunk lists: words, the piece of text, or nothing. @default "word" */
  readonly alignment?: "word" | "piece" | false | undefined
  /** Longest audio in one chunk. @default a piece of text is one chunk */
  readonly chunk?: Duration.Input | undefined
  /** `silent` audio costs next to nothing; in `audible` audio the text can be read back (`readSpeech`). @default "silent" */
  readonly audio?: "silent" | "audible" | undefined
  /** Fails; `true` is a lost connection. */
  readonly fail?: Failure.Reason | true | undefined
  /** Pieces of text that are spoken before it fails or hangs. @default 0 */
  readonly after?: number | undefined
  /** Goes silent and never ends. @default false */
  readonly hang?: boolean | undefined
  /** Ends without any audio. @default false */
  readonly empty?: boolean | undefined
}

/**
 * How the scripted synthesiser speaks: always the same, a list, used up in
 * order (then its last speech again), or a function of the number of the call
 * from 0 and the first piece of its text.
 *
 * @category models
 * @since 0.1.0
 */
export type TtsScript =
  | TtsSpeech
  | ReadonlyArray<TtsSpeech>
  | ((call: { readonly index: number; readonly text: string }) => TtsSpeech)

/**
 * Options of the scripted synthesiser.
 *
 * @category options
 * @since 0.1.0
 */
export interface TtsOptions {
  /** @default "scripted-tts" */
  readonly name?: string | undefined
  /** Hz. @default 24000 */
  readonly sampleRate?: number | undefined
  readonly voices?: ReadonlyArray<string> | undefined
  /** Says that it already retries, so that the pipeline must not. @default false */
  readonly resilient?: boolean | undefined
}

/**
 * A call of the scripted synthesiser.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsCall extends CallEnd {
  /** Clock time (ms) of the first text. */
  readonly at: number
  /** Pieces of text that it was given so far. */
  readonly pieces: ReadonlyArray<string>
  readonly voice: string | undefined
}

/**
 * What the scripted synthesiser was asked to say, in order; calls without any
 * text are left out.
 *
 * @category services
 * @since 0.1.0
 */
export class TtsCalls extends Context.Service<TtsCalls, {
  readonly calls: Effect.Effect<ReadonlyArray<TtsCall>>
}>()("effect-voice/testing/tts/TtsCalls") {}

const silences = new Map<number, Int16Array>()

/** Nobody writes to a frame, so that all silence of one length is the same. */
const silence = (length: number): Int16Array => {
  const known = silences.get(length)
  if (known !== undefined) return known
  const made = new Int16Array(length)
  if (silences.size < 256 && length < 10_000_000) silences.set(length, made)
  return made
}

const endOfText = Symbol("end of the text")

const isList = (script: TtsScript): script is ReadonlyArray<TtsSpeech> => Array.isArray(script)

const choose = (script: TtsScript, index: number, text: string): TtsSpeech => {
  if (typeof script === "function") return script({ index, text })
  return isList(script) ? script[Math.min(index, script.length - 1)] ?? {} : script
}

/** The audio of one speech, as its text becomes known. */
class Synthesis {
  readonly #speech: TtsSpeech
  readonly #sampleRate: number
  readonly #limit: number
  #ms = 0
  /** Samples made: rounding must not add up. */
  #made = 0

  constructor(speech: TtsSpeech, sampleRate: number) {
    this.#speech = speech
    this.#sampleRate = sampleRate
    this.#limit = speech.duration === undefined ? Number.POSITIVE_INFINITY : millis(speech.duration)
  }

  /** Speaks pieces; `last` says that they are the last ones. */
  speak(pieces: ReadonlyArray<string>, last: boolean): ReadonlyArray<Tts.Chunk> {
    const chunks: Array<Tts.Chunk> = []
    const left = this.#limit - this.#ms
    const perCharacter = this.#speech.msPerCharacter ?? 60
    const natural = pieces.reduce((sum, piece) => sum + piece.length, 0) * perCharacter
    const stretch = Number.isFinite(left) && last && natural > 0 ? left / natural : Math.min(1, left / (natural || 1))
    for (const piece of pieces) this.#piece(piece, piece.length * perCharacter * stretch, chunks)
    if (last && Number.isFinite(this.#limit) && this.#limit - this.#ms > 1e-6) {
      this.#audio(this.#limit - this.#ms, undefined, [], chunks)
    }
    return chunks
  }

  #piece(piece: string, ms: number, chunks: Array<Tts.Chunk>): void {
    const { alignment = "word" } = this.#speech
    const start = this.#ms
    const timed = alignment === false
      ? []
      : alignment === "word"
      ? spread(piece, start, ms)
      : [{ text: piece, start: Math.round(start), end: Math.round(start + ms) }]
    this.#audio(ms, piece, timed, chunks)
  }

  #audio(
    ms: number,
    text: string | undefined,
    alignment: ReadonlyArray<Tts.TimedText>,
    chunks: Array<Tts.Chunk>
  ): void {
    const longest = this.#speech.chunk === undefined ? Number.POSITIVE_INFINITY : millis(this.#speech.chunk)
    const start = this.#ms
    const origin = this.#made
    const voiced = this.#speech.audio === "audible" && text !== undefined
      ? sounding(text, ms, this.#sampleRate)
      : undefined
    let told = 0
    let done = 0
    do {
      done = Math.min(done + longest, ms)
      this.#ms = start + done
      const from = this.#made
      this.#made = Math.round(this.#ms * this.#sampleRate / 1000)
      const samples = voiced?.slice(from - origin, this.#made - origin) ?? silence(this.#made - from)
      const known = done >= ms
        ? alignment.slice(told)
        : alignment.slice(told).filter((word) => word.start < this.#ms)
      told += known.length
      const frame: Audio.Frame = { samples, sampleRate: this.#sampleRate, channels: 1 }
      chunks.push(known.length === 0 ? { frame } : { frame, alignment: known })
    } while (done < ms)
  }
}

/**
 * Makes a synthesiser that speaks by a script, with what it was given.
 *
 * **When to use**
 *
 * Use where a test needs the service as a value; else `layerTts`.
 *
 * @category tts
 * @since 0.1.0
 */
export const tts = (
  script: TtsScript = {},
  options: TtsOptions = {}
): Effect.Effect<{ readonly tts: Tts.Tts["Service"]; readonly calls: TtsCalls["Service"] }> =>
  Effect.sync(() => {
    checkTts(script, options)
    const name = options.name ?? "scripted-tts"
    const sampleRate = options.sampleRate ?? 24_000
    const calls: Array<
      { readonly at: number; readonly pieces: Array<string>; readonly voice: string | undefined; readonly end: Journal }
    > = []
    const error = (reason: Failure.Reason) => new Tts.TtsError({ provider: name, reason })

    const speak = <E, R>(
      text: Stream.Stream<string, E, R>,
      asked?: Tts.Options
    ): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
      Stream.unwrap(Effect.gen(function*() {
        const inbox = yield* Queue.unbounded<string | typeof endOfText, E>()
        yield* text.pipe(
          Stream.runForEachArray((pieces) => Queue.offerAll(inbox, pieces.filter((piece) => piece !== ""))),
          Effect.andThen(Queue.offer(inbox, endOfText)),
          Effect.catchCause((cause) => Queue.failCause(inbox, cause)),
          Effect.forkScoped({ startImmediately: true })
        )
        const end = journal()
        return watched<Tts.Chunk>(end)(Stream.fromPull(Effect.succeed(speaking(inbox, asked?.voice, end))))
      }))

    const speaking = <E>(
      inbox: Queue.Queue<string | typeof endOfText, E>,
      asked: string | undefined,
      course: Journal
    ) => {
      let call:
        | { readonly pieces: Array<string>; readonly speech: TtsSpeech; readonly synthesis: Synthesis }
        | undefined
      let waiting: ReadonlyArray<string | typeof endOfText> = []
      let over = false

      const begin = (first: string): Effect.Effect<void> =>
        Effect.gen(function*() {
          const at = yield* Clock.currentTimeMillis
          const pieces: Array<string> = []
          const speech = choose(script, calls.length, first)
          calls.push({ at, pieces, voice: asked, end: course })
          call = { pieces, speech, synthesis: new Synthesis(speech, sampleRate) }
          yield* sleepUntil(at + millis(speech.firstByte ?? 200))
        })

      const finish = (speech: TtsSpeech): Effect.Effect<never, Tts.TtsError | Cause.Done> => {
        if (speech.hang === true) return Effect.never
        return speech.fail === undefined ? Cause.done() : Effect.fail(error(reasonOf(speech.fail)))
      }

      const pull: Effect.Effect<Arr.NonEmptyReadonlyArray<Tts.Chunk>, E | Tts.TtsError | Cause.Done> = Effect.gen(
        function*() {
          while (!over) {
            if (waiting.length === 0) waiting = yield* Queue.takeAll(inbox)
            if (call === undefined) {
              const first = waiting.find((piece) => piece === endOfText || piece.trim() !== "")
              if (first === endOfText) break
              if (first === undefined) {
                waiting = [...waiting, ...(yield* Queue.takeAll(inbox))]
                continue
              }
              yield* begin(first)
              waiting = [...waiting, ...(Queue.sizeUnsafe(inbox) > 0 ? yield* Queue.takeAll(inbox) : [])]
            }
            const { pieces, speech, synthesis } = call!
            const limit = speech.empty === true
              ? 0
              : speech.hang === true || speech.fail !== undefined
              ? speech.after ?? 0
              : Number.POSITIVE_INFINITY
            const come = waiting.filter((piece) => piece !== endOfText)
            const last = come.length < waiting.length
            waiting = []
            const spoken = come.slice(0, Math.max(0, limit - pieces.length))
            pieces.push(...come)
            const broken = pieces.length > limit || (limit === 0 && pieces.length > 0)
            over = last || broken
            const chunks = speech.empty === true ? [] : synthesis.speak(spoken, last && !broken)
            if (Arr.isReadonlyArrayNonEmpty(chunks)) return chunks
          }
          return yield* finish(call?.speech ?? {})
        }
      )
      return pull
    }

    return {
      tts: Tts.Tts.of({
        name,
        sampleRate,
        channels: 1,
        voices: options.voices ?? [],
        resilient: options.resilient ?? false,
        speak
      }),
      calls: TtsCalls.of({
        calls: Effect.sync(() =>
          calls.map(({ at, end, pieces, voice }) => ({ at, pieces: [...pieces], voice, ...end }))
        )
      })
    }
  })

/**
 * Layer of a synthesiser that speaks by a script.
 *
 * **Details**
 *
 * Faults are speeches: `{ fail: true }` breaks the connection instead of the
 * first audio, `{ fail: true, after: 1 }` after one piece of text was spoken,
 * `{ hang: true }` never gives audio, `{ empty: true }` ends without any,
 * `{ firstByte: "5 seconds" }` is slow. All of them take `firstByte` first.
 *
 * @category tts
 * @since 0.1.0
 */
export const layerTts = (script?: TtsScript, options?: TtsOptions): Layer.Layer<Tts.Tts | TtsCalls> =>
  Layer.effectContext(
    Effect.map(tts(script, options), ({ calls, tts }) => Context.make(Tts.Tts, tts).pipe(Context.add(TtsCalls, calls)))
  )
