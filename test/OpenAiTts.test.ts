import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Deferred, Effect, Exit, Fiber, Layer, Redacted, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as faulty from "./contract/faults.ts"
import { contract } from "./contract/tts.ts"
import * as provider from "./support/provider.ts"

const key = "sk-secret-key"
const apiKey = Redacted.make(key)

const ramp = Int16Array.from({ length: 4800 }, (_, i) => i)
const pcm = Buffer.from(ramp.buffer)

const speaking: provider.Handler = (_, response) => {
  response.writeHead(200, { "content-type": "audio/pcm" })
  // Cut in the middle of a sample.
  response.write(pcm.subarray(0, 1001))
  response.end(pcm.subarray(1001))
}

const bodyOf = ({ body }: provider.Request) => JSON.parse(body.toString())

const serving = (handler: provider.Handler, options: OpenAiTts.Options = {}) =>
  Effect.gen(function*() {
    const server = yield* provider.http(handler)
    return { server, tts: yield* OpenAiTts.make({ apiKey, baseUrl: `${server.url}/v1`, ...options }) }
  })

const collect = (tts: Tts.Tts["Service"], texts: ReadonlyArray<string>, options?: Tts.Options) =>
  Stream.runCollect(tts.speak(Stream.rechunk(Stream.fromIterable(texts), 1), options))

const samplesOf = (chunks: ReadonlyArray<Tts.Chunk>) => chunks.flatMap(({ frame }) => [...frame.samples])

contract(
  "OpenAiTts",
  Layer.unwrap(Effect.map(provider.http(speaking), ({ url }) => OpenAiTts.layer({ apiKey, baseUrl: url }))),
  { live: true }
)

faulty.http("OpenAiTts", {
  ask: faulty.tts((url) => OpenAiTts.layer({ apiKey: faulty.apiKey, baseUrl: `${url}/v1` })),
  kind: "audio",
  type: "audio/pcm",
  pieces: [pcm.subarray(0, 1001), pcm.subarray(1001)],
  said: pcm.toString("hex"),
  empty: [],
  input: true,
  emptyReason: "EndedEarly"
})

describe("speech", () => {
  it.live("asks with its defaults, and gives the samples as they were sent", () =>
    Effect.gen(function*() {
      const { server, tts } = yield* serving(speaking)
      assert.deepStrictEqual([tts.sampleRate, tts.channels, tts.model], [24_000, 1, "tts-1"])
      assert.deepStrictEqual(samplesOf(yield* collect(tts, ["Hello there."])), [...ramp])
      const sent = yield* server.next
      assert.strictEqual(sent.url.pathname, "/v1/audio/speech")
      assert.strictEqual(sent.headers.authorization, `Bearer ${key}`)
      assert.deepStrictEqual(bodyOf(sent), {
        model: "tts-1",
        voice: "alloy",
        input: "Hello there.",
        response_format: "pcm"
      })
    }))

  it.live("sends every setting, and those of a speech before its own", () =>
    Effect.gen(function*() {
      const { server, tts } = yield* serving(speaking, { ...OpenAiTts.expressive, speed: 1.2 })
      yield* collect(tts, ["Hello."], { voice: "coral", speed: 0.8 })
      yield* collect(tts, ["Hello."])
      assert.deepStrictEqual(bodyOf(yield* server.next), {
        model: "gpt-4o-mini-tts",
        voice: "coral",
        input: "Hello.",
        response_format: "pcm",
        speed: 0.8,
        instructions: OpenAiTts.expressive.instructions
      })
      const { speed, voice } = bodyOf(yield* server.next)
      assert.deepStrictEqual([voice, speed], ["marin", 1.2])
    }))

  it.live("reads WAV files, and converts them to its rate", () =>
    Effect.gen(function*() {
      const file = Audio.encodeWav({ sampleRate: 16_000, channels: 1, samples: new Int16Array(16_000).fill(1000) })
      const { tts } = yield* serving(
        (_, response) => void response.writeHead(200, { "content-type": "audio/wav" }).end(file),
        { format: "wav" }
      )
      assert.closeTo(samplesOf(yield* collect(tts, ["Hello."])).length, 24_000, 100)
    }))

  it.live("speaks the first piece as it comes, asks for the next one meanwhile, and for no other", () =>
    Effect.gen(function*() {
      const { server, tts } = yield* serving((request, response) => {
        response.writeHead(200, { "content-type": "audio/pcm" }).write(pcm)
        if (request.index > 0) response.end()
      })
      const taken = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const fiber = yield* tts.speak(Stream.rechunk(Stream.make("One.", "Two.", "Three."), 1)).pipe(
        Stream.runForEach(() => Effect.andThen(Deferred.succeed(taken, undefined), Deferred.await(go))),
        Effect.forkChild
      )
      yield* Deferred.await(taken)
      assert.deepStrictEqual([bodyOf(yield* server.next).input, bodyOf(yield* server.next).input], ["One.", "Two."])
      yield* provider.turns
      assert.strictEqual(server.requests.length, 2)
      yield* Fiber.interrupt(fiber)
      yield* server.aborted
    }))

  it.live("speaks what is longer than a request may be in several", () =>
    Effect.gen(function*() {
      const { server, tts } = yield* serving(speaking)
      const long = "All work and no play. ".repeat(300).trim()
      yield* collect(tts, [long])
      const inputs = server.requests.map((request): string => bodyOf(request).input)
      assert.strictEqual(inputs.length, 2)
      for (const input of inputs) assert.isAtMost(input.length, 4096)
      assert.strictEqual(inputs.join(" "), long)
    }))

  it.live("asks nothing for no text, and takes silence for what cannot be said", () =>
    Effect.gen(function*() {
      const { server, tts } = yield* serving((_, response) =>
        void response.writeHead(200, { "content-type": "audio/pcm" }).end()
      )
      assert.deepStrictEqual(yield* collect(tts, ["", " ", "\n"]), [])
      assert.strictEqual(server.requests.length, 0)
      assert.deepStrictEqual(samplesOf(yield* collect(tts, ["…"])), [])
    }))

  it.live("keeps its connection from one speech to the next", () =>
    Effect.gen(function*() {
      const { server, tts } = yield* serving(speaking)
      yield* tts.prewarm ?? Effect.die("no prewarm")
      yield* provider.turns
      for (let i = 0; i < 20; i++) {
        yield* collect(tts, ["Hello."])
        yield* provider.turns
      }
      assert.isAtMost(server.connections(), 5)
    }))
})

