/**
 * Text to speech by ElevenLabs.
 *
 * By default over the WebSocket that takes text as it comes: the audio of the
 * first sentence is there while the second one is written, and the times of the
 * words come with it. Each speech has a connection of its own, closed with the
 * stream; after `prewarm`, the next one is always opened in advance. The other
 * mode asks by HTTP, one request for each piece of text, the next one while this
 * one is spoken.
 *
 * Written from ElevenLabs' published protocol and run against a stand-in of it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../Audio.ts"
import { elevenlabs } from "../Config.ts"
import type * as Failure from "../Failure.ts"
import { elevenLabs as defaults } from "../internal/config/defaults.ts"
import { explain, failNoted } from "../internal/config/variable.ts"
import * as account from "../internal/elevenlabs/account.ts"
import * as webSocket from "../internal/elevenlabs/stream.ts"
import * as Check from "../internal/options.ts"
import { http } from "../internal/provider/http.ts"
import { spoken as spokenLanguage, tag } from "../internal/provider/languages.ts"
import { address, invalid, protocols, readOptions, refused, speaking } from "../internal/provider/options.ts"
import { answered } from "../internal/provider/pcm.ts"
import { connect } from "../internal/provider/socket.ts"
import { standby } from "../internal/provider/standby.ts"
import { spokenAt } from "../internal/tts/options.ts"
import { byPieces } from "../internal/tts/pieces.ts"
import * as Tts from "../Tts.ts"

/**
 * Formats of the audio, by ElevenLabs' names: 16-bit samples at that rate.
 * `pcm_44100` and `pcm_48000` want a plan that has them.
 *
 * @category models
 * @since 0.1.0
 */
export type Format = typeof formats[number]

const formats = ["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000"] as const

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
  /** Name or id of a voice of the account; a name is looked up once, at the first need. @default "Rachel" */
  readonly voice?: string | undefined
  /** @default "eleven_turbo_v2" */
  readonly model?: string | undefined
  /**
   * Language as a BCP 47 tag, for models that take one; ElevenLabs gets it without the region.
   *
   * @default the model's own guess
   */
  readonly language?: string | undefined
  /** How even the voice is, 0–1: less is livelier. @default 0.5 */
  readonly stability?: number | undefined
  /** How close to the original voice, 0–1. @default 0.75 */
  readonly similarityBoost?: number | undefined
  /** Exaggeration of the voice's style, 0–1; more costs time. @default 0 */
  readonly style?: number | undefined
  /** @default true */
  readonly speakerBoost?: boolean | undefined
  /** Rate of speech, 0.7–1.2. @default 1 */
  readonly speed?: number | undefined
  /** How much quality to give for speed, 0–4; 4 reads numbers and dates less well. @default 0 */
  readonly latency?: 0 | 1 | 2 | 3 | 4 | undefined
  /** How text is sent: as it comes, or one request a piece. @default "websocket" */
  readonly mode?: "websocket" | "http" | undefined
  /** @default "pcm_24000" */
  readonly format?: Format | undefined
  /**
   * Speaks each piece of text at once. Without, text is collected as
   * `chunkSchedule` says: only for pieces that are less than a phrase.
   *
   * @default true
   */
  readonly autoMode?: boolean | undefined
  /** Characters to collect before each next part is spoken, 50–500 each. @default [120, 160, 250, 290] */
  readonly chunkSchedule?: ReadonlyArray<number> | undefined
  /** Time without text after which ElevenLabs closes a connection, 1–180 s; a slow text is kept alive. @default "180 seconds" */
  readonly inactivityTimeout?: Duration.Input | undefined
  /** Whether numbers, dates and the like are spelt out. @default "auto" */
  readonly textNormalization?: "auto" | "on" | "off" | undefined
  /** Lets ElevenLabs keep the request in the account's history; false needs a plan without retention. @default true */
  readonly logging?: boolean | undefined
}

/**
 * Better settings for a conversation than the defaults: Flash v2.5 answers in
 * about 75 ms by ElevenLabs' own account and speaks 32 languages; speaker boost
 * costs time.
 *
 * @category presets
 * @since 0.1.0
 */
