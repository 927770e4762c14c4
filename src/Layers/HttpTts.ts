/**
 * Speech by any HTTP endpoint: each piece of text is one request, and the
 * answer is played as it comes.
 *
 * While a piece is heard, the next one is asked for. Interrupting a speech
 * closes its connections.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import type * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { spoken } from "../internal/audio/options.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as target from "../internal/custom/options.ts"
import * as Check from "../internal/options.ts"
import * as Http from "../internal/provider/http.ts"
import { readOptions } from "../internal/provider/options.ts"
import * as pcm from "../internal/provider/pcm.ts"
import { wav } from "../internal/provider/wav.ts"
import { byPieces } from "../internal/tts/pieces.ts"
import * as Tts from "../Tts.ts"

/**
 * A piece of text to speak, with its voice and speed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly text: string
  /** That of the speech, else that of the options. */
  readonly voice: string | undefined
  /** Rate of speech, 1 being the voice's own. */
  readonly speed: number | undefined
}

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Whole URL that the text is sent to, by POST. */
  readonly url: string
  /** Name in errors, events and metrics. @default "http" */
  readonly name?: string | undefined
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Sent with each request; keys belong here. @default none */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** @default the server's own */
  readonly voice?: string | undefined
  /**
   * Makes the body of a request: a string is sent as it is, anything else as JSON.
   *
   * @default { text, voice, speed }, each where it is known
   */
  readonly body?: ((asked: Asked) => unknown) | undefined
  /**
   * The answer of the server. `pcm`: 16-bit samples, which are played as they come. `wav`: a WAV
   * file, which is played when it is complete.
   *
   * @default "pcm"
   */
  readonly answer?: "pcm" | "wav" | undefined
  /** Format of the samples; a WAV file of another one is converted to it. @default 24 kHz mono */
  readonly format?: Audio.Format | undefined
  /** Longest text of one request, in UTF-16 units; a longer piece is cut. @default 1000 */
  readonly longest?: number | undefined
}

const failing = (name: string) => (reason: Failure.Reason) => new Tts.TtsError({ provider: name, reason })

const schema = Check.struct<Options>()({
  ...target.fields,
  model: Check.text(),
  voice: Check.text(),
  body: Check.callback,
  answer: Check.oneOf(["pcm", "wav"], { default: "pcm" }),
  format: Check.maybe(spoken),
  longest: Check.whole({ least: 50, default: 1000 })
})

const usual: Audio.Format = { sampleRate: 24_000, channels: 1 }

/** Content types of audio. Another type is not audio, such as a page of a proxy. */
const types = ["audio/", "application/octet-stream", "binary/octet-stream", "application/x-wav"]

const withBody =
  (body: unknown) => (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
    typeof body === "string"
      ? HttpClientRequest.bodyText(request, body)
      : HttpClientRequest.bodyJsonUnsafe(request, body)

/**
 * Creates a `Tts` that asks an HTTP endpoint.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` if the URL, a header or the format is wrong. A speech fails with
 * `Rejected` for a status that is an error, with `Disconnected` for a lost connection, with
 * `InvalidResponse` for an answer that is no audio, and with `EndedEarly` if words give no audio.
 *
 * It was tested against stand-ins only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Tts.Tts["Service"], Tts.TtsError> {
  const settings = yield* readOptions(schema, options, "http", failing)
  const { answer, body = (asked: Asked): unknown => asked, format = usual, longest, model, name, url } = settings
  const failed = failing(name)
  const post = target.post(settings)
  const client = yield* Http.http
  const request = (spoken: Tts.Options) => (text: string): Stream.Stream<Audio.Frame, Failure.Reason> => {
    const asked = { text, voice: spoken.voice ?? settings.voice, speed: spoken.speed }
    const audio = client.stream(withBody(body(asked))(post), types)
    return answer === "pcm" ? pcm.answered(format)(audio) : wav(audio, format)
  }
  return Tts.make({
    name,
    model,
    ...format,
    prewarm: Effect.mapError(client.warm(new URL(url).origin), failed),
    speak: (text, spoken = {}) => byPieces(text, { format, longest, request: request(spoken), fail: failed })
  })
})

/**
 * Layer of a `Tts` that asks an HTTP endpoint; fails as `make` does.
 *
 * **Example** (a server of Piper, not tried here)
 *
 * ```ts
 * import * as HttpTts from "effect-voice/Layers/HttpTts"
 *
 * const layer = HttpTts.layer({
 *   url: "http://localhost:5000",
 *   body: ({ text, voice }) => ({ text, voice }),
 *   answer: "wav",
 *   format: { sampleRate: 22_050, channels: 1 }
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Tts.Tts, Tts.TtsError> => Layer.effect(Tts.Tts, make(options))

/**
 * The same with options from the configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Tts.Tts, Tts.TtsError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
