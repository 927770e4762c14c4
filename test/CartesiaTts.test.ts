import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Queue, Redacted, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import { TestClock } from "effect/testing"
import { heard } from "../src/internal/alignment.ts"
import * as faulty from "./contract/faults.ts"
import { contract } from "./contract/tts.ts"
import { asked, audioOf, charMs, chunk, done, failed, timestamps, wellBehaved } from "./support/cartesia.ts"
import * as provider from "./support/provider.ts"
import { answering, key } from "./support/transcribing.ts"

const cartesia = (bare = false) => provider.webSocket(wellBehaved(bare))

const layer = (url: string, options: Partial<CartesiaTts.Options> = {}) =>
  CartesiaTts.layer({ apiKey: key, baseUrl: url, ...options })

contract("CartesiaTts", Layer.unwrap(Effect.map(cartesia(), ({ url }) => layer(url))), { live: true })

/** Answers the first text of each connection with what begins a context. */
const first = (peer: provider.Peer) => asked(peer.received[0] ?? "{}").context_id

faulty.webSocket("CartesiaTts", {
  ask: faulty.tts((url) => layer(url, { apiKey: faulty.apiKey })),
  well: wellBehaved(),
  said: audioOf("Good morning.").toString("hex"),
  silent: {
    onMessage: (message, peer) => {
      const { context_id, continue: more } = asked(message)
      if (more === false) peer.send(done(context_id))
    }
  },
  // One of no context is of the only one.
  first: [{ type: "chunk", data: audioOf("Go").toString("base64"), done: false, status_code: 206 }],
  harmless: [
    { brand: "new" },
    { type: "flush_done", flush_id: 1 },
    { type: "phoneme_timestamps", phoneme_timestamps: { phonemes: ["h"], start: [0], end: [0.1] } },
    { type: "timestamps", word_timestamps: null },
    { type: "chunk", data: null },
    chunk("another", audioOf("Secret")),
    done("another"),
    failed(500, null, "of another")("another")
  ]
})

const told = (status: number, code: string | null, words: string, reason: string) => ({
  name: `${status} ${code} ${words}`,
  stub: answering((peer) => peer.send(failed(status, code, `${words}, secret: Good morning`)(first(peer)))),
  reason
})

const refusals = [
  told(404, "voice_not_found", "No such voice", "InvalidRequest"),
  told(400, "model_not_found", "Invalid model", "InvalidRequest"),
  told(400, null, "Something is wrong", "InvalidRequest"),
  told(402, "quota_exceeded", "Credit limit reached", "Rejected"),
  told(401, null, "Unauthorized", "Rejected"),
  told(429, "concurrency_limited", "Too many concurrent requests", "Rejected"),
  told(500, null, "Internal server error", "Rejected"),
  told(400, null, "Context has closed", "Disconnected"),
  told(206, null, "Something, with words", "Broken"),
  told(429.5, null, "A status that is none", "Broken"),
  {
    name: "an error of no context",
    stub: answering((peer) => peer.send(failed(429, null, "secret")())),
    reason: "Rejected"
  },
  {
    name: "audio that is no base64",
    stub: answering((peer) => peer.send({ ...chunk(first(peer), audioOf("a")), data: "*" })),
    reason: "InvalidResponse"
  }
]

const say = (text: ReadonlyArray<string>, options?: Tts.Options) =>
  Stream.fromIterable(text).pipe(Stream.rechunk(1), Tts.speak(options), Stream.runCollect)

const dialects: Record<string, readonly [data: (audio: Buffer) => string, reason: string | undefined]> = {
  "without its padding": [(audio) => audio.toString("base64").replace(/=+$/, ""), undefined],
  "as addresses have it": [(audio) => audio.toString("base64url"), undefined],
  "in lines": [(audio) => audio.toString("base64").replaceAll(/(.{76})/g, "$1\r\n"), undefined],
  "as an address": [(audio) => `data:audio/pcm;base64,${audio.toString("base64")}`, undefined],
  "that is a file of WAV": [(audio) => Buffer.concat([Buffer.from("RIFF"), audio]).toString("base64"), "a file of WAV"],
  "that is a file of MP3": [
    (audio) => Buffer.concat([Buffer.from("ID3\u0004"), audio]).toString("base64"),
    "a file of MP3"
  ]
}

const words = (chunks: ReadonlyArray<Tts.Chunk>) => chunks.flatMap(({ alignment = [] }) => alignment)

const joined = (chunks: ReadonlyArray<Tts.Chunk>) => words(chunks).map(({ text }) => text).join("")

const messages = ({ received }: provider.Peer) => received.map(asked)

