/**
 * Text to speech by OpenAI, and by every server that speaks like it.
 *
 * The package `openai` must be installed beside this one. Each piece of text is
 * one request, whose audio is passed on as it comes; the next piece is asked
 * for while this one is consumed, and no more than that one. Interrupting the
 * speech closes its requests. Nothing is retried here: `Resilience` does.
 *
 * With `baseUrl`, any server with `/audio/speech` can be asked (Kokoro-FastAPI,
 * Speaches, LocalAI, openedai-speech). All of this was tried against stand-ins
 * that speak the published protocol, none of it against the servers named.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type * as Failure from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as client from "../internal/openai/client.ts"
import { access, keyed, settings } from "../internal/openai/options.ts"
import * as speech from "../internal/openai/speech.ts"
import * as Check from "../internal/options.ts"
import { readOptions, refused } from "../internal/provider/options.ts"
import { spokenAt } from "../internal/tts/options.ts"
import * as Tts from "../Tts.ts"

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends client.Access {
  /** @default "tts-1" */
  readonly model?: string | undefined
  /** @default "alloy" */
  readonly voice?: string | undefined
  /** Rate of speech, 0.25–4. @default the voice's own */
  readonly speed?: number | undefined
  /** How to speak, in words; `tts-1` and `tts-1-hd` know none. @default none */
  readonly instructions?: string | undefined
  /**
   * The format of the answer. `pcm` is played as it comes. `wav`, for servers without raw PCM, is
   * played when a piece of text is complete. @default "pcm"
   */
  readonly format?: "pcm" | "wav" | undefined
  /** Rate in Hz of the server's PCM; a WAV file of another rate is converted to it. @default 24000 */
  readonly sampleRate?: number | undefined
}

/**
 * OpenAI's newer voices: they take instructions on how to speak, and sound more alive than `tts-1`,
 * which starts a little sooner.
 *
 * @category presets
 * @since 0.1.0
 */
export const expressive = {
  model: "gpt-4o-mini-tts",
  voice: "marin",
  instructions: "Speak as in a friendly telephone call, at an easy pace."
} as const satisfies Options

/** The voices of OpenAI itself. */
const voices = [
  "alloy",
  "ash",
  "ballad",
  "cedar",
  "coral",
  "echo",
  "fable",
  "marin",
  "nova",
  "onyx",
  "sage",
  "shimmer",
  "verse"
] as const

const failing = (name: string) => (reason: Failure.Reason) => new Tts.TtsError({ provider: name, reason })

const speed = { least: 0.25, most: 4 }

const schema = Check.together(
  Check.struct<Options>()({
    ...access,
    model: Check.text({ default: "tts-1" }),
    voice: Check.text({ default: "alloy" }),
    speed: Check.number(speed),
    instructions: Check.words,
    format: Check.oneOf(["pcm", "wav"], { default: "pcm" }),
    sampleRate: Check.hertz({ least: 8000, most: 96_000, default: 24_000 })
  }),
  ({ instructions, model, ...others }) => ({
    ...keyed(others),
    instructions: instructions !== undefined && /^tts-1(-hd)?$/.test(model)
      ? `must not be given: ${model} takes none; use the model "gpt-4o-mini-tts"`
      : undefined
  })
)

const spoken = spokenAt(speed)

/**
 * A `Tts` that asks OpenAI, or the server at `baseUrl`.
 *
 * **Details**
 *
 * Fails with `InvalidRequest`, which names the option, when an option cannot be
 * used or the package is not installed. The key is not tried out. The server
 * tells no times: that of a piece of text is known with the end of its audio.
 * Text without a letter or a digit may give no audio; any other that gives none
 * fails with `EndedEarly`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Tts.Tts["Service"], Tts.TtsError> =>
  Effect.gen(function*() {
    const settings = yield* readOptions(schema, options, client.provider, failing)
    const { format, instructions, model, name, sampleRate, voice } = settings
    const fail = failing(name)
    const opened = yield* Effect.mapError(client.open(settings), fail)
    return Tts.make({
      name,
      model,
      sampleRate,
      channels: 1,
      voices: settings.baseUrl === undefined ? voices : [],
      prewarm: Effect.mapError(client.prewarm(opened), fail),
      speak: (text, asked = {}) =>
        Stream.unwrap(
          Effect.map(Check.readOrFail(spoken, asked, (wrong) => fail(refused(wrong))), ({ speed = settings.speed }) => {
            const manner = { model, voice: asked.voice ?? voice, speed, format, instructions, sampleRate }
            return speech.speak(opened, text, manner, fail)
          })
        )
    })
  })

/**
 * Layer of a `Tts` that asks OpenAI, or the server at `baseUrl`.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
 *
 * const layer = OpenAiTts.layer({ apiKey: Redacted.make("…"), voice: "alloy" })
 * ```
 *
 * @see `Tts.layerFallback` to use a second voice when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Tts.Tts, Tts.TtsError> => Layer.effect(Tts.Tts, make(options))

const fromEnvironment: Config.Config<Options> = Config.map(settings, ({ apiKey }) => ({ apiKey }))

/**
 * The same with options from the configuration; without options the key is
 * `OPENAI_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Config.Wrap<Options>
): Layer.Layer<Tts.Tts, Tts.TtsError | Config.ConfigError> =>
  layerFrom(options === undefined ? fromEnvironment : Config.unwrap(options), layer)
