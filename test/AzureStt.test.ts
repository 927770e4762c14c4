import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Stream } from "effect"
import { Audio, Stt } from "effect-voice"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import { host } from "../src/internal/azure/region.ts"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/stt.ts"
import { parse, phrase, ticks, told, wellBehaved } from "./support/azure.ts"
import * as provider from "./support/provider.ts"
import { answering, key, said, suite, tone } from "./support/transcribing.ts"

const azure = (detailed = false) => provider.webSocket(wellBehaved(detailed))

const options = (url: string): AzureStt.Options => ({ apiKey: key, region: "westeurope", baseUrl: url })

contract("AzureStt", Layer.unwrap(Effect.map(azure(), ({ url }) => AzureStt.layer(options(url)))), {
  live: true,
  speech: tone
})

const status = (RecognitionStatus: string | number, reason: string) => ({
  name: `the status ${RecognitionStatus}`,
  stub: answering((peer) => peer.send(told("speech.phrase", { RecognitionStatus }))),
  reason
})

faults.webSocket("AzureStt", {
  ask: faults.stt((url) => AzureStt.layer({ ...options(url), apiKey: faults.apiKey })),
  well: wellBehaved(),
  said: "Good morning.",
  first: [told("speech.hypothesis", { Text: "good", Offset: 0, Duration: ticks(0.5) })],
  harmless: [
    told("turn.start"),
    told("speech.startDetected", { Offset: 1 }),
    told("news", [1]),
    told("speech.phrase", { RecognitionStatus: "InitialSilenceTimeout", Offset: 0, Duration: 0 })
  ],
  malformed: phrase("secret", 0, 1).slice(0, -5)
})

suite("AzureStt", {
  layer: (url) => AzureStt.layer(options(url)),
  more: [
    status("Error", "Broken"),
    status("TooManyRequests", "Rejected"),
    status("Forbidden", "Rejected"),
    status("BadRequest", "InvalidRequest"),
    status(6, "Rejected")
  ]
})

const hear = (url: string, audio: Stream.Stream<Stt.Input>, more: Partial<AzureStt.Options> = {}) =>
  Stream.runCollect(Stt.transcribe(audio)).pipe(Effect.provide(AzureStt.layer({ ...options(url), ...more })))

