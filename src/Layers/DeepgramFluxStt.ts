/**
 * Speech to text by Deepgram's Flux models, which tell when a turn is over.
 *
 * Each `transcribe` has a connection of its own, opened with the first audio and closed with the
 * stream. Its transcripts report the state of the user's turn (`Transcript.turn`). With
 * `turn.detection: "stt"` of the pipeline, Flux decides alone: the agent answers at the end of a
 * turn, and `eager` ends begin a reply in advance. Otherwise a `Finalize` mark ends the present
 * turn, and the pipeline's own rules decide; a self-hosted server cannot do that, and the
 * recogniser fails with `InvalidRequest`.
 *
 * While no audio is sent, as from a muted microphone, the connection is kept alive with
 * moments of silence, which the transcripts' times leave out.
 *
 * Written from Deepgram's published protocol and run against a stand-in of it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Failure from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import { errorFields, reported } from "../internal/deepgram/errors.ts"
import { dialing } from "../internal/deepgram/line.ts"
import * as Check from "../internal/options.ts"
import { own } from "../internal/own.ts"
import { hint, maybe } from "../internal/provider/hints.ts"
import { decodeJson } from "../internal/provider/http.ts"
import * as languages from "../internal/provider/languages.ts"
import { parameters, protocols, readOptions } from "../internal/provider/options.ts"
import { type Standby, standby } from "../internal/provider/standby.ts"
import { converse, type Dialect, type Heard, nothing } from "../internal/stt/conversation.ts"
import * as Stt from "../Stt.ts"

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly apiKey: Redacted.Redacted
  /** Name of the provider in errors, events and usage. @default "deepgram-flux" */
  readonly name?: string | undefined
  /** Another server that speaks the protocol, such as your own. @default "wss://api.deepgram.com" */
  readonly baseUrl?: string | undefined
  /** `flux-general-multi` knows several languages. @default "flux-general-en" */
  readonly model?: string | undefined
  /** Languages to expect (BCP 47), of `flux-general-multi` alone. @default none */
  readonly languages?: ReadonlyArray<string> | undefined
  /** Confidence that ends a turn (0.5–1). @default Deepgram's own, 0.7 */
  readonly endThreshold?: number | undefined
  /** Confidence at which a turn may be over (0.3–0.9), so that a reply is begun in advance. @default none: it is not told */
  readonly eagerThreshold?: number | undefined
  /** Silence that ends a turn, however sure it is (0.5–60 s). @default Deepgram's own, 5 seconds */
  readonly endTimeout?: Duration.Input | undefined
  /** Names and terms to expect. @default none */
  readonly keyterms?: ReadonlyArray<string> | undefined
  /** Does not let Deepgram train on the audio, which costs more. @default false */
  readonly mipOptOut?: boolean | undefined
  /** Labels for your own statistics of the usage. @default none */
  readonly tags?: ReadonlyArray<string> | undefined
  /** Other parameters of the request, by Deepgram's names. @default none */
  readonly parameters?: Readonly<Record<string, string | ReadonlyArray<string>>> | undefined
  /** Hz of the audio that is sent; other audio is resampled. @default 16000 */
  readonly sampleRate?: number | undefined
}

const provider = "deepgram-flux"

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

const terms = Check.list(Check.required(Check.text()))

const schema = Check.together(
  Check.struct<Options>()({
    apiKey: Check.required(Check.key),
    name: Check.text({ default: provider }),
    baseUrl: Check.url(protocols, { default: "wss://api.deepgram.com" }),
    model: Check.text({
      pattern: /^flux/i,
      must: "be a Flux model, such as \"flux-general-en\": DeepgramStt speaks to the others",
      default: "flux-general-en"
    }),
    languages: Check.list(
      Check.required(Check.text({ pattern: languages.tag, must: "be a BCP 47 tag such as \"en-US\"" }))
    ),
    endThreshold: Check.number({ least: 0.5, most: 1 }),
    eagerThreshold: Check.number({ least: 0.3, most: 0.9 }),
    endTimeout: Check.duration({ least: 500, most: 60_000 }),
    keyterms: terms,
    mipOptOut: Check.flag(),
    tags: terms,
    parameters,
    sampleRate: Check.hertz({ least: 8000, most: 48_000, default: 16_000 })
  }),
  ({ eagerThreshold, endThreshold = 0.7, languages, model }) => ({
    eagerThreshold: eagerThreshold !== undefined && eagerThreshold > endThreshold
      ? `must not lie above endThreshold (${endThreshold})`
      : undefined,
    languages: languages !== undefined && languages.length > 0 && !model.endsWith("-multi")
      ? "are for the model \"flux-general-multi\" alone"
      : undefined
  })
)

type Settings = typeof schema.Type

/** How long a connection that was opened in advance waits for its first audio: nothing is sent meanwhile. */
const keepMs = 8000

