/**
 * Text to speech by Cartesia, over its WebSocket.
 *
 * Text is sent as it comes, piece by piece, in one context, which keeps the melody of the speech: the audio of the first
 * sentence is there while the second one is written, and the times of the words come with it. A connection serves one speech
 * after the other; after `prewarm`, another is always open. A speech that is interrupted is cancelled and its connection
 * closed, so that nothing more of it is heard or sent.
 *
 * Written from Cartesia's published protocol and run against a stand-in of it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { speak } from "../internal/cartesia/stream.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import { Closes } from "../internal/provider/closes.ts"
import { spoken as spokenLanguage, tag } from "../internal/provider/languages.ts"
import { address, protocols, readOptions, refused, speaking } from "../internal/provider/options.ts"
import { connect } from "../internal/provider/socket.ts"
import { standby } from "../internal/provider/standby.ts"
import { spokenAt } from "../internal/tts/options.ts"
import * as Tts from "../Tts.ts"

const sampleRates = [8000, 16_000, 22_050, 24_000, 44_100, 48_000] as const

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly apiKey: Redacted.Redacted
  /** Name of the provider in errors, events and usage. @default "cartesia" */
  readonly name?: string | undefined
  /** Another server that speaks the protocol. @default "https://api.cartesia.ai" */
  readonly baseUrl?: string | undefined
  /** Id of a voice. @default "f786b574-daa5-4673-aa0c-cbe3e8534c02": Katie, whom Cartesia recommends for agents */
  readonly voice?: string | undefined
  /** @default "sonic-3.5" */
  readonly model?: string | undefined
  /** Language of the text as a BCP 47 tag; Cartesia gets it without the region. @default that of the voice */
  readonly language?: string | undefined
  /** Rate of speech, 0.6–1.5, for models that know it, such as `sonic-3`; the `speed` of a speech goes first. @default 1 */
  readonly speed?: number | undefined
  /** Loudness, 0.5–2, for models that know it, such as `sonic-3`. @default 1 */
  readonly volume?: number | undefined
  /** Such as `content`, `excited` or `sad`, where the text does not contradict it. @default what the text says */
  readonly emotion?: string | undefined
  /** Id of a dictionary of pronunciations of the account. @default none */
  readonly pronunciation?: string | undefined
  /** How numbers, dates and the like are spelt out: `auto`, `off`, or by a locale such as `en-IN`. @default "auto" */
  readonly textNormalization?: string | undefined
  /**
   * How long text may wait for more of it before it is spoken, 0–5 s: for pieces that are less than a phrase. The pipeline
   * gives phrases.
   *
   * @default 0
   */
  readonly maxBufferDelay?: Duration.Input | undefined
  /** Hz of the audio: 8000, 16000, 22050, 24000, 44100 or 48000. @default 24000 */
  readonly sampleRate?: typeof sampleRates[number] | undefined
}

const provider = "cartesia"

/** The version of the interface that this layer was written from. */
const version = "2026-08-14"

const failing = (name: string) => (reason: Failure.Reason) => new Tts.TtsError({ provider: name, reason })

const speed = { least: 0.6, most: 1.5 } as const

const schema = Check.struct<Options>()({
  apiKey: Check.required(Check.key),
  name: Check.text({ default: provider }),
  baseUrl: Check.url(protocols, { default: "https://api.cartesia.ai" }),
  voice: Check.text({ default: "f786b574-daa5-4673-aa0c-cbe3e8534c02" }),
  model: Check.text({ default: "sonic-3.5" }),
  language: Check.text({ pattern: tag, must: "be a BCP 47 tag such as \"en-US\"" }),
  speed: Check.number(speed),
  volume: Check.number({ least: 0.5, most: 2 }),
  emotion: Check.text(),
  pronunciation: Check.text(),
  textNormalization: Check.text({
    pattern: new RegExp(`^(auto|off|${tag.source.slice(1, -1)})$`, "i"),
    must: "be \"auto\", \"off\", or a BCP 47 tag such as \"en-IN\""
  }),
  maxBufferDelay: Check.duration({ most: 5000, default: 0 }),
  sampleRate: Check.oneOf(sampleRates, { default: 24_000 })
})

type Settings = typeof schema.Type

const spoken = spokenAt(speed)

/** Cartesia closes a connection that is not used for 5 minutes, and networks forget some after 4. */
const keepMs = 200_000

/** What each message of a context says alike. */
const manner = (settings: Settings, asked: typeof spoken.Type) => {
  const { emotion, volume } = settings
  const speed = asked.speed ?? settings.speed
  return {
    model_id: settings.model,
    voice: { id: asked.voice ?? settings.voice },
    language: settings.language === undefined ? undefined : spokenLanguage(settings.language),
    output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: settings.sampleRate },
    add_timestamps: true,
    // Those of the very text, which is what is looked for.
    use_normalized_timestamps: false,
    max_buffer_delay_ms: Math.round(settings.maxBufferDelay),
    generation_config: speed === undefined && volume === undefined && emotion === undefined
      ? undefined
      : { speed, volume, emotion },
    pronunciation_dict_id: settings.pronunciation,
    normalization: settings.textNormalization
  }
}

/**
 * Creates a `Tts` that asks Cartesia.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option is out of its range. A speech fails with `InvalidRequest` for a voice or a
 * model that Cartesia does not have and for a wrong speed, with `Rejected` for a refused key, an empty account or too many
 * speeches at a time, with `Disconnected` for a lost connection, and with `EndedEarly` if words give no audio. An idle
 * connection does not count as a speech. The scope closes what is open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Tts.Tts["Service"], Tts.TtsError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { apiKey, model, name, sampleRate } = settings
    const failed = failing(name)
    const format: Audio.Format = { sampleRate, channels: 1 }
    const headers = {
      authorization: Redacted.make(`Bearer ${Redacted.value(apiKey)}`, { label: "CARTESIA_API_KEY" }),
      "cartesia-version": version
    }
    const closes = new Closes()
    const url = address(speaking("ws", settings.baseUrl), "/tts/websocket")
    const line = yield* standby({ open: connect({ closes, headers, url }), keepMs, again: true })
    return Tts.make({
      name,
      model,
      ...format,
      prewarm: Effect.mapError(line.prewarm, failed),
      speak: (text, asked) =>
        Stream.unwrap(Effect.map(
          Check.readOrFail(spoken, asked ?? {}, (wrong) => failed(refused(wrong))),
          (asked) => speak(text, { format, lend: line.lend, manner: manner(settings, asked), fail: failed })
        ))
    })
  })

/**
 * Layer of a `Tts` that asks Cartesia.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
 *
 * const layer = CartesiaTts.layer({ apiKey: Redacted.make("…"), language: "de" })
 * ```
 *
 * @see `Tts.layerFallback` to use a second voice when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Tts.Tts, Tts.TtsError> => Layer.effect(Tts.Tts, make(options))

/**
 * The same with options from the configuration; without any, the key is
 * `CARTESIA_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options> = { apiKey: Config.Redacted("CARTESIA_API_KEY") }
): Layer.Layer<Tts.Tts, Tts.TtsError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