describe("faults", () => {
  it.live("a WAV file that is none", () =>
    Effect.gen(function*() {
      const { tts } = yield* serving(speaking, { format: "wav" })
      assert.strictEqual((yield* Effect.flip(collect(tts, ["Hello."]))).reason._tag, "InvalidResponse")
    }))

  it.live("tells a failure of the second piece after the first", () =>
    Effect.gen(function*() {
      const { tts } = yield* serving((request, response) =>
        request.index === 0 ? speaking(request, response) : void response.writeHead(500).end()
      )
      const heard: Array<number> = []
      const error = yield* Effect.flip(
        tts.speak(Stream.rechunk(Stream.make("One.", "Two."), 1)).pipe(
          Stream.runForEach(({ frame }) => Effect.sync(() => heard.push(...frame.samples)))
        )
      )
      assert.strictEqual(error.reason._tag, "Rejected")
      assert.deepStrictEqual(heard, [...ramp])
    }))

  it.live("says which option is wrong", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [OpenAiTts.Options, string]> = [
        [{}, "apiKey"],
        [{ apiKey, voice: "" }, "voice"],
        [{ apiKey, speed: 5 }, "speed"],
        [{ apiKey, sampleRate: 24_000.5 }, "sampleRate"],
        [{ apiKey, instructions: "Whisper." }, "instructions"]
      ]
      for (const [options, name] of wrong) {
        const error = yield* Effect.flip(OpenAiTts.make(options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, name)
      }
      const { server, tts } = yield* serving(speaking)
      const error = yield* Effect.flip(collect(tts, ["Hello."], { speed: 9 }))
      assert.include(error.message, "speed")
      assert.strictEqual(server.requests.length, 0)
    }))
})

describe("configuration", () => {
  it.live("comes from the environment", () =>
    Effect.gen(function*() {
      const built = (env: Record<string, string>, layer: ReturnType<typeof OpenAiTts.layerConfig>) =>
        Effect.exit(Tts.Tts.pipe(
          Effect.provide(layer),
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        ))
      const exit = yield* built({ OPENAI_API_KEY: key, OPENAI_MODEL: "gpt-9" }, OpenAiTts.layerConfig())
      assert.strictEqual(Exit.isSuccess(exit) ? exit.value.model : exit, "tts-1")
      assert.isTrue(Exit.isFailure(yield* built({}, OpenAiTts.layerConfig())))
      const own = OpenAiTts.layerConfig({ apiKey: Config.Redacted("K"), voice: Config.String("V") })
      assert.isTrue(Exit.isSuccess(yield* built({ K: key, V: "nova" }, own)))
    }))
})
