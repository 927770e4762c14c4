import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { type Audio, Stt } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import { TestClock } from "effect/testing"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/stt.ts"
import { begin, ended, failed, turn, wellBehaved } from "./support/assemblyai.ts"
import * as provider from "./support/provider.ts"
import { answering, key, said, suite, tone } from "./support/transcribing.ts"

const options = (url: string): AssemblyAiStt.Options => ({ apiKey: key, baseUrl: url })

const stub = Layer.unwrap(
  Effect.map(provider.webSocket(wellBehaved()), ({ url }) => AssemblyAiStt.layer(options(url)))
)

contract("AssemblyAiStt", stub, { live: true, speech: tone })

faults.webSocket("AssemblyAiStt", {
  ask: faults.stt((url) => AssemblyAiStt.layer({ apiKey: faults.apiKey, baseUrl: url })),
  well: wellBehaved(),
  said: "Good morning.",
  first: [begin, turn("Good", 0, 500)],
  harmless: [
    { type: "Warning", warning_code: 1, warning: "something" },
    { type: "Heartbeat", total_audio_received_ms: 10, total_duration_ms: 10, realtime_factor: 1 },
    { type: "Silence", start_ms: 0, end_ms: 1000 },
    { type: "SomethingNew", deep: { er: [1] } },
    { untyped: true },
    turn("", 0, 0),
    ended("", 0, 0, { turn_order: null })
  ]
})

const told = (code: number, words: string, reason: string) => ({
  name: `${code} (${words.slice(0, 40)})`,
  stub: answering(failed(code, `${words} secret words`)),
  reason
})

suite("AssemblyAiStt", {
  layer: (url) => AssemblyAiStt.layer(options(url)),
  more: [
    told(1008, "Unauthorized Connection: Invalid API key", "Rejected"),
    told(1008, "Unauthorized Connection: Too many concurrent sessions", "Rejected"),
    told(3005, "Session Cancelled: An error occurred", "Rejected"),
    told(3006, "User Input Validation Error: Invalid 'speech_model': Input should be", "InvalidRequest"),
    told(3006, "Session terminated due to inactivity: No messages received", "Disconnected"),
    told(3008, "Session Expired: Maximum session duration exceeded", "Disconnected"),
    told(3009, "Unauthorized Connection: Too many concurrent sessions", "Rejected"),
    {
      name: "an error without a code",
      stub: { onMessage: (_, peer) => peer.send({ type: "Error", error: "secret words" }) },
      reason: "Broken"
    },
    {
      name: "a turn that does not say whether it has ended",
      stub: { onMessage: (_, peer) => peer.send({ type: "Turn", transcript: "secret" }) },
      reason: "InvalidResponse"
    }
  ]
})

const hear = (
  server: { readonly url: string },
  audio: Stream.Stream<Stt.Input>,
  more: Partial<AssemblyAiStt.Options> = {}
) =>
  Stt.Stt.use((stt) => Stream.runCollect(stt.transcribe(audio))).pipe(
    Effect.provide(AssemblyAiStt.layer({ ...options(server.url), ...more }))
  )

/** Answers the first audio, and the end. */
const saying = (...messages: ReadonlyArray<unknown>): NonNullable<Parameters<typeof provider.webSocket>[0]> => {
  const told = new WeakSet<provider.Peer>()
  return {
    onOpen: (peer) => peer.send(begin),
    onMessage: (message, peer) => {
      if (typeof message === "string") {
        if (!message.includes("Terminate")) return
        peer.send({ type: "Termination" })
        peer.socket.close(1000)
      } else if (!told.has(peer)) {
        told.add(peer)
        for (const one of messages) peer.send(one)
      }
    }
  }
}

const texts = ({ received }: provider.Peer): ReadonlyArray<string> =>
  received.filter((message) => typeof message === "string").map((message) => JSON.parse(message).type)

/** Hears what is put into a queue, while the clock stands still. */
const listening = Effect.gen(function*() {
  const stt = yield* Stt.Stt
  const audio = yield* Queue.unbounded<Stt.Input>()
  const heard = yield* Queue.unbounded<Stt.Transcript>()
  yield* Effect.forkScoped(
    Stream.runForEach(stt.transcribe(Stream.fromQueue(audio)), (one) => Queue.offer(heard, one))
  )
  return { audio, heard }
})

