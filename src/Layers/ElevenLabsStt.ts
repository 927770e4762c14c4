/**
 * Speech to text by ElevenLabs' realtime Scribe.
 *
 * Each `transcribe` has a WebSocket of its own, opened with the first audio and closed with the
 * stream. A `Finalize` mark ends a transcript, unless `commit` is `pauses`.
 *
 * Written from ElevenLabs' published protocol and run against a stand-in of it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/encoding/Base64"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { elevenlabs } from "../Config.ts"
import type * as Failure from "../Failure.ts"
import { explain, failNoted } from "../internal/config/variable.ts"
import * as account from "../internal/elevenlabs/account.ts"
import * as Check from "../internal/options.ts"
import { hint, maybe } from "../internal/provider/hints.ts"
import { decodeJson } from "../internal/provider/http.ts"
import * as languages from "../internal/provider/languages.ts"
import { address, invalid, protocols, readOptions, speaking } from "../internal/provider/options.ts"
import { connect } from "../internal/provider/socket.ts"
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
  /** Name of the provider in errors, events and usage. @default "elevenlabs" */
  readonly name?: string | undefined
  /** Another server that speaks the protocol, such as that of a region. @default "https://api.elevenlabs.io" */
  readonly baseUrl?: string | undefined
  /** @default "scribe_v2_realtime" */
  readonly model?: string | undefined
  /**
   * Language as a BCP 47 tag; ElevenLabs gets it without the region. `auto` detects it. Transcripts
   * name it.
   *
   * @default "auto"
   */
  readonly language?: string | undefined
  /** Languages that may come beside that one: BCP 47 tags. @default none */
  readonly secondaryLanguages?: ReadonlyArray<string> | undefined
  /** Names and terms to expect, which cost more: at most 50, of 20 characters each. @default none */
  readonly keyterms?: ReadonlyArray<string> | undefined
  /** Leaves out "uh", false starts and the like. @default false */
  readonly noVerbatim?: boolean | undefined
  /** What ends a transcript: the `Finalize` marks, or pauses that ElevenLabs finds. @default "marks" */
  readonly commit?: "marks" | "pauses" | undefined
  /** Silence that is a pause, 0.3–3 s, for `commit` by pauses. @default ElevenLabs' own, 1.5 s */
  readonly pause?: Duration.Input | undefined
  /** Probability from which audio counts as voice, 0.1–0.9, for `commit` by pauses. @default ElevenLabs' own, 0.4 */
  readonly voiceThreshold?: number | undefined
  /** Gives the time and the confidence of each word. @default true */
  readonly words?: boolean | undefined
  /** Lets ElevenLabs keep the audio; false needs a plan without retention. @default true */
  readonly logging?: boolean | undefined
  /** Hz of the audio that is sent: 8000, 16000, 22050, 24000, 44100 or 48000; other audio is resampled. @default 16000 */
  readonly sampleRate?: number | undefined
}

const provider = "elevenlabs"

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

const schema = Check.struct<Options>()({
  apiKey: Check.required(Check.key),
  name: Check.text({ default: provider }),
  baseUrl: Check.url(protocols, { default: account.baseUrl }),
  model: Check.text({ default: "scribe_v2_realtime" }),
  language: Check.text({
    pattern: languages.tagOrAuto,
    must: "be a BCP 47 tag such as \"en-US\", or \"auto\"",
    default: "auto"
  }),
  secondaryLanguages: Check.list(
    Check.required(Check.text({ pattern: languages.tag, must: "be a BCP 47 tag such as \"en-US\"" }))
  ),
  keyterms: Check.list(Check.required(Check.text())),
  noVerbatim: Check.flag(),
  commit: Check.oneOf(["marks", "pauses"], { default: "marks" }),
  pause: Check.duration({ least: 300, most: 3000 }),
  voiceThreshold: Check.number({ least: 0.1, most: 0.9 }),
  words: Check.flag({ default: true }),
  logging: Check.flag(),
  sampleRate: Check.oneOf([8000, 16_000, 22_050, 24_000, 44_100, 48_000] as ReadonlyArray<number>, { default: 16_000 })
})

