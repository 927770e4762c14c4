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
import { explain } from "../internal/config/variable.ts"
import * as account from "../internal/elevenlabs/account.ts"
import * as webSocket from "../internal/elevenlabs/stream.ts"
import { http } from "../internal/provider/http.ts"
import { address, Checks, invalid, millisOf, protocols, speaking } from "../internal/provider/options.ts"
import { frames } from "../internal/provider/pcm.ts"
import { connect } from "../internal/provider/socket.ts"
import { standby } from "../internal/provider/standby.ts"
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
  /** ISO 639-1 code, for models that take one. @default the model's own guess */
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

const check = (options: Options): Effect.Effect<void, Failure.InvalidRequest> => {
  const checks = new Checks()
    .key("apiKey", options.apiKey)
    .text("name", options.name)
    .url("baseUrl", options.baseUrl, protocols)
    .text("voice", options.voice)
    .text("model", options.model)
    .text("language", options.language)
    .range("stability", options.stability, 0, 1)
    .range("similarityBoost", options.similarityBoost, 0, 1)
    .range("style", options.style, 0, 1)
    .range("speed", options.speed, 0.7, 1.2)
    .whole("latency", options.latency, 0, 4)
    .oneOf("mode", options.mode, ["websocket", "http"])
    .oneOf("format", options.format, formats)
    .time("inactivityTimeout", options.inactivityTimeout, 1000, 180_000)
  for (const characters of options.chunkSchedule ?? []) checks.range("chunkSchedule", characters, 50, 500)
  return checks.result
}

const voiceSettings = (options: Options, speed: number) => ({
  stability: options.stability ?? 0.5,
  similarity_boost: options.similarityBoost ?? 0.75,
  style: options.style ?? 0,
  use_speaker_boost: options.speakerBoost ?? true,
  speed
})

const query = (options: Options, format: Format) => ({
  output_format: format,
  optimize_streaming_latency: options.latency,
  enable_logging: options.logging
})

const formatOf = (format: Format): Audio.Format => ({ sampleRate: Number(format.slice(4)), channels: 1 })

/** What an answer of another kind is: a page of a proxy is not audio. */
const types = ["audio/", "application/octet-stream", "binary/octet-stream"]

const overHttp = Effect.fnUntraced(function*(options: Options, format: Format, base: string, failed: Fail) {
  const client = yield* http
  const request = (id: string, speed: number) => (text: string): Stream.Stream<Audio.Frame, Failure.Reason> => {
    const url = address(base, `/v1/text-to-speech/${id}/stream`, query(options, format))
    const asked = HttpClientRequest.post(url).pipe(
      HttpClientRequest.setHeader("xi-api-key", Redacted.value(options.apiKey)),
      HttpClientRequest.bodyJsonUnsafe({
        text,
        model_id: options.model ?? defaults.model,
        language_code: options.language,
        apply_text_normalization: options.textNormalization,
        voice_settings: voiceSettings(options, speed)
      })
    )
    return frames(formatOf(format))(client.stream(asked, types))
  }
  return {
    prewarm: client.warm(base),
    speak: <E, R>(text: Stream.Stream<string, E, R>, id: string, speed: number) =>
      byPieces(text, { format: formatOf(format), request: request(id, speed), fail: failed })
  }
})

const overWebSocket = Effect.fnUntraced(
  function*(
    options: Options,
    format: Format,
    base: string,
    inactivityMs: number,
    own: Effect.Effect<string, Failure.Reason>,
    failed: Fail
  ) {
    const dial = (id: string) =>
      connect({
        headers: account.headers(options.apiKey),
        url: address(speaking("ws", base), `/v1/text-to-speech/${id}/stream-input`, {
          model_id: options.model ?? defaults.model,
          language_code: options.language,
          ...query(options, format),
          auto_mode: options.autoMode ?? true,
          sync_alignment: true,
          inactivity_timeout: Math.ceil(inactivityMs / 1000),
          apply_text_normalization: options.textNormalization
        })
      })
    const line = yield* standby({ open: Effect.flatMap(own, dial), keepMs: inactivityMs * 0.9, again: true })
    const schedule = options.autoMode === false && options.chunkSchedule !== undefined
      ? { generation_config: { chunk_length_schedule: options.chunkSchedule } }
      : undefined
    return {
      prewarm: line.prewarm,
      speak: <E, R>(text: Stream.Stream<string, E, R>, id: string | undefined, speed: number) =>
        webSocket.speak(text, {
          format: formatOf(format),
          open: id === undefined ? line.open : dial(id),
          greeting: { voice_settings: voiceSettings(options, speed), ...schedule },
          keepAliveMs: Math.min(15_000, inactivityMs / 2),
          fail: failed
        })
    }
  }
)

const speedOf = (speed: number): Effect.Effect<number, Failure.Reason> =>
  speed >= 0.7 && speed <= 1.2
    ? Effect.succeed(speed)
    : Effect.fail(invalid("speed", `must lie between 0.7 and 1.2, not ${speed}`))

/**
 * Creates a `Tts` that asks ElevenLabs.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option is out of its range. A speech
 * fails with `InvalidRequest` for a voice that the account does not have or a
 * speed that cannot be, with `Rejected` for a refused key, an empty account or
 * too many requests at a time, with `Disconnected` for a lost connection, and
 * with `EndedEarly` where there is no audio for words.
 * An idle connection does not count as a request. The scope closes what
 * `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Tts.Tts["Service"], Tts.TtsError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const { format = "pcm_24000", mode = "websocket", name = provider, speed = 1, voice = defaults.voice } = options
    const failed = failing(name)
    const inactivityMs = millisOf(options.inactivityTimeout ?? "180 seconds")
    yield* Effect.mapError(check(options), failed)
    const base = speaking("http", options.baseUrl ?? account.baseUrl)
    const idOf = account.voices(yield* http, base, options.apiKey)
    const own = idOf(voice)
    const model = options.model ?? defaults.model
    if (mode === "http") {
      const { prewarm, speak } = yield* overHttp(options, format, base, failed)
      return Tts.make({
        name,
        model,
        ...formatOf(format),
        prewarm: Effect.mapError(Effect.andThen(prewarm, own), failed),
        speak: (text, asked) =>
          Stream.unwrap(Effect.gen(function*() {
            const rate = yield* Effect.mapError(speedOf(asked?.speed ?? speed), failed)
            return speak(text, yield* Effect.mapError(idOf(asked?.voice ?? voice), failed), rate)
          }))
      })
    }
    const { prewarm, speak } = yield* overWebSocket(options, format, base, inactivityMs, own, failed)
    return Tts.make({
      name,
      model,
      ...formatOf(format),
      prewarm: Effect.mapError(prewarm, failed),
      speak: (text, asked) =>
        Stream.unwrap(Effect.gen(function*() {
          const rate = yield* Effect.mapError(speedOf(asked?.speed ?? speed), failed)
          const other = asked?.voice === undefined || asked.voice === voice ? undefined : idOf(asked.voice)
          return speak(text, other && (yield* Effect.mapError(other, failed)), rate)
        }))
    })
  })

/**
 * Layer of a `Tts` that asks ElevenLabs.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Tts.Tts, Tts.TtsError> => Layer.effect(Tts.Tts, make(options))

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
          ? Layer.effect(Tts.Tts, Effect.fail(failing(provider)(invalid("apiKey", "ELEVENLABS_API_KEY is not set"))))
          : layer({ apiKey, model, voice }))
      : Effect.map(Effect.mapError(Config.unwrap(options), explain), layer)
  )
