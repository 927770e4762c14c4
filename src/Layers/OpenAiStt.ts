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
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as client from "../internal/openai/client.ts"
import * as languages from "../internal/openai/languages.ts"
import { inRange, named, settings } from "../internal/openai/options.ts"
import * as realtime from "../internal/openai/realtime.ts"
import * as transcription from "../internal/openai/transcription.ts"
import { connect } from "../internal/provider/socket.ts"
import { standby } from "../internal/provider/standby.ts"
import { converse } from "../internal/stt/conversation.ts"
import { problemOf as recognizerProblem } from "../internal/stt/options.ts"
import * as Stt from "../Stt.ts"
import type * as Vad from "../Vad.ts"

/**
 * What a segment of the answer must keep to be believed; Whisper invents words
 * where nobody speaks.
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
 * Where the server is, and what both layers are told of the speech.
 *
 * @category options
 * @since 0.1.0
 */
export interface Common {
  /** Needed by OpenAI itself; a server of your own may do without. */
  readonly apiKey?: Redacted.Redacted | undefined
  /** Address of a compatible server, with its `/v1`. @default "https://api.openai.com/v1" */
  readonly baseUrl?: string | undefined
  readonly organization?: string | undefined
  readonly project?: string | undefined
  /** Sent with each request. @default none */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** Name of the provider in errors, events and usage. @default "openai" */
  readonly name?: string | undefined
  /** A BCP 47 tag, of which the language alone is told; `auto` detects it. @default "en" */
  readonly language?: string | undefined
  /** Words that may come, or what was said before. @default none */
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
  /** Whole address, where it is not `realtime?intent=transcription` under `baseUrl`; a `ws` or `wss` URL. */
  readonly url?: string | undefined
  /** @default "gpt-live-transcribe" */
  readonly model?: string | undefined
  /** How long the model may wait for what follows: later is more exact. @default the server's */
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

const defaultGates = { noSpeech: 0.6, compressionRatio: 2.4, averageLogProbability: -1 }

const isGpt = (model: string): boolean => model.startsWith("gpt-")

const checkedCommon = Effect.fnUntraced(function*(options: Common & { readonly model?: string | undefined }) {
  yield* named("name", options.name)
  yield* named("model", options.model)
  if (options.language !== undefined && !languages.isTag(options.language)) {
    return yield* client.invalid(`language: must be a BCP 47 tag such as "en-US", or "auto"`)
  }
})

const checked = Effect.fnUntraced(function*(options: Options) {
  yield* checkedCommon(options)
  yield* inRange("temperature", options.temperature, 0, 1)
  if (typeof options.gates === "object") {
    yield* inRange("gates.noSpeech", options.gates.noSpeech, 0, 1)
    yield* inRange("gates.compressionRatio", options.gates.compressionRatio, 0, 1000)
    yield* inRange("gates.averageLogProbability", options.gates.averageLogProbability, -1000, 0)
  }
  if (options.words === true && isGpt(options.model ?? "whisper-1")) {
    return yield* client.invalid(`words: ${options.model} tells no times; use the model "whisper-1"`)
  }
})

const mannerOf = (options: Options): transcription.Manner => {
  const { gates, model = "whisper-1" } = options
  return {
    model,
    language: languages.spoken(options.language ?? "en"),
    prompt: options.prompt,
    temperature: options.temperature ?? (transcription.takesLanguages(model) ? undefined : 0),
    words: options.words ?? false,
    verbose: !isGpt(model),
    gates: gates === undefined || gates === false ? undefined : {
      ...defaultGates,
      ...(gates === true ? undefined : Object.fromEntries(
        Object.entries(gates).filter(([, value]) => value !== undefined)
      ))
    }
  }
}

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
export const make = (options: Options = {}): Effect.Effect<Stt.Stt["Service"], Stt.SttError> => {
  const name = options.name ?? client.provider
  const fail = (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })
  return Effect.gen(function*() {
    yield* checked(options)
    const wrong = recognizerProblem(options)
    if (wrong !== undefined) return yield* wrong
    const opened = yield* client.open(options)
    const prewarm = Effect.mapError(client.prewarm(opened), fail)
    const service = (manner: transcription.Manner): Stt.Stt["Service"] => {
      const recognize = transcription.recognize(opened, manner)
      return Stt.fromRecognizer({
        name,
        model: manner.model,
        prewarm,
        withLanguage: (language) => service({ ...manner, language: languages.spoken(language) }),
        // Whisper hears no more than this, and the file is the smaller.
        format: Audio.speech,
        recognize: (speech) => Effect.mapError(recognize(speech), fail),
        vad: options.vad,
        vadOptions: options.vadOptions,
        interimEvery: options.interimEvery,
        maxSpeech: options.maxSpeech
      })
    }
    return service(mannerOf(options))
  }).pipe(Effect.mapError(fail))
}

/** How long a connection that was opened in advance waits for its first audio (ms). */
const keepMs = 60_000

const isWebSocket = (url: string): boolean => URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)

const urlOf = ({ baseUrl = client.defaultBaseUrl, url }: RealtimeOptions): string =>
  url ?? `${baseUrl.replace(/^http/, "ws").replace(/\/+$/, "")}/realtime?intent=transcription`

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
): Effect.Effect<Stt.Stt["Service"], Stt.SttError, Scope.Scope> => {
  const name = options.name ?? client.provider
  const fail = (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })
  return Effect.gen(function*() {
    yield* checkedCommon(options)
    yield* client.checked({ ...options, baseUrl: options.baseUrl ?? options.url?.replace(/^ws/, "http") })
    const url = urlOf(options)
    if (!isWebSocket(url)) return yield* client.invalid("url: must be a ws or wss URL")
    const { apiKey, organization, project } = options
    const target = {
      url,
      headers: {
        ...options.headers,
        ...(organization === undefined ? undefined : { "openai-organization": organization }),
        ...(project === undefined ? undefined : { "openai-project": project }),
        ...(apiKey === undefined
          ? undefined
          : { authorization: Redacted.make(`Bearer ${Redacted.value(apiKey)}`) })
      }
    }
    const line = yield* standby({ open: connect(target), keepMs })
    const service = (manner: realtime.Manner): Stt.Stt["Service"] =>
      Stt.make({
        name,
        model: manner.model,
        interims: true,
        prewarm: Effect.mapError(line.prewarm, fail),
        withLanguage: (language) => service({ ...manner, language: languages.spoken(language) }),
        transcribe: converse({
          name,
          sampleRate: realtime.sampleRate,
          leastMs: 20,
          open: line.open,
          dialect: realtime.dialect(manner)
        })
      })
    return service({
      model: options.model ?? "gpt-live-transcribe",
      language: languages.spoken(options.language ?? "en"),
      prompt: options.prompt,
      delay: options.delay,
      noiseReduction: options.noiseReduction
    })
  }).pipe(Effect.mapError(fail))
}

/**
 * Layer of an `Stt` that sends each piece of speech as a file.
 *
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
