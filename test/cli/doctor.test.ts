import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Stream } from "effect"
import { type Audio, Llm, Stt, Tts } from "effect-voice"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { recorder } from "../../src/cli/doctor/capture.ts"
import { examineAgent } from "../../src/cli/doctor/examine.ts"
import { wordErrors } from "../../src/cli/doctor/probes.ts"
import { environment } from "../../src/cli/doctor/providers.ts"
import { Redaction } from "../../src/cli/doctor/redaction.ts"
import { quantiles, table } from "../../src/cli/doctor/report.ts"
import { Tap } from "../../src/internal/provider/tap.ts"
import { layers } from "../contract/capture.ts"
import * as realtime from "../support/openaiRealtime.ts"
import * as provider from "../support/provider.ts"

const key = "sk-very-secret-1234567890"
const apiKey = Redacted.make(key)

const tone: Audio.Frame = {
  sampleRate: 16_000,
  channels: 1,
  samples: Int16Array.from({ length: 8000 }, (_, i) => 8000 * Math.sin(i / 5))
}

const options = {
  times: 1,
  recordings: [{ text: "what is the weather", audio: tone }],
  secrets: [key],
  words: false
}

const speaking: provider.Handler = (request, response) => {
  if (request.url.pathname.endsWith("/speech")) {
    response.writeHead(200, { "content-type": "audio/pcm" }).end(Buffer.alloc(48_000, 64))
  } else {
    const chunk = (delta: unknown, finish: string | null = null) =>
      `data: ${
        JSON.stringify({
          id: "c1",
          object: "chat.completion.chunk",
          choices: [{ index: 0, delta, finish_reason: finish }]
        })
      }\n\n`
    response.writeHead(200, { "content-type": "text/event-stream" }).end(
      `${chunk({ content: "Sunny with a breeze." })}${chunk({}, "stop")}data: [DONE]\n\n`
    )
  }
}

const hearing = () =>
  provider.webSocket({
    onMessage: (message, peer) => {
      if (typeof message !== "string") return
      if (message.includes("CloseStream")) peer.socket.close(1000)
      if (!message.includes("Finalize")) return
      peer.send({
        type: "Results",
        start: 0,
        duration: 0.5,
        is_final: true,
        speech_final: true,
        from_finalize: true,
        channel: { alternatives: [{ transcript: "what is the weather", confidence: 0.9, words: [] }] }
      })
    }
  })

