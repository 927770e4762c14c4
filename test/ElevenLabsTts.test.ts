import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Queue, Redacted, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import { TestClock } from "effect/testing"
import { Aligner } from "../src/internal/tts/aligner.ts"
import * as faulty from "./contract/faults.ts"
import { contract } from "./contract/tts.ts"
import { alignmentOf, audioOf, charMs, speech, wellBehaved } from "./support/elevenlabs.ts"
import * as provider from "./support/provider.ts"
import { answering, key } from "./support/transcribing.ts"

const elevenlabs = () => provider.webSocket(wellBehaved())

const layer = (url: string, options: Partial<ElevenLabsTts.Options> = {}) =>
  ElevenLabsTts.layer({ apiKey: key, baseUrl: url, ...options })

contract("ElevenLabsTts", Layer.unwrap(Effect.map(elevenlabs(), ({ url }) => layer(url))), { live: true })
contract(
  "ElevenLabsTts by HTTP",
  Layer.unwrap(Effect.map(provider.http(speech(48_000)), ({ url }) => layer(url, { mode: "http" }))),
  { live: true }
)

const told = (error: string, reason: string) => ({
  name: error,
  stub: answering((peer) => {
    peer.send({ message: "secret: Good morning", error, code: 1008 })
    peer.socket.close(1008)
  }),
  reason
})

const refusals = [
  told("voice_id_does_not_exist", "InvalidRequest"),
  told("model_not_found", "InvalidRequest"),
  told("quota_exceeded", "Rejected"),
  told("invalid_api_key", "Rejected"),
  told("too_many_concurrent_requests", "Rejected"),
  told("input_timeout_exceeded", "Disconnected"),
  told("Something, with words", "Broken"),
  { name: "audio that is no base64", stub: answering((peer) => peer.send({ audio: "*" })), reason: "InvalidResponse" }
]

const pcm = Buffer.from(Int16Array.from({ length: 4800 }, (_, i) => i).buffer)

faulty.http("ElevenLabsTts by HTTP", {
  ask: faulty.tts((url) => layer(url, { apiKey: faulty.apiKey, mode: "http" })),
  kind: "audio",
  type: "audio/pcm",
  pieces: [pcm.subarray(0, 1001), pcm.subarray(1001)],
  said: pcm.toString("hex"),
  empty: [],
  input: true,
  emptyReason: "EndedEarly"
})

faulty.webSocket("ElevenLabsTts", {
  ask: faulty.tts((url) => layer(url, { apiKey: faulty.apiKey })),
  well: wellBehaved(),
  said: audioOf("Good morning. ").toString("hex"),
  silent: {
    onMessage: (message, peer) => {
      if (JSON.parse(String(message)).text !== "") return
      peer.send({ audio: null, isFinal: true })
      peer.socket.close(1000)
    }
  },
  first: [{ audio: audioOf("Go").toString("base64"), isFinal: null, alignment: alignmentOf("Go") }],
  harmless: [
    { brand: "new" },
    { audio: null, isFinal: null, alignment: null },
    { audio: "", isFinal: false, alignment: null, normalizedAlignment: null }
  ]
})

const say = (text: ReadonlyArray<string>, options?: Tts.Options) =>
  Stream.fromIterable(text).pipe(Stream.rechunk(1), Tts.speak(options), Stream.runCollect)

const words = (chunks: ReadonlyArray<Tts.Chunk>) => chunks.flatMap(({ alignment = [] }) => alignment)

