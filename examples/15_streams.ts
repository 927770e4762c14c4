/**
 * @title Components are streams: captions and an interpreter, without a pipeline
 *
 * A guest asks for breakfast in Spanish. One stream writes down what is said,
 * another says it in English. Whatever else gives frames, words or speech fits
 * in the same places.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Schedule, Stream } from "effect"
import { Audio, Llm, Processor, Room, Stt, Text, Tts, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"

/** Room → frames. Each use of it listens for itself. */
const microphone = (identity: string) => Room.audio(identity, Audio.speech).pipe(Processor.process([Processor.gate()]))

/** Frames → words. */
const words = (identity: string) =>
  microphone(identity).pipe(
    Stt.transcribe,
    Stream.retry(Schedule.recurs(3)),
    Stream.filter(({ final }) => final),
    Stream.map(({ text }) => text)
  )

/** Frames → where a voice begins, beside its words: lines to read. */
const captions = (identity: string) =>
  microphone(identity).pipe(
    Vad.detect({ minSilence: "300 millis" }),
    Stream.filter(({ _tag }) => _tag === "SpeechStarted"),
    Stream.map(({ at }) => `${identity} begins to speak at ${at} ms`),
    Stream.merge(Stream.map(words(identity), (text) => `${identity}: ${text}`))
  )

/** Text → model → sentences → speech. */
const inEnglish = (text: string) =>
  Llm.reply({ prompt: Prompt.make(`Say it in English: ${text}`), tools: [] }).pipe(
    Llm.text,
    Text.sentences(),
    Stream.tap((sentence) => Console.log(`interpreter: ${sentence.trim()}`)),
    Tts.speak({ voice: "slt" }),
    Stream.map(({ frame }) => frame)
  )

/** Words → speech → room. What is said meanwhile waits as words. */
const interpreter = (identity: string) =>
  words(identity).pipe(
    Stream.buffer({ capacity: 16 }),
    Stream.flatMap(inEnglish),
    Room.play({ name: "english" })
  )

const program = Effect.all([Stream.runForEach(captions("guest"), Console.log), interpreter("guest")], {
  concurrency: "unbounded"
})

const said = [
  { at: "1 second", audio: Testing.speech("Buenos días.") },
  { at: "4 seconds", audio: Testing.speech("¿A qué hora es el desayuno? Tengo hambre.") }
] as const
const room = LocalRoom.layer({ mode: "fast", participants: [{ identity: "guest", audio: said }] })

const services = Layer.mergeAll(
  EnergyVad.layer(),
  Testing.layerStt(), // reads the words from this guest's audio
  Testing.layerLlm(["Good morning.", "What time is breakfast? I am hungry."]),
  FliteTts.layer()
)

program.pipe(Effect.provide(Layer.provideMerge(services, room)), NodeRuntime.runMain)
