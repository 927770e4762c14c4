/**
 * Speech to text by OpenAI, and by every server that speaks like it.
 *
 * The package `openai` must be installed beside this one. `layer` sends each
 * piece of speech as a WAV file when it is complete; `layerRealtime` sends the
 * audio over a WebSocket as it comes, and hears the words while they are said.
 * Interrupting the stream closes its requests or its connection. Nothing is
 * retried here: `Resilience` does.
 *
 * With `baseUrl`, any server with `/audio/transcriptions` can be asked (Groq,
 * Speaches, LocalAI, vLLM). All of this was tried against stand-ins that speak
 * the published protocol, none of it against the servers named.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as client from "../internal/openai/client.ts"
import { access, keyed, language, settings, several, terms } from "../internal/openai/options.ts"
import * as realtime from "../internal/openai/realtime.ts"
import * as transcription from "../internal/openai/transcription.ts"
import * as Check from "../internal/options.ts"
import * as languages from "../internal/provider/languages.ts"
import { address, readOptions, speaking } from "../internal/provider/options.ts"
import { connect } from "../internal/provider/socket.ts"
import { standby } from "../internal/provider/standby.ts"
import { converse } from "../internal/stt/conversation.ts"
import { fields } from "../internal/stt/options.ts"
import * as Stt from "../Stt.ts"
import type * as Vad from "../Vad.ts"

/**
 * Limits for a segment of an answer. Whisper invents words if nobody speaks, and these limits drop
 * them.
 *
 * @category options
 * @since 0.1.0
 */
export interface Gates {
  /** Highest probability that nobody speaks, 0–1. @default 0.6 */
  readonly noSpeech?: number | undefined
  /** Highest compression ratio; what repeats itself lies above. @default 2.4 */
  readonly compressionRatio?: number | undefined
  /** Lowest mean log-probability. @default -1 */
  readonly averageLogProbability?: number | undefined
}

/**
 * Options of both layers: the server, and facts about the speech.
 *
 * @category options
 * @since 0.1.0
 */
export interface Common extends client.Access {
  /** Language as a BCP 47 tag; the server gets it without the region; `auto` detects it. @default "en" */
  readonly language?: string | undefined
  /** Several languages that may be spoken, instead of `language` (gpt-transcribe, gpt-live-transcribe). @default none */
  readonly languages?: ReadonlyArray<string> | undefined
  /** Names and terms to expect (gpt-transcribe, gpt-live-transcribe). @default none */
  readonly keywords?: ReadonlyArray<string> | undefined
  /** Words that may come, or what was said before; gpt-realtime-whisper takes none. @default none */
  readonly prompt?: string | undefined
}

/**
 * Options of the layer that sends files.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Common {
  /** @default "whisper-1" */
  readonly model?: string | undefined
  /** Randomness, 0–1. @default 0; the server's for gpt-transcribe */
  readonly temperature?: number | undefined
  /** Tells the time of each word; OpenAI's gpt models cannot. @default false */
  readonly words?: boolean | undefined
  /**
   * Leaves out what fails the gates, as far as the answer tells their figures:
   * all three for Whisper, the log-probability for gpt-4o-transcribe, none for
   * gpt-transcribe. `true` takes the defaults of `Gates`. @default false
   */
  readonly gates?: boolean | Gates | undefined
  /** Finds the speech in the audio. @default none: a pipeline finds it, and speech ends at `Finalize` */
  readonly vad?: Vad.Vad["Service"] | undefined
  readonly vadOptions?: Vad.Options | undefined
  /** Speech between two interim transcripts, each a paid request. @default no interim transcripts */
  readonly interimEvery?: Duration.Input | undefined
  /** Longest speech of one request. @default "60 seconds" */
  readonly maxSpeech?: Duration.Input | undefined
}

/**
 * Options of the layer that sends audio as it comes.
 *
 * @category options
 * @since 0.1.0
 */
export interface RealtimeOptions extends Common {
  /**
   * Whole address, where it is not `realtime?intent=transcription` under `baseUrl`, and `model` with it where that is
   * not OpenAI's; a `ws` or `wss` URL.
   */
  readonly url?: string | undefined
  /** @default "gpt-live-transcribe" */
  readonly model?: string | undefined
  /** How long gpt-realtime-whisper may wait for what follows: later is more exact. @default the server's */
  readonly delay?: "minimal" | "low" | "medium" | "high" | "xhigh" | undefined
  /** Noise to take out: of a headset, or of a room. @default none */
  readonly noiseReduction?: "near_field" | "far_field" | undefined
}

