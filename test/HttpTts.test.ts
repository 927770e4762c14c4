import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as faulty from "./contract/faults.ts"
import { contract } from "./contract/tts.ts"
import * as provider from "./support/provider.ts"

const tone = Int16Array.from({ length: 4800 }, (_, i) => i)
const pcm = Buffer.from(tone.buffer)

const speaking: provider.Handler = (_, response) =>
  void response.writeHead(200, { "content-type": "audio/pcm" }).end(Buffer.alloc(48_000, 1))

contract(
  "HttpTts",
  Layer.unwrap(Effect.map(provider.http(speaking), ({ url }) => HttpTts.layer({ url }))),
  { live: true }
)

faulty.http("HttpTts", {
  ask: faulty.tts((url) => HttpTts.layer({ url, headers: { authorization: faulty.apiKey } })),
  kind: "audio",
  type: "audio/pcm",
  pieces: [pcm.subarray(0, 1001), pcm.subarray(1001)],
  said: pcm.toString("hex"),
  empty: [],
  input: true,
  emptyReason: "EndedEarly"
})

const samples = (layer: Layer.Layer<Tts.Tts, Tts.TtsError>, text = "Hello.", options?: Tts.Options) =>
  Effect.map(
    Effect.provide(Stream.runCollect(Tts.speak(Stream.make(text), options)), layer),
    (chunks) => chunks.flatMap(({ frame }) => [...frame.samples])
  )

describe("HttpTts", () => {
  it.live("sends text, voice and speed as JSON, or what it is told to, and its keys in headers", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(speaking)
      const headers = { "x-key": Redacted.make("k") }
      yield* samples(HttpTts.layer({ url: `${server.url}/speak`, headers, voice: "anna" }))
      const first = yield* server.next
      assert.deepStrictEqual([first.method, first.url.pathname, first.headers["x-key"]], ["POST", "/speak", "k"])
      assert.deepStrictEqual(JSON.parse(first.body.toString()), { text: "Hello.", voice: "anna" })
      yield* samples(HttpTts.layer({ url: server.url, voice: "anna" }), "Hi.", { voice: "ben", speed: 1.2 })
      assert.deepStrictEqual(JSON.parse((yield* server.next).body.toString()), {
        text: "Hi.",
        voice: "ben",
        speed: 1.2
      })
      yield* samples(HttpTts.layer({ url: server.url, body: ({ text }) => text }))
      const plain = yield* server.next
      assert.match(String(plain.headers["content-type"]), /^text\/plain/)
      assert.strictEqual(plain.body.toString(), "Hello.")
    }))

  it.live("plays samples as they are, and a WAV file at the rate that is wanted", () =>
    Effect.gen(function*() {
      const raw = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "application/octet-stream" }).end(pcm)
      )
      assert.deepStrictEqual(yield* samples(HttpTts.layer({ url: raw.url })), [...tone])
      const file = Audio.encodeWav({ samples: new Int16Array(8000).fill(1000), sampleRate: 8000, channels: 1 })
      const wav = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "audio/wav" }).end(file)
      )
      const format = { sampleRate: 16_000, channels: 1 }
      const heard = yield* samples(HttpTts.layer({ url: wav.url, answer: "wav", format }))
      assert.closeTo(heard.length, 16_000, 200)
    }))

  it.live("lets nobody hear a file as the samples that it was asked for", () =>
    Effect.gen(function*() {
      const files: ReadonlyArray<readonly [string, Uint8Array]> = [
        ["WAV", Audio.encodeWav({ samples: tone, sampleRate: 24_000, channels: 1 })],
        ["MP3", Buffer.from("ID3\u0004rest of it")],
        ["Ogg", Buffer.from("OggSrest of it")],
        ["FLAC", Buffer.from("fLaCrest of it")],
        ["MP4", Buffer.from("\u0000\u0000\u0000\u0018ftypmp42")],
        ["WebM", Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3, 4])]
      ]
      for (const [kind, bytes] of files) {
        const server = yield* provider.http((_, response) => {
          response.writeHead(200, { "content-type": "audio/mpeg" }).write(bytes.subarray(0, 3))
          setImmediate(() => response.end(bytes.subarray(3)))
        })
        const error = yield* Effect.flip(samples(HttpTts.layer({ url: server.url })))
        assert.include(error.message, `a file of ${kind}, and not the bare samples`)
      }
      const short = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "audio/pcm" }).end(pcm.subarray(0, 6))
      )
      assert.deepStrictEqual(yield* samples(HttpTts.layer({ url: short.url })), [...tone.subarray(0, 3)])
    }))

  it.live("cuts a piece that is longer than one request may be", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(speaking)
      yield* samples(HttpTts.layer({ url: server.url, longest: 50 }), "Good morning, how are you today? ".repeat(4))
      assert.isAbove(server.requests.length, 2)
      assert.isTrue(server.requests.every(({ body }) => JSON.parse(body.toString()).text.length <= 50))
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<HttpTts.Options>]> = [
        ["url", { url: "nowhere" }],
        ["voice", { voice: "" }],
        ["format.sampleRate", { format: { sampleRate: 0, channels: 1 } }],
        ["longest", { longest: 3 }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(HttpTts.make({ url: "http://x", ...bad }))
        assert.match(error.message, new RegExp(`^http: ${option} `))
      }
    }))
})
