/**
 * Speech to text by AssemblyAI, over its streaming WebSocket (version 3), which tells when a turn is over.
 *
 * Each `transcribe` has a session of its own, opened with the first audio and ended with the stream: AssemblyAI counts the
 * time for which a session is open. Its transcripts report the state of the user's turn (`Transcript.turn`). With
 * `turn.detection: "stt"` of the pipeline, AssemblyAI decides alone: the agent answers at the end of a turn, and with
 * `eagerThreshold` a reply is begun in advance. Otherwise a `Finalize` mark ends the present turn (`ForceEndpoint`), and the
 * pipeline's own rules decide.
 *
 * A turn ends when silence follows its words. Where no audio comes at all, as from a muted microphone, it is ended after
 * two seconds.
 *
 * Written from AssemblyAI's published protocol and run against a stand-in of it.
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
import { closing } from "../internal/assemblyai/refusals.ts"
import { dialect, pieceMs, terminate } from "../internal/assemblyai/turns.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as Check from "../internal/options.ts"
import { Closes } from "../internal/provider/closes.ts"
import * as languages from "../internal/provider/languages.ts"
import { address, parameters, protocols, readOptions, speaking } from "../internal/provider/options.ts"
import { connect, farewell } from "../internal/provider/socket.ts"
import { type Standby, standby } from "../internal/provider/standby.ts"
import { converse } from "../internal/stt/conversation.ts"
import * as Stt from "../Stt.ts"

/**
 * Options of the layer. The Universal-3 Pro models are those whose names do not begin with `universal-streaming`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly apiKey: Redacted.Redacted
  /** Name of the provider in errors, events and usage. @default "assemblyai" */
  readonly name?: string | undefined
  /** Another server that speaks the protocol, such as `wss://streaming.eu.assemblyai.com`. @default "wss://streaming.assemblyai.com" */
  readonly baseUrl?: string | undefined
  /** Also `universal-streaming-english` and `universal-streaming-multilingual`. @default "universal-3-5-pro" */
  readonly model?: string | undefined
  /**
   * Languages to expect (BCP 47), of the Universal-3 Pro models; AssemblyAI gets them without regions. Others are still
   * heard.
   *
   * @default none: all that the model knows
   */
  readonly languages?: ReadonlyArray<string> | undefined
  /** Finds out which language was spoken, which final transcripts name. @default true, except for an English model */
  readonly detectLanguage?: boolean | undefined
  /** Confidence that ends a turn of a Universal-Streaming model (0–1). @default AssemblyAI's own, 0.4 */
  readonly endThreshold?: number | undefined
  /**
   * Confidence at which a turn may be over (0–1), so that a reply is begun in advance; so it is at the end of an utterance.
   *
   * @default none: it is not told
   */
  readonly eagerThreshold?: number | undefined
  /** Least silence before a turn may end (0–60 s). @default AssemblyAI's own, by the model */
  readonly endSilence?: Duration.Input | undefined
  /** Silence that ends a turn, however sure it is (0–60 s). @default AssemblyAI's own, by the model */
  readonly endTimeout?: Duration.Input | undefined
  /** How sure it must be that audio is a voice (0–1). @default AssemblyAI's own */
  readonly voiceThreshold?: number | undefined
  /**
   * Sets punctuation, capitals and numbers in the turns of a Universal-Streaming model, which takes time: the others do so
   * anyway. A turn is still one, and begins a reply in advance as soon as its words are known.
   *
   * @default false
   */
  readonly formatTurns?: boolean | undefined
  /** Names and terms to expect, 100 at most. @default none */
  readonly keyterms?: ReadonlyArray<string> | undefined
  /** What is spoken about, and how to write it (Universal-3 Pro, 1750 characters at most). @default AssemblyAI's own */
  readonly prompt?: string | undefined
  /** What counts more: `min_latency` hears of a voice sooner (Universal-3 Pro). @default AssemblyAI's own, "balanced" */
  readonly mode?: "min_latency" | "balanced" | "max_accuracy" | undefined
  /** Masks profanity. @default false */
  readonly profanityFilter?: boolean | undefined
  /** Other parameters of the request, by AssemblyAI's names; what it wants as a list is given as JSON. @default none */
  readonly parameters?: Readonly<Record<string, string | ReadonlyArray<string>>> | undefined
  /** Hz of the audio that is sent; other audio is resampled. @default 16000 */
  readonly sampleRate?: number | undefined
}

const provider = "assemblyai"

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

const isUniversalStreaming = (model: string): boolean => model.startsWith("universal-streaming")

/** The server refuses more (error 3006). */
const [mostTerms, longestPrompt] = [100, 1750]

