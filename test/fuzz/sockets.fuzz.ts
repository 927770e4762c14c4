/** Everything that hears or speaks over a WebSocket, against a server that says anything. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, Stream } from "effect"
import { Stt, Tts } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import { vi } from "vitest"
import * as assemblyai from "../support/assemblyai.ts"
import * as azure from "../support/azure.ts"
import * as cartesia from "../support/cartesia.ts"
import * as deepgram from "../support/deepgram.ts"
import * as elevenlabs from "../support/elevenlabs.ts"
import { tone } from "../support/transcribing.ts"
import * as harness from "./support/harness.ts"
import { type Chance, json, text, value } from "./support/mutation.ts"
import { world } from "./support/socket.ts"

vi.mock("ws", async () => (await import("./support/socket.ts")).ws)

const apiKey = Redacted.make("the-key")

/** What a server says, now and then as it should, now and then not. */
const script = (chance: Chance, message: (chance: Chance) => string) => ({
  messages: Array.from({ length: chance.below(8) }, () => chance.is(0.05) ? chance.bytes(64) : message(chance)),
  close: {
    code: chance.of([1000, 1000, 1000, 1005, 1006, 1008, 1009, 1011, 4000, 4401]),
    words: chance.is(0.3) ? chance.of(["Quota exceeded", "NET-0001", "invalid_request_error.x", chance.text(60)]) : ""
  }
})

const finite = (name: string, ...values: ReadonlyArray<number | undefined>) => {
  for (const value of values) assert.isTrue(value === undefined || Number.isFinite(value), name)
}

const hears = (name: string, layer: Layer.Layer<Stt.Stt, Stt.SttError>, message: (chance: Chance) => string) =>
  it.live(name, () =>
    Effect.gen(function*() {
      const stt = yield* Stt.Stt
      const audio = Stream.fromIterable<Stt.Input>([...tone.slice(0, 6), Stt.Finalize])
      yield* harness.hold(
        name,
        (chance) =>
          Effect.suspend(() => {
            world.script = script(chance, message)
            return harness.quiet(Stream.runCollect(stt.transcribe(audio)))
          }),
        {
          error: (error) => error instanceof Stt.SttError,
          result: (all) => {
            for (const { confidence, end, language, start, text, words } of all) {
              assert.isString(text)
              finite("times", start, end, ...(words ?? []).flatMap(({ end, start }) => [start, end]))
              assert.isTrue(language === undefined || typeof language === "string")
              assert.isTrue(confidence === undefined || confidence >= 0 && confidence <= 1, "confidence")
            }
          }
        }
      )
    }).pipe(Effect.provide(layer)), 600_000)