describe("ElevenLabsTts", () => {
  for (const { name, reason, stub } of refusals) {
    it.live(`tells ${name}, without what was said`, () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(stub)
        const endless = Stream.concat(Stream.make("Good morning. "), Stream.never)
        const error = yield* Effect.flip(Stream.runDrain(Tts.speak(endless))).pipe(Effect.provide(layer(server.url)))
        assert.strictEqual(error.reason._tag, reason)
        assert.notMatch(JSON.stringify(error) + error.message, /secret|morning/)
        yield* Effect.forEach(server.peers, (peer) => peer.closed)
      }))
  }

  it.live("asks with the defaults that it documents, and its key in a header", () =>
    Effect.gen(function*() {
      const server = yield* elevenlabs()
      yield* say(["Hello. ", "  ", "Bye."]).pipe(Effect.provide(layer(server.url)))
      const { headers, received, url } = yield* server.next
      assert.strictEqual(headers["xi-api-key"], "sk-secret-key")
      assert.strictEqual(url.pathname, "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream-input")
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        model_id: "eleven_turbo_v2",
        output_format: "pcm_24000",
        auto_mode: "true",
        sync_alignment: "true",
        inactivity_timeout: "180"
      })
      assert.deepStrictEqual(received.map((message) => JSON.parse(String(message))), [
        {
          text: " ",
          voice_settings: { stability: 0.5, similarity_boost: 0.75, style: 0, use_speaker_boost: true, speed: 1 }
        },
        { text: "Hello. " },
        { text: "Bye. " },
        { text: "" }
      ])
    }))

  it.live("passes every option on", () =>
    Effect.gen(function*() {
      const server = yield* elevenlabs()
      yield* say(["Hallo."], { speed: 0.8 }).pipe(Effect.provide(layer(server.url, {
        voice: "abcdefghij0123456789",
        model: "eleven_flash_v2_5",
        language: "de",
        stability: 0.1,
        similarityBoost: 0.2,
        style: 0.3,
        speakerBoost: false,
        speed: 1.1,
        latency: 3,
        format: "pcm_16000",
        autoMode: false,
        chunkSchedule: [50, 90],
        inactivityTimeout: "30 seconds",
        textNormalization: "off",
        logging: false
      })))
      const { received, url } = yield* server.next
      assert.strictEqual(url.pathname, "/v1/text-to-speech/abcdefghij0123456789/stream-input")
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        model_id: "eleven_flash_v2_5",
        language_code: "de",
        output_format: "pcm_16000",
        optimize_streaming_latency: "3",
        enable_logging: "false",
        auto_mode: "false",
        sync_alignment: "true",
        inactivity_timeout: "30",
        apply_text_normalization: "off"
      })
      assert.deepStrictEqual(JSON.parse(String(received[0])), {
        text: " ",
        voice_settings: { stability: 0.1, similarity_boost: 0.2, style: 0.3, use_speaker_boost: false, speed: 0.8 },
        generation_config: { chunk_length_schedule: [50, 90] }
      })
    }))

  it.live("tells the times of the words of the very text", () =>
    Effect.gen(function*() {
      const server = yield* elevenlabs()
      const chunks = yield* say(["Good  morning.\n", "It is 7."]).pipe(Effect.provide(layer(server.url)))
      const ms = chunks.reduce((sum, { frame }) => sum + Audio.durationMs(frame), 0)
      assert.strictEqual(ms, ("Good  morning. ".length + "It is 7. ".length) * charMs)
      assert.deepStrictEqual(words(chunks), [
        { text: "Good  ", start: 0, end: 4 * charMs },
        { text: "morning.\n", start: 6 * charMs, end: 14 * charMs },
        { text: "It ", start: 15 * charMs, end: 17 * charMs },
        { text: "is ", start: 18 * charMs, end: 20 * charMs },
        { text: "7.", start: 21 * charMs, end: 23 * charMs }
      ])
    }))

  it.live("finds a voice by its name, and asks for names once", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(speech(4800))
      yield* Effect.gen(function*() {
        yield* Effect.all([say(["a"]), say(["b"], { voice: "bella" })], { concurrency: 2 })
        yield* say(["c"], { voice: "Bella - soft and warm" })
        yield* say(["d"], { voice: "Rachel" })
        const error = yield* Effect.flip(say(["e"], { voice: "Nobody" }))
        assert.match(error.message, /^elevenlabs: voice: /)
      }).pipe(Effect.provide(layer(server.url, { mode: "http", voice: "Ann" })))
      const paths = server.requests.map(({ url }) => url.pathname)
      assert.strictEqual(paths.filter((path) => path === "/v1/voices").length, 1)
      assert.deepStrictEqual(paths.filter((path) => path !== "/v1/voices").toSorted(), [
        "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream",
        "/v1/text-to-speech/id-of-ann/stream",
        "/v1/text-to-speech/id-of-bella/stream",
        "/v1/text-to-speech/id-of-bella/stream"
      ])
    }))

  it.live("asks by HTTP, a request a piece", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(speech(48_000))
      const chunks = yield* say([" ", "Hello. ", "", "Bye. ", " "]).pipe(
        Effect.provide(layer(server.url, { mode: "http", latency: 1, language: "en" }))
      )
      assert.deepStrictEqual(words(chunks), [
        { text: " Hello. ", start: 0, end: 1000 },
        { text: "Bye. ", start: 1000, end: 2000 }
      ])
      const [first] = server.requests
      assert.strictEqual(first?.method, "POST")
      assert.strictEqual(first?.headers["xi-api-key"], "sk-secret-key")
      assert.strictEqual(first?.url.search, "?output_format=pcm_24000&optimize_streaming_latency=1")
      assert.deepStrictEqual(JSON.parse(String(first?.body)), {
        text: "Hello.",
        model_id: "eleven_turbo_v2",
        language_code: "en",
        voice_settings: { stability: 0.5, similarity_boost: 0.75, style: 0, use_speaker_boost: true, speed: 1 }
      })
    }))

  it.live("waits for a slow text without losing the connection", () =>
    Effect.gen(function*() {
      const server = yield* elevenlabs()
      const text = yield* Queue.unbounded<string>()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runDrain(Tts.speak(Stream.fromQueue(text))))
        yield* Queue.offer(text, "Let me see. ")
        const peer = yield* server.next
        yield* peer.next
        yield* peer.next
        for (let i = 0; i < 3; i++) {
          yield* TestClock.adjust("15 seconds")
          assert.strictEqual(yield* peer.next, `{"text":" "}`)
        }
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide([layer(server.url), TestClock.layer()]))
    }))

  it.live("has the next connection open in advance, once it was warmed up", () =>
    Effect.gen(function*() {
      const server = yield* elevenlabs()
      yield* Effect.gen(function*() {
        const tts = yield* Tts.Tts
        yield* say(["Cold."])
        assert.strictEqual(server.peers.length, 1)
        yield* tts.prewarm ?? Effect.void
        yield* server.next
        yield* server.next
        assert.deepStrictEqual(server.peers[1]?.received, [])
        yield* say(["Warm."])
        assert.include(server.peers[1]?.received[1], "Warm.")
        yield* server.next
        assert.strictEqual(server.peers.length, 3)
      }).pipe(Effect.provide(layer(server.url)))
      yield* Effect.forEach(server.peers, (peer) => peer.closed)
    }))

  it.live("closes a connection that nobody wanted in time, and opens another", () =>
    Effect.gen(function*() {
      const server = yield* elevenlabs()
      yield* Effect.gen(function*() {
        const tts = yield* Tts.Tts
        yield* tts.prewarm ?? Effect.void
        const peer = yield* server.next
        yield* TestClock.adjust("165 seconds")
        yield* peer.closed
        assert.isAbove((yield* say(["Hello."])).length, 0)
      }).pipe(Effect.provide([layer(server.url), TestClock.layer()]))
    }))

  it.live("begins to speak before the text has ended", () =>
    Effect.gen(function*() {
      const server = yield* elevenlabs()
      const heard = yield* Deferred.make<void>()
      const text = Stream.concat(Stream.make("One. "), Stream.fromEffect(Effect.as(Deferred.await(heard), "Two.")))
      const chunks = yield* Tts.speak(text).pipe(
        Stream.tap(() => Deferred.succeed(heard, undefined)),
        Stream.runCollect,
        Effect.provide(layer(server.url))
      )
      assert.strictEqual(words(chunks).map(({ text }) => text).join(""), "One. Two.")
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<ElevenLabsTts.Options>]> = [
        ["apiKey", { apiKey: Redacted.make(" secret ") }],
        ["baseUrl", { baseUrl: "nowhere" }],
        ["voice", { voice: "" }],
        ["stability", { stability: 1.1 }],
        ["similarityBoost", { similarityBoost: -0.1 }],
        ["style", { style: Number.NaN }],
        ["speed", { speed: 2 }],
        ["chunkSchedule.1", { chunkSchedule: [120, 10] }],
        ["inactivityTimeout", { inactivityTimeout: "5 minutes" }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(Effect.scoped(ElevenLabsTts.make({ apiKey: key, ...bad })))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, new RegExp(`^elevenlabs: ${option} `))
        assert.notInclude(error.message, "secret")
      }
      const error = yield* Effect.flip(say(["x"], { speed: 5 })).pipe(Effect.provide(layer("http://127.0.0.1:1")))
      assert.match(error.message, /speed/)
    }))

  it.live("takes key, voice and model from the environment", () =>
    Effect.gen(function*() {
      const from = (values: Record<string, string>) =>
        ElevenLabsTts.layerConfig().pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(values))))
      const tts = yield* Tts.Tts.pipe(
        Effect.provide(from({ ELEVENLABS_API_KEY: "k", ELEVENLABS_MODEL: "eleven_flash_v2" }))
      )
      assert.deepStrictEqual([tts.name, tts.model, tts.sampleRate], ["elevenlabs", "eleven_flash_v2", 24_000])
      const error = yield* Effect.flip(Tts.Tts.pipe(Effect.provide(from({}))))
      assert.include(error.message, "ELEVENLABS_API_KEY")
    }))
})

