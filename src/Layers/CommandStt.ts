/**
 * Speech to text by a local program: whisper.cpp, pocketsphinx, or any other that takes a WAV file
 * and writes a transcript.
 *
 * The program runs once for each piece of speech. It and whatever it starts are
 * killed when the transcription is interrupted, fails or takes too long.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { spoken } from "../internal/audio/options.ts"
import * as files from "../internal/command/files.ts"
import { fields as common, nameOf } from "../internal/command/options.ts"
import * as command from "../internal/command/run.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as native from "../internal/native.ts"
import * as Check from "../internal/options.ts"
import { readOptions } from "../internal/provider/options.ts"
import * as utf8 from "../internal/provider/utf8.ts"
import * as answers from "../internal/stt/answer.ts"
import { fields } from "../internal/stt/options.ts"
import * as Stt from "../Stt.ts"
import type * as Vad from "../Vad.ts"

/**
 * One run of the program.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  /** Path of the WAV file; `-` when it comes on standard input. */
  readonly input: string
  /** BCP 47 tag that was asked for, if any. */
  readonly language: string | undefined
}

/**
 * How the program's output is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer extends answers.Answer {}

/**
 * Reads output that is the words and nothing else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text: Answer = answers.plain

/**
 * Reads output that is JSON of a shape.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json: <A>(
  schema: Schema.Codec<A, unknown>,
  recognition: (answer: A) => Stt.Recognition
) => Answer = answers.json

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Name in errors, events and metrics. @default the program's name */
  readonly name?: string | undefined
  /** Name or path of the program; no shell reads it. */
  readonly program: string
  /** Arguments; a list gets the path of the file, if there is one, as its last. @default none */
  readonly args?: ReadonlyArray<string> | ((call: Call) => ReadonlyArray<string>) | undefined
  /** How the WAV file gets to it. @default "stdin" */
  readonly input?: "stdin" | "file" | undefined
  /** Format of the WAV file. @default 16 kHz mono */
  readonly format?: Audio.Format | undefined
  /** Silence added around the speech, for a program that wants to hear some. @default none */
  readonly padding?: { readonly before: Duration.Input; readonly after: Duration.Input } | undefined
  /** How its standard output is read. @default text */
  readonly answer?: Answer | undefined
  /** BCP 47 tag for `args`. @default none */
  readonly language?: string | undefined
  /** Added to the environment of this process. @default none */
  readonly env?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** Where it runs. @default where this process does */
  readonly cwd?: string | undefined
  /** What to do with its standard error. `inherit` shows it; it may contain the words of the call. @default "ignore" */
  readonly stderr?: "ignore" | "inherit" | undefined
  /** Real time after which it is killed. @default "30 seconds" */
  readonly timeout?: Duration.Input | undefined
  /** Most bytes that it may write. @default 1048576 */
  readonly maxOutput?: number | undefined
  /** Most runs at the same time. Further ones wait. @default the number of processor cores */
  readonly concurrency?: number | undefined
  /** Finds the speech in the audio. @default none: a pipeline finds it, and speech ends at `Stt.Finalize` */
  readonly vad?: Vad.Vad["Service"] | undefined
  readonly vadOptions?: Vad.Options | undefined
  /** Longest speech that is recognised in one go. @default "60 seconds" */
  readonly maxSpeech?: Duration.Input | undefined
}

/** Most silence that is added on a side (ms). */
const longestPaddingMs = 60_000

/**
 * PocketSphinx of CMU, as Debian packages it (`pocketsphinx` and
 * `pocketsphinx-en-us`): English, old and of few words, but small and fast.
 *
 * @category presets
 * @since 0.1.0
 */
export const pocketsphinx: Options = {
  name: "pocketsphinx",
  program: "pocketsphinx_continuous",
  args: ({ input }) => ["-infile", input, "-logfn", "/dev/null"],
  input: "file",
  padding: { before: "200 millis", after: "600 millis" }
}

const failing = (name: string) => (reason: Failure.Reason) => new Stt.SttError({ provider: name, reason })

// Each speech is one run: there are no interim transcripts.
const { interimEvery: _, ...recognizing } = fields

const padding = Check.struct<NonNullable<Options["padding"]>>()({
  before: Check.required(Check.duration({ most: longestPaddingMs })),
  after: Check.required(Check.duration({ most: longestPaddingMs }))
})

const schema = Check.struct<Options>()({
  ...common,
  ...recognizing,
  input: Check.oneOf(["stdin", "file"], { default: "stdin" }),
  format: Check.maybe(spoken),
  padding: Check.maybe(padding),
  answer: Check.service("an Answer, such as CommandStt.text or CommandStt.json gives", "decode"),
  language: Check.text(),
  maxOutput: Check.whole({ least: 1, default: 1_048_576 })
})

const argumentsOf = (options: Options, call: Call): ReadonlyArray<string> => {
  const { args = [] } = options
  if (typeof args === "function") return args(call)
  return options.input === "file" ? [...args, call.input] : args
}

const padded = (padding: Options["padding"], speech: Audio.Frame): Audio.Frame =>
  padding === undefined
    ? speech
    : Audio.concat([Audio.silence(padding.before, speech), speech, Audio.silence(padding.after, speech)])

/**
 * Creates an `Stt` that runs a local program.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when the program is not there or an option is out
 * of its range. A transcription fails with `Broken` when the program ends with
 * an exit code other than 0, by a signal, or before it has read the audio; with
 * `TimedOut` when it takes too long; with `InvalidResponse` when its output is
 * too long, no UTF-8, or not the JSON that was expected.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Stt.Stt["Service"], Stt.SttError> {
  const settings = yield* readOptions(schema, options, nameOf(String(options?.program)), failing)
  const { answer = text, concurrency, format = Audio.speech, input, maxOutput, maxSpeech, timeout } = settings
  const name = settings.name ?? nameOf(settings.program)
  const failed = failing(name)
  yield* Effect.mapError(command.find(options), failed)
  const turns = yield* Semaphore.make(concurrency)

  const hear = (wav: Uint8Array, language: string | undefined) => {
    const run = (path: string, stdin: Uint8Array | undefined) =>
      command.run({
        ...options,
        timeoutMs: timeout,
        maxOutput,
        args: argumentsOf(options, { input: path, language }),
        stdin
      })
    return input === "stdin" ? run("-", wav) : files.withInput("speech.wav", wav, (path) => run(path, undefined))
  }
  const service = (language: string | undefined): Stt.Stt["Service"] =>
    Stt.fromRecognizer({
      name,
      format,
      vad: options.vad,
      vadOptions: options.vadOptions,
      maxSpeech,
      language,
      withLanguage: service,
      recognize: (speech) =>
        hear(Audio.encodeWav(padded(options.padding, speech)), language).pipe(
          Effect.flatMap(utf8.text),
          Effect.flatMap(answer.decode),
          Semaphore.withPermits(turns, 1),
          Effect.mapError(failed),
          native.track
        )
    })
  return service(settings.language)
})

/**
 * Layer of an `Stt` that runs a local program; fails as `make` does.
 *
 * **Example** (whisper.cpp, not tried here)
 *
 * ```ts
 * import * as CommandStt from "effect-voice/Layers/CommandStt"
 *
 * const layer = CommandStt.layer({
 *   program: "whisper-cli",
 *   args: ({ input, language = "en" }) => ["-m", "ggml-base.bin", "-l", language, "-nt", "-np", "-f", input],
 *   input: "file"
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