describe("whatever a server says over a WebSocket, there is a transcript or an error:", () => {
  hears("DeepgramStt", DeepgramStt.layer({ apiKey }), (chance) =>
    json(
      chance.of<unknown>([
        deepgram.results("Good morning.", 0, 1, chance.is(0.5), { from_finalize: true }),
        { type: "Metadata", request_id: "r", duration: 1, channels: 1 },
        { type: "SpeechStarted", channel: [0], timestamp: 0.1 },
        { type: "UtteranceEnd", last_word_end: 1 },
        { type: "Error", description: "words" }
      ]),
      chance
    ))

  for (const model of ["universal-3-5-pro", "universal-streaming-english"]) {
    const options = { apiKey, model, eagerThreshold: 0.5, formatTurns: true }
    hears(`AssemblyAiStt ${model}`, AssemblyAiStt.layer(options), (chance) => {
      const more = { turn_order: chance.below(3), turn_is_formatted: chance.is(0.5), language_code: "en" }
      return json(
        chance.of<unknown>([
          assemblyai.begin,
          { type: "SpeechStarted", timestamp: 10, confidence: 0.9 },
          assemblyai.turn("Good", 0, 100, { ...more, end_of_turn_confidence: chance.below(2) }),
          assemblyai.ended("Good morning.", 0, 100, more),
          assemblyai.ended("", 0, 0, more),
          { type: "Termination", audio_duration_seconds: 1, session_duration_seconds: 1 },
          { type: "Error", error_code: chance.of([1008, 3005, 3006, 3007, 3008, 3009, 4001]), error: "words" }
        ]),
        chance
      )
    })
  }

  hears("ElevenLabsStt", ElevenLabsStt.layer({ apiKey }), (chance) =>
    json(
      chance.of<unknown>([
        { message_type: "session_started", session_id: "s", config: {} },
        { message_type: "partial_transcript", text: "Good" },
        { message_type: "committed_transcript", text: "Good morning." },
        {
          message_type: "committed_transcript_with_timestamps",
          text: "Good morning.",
          language_code: "en",
          words: [{ text: "Good", start: 0, end: 0.4, type: "word", logprob: -0.1 }, { text: " ", type: "spacing" }]
        },
        { message_type: "commit_throttled", error: "words" },
        { message_type: "quota_exceeded", error: "words" }
      ]),
      chance
    ))

  hears("AzureStt", AzureStt.layer({ apiKey, region: "westeurope", output: "Detailed" }), (chance) => {
    const body = chance.of<readonly [string, unknown]>([
      ["turn.start", { context: { serviceTag: "t" } }],
      ["speech.hypothesis", { Text: "good", Offset: 0, Duration: 1e7 }],
      ["speech.phrase", {
        RecognitionStatus: "Success",
        Offset: 0,
        Duration: 1e7,
        PrimaryLanguage: { Language: "en-US" },
        NBest: [{ Confidence: 0.9, Display: "Good morning.", Words: [{ Word: "good", Offset: 1, Duration: 2 }] }]
      }],
      ["speech.phrase", { RecognitionStatus: "Success", DisplayText: "Good morning.", Offset: 0, Duration: 1 }],
      ["turn.end", {}]
    ])
    const message = azure.told(body[0], chance.is(0.6) ? value(body[1], chance) : body[1])
    return chance.is(0.2) ? text(message, chance) : message
  })

  hears("OpenAiStt live", OpenAiStt.layerRealtime({ apiKey, model: "gpt-4o-transcribe" }), (chance) => {
    const of = (type: string, more: object) => ({
      type,
      event_id: "e",
      item_id: chance.of(["a", "b"]),
      content_index: 0,
      ...more
    })
    const about = "conversation.item.input_audio_transcription."
    return json(
      chance.of<unknown>([
        { type: "session.updated", session: {} },
        of("input_audio_buffer.committed", { previous_item_id: null }),
        of(`${about}delta`, { delta: "Good" }),
        of(`${about}completed`, {
          transcript: "Good morning.",
          logprobs: [{ logprob: -0.1 }],
          languages: [{ code: "en" }]
        }),
        of(`${about}failed`, { error: { code: "audio_unintelligible", type: "x", param: null } }),
        { type: "error", error: { code: "input_audio_buffer_commit_empty", type: "invalid_request_error" } }
      ]),
      chance
    )
  })
})

const speaks = (name: string, layer: Layer.Layer<Tts.Tts, Tts.TtsError>, message: (chance: Chance) => string) =>
  it.live(name, () =>
    Effect.gen(function*() {
      const tts = yield* Tts.Tts
      yield* harness.hold(
        name,
        (chance) =>
          Effect.suspend(() => {
            world.script = script(chance, message)
            return harness.quiet(Stream.runCollect(tts.speak(Stream.make("Good morning. ", "Bye."), {})))
          }),
        {
          error: (error) => error instanceof Tts.TtsError,
          result: (chunks) => {
            for (const { alignment, frame } of chunks) {
              assert.instanceOf(frame.samples, Int16Array)
              for (const { end, start } of alignment ?? []) finite("times", start, end)
            }
          }
        }
      )
    }).pipe(Effect.provide(layer)), 600_000)

describe("whatever a server says over a WebSocket, there is speech or an error:", () => {
  speaks("CartesiaTts", CartesiaTts.layer({ apiKey }), (chance) => {
    const { context_id: _, ...chunk } = cartesia.chunk("", cartesia.audioOf(chance.of(["Go", "od", ""])))
    const { context_id: __, ...times } = cartesia.timestamps("", "Good morning. Bye.", chance.below(2000))
    const flush_id = chance.below(3)
    const message = chance.of<object>([
      chunk,
      { ...chunk, flush_id },
      { ...times, flush_id },
      { type: "flush_done", flush_id },
      { type: "done", done: true },
      cartesia.failed(chance.of([400, 401, 429, 500]), chance.of([null, "voice_not_found"]), "words")()
    ])
    return json(chance.is(0.2) ? { ...message, context_id: "another" } : message, chance)
  })

  const said = "Good morning. "
  speaks("ElevenLabsTts", ElevenLabsTts.layer({ apiKey, voice: "21m00Tcm4TlvDq8ikWAM" }), (chance) =>
    json(
      chance.of<unknown>([
        {
          audio: elevenlabs.audioOf("Go").toString("base64"),
          isFinal: null,
          alignment: elevenlabs.alignmentOf(said)
        },
        {
          audio: elevenlabs.audioOf("G").toString("base64"),
          isFinal: false,
          normalizedAlignment: elevenlabs.alignmentOf(said)
        },
        { audio: null, isFinal: true, alignment: null },
        { message: "words", error: "quota_exceeded", code: 1008 }
      ]),
      chance
    ))
})