describe("the times of words", () => {
  const text = "Well, it costs 5 dollars. Anything else?"
  const joined = (times: ReadonlyArray<Tts.TimedText>) => times.map(({ text }) => text).join("")

  it("are the same whether times count from each message, from the first, or from the beginning", () => {
    const whole = text.replaceAll(/(?<=\.) /g, " ")
    for (const count of ["message", "first"] as const) {
      for (const size of [1, 2, 3, 7, 100]) {
        const aligner = new Aligner()
        aligner.append(text)
        const times: Array<Tts.TimedText> = []
        for (let i = 0; i < whole.length; i += size) {
          const part = whole.slice(i, i + size)
          const from = count === "first" ? i * charMs : 0
          times.push(...aligner.push(alignmentOf(part, from), i * charMs, (i + part.length) * charMs))
        }
        times.push(...aligner.end(whole.length * charMs))
        assert.strictEqual(joined(times), text)
        assert.deepStrictEqual(
          times.map(({ start }) => start),
          [0, 6, 9, 15, 17, 26, 35].map((at) => at * charMs),
          `${count} ${size}`
        )
      }
    }
  })

  it("are told once when an alignment comes twice", () => {
    const aligner = new Aligner()
    aligner.append(text)
    const first = aligner.push(alignmentOf("Well, it co"), 0, 300)
    // The rest is told with its audio.
    assert.strictEqual(joined(first), "Well, ")
    const times = [
      ...first,
      ...aligner.push(alignmentOf(text), 300, text.length * charMs),
      ...aligner.end(text.length * charMs)
    ]
    assert.strictEqual(joined(times), text)
    assert.deepStrictEqual(times.map(({ start }) => start / charMs), [0, 6, 9, 15, 17, 26, 35])
  })

  it("give the whole text in order within the audio, whatever comes", () => {
    const noise = [
      alignmentOf("five dollars"),
      { chars: ["W"], charStartTimesMs: [], charDurationsMs: [] },
      alignmentOf("Anything else?", 900),
      alignmentOf("it costs", -50),
      undefined,
      { chars: ["We", "ll", ","], charStartTimesMs: [10, 20, 30], charDurationsMs: [5] }
    ]
    for (let first = 0; first < noise.length; first++) {
      for (let second = 0; second < noise.length; second++) {
        const aligner = new Aligner()
        aligner.append(text)
        const times = [
          ...aligner.push(noise[first], 0, 500),
          ...aligner.push(noise[second], 500, 1000),
          ...aligner.end(1000)
        ]
        assert.strictEqual(joined(times), text)
        let last = 0
        for (const { end, start } of times) {
          assert.isAtLeast(start, last)
          assert.isAtLeast(end, start)
          assert.isAtMost(end, 1000)
          last = start
        }
      }
    }
  })
})
