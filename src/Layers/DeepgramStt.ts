/**
 * Speech to text by Deepgram, over its streaming WebSocket.
 *
 * Each `transcribe` has a connection of its own, opened with the first audio
 * and closed with the stream. A `Finalize` mark asks for the final transcript
 * at once, without waiting for Deepgram's own endpointing. While no audio is
 * sent, as from a muted microphone, the connection is kept alive.
 *
 * Written from Deepgram's published protocol and run against a stand-in of it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Failure from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import { errorFields, reported } from "../internal/deepgram/errors.ts"
import { dialing } from "../internal/deepgram/line.ts"
import * as Check from "../internal/options.ts"
import { hint, maybe } from "../internal/provider/hints.ts"
import { decodeJson } from "../internal/provider/http.ts"
import * as languages from "../internal/provider/languages.ts"
import { parameters, protocols, readOptions } from "../internal/provider/options.ts"
import { type Standby, standby } from "../internal/provider/standby.ts"
import { converse, type Dialect, type Heard, nothing } from "../internal/stt/conversation.ts"
import * as Stt from "../Stt.ts"

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly apiKey: Redacted.Redacted
  /** Name of the provider in errors, events and usage. @default "deepgram" */
  readonly name?: string | undefined
  /** Another server that speaks the protocol, such as your own. @default "wss://api.deepgram.com" */
  readonly baseUrl?: string | undefined
  /** Flux models are refused: `DeepgramFluxStt` speaks to them. @default "nova-3" */
  readonly model?: string | undefined
  /** A BCP 47 tag, or `multi` (also `auto`) for several languages in one call. Transcripts name it. @default "en" */
  readonly language?: string | undefined
  /** Reports interim transcripts. @default true */
  readonly interims?: boolean | undefined
  /** Silence that makes a transcript final; `false` means that silence never does. @default Deepgram's own, 10 ms */
  readonly endpointing?: Duration.Input | false | undefined
  /** Writes numbers, dates and addresses in their usual form. @default true */
  readonly smartFormat?: boolean | undefined
  /** Does not hold a transcript back for the rest of a number or a date. @default true */
  readonly noDelay?: boolean | undefined
  /** Sets punctuation and capitals; smart format does so anyway. @default true */
  readonly punctuate?: boolean | undefined
  /** Writes numbers in digits. @default false */
  readonly numerals?: boolean | undefined
  /** Writes "uh" and "um". @default false */
  readonly fillerWords?: boolean | undefined
  /** Masks profanity. @default false */
  readonly profanityFilter?: boolean | undefined
  /** Kinds of content to mask, such as `pci`, `ssn` or `numbers`. @default none */
  readonly redact?: ReadonlyArray<string> | undefined
  /** Names and terms to expect (nova-3). @default none */
  readonly keyterms?: ReadonlyArray<string> | undefined
  /** Words to expect, each with an intensity if wanted, as `word:2` (models before nova-3). @default none */
  readonly keywords?: ReadonlyArray<string> | undefined
  /** Does not let Deepgram train on the audio, which costs more. @default false */
  readonly mipOptOut?: boolean | undefined
  /** Labels for your own statistics of the usage. @default none */
  readonly tags?: ReadonlyArray<string> | undefined
  /** Other parameters of the request, by Deepgram's names. @default none */
  readonly parameters?: Readonly<Record<string, string | ReadonlyArray<string>>> | undefined
  /** Hz of the audio that is sent; other audio is resampled. @default 16000 */
  readonly sampleRate?: number | undefined
}

const provider = "deepgram"

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

/** Several languages in one call: transcripts say which. */
const several = "multi"

const language = new RegExp(`${languages.tagOrAuto.source}|^\\s*${several}\\s*$`, "i")

/** A language as Deepgram wants it. */
const asked = (language: string): string =>
  languages.spoken(language) === undefined ? several : languages.canonical(language)

const terms = Check.list(Check.required(Check.text()))

const schema = Check.struct<Options>()({
  apiKey: Check.required(Check.key),
  name: Check.text({ default: provider }),
  baseUrl: Check.url(protocols, { default: "wss://api.deepgram.com" }),
  model: Check.text({
    pattern: /^(?!flux)/i,
    must: "be one of listen v1, such as \"nova-3\": DeepgramFluxStt speaks to Flux",
    default: "nova-3"
  }),
  language: Check.text({
    pattern: language,
    must: "be a BCP 47 tag such as \"en-US\", or \"multi\" for several languages",
    default: "en"
  }),
  interims: Check.flag({ default: true }),
  endpointing: Check.or(false, Check.duration({ most: 60_000 })),
  smartFormat: Check.flag({ default: true }),
  noDelay: Check.flag({ default: true }),
  punctuate: Check.flag({ default: true }),
  numerals: Check.flag(),
  fillerWords: Check.flag(),
  profanityFilter: Check.flag(),
  redact: terms,
  keyterms: terms,
  keywords: terms,
  mipOptOut: Check.flag(),
  tags: terms,
  parameters,
  sampleRate: Check.hertz({ least: 8000, most: 48_000, default: 16_000 })
})

type Settings = typeof schema.Type

/** Deepgram closes after 10 s without a message. */
const keepAlive = { message: JSON.stringify({ type: "KeepAlive" }), everyMs: 4000 }

/** How long a connection that was opened in advance waits for its first audio. */
const keepMs = 60_000

const Word = Schema.Struct({
  word: maybe(Schema.String),
  punctuated_word: maybe(Schema.String),
  start: hint(Schema.Finite),
  end: hint(Schema.Finite)
})

