import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer, Queue, Redacted, Schedule, Stream } from "effect"
import { type Audio, Stt } from "effect-voice"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import { TestClock } from "effect/testing"
import { WebSocket } from "ws"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/stt.ts"
import { correctable } from "./support/clock.ts"
import { results, wellBehaved } from "./support/deepgram.ts"
import * as provider from "./support/provider.ts"
import { key, said, suite, tone } from "./support/transcribing.ts"

const deepgram = () => provider.webSocket(wellBehaved())

const options = (url: string): DeepgramStt.Options => ({ apiKey: key, baseUrl: url })

const stub = Layer.unwrap(Effect.map(deepgram(), ({ url }) => DeepgramStt.layer(options(url))))

contract("DeepgramStt", stub, { live: true, speech: tone })

faults.webSocket("DeepgramStt", {
  ask: faults.stt((url) => DeepgramStt.layer({ apiKey: faults.apiKey, baseUrl: url })),
  well: wellBehaved(),
  said: "Good morning.",
  first: [results("Good", 0, 0.5, false)],
  harmless: [
    { type: "SpeechStarted", channel: [0], timestamp: 0.1 },
    { type: "UtteranceEnd", channel: [0], last_word_end: 1 },
    { type: "Metadata", request_id: "r", created: "2026-01-01T00:00:00Z", duration: 0, channels: 1 },
    { type: "SomethingNew", deep: { er: [1] } },
    { untyped: true },
    results("", 0, 0.1, true)
  ]
})

suite("DeepgramStt", {
  layer: (url) => DeepgramStt.layer(options(url)),
  more: [
    {
      name: "an error that it reports",
      stub: { onMessage: (_, peer) => peer.send({ type: "Error", description: "secret words", message: "secret" }) },
      reason: "Broken"
    },
    {
      name: "results without a channel",
      stub: { onMessage: (_, peer) => peer.send({ type: "Results", start: 0, duration: 1 }) },
      reason: "InvalidResponse"
    }
  ]
})