/**
 * OpenAI's recommended model for files. More exact than `whisper-1`, the
 * default, which shuts down on 2027-02-26 like the gpt-4o-transcribe models;
 * but it tells neither times nor probabilities.
 *
 * @category presets
 * @since 0.1.0
 */
export const recommended = { model: "gpt-transcribe" } as const satisfies Options

const isGpt = (model: string): boolean => model.startsWith("gpt-")

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

const common = { ...access, language, languages: several, keywords: terms, prompt: Check.text() }

/** Models of OpenAI whose options are known. Another server has its own names. */
const takesNeither = (model: string): boolean =>
  model === "whisper-1" || (isGpt(model) && !transcription.takesLanguages(model))

interface Hinted {
  readonly model: string
  readonly languages?: ReadonlyArray<string> | undefined
  readonly keywords?: ReadonlyArray<string> | undefined
}

/** An option that a model does not take is an error. */
const hinted = ({ keywords, languages, model }: Hinted) => {
  const problem = (given: unknown, instead: string) =>
    given === undefined || !takesNeither(model) ? undefined : `must not be given: ${model} takes ${instead}`
  return { languages: problem(languages, "one language"), keywords: problem(keywords, "a prompt instead") }
}

const gates = Check.struct<Gates>()({
  noSpeech: Check.ratio({ default: 0.6 }),
  compressionRatio: Check.number({ least: 0, most: 1000, default: 2.4 }),
  averageLogProbability: Check.number({ least: -1000, most: 0, default: -1 })
})

const schema = Check.together(
  Check.struct<Options>()({
    ...common,
    ...fields,
    model: Check.text({ default: "whisper-1" }),
    temperature: Check.ratio(),
    words: Check.flag({ default: false }),
    gates: Check.orFlag(gates, { default: false })
  }),
  ({ model, words, ...others }) => ({
    ...keyed(others),
    ...hinted({ ...others, model }),
    words: words && isGpt(model) ? `must not be true: ${model} tells no times; use the model "whisper-1"` : undefined
  })
)

/** The language for a model, and several if they are given. */
const asked = (language: string, several?: ReadonlyArray<string>) => ({
  language: several === undefined ? languages.spoken(language) : undefined,
  languages: several?.map((tag) => languages.spoken(tag) ?? tag)
})

const mannerOf = (
  { gates, keywords, language, languages: several, model, prompt, temperature, words }: typeof schema.Type
): transcription.Manner => ({
  model,
  ...asked(language, several),
  keywords,
  prompt,
  temperature: temperature ?? (transcription.takesLanguages(model) ? undefined : 0),
  words,
  verbose: !isGpt(model),
  gates: gates === false ? undefined : gates
})

/**
 * An `Stt` that sends each piece of speech as a file.
 *
 * **Details**
 *
 * Without `vad`, speech ends at `Finalize`, which a pipeline gives. Speech of
 * less than 100 ms is not sent: OpenAI refuses it. Fails with `InvalidRequest`,
 * which names the option, when an option cannot be used or the package is not
 * installed. The key is not tried out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Stt.Stt["Service"], Stt.SttError> =>
  Effect.gen(function*() {
    const settings = yield* readOptions(schema, options, client.provider, failing)
    const { interimEvery, maxSpeech, name } = settings
    const fail = failing(name)
    const opened = yield* Effect.mapError(client.open(settings), fail)
    const prewarm = Effect.mapError(client.prewarm(opened), fail)
    const service = (manner: transcription.Manner): Stt.Stt["Service"] => {
      const recognize = transcription.recognize(opened, manner)
      return Stt.fromRecognizer({
        name,
        model: manner.model,
        prewarm,
        language: manner.language,
        withLanguage: (language) => service({ ...manner, ...asked(language) }),
        // Whisper hears no more than this, and the file is the smaller.
        format: Audio.speech,
        recognize: (speech) => Effect.mapError(recognize(speech), fail),
        vad: options.vad,
        vadOptions: options.vadOptions,
        interimEvery,
        maxSpeech
      })
    }
    return service(mannerOf(settings))
  })

/** How long a connection that was opened in advance waits for its first audio (ms). */
const keepMs = 60_000

