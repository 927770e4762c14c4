/**
 * Speech recognition behind any HTTP endpoint: each piece of speech is uploaded
 * as a WAV file, and the answer is read by a schema.
 *
 * Interrupting a transcription closes its connection.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { spoken } from "../internal/audio/options.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as target from "../internal/custom/options.ts"
import * as Check from "../internal/options.ts"
import * as Http from "../internal/provider/http.ts"
import { readOptions } from "../internal/provider/options.ts"
import * as utf8 from "../internal/provider/utf8.ts"
import * as answers from "../internal/stt/answer.ts"
import { fields } from "../internal/stt/options.ts"
import * as Stt from "../Stt.ts"
import type * as Vad from "../Vad.ts"

/**
 * How the answer is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer extends answers.Answer {}

/**
 * Reads an answer that is JSON of a shape.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json: <A>(
  schema: Schema.Codec<A, unknown>,
  recognition: (answer: A) => Stt.Recognition
) => Answer = answers.json

/**
 * Reads an answer that is the words and nothing else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text: Answer = answers.plain

/**
 * Reads `{ "transcript": "…", "confidence": 0.9 }`; the confidence may be absent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transcript: Answer = answers.transcript

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Whole URL that the audio is sent to, by POST. */
  readonly url: string
  /** Name in errors, events and metrics. @default "http" */
  readonly name?: string | undefined
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Sent with each request; keys belong here. @default none */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** The WAV file as the whole body, or as a part of a form. @default "raw" */
  readonly upload?: "raw" | "multipart" | undefined
  /** Name of the form's part that holds the file. @default "file" */
  readonly field?: string | undefined
  /** Sent beside the audio: fields of the form, or else of the URL's query. @default none */
  readonly parameters?:
    | Readonly<Record<string, string>>
    | ((language: string | undefined) => Readonly<Record<string, string>>)
    | undefined
  /** BCP 47 tag for `parameters`. @default none */
  readonly language?: string | undefined
  /** How the answer is read. @default transcript */
  readonly answer?: Answer | undefined
  /** Format of the WAV file. @default 16 kHz mono */
  readonly format?: Audio.Format | undefined
  /** Finds the speech in the audio. @default none: a pipeline finds it, and speech ends at `Stt.Finalize` */
  readonly vad?: Vad.Vad["Service"] | undefined
  readonly vadOptions?: Vad.Options | undefined
  /** Speech between two interim transcripts, each a request of its own. @default no interim transcripts */
  readonly interimEvery?: Duration.Input | undefined
  /** Longest speech that is sent in one go. @default "60 seconds" */
  readonly maxSpeech?: Duration.Input | undefined
}

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

const schema = Check.together(
  Check.struct<Options>()({
    ...target.fields,
    ...fields,
    model: Check.text(),
    upload: Check.oneOf(["raw", "multipart"], { default: "raw" }),
    field: Check.text(),
    parameters: Check.such<NonNullable<Options["parameters"]>>(
      (given) => typeof given === "function" || Check.isTexts(given),
      "be an object of texts by their names, or a function that gives one"
    ),
    language: Check.text(),
    answer: Check.service("an Answer, such as HttpStt.transcript or HttpStt.json gives", "decode"),
    format: Check.maybe(spoken)
  }),
  ({ field, upload }) => ({
    field: field !== undefined && upload !== "multipart"
      ? "must not be given: it is that of a form; set upload to \"multipart\""
      : undefined
  })
)

type Settings = typeof schema.Type

const parametersOf = ({ parameters = {} }: Settings, language: string | undefined): Readonly<Record<string, string>> =>
  typeof parameters === "function" ? parameters(language) : parameters

const withAudio = (options: Settings, wav: Uint8Array<ArrayBuffer>, language: string | undefined) => {
  const parameters = parametersOf(options, language)
  return (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
    if (options.upload !== "multipart") {
      return request.pipe(
        HttpClientRequest.setUrlParams(parameters),
        HttpClientRequest.bodyUint8Array(wav, "audio/wav")
      )
    }
    const form = new FormData()
    for (const [name, value] of Object.entries(parameters)) form.append(name, value)
    form.append(options.field ?? "file", new Blob([wav], { type: "audio/wav" }), "speech.wav")
    return HttpClientRequest.bodyFormData(request, form)
  }
}

/**
 * Creates an `Stt` that asks an HTTP endpoint.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` if the URL, a header or the format is wrong. A transcription fails
 * with `Rejected` for a status that is an error, with `Disconnected` for a lost connection, and
 * with `InvalidResponse` for an answer that is no UTF-8 or not of the shape that was expected.
 *
 * It was tested against stand-ins only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Stt.Stt["Service"], Stt.SttError> {
  const settings = yield* readOptions(schema, options, "http", failing)
  const { answer = transcript, format = Audio.speech, interimEvery, maxSpeech, model, name } = settings
  const failed = failing(name)
  const post = target.post(settings)
  const http = yield* Http.http
  const recognize = (speech: Audio.Frame, language: string | undefined) =>
    Effect.suspend(() => {
      const request = withAudio(settings, Audio.encodeWav(speech), language)(post)
      return Stream.mkString(utf8.decode(http.stream(request)))
    }).pipe(Effect.flatMap(answer.decode), Effect.mapError(failed))
  const service = (language: string | undefined): Stt.Stt["Service"] =>
    Stt.fromRecognizer({
      name,
      model,
      format,
      vad: options.vad,
      vadOptions: options.vadOptions,
      interimEvery,
      maxSpeech,
      language,
      withLanguage: service,
      recognize: (speech) => recognize(speech, language)
    })
  return service(settings.language)
})

/**
 * Layer of an `Stt` that asks an HTTP endpoint; fails as `make` does.
 *
 * **Example** (the server of whisper.cpp, not tried here)
 *
 * ```ts
 * import { Schema } from "effect"
 * import * as HttpStt from "effect-voice/Layers/HttpStt"
 *
 * const layer = HttpStt.layer({
 *   url: "http://localhost:8080/inference",
 *   upload: "multipart",
 *   parameters: (language = "en") => ({ language, response_format: "json" }),
 *   answer: HttpStt.json(Schema.Struct({ text: Schema.String }), ({ text }) => ({ text: text.trim() }))
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Stt.Stt, Stt.SttError> => Layer.effect(Stt.Stt, make(options))

/**
 * The same with options from the configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Stt.Stt, Stt.SttError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
