/** A whole conversation with a real recogniser, a real model and a real voice, in real time. */
import { assert, describe } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Agent, type Event, Pipeline, Session } from "effect-voice"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { recording } from "../fixtures/speech.ts"
import { asks } from "./engines.ts"

const desk = Agent.make({
  instructions: "You are a helpful assistant. Answer in one short sentence.",
  onEnter: Session.Session.use((session) => session.say("Hello, this is the desk."))
})

describe("a conversation with Whisper, SmolLM2 and Piper", () => {
  for (const api of ["chat", "responses"] as const) {
    asks(
      `is held to its end, by ${api}`,
      ["LLAMA_URL", "WHISPER_URL", "PIPER_URL"],
      ({ LLAMA_URL, PIPER_URL, WHISPER_URL }) =>
        Effect.gen(function*() {
          const events: Array<Event.Event> = []
          const room = LocalRoom.layer({
            participants: [{
              identity: "caller",
              audio: [{ at: "4 seconds", audio: recording("weather_question.wav") }],
              linger: "15 seconds"
            }]
          })
          const services = Layer.mergeAll(
            SileroVad.layer(),
            OpenAiStt.layer({ baseUrl: WHISPER_URL, name: "whisper", model: "tiny.en", gates: true }),
            OpenAiLlm.layer({
              baseUrl: LLAMA_URL,
              name: "llama.cpp",
              model: "smollm2",
              maxTokens: 40,
              temperature: 0,
              api
            }),
            OpenAiTts.layer({ baseUrl: PIPER_URL, name: "piper", model: "tts-1", voice: "joe", sampleRate: 22_050 }),
            room
          )
          yield* Pipeline.run(desk, { onEvent: (event) => void events.push(event) }).pipe(Effect.provide(services))
          const heard = events.flatMap((event) => event._tag === "UserTranscript" && event.final ? [event.text] : [])
            .join(" ")
          assert.match(heard, /weather in paris/i)
          assert.deepStrictEqual(events.filter(({ _tag }) => _tag === "ProviderFailed"), [])
          const spoken = events.flatMap((event) => event._tag === "AgentSpeechCommitted" ? [event.text] : [])
          assert.isAtLeast(spoken.length, 2, "a greeting and an answer")
          assert.isNotEmpty(spoken.at(-1))
          for (const event of events) {
            if (event._tag === "TurnMeasured") yield* Effect.log(`${api}: ${JSON.stringify(event.record)}`)
          }
        })
    )
  }
})