/** The model that may wait for what follows, and takes no prompt. */
const delaying = "gpt-realtime-whisper"

const realtimeSchema = Check.together(
  Check.struct<RealtimeOptions>()({
    ...common,
    url: Check.url(["wss:", "ws:"]),
    model: Check.text({ default: "gpt-live-transcribe" }),
    delay: Check.oneOf(["minimal", "low", "medium", "high", "xhigh"]),
    noiseReduction: Check.oneOf(["near_field", "far_field"])
  }),
  ({ apiKey, baseUrl, delay, keywords, languages, model, prompt, url }) => ({
    ...keyed({ apiKey, baseUrl: baseUrl ?? url }),
    ...hinted({ model, languages, keywords }),
    delay: delay !== undefined && model !== delaying && (isGpt(model) || model === "whisper-1")
      ? `must not be given: ${model} takes none; use the model "${delaying}"`
      : undefined,
    prompt: prompt !== undefined && model === delaying ? `must not be given: ${model} takes none` : undefined
  })
)

// OpenAI's own server takes the model with the settings, others want it in the address.
const urlOf = ({ baseUrl, model, url }: RealtimeOptions): string =>
  url ??
    address(speaking("ws", baseUrl ?? client.defaultBaseUrl), "/realtime", {
      intent: "transcription",
      model: baseUrl === undefined ? undefined : model
    })

/**
 * An `Stt` that sends the audio as it comes, and hears the words while they are
 * said.
 *
 * **Details**
 *
 * Each stream has a connection of its own, opened with the first audio and
 * closed with the stream. Speech ends at `Finalize`, and at the end of the audio.
 * A transcript comes in the order of the speech, whatever the server finishes
 * first. Fails with `InvalidRequest`, which names the option, when an option
 * cannot be used. The scope closes what `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeRealtime = (
  options: RealtimeOptions = {}
): Effect.Effect<Stt.Stt["Service"], Stt.SttError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* readOptions(realtimeSchema, options, client.provider, failing)
    const { delay, keywords, model, name, noiseReduction, prompt } = settings
    const fail = failing(name)
    const target = { closes: realtime.closes(), url: urlOf(settings), headers: client.handshake(settings) }
    const line = yield* standby({ open: connect(target), keepMs })
    const service = (manner: realtime.Manner): Stt.Stt["Service"] =>
      Stt.make({
        name,
        model: manner.model,
        interims: true,
        prewarm: Effect.mapError(line.prewarm, fail),
        language: manner.language,
        withLanguage: (language) => service({ ...manner, ...asked(language) }),
        transcribe: converse({
          name,
          sampleRate: realtime.sampleRate,
          leastMs: 20,
          open: line.open,
          dialect: realtime.dialect(manner)
        })
      })
    return service({
      model,
      ...asked(settings.language, settings.languages),
      keywords,
      prompt,
      delay,
      noiseReduction
    })
  })

/**
 * Layer of an `Stt` that sends each piece of speech as a file.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
 *
 * const layer = OpenAiStt.layer({ apiKey: Redacted.make("…"), language: "de" })
 * ```
 *
 * @see `layerRealtime`, which sends the audio as it comes
 * @see `Stt.layerFallback` to use a second recogniser when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Stt.Stt, Stt.SttError> => Layer.effect(Stt.Stt, make(options))

/**
 * Layer of an `Stt` that sends the audio as it comes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRealtime = (options: RealtimeOptions = {}): Layer.Layer<Stt.Stt, Stt.SttError> =>
  Layer.effect(Stt.Stt, makeRealtime(options))

const fromEnvironment: Config.Config<Common> = Config.map(settings, ({ apiKey }) => ({ apiKey }))

/**
 * `layer` with options from the configuration; without options the key is
 * `OPENAI_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Config.Wrap<Options>
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> =>
  layerFrom(options === undefined ? fromEnvironment : Config.unwrap(options), layer)

/**
 * `layerRealtime` with options from the configuration; without options the key
 * is `OPENAI_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRealtimeConfig = (
  options?: Config.Wrap<RealtimeOptions>
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> =>
  layerFrom(options === undefined ? fromEnvironment : Config.unwrap(options), layerRealtime)