describe("CartesiaTts", () => {
  for (const { name, reason, stub } of refusals) {
    it.live(`tells ${name}, without what was said`, () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(stub)
        const endless = Stream.concat(Stream.make("Good morning. "), Stream.never)
        const error = yield* Effect.flip(Stream.runDrain(Tts.speak(endless))).pipe(Effect.provide(layer(server.url)))
        assert.strictEqual(error.reason._tag, reason, error.message)
        assert.notMatch(JSON.stringify(error) + error.message, /secret|morning/)
        yield* Effect.forEach(server.peers, (peer) => peer.closed)
      }))
  }

  for (const [name, [data, wrong]] of Object.entries(dialects)) {
    it.live(`is heard, or refused, as audio ${name}`, () =>
      Effect.gen(function*() {
        const audio = Buffer.alloc(audioOf("Hello.").length, 0xfb)
        const server = yield* provider.webSocket({
          onMessage: (message, peer) => {
            const { context_id, transcript } = asked(message)
            if (transcript === "") return peer.send(done(context_id))
            peer.send({ type: null, context_id })
            peer.send({ ...chunk(context_id, audio), data: data(audio) })
          }
        })
        const said = yield* Effect.exit(Effect.provide(say(["Hello."]), layer(server.url)))
        if (wrong !== undefined) return assert.include(String(said), wrong)
        const chunks = yield* said
        assert.strictEqual(chunks.reduce((sum, { frame }) => sum + frame.samples.length, 0), audio.length / 2)
      }))
  }

  it.live("asks with the defaults that it documents, and its key in a header", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      yield* say(["Hello. ", "  ", "Bye."]).pipe(Effect.provide(layer(server.url)))
      const peer = yield* server.next
      assert.strictEqual(peer.headers.authorization, "Bearer sk-secret-key")
      assert.strictEqual(peer.headers["cartesia-version"], "2026-08-14")
      assert.strictEqual(peer.url.href, "http://127.0.0.1/tts/websocket")
      const common = {
        context_id: first(peer),
        model_id: "sonic-3.5",
        voice: { id: "f786b574-daa5-4673-aa0c-cbe3e8534c02" },
        output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 },
        add_timestamps: true,
        use_normalized_timestamps: false,
        max_buffer_delay_ms: 0
      }
      assert.deepStrictEqual(messages(peer), [
        { ...common, transcript: "Hello. ", continue: true },
        { ...common, transcript: "  Bye.", continue: true },
        { ...common, transcript: "", continue: false }
      ] as never)
    }))

  it.live("passes every option on", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      const options: Partial<CartesiaTts.Options> = {
        voice: "anna",
        model: "sonic-3",
        language: "de-AT",
        speed: 1.1,
        volume: 0.8,
        emotion: "content",
        pronunciation: "dictionary",
        textNormalization: "en-IN",
        maxBufferDelay: "300 millis",
        sampleRate: 8000
      }
      yield* say(["Hallo."], { speed: 0.7, voice: "bert" }).pipe(Effect.provide(layer(server.url, options)))
      assert.deepInclude(messages(yield* server.next)[0], {
        model_id: "sonic-3",
        voice: { id: "bert" },
        language: "de",
        output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 8000 },
        max_buffer_delay_ms: 300,
        generation_config: { speed: 0.7, volume: 0.8, emotion: "content" },
        pronunciation_dict_id: "dictionary",
        normalization: "en-IN"
      } as never)
    }))

  for (const bare of [false, true]) {
    it.live(`tells the times of the words of the very text, ${bare ? "which come without signs" : "as they come"}`, () =>
      Effect.gen(function*() {
        const server = yield* cartesia(bare)
        const text = ["Good  morning.\n", "\"It is\" – well, 7. "]
        const chunks = yield* say(text).pipe(Effect.provide(layer(server.url)))
        const ms = chunks.reduce((sum, { frame }) => sum + Audio.durationMs(frame), 0)
        assert.strictEqual(ms, text.join("").length * charMs)
        assert.strictEqual(joined(chunks), text.join(""))
        assert.deepStrictEqual(
          words(chunks).filter(({ text }) => /\w/.test(text)).map((
            { start, text }
          ) => [text.trim(), Math.round(start / charMs)]),
          [["Good", 0], ["morning.", 6], ["\"It", 15], ["is\"", 19], ["well,", 25], ["7.", 31]]
        )
      }))
  }

  it.live("says which words were heard at each moment, also where only some times are told", () =>
    Effect.gen(function*() {
      const text = ["Good morning. ", "It's seven – well, nearly. ", "Goodbye!"]
      const whole = text.join("")
      for (const lost of [undefined, "nearly.", "It's"]) {
        const well = wellBehaved(true)
        const told = lost?.replaceAll(/\W/g, "")
        const forgetful = new WeakMap<provider.Peer, provider.Peer>()
        const forget = (peer: provider.Peer): provider.Peer => ({
          ...peer,
          send: (answer) => {
            const { word_timestamps: times } = answer as Partial<ReturnType<typeof timestamps>>
            if (times === undefined) return peer.send(answer)
            const known = <A>(all: ReadonlyArray<A>) => all.filter((_, i) => times.words[i] !== told)
            const { end, start, words } = times
            peer.send({
              ...answer as object,
              word_timestamps: { words: known(words), start: known(start), end: known(end) }
            })
          }
        })
        const server = yield* provider.webSocket({
          onMessage: (message, peer) => {
            if (!forgetful.has(peer)) forgetful.set(peer, forget(peer))
            well.onMessage?.(message, forgetful.get(peer)!)
          }
        })
        const chunks = yield* say(text).pipe(Effect.provide(layer(server.url)))
        assert.strictEqual(joined(chunks), whole)
        for (const { 0: word, index } of whole.matchAll(/[\p{L}']+\S*/gu)) {
          // In the middle of a word it counts as heard, and a moment before it does not.
          const middle = (index + word.length / 2) * charMs
          if (word !== lost) assert.strictEqual(heard(words(chunks), middle + 1), whole.slice(0, index + word.length))
          if (word !== lost) assert.notInclude(heard(words(chunks), middle - charMs - 1).slice(index), word)
        }
      }
    }))

  it.live("tells the times of words that count from each piece of the text as those of the speech", () =>
    Effect.gen(function*() {
      let flush_id = 0
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          const { context_id, continue: more, transcript = "" } = asked(message)
          if (more === false) return peer.send(done(context_id))
          flush_id++
          const audio = audioOf(transcript)
          peer.send({ ...chunk(context_id, audio.subarray(0, 4800)), flush_id })
          peer.send({ ...timestamps(context_id, transcript, 0), flush_id })
          peer.send({ ...chunk(context_id, audio.subarray(4800)), flush_id })
        }
      })
      const chunks = yield* say(["Hi. ", "One two. ", "Bye."]).pipe(Effect.provide(layer(server.url)))
      assert.deepStrictEqual(words(chunks).map(({ start, text }) => [text, start / charMs]), [
        ["Hi. ", 0],
        ["One ", 4],
        ["two. ", 8],
        ["Bye.", 13]
      ])
    }))

  it.live("parts sentences that come without space between them, and nothing else", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
        [["Hello.", "How are you?", "Fine"], "Hello. How are you? Fine"],
        [["Hello. ", "How are you?"], "Hello. How are you?"],
        [["It costs 3.", "14 dol", "lars."], "It costs 3.14 dollars."],
        [["你好。", "再见。"], "你好。再见。"],
        [["See example.", "com"], "See example.com"]
      ]
      for (const [pieces, whole] of cases) {
        const chunks = yield* say(pieces).pipe(Effect.provide(layer(server.url)))
        const sent = messages(yield* server.next).map(({ transcript }) => transcript).join("")
        assert.strictEqual(sent, whole)
        assert.strictEqual(joined(chunks), pieces.join(""))
      }
    }))

  it.live("speaks one speech after the other over one connection, each in a context of its own", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      yield* Effect.gen(function*() {
        assert.strictEqual(joined(yield* say(["One."])), "One.")
        assert.strictEqual(joined(yield* say(["Two."])), "Two.")
        assert.strictEqual(joined(yield* say(["Three."])), "Three.")
      }).pipe(Effect.provide(layer(server.url)))
      assert.strictEqual(server.peers.length, 1)
      const peer = yield* server.next
      assert.strictEqual(new Set(messages(peer).map(({ context_id }) => context_id)).size, 3)
      assert.strictEqual(yield* peer.closed, 1000)
    }))

  it.live("does not hear what comes late of a context that is over", () =>
    Effect.gen(function*() {
      const well = wellBehaved()
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          well.onMessage?.(message, peer)
          if (asked(message).continue !== false) return
          peer.send(chunk(asked(message).context_id, audioOf("Late")))
          peer.send(timestamps(asked(message).context_id, "Late", 0))
          peer.send(done(asked(message).context_id))
        }
      })
      yield* Effect.gen(function*() {
        yield* say(["One."])
        const chunks = yield* say(["Two."])
        assert.strictEqual(joined(chunks), "Two.")
        assert.strictEqual(chunks.reduce((sum, { frame }) => sum + Audio.durationMs(frame), 0), 4 * charMs)
      }).pipe(Effect.provide(layer(server.url)))
      assert.strictEqual(server.peers.length, 1)
    }))

  it.live("speaks several speeches at a time over as many connections, and keeps them", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      yield* Effect.gen(function*() {
        const both = ["One.", "Two."].map((text) => say([text]))
        yield* Effect.all(both, { concurrency: 2 })
        yield* Effect.all(both, { concurrency: 2 })
      }).pipe(Effect.provide(layer(server.url)))
      assert.strictEqual(server.peers.length, 2)
    }))

  it.live("cancels a speech that is interrupted, and closes its connection", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          if (asked(message).transcript === "Hello. ") peer.send(chunk(asked(message).context_id, audioOf("Hello. ")))
          else wellBehaved().onMessage?.(message, peer)
        }
      })
      yield* Effect.gen(function*() {
        const heard = yield* Deferred.make<void>()
        const endless = Stream.concat(Stream.make("Hello. "), Stream.never)
        const fiber = yield* Effect.forkChild(
          Stream.runForEach(Tts.speak(endless), () => Deferred.succeed(heard, undefined))
        )
        yield* Deferred.await(heard)
        yield* Fiber.interrupt(fiber)
        const peer = yield* server.next
        assert.strictEqual(yield* peer.closed, 1000)
        assert.deepStrictEqual(messages(peer).at(-1), { context_id: first(peer), cancel: true })
        assert.strictEqual(joined(yield* say(["Bye."])), "Bye.")
        assert.deepStrictEqual(messages(yield* server.next).map(({ cancel }) => cancel), [undefined, undefined])
      }).pipe(Effect.provide(layer(server.url)))
    }))

  it.live("ends a context whose text pauses before Cartesia does, and goes on in another", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      const text = yield* Queue.unbounded<string>()
      const heard = yield* Queue.unbounded<Tts.Chunk>()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Stream.runCollect(
            Stream.tap(
              Tts.speak(Stream.fromQueue(text).pipe(Stream.takeUntil((piece) => piece === "Bye."))),
              (one) => Queue.offer(heard, one)
            )
          )
        )
        yield* Queue.offer(text, "One moment. ")
        const peer = yield* server.next
        yield* peer.next
        yield* Queue.takeN(heard, 3)
        yield* provider.turns
        yield* TestClock.adjust("699 millis")
        assert.strictEqual(peer.received.length, 1)
        yield* TestClock.adjust("1 millis")
        yield* peer.next
        assert.deepInclude(messages(peer)[1], { transcript: "", continue: false })
        yield* provider.turns
        yield* TestClock.adjust("10 minutes")
        yield* Queue.offer(text, "Bye.")
        const chunks = yield* Fiber.join(fiber)
        assert.deepStrictEqual(words(chunks), [
          { text: "One ", start: 0, end: 3 * charMs },
          { text: "moment. ", start: 4 * charMs, end: 11 * charMs },
          { text: "Bye.", start: 12 * charMs, end: 16 * charMs }
        ])
        const all = server.peers.flatMap(messages)
        assert.strictEqual(new Set(all.map(({ context_id }) => context_id)).size, 2)
      }).pipe(Effect.provide([layer(server.url), TestClock.layer()]))
    }))

  it.live("does not end a context whose audio is late", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket()
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Stream.runCollect(
            Tts.speak(
              Stream.concat(Stream.make("Hello. "), Stream.fromEffect(Effect.as(Effect.sleep("8 seconds"), "Bye.")))
            )
          )
        )
        const peer = yield* server.next
        yield* peer.next
        yield* provider.turns
        yield* TestClock.adjust("7 seconds")
        assert.strictEqual(peer.received.length, 1)
        peer.send(chunk(first(peer), audioOf("Hello. ")))
        yield* provider.turns
        yield* TestClock.adjust("1 second")
        yield* peer.next
        assert.deepInclude(messages(peer)[1], { continue: false })
        peer.send(done(first(peer)))
        const next = yield* peer.next
        peer.send(chunk(asked(next).context_id, audioOf("Bye.")))
        yield* peer.next
        peer.send(done(asked(next).context_id))
        assert.strictEqual(joined(yield* Fiber.join(fiber)), "Hello. Bye.")
      }).pipe(Effect.provide([layer(server.url), TestClock.layer()]))
    }))

  it.live("goes on in another context where Cartesia has ended one", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          const { context_id, continue: more, transcript = "" } = asked(message)
          if (transcript !== "") peer.send(chunk(context_id, audioOf(transcript)))
          if (more === false || transcript === "One. ") peer.send(done(context_id))
        }
      })
      const heard = yield* Deferred.make<void>()
      const text = Stream.concat(
        Stream.make("One. "),
        Stream.fromEffect(Effect.as(Effect.andThen(Deferred.await(heard), provider.turns), "Two."))
      )
      const chunks = yield* Tts.speak(text).pipe(
        Stream.tap(() => Deferred.succeed(heard, undefined)),
        Stream.runCollect,
        Effect.provide(layer(server.url))
      )
      assert.strictEqual(joined(chunks), "One. Two.")
      assert.strictEqual(chunks.reduce((sum, { frame }) => sum + Audio.durationMs(frame), 0), 9 * charMs)
    }))

  it.live("tells of words that were given no audio at the end of a context", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          const { context_id, continue: more, transcript = "" } = asked(message)
          if (transcript === "One. ") peer.send(chunk(context_id, audioOf(transcript)))
          if (more === false) peer.send(done(context_id))
        }
      })
      const heard = yield* Deferred.make<void>()
      const text = Stream.concat(Stream.make("One. "), Stream.fromEffect(Effect.as(Deferred.await(heard), "Two.")))
      const error = yield* Effect.flip(
        Tts.speak(text).pipe(
          Stream.tap(() => Deferred.succeed(heard, undefined)),
          Stream.runDrain,
          Effect.provide(layer(server.url))
        )
      )
      assert.strictEqual(error.reason._tag, "EndedEarly")
    }))

  it.live("opens a connection in advance, and always another", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      yield* Effect.gen(function*() {
        const tts = yield* Tts.Tts
        yield* tts.prewarm ?? Effect.void
        const warm = yield* server.next
        assert.deepStrictEqual(warm.received, [])
        yield* say(["Warm."])
        assert.include(String(warm.received[0]), "Warm.")
        yield* server.next
        yield* say(["Again."])
        assert.strictEqual(server.peers.length, 2)
      }).pipe(Effect.provide(layer(server.url)))
      yield* Effect.forEach(server.peers, (peer) => peer.closed)
    }))

  it.live("closes a connection that nobody wanted in time, and opens another", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      yield* Effect.gen(function*() {
        yield* say(["Hello."])
        const peer = yield* server.next
        yield* TestClock.adjust("200 seconds")
        yield* peer.closed
        assert.strictEqual(joined(yield* say(["Bye."])), "Bye.")
        assert.strictEqual(server.peers.length, 2)
      }).pipe(Effect.provide([layer(server.url), TestClock.layer()]))
    }))

  it.live("begins to speak before the text has ended", () =>
    Effect.gen(function*() {
      const server = yield* cartesia()
      const heard = yield* Deferred.make<void>()
      const text = Stream.concat(Stream.make("One. "), Stream.fromEffect(Effect.as(Deferred.await(heard), "Two.")))
      const chunks = yield* Tts.speak(text).pipe(
        Stream.tap(() => Deferred.succeed(heard, undefined)),
        Stream.runCollect,
        Effect.provide(layer(server.url))
      )
      assert.strictEqual(joined(chunks), "One. Two.")
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<CartesiaTts.Options>]> = [
        ["apiKey", { apiKey: Redacted.make(" secret ") }],
        ["baseUrl", { baseUrl: "nowhere" }],
        ["voice", { voice: "" }],
        ["language", { language: "German!" }],
        ["speed", { speed: 2 }],
        ["volume", { volume: 0.1 }],
        ["textNormalization", { textNormalization: "on, please" }],
        ["maxBufferDelay", { maxBufferDelay: "6 seconds" }],
        ["sampleRate", { sampleRate: 11_025 as never }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(Effect.scoped(CartesiaTts.make({ apiKey: key, ...bad })))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, new RegExp(`^cartesia: ${option} `))
        assert.notInclude(error.message, "secret")
      }
      const error = yield* Effect.flip(say(["x"], { speed: 5 })).pipe(Effect.provide(layer("http://127.0.0.1:1")))
      assert.match(error.message, /speed/)
    }))

  it.live("takes its key from the environment", () =>
    Effect.gen(function*() {
      const from = (values: Record<string, string>) =>
        CartesiaTts.layerConfig().pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(values))))
      const tts = yield* Tts.Tts.pipe(Effect.provide(from({ CARTESIA_API_KEY: "k" })))
      assert.deepStrictEqual([tts.name, tts.model, tts.sampleRate], ["cartesia", "sonic-3.5", 24_000])
      const error = yield* Effect.flip(Tts.Tts.pipe(Effect.provide(from({}))))
      assert.include(error.message, "CARTESIA_API_KEY")
    }))
})