const Results = Schema.Struct({
  type: Schema.Literal("Results"),
  start: hint(Schema.Finite),
  duration: hint(Schema.Finite),
  is_final: maybe(Schema.Boolean),
  channel: Schema.Struct({
    alternatives: Schema.Array(Schema.Struct({
      transcript: maybe(Schema.String),
      confidence: hint(Schema.Finite),
      languages: hint(Schema.Array(Schema.String)),
      words: hint(Schema.Array(Word))
    }))
  })
})

const decodeKind = decodeJson(
  Schema.Struct({ type: hint(Schema.String), duration: hint(Schema.Finite), ...errorFields })
)
const decodeResults = decodeJson(Results)

const ms = (seconds: number) => Math.round(seconds * 1000)

const transcript = (
  { channel, duration, is_final, start }: typeof Results.Type,
  asked: string
): Stt.Transcript => {
  const [best] = channel.alternatives
  const words = best?.words?.flatMap(({ end, punctuated_word, start, word }) =>
    typeof start === "number" && typeof end === "number"
      ? [{ text: punctuated_word ?? word ?? "", start: ms(start), end: ms(end) }]
      : []
  )
  const from = words?.[0]?.start ?? (typeof start === "number" ? ms(start) : undefined)
  const to = words?.at(-1)?.end ??
    (typeof start === "number" && typeof duration === "number" ? ms(start + duration) : undefined)
  return {
    text: best?.transcript ?? "",
    final: is_final === true,
    ...(from === undefined ? undefined : { start: from }),
    ...(to === undefined ? undefined : { end: to }),
    ...(words === undefined || words.length === 0 ? undefined : { words }),
    ...(typeof best?.confidence === "number" ? { confidence: Math.min(1, Math.max(0, best.confidence)) } : undefined),
    ...languages.heard(best?.languages?.[0], asked === several ? undefined : asked)
  }
}

const hear = (asked: string) => (message: string | Uint8Array): Effect.Effect<Heard, Failure.Reason> => {
  if (typeof message !== "string") return Effect.succeed(nothing)
  return Effect.flatMap(decodeKind(message), ({ duration, type, ...error }): Effect.Effect<Heard, Failure.Reason> => {
    switch (type ?? (typeof error.err_code === "string" ? "Error" : undefined)) {
      case "Results":
        return Effect.map(decodeResults(message), (results) => ({ transcripts: [transcript(results, asked)] }))
      case "Metadata":
        // Of all audio at the end; what comes when a connection is opened knows of none.
        return Effect.succeed({ transcripts: [], done: typeof duration === "number" && duration > 0 })
      case "Error":
        return Effect.fail(reported(error))
      default:
        return Effect.succeed(nothing)
    }
  })
}

const dialect = (options: Settings) =>
  Effect.sync((): Dialect => ({
    audio: (bytes) => [bytes],
    finalize: () => [JSON.stringify({ type: "Finalize" })],
    end: () => ({ messages: [JSON.stringify({ type: "CloseStream" })] }),
    hear: hear(asked(options.language))
  }))

/** Only what differs from what Deepgram does anyway, except where its default may change. */
const query = (options: Settings) => ({
  model: options.model,
  language: asked(options.language),
  encoding: "linear16",
  sample_rate: options.sampleRate,
  channels: 1,
  interim_results: options.interims,
  smart_format: options.smartFormat,
  no_delay: options.noDelay,
  punctuate: options.punctuate,
  endpointing: typeof options.endpointing === "number" ? Math.round(options.endpointing) : options.endpointing,
  numerals: options.numerals,
  filler_words: options.fillerWords,
  profanity_filter: options.profanityFilter,
  redact: options.redact,
  keyterm: options.keyterms,
  keywords: options.keywords,
  mip_opt_out: options.mipOptOut,
  tag: options.tags,
  ...options.parameters
})

/**
 * Creates an `Stt` that asks Deepgram.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option is out of its range. A stream
 * fails with `Rejected` for a refused key or too many connections, and with
 * `Disconnected` for a lost connection. The scope closes what `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Stt.Stt["Service"], Stt.SttError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { apiKey, name, sampleRate } = settings
    const failed = failing(name)
    const dial = dialing(apiKey, settings.baseUrl, "/v1/listen")
    const line = yield* standby({ open: dial(query(settings)), keepMs, keepAlive })
    const service = (settings: Settings, line: Pick<Standby, "open"> & Partial<Standby>): Stt.Stt["Service"] =>
      Stt.make({
        name,
        model: settings.model,
        interims: settings.interims,
        prewarm: line.prewarm === undefined ? undefined : Effect.mapError(line.prewarm, failed),
        language: asked(settings.language),
        withLanguage: (language) => {
          const other = { ...settings, language }
          return service(other, { open: dial(query(other)) })
        },
        transcribe: converse({ name, sampleRate, leastMs: 20, open: line.open, dialect: dialect(settings), keepAlive })
      })
    return service(settings, line)
  })

/**
 * Layer of an `Stt` that asks Deepgram.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
 *
 * const layer = DeepgramStt.layer({ apiKey: Redacted.make("…"), language: "de", keyterms: ["Sea View"] })
 * ```
 *
 * @see `Stt.layerFallback` to use a second recogniser when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Stt.Stt, Stt.SttError> => Layer.effect(Stt.Stt, make(options))

/**
 * The same with options from the configuration; without any, the key is
 * `DEEPGRAM_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options> = { apiKey: Config.Redacted("DEEPGRAM_API_KEY") }
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