const schema = Check.together(
  Check.struct<Options>()({
    apiKey: Check.required(Check.key),
    name: Check.text({ default: provider }),
    baseUrl: Check.url(protocols, { default: "wss://streaming.assemblyai.com" }),
    model: Check.text({ default: "universal-3-5-pro" }),
    languages: Check.list(
      Check.required(Check.text({ pattern: languages.tag, must: "be a BCP 47 tag such as \"en-US\"" }))
    ),
    detectLanguage: Check.flag(),
    endThreshold: Check.ratio(),
    eagerThreshold: Check.ratio(),
    endSilence: Check.duration({ most: 60_000 }),
    endTimeout: Check.duration({ most: 60_000 }),
    voiceThreshold: Check.ratio(),
    formatTurns: Check.flag({ default: false }),
    keyterms: Check.list(Check.required(Check.text())),
    prompt: Check.text({
      pattern: new RegExp(`^[^]{1,${longestPrompt}}$`),
      must: `be a text of ${longestPrompt} characters at most`
    }),
    mode: Check.oneOf(["min_latency", "balanced", "max_accuracy"]),
    profanityFilter: Check.flag(),
    parameters,
    sampleRate: Check.hertz({ least: 8000, most: 48_000, default: 16_000 })
  }),
  ({ eagerThreshold, endSilence, endThreshold, endTimeout, keyterms, languages, model }) => ({
    eagerThreshold: eagerThreshold !== undefined && endThreshold !== undefined && eagerThreshold > endThreshold
      ? `must not lie above endThreshold (${endThreshold})`
      : undefined,
    endSilence: endSilence !== undefined && endTimeout !== undefined && endSilence > endTimeout
      ? "must not be longer than endTimeout"
      : undefined,
    keyterms: keyterms !== undefined && keyterms.length > mostTerms
      ? `must be ${mostTerms} terms at most`
      : undefined,
    languages: languages !== undefined && languages.length > 0 && isUniversalStreaming(model)
      ? "are for the Universal-3 Pro models, such as \"universal-3-5-pro\", alone"
      : undefined
  })
)

type Settings = typeof schema.Type

/** How long a connection that was opened in advance waits for its first audio: its time is paid for. */
const keepMs = 8000

/** After so long without audio a turn that is open is ended (ms). */
const stalledMs = 2000

/** Only what differs from what AssemblyAI does anyway. */
const query = (settings: Settings) => ({
  speech_model: settings.model,
  sample_rate: settings.sampleRate,
  encoding: "pcm_s16le",
  language_codes: settings.languages === undefined || settings.languages.length === 0
    ? undefined
    : JSON.stringify([...new Set(settings.languages.map((tag) => languages.spoken(tag) ?? tag))]),
  language_detection: settings.detectLanguage ?? (settings.model.endsWith("-english") ? undefined : true),
  end_of_turn_confidence_threshold: settings.endThreshold,
  min_turn_silence: settings.endSilence === undefined ? undefined : Math.round(settings.endSilence),
  max_turn_silence: settings.endTimeout === undefined ? undefined : Math.round(settings.endTimeout),
  vad_threshold: settings.voiceThreshold,
  format_turns: settings.formatTurns ? true : undefined,
  keyterms_prompt: settings.keyterms === undefined || settings.keyterms.length === 0
    ? undefined
    : JSON.stringify(settings.keyterms),
  prompt: settings.prompt,
  mode: settings.mode,
  filter_profanity: settings.profanityFilter,
  // So that it can be told from one that hangs.
  session_heartbeat: true,
  ...settings.parameters
})

/** The language of all transcripts, where there is but one. */
const only = ({ languages: expected = [], model }: Settings): string | undefined =>
  model.endsWith("-english") ? "en" : expected.length === 1 ? languages.spoken(expected[0] ?? "") : undefined

/**
 * Creates an `Stt` that asks AssemblyAI.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option is out of its range. A stream fails with `InvalidRequest` for an option that
 * AssemblyAI refuses, with `Rejected` for a refused key, an empty account or too many sessions at a time, and with
 * `Disconnected` for a lost connection and for a session that has come to its end, three hours. The scope ends what
 * `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Stt.Stt["Service"], Stt.SttError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { apiKey, model, name, sampleRate } = settings
    const base = speaking("ws", settings.baseUrl)
    const closes = new Closes(closing)
    const dial = (settings: Settings) =>
      Effect.tap(
        connect({ closes, headers: { authorization: apiKey }, url: address(base, "/v3/ws", query(settings)) }),
        (connection) => Effect.addFinalizer(() => farewell(connection, terminate))
      )
    const service = (settings: Settings, line: Pick<Standby, "open"> & Partial<Standby>): Stt.Stt["Service"] => {
      const language = only(settings)
      return Stt.make({
        name,
        model,
        interims: true,
        turns: true,
        prewarm: line.prewarm === undefined ? undefined : Effect.mapError(line.prewarm, failing(name)),
        language,
        withLanguage: isUniversalStreaming(model) ? undefined : (language) => {
          const other = { ...settings, languages: [language] }
          return service(other, { open: dial(other) })
        },
        transcribe: converse({
          name,
          sampleRate,
          leastMs: pieceMs.least,
          open: line.open,
          dialect: Effect.sync(() =>
            dialect({
              sampleRate,
              eagerThreshold: settings.eagerThreshold,
              formatted: settings.formatTurns && isUniversalStreaming(model),
              language
            })
          ),
          keepAlive: { everyMs: stalledMs }
        })
      })
    }
    return service(settings, yield* standby({ open: dial(settings), keepMs }))
  })

/**
 * Layer of an `Stt` that asks AssemblyAI.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import type { Turn } from "effect-voice"
 * import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
 *
 * export const recogniser = AssemblyAiStt.layer({ apiKey: Redacted.make("…"), eagerThreshold: 0.5 })
 * export const turn: Turn.Options = { detection: "stt" }
 * ```
 *
 * @see `Stt.layerFallback` to use a second recogniser when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Stt.Stt, Stt.SttError> => Layer.effect(Stt.Stt, make(options))

/**
 * The same with options from the configuration; without any, the key is
 * `ASSEMBLYAI_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options> = { apiKey: Config.Redacted("ASSEMBLYAI_API_KEY") }
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