export const recommended: Pick<Options, "model" | "speakerBoost"> = { model: "eleven_flash_v2_5", speakerBoost: false }

const provider = "elevenlabs"

type Fail = (reason: Failure.Reason) => Tts.TtsError

const failing = (name: string): Fail => (reason) => new Tts.TtsError({ provider: name, reason })

const speed = { least: 0.7, most: 1.2 } as const

const schema = Check.struct<Options>()({
  apiKey: Check.required(Check.key),
  name: Check.text({ default: provider }),
  baseUrl: Check.url(protocols, { default: account.baseUrl }),
  voice: Check.text({ default: defaults.voice }),
  model: Check.text({ default: defaults.model }),
  language: Check.text({ pattern: tag, must: "be a BCP 47 tag such as \"en-US\"" }),
  stability: Check.ratio({ default: 0.5 }),
  similarityBoost: Check.ratio({ default: 0.75 }),
  style: Check.ratio({ default: 0 }),
  speakerBoost: Check.flag({ default: true }),
  speed: Check.number({ ...speed, default: 1 }),
  latency: Check.oneOf([0, 1, 2, 3, 4]),
  mode: Check.oneOf(["websocket", "http"], { default: "websocket" }),
  format: Check.oneOf(formats, { default: "pcm_24000" }),
  autoMode: Check.flag({ default: true }),
  chunkSchedule: Check.list(Check.number({ least: 50, most: 500 })),
  inactivityTimeout: Check.duration({ least: 1000, most: 180_000, default: "180 seconds" }),
  textNormalization: Check.oneOf(["auto", "on", "off"]),
  logging: Check.flag()
})

type Settings = typeof schema.Type

const spoken = spokenAt(speed)

const voiceSettings = (options: Settings, speed: number) => ({
  stability: options.stability,
  similarity_boost: options.similarityBoost,
  style: options.style,
  use_speaker_boost: options.speakerBoost,
  speed
})

const query = (options: Settings) => ({
  output_format: options.format,
  optimize_streaming_latency: options.latency,
  enable_logging: options.logging
})

const formatOf = (format: Format): Audio.Format => ({ sampleRate: Number(format.slice(4)), channels: 1 })

/** Content types of audio. Another type is not audio, such as a page of a proxy. */
const types = ["audio/", "application/octet-stream", "binary/octet-stream"]

const overHttp = Effect.fnUntraced(function*(options: Settings, base: string, failed: Fail) {
  const client = yield* http
  const request = (id: string, speed: number) => (text: string): Stream.Stream<Audio.Frame, Failure.Reason> => {
    const url = address(base, `/v1/text-to-speech/${id}/stream`, query(options))
    const asked = HttpClientRequest.post(url).pipe(
      HttpClientRequest.setHeader("xi-api-key", Redacted.value(options.apiKey)),
      HttpClientRequest.bodyJsonUnsafe({
        text,
        model_id: options.model,
        language_code: options.language === undefined ? undefined : spokenLanguage(options.language),
        apply_text_normalization: options.textNormalization,
        voice_settings: voiceSettings(options, speed)
      })
    )
    return answered(formatOf(options.format))(client.stream(asked, types))
  }
  return {
    prewarm: client.warm(base),
    speak: <E, R>(text: Stream.Stream<string, E, R>, id: string, speed: number) =>
      byPieces(text, { format: formatOf(options.format), request: request(id, speed), fail: failed })
  }
})

