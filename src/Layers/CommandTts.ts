/**
 * Text to speech by a local program: espeak-ng, flite, piper, `say`, or any
 * other that takes text and writes a WAV file or raw audio.
 *
 * The program runs once for each sentence. It and whatever it starts are killed
 * when the speech is interrupted, fails or takes too long.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import type * as Audio from "../Audio.ts"
import type * as Failure from "../Failure.ts"
import { spoken as spokenFormat, spokenRate } from "../internal/audio/options.ts"
import * as audio from "../internal/command/audio.ts"
import * as files from "../internal/command/files.ts"
import { fields, nameOf } from "../internal/command/options.ts"
import * as command from "../internal/command/run.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as native from "../internal/native.ts"
import * as Check from "../internal/options.ts"
import { readOptions, refused } from "../internal/provider/options.ts"
import { spokenAt } from "../internal/tts/options.ts"
import * as Tts from "../Tts.ts"

/**
 * One run of the program.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  /** The text to say. It never begins with `-`, so that no program takes it for an option. */
  readonly text: string
  /** Path of the file to write; `-` when the audio goes to standard output. */
  readonly output: string
  readonly voice: string | undefined
  /** Rate of speech, 1 is the voice's own. */
  readonly speed: number | undefined
}

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
  /** Arguments; a list gets the text, if it is an argument, as its last. @default none */
  readonly args?: ReadonlyArray<string> | ((call: Call) => ReadonlyArray<string>) | undefined
  /** How the text gets to it. @default "stdin" */
  readonly input?: "stdin" | "argument" | undefined
  /** Where the audio comes from; `file` needs `args` to be a function, which says where. @default "stdout" */
  readonly output?: "stdout" | "file" | undefined
  /** The output of the program: a WAV file, or raw 16-bit little-endian samples of a format. @default "wav" */
  readonly audio?: "wav" | Audio.Format | undefined
  /** Rate in Hz of the speech, mono; what the program writes is converted. @default that of raw audio, else 24000 */
  readonly sampleRate?: number | undefined
  /** Voice of a speech that names none. @default the program's own */
  readonly voice?: string | undefined
  /** Voices that may be asked for. @default any name is given to the program */
  readonly voices?: ReadonlyArray<string> | undefined
  /** Rate of speech of a speech that names none. @default the program's own */
  readonly speed?: number | undefined
  /** Added to the environment of this process. @default none */
  readonly env?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** Where it runs. @default where this process does */
  readonly cwd?: string | undefined
  /** What to do with its standard error. `inherit` shows it; it may contain the words of the call. @default "ignore" */
  readonly stderr?: "ignore" | "inherit" | undefined
  /** Real time after which it is killed. @default "30 seconds" */
  readonly timeout?: Duration.Input | undefined
  /** Most bytes of audio of one sentence. @default 67108864 */
  readonly maxOutput?: number | undefined
  /** Most runs at the same time. Further ones wait. @default the number of processor cores */
  readonly concurrency?: number | undefined
}

const wordsPerMinute = 175

/**
 * eSpeak NG: over a hundred languages, small, fast and robotic. Voices are names
 * of languages such as `en-gb` or `nb`; `espeak-ng --voices` lists them.
 *
 * @category presets
 * @since 0.1.0
 */
export const espeakNg: Options = {
  name: "espeak-ng",
  program: "espeak-ng",
  args: ({ speed, voice }) => [
    "--stdin",
    "--stdout",
    ...(voice === undefined ? [] : ["-v", voice]),
    ...(speed === undefined ? [] : ["-s", String(Math.round(speed * wordsPerMinute))])
  ],
  sampleRate: 22_050
}

/**
 * The program flite of CMU: English. Its better voices speak at 16 kHz.
 *
 * @category presets
 * @since 0.1.0
 */
export const flite: Options = {
  name: "flite",
  program: "flite",
  args: ({ output, speed, text, voice }) => [
    ...(voice === undefined ? [] : ["-voice", voice]),
    ...(speed === undefined ? [] : ["--setf", `duration_stretch=${1 / speed}`]),
    "-t",
    text,
    "-o",
    output
  ],
  input: "argument",
  output: "file",
  voice: "slt",
  voices: ["slt", "rms", "awb", "kal", "kal16"],
  sampleRate: 16_000
}

/** Changes a text that the program would take for an option, or could not take at all. */
const harmless = (text: string): string => {
  const plain = text.replaceAll("\0", " ")
  return plain.startsWith("-") ? ` ${plain}` : plain
}

