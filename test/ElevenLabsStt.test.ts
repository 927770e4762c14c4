import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Stream } from "effect"
import { Stt } from "effect-voice"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/stt.ts"
import * as provider from "./support/provider.ts"
import { type Chunk, wellBehaved } from "./support/scribe.ts"
import { answering, key, said, suite, tone } from "./support/transcribing.ts"

const scribe = (relative = false) => provider.webSocket(wellBehaved(relative))

const options = (url: string): ElevenLabsStt.Options => ({ apiKey: key, baseUrl: url })

contract("ElevenLabsStt", Layer.unwrap(Effect.map(scribe(), ({ url }) => ElevenLabsStt.layer(options(url)))), {
  live: true,
  speech: tone
})

const told = (message_type: string, reason: string) => ({
  name: message_type,
  stub: answering((peer) => peer.send({ message_type, error: "secret words" })),
  reason
})

faults.webSocket("ElevenLabsStt", {
  ask: faults.stt((url) => ElevenLabsStt.layer({ apiKey: faults.apiKey, baseUrl: url })),
  well: wellBehaved(),
  said: "Good morning.",
  first: [{ message_type: "partial_transcript", text: "Good" }],
  harmless: [
    { message_type: "session_started", session_id: "s" },
    { message_type: "news", deep: { er: [1] } },
    {},
    { message_type: "partial_transcript", text: "" }
  ]
})

suite("ElevenLabsStt", {
  layer: (url) => ElevenLabsStt.layer(options(url)),
  more: [
    told("auth_error", "Rejected"),
    told("quota_exceeded", "Rejected"),
    told("rate_limited", "Rejected"),
    told("queue_overflow", "Rejected"),
    told("resource_exhausted", "Rejected"),
    told("unaccepted_terms", "Rejected"),
    told("input_error", "InvalidRequest"),
    told("chunk_size_exceeded", "InvalidRequest"),
    told("invalid_sample_rate", "InvalidRequest"),
    told("session_time_limit_exceeded", "Disconnected"),
    told("insufficient_audio_activity", "Disconnected"),
    told("transcriber_error", "Broken"),
    told("error", "Broken")
  ]
})

const parameters = (url: string, more: Partial<ElevenLabsStt.Options>) =>
  Stream.runDrain(Stt.transcribe(said)).pipe(Effect.provide(ElevenLabsStt.layer({ ...options(url), ...more })))

describe("ElevenLabsStt", () => {
  it.live("asks with the defaults that it documents, and its key in a header", () =>
    Effect.gen(function*() {
      const server = yield* scribe()
      yield* parameters(server.url, {})
      const { headers, received, url } = yield* server.next
      assert.strictEqual(headers["xi-api-key"], "sk-secret-key")
      assert.strictEqual(url.pathname, "/v1/speech-to-text/realtime")
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        model_id: "scribe_v2_realtime",
        audio_format: "pcm_16000",
        commit_strategy: "manual",
        include_timestamps: "true",
        include_language_detection: "true"
      })
      const chunks = received.map((message): Chunk => JSON.parse(String(message)))
      assert.deepStrictEqual(chunks.filter(({ commit }) => commit), [
        { message_type: "input_audio_chunk", audio_base_64: "", commit: true, sample_rate: 16_000 } as Chunk
      ])
      const audio = Buffer.concat(chunks.map(({ audio_base_64 }) => Buffer.from(audio_base_64, "base64")))
      assert.isTrue(audio.equals(Buffer.concat(tone.map(({ samples }) => Buffer.from(samples.buffer)))))
    }))

  it.live("passes every option on, and leaves the marks out where pauses commit", () =>
    Effect.gen(function*() {
      const server = yield* scribe()
      yield* parameters(server.url, {
        model: "scribe_v3",
        language: "de",
        commit: "pauses",
        pause: "800 millis",
        voiceThreshold: 0.6,
        words: false,
        logging: false,
        sampleRate: 8000
      })
      const { url } = yield* server.next
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        model_id: "scribe_v3",
        audio_format: "pcm_8000",
        commit_strategy: "vad",
        include_timestamps: "false",
        language_code: "de",
        vad_silence_threshold_secs: "0.8",
        vad_threshold: "0.6",
        enable_logging: "false"
      })
    }))

  for (const relative of [false, true]) {
    it.live(`tells words, times and certainty, with times ${relative ? "from the last commit" : "from the beginning"}`, () =>
      Effect.gen(function*() {
        const server = yield* scribe(relative)
        const heard = yield* Stream.runCollect(
          Stt.transcribe(Stream.concat(said, Stream.fromIterable<Stt.Input>(tone)))
        )
          .pipe(Effect.provide(ElevenLabsStt.layer(options(server.url))))
        const finals = heard.filter(({ final }) => final)
        assert.deepStrictEqual(
          finals.map(({ end, language, start, text }) => ({ text, start, end, language })),
          [0, 1000].map((start) => ({ text: "Good morning.", start, end: start + 1000, language: "en" }))
        )
        assert.deepStrictEqual(finals[1]?.words, [
          { text: "Good", start: 1000, end: 1500 },
          { text: "morning.", start: 1500, end: 2000 }
        ])
        assert.closeTo(finals[0]?.confidence ?? 0, 0.9, 1e-9)
        assert.isTrue(heard.some(({ final, text }) => !final && text === "Good"))
      }))
  }

  it.live("takes too little speech to commit for silence, and ends", () =>
    Effect.gen(function*() {
      const server = yield* scribe()
      const short = Stream.fromIterable<Stt.Input>([
        ...tone.slice(0, 5),
        Stt.Finalize,
        Stt.Finalize,
        ...tone.slice(0, 3)
      ])
      const heard = yield* Stream.runCollect(Stt.transcribe(short)).pipe(
        Effect.provide(ElevenLabsStt.layer(options(server.url)))
      )
      assert.isFalse(heard.some(({ final }) => final))
      const { received } = yield* server.next
      assert.strictEqual(received.filter((message) => String(message).includes(`"commit":true`)).length, 2)
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<ElevenLabsStt.Options>]> = [
        ["apiKey", { apiKey: Redacted.make("") }],
        ["baseUrl", { baseUrl: "nowhere" }],
        ["model", { model: "" }],
        ["pause", { pause: 1 }],
        ["voiceThreshold", { voiceThreshold: 1 }],
        ["sampleRate", { sampleRate: 11_025 }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(Effect.scoped(ElevenLabsStt.make({ apiKey: key, ...bad })))
        assert.match(error.message, new RegExp(`^elevenlabs: ${option} `))
      }
    }))

  it.live("takes its key from the environment", () =>
    Effect.gen(function*() {
      const from = (values: Record<string, string>) =>
        ElevenLabsStt.layerConfig().pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(values))))
      const stt = yield* Stt.Stt.pipe(Effect.provide(from({ ELEVENLABS_API_KEY: "k" })))
      assert.deepStrictEqual([stt.name, stt.model, stt.interims], ["elevenlabs", "scribe_v2_realtime", true])
      assert.include((yield* Effect.flip(Stt.Stt.pipe(Effect.provide(from({}))))).message, "ELEVENLABS_API_KEY")
    }))
})
