/**
 * Speech to text by Azure.
 *
 * Each `transcribe` has a WebSocket of its own, opened with the first audio and closed with the
 * stream. A `Finalize` mark ends a turn of Azure's protocol, so Azure gives its transcript at once;
 * the next audio begins another turn on the same connection.
 *
 * It does not use Azure's package, which reconnects and retries by its own rules and adds 7.6 MB
 * and six packages. It was written from the protocol of that package, and tested against a
 * stand-in.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Failure from "../Failure.ts"
import { host, region } from "../internal/azure/region.ts"
import { closes, dialect, id } from "../internal/azure/turns.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import * as languages from "../internal/provider/languages.ts"
import { address, protocols, readOptions, speaking } from "../internal/provider/options.ts"
import { connect } from "../internal/provider/socket.ts"
import { type Standby, standby } from "../internal/provider/standby.ts"
import { converse } from "../internal/stt/conversation.ts"
import * as Stt from "../Stt.ts"

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly apiKey: Redacted.Redacted
  /** Name of the provider in errors, events and usage. @default "azure" */
  readonly name?: string | undefined
  /** Region of the resource, such as `westeurope`. */
  readonly region: string
  /** Another server that speaks the protocol, such as a container. @default that of the region */
  readonly baseUrl?: string | undefined
  /**
   * Language as a BCP 47 tag. A tag without a region gets the region where most people speak it.
   * Transcripts name it.
   *
   * @default "en-US"
   */
  readonly language?: string | undefined
  /**
   * Several languages that may be spoken, 2 to 10 BCP 47 tags of different languages, instead of
   * `language`. Azure detects the language again and again during the call, and transcripts name
   * it. @default none
   */
  readonly languages?: ReadonlyArray<string> | undefined
  /** The kind of speech to expect. @default "Conversation" */
  readonly mode?: "Conversation" | "Interactive" | "Dictation" | undefined
  /** @default "Masked" */
  readonly profanity?: "Masked" | "Removed" | "Raw" | undefined
  /** `Detailed` also gives the times of words and a confidence. @default "Simple" */
  readonly output?: "Simple" | "Detailed" | undefined
  /** Names and terms to expect. @default none */
  readonly phrases?: ReadonlyArray<string> | undefined
  /** Silence that ends a phrase, 0.1–5 s. @default Azure's own */
  readonly segmentation?: Duration.Input | undefined
  /** Id of a custom model's deployment; it brings its own language. @default none */
  readonly endpointId?: string | undefined
  /** Hz of the audio that is sent, 8000 or 16000; other audio is resampled. @default 16000 */
  readonly sampleRate?: number | undefined
}

const provider = "azure"

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

const several = (tags: ReadonlyArray<string>): boolean => {
  const spoken = tags.map((tag) => languages.tag.test(tag) ? languages.spoken(tag) : undefined)
  return tags.length >= 2 && tags.length <= 10 && !spoken.includes(undefined) && new Set(spoken).size === tags.length
}

const schema = Check.together(
  Check.struct<Options>()({
    apiKey: Check.required(Check.key),
    name: Check.text({ default: provider }),
    region,
    baseUrl: Check.url(protocols),
    language: Check.text({
      pattern: languages.tag,
      must: "be a BCP 47 tag such as \"en-US\"; where it may be one of several, set languages",
      default: "en-US"
    }),
    languages: Check.such<ReadonlyArray<string>>(several, "be 2 to 10 BCP 47 tags, each of another language"),
    mode: Check.oneOf(["Conversation", "Interactive", "Dictation"], { default: "Conversation" }),
    profanity: Check.oneOf(["Masked", "Removed", "Raw"], { default: "Masked" }),
    output: Check.oneOf(["Simple", "Detailed"], { default: "Simple" }),
    phrases: Check.list(Check.text()),
    segmentation: Check.duration({ least: 100, most: 5000 }),
    endpointId: Check.text(),
    sampleRate: Check.oneOf([8000, 16_000] as ReadonlyArray<number>, { default: 16_000 })
  }),
  ({ endpointId, languages }) =>
    languages === undefined || endpointId === undefined
      ? {}
      : { languages: "must not be given with endpointId: a custom model has its own language" }
)

type Settings = typeof schema.Type

/** How long a connection that was opened in advance waits for its first audio. */
const keepMs = 30_000

/** The language that Azure gets: a custom model has its own, and several are detected. */
const languageOf = ({ endpointId, language, languages: several }: Settings): string | undefined =>
  endpointId === undefined && several === undefined ? languages.placed(language) : undefined