describe("effect-voice doctor", () => {
  it.live("measures what a provider needs for its first and its last", () =>
    Effect.gen(function*() {
      const { url } = yield* provider.http(speaking)
      const { url: socket } = yield* hearing()
      const examined = yield* examineAgent(
        Layer.mergeAll(
          DeepgramStt.layer({ apiKey, baseUrl: socket }),
          OpenAiLlm.layer({ apiKey, baseUrl: `${url}/v1` }),
          OpenAiTts.layer({ apiKey, baseUrl: `${url}/v1` })
        ),
        options
      )
      assert.deepStrictEqual(
        examined.map(({ finding: { answered, faults, kind, provider } }) => [kind, provider, answered, faults]),
        [["stt", "deepgram", 1, []], ["llm", "openai", 1, []], ["tts", "openai", 1, []]]
      )
      assert.strictEqual(examined[0]?.finding.wordErrors, 0)
      for (const { finding } of examined) assert.isAtLeast(finding.last?.p95 ?? -1, 0)
      assert.include(table(examined.map(({ finding }) => finding)), "1 of 1")
      const written = JSON.stringify(examined.map(({ capture }) => capture))
      for (const word of [key, "weather", "Sunny", "breeze", "book a table"]) assert.notInclude(written, word)
    }))

  it.live("measures a model that speaks itself, and keeps nothing of what it says", () =>
    Effect.gen(function*() {
      const server = yield* realtime.serve({ replies: [{ text: "Sunny with a breeze." }] })
      const examined = yield* examineAgent(
        OpenAiRealtime.layer({ apiKey, baseUrl: `${server.url}/v1` }),
        options
      )
      assert.deepStrictEqual(
        examined.map(({ finding: { answered, faults, kind, provider } }) => [kind, provider, answered, faults]),
        [["llm", "openai", 1, []]]
      )
      const written = JSON.stringify(examined.map(({ capture }) => capture))
      for (const word of [key, "Sunny", "breeze", realtime.audioOf(100).slice(0, 100)]) {
        assert.notInclude(written, word)
      }
    }))

  it.live("gives our layers, from a capture that is replayed, what the provider gave", () =>
    Effect.gen(function*() {
      const { url } = yield* provider.http(speaking)
      const { url: socket } = yield* hearing()
      const recorded = (kind: "stt" | "llm" | "tts", words: boolean) =>
        recorder({ provider: "openai", kind, secrets: [key], words, now: () => 0 })
      const said = Stream.fromIterable<Stt.Input>([tone, Stt.Finalize])
      const stt = Effect.provide(
        Stream.runCollect(Stt.transcribe(said)),
        DeepgramStt.layer({ apiKey, baseUrl: socket })
      )
      const llm = Effect.provide(
        Llm.Llm.use((llm) => Llm.generateText(llm, "And tomorrow?")),
        OpenAiLlm.layer({ apiKey, baseUrl: `${url}/v1` })
      )
      const tts = Effect.provide(
        Stream.runCollect(Tts.speak(Stream.succeed("Hello."))),
        OpenAiTts.layer({ apiKey, baseUrl: `${url}/v1` })
      )
      const [hearer, talker, voice] = [recorded("stt", true), recorded("llm", true), recorded("tts", false)]
      const heard = yield* Effect.provideService(stt, Tap, hearer.watch)
      const reply = yield* Effect.provideService(llm, Tap, talker.watch)
      const audio = yield* Effect.provideService(tts, Tap, voice.watch)
      assert.strictEqual(reply, "Sunny with a breeze.")
      assert.deepStrictEqual(
        yield* Effect.provide(Stream.runCollect(Stt.transcribe(said)), layers.stt(hearer.capture())),
        heard
      )
      assert.strictEqual(
        yield* Effect.provide(
          Llm.Llm.use((llm) => Llm.generateText(llm, "And tomorrow?")),
          layers.llm(talker.capture())
        ),
        reply
      )
      const again = yield* Effect.provide(
        Stream.runCollect(Tts.speak(Stream.succeed("Hello."))),
        layers.tts(voice.capture())
      )
      const samples = (chunks: ReadonlyArray<Tts.Chunk>) =>
        chunks.reduce((sum, { frame }) => sum + frame.samples.length, 0)
      assert.strictEqual(samples(again), samples(audio))
    }))

  it.live("says what a refusal said, without the key, and what to mend", () =>
    Effect.gen(function*() {
      const { url } = yield* provider.http((_, response) =>
        void response.writeHead(401, { "content-type": "application/json" }).end(
          JSON.stringify({ error: { message: `Incorrect API key provided: ${key}` } })
        )
      )
      const [{ finding } = assert.fail()] = yield* examineAgent(
        OpenAiLlm.layer({ apiKey, baseUrl: `${url}/v1` }),
        { ...options, times: 5 }
      )
      assert.strictEqual(finding.asked, 3)
      assert.deepStrictEqual(finding.said, ["401 Incorrect API key provided: …"])
      assert.match(finding.advice.join(), /does not know this key/)
    }))

  it.live("says by which code and reason a socket was closed, and what a refused handshake answered", () =>
    Effect.gen(function*() {
      const closing = yield* provider.webSocket({ onOpen: ({ socket }) => socket.close(1011, "no credit left") })
      const refusing = yield* provider.webSocket({ refuse: () => ({ status: 403 }) })
      const ask = (url: string) => examineAgent(DeepgramStt.layer({ apiKey, baseUrl: url }), options)
      assert.deepStrictEqual((yield* ask(closing.url))[0]?.finding.said, ["closed 1011 no credit left"])
      assert.include((yield* ask(refusing.url))[0]?.finding.said.join() ?? "", "403")
    }))

  it.live("feeds no silence to a recogniser of speech alone, which would take it for more speech", () =>
    Effect.gen(function*() {
      const lengths: Array<number> = []
      const stt = Stt.fromRecognizer({
        name: "ears",
        recognize: ({ samples }) => Effect.as(Effect.sync(() => lengths.push(samples.length)), { text: "weather" })
      })
      yield* examineAgent(Layer.succeed(Stt.Stt, stt), options)
      assert.deepStrictEqual(lengths, [tone.samples.length])
    }))

  it.effect("tells keys that are set by half or mistyped, and no value", () =>
    Effect.gen(function*() {
      const { configured, problems, secrets } = yield* environment
      assert.deepStrictEqual(configured.map(({ name }) => name), ["DeepgramStt", "DeepgramFluxStt"])
      assert.deepStrictEqual(problems, [
        "AZURE_SPEECH_REGION: not set, but AZURE_SPEECH_KEY is",
        "DEEPGRAM_API_KEY: the quotes are part of the value; leave them out"
      ])
      assert.deepStrictEqual(secrets, [`"${key}"`, "azure-key"])
    }).pipe(Effect.provide(ConfigProvider.layer(
      ConfigProvider.fromUnknown({ DEEPGRAM_API_KEY: `"${key}"`, AZURE_SPEECH_KEY: "azure-key" })
    ))))

  it("writes neither keys, words nor audio, in whatever form they come", () => {
    const redaction = new Redaction([key], false)
    const audio = Buffer.alloc(300, 7).toString("base64")
    for (
      const text of [
        JSON.stringify({ text: "Call Bob", tokens: [14_134, 5_811], reason: "Call Bob", deep: [{ audio, auth: key }] }),
        `event: delta\ndata: {"delta":"Call Bob","id":"Bob"}\n\ndata: [DONE]\n\n`,
        "X-RequestId: Bob\r\nPath: speech.phrase\r\n\r\n{\"DisplayText\":\"Call Bob\"}",
        `Call Bob by ${key}`
      ]
    ) {
      const written = redaction.text(text)
      for (const leak of ["Call", "Bob", key, "14134", "5811", audio]) assert.notInclude(written, leak)
    }
    assert.strictEqual(
      redaction.text(`{"type":"Results","text":"Hi, Bob!","chars_start_times":[0,12]}`),
      `{"type":"Results","text":"xx, xxx!","chars_start_times":[0,12]}`
    )
    assert.strictEqual(
      redaction.path(`wss://x.example/v1/listen?model=nova-3&token=${key}&keyterm=Bob&sample_rate=16000`),
      "/v1/listen?model=nova-3&token=%E2%80%A6&keyterm=%E2%80%A6&sample_rate=16000"
    )
  })

  it("counts the words that were heard wrongly, and the middle and the slow of what it measured", () => {
    assert.strictEqual(wordErrors("Yes, that is correct.", "yes that is correct"), 0)
    assert.strictEqual(wordErrors("Yes, that is correct.", "yes that was"), 0.5)
    assert.strictEqual(wordErrors("Yes.", ""), 1)
    assert.deepStrictEqual(quantiles(Array.from({ length: 20 }, (_, i) => i + 1)), { p50: 10, p95: 19 })
    assert.isUndefined(quantiles([]))
  })
})
