import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Stream } from "effect"
import { Stt, Tts } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as cartesia from "./support/cartesia.ts"
import * as provider from "./support/provider.ts"
import { key, said } from "./support/transcribing.ts"

const apiKey = key

/** What a hint may be instead of what it should be; `undefined` is not sent. */
const oddities: ReadonlyArray<unknown> = [undefined, null, {}, [], "later", -1, [null], { chars: null }, true]

interface Recogniser {
  readonly layer: (url: string) => Layer.Layer<Stt.Stt, Stt.SttError>
  readonly ends: (message: string | Buffer) => boolean
  readonly answer: (hint: string, odd: unknown) => unknown
  readonly hints: ReadonlyArray<string>
}

const recognisers: Readonly<Record<string, Recogniser>> = {
  AssemblyAI: {
    layer: (baseUrl) => AssemblyAiStt.layer({ apiKey, baseUrl }),
    ends: (message) => String(message).includes("ForceEndpoint"),
    hints: ["turn_order", "turn_is_formatted", "end_of_turn_confidence", "words", "utterance", "language_code"],
    answer: (hint, odd) => ({ type: "Turn", turn_order: 0, end_of_turn: true, transcript: "Hello.", [hint]: odd })
  },
  Azure: {
    layer: (baseUrl) => AzureStt.layer({ apiKey, region: "westeurope", baseUrl, output: "Detailed" }),
    ends: (message) => typeof message !== "string" && message.length === 2 + message.readUInt16BE(0),
    hints: ["Offset", "Duration", "Confidence", "Words", "PrimaryLanguage"],
    answer: (hint, odd) => {
      const best = {
        Display: "Hello.",
        Confidence: 0.5,
        Words: [],
        ...(["Words", "Confidence"].includes(hint) ? { [hint]: odd } : {})
      }
      return `Path:speech.phrase\r\n\r\n${
        JSON.stringify({ RecognitionStatus: "Success", Offset: 0, Duration: 1, NBest: [best], [hint]: odd })
      }`
    }
  },
  Deepgram: {
    layer: (baseUrl) => DeepgramStt.layer({ apiKey, baseUrl }),
    ends: (message) => String(message).includes("Finalize"),
    hints: ["start", "duration", "confidence", "words", "languages"],
    answer: (hint, odd) => ({
      type: "Results",
      start: 0,
      duration: 1,
      is_final: true,
      channel: { alternatives: [{ transcript: "Hello.", [hint]: odd }] },
      ...(["start", "duration"].includes(hint) ? { [hint]: odd } : {})
    })
  },
  ElevenLabs: {
    layer: (baseUrl) => ElevenLabsStt.layer({ apiKey, baseUrl }),
    ends: (message) => JSON.parse(String(message)).commit === true,
    hints: ["words", "language_code"],
    answer: (hint, odd) => ({
      message_type: "committed_transcript_with_timestamps",
      text: "Hello.",
      [hint]: odd
    })
  },
  OpenAI: {
    layer: (url) => OpenAiStt.layerRealtime({ apiKey, url }),
    ends: (message) => String(message).includes("buffer.commit"),
    hints: ["logprobs", "languages"],
    answer: (hint, odd) => ({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: "a",
      transcript: "Hello.",
      [hint]: odd
    })
  }
}

const hears = ({ ends, layer }: Recogniser, answer: unknown) =>
  Effect.gen(function*() {
    const server = yield* provider.webSocket({
      onMessage: (message, peer) => {
        if (ends(message)) peer.send(answer)
      }
    })
    const heard = yield* Effect.provide(
      Stream.runHead(Stt.transcribe(Stream.concat(said, Stream.never))),
      layer(server.url)
    )
    return heard._tag === "Some" ? heard.value.text : undefined
  })

