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
import { host, isRegion } from "../internal/azure/region.ts"
import { type Manner, ssml } from "../internal/azure/ssml.ts"
import { layerFrom } from "../internal/config/variable.ts"
import { http } from "../internal/provider/http.ts"
import { address, Checks, invalid } from "../internal/provider/options.ts"
import { frames } from "../internal/provider/pcm.ts"
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

/** What an answer of another kind is: a page of a proxy is not audio. */
const types = ["audio/", "application/octet-stream"]

const check = (options: Options, sampleRate: number): Effect.Effect<void, Failure.InvalidRequest> => {
  const { pitch, volume } = options
  if (!isRegion(options.region)) {
    return Effect.fail(invalid("region", "must be the region's own name, such as westeurope"))
  }
  if (pitch !== undefined && !pitches.test(pitch)) {
    return Effect.fail(invalid("pitch", "must be such as +50Hz, -2st, +10% or low"))
  }
  if (volume !== undefined && !volumes.test(volume)) {
    return Effect.fail(invalid("volume", "must be such as +10%, -20%, 80 or soft"))
  }
  return new Checks()
    .key("apiKey", options.apiKey)
    .text("name", options.name)
    .url("baseUrl", options.baseUrl, ["https:", "http:"])
    .text("voice", options.voice)
    .text("language", options.language)
    .range("rate", options.rate, 0.5, 2)
    .text("style", options.style)
    .text("endpointId", options.endpointId)
    .oneOf("sampleRate", sampleRate, [...formats.keys()])
    .result
}

const manner = (options: Options, asked: Tts.Options | undefined): Effect.Effect<Manner, Failure.Reason> => {
  const { pitch = "+0Hz", style, volume = "+0%" } = options
  const rate = asked?.speed ?? options.rate ?? 1
  if (!(rate >= 0.5 && rate <= 2)) {
    return Effect.fail(invalid("speed", `must lie between 0.5 and 2, not ${rate}`))
  }
  const voice = asked?.voice ?? options.voice ?? "en-US-JennyNeural"
  const language = options.language ?? /^[a-z]{2,3}(?:-[A-Z][a-z]{3})?-[A-Z]{2}(?=-)/.exec(voice)?.[0] ?? "en-US"
  return Effect.succeed({ voice, language, rate, pitch, volume, style })
}

/**
 * Creates a `Tts` that asks Azure.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option cannot be. A speech fails with
 * `Rejected` for a refused key, a voice that is not there or too many requests,
 * with `Disconnected` for a lost connection, and with `EndedEarly` where there
 * is no audio for words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Tts.Tts["Service"], Tts.TtsError> = Effect.fnUntraced(
  function*(options) {
    const { endpointId, name = "azure", sampleRate = 24_000 } = options
    const failed = (reason: Failure.Reason) => new Tts.TtsError({ provider: name, reason })
    yield* Effect.mapError(check(options, sampleRate), failed)
    const client = yield* http
    const format = { sampleRate, channels: 1 }
    const base = options.baseUrl ??
      `https://${host("tts", options.region).replace(".tts.", endpointId === undefined ? ".tts." : ".voice.")}`
    const url = address(base, "/cognitiveservices/v1", { deploymentId: endpointId })
    const request = (manner: Manner) => (text: string): Stream.Stream<Audio.Frame, Failure.Reason> => {
      const asked = HttpClientRequest.post(url).pipe(
        HttpClientRequest.setHeaders({
          "Ocp-Apim-Subscription-Key": Redacted.value(options.apiKey),
          "X-Microsoft-OutputFormat": formats.get(sampleRate) ?? "",
          "User-Agent": "effect-voice"
        }),
        HttpClientRequest.bodyText(ssml(text, manner), "application/ssml+xml")
      )
      return frames(format)(client.stream(asked, types))
    }
    return Tts.make({
      name,
      ...format,
      prewarm: Effect.mapError(client.warm(base), failed),
      speak: (text, asked) =>
        Stream.unwrap(Effect.map(
          Effect.mapError(manner(options, asked), failed),
          (manner) => byPieces(text, { format, request: request(manner), fail: failed })
        ))
    })
  }
)

/**
 * Layer of a `Tts` that asks Azure.
 *
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