const argumentsOf = (options: Options, call: Call): ReadonlyArray<string> => {
  const { args = [] } = options
  if (typeof args === "function") return args(call)
  return options.input === "argument" ? [...args, call.text] : args
}

const failing = (name: string) => (reason: Failure.Reason) => new Tts.TtsError({ provider: name, reason })

const speed = { above: 0 }

const unlisted = (voice: string | undefined, voices: ReadonlyArray<string> | undefined) =>
  voice === undefined || voices === undefined || voices.includes(voice)
    ? undefined
    : `must be one of ${voices.join(", ")}, not "${voice}"`

const schema = Check.together(
  Check.struct<Options>()({
    ...fields,
    input: Check.oneOf(["stdin", "argument"], { default: "stdin" }),
    output: Check.oneOf(["stdout", "file"], { default: "stdout" }),
    audio: Check.or("wav", spokenFormat, { default: "wav" }),
    sampleRate: spokenRate,
    voice: Check.text(),
    voices: Check.list(Check.text()),
    speed: Check.number(speed),
    maxOutput: Check.whole({ least: 1, default: 67_108_864 })
  }),
  ({ args, output, voice, voices }) => ({
    args: output === "file" && typeof args !== "function"
      ? "must be a function with output \"file\", which puts `output` where the program wants its path"
      : undefined,
    voice: unlisted(voice, voices)
  })
)

const spoken = (voices: ReadonlyArray<string> | undefined) =>
  Check.together(spokenAt(speed), ({ voice }) => ({ voice: unlisted(voice, voices) }))

/**
 * Creates a `Tts` that runs a local program.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` when the program is not there or an option is out
 * of its range. A speech fails with `Broken` when the program ends with an exit
 * code other than 0, by a signal, or before it has read the text; with
 * `TimedOut` when it takes too long; with `InvalidResponse` when it writes too
 * much, nothing, or no WAV file; with `InvalidRequest` for a voice that is not
 * listed. Text without a letter or a digit gives no audio.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Tts.Tts["Service"], Tts.TtsError> {
  const settings = yield* readOptions(schema, options, nameOf(String(options?.program)), failing)
  const { audio: written, concurrency, maxOutput, timeout, voices } = settings
  const name = settings.name ?? nameOf(settings.program)
  const failed = failing(name)
  const format: Audio.Format = {
    sampleRate: settings.sampleRate ?? (written === "wav" ? 24_000 : written.sampleRate),
    channels: 1
  }
  const asked = spoken(voices)
  yield* Effect.mapError(command.find(options), failed)
  const turns = yield* Semaphore.make(concurrency)

  const say = (call: Omit<Call, "output">): Effect.Effect<Uint8Array, Failure.Reason> => {
    const stdin = options.input === "argument" ? undefined : new TextEncoder().encode(call.text)
    const run = (output: string) =>
      command.run({ ...options, timeoutMs: timeout, maxOutput, args: argumentsOf(options, { ...call, output }), stdin })
    return options.output === "file" ? files.withOutput("speech.wav", maxOutput, run) : run("-")
  }

  return Tts.fromSynthesizer({
    name,
    ...format,
    voices,
    synthesize: (text, _, options = {}) =>
      Check.readOrFail(asked, options, (wrong) => failed(refused(wrong))).pipe(
        Effect.flatMap(({ speed = settings.speed, voice = settings.voice }) => {
          if (!/[\p{L}\p{N}]/u.test(text)) return Effect.succeed({ ...format, samples: new Int16Array(0) })
          return say({ text: harmless(text), voice, speed }).pipe(
            Effect.flatMap(audio.read(written, format)),
            Semaphore.withPermits(turns, 1),
            Effect.mapError(failed),
            native.track
          )
        })
      )
  })
})

/**
 * Layer of a `Tts` that runs a local program; fails as `make` does.
 *
 * **Example** (piper, not tried here)
 *
 * ```ts
 * import * as CommandTts from "effect-voice/Layers/CommandTts"
 *
 * const layer = CommandTts.layer({
 *   program: "piper",
 *   args: ["--model", "en_US-lessac-medium.onnx", "--output_raw"],
 *   audio: { sampleRate: 22_050, channels: 1 }
 * })
 * ```
 *
 * **Example** (`say` of macOS, not tried here)
 *
 * ```ts
 * import * as CommandTts from "effect-voice/Layers/CommandTts"
 *
 * const layer = CommandTts.layer({
 *   program: "say",
 *   args: ({ output, text }) => ["--data-format=LEI16@22050", "-o", output, text],
 *   input: "argument",
 *   output: "file"
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