/** Silence that keeps a connection alive, or brings it past a mark, and how often it is sent (ms). */
const [quietMs, quietEveryMs] = [300, 4000]

const TurnInfo = Schema.Struct({
  event: Schema.String,
  turn_index: hint(Schema.Finite),
  audio_window_start: hint(Schema.Finite),
  audio_window_end: hint(Schema.Finite),
  transcript: maybe(Schema.String),
  words: hint(Schema.Array(Schema.Struct({
    word: maybe(Schema.String),
    start: hint(Schema.Finite),
    end: hint(Schema.Finite)
  }))),
  languages: hint(Schema.Array(Schema.String))
})

const decodeKind = decodeJson(Schema.Struct({ type: hint(Schema.String), ...errorFields }))
const decodeTurn = decodeJson(TurnInfo)

const turns: Readonly<Record<string, Stt.Transcript["turn"]>> = {
  StartOfTurn: "started",
  EagerEndOfTurn: "eager",
  TurnResumed: "resumed",
  EndOfTurn: "ended"
}

const transcript = (
  info: typeof TurnInfo.Type,
  toStream: (seconds: number) => number,
  language: string | undefined
): Stt.Transcript => {
  const words = info.words?.flatMap(({ end, start, word }) =>
    typeof start === "number" && typeof end === "number"
      ? [{ text: word ?? "", start: toStream(start), end: toStream(end) }]
      : []
  )
  const { audio_window_end, audio_window_start } = info
  const from = words?.[0]?.start ?? (typeof audio_window_start === "number" ? toStream(audio_window_start) : undefined)
  const to = words?.at(-1)?.end ?? (typeof audio_window_end === "number" ? toStream(audio_window_end) : undefined)
  const turn = own(turns, info.event)
  return {
    text: info.transcript ?? "",
    final: turn === "ended",
    ...(from === undefined ? undefined : { start: from }),
    ...(to === undefined ? undefined : { end: to }),
    ...(words === undefined || words.length === 0 ? undefined : { words }),
    ...languages.heard(info.languages?.[0], language),
    ...(turn === undefined ? undefined : { turn })
  }
}

const [endTurn, closeStream] = [JSON.stringify({ type: "ForceEndTurn" }), JSON.stringify({ type: "CloseStream" })]

const cannotEnd = "turn.detection: this server does not end a turn when it is asked to (ForceEndTurn); use \"stt\""

/** The audio that was sent over one connection, with the added silence (ms). */
class Sent {
  readonly #bytesPerMs: number
  #fillings: Array<{ readonly at: number; readonly ms: number }> = []
  ms = 0

  constructor(sampleRate: number) {
    this.#bytesPerMs = sampleRate * 2 / 1000
  }

  audio(bytes: Uint8Array): ReadonlyArray<Uint8Array> {
    this.ms += bytes.length / this.#bytesPerMs
    return [bytes]
  }