describe("What is told beside the words", () => {
  for (const [name, who] of Object.entries(recognisers)) {
    for (const hint of who.hints) {
      it.live(`may be absent or odd, and the words are heard: ${hint} of ${name}`, () =>
        Effect.gen(function*() {
          for (const odd of oddities) {
            assert.strictEqual(yield* hears(who, who.answer(hint, odd)), "Hello.", JSON.stringify(odd))
          }
        }))
    }
  }

  it.live("may be absent of all of Azure's guesses, whose text stands beside them", () =>
    Effect.gen(function*() {
      for (const NBest of [null, []]) {
        const body = { RecognitionStatus: "Success", DisplayText: "Hello.", Offset: null, Duration: null, NBest }
        const heard = yield* hears(recognisers.Azure!, `Path:speech.phrase\r\n\r\n${JSON.stringify(body)}`)
        assert.strictEqual(heard, "Hello.")
      }
    }))

  it.live("may be absent of Cartesia's voices, and they are heard", () =>
    Effect.gen(function*() {
      for (const word_timestamps of oddities) {
        const server = yield* provider.webSocket({
          onMessage: (message, peer) => {
            const { context_id, continue: more } = cartesia.asked(message)
            if (more === true) {
              peer.send({ ...cartesia.timestamps(context_id, "Good", 0), word_timestamps })
              peer.send(cartesia.chunk(context_id, Buffer.alloc(9600, 1)))
            } else peer.send(cartesia.done(context_id))
          }
        })
        const chunks = yield* Effect.provide(
          Stream.runCollect(Tts.speak(Stream.make("Good morning."))),
          CartesiaTts.layer({ apiKey, baseUrl: server.url })
        )
        assert.strictEqual(chunks.reduce((sum, { frame }) => sum + frame.samples.length, 0), 4800)
        assert.strictEqual(
          chunks.flatMap(({ alignment = [] }) => alignment).map(({ text }) => text).join(""),
          "Good morning."
        )
      }
    }))

  it.live("may be absent of a voice, and it is heard", () =>
    Effect.gen(function*() {
      const audio = Buffer.alloc(9600, 1).toString("base64")
      for (const alignment of oddities) {
        const server = yield* provider.webSocket({
          onMessage: (message, peer) => {
            const { text } = JSON.parse(String(message))
            if (text === "") {
              peer.send({ audio: null, isFinal: true })
              peer.socket.close(1000)
            } else if (text.trim() !== "") peer.send({ audio, isFinal: null, alignment })
          }
        })
        const chunks = yield* Effect.provide(
          Stream.runCollect(Tts.speak(Stream.make("Good morning."))),
          ElevenLabsTts.layer({ apiKey, baseUrl: server.url })
        )
        assert.strictEqual(chunks.reduce((sum, { frame }) => sum + frame.samples.length, 0), 4800)
        assert.strictEqual(
          chunks.flatMap(({ alignment }) => alignment ?? []).map(({ text }) => text).join(""),
          "Good morning."
        )
      }
    }))
})

describe("A setting that a model does not take", () => {
  it.effect("is refused where the layer is built, by its name", () =>
    Effect.gen(function*() {
      const live: ReadonlyArray<readonly [string, OpenAiStt.RealtimeOptions]> = [
        ["delay", { delay: "low" }],
        ["delay", { delay: "low", model: "whisper-1" }],
        ["delay", { delay: "low", model: "gpt-4o-transcribe", url: "ws://127.0.0.1:1" }],
        ["prompt", { prompt: "Hotel", model: "gpt-realtime-whisper" }],
        ["keywords", { keywords: ["Seeblick"], model: "gpt-realtime-whisper" }],
        ["languages", { languages: ["de", "fr"], model: "gpt-4o-transcribe" }]
      ]
      for (const [option, options] of live) {
        const error = yield* Effect.flip(Effect.scoped(OpenAiStt.makeRealtime({ apiKey, ...options })))
        assert.match(error.message, new RegExp(`^openai: ${option} must not be given: `))
      }
      // Another server names its own models, and knows what they take.
      yield* Effect.scoped(
        OpenAiStt.makeRealtime({ url: "ws://127.0.0.1:1", model: "voxtral", delay: "low", keywords: ["Seeblick"] })
      )
      for (const model of ["flux-general-en", "flux-general-multi", "Flux"]) {
        const error = yield* Effect.flip(Effect.scoped(DeepgramStt.make({ apiKey, model })))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, /^deepgram: model must be one of listen v1/)
      }
    }))
})