type Settings = typeof schema.Type

/** How long a connection that was opened in advance waits for its first audio. */
const keepMs = 15_000

/** Least audio in ms of a message; each is JSON with the audio in base64. */
const leastMs = 100

/** A word that begins this much before what was committed last counts from there. */
const slackMs = 200

const decode = decodeJson(Schema.Struct({
  message_type: hint(Schema.String),
  text: maybe(Schema.String),
  ...account.errorFields,
  language_code: hint(Schema.String),
  words: hint(Schema.Array(Schema.Struct({
    text: maybe(Schema.String),
    start: hint(Schema.Finite),
    end: hint(Schema.Finite),
    type: hint(Schema.String),
    logprob: hint(Schema.Finite)
  })))
}))

type Answer = Effect.Success<ReturnType<typeof decode>>

const ms = (seconds: number) => Math.round(seconds * 1000)

/** The final transcript of a part of the audio that begins at `fromMs`. */
const transcript = (answer: Answer, fromMs: number, asked: string | undefined): Stt.Transcript => {
  const heard = (answer.words ?? []).filter(({ type }) => type !== "spacing")
  const timed = heard.flatMap(({ end, start, text }) =>
    typeof text === "string" && typeof start === "number" && typeof end === "number"
      ? [{ text, start: ms(start), end: ms(end) }]
      : []
  )
  const [first] = timed
  const offset = first !== undefined && first.start + slackMs < fromMs ? fromMs : 0
  const words = timed.map(({ end, start, text }) => ({ text, start: start + offset, end: end + offset }))
  const sure = heard.flatMap(({ logprob }) => typeof logprob === "number" ? [logprob] : [])
  return {
    text: (answer.text ?? "").trim(),
    final: true,
    ...(words[0] === undefined ? undefined : { start: words[0].start, end: words.at(-1)?.end ?? words[0].end, words }),
    ...(sure.length === 0
      ? undefined
      : { confidence: Math.min(1, Math.exp(sure.reduce((sum, one) => sum + one, 0) / sure.length)) }),
    ...languages.heard(answer.language_code, asked)
  }
}

const dialect = ({ commit: by, language, sampleRate, words }: Settings) => (): Dialect => {
  const asked = languages.spoken(language)
  const byMarks = by === "marks"
  const final = words ? "committed_transcript_with_timestamps" : "committed_transcript"
  /** Where in the audio each commit without an answer was, in ms. */
  const commits: Array<number> = []
  let sentMs = 0
  let committedMs = 0
  let answeredMs = 0
  let ended = false
  let last: string | undefined

  const chunk = (audio: string, commit: boolean) =>
    JSON.stringify({ message_type: "input_audio_chunk", audio_base_64: audio, commit, sample_rate: sampleRate })

  const commit = (): ReadonlyArray<string> => {
    if (sentMs === committedMs) return []
    committedMs = sentMs
    commits.push(sentMs)
    return [chunk("", true)]
  }

  const answer = (of: (fromMs: number) => Stt.Transcript): Heard => {
    const heard = of(answeredMs)
    // Nobody has asked for more, and it is the same once more.
    if (byMarks && commits.length === 0 && heard.text !== "" && heard.text === last) return nothing
    last = heard.text
    answeredMs = commits.shift() ?? answeredMs
    return { transcripts: [heard], done: ended && commits.length === 0 }
  }

  const hear = (message: Answer): Effect.Effect<Heard, Failure.Reason> => {
    const { message_type: told, text } = message
    const message_type = told ?? ""
    if (message_type === "partial_transcript") {
      return Effect.succeed({ transcripts: text ? [{ text, final: false }] : [] })
    }
    if (message_type === final) return Effect.succeed(answer((fromMs) => transcript(message, fromMs, asked)))
    // Too little was said to commit it: that is an answer too.
    if (message_type === "commit_throttled") return Effect.succeed(answer(() => ({ text: "", final: true })))
    const error = account.errorIn(message, message_type)
    return error === undefined ? Effect.succeed(nothing) : Effect.fail(error)
  }

  return {
    audio: (bytes) => {
      sentMs += bytes.length / 2 / sampleRate * 1000
      return [chunk(Encoding.encode(bytes), false)]
    },
    finalize: () => byMarks ? commit() : [],
    end: () => {
      const messages = commit()
      ended = true
      return { messages, done: commits.length === 0 }
    },
    hear: (message) => typeof message === "string" ? Effect.flatMap(decode(message), hear) : Effect.succeed(nothing)
  }
}

