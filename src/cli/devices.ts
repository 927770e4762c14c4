/**
 * Microphone and loudspeaker of this computer, through programs that many have:
 * sox, or ffmpeg with ffplay.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import type * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../Audio.ts"
import * as pcm from "../internal/provider/pcm.ts"

/** A program for sound that could not be used. */
export class DeviceError extends Schema.TaggedError<DeviceError>("effect-voice/cli/DeviceError")("DeviceError", {
  program: Schema.String,
  device: Schema.Literals(["microphone", "loudspeaker"])
}) {
  override get message(): string {
    return `${this.program} cannot use the ${this.device}: check that there is one and that this program may use it, ` +
      "or talk in writing with --text"
  }
}

/** What the microphone gives. */
export const microphoneFormat: Audio.Format = { sampleRate: 16_000, channels: 1 }

/** What the loudspeaker takes: that of the agent's track. */
export const loudspeakerFormat: Audio.Format = { sampleRate: 24_000, channels: 1 }

interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
}

interface Pair {
  readonly name: "sox" | "ffmpeg"
  readonly record: Command
  readonly play: Command
}

const raw = ({ channels, sampleRate }: Audio.Format) =>
  ["-t", "raw", "-r", String(sampleRate), "-e", "signed", "-b", "16", "-c", String(channels)] as const

const sox: Pair = {
  name: "sox",
  record: { program: "sox", args: ["-q", "--buffer", "640", "-d", ...raw(microphoneFormat), "-"] },
  play: { program: "sox", args: ["-q", "--buffer", "960", ...raw(loudspeakerFormat), "-", "-d"] }
}

const inputs: Partial<Record<NodeJS.Platform, ReadonlyArray<string>>> = {
  linux: ["-f", "pulse", "-i", "default"],
  darwin: ["-f", "avfoundation", "-i", ":default"]
}

const ffmpeg = (platform: NodeJS.Platform): Pair | undefined => {
  const input = inputs[platform]
  return input === undefined ? undefined : {
    name: "ffmpeg",
    record: {
      program: "ffmpeg",
      args: ["-loglevel", "quiet", ...input, "-f", "s16le", "-ar", String(microphoneFormat.sampleRate), "-ac", "1", "-"]
    },
    play: {
      program: "ffplay",
      args: [
        "-loglevel",
        "quiet",
        "-nodisp",
        "-fflags",
        "nobuffer",
        "-probesize",
        "32",
        "-f",
        "s16le",
        "-ar",
        String(loudspeakerFormat.sampleRate),
        "-ch_layout",
        "mono",
        "-i",
        "-"
      ]
    }
  }
}

const exists = (program: string) =>
  ChildProcess.make(program, [program === "sox" ? "--version" : "-version"], { stdout: "ignore", stderr: "ignore" })
    .pipe(
      Effect.flatMap((handle) => handle.exitCode),
      Effect.map((code) => code === 0),
      Effect.orElseSucceed(() => false),
      Effect.scoped
    )

/** The first pair of programs that is installed. */
export const find = (
  platform: NodeJS.Platform
): Effect.Effect<Option.Option<Pair>, never, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function*() {
    if (yield* exists("sox")) return Option.some(sox)
    const pair = ffmpeg(platform)
    return pair !== undefined && (yield* exists("ffmpeg")) && (yield* exists("ffplay"))
      ? Option.some(pair)
      : Option.none()
  })

const forceKillAfter = "1 second"

/** What is said into the microphone, until the stream is let go; fails when the program ends. */
export const record = (
  { record }: Pair
): Stream.Stream<Audio.Frame, DeviceError, ChildProcessSpawner.ChildProcessSpawner> => {
  const failed = new DeviceError({ program: record.program, device: "microphone" })
  return ChildProcess.make(record.program, record.args, { stdin: "ignore", stderr: "ignore", forceKillAfter }).pipe(
    Effect.map((handle) => handle.stdout),
    Stream.unwrap,
    Stream.mapError(() => failed),
    Stream.concat(Stream.fail(failed)),
    pcm.frames(microphoneFormat)
  )
}

/** Frames that wait for the loudspeaker: two seconds of 20 ms. */
const unplayed = 100

/** A loudspeaker until the scope closes; `ended` fails when the program does. */
export const play = ({ play }: Pair): Effect.Effect<
  { readonly write: (frame: Audio.Frame) => void; readonly ended: Effect.Effect<never, DeviceError> },
  DeviceError,
  ChildProcessSpawner.ChildProcessSpawner | Scope.Scope
> =>
  Effect.gen(function*() {
    const failed = new DeviceError({ program: play.program, device: "loudspeaker" })
    const queue = yield* Queue.sliding<Audio.Frame>(unplayed)
    const handle = yield* ChildProcess.make(play.program, play.args, {
      stdin: Stream.map(Stream.fromQueue(queue), pcm.bytesOf),
      stdout: "ignore",
      stderr: "ignore",
      forceKillAfter
    }).pipe(Effect.mapError(() => failed))
    return {
      write: (frame) => void Queue.offerUnsafe(queue, frame),
      ended: Effect.andThen(Effect.exit(handle.exitCode), failed)
    }
  })