/** Only the newer interface listens for a change of language. */
const pathOf = ({ languages: several, mode }: Settings): string =>
  several === undefined
    ? `/speech/recognition/${mode.toLowerCase()}/cognitiveservices/v1`
    : "/stt/speech/universal/v2"

const query = (options: Settings) => ({
  // With several, that of what is found to be none of them.
  language: languageOf(options) ??
    (options.languages?.[0] === undefined ? undefined : languages.placed(options.languages[0])),
  lidEnabled: options.languages === undefined ? undefined : true,
  cid: options.endpointId,
  format: options.output.toLowerCase(),
  wordLevelTimestamps: options.output === "Detailed" ? true : undefined,
  profanity: options.profanity.toLowerCase(),
  segmentationSilenceTimeoutMs: options.segmentation === undefined ? undefined : Math.round(options.segmentation)
})

/** The context of every turn, beside the parameters in the address. */
const context = (options: Settings): Readonly<Record<string, unknown>> => {
  const { mode, phrases = [], profanity, segmentation } = options
  return {
    phraseDetection: {
      mode,
      ...(languageOf(options) === undefined ? undefined : { language: languageOf(options) }),
      enrichment: { profanity },
      ...(segmentation === undefined ? undefined : {
        [mode.toLowerCase()]: {
          segmentation: { mode: "Custom", segmentationSilenceTimeoutMs: Math.round(segmentation) }
        }
      })
    },
    ...(options.languages === undefined ? undefined : {
      languageId: {
        languages: options.languages.map(languages.placed),
        mode: "DetectContinuous",
        onSuccess: { action: "Recognize" },
        onUnknown: { action: "None" },
        priority: "PrioritizeLatency"
      }
    }),
    ...(options.languages === undefined && options.output === "Simple" ? undefined : {
      phraseOutput: {
        ...(options.languages === undefined
          ? undefined
          : { interimResults: { resultType: "Auto" }, phraseResults: { resultType: "Always" } }),
        ...(options.output === "Detailed" ? { format: "Detailed", detailed: { options: ["WordTimings"] } } : undefined)
      }
    }),
    ...(phrases.length === 0
      ? undefined
      : { dgi: { groups: [{ type: "Generic", items: phrases.map((text) => ({ text })) }], bias: 1 } })
  }
}

/**
 * Creates an `Stt` that asks Azure.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` if an option is wrong. A stream fails with `Rejected` for a refused
 * key or too many requests at a time, and with `Disconnected` for a lost connection. The scope
 * closes what `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Stt.Stt["Service"], Stt.SttError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { name, sampleRate } = settings
    const failed = failing(name)
    const base = speaking("ws", settings.baseUrl ?? `wss://${host("stt", settings.region)}`)
    const closing = closes()
    const dial = (settings: Settings) =>
      Effect.flatMap(id, (connection) =>
        connect({
          closes: closing,
          url: address(base, pathOf(settings), query(settings)),
          headers: { "Ocp-Apim-Subscription-Key": settings.apiKey, "X-ConnectionId": connection }
        }))
    const service = (settings: Settings, line: Pick<Standby, "open"> & Partial<Standby>): Stt.Stt["Service"] => {
      const language = languageOf(settings)
      return Stt.make({
        name,
        interims: true,
        prewarm: line.prewarm === undefined ? undefined : Effect.mapError(line.prewarm, failed),
        language,
        withLanguage: (language) => {
          const other = { ...settings, language, languages: undefined }
          return service(other, { open: dial(other) })
        },
        transcribe: converse({
          name,
          sampleRate,
          leastMs: 100,
          open: line.open,
          dialect: dialect({
            sampleRate,
            context: context(settings),
            mode: settings.mode,
            language
          })
        })
      })
    }
    return service(settings, yield* standby({ open: dial(settings), keepMs }))
  })

/**
 * Layer of an `Stt` that asks Azure.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as AzureStt from "effect-voice/Layers/AzureStt"
 *
 * const layer = AzureStt.layer({ apiKey: Redacted.make("…"), region: "westeurope", language: "de-DE" })
 * ```
 *
 * @see `Stt.layerFallback` to use a second recogniser when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Stt.Stt, Stt.SttError> => Layer.effect(Stt.Stt, make(options))

/**
 * The same with options from the configuration; without any, key and region are
 * `AZURE_SPEECH_KEY` and `AZURE_SPEECH_REGION`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options> = {
    apiKey: Config.Redacted("AZURE_SPEECH_KEY"),
    region: Config.String("AZURE_SPEECH_REGION")
  }
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