const query = (options: Settings) => ({
  model_id: options.model,
  audio_format: `pcm_${options.sampleRate}`,
  commit_strategy: options.commit === "pauses" ? "vad" : "manual",
  include_timestamps: options.words,
  include_language_detection: languages.spoken(options.language) === undefined ? true : undefined,
  language_code: languages.spoken(options.language),
  secondary_languages: options.secondaryLanguages?.map((tag) => languages.spoken(tag) ?? tag),
  keyterms: options.keyterms,
  no_verbatim: options.noVerbatim,
  vad_silence_threshold_secs: options.pause === undefined ? undefined : options.pause / 1000,
  vad_threshold: options.voiceThreshold,
  enable_logging: options.logging
})

/**
 * Creates an `Stt` that asks ElevenLabs.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option is out of its range. A stream
 * fails with `Rejected` for a refused key, an empty account or too many
 * requests at a time, and with `Disconnected` for a lost connection and for a
 * session that ElevenLabs ends, as it does when nobody speaks for long. The
 * scope closes what `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Stt.Stt["Service"], Stt.SttError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { model, name, sampleRate } = settings
    const failed = failing(name)
    const base = speaking("ws", settings.baseUrl)
    const closes = account.closes()
    const dial = (settings: Settings) =>
      connect({
        closes,
        headers: account.headers(settings.apiKey),
        url: address(base, "/v1/speech-to-text/realtime", query(settings))
      })
    const service = (settings: Settings, line: Pick<Standby, "open"> & Partial<Standby>): Stt.Stt["Service"] =>
      Stt.make({
        name,
        model,
        interims: true,
        prewarm: line.prewarm === undefined ? undefined : Effect.mapError(line.prewarm, failed),
        language: languages.spoken(settings.language),
        withLanguage: (language) => {
          const other = { ...settings, language }
          return service(other, { open: dial(other) })
        },
        transcribe: converse({ name, sampleRate, leastMs, open: line.open, dialect: Effect.sync(dialect(settings)) })
      })
    return service(settings, yield* standby({ open: dial(settings), keepMs }))
  })

/**
 * Layer of an `Stt` that asks ElevenLabs.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
 *
 * const layer = ElevenLabsStt.layer({ apiKey: Redacted.make("…"), language: "de" })
 * ```
 *
 * @see `Stt.layerFallback` to use a second recogniser when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Stt.Stt, Stt.SttError> => Layer.effect(Stt.Stt, make(options))

const keyMissing = Effect.suspend(() =>
  failNoted(failing(provider)(invalid("apiKey", "ELEVENLABS_API_KEY is not set")), [
    { variable: "ELEVENLABS_API_KEY", detail: "is not set" }
  ])
)

/**
 * The same with options from the configuration; without any, the key is
 * `ELEVENLABS_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Config.Wrap<Options>
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> =>
  Layer.unwrap(
    options === undefined
      ? Effect.map(elevenlabs, ({ apiKey }) =>
        apiKey === undefined
          ? Layer.effect(Stt.Stt, keyMissing)
          : layer({ apiKey }))
      : Effect.map(Effect.mapError(Config.unwrap(options), explain), layer)
  )
