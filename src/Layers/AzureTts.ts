/**
 * Text to speech by Azure, over its REST interface.
 *
 * One request for each piece of text, over kept connections; the audio is given
 * as it comes, and the next piece is asked for meanwhile. The time of a piece is
 * known with the end of its audio.
 *
 * Written from Azure's published interface and run against a stand-in of it. The
 * vendor's package is not used: 7.6 MB and six more packages for what is one
 * request here.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { host, region } from "../internal/azure/region.ts"
import { type Manner, ssml } from "../internal/azure/ssml.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import { http } from "../internal/provider/http.ts"
import { placed, tag } from "../internal/provider/languages.ts"
import { address, readOptions, refused } from "../internal/provider/options.ts"
import { answered } from "../internal/provider/pcm.ts"
import { spokenAt } from "../internal/tts/options.ts"
import { byPieces } from "../internal/tts/pieces.ts"
import * as Tts from "../Tts.ts"

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
  /** @default "en-US-JennyNeural" */
  readonly voice?: string | undefined
  /** BCP 47 tag of the text. @default that with which the voice's name begins, or "en-US" */
  readonly language?: string | undefined
  /** Rate of speech, 0.5–2; the `speed` of a speech goes first. @default 1 */
  readonly rate?: number | undefined
  /** Such as `+50Hz`, `-2st`, `+10%` or `low`. @default "+0Hz" */
  readonly pitch?: string | undefined
  /** Such as `+10%`, `-20%`, `80` or `soft`. @default "+0%" */
  readonly volume?: string | undefined
  /** Manner of speaking, such as `cheerful`, for voices that have it. @default the voice's own */
  readonly style?: string | undefined
  /** Id of a custom voice's deployment. @default none */
  readonly endpointId?: string | undefined
  /** Hz of the audio: 8000, 16000, 22050, 24000, 44100 or 48000. @default 24000 */
  readonly sampleRate?: number | undefined
}

/** Azure's names of 16-bit samples. */
const formats: ReadonlyMap<number, string> = new Map([
  [8000, "raw-8khz-16bit-mono-pcm"],
  [16_000, "raw-16khz-16bit-mono-pcm"],
  [22_050, "raw-22050hz-16bit-mono-pcm"],
  [24_000, "raw-24khz-16bit-mono-pcm"],
  [44_100, "raw-44100hz-16bit-mono-pcm"],
  [48_000, "raw-48khz-16bit-mono-pcm"]
])

const pitches = /^(?:x-low|low|medium|high|x-high|default|[+-]?\d+(?:\.\d+)?(?:Hz|st|%))$/
const volumes = /^(?:silent|x-soft|soft|medium|loud|x-loud|default|[+-]?\d+(?:\.\d+)?%?)$/

/** Content types of audio. Another type is not audio, such as a page of a proxy. */
const types = ["audio/", "application/octet-stream"]

const provider = "azure"

const failing = (name: string) => (reason: Failure.Reason) => new Tts.TtsError({ provider: name, reason })

const rate = { least: 0.5, most: 2 } as const

const schema = Check.struct<Options>()({
  apiKey: Check.required(Check.key),
  name: Check.text({ default: provider }),
  region,
  baseUrl: Check.url(["https:", "http:"]),
  voice: Check.text({ default: "en-US-JennyNeural" }),
  language: Check.text({ pattern: tag, must: "be a BCP 47 tag such as \"en-US\"" }),
  rate: Check.number({ ...rate, default: 1 }),
  pitch: Check.text({ pattern: pitches, must: "be such as +50Hz, -2st, +10% or low", default: "+0Hz" }),
  volume: Check.text({ pattern: volumes, must: "be such as +10%, -20%, 80 or soft", default: "+0%" }),
  style: Check.text(),
  endpointId: Check.text(),
  sampleRate: Check.oneOf([...formats.keys()], { default: 24_000 })
})

type Settings = typeof schema.Type

const spoken = spokenAt(rate)

const manner = (settings: Settings, asked: Tts.Options = {}): Effect.Effect<Manner, Failure.Reason> =>
  Effect.map(Check.readOrFail(spoken, asked, refused), ({ speed }) => {
    const { pitch, rate, style, volume } = settings
    const voice = asked.voice ?? settings.voice
    const language = (settings.language === undefined ? undefined : placed(settings.language)) ??
      /^[a-z]{2,3}(?:-[A-Z][a-z]{3})?-[A-Z]{2}(?=-)/.exec(voice)?.[0] ?? "en-US"
    return { voice, language, rate: speed ?? rate, pitch, volume, style }
  })

/**
 * Creates a `Tts` that asks Azure.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` if an option is wrong. A speech fails with `Rejected` for a refused
 * key, an unknown voice or too many requests, with `Disconnected` for a lost connection, and with
 * `EndedEarly` if words give no audio.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Tts.Tts["Service"], Tts.TtsError> = Effect.fnUntraced(
  function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { apiKey, endpointId, name, region, sampleRate } = settings
    const failed = failing(name)
    const client = yield* http
    const format = { sampleRate, channels: 1 }
    const base = settings.baseUrl ??
      `https://${host("tts", region).replace(".tts.", endpointId === undefined ? ".tts." : ".voice.")}`
    const url = address(base, "/cognitiveservices/v1", { deploymentId: endpointId })
    const request = (manner: Manner) => (text: string): Stream.Stream<Audio.Frame, Failure.Reason> => {
      const asked = HttpClientRequest.post(url).pipe(
        HttpClientRequest.setHeaders({
          "Ocp-Apim-Subscription-Key": Redacted.value(apiKey),
          "X-Microsoft-OutputFormat": formats.get(sampleRate) ?? "",
          "User-Agent": "effect-voice"
        }),
        HttpClientRequest.bodyText(ssml(text, manner), "application/ssml+xml")
      )
      return answered(format)(client.stream(asked, types))
    }
    return Tts.make({
      name,
      ...format,
      prewarm: Effect.mapError(client.warm(base), failed),
      speak: (text, asked) =>
        Stream.unwrap(Effect.map(
          Effect.mapError(manner(settings, asked), failed),
          (manner) => byPieces(text, { format, request: request(manner), fail: failed })
        ))
    })
  }
)

/**
 * Layer of a `Tts` that asks Azure.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as AzureTts from "effect-voice/Layers/AzureTts"
 *
 * const layer = AzureTts.layer({ apiKey: Redacted.make("…"), region: "westeurope", voice: "de-DE-KatjaNeural" })
 * ```
 *
 * @see `Tts.layerFallback` to use a second voice when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Tts.Tts, Tts.TtsError> => Layer.effect(Tts.Tts, make(options))

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
): Layer.Layer<Tts.Tts, Tts.TtsError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