  silence(ms: number): ReadonlyArray<Uint8Array> {
    this.#fillings.push({ at: this.ms, ms })
    this.ms += ms
    return [new Uint8Array(Math.round(ms * this.#bytesPerMs / 2) * 2)]
  }

  /** Time of the connection as that of the audio (ms). */
  toAudio(ms: number): number {
    const added = this.#fillings.reduce((sum, filling) => sum + Math.min(filling.ms, Math.max(0, ms - filling.at)), 0)
    return Math.max(0, Math.round(ms - added))
  }
}

const dialect = (settings: Settings) =>
  Effect.sync((): Dialect => {
    const sent = new Sent(settings.sampleRate)
    const english = settings.model.endsWith("-en") ? "en" : undefined
    let isOpen = false
    /** Up to where a mark waits for the recogniser, which knows of no turn yet (ms). */
    let marked: number | undefined
    /** No more audio comes, and the connection may be closed after the mark. */
    let isLast = false
    let isEnding = false
    /** It was asked to end a turn: a self-hosted server breaks off then. */
    let isAsked = false
    /** The turn that ended last: its number, and where its audio ended (s). */
    let ended = { turn: -1, to: 0 }
    /** What was heard of the turn that is going on. */
    let newest: Stt.Transcript | undefined
    const askEnd = (): string => {
      isAsked = true
      return endTurn
    }
    const rest = (): ReadonlyArray<string> => isLast ? [closeStream] : []
    // It tells how far it has come four times a second, as long as there is audio.
    const mark = (): ReadonlyArray<Uint8Array> => {
      marked = sent.ms
      return sent.silence(quietMs)
    }
    const informed = (info: typeof TurnInfo.Type): Heard => {
      // What is said of a turn that has ended comes late, or again; not every server counts its turns.
      if (info.event === "StartOfTurn") ended = { turn: -1, to: 0 }
      if ((info.turn_index ?? 0) <= ended.turn && (info.audio_window_end ?? 0) <= ended.to) return nothing
      const heard = transcript(info, (seconds) => sent.toAudio(seconds * 1000), english)
      if (heard.final) ended = { turn: info.turn_index ?? ended.turn, to: info.audio_window_end ?? ended.to }
      isOpen = own(turns, info.event) === undefined ? isOpen || heard.text.trim() !== "" : !heard.final
      newest = isOpen ? heard : undefined
      if (marked === undefined) return { transcripts: [heard] }
      if (isOpen || heard.final) {
        marked = undefined
        return { transcripts: [heard], reply: () => [...(isOpen ? [askEnd()] : []), ...rest()] }
      }
      if ((info.audio_window_end ?? 0) * 1000 < marked) return { transcripts: [heard] }
      const end = sent.toAudio(marked)
      marked = undefined
      return { transcripts: [{ text: "", final: true, end }], reply: rest }
    }
    /** It closes without ending the turn that is going on: what it heard last is all that there is. */
    const owed = (): ReadonlyArray<Stt.Transcript> => {
      const last = newest
      newest = undefined
      return last === undefined || last.text.trim() === "" ? [] : [{ ...last, final: true, turn: "ended" }]
    }
    return {
      audio: (bytes) => sent.audio(bytes),
      finalize: () => isOpen ? [askEnd()] : mark(),
      end: () => {
        isEnding = true
        if (isOpen) return { messages: [askEnd(), closeStream] }
        isLast = true
        return { messages: marked === undefined ? mark() : [] }
      },
      keepAlive: () => sent.silence(quietMs),
      owed,
      hear: (message) => {
        if (typeof message !== "string") return Effect.succeed(nothing)
        return Effect.flatMap(decodeKind(message), ({ type, ...error }): Effect.Effect<Heard, Failure.Reason> => {
          switch (type) {
            case "TurnInfo":
              return Effect.map(decodeTurn(message), informed)
            case "Error":
            case "FatalError":
              if (isAsked && error.code === "UNPARSABLE_CLIENT_MESSAGE") {
                return isEnding
                  ? Effect.sync(() => ({ transcripts: owed(), done: true }))
                  : Effect.fail(new Failure.InvalidRequest({ detail: cannotEnd }))
              }
              return Effect.fail(reported(error))
            default:
              return Effect.succeed(nothing)
          }
        })
      }
    }
  })

/** Only what differs from what Deepgram does anyway. */
const query = (settings: Settings) => ({
  model: settings.model,
  encoding: "linear16",
  sample_rate: settings.sampleRate,
  eot_threshold: settings.endThreshold,
  eager_eot_threshold: settings.eagerThreshold,
  eot_timeout_ms: settings.endTimeout === undefined ? undefined : Math.round(settings.endTimeout),
  language_hint: settings.languages,
  keyterm: settings.keyterms,
  mip_opt_out: settings.mipOptOut,
  tag: settings.tags,
  ...settings.parameters
})

/**
 * Creates an `Stt` that asks Flux.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when an option is out of its range. A stream
 * fails with `Rejected` for a refused key or too many connections, and with
 * `Disconnected` for a lost connection. The scope closes what `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<Stt.Stt["Service"], Stt.SttError, Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const settings = yield* readOptions(schema, options, provider, failing)
    const { apiKey, name, sampleRate } = settings
    const dial = dialing(apiKey, settings.baseUrl, "/v2/listen")
    const line = yield* standby({ open: dial(query(settings)), keepMs })
    const service = (settings: Settings, line: Pick<Standby, "open"> & Partial<Standby>): Stt.Stt["Service"] =>
      Stt.make({
        name,
        model: settings.model,
        interims: true,
        turns: true,
        prewarm: line.prewarm === undefined ? undefined : Effect.mapError(line.prewarm, failing(name)),
        withLanguage: settings.model.endsWith("-multi")
          ? (language) => {
            const other = { ...settings, languages: [languages.canonical(language)] }
            return service(other, { open: dial(query(other)) })
          }
          : undefined,
        transcribe: converse({
          name,
          sampleRate,
          leastMs: 80,
          open: line.open,
          dialect: dialect(settings),
          keepAlive: { everyMs: quietEveryMs }
        })
      })
    return service(settings, line)
  })

/**
 * Layer of an `Stt` that asks Flux.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import type { Turn } from "effect-voice"
 * import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
 *
 * export const recogniser = DeepgramFluxStt.layer({ apiKey: Redacted.make("…"), eagerThreshold: 0.5 })
 * export const turn: Turn.Options = { detection: "stt" }
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Stt.Stt, Stt.SttError> => Layer.effect(Stt.Stt, make(options))

/**
 * The same with options from the configuration; without any, the key is
 * `DEEPGRAM_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options> = { apiKey: Config.Redacted("DEEPGRAM_API_KEY") }
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