const overWebSocket = Effect.fnUntraced(
  function*(
    options: Settings,
    base: string,
    own: Effect.Effect<string, Failure.Reason>,
    failed: Fail
  ) {
    const inactivityMs = options.inactivityTimeout
    const closes = account.closes()
    const dial = (id: string) =>
      connect({
        closes,
        headers: account.headers(options.apiKey),
        url: address(speaking("ws", base), `/v1/text-to-speech/${id}/stream-input`, {
          model_id: options.model,
          language_code: options.language === undefined ? undefined : spokenLanguage(options.language),
          ...query(options),
          auto_mode: options.autoMode,
          sync_alignment: true,
          inactivity_timeout: Math.ceil(inactivityMs / 1000),
          apply_text_normalization: options.textNormalization
        })
      })
    const line = yield* standby({ open: Effect.flatMap(own, dial), keepMs: inactivityMs * 0.9, again: true })
    const schedule = !options.autoMode && options.chunkSchedule !== undefined
      ? { generation_config: { chunk_length_schedule: options.chunkSchedule } }
      : undefined
    return {
      prewarm: line.prewarm,
      speak: <E, R>(text: Stream.Stream<string, E, R>, id: string | undefined, speed: number) =>
        webSocket.speak(text, {
          format: formatOf(options.format),
          open: id === undefined ? line.open : dial(id),
          greeting: { voice_settings: voiceSettings(options, speed), ...schedule },
          keepAliveMs: Math.min(15_000, inactivityMs / 2),
          fail: failed
        })
    }
  }
)

/**
 * Creates a `Tts` that asks ElevenLabs.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option is out of its range. A speech fails with
 * `InvalidRequest` for a voice that the account does not have or a wrong speed, with `Rejected` for
 * a refused key, an empty account or too many requests at a time, with `Disconnected` for a lost
 * connection, and with `EndedEarly` if words give no audio. An idle connection does not count as a
 * request. The scope closes what `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Tts.Tts["Service"], Tts.TtsError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { apiKey, format, mode, model, name, voice } = settings
    const failed = failing(name)
    const speedOf = (asked: Tts.Options = {}) =>
      Effect.map(
        Check.readOrFail(spoken, asked, (wrong) => failed(refused(wrong))),
        ({ speed }) => speed ?? settings.speed
      )
    const base = speaking("http", settings.baseUrl)
    const idOf = account.voices(yield* http, base, apiKey)
    const own = idOf(voice)
    if (mode === "http") {
      const { prewarm, speak } = yield* overHttp(settings, base, failed)
      return Tts.make({
        name,
        model,
        ...formatOf(format),
        prewarm: Effect.mapError(Effect.andThen(prewarm, own), failed),
        speak: (text, asked) =>
          Stream.unwrap(Effect.gen(function*() {
            const speed = yield* speedOf(asked)
            return speak(text, yield* Effect.mapError(idOf(asked?.voice ?? voice), failed), speed)
          }))
      })
    }
    const { prewarm, speak } = yield* overWebSocket(settings, base, own, failed)
    return Tts.make({
      name,
      model,
      ...formatOf(format),
      prewarm: Effect.mapError(prewarm, failed),
      speak: (text, asked) =>
        Stream.unwrap(Effect.gen(function*() {
          const speed = yield* speedOf(asked)
          const other = asked?.voice === undefined || asked.voice === voice ? undefined : idOf(asked.voice)
          return speak(text, other && (yield* Effect.mapError(other, failed)), speed)
        }))
    })
  })

/**
 * Layer of a `Tts` that asks ElevenLabs.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
 *
 * const layer = ElevenLabsTts.layer({ ...ElevenLabsTts.recommended, apiKey: Redacted.make("…"), voice: "Rachel" })
 * ```
 *
 * @see `Tts.layerFallback` to use a second voice when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Tts.Tts, Tts.TtsError> => Layer.effect(Tts.Tts, make(options))

const keyMissing = Effect.suspend(() =>
  failNoted(failing(provider)(invalid("apiKey", "ELEVENLABS_API_KEY is not set")), [
    { variable: "ELEVENLABS_API_KEY", detail: "is not set" }
  ])
)

/**
 * The same with options from the configuration; without any, key, voice and
 * model are `ELEVENLABS_API_KEY`, `ELEVENLABS_VOICE` and `ELEVENLABS_MODEL`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Config.Wrap<Options>
): Layer.Layer<Tts.Tts, Tts.TtsError | Config.ConfigError> =>
  Layer.unwrap(
    options === undefined
      ? Effect.map(elevenlabs, ({ apiKey, model, voice }) =>
        apiKey === undefined
          ? Layer.effect(Tts.Tts, keyMissing)
          : layer({ apiKey, model, voice }))
      : Effect.map(Effect.mapError(Config.unwrap(options), explain), layer)
  )