describe("AssemblyAiStt", () => {
  it.live("asks with the defaults that it documents, and passes every option on", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(wellBehaved())
      yield* hear(server, said)
      const first = yield* server.next
      assert.strictEqual(first.headers.authorization, "sk-secret-key")
      assert.strictEqual(first.url.pathname, "/v3/ws")
      assert.deepStrictEqual([...first.url.searchParams], [
        ["speech_model", "universal-3-5-pro"],
        ["sample_rate", "16000"],
        ["encoding", "pcm_s16le"],
        ["language_detection", "true"],
        ["session_heartbeat", "true"]
      ])
      yield* hear(server, said, {
        languages: ["en-GB", "de", "en"],
        detectLanguage: false,
        endThreshold: 0.6,
        eagerThreshold: 0.5,
        endSilence: "200 millis",
        endTimeout: "2 seconds",
        voiceThreshold: 0.3,
        formatTurns: true,
        keyterms: ["Sea View"],
        prompt: "A hotel.",
        mode: "min_latency",
        profanityFilter: true,
        parameters: { voice_focus: "near-field" },
        sampleRate: 8000
      })
      const { url } = yield* server.next
      assert.deepStrictEqual([...url.searchParams], [
        ["speech_model", "universal-3-5-pro"],
        ["sample_rate", "8000"],
        ["encoding", "pcm_s16le"],
        ["language_codes", `["en","de"]`],
        ["language_detection", "false"],
        ["end_of_turn_confidence_threshold", "0.6"],
        ["min_turn_silence", "200"],
        ["max_turn_silence", "2000"],
        ["vad_threshold", "0.3"],
        ["format_turns", "true"],
        ["keyterms_prompt", `["Sea View"]`],
        ["prompt", "A hotel."],
        ["mode", "min_latency"],
        ["filter_profanity", "true"],
        ["session_heartbeat", "true"],
        ["voice_focus", "near-field"]
      ])
    }))

  it.live("tells what becomes of a turn", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(saying(
        turn("", 0, 0),
        turn("Good", 0, 100),
        turn("Good morning", 0, 200, { end_of_turn_confidence: 0.6 }),
        turn("Good morning", 0, 200, { end_of_turn_confidence: 0.7 }),
        turn("Good morning and", 0, 300),
        turn("Good morning and bye", 0, 400, { utterance: "Good morning and bye." }),
        ended("Good morning, and bye.", 0, 400, { language_code: "en" }),
        turn("Next", 0, 200, { turn_order: 1, end_of_turn_confidence: 0.9 })
      ))
      const all = yield* hear(server, Stream.fromIterable<Stt.Input>(tone), { eagerThreshold: 0.5 })
      assert.deepStrictEqual(all.map(({ final, text, turn }) => [text, turn, final]), [
        ["Good", "started", false],
        ["Good morning", "eager", false],
        ["Good morning", "eager", false],
        ["Good morning and", "resumed", false],
        ["Good morning and bye", "eager", false],
        ["Good morning, and bye.", "ended", true],
        ["Next", "started", false],
        ["Next", "eager", false],
        // It ends without ending the turn: what was heard is all that there is.
        ["Next", "ended", true]
      ])
      assert.deepStrictEqual(all[5], {
        text: "Good morning, and bye.",
        final: true,
        start: 0,
        end: 400,
        words: [
          { text: "Good", start: 0, end: 100 },
          { text: "morning,", start: 100, end: 200 },
          { text: "and", start: 200, end: 300 },
          { text: "bye.", start: 300, end: 400 }
        ],
        confidence: 0.9,
        language: "en",
        turn: "ended"
      })
    }))

  it.live("tells of no early end where none is wanted", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(saying(
        turn("Good", 0, 100, { end_of_turn_confidence: 0.99, utterance: "Good" }),
        ended("Good morning.", 0, 400)
      ))
      const all = yield* hear(server, Stream.fromIterable<Stt.Input>(tone))
      assert.deepStrictEqual(all.map(({ turn }) => turn), ["started", "ended"])
    }))

  const streaming = { model: "universal-streaming-english", formatTurns: true } as const

  it.live("tells a turn once that ends in small letters and again with punctuation", () =>
    Effect.gen(function*() {
      const plain = { turn_is_formatted: false }
      const server = yield* provider.webSocket(saying(
        // The word that may still change is no part of the transcript.
        { ...turn("good morn", 0, 300, plain), transcript: "good" },
        ended("good morning", 0, 400, plain),
        // What is written together was said as two words.
        { ...ended("Good mor ning there.", 0, 400), transcript: "Good morning." },
        ended("Good morning.", 0, 400),
        ended("how are you", 500, 600, { ...plain, turn_order: 1 }),
        turn("and", 700, 800, { ...plain, turn_order: 2 }),
        ended("and bye", 700, 900, { ...plain, turn_order: 2 })
      ))
      const all = yield* hear(server, Stream.fromIterable<Stt.Input>(tone), streaming)
      assert.deepStrictEqual(all.map(({ final, text, turn }) => [text, turn, final]), [
        ["good morn", "started", false],
        ["good morning", "eager", false],
        ["Good morning.", "ended", true],
        ["how are you", "eager", false],
        // Its punctuation never came.
        ["how are you", "ended", true],
        ["and", "started", false],
        ["and bye", "eager", false],
        ["and bye", "ended", true]
      ])
    }))

  it.live("takes the first end for the end where no punctuation is asked for", () =>
    Effect.gen(function*() {
      const plain = { turn_is_formatted: false }
      const server = yield* provider.webSocket(
        saying(ended("good morning", 0, 400, plain), ended("Good morning.", 0, 400))
      )
      const all = yield* hear(server, Stream.fromIterable<Stt.Input>(tone), { ...streaming, formatTurns: false })
      assert.deepStrictEqual(all.map(({ text, turn }) => [text, turn]), [["good morning", "ended"]])
    }))

  it.live("takes back words that a turn ends without", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(
        saying(turn("Hm", 0, 300), ended("", 0, 0), ended("Yes.", 0, 900, { turn_order: 1 }))
      )
      const all = yield* hear(server, Stream.fromIterable<Stt.Input>(tone))
      assert.deepStrictEqual(all.map(({ final, text, turn }) => [text, turn, final]), [
        ["Hm", "started", false],
        ["", "ended", true],
        ["Yes.", "ended", true]
      ])
    }))

  it.live("keeps the times of words within the audio", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        ...saying(),
        onMessage: (message, peer) => {
          if (typeof message !== "string") return
          if (message.includes("ForceEndpoint")) return peer.send(ended("Good morning.", -100, 2300))
          if (message.includes("Terminate")) peer.socket.close(1000)
        }
      })
      const [heard] = yield* hear(server, said)
      assert.deepStrictEqual(heard?.words, [
        { text: "Good", start: 0, end: 1000 },
        { text: "morning.", start: 1000, end: 1000 }
      ])
    }))

  it.live("ends the turn at a mark, and the session at the end of the audio", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(wellBehaved())
      const all = yield* hear(server, said)
      const peer = yield* server.next
      assert.deepStrictEqual(texts(peer), ["ForceEndpoint", "Terminate"])
      assert.deepStrictEqual(all.filter(({ final }) => final).map(({ text }) => text), ["Good morning."])
    }))

  it.live("sends audio in pieces of the length that is wanted, and all of it", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(wellBehaved())
      const frame = (ms: number): Audio.Frame => ({
        sampleRate: 16_000,
        channels: 1,
        samples: new Int16Array(16 * ms).fill(7)
      })
      // A mark after 20 ms, a whole second with 20 ms before it, and 10 ms at the end.
      yield* hear(
        server,
        Stream.make<ReadonlyArray<Stt.Input>>(frame(520), frame(20), Stt.Finalize, frame(1000), frame(10)).pipe(
          Stream.rechunk(1)
        )
      )
      const { received } = yield* server.next
      const lengths = received.flatMap((message) => typeof message === "string" ? [] : [message.length / 32])
      for (const ms of lengths) {
        assert.isAtLeast(ms, 50)
        assert.isAtMost(ms, 1000)
      }
      const bytes = Buffer.concat(received.flatMap((message) => typeof message === "string" ? [] : [message]))
      const samples = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i))
      assert.strictEqual(samples.filter((sample) => sample === 7).length, 16 * 1550)
      assert.strictEqual(samples.lastIndexOf(7), 16 * 1550 - 1)
    }))

  const quiet = saying()

  it.live("says that a mark in silence has no words before it, where AssemblyAI says nothing", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(quiet)
      yield* Effect.gen(function*() {
        const { audio, heard } = yield* listening
        yield* Queue.offerAll(audio, [...tone.slice(0, 10), Stt.Finalize])
        const peer = yield* server.next
        yield* peer.next
        yield* peer.next
        yield* provider.turns
        yield* TestClock.adjust("1499 millis")
        assert.strictEqual(yield* Queue.size(heard), 0)
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* Queue.take(heard), { text: "", final: true, end: 200 })
      }).pipe(Effect.provide([AssemblyAiStt.layer(options(server.url)), TestClock.layer()]))
    }))

  it.live("gives no answer to a mark for a server that hangs", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(quiet)
      yield* Effect.gen(function*() {
        const { audio, heard } = yield* listening
        yield* Queue.offerAll(audio, tone.slice(0, 10))
        const peer = yield* server.next
        yield* peer.next
        yield* provider.turns
        yield* TestClock.adjust("5 seconds")
        yield* Queue.offer(audio, Stt.Finalize)
        while (!texts(peer).includes("ForceEndpoint")) yield* peer.next
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* Queue.size(heard), 0)
        // One that lives has heard nothing.
        peer.send({ type: "Heartbeat" })
        yield* Queue.offerAll(audio, [...tone.slice(0, 10), Stt.Finalize])
        while (texts(peer).filter((type) => type === "ForceEndpoint").length < 2) yield* peer.next
        yield* provider.turns
        yield* TestClock.adjust("1500 millis")
        assert.deepStrictEqual(yield* Queue.take(heard), { text: "", final: true, end: 400 })
      }).pipe(Effect.provide([AssemblyAiStt.layer(options(server.url)), TestClock.layer()]))
    }))

  it.live("answers a mark once, and none while words are on their way", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        ...quiet,
        onMessage: (message, peer) => {
          if (String(message).includes("ForceEndpoint")) {
            const marks = texts(peer).length
            if (marks === 1) peer.send(ended("Good morning.", 0, 150))
            if (marks === 2) peer.send(turn("And", 150, 350, { turn_order: 1 }))
          }
          quiet.onMessage?.(message, peer)
        }
      })
      yield* Effect.gen(function*() {
        const { audio, heard } = yield* listening
        yield* Queue.offerAll(audio, [...tone.slice(0, 10), Stt.Finalize])
        assert.strictEqual((yield* Queue.take(heard)).text, "Good morning.")
        yield* Queue.offerAll(audio, [...tone.slice(0, 10), Stt.Finalize])
        assert.strictEqual((yield* Queue.take(heard)).text, "And")
        yield* TestClock.adjust("1900 millis")
        assert.strictEqual(yield* Queue.size(heard), 0)
        ;(yield* server.next).send(ended("And bye.", 150, 380, { turn_order: 1 }))
        assert.deepInclude(yield* Queue.take(heard), { text: "And bye.", final: true })
      }).pipe(Effect.provide([AssemblyAiStt.layer(options(server.url)), TestClock.layer()]))
    }))

  it.live("ends a turn whose audio stops, once, and keeps the session alive", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(saying(turn("Good", 0, 100)))
      yield* Effect.gen(function*() {
        const { audio, heard } = yield* listening
        yield* Queue.offerAll(audio, tone.slice(0, 10))
        yield* Queue.take(heard)
        const peer = yield* server.next
        yield* peer.next
        yield* provider.turns
        const said = Effect.andThen(TestClock.adjust("2 seconds"), peer.next)
        assert.include(yield* said, "ForceEndpoint")
        assert.include(yield* said, "KeepAlive")
        peer.send(ended("Good.", 0, 150))
        yield* Queue.take(heard)
        assert.include(yield* said, "KeepAlive")
      }).pipe(Effect.provide([AssemblyAiStt.layer(options(server.url)), TestClock.layer()]))
    }))

  it.live("ends the session also when it is interrupted, and one that was opened in advance", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(quiet)
      yield* Effect.gen(function*() {
        const stt = yield* Stt.Stt
        yield* stt.prewarm ?? Effect.void
        const first = yield* server.next
        const fiber = yield* Effect.forkChild(Stream.runDrain(stt.transcribe(Stream.concat(said, Stream.never))))
        yield* first.next
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* first.closed, 1000)
        assert.strictEqual(texts(first).at(-1), "Terminate")
        yield* stt.prewarm ?? Effect.void
      }).pipe(Effect.provide(AssemblyAiStt.layer(options(server.url))))
      const second = yield* server.next
      yield* second.closed
      assert.deepStrictEqual(texts(second), ["Terminate"])
    }))

  it.live("goes on in another session where one has come to its end, made resilient, and says nothing twice", () =>
    Effect.gen(function*() {
      const well = wellBehaved()
      const server = yield* provider.webSocket({
        onOpen: well.onOpen,
        onMessage: (message, peer) => {
          const marks = texts(peer).filter((type) => type === "ForceEndpoint").length
          if (server.peers[0] === peer && marks === 2) {
            failed(3008, "Session Expired: Maximum session duration exceeded")(peer)
          } else well.onMessage?.(message, peer)
        }
      })
      const audio = yield* Queue.unbounded<Stt.Input>()
      const finals = yield* Queue.unbounded<Stt.Transcript>()
      yield* Effect.gen(function*() {
        const stt = Stt.resilient(yield* Stt.Stt)
        yield* Effect.forkScoped(
          Stream.runForEach(
            stt.transcribe(Stream.fromQueue(audio)),
            (one) => one.final ? Queue.offer(finals, one) : Effect.void
          )
        )
        for (const at of [0, 1000]) {
          yield* Queue.offerAll(audio, [...tone, Stt.Finalize])
          const { end, start, text, turn } = yield* Queue.take(finals)
          assert.deepStrictEqual({ end, start, text, turn }, {
            end: at + 1000,
            start: at,
            text: "Good morning.",
            turn: "ended"
          })
        }
      }).pipe(Effect.provide(AssemblyAiStt.layer(options(server.url))))
      assert.strictEqual(server.peers.length, 2)
      // What was answered is not sent again.
      const bytes = server.peers[1]!.received.reduce((sum, one) => sum + (typeof one === "string" ? 0 : one.length), 0)
      assert.isAtMost(bytes, 32_000 + 3200)
    }))

  it.live("lets go of a server that reads nothing, whatever still waits to be sent", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({ onOpen: (peer) => peer.socket.pause() })
      yield* Effect.gen(function*() {
        const stt = yield* Stt.Stt
        const second: Audio.Frame = { sampleRate: 48_000, channels: 1, samples: new Int16Array(48_000) }
        let given = 0
        const full = yield* Deferred.make<void>()
        // It is taken as long as there is room, then no more of it is pulled.
        const audio = Stream.fromEffectRepeat(Effect.sync(() => {
          given++
          return second
        })).pipe(Stream.rechunk(1))
        const fiber = yield* Effect.forkChild(Stream.runDrain(stt.transcribe(audio)))
        const settle: Effect.Effect<unknown> = Effect.gen(function*() {
          const before = given
          yield* Effect.repeat(provider.turns, { times: 20 })
          if (before < 30 || given > before) yield* settle
          else yield* Deferred.succeed(full, undefined)
        })
        yield* settle
        yield* Deferred.await(full)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(AssemblyAiStt.layer({ ...options(server.url), sampleRate: 48_000 })))
    }))

  it.live("expects another language where it is asked to", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(wellBehaved())
      yield* Effect.gen(function*() {
        const stt = yield* Stt.Stt
        const german = stt.withLanguage?.("de-AT")
        const all = yield* Stream.runCollect(german!.transcribe(said))
        assert.strictEqual(all.at(-1)?.language, "de")
      }).pipe(Effect.provide(AssemblyAiStt.layer(options(server.url))))
      assert.strictEqual((yield* server.next).url.searchParams.get("language_codes"), `["de"]`)
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<AssemblyAiStt.Options>]> = [
        ["apiKey", { apiKey: " secret " as never }],
        ["baseUrl", { baseUrl: "nowhere" }],
        ["languages.0", { languages: ["English, please"] }],
        ["languages", { languages: ["de"], model: "universal-streaming-multilingual" }],
        ["endThreshold", { endThreshold: 1.1 }],
        ["eagerThreshold", { eagerThreshold: 0.7, endThreshold: 0.5 }],
        ["endSilence", { endSilence: "2 seconds", endTimeout: "1 second" }],
        ["keyterms", { keyterms: Array.from({ length: 101 }, (_, i) => `term ${i}`) }],
        ["prompt", { prompt: "x".repeat(1751) }],
        ["sampleRate", { sampleRate: 7000 }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(Effect.scoped(AssemblyAiStt.make({ apiKey: key, ...bad })))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, new RegExp(`^assemblyai: ${option} `))
        assert.notInclude(error.message, "secret")
      }
    }))

  it.live("names the option that AssemblyAI refuses", () =>
    Effect.gen(function*() {
      const refused = [
        ["speech_model", "model"],
        ["language_codes.0", "languages"],
        ["keyterms_prompt", "keyterms"],
        ["constructor", "request"]
      ] as const
      for (const [parameter, option] of refused) {
        const server = yield* provider.webSocket({
          onOpen: failed(3006, `User Input Validation Error: Invalid '${parameter}': Input should be 'secret'`)
        })
        const error = yield* Effect.flip(hear(server, Stream.concat(said, Stream.never)))
        assert.match(error.message, new RegExp(`^assemblyai: ${option}: `))
        assert.notInclude(error.message, "secret")
      }
    }))
})
