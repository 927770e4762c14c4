/**
 * A real recogniser without a network or a key: CMU's PocketSphinx, the program
 * that Debian installs with `apt install pocketsphinx pocketsphinx-en-us`. It is
 * old and of few words, but it hears. It is given one piece of speech at a time.
 */
import { Effect, FileSystem, Layer, Schema } from "effect"
import { Audio, Failure, Stt } from "effect-voice"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

const program = "pocketsphinx_continuous"

export class NotInstalled extends Schema.TaggedError<NotInstalled>("examples/NotInstalled")("NotInstalled", {}) {
  override get message(): string {
    return `${program} is not installed: on Debian or Ubuntu, apt install pocketsphinx pocketsphinx-en-us, ` +
      "or run the demo without --stt"
  }
}

const failed = (error: { readonly message: string }) =>
  new Stt.SttError({ provider: "pocketsphinx", reason: new Failure.Broken({ detail: error.message }) })

// The program wants to hear silence around the words.
const around = { before: 200, after: 600 }

export const layer = Layer.effect(
  Stt.Stt,
  Effect.gen(function*() {
    const room = yield* LocalRoom.Control
    const files = yield* FileSystem.FileSystem
    const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
    yield* spawner.exitCode(ChildProcess.make(program, ["-help"], { stdout: "ignore", stderr: "ignore" })).pipe(
      Effect.mapError(() => new NotInstalled())
    )
    const recognize = Effect.fnUntraced(function*(speech: Audio.Frame) {
      const file = yield* files.makeTempFileScoped({ suffix: ".wav" })
      const silence = (ms: number) => Audio.silence(ms, speech)
      yield* files.writeFile(
        file,
        Audio.encodeWav(Audio.concat([silence(around.before), speech, silence(around.after)]))
      )
      const output = yield* spawner.string(ChildProcess.make(program, ["-infile", file, "-logfn", "/dev/null"]))
      return { text: output.trim().replaceAll(/\s+/g, " ") }
    })
    return Stt.fromRecognizer({
      name: "pocketsphinx",
      format: Audio.speech,
      // The Clock of `--fast` cannot see another process: it waits for it.
      recognize: (speech) => room.hold(Effect.mapError(Effect.scoped(recognize(speech)), failed))
    })
  })
)
