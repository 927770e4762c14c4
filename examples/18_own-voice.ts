/**
 * @title A model that hears and speaks itself, without a network
 *
 * `npx tsx examples/18_own-voice.ts`. The model is a parrot: it says what it has heard, in the voice
 * that it was said in. No synthesiser is asked, and all else is the pipeline's: turns, interruption,
 * history. For a model of OpenAI put `OpenAiRealtime.layerConfig()` in the parrot's place.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Result, Stream } from "effect"
import { Agent, Audio, History, Llm, Pipeline, Session, Stt, Tts } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import type { Prompt } from "effect/ai"
import { fileURLToPath } from "node:url"

/** What the user has said last: the audio stands beside the words. */
const heardIn = ({ content }: Prompt.Prompt): Audio.Frame | undefined => {
  const last = content.findLast(({ role }) => role === "user")
  const parts = last?.role === "user" ? last.content : []
  const file = parts.find((part) => part.type === "file")
  if (!(file?.data instanceof Uint8Array)) return undefined
  return Result.getOrUndefined(Audio.decodeWav(file.data))
}

const Parrot = Layer.succeed(
  Llm.Llm,
  Llm.make({
    name: "parrot",
    hears: true,
    reply: ({ prompt }) =>
      Stream.make(
        { _tag: "Speech" as const, text: "(the same again)", frame: heardIn(prompt) },
        { _tag: "Finish" as const, reason: "stop" as const }
      )
  })
)

// The words decide when a turn is over, and stand in the history.
const Ears = Layer.succeed(
  Stt.Stt,
  Stt.fromRecognizer({
    name: "ears",
    format: Audio.speech,
    recognize: () => Effect.succeed({ text: "What is the weather in Paris?" })
  })
)

// For what the program itself has said, with `session.say`.
const Voice = Layer.succeed(
  Tts.Tts,
  Tts.fromSynthesizer({
    name: "silent",
    sampleRate: 16_000,
    channels: 1,
    synthesize: (text) => Effect.succeed(Audio.silence(text.length * 60, Audio.speech))
  })
)

const agent = Agent.make({
  instructions: "You are a parrot.",
  onExit: Session.Session.use((session) =>
    Effect.flatMap(session.history, (history) => Console.log(History.toTranscript(history, "text")))
  )
})

const room = LocalRoom.layer({
  mode: "fast",
  participants: [{
    identity: "caller",
    audio: [{
      at: "500 millis",
      audio: fileURLToPath(new URL("../test/fixtures/weather_question.wav", import.meta.url))
    }]
  }]
})

Pipeline.run(agent, {
  onEvent: (event) => {
    if (event._tag === "TurnMeasured") process.stdout.write(`heard for ${Math.round(event.record.audioMs)} ms\n`)
  }
}).pipe(
  Effect.provide(Layer.provideMerge(Layer.mergeAll(EnergyVad.layer(), Ears, Parrot, Voice), room)),
  NodeRuntime.runMain
)