describe("DeepgramStt", () => {
  it.live("asks with the defaults that it documents, and its key in a header", () =>
    Effect.gen(function*() {
      const server = yield* deepgram()
      yield* Stream.runDrain(Stt.transcribe(said)).pipe(Effect.provide(DeepgramStt.layer(options(server.url))))
      const peer = yield* server.next
      assert.strictEqual(peer.headers.authorization, "Token sk-secret-key")
      assert.strictEqual(peer.url.pathname, "/v1/listen")
      assert.deepStrictEqual(Object.fromEntries(peer.url.searchParams), {
        model: "nova-3",
        language: "en",
        encoding: "linear16",
        sample_rate: "16000",
        channels: "1",
        interim_results: "true",
        smart_format: "true",
        no_delay: "true",
        punctuate: "true"
      })
    }))

  it.live("passes every option on", () =>
    Effect.gen(function*() {
      const server = yield* deepgram()
      const layer = DeepgramStt.layer({
        apiKey: key,
        baseUrl: `${server.url.replace("ws:", "http:")}/proxy/`,
        model: "nova-2",
        language: "de",
        interims: false,
        endpointing: "300 millis",
        smartFormat: false,
        noDelay: false,
        punctuate: false,
        numerals: true,
        fillerWords: true,
        profanityFilter: true,
        redact: ["pci", "ssn"],
        keyterms: ["Effect", "two words & more"],
        keywords: ["snuffleupagus:5"],
        mipOptOut: true,
        tags: ["desk"],
        parameters: { diarize: "true" },
        sampleRate: 8000
      })
      yield* Stream.runDrain(Stt.transcribe(said)).pipe(Effect.provide(layer))
      const { received, url } = yield* server.next
      assert.strictEqual(url.pathname, "/proxy/v1/listen")
      assert.deepStrictEqual([...url.searchParams], [
        ["model", "nova-2"],
        ["language", "de"],
        ["encoding", "linear16"],
        ["sample_rate", "8000"],
        ["channels", "1"],
        ["interim_results", "false"],
        ["smart_format", "false"],
        ["no_delay", "false"],
        ["punctuate", "false"],
        ["endpointing", "300"],
        ["numerals", "true"],
        ["filler_words", "true"],
        ["profanity_filter", "true"],
        ["redact", "pci"],
        ["redact", "ssn"],
        ["keyterm", "Effect"],
        ["keyterm", "two words & more"],
        ["keywords", "snuffleupagus:5"],
        ["mip_opt_out", "true"],
        ["tag", "desk"],
        ["diarize", "true"]
      ])
      const bytes = received.reduce((sum, message) => sum + (typeof message === "string" ? 0 : message.length), 0)
      assert.strictEqual(bytes, 16_000)
    }))

  it.live("sends the samples as they are, asks for the end of speech, and says when the audio is over", () =>
    Effect.gen(function*() {
      const server = yield* deepgram()
      const quiet: Audio.Frame = { sampleRate: 16_000, channels: 1, samples: new Int16Array(0) }
      const heard = yield* Stream.runCollect(Stt.transcribe(
        Stream.fromIterable<Stt.Input>([Stt.Finalize, quiet, ...tone, Stt.Finalize, ...tone])
      )).pipe(Effect.provide(DeepgramStt.layer(options(server.url))))
      const { received } = yield* server.next
      const audio = Buffer.concat(received.filter((message) => typeof message !== "string"))
      assert.isTrue(
        audio.equals(Buffer.concat(Array(2).fill(tone).flat().map(({ samples }) => Buffer.from(samples.buffer))))
      )
      assert.isFalse(received.some((message) => message.length === 0))
      assert.deepStrictEqual(received.filter((message) => typeof message === "string"), [
        `{"type":"Finalize"}`,
        `{"type":"CloseStream"}`
      ])
      assert.strictEqual(received.findIndex((message) => message === `{"type":"Finalize"}`), received.length / 2 - 1)
      const finals = heard.filter(({ final }) => final)
      assert.deepStrictEqual(finals, [
        {
          text: "Good morning.",
          final: true,
          start: 0,
          end: 1000,
          confidence: 0.97,
          language: "en",
          words: [{ text: "Good", start: 0, end: 500 }, { text: "morning.", start: 500, end: 1000 }]
        },
        {
          text: "Good morning.",
          final: true,
          start: 1000,
          end: 2000,
          confidence: 0.97,
          language: "en",
          words: [{ text: "Good", start: 1000, end: 1500 }, { text: "morning.", start: 1500, end: 2000 }]
        }
      ])
      assert.isAbove(heard.length, finals.length)
    }))

  it.live("tells the language where Deepgram does, and asks for another one", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          if (message !== `{"type":"CloseStream"}`) return
          const answer = results("hola", 0, 1, true)
          peer.send({
            ...answer,
            channel: { alternatives: [{ ...answer.channel.alternatives[0], languages: ["es"] }] }
          })
          peer.socket.close(1000)
        }
      })
      const heard = yield* Effect.gen(function*() {
        const stt = yield* Stt.Stt
        return yield* Stream.runCollect((stt.withLanguage?.("multi") ?? stt).transcribe(said))
      }).pipe(Effect.provide(DeepgramStt.layer(options(server.url))))
      assert.strictEqual(heard[0]?.language, "es")
      assert.strictEqual((yield* server.next).url.searchParams.get("language"), "multi")
    }))

  it.live("keeps the connection alive while no audio comes, on its clock", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket()
      const audio = yield* Queue.unbounded<Stt.Input>()
      const layer = DeepgramStt.layer(options(server.url))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runDrain(Stt.transcribe(Stream.fromQueue(audio))))
        yield* Queue.offer(audio, tone[0]!)
        const peer = yield* server.next
        yield* peer.next
        yield* TestClock.adjust("3 seconds")
        yield* Queue.offer(audio, tone[1]!)
        yield* peer.next
        assert.strictEqual(peer.received.length, 2)
        for (let i = 0; i < 3; i++) {
          yield* TestClock.adjust("4 seconds")
          assert.strictEqual(yield* peer.next, `{"type":"KeepAlive"}`)
        }
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide([layer, TestClock.layer()]))
    }))

  it.live("keeps the connection alive every four seconds though the wall clock is corrected", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket()
      const audio = yield* Queue.unbounded<Stt.Input>()
      yield* Effect.gen(function*() {
        const { run, step } = yield* correctable
        const layer = DeepgramStt.layer(options(server.url))
        const transcribing = Stream.runDrain(Stt.transcribe(Stream.fromQueue(audio))).pipe(Effect.provide(layer))
        const fiber = yield* Effect.forkChild(run(transcribing))
        yield* Queue.offer(audio, tone[0]!)
        const peer = yield* server.next
        yield* peer.next
        for (const ms of [-60_000, 60_000, -3_600_000, 3_600_000]) {
          step(ms)
          yield* TestClock.adjust(3999)
          const { length } = peer.received
          yield* TestClock.adjust(1)
          assert.strictEqual(yield* peer.next, `{"type":"KeepAlive"}`)
          assert.strictEqual(peer.received.length, length + 1)
        }
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(TestClock.layer()))
    }))

  it.live("gives a provider up that does not answer to the end", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(Stt.transcribe(said))))
        const peer = yield* server.next
        for (;;) if ((yield* peer.next) === `{"type":"CloseStream"}`) break
        yield* TestClock.adjust("10 seconds")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error.reason._tag, "TimedOut")
        yield* peer.closed
      }).pipe(Effect.provide([DeepgramStt.layer(options(server.url)), TestClock.layer()]))
    }))

  it.live("goes on where it was, made resilient, when the connection is lost in mid-sentence", () =>
    Effect.gen(function*() {
      const good = yield* deepgram()
      let messages = 0
      const relay = yield* provider.webSocket({
        onMessage: (message, peer) => {
          if (relay.peers.length === 1 && ++messages === 10) return peer.socket.terminate()
          const behind = lines.get(peer) ?? new WebSocket(good.url)
          if (!lines.has(peer)) {
            behind.on("message", (data) => peer.send(String(data)))
            behind.on("close", () => peer.socket.close(1000))
            lines.set(peer, behind)
          }
          if (behind.readyState === behind.OPEN) behind.send(message)
          else behind.once("open", () => behind.send(message))
        }
      })
      const lines = new Map<provider.Peer, WebSocket>()
      const audio = Stream.fromIterable<Stt.Input>(tone).pipe(
        Stream.rechunk(1),
        Stream.concat(Stream.make(Stt.Finalize))
      )
      const heard = yield* Effect.gen(function*() {
        const stt = Stt.resilient(yield* Stt.Stt, { schedule: Schedule.spaced("10 millis") })
        return yield* Stream.runCollect(stt.transcribe(audio))
      }).pipe(Effect.provide(DeepgramStt.layer(options(relay.url))))
      assert.strictEqual(relay.peers.length, 2)
      assert.deepStrictEqual(
        heard.filter(({ final }) => final).map(({ end, start, text }) => ({ text, start, end })),
        [{ text: "Good morning.", start: 0, end: 1000 }]
      )
    }))

  it.live("opens nothing for no audio", () =>
    Effect.gen(function*() {
      const server = yield* deepgram()
      const audio = Stream.make<ReadonlyArray<Stt.Input>>(
        Stt.Finalize,
        { ...tone[0]!, samples: new Int16Array(0) },
        Stt.Finalize
      )
      yield* Stream.runDrain(Stt.transcribe(audio)).pipe(Effect.provide(DeepgramStt.layer(options(server.url))))
      assert.strictEqual(server.peers.length, 0)
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<DeepgramStt.Options>]> = [
        ["apiKey", { apiKey: Redacted.make("") }],
        ["apiKey", { apiKey: Redacted.make("sk\nsecret") }],
        ["baseUrl", { baseUrl: "api.deepgram.com" }],
        ["baseUrl", { baseUrl: "ftp://x" }],
        ["model", { model: " " }],
        ["language", { language: "" }],
        ["sampleRate", { sampleRate: 16_000.5 }],
        ["sampleRate", { sampleRate: Number.NaN }],
        ["endpointing", { endpointing: "2 hours" }],
        ["endpointing", { endpointing: -1 }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(Effect.scoped(DeepgramStt.make({ apiKey: key, ...bad })))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, new RegExp(`^deepgram: ${option} `))
        assert.notInclude(error.message, "secret")
      }
    }))

  it.effect("takes its key from the environment", () =>
    Effect.gen(function*() {
      const provided = ConfigProvider.layer(ConfigProvider.fromUnknown({ DEEPGRAM_API_KEY: "k" }))
      const stt = yield* Stt.Stt.pipe(Effect.provide(DeepgramStt.layerConfig().pipe(Layer.provide(provided))))
      assert.deepStrictEqual([stt.name, stt.model, stt.interims, stt.resilient], ["deepgram", "nova-3", true, false])
    }))
})