describe("AzureStt", () => {
  it.live("asks with the defaults that it documents, and its key in a header", () =>
    Effect.gen(function*() {
      const server = yield* azure()
      yield* hear(server.url, said)
      const { headers, received, url } = yield* server.next
      assert.strictEqual(headers["ocp-apim-subscription-key"], "sk-secret-key")
      assert.match(String(headers["x-connectionid"]), /^[0-9a-f]{32}$/)
      assert.strictEqual(url.pathname, "/speech/recognition/conversation/cognitiveservices/v1")
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        language: "en-US",
        format: "simple",
        profanity: "masked"
      })
      const messages = received.map(parse)
      assert.deepStrictEqual(messages.slice(0, 3).map(({ path, type }) => [path, type]), [
        ["speech.config", "application/json"],
        ["speech.context", "application/json"],
        ["audio", "audio/x-wav"]
      ])
      assert.strictEqual(JSON.parse(String(messages[0]?.body)).context.system.name, "effect-voice")
      assert.deepStrictEqual(JSON.parse(String(messages[1]?.body)), {
        phraseDetection: { mode: "Conversation", language: "en-US", enrichment: { profanity: "Masked" } }
      })
      const [ended] = messages.splice(-1)
      assert.deepStrictEqual([ended?.path, ended?.body.length], ["audio", 0])
      assert.isTrue(messages.every(({ request }) => /^[0-9a-f]{32}$/.test(request) && request === ended?.request))
      // Header and samples are a WAV file.
      const wav = Buffer.concat(messages.slice(2).map(({ body }) => body))
      wav.writeUInt32LE(wav.length - 44, 40)
      const frame = yield* Effect.fromResult(Audio.decodeWav(wav))
      assert.deepStrictEqual([...frame.samples], tone.flatMap(({ samples }) => [...samples]))
      assert.strictEqual(frame.sampleRate, 16_000)
    }))

  it.live("passes every option on", () =>
    Effect.gen(function*() {
      const server = yield* azure(true)
      yield* hear(server.url, said, {
        language: "de-DE",
        mode: "Dictation",
        profanity: "Raw",
        output: "Detailed",
        phrases: ["Effect", "Ada Lovelace"],
        segmentation: "300 millis"
      })
      const { received, url } = yield* server.next
      assert.strictEqual(url.pathname, "/speech/recognition/dictation/cognitiveservices/v1")
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        language: "de-DE",
        format: "detailed",
        wordLevelTimestamps: "true",
        profanity: "raw",
        segmentationSilenceTimeoutMs: "300"
      })
      assert.deepStrictEqual(JSON.parse(String(parse(received[1] ?? "").body)), {
        phraseDetection: {
          mode: "Dictation",
          language: "de-DE",
          enrichment: { profanity: "Raw" },
          dictation: { segmentation: { mode: "Custom", segmentationSilenceTimeoutMs: 300 } }
        },
        phraseOutput: { format: "Detailed", detailed: { options: ["WordTimings"] } },
        dgi: { groups: [{ type: "Generic", items: [{ text: "Effect" }, { text: "Ada Lovelace" }] }], bias: 1 }
      })
      yield* hear(server.url, said, { endpointId: "my-model" })
      assert.strictEqual((yield* server.next).url.searchParams.get("cid"), "my-model")
    }))

  it.live("takes each mark for the end of a turn, and goes on in the next with all audio and its times", () =>
    Effect.gen(function*() {
      const server = yield* azure(true)
      const audio = Stream.fromIterable<Stt.Input>([
        ...tone,
        Stt.Finalize,
        ...tone,
        Stt.Finalize,
        Stt.Finalize,
        ...tone
      ])
      const heard = yield* hear(server.url, audio, { output: "Detailed" })
      assert.deepStrictEqual(
        heard.filter(({ final }) => final),
        [0, 1000, 2000].map((from) => ({
          text: "Good morning.",
          final: true,
          start: from,
          end: from + 1000,
          confidence: 0.9,
          language: "en-US",
          words: [
            { text: "good", start: from + 100, end: from + 300 },
            { text: "morning", start: from + 300, end: from + 700 }
          ]
        }))
      )
      const messages = (yield* server.next).received.map(parse)
      assert.strictEqual(messages.filter(({ path }) => path === "speech.config").length, 1)
      assert.strictEqual(messages.filter(({ path }) => path === "speech.context").length, 3)
      assert.strictEqual(new Set(messages.map(({ request }) => request)).size, 3)
      const samples = messages.filter(({ path, type }) => path === "audio" && type === undefined)
      assert.strictEqual(samples.reduce((sum, { body }) => sum + body.length, 0), 3 * 32_000)
      assert.strictEqual(server.peers.length, 1)
    }))

  it("knows where the regions are", () => {
    assert.strictEqual(host("stt", "westeurope"), "westeurope.stt.speech.microsoft.com")
    assert.strictEqual(host("stt", "chinaeast2"), "chinaeast2.stt.speech.azure.cn")
    assert.strictEqual(host("tts", "usgovvirginia"), "usgovvirginia.tts.speech.azure.us")
  })

  it.live("ends when nothing was to be heard", () =>
    Effect.gen(function*() {
      const server = yield* azure()
      const short = Stream.fromIterable<Stt.Input>([...tone.slice(0, 5), Stt.Finalize])
      assert.isFalse((yield* hear(server.url, short)).some(({ final }) => final))
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<AzureStt.Options>]> = [
        ["apiKey", { apiKey: Redacted.make("") }],
        ["region", { region: "West Europe" }],
        ["region", { region: "x.evil.example/" }],
        ["baseUrl", { baseUrl: "nowhere" }],
        ["language", { language: "" }],
        ["segmentation", { segmentation: 1 }],
        ["endpointId", { endpointId: " " }],
        ["sampleRate", { sampleRate: 24_000 }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(Effect.scoped(AzureStt.make({ ...options("ws://x"), ...bad })))
        assert.match(error.message, new RegExp(`^azure: ${option} `))
      }
    }))

  it.live("takes key and region from the environment", () =>
    Effect.gen(function*() {
      const provided = ConfigProvider.layer(
        ConfigProvider.fromUnknown({ AZURE_SPEECH_KEY: "k", AZURE_SPEECH_REGION: "westeurope" })
      )
      const stt = yield* Stt.Stt.pipe(Effect.provide(AzureStt.layerConfig().pipe(Layer.provide(provided))))
      assert.deepStrictEqual([stt.name, stt.interims], ["azure", true])
    }))
})
