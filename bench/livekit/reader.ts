/**
 * An agent that reads aloud, in a process of its own, with real ears for voice and a recogniser that
 * knows what each caller says: it finds the beginning in the audio that it gets, and tells the words
 * as late as a real one. What it has to say else cannot be heard. The folder `BENCH_PEOPLE` has the
 * callers by their rooms, and the story. Its parent is told of each call, when it asks.
 */
import { Effect, Layer, Stream } from "effect"
import { Agent, Audio, Llm, Pipeline, Session, Stt, Tts, Worker } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { recogniser } from "../interruption/told.ts"
import { type Course, epoch, type Person, personOf, storyOf } from "./person.ts"

const { BENCH_PEOPLE: folder = "" } = process.env

const courses: Record<string, Course> = {}

/** RMS of 10 ms that are a sound. */
const loud = 0.01 * 32_768

/** Where the first 10 ms lie in it that are a sound (ms). */
const firstSound = ({ sampleRate, samples }: Audio.Frame): number | undefined => {
  const step = sampleRate / 100
  for (let at = 0; at < samples.length; at += step) {
    const piece = samples.subarray(at, at + step)
    if (Math.sqrt(piece.reduce((sum, sample) => sum + sample ** 2, 0) / piece.length) > loud) {
      return at * 1000 / sampleRate
    }
  }
  return undefined
}

const earsOf = ({ delays, from, text, to }: Person, course: Course) =>
  recogniser((frame, at) => {
    const first = firstSound(frame)
    if (first === undefined) return undefined
    course.onsetAt = epoch()
    return { text, onset: at + first, end: at + first + to - from }
  }, delays)

const story = storyOf(folder)
const frame: Audio.Frame = { ...Audio.speech, samples: Int16Array.from(story.samples) }
/** In pieces of half a second, as voices give it. */
const pieces = Array.from({ length: Math.ceil(Audio.durationMs(frame) / 500) }, (_, i) => ({
  frame: Audio.slice(frame, i * 500, (i + 1) * 500)
}))
const unheard = { frame: Audio.silence(300, Audio.speech) }
const agent = Agent.make({
  instructions: "You tell the story of the hotel.",
  onEnter: Session.Session.use((session) => session.say(story.text))
})

const voice = Tts.make({
  name: "reader",
  sampleRate: Audio.speech.sampleRate,
  channels: 1,
  speak: (text) =>
    Stream.flatMap(
      Stream.fromEffect(Stream.mkString(text)),
      (all) => story.text.startsWith(all.slice(0, 20)) ? Stream.fromIterable(pieces) : Stream.succeed(unheard)
    )
})
const definition = Worker.define({
  agentName: "bench",
  entry: ({ room: { name } }) => {
    const person = personOf(folder, name)
    const course: Course = { silencedAt: [] }
    courses[name] = course
    return Pipeline.run(agent, {
      onEvent: (event) => {
        const ended = event._tag === "AgentStoppedSpeaking" && event.interrupted
        if (ended || event._tag === "AgentPaused") course.silencedAt.push(epoch())
        if (ended) course.endedAt ??= epoch()
      }
    }).pipe(Effect.provideService(Stt.Stt, earsOf(person, course)))
  },
  layer: Layer.mergeAll(
    SileroVad.layer(),
    Layer.succeed(
      Llm.Llm,
      Llm.make({
        name: "brief",
        reply: () => Stream.make({ _tag: "Text", text: "As you like." }, { _tag: "Finish" })
      })
    ),
    Layer.succeed(Tts.Tts, voice)
  )
})
process.on("message", (message) => {
  if (message === "courses") process.send!({ phase: "courses", result: courses })
})
Worker.runMain(Effect.scoped(Effect.gen(function*() {
  const worker = yield* Worker.make(definition, { http: false, maxJobs: 100, load: () => 0 })
  process.send!({ phase: "ready" })
  yield* worker.ended
})))
