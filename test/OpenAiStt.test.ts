import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Exit, Layer, Redacted, Result, Stream } from "effect"
import { Audio, Stt } from "effect-voice"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as faulty from "./contract/faults.ts"
import { contract } from "./contract/stt.ts"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"
import { suite } from "./support/transcribing.ts"

const key = "sk-secret-key"
const apiKey = Redacted.make(key)

const second = Array.from({ length: 50 }, (_, i): Audio.Frame => ({
  sampleRate: 16_000,
  channels: 1,
  samples: Int16Array.from({ length: 320 }, (_, j) => Math.round(8000 * Math.sin((i * 320 + j) / 7)))
}))

const said = (...inputs: ReadonlyArray<Stt.Input>) => Stream.rechunk(Stream.fromIterable(inputs), 10)

const collect = (stt: Stt.Stt["Service"], ...inputs: ReadonlyArray<Stt.Input>) =>
  Stream.runCollect(Stt.transcribe(said(...inputs))).pipe(Effect.provideService(Stt.Stt, stt))

const serving = (handler: provider.Handler, options: OpenAiStt.Options = {}) =>
  Effect.gen(function*() {
    const server = yield* provider.http(handler)
    return { server, stt: yield* OpenAiStt.make({ apiKey, baseUrl: `${server.url}/v1`, ...options }) }
  })

interface Form {
  readonly fields: Readonly<Record<string, ReadonlyArray<string>>>
  readonly file: { readonly name: string; readonly type: string; readonly bytes: Uint8Array } | undefined
}

/** The parts of an upload, read as a server would. */
const formOf = ({ body, headers }: provider.Request): Form => {
  const boundary = /boundary=(.*)$/.exec(headers["content-type"] ?? "")?.[1] ?? ""
  const fields: Record<string, Array<string>> = {}
  let file: Form["file"]
  for (const part of body.toString("latin1").split(`--${boundary}`).slice(1, -1)) {
    const [head = "", ...rest] = part.split("\r\n\r\n")
    const value = rest.join("\r\n\r\n").slice(0, -2)
    const name = /name="([^"]*)"/.exec(head)?.[1] ?? ""
    const fileName = /filename="([^"]*)"/.exec(head)?.[1]
    if (fileName === undefined) fields[name] = [...fields[name] ?? [], value]
    else {
      file = {
        name: fileName,
        type: /content-type: (.*)/i.exec(head)?.[1]?.trim() ?? "",
        bytes: Buffer.from(value, "latin1")
      }
    }
  }
  return { fields, file }
}

contract(
  "OpenAiStt",
  Layer.unwrap(Effect.map(
    provider.http(openai.transcribed("Hello there.")),
    ({ url }) => OpenAiStt.layer({ apiKey, baseUrl: url })
  )),
  { live: true, speech: second }
)

contract(
  "OpenAiStt live",
  Layer.unwrap(Effect.map(
    provider.webSocket({ onMessage: openai.hearing("Hello there.") }),
    ({ url }) => OpenAiStt.layerRealtime({ apiKey, url })
  )),
  { live: true, speech: second }
)

const transcribed = (more: object) => JSON.stringify({ task: "transcribe", language: "english", duration: 1, ...more })
const segments = [
  { id: 0, start: 0, end: 1, text: " Grüezi.", avg_logprob: -0.2, compression_ratio: 1.1, no_speech_prob: 0.01 }
]

faulty.http("OpenAiStt", {
  ask: faulty.stt((url) => OpenAiStt.layer({ apiKey: faulty.apiKey, baseUrl: `${url}/v1`, gates: true })),
  kind: "json",
  type: "application/json",
  pieces: [transcribed({ text: "Grüezi.", segments })],
  said: "Grüezi.",
  empty: [transcribed({ text: "", segments: [] })],
  input: true,
  unknown: [transcribed({ text: "Grüezi.", segments, brand: { new: [1] } })]
})

faulty.webSocket("OpenAiStt live", {
  ask: faulty.stt((url) => OpenAiStt.layerRealtime({ apiKey: faulty.apiKey, url })),
  well: { onMessage: openai.hearing("Grüezi mitenand.") },
  said: "Grüezi mitenand.",
  first: [
    { type: "input_audio_buffer.committed", item_id: "a" },
    { type: "conversation.item.input_audio_transcription.delta", item_id: "a", delta: "Grüezi" }
  ],
  harmless: [
    { type: "session.created", session: { id: "s" } },
    { type: "brand.new", deep: { er: [1] } },
    { type: "conversation.item.input_audio_transcription.delta", item_id: "b", delta: "" },
    { type: "rate_limits.updated", rate_limits: [] }
  ]
})

suite("OpenAiStt live", { layer: (url) => OpenAiStt.layerRealtime({ apiKey, url }), more: [] })

describe("files", () => {
  it.live("are WAV, sent with their defaults", () =>
    Effect.gen(function*() {
      const { server, stt } = yield* serving(openai.transcribed("Hello there."))
      assert.deepStrictEqual([stt.model, stt.interims], ["whisper-1", false])
      const [heard] = yield* collect(stt, ...second)
      assert.strictEqual(heard?.text, "Hello there.")
      assert.strictEqual(heard?.final, true)
      assert.strictEqual(heard?.language, "en")
      assert.closeTo(heard?.confidence ?? 0, Math.exp(-0.2), 1e-9)
      const sent = yield* server.next
      assert.strictEqual(sent.url.pathname, "/v1/audio/transcriptions")
      assert.strictEqual(sent.headers.authorization, `Bearer ${key}`)
      const { fields, file } = formOf(sent)
      assert.deepStrictEqual(fields, {
        model: ["whisper-1"],
        language: ["en"],
        temperature: ["0"],
        response_format: ["verbose_json"]
      })
      assert.deepStrictEqual([file?.name, file?.type], ["speech.wav", "audio/wav"])
      const wav = Result.getOrThrow(Audio.decodeWav(file?.bytes ?? new Uint8Array()))
      assert.deepStrictEqual([wav.sampleRate, wav.channels], [16_000, 1])
      assert.deepStrictEqual([...wav.samples], second.flatMap(({ samples }) => [...samples]))
    }))

  it.live("carry every setting", () =>
    Effect.gen(function*() {
      const { server, stt } = yield* serving(openai.transcribed("Hallo."), {
        model: "whisper-large-v3",
        language: "auto",
        prompt: "Hotel Seeblick",
        temperature: 0.2,
        words: true
      })
      yield* collect(stt, ...second)
      assert.deepStrictEqual(formOf(yield* server.next).fields, {
        model: ["whisper-large-v3"],
        prompt: ["Hotel Seeblick"],
        temperature: ["0.2"],
        response_format: ["verbose_json"],
        "timestamp_granularities[]": ["word", "segment"]
      })
      yield* collect(stt.withLanguage?.("de-AT") ?? stt, ...second)
      assert.deepStrictEqual(formOf(yield* server.next).fields.language, ["de"])
    }))

  it.live("are asked for as each family of models wants it", () =>
    Effect.gen(function*() {
      for (
        const [model, fields] of [
          ["gpt-4o-transcribe", { language: ["en"], temperature: ["0"], "include[]": ["logprobs"] }],
          ["gpt-transcribe", { "languages[]": ["en"] }]
        ] as const
      ) {
        const { server, stt } = yield* serving((_, response) =>
          void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({
            text: "Hello.",
            logprobs: model === "gpt-transcribe" ? undefined : [{ token: "Hel", logprob: -0.1 }, { logprob: -0.3 }]
          })), { model })
        const [heard] = yield* collect(stt, ...second)
        assert.strictEqual(heard?.text, "Hello.")
        assert.strictEqual(
          heard?.confidence?.toFixed(6),
          model === "gpt-transcribe" ? undefined : Math.exp(-0.2).toFixed(6)
        )
        assert.deepStrictEqual<unknown>(formOf(yield* server.next).fields, {
          model: [model],
          response_format: ["json"],
          ...fields
        })
      }
      const preset = yield* OpenAiStt.make({ apiKey, ...OpenAiStt.recommended })
      assert.strictEqual(preset.model, "gpt-transcribe")
    }))

  it.live("give words with their times in the stream, and the language that was heard", () =>
    Effect.gen(function*() {
      const { stt } = yield* serving(
        openai.transcribed("Guten Tag", {
          language: "german",
          words: [{ word: "Guten", start: 0.1, end: 0.4 }, { word: "Tag", start: 0.5, end: 0.9 }]
        }),
        { language: "auto", words: true }
      )
      const heard = yield* collect(stt, ...second, Stt.Finalize, ...second)
      assert.deepStrictEqual(heard.map(({ language, start }) => [start, language]), [[0, "de"], [1000, "de"]])
      assert.deepStrictEqual(heard[1]?.words, [
        { text: "Guten", start: 1100, end: 1400 },
        { text: "Tag", start: 1500, end: 1900 }
      ])
    }))

  it.live("pass the gates, where these are enabled", () =>
    Effect.gen(function*() {
      const good = {
        start: 0,
        end: 0.5,
        text: " Hello.",
        avg_logprob: -0.9,
        compression_ratio: 2.3,
        no_speech_prob: 0.5
      }
      const bad = [{ no_speech_prob: 0.61 }, { compression_ratio: 2.41 }, { avg_logprob: -1.01 }]
      for (const failing of bad) {
        const last = { ...good, start: 0.5, end: 1, text: " Thanks for watching!", ...failing }
        const answer = (segments: ReadonlyArray<object>) =>
          openai.transcribed("Hello. Thanks for watching!", {
            segments,
            words: [{ word: "Hello", start: 0, end: 0.4 }, { word: "Thanks", start: 0.6, end: 0.8 }]
          })
        const open = yield* serving(answer([good, last]), { words: true })
        assert.strictEqual((yield* collect(open.stt, ...second))[0]?.text, "Hello. Thanks for watching!")
        const gated = yield* serving(answer([good, last]), { gates: true, words: true })
        const [heard] = yield* collect(gated.stt, ...second)
        assert.strictEqual(heard?.text, "Hello.")
        assert.deepStrictEqual(heard?.words?.map(({ text }) => text), ["Hello"])
        const none = yield* serving(answer([last]), { gates: true })
        assert.deepStrictEqual(yield* collect(none.stt, ...second), [])
        const wide = { noSpeech: 0.7, compressionRatio: 3, averageLogProbability: -2 }
        const own = yield* serving(answer([last]), { gates: wide })
        assert.strictEqual((yield* collect(own.stt, ...second)).length, 1)
      }
      const sure = yield* serving(openai.transcribed("Hm", { segments: undefined, logprobs: [{ logprob: -3 }] }), {
        model: "gpt-4o-transcribe",
        gates: true
      })
      assert.deepStrictEqual(yield* collect(sure.stt, ...second), [])
    }))

  it.live("are not sent for next to nothing", () =>
    Effect.gen(function*() {
      const { server, stt } = yield* serving(openai.transcribed("Hello."))
      assert.deepStrictEqual(yield* collect(stt, ...second.slice(0, 4)), [])
      assert.strictEqual(server.requests.length, 0)
      const silent = yield* serving(openai.transcribed(" "))
      assert.deepStrictEqual(yield* collect(silent.stt, ...second), [])
    }))

  it.live("go over a kept connection", () =>
    Effect.gen(function*() {
      const { server, stt } = yield* serving(openai.transcribed("Hello."))
      yield* stt.prewarm ?? Effect.die("no prewarm")
      for (let i = 0; i < 10; i++) {
        yield* provider.turns
        yield* collect(stt, ...second)
      }
      assert.isAtMost(server.connections(), 4)
    }))
})

const live = (
  onMessage: (message: string | Buffer, peer: provider.Peer) => void,
  options: OpenAiStt.RealtimeOptions = {}
) =>
  Effect.gen(function*() {
    const server = yield* provider.webSocket({ onMessage })
    const baseUrl = `${server.url.replace("ws", "http")}/v1`
    return { server, stt: yield* OpenAiStt.makeRealtime({ apiKey, baseUrl, ...options }) }
  })

const completed = (id: string, transcript: string, more: object = {}) => ({
  type: "conversation.item.input_audio_transcription.completed",
  item_id: id,
  transcript,
  ...more
})

const committed = (id: string) => ({ type: "input_audio_buffer.committed", item_id: id })

const delta = (id: string, text: string) => ({
  type: "conversation.item.input_audio_transcription.delta",
  item_id: id,
  delta: text
})

const onCommit = (answers: ReadonlyArray<(peer: provider.Peer) => void>) => {
  let count = 0
  return (message: string | Buffer, peer: provider.Peer) => {
    if (JSON.parse(message.toString()).type === "input_audio_buffer.commit") answers[count++]?.(peer)
  }
}

describe("live", () => {
  it.live("tells its settings, sends the audio at 24 kHz, and hears interims before the final", () =>
    Effect.gen(function*() {
      const { server, stt } = yield* live(openai.hearing("Hello there.", "Goodbye."), {
        language: "en-US",
        noiseReduction: "near_field",
        prompt: "Hotel"
      })
      assert.deepStrictEqual([stt.model, stt.interims], ["gpt-live-transcribe", true])
      const heard = yield* collect(stt, ...second, Stt.Finalize, ...second, ...second)
      assert.deepStrictEqual(heard.map(({ end, final, start, text }) => [text, final, start, end]), [
        ["Hello", false, 0, 1000],
        ["Hello there.", false, 0, 1000],
        ["Hello there.", true, 0, 1000],
        ["Goodbye.", false, 1000, 3000],
        ["Goodbye.", true, 1000, 3000]
      ])
      const peer = yield* server.next
      assert.strictEqual(
        peer.url.pathname + peer.url.search,
        "/v1/realtime?intent=transcription&model=gpt-live-transcribe"
      )
      assert.strictEqual(peer.headers.authorization, `Bearer ${key}`)
      assert.strictEqual(yield* peer.closed, 1000)
      const [update, ...rest] = peer.received.map((message) => JSON.parse(message.toString()))
      assert.deepStrictEqual(update, {
        type: "session.update",
        session: {
          type: "transcription",
          audio: {
            input: {
              format: { type: "audio/pcm", rate: 24_000 },
              transcription: { model: "gpt-live-transcribe", languages: ["en"], prompt: "Hotel" },
              turn_detection: null,
              noise_reduction: { type: "near_field" }
            }
          }
        }
      })
      const bytes = rest.reduce(
        (sum, { audio }) => sum + (audio === undefined ? 0 : Buffer.from(audio, "base64").length),
        0
      )
      assert.strictEqual(bytes, 3 * 48_000)
      assert.strictEqual(rest.filter(({ type }) => type === "input_audio_buffer.commit").length, 2)
    }))

  it.live("gives the words while the speaker is still speaking", () =>
    Effect.gen(function*() {
      const { stt } = yield* live((message, peer) => {
        if (JSON.parse(message.toString()).type === "input_audio_buffer.append") peer.send(delta("a", "Hel"))
      })
      const audio = Stream.concat(said(...second.slice(0, 10)), Stream.never)
      const [heard] = yield* stt.transcribe(audio).pipe(Stream.take(1), Stream.runCollect)
      assert.deepStrictEqual([heard?.text, heard?.final], ["Hel", false])
    }))

  it.live("keeps the order of the speech, whatever is finished first", () =>
    Effect.gen(function*() {
      const { stt } = yield* live(
        onCommit([
          (peer) => {
            peer.send(committed("a"))
            peer.send(delta("a", "Fir"))
          },
          (peer) => {
            peer.send(committed("b"))
            peer.send(delta("b", "Sec"))
            peer.send(completed("b", "Second.", { languages: [{ code: "en" }], logprobs: [{ logprob: 0 }] }))
            peer.send(completed("a", "First."))
            peer.send(delta("a", "late"))
          }
        ]),
        { language: "auto" }
      )
      const heard = yield* collect(stt, ...second, Stt.Finalize, ...second, Stt.Finalize)
      assert.deepStrictEqual(heard.map(({ final, text }) => [text, final]), [
        ["Fir", false],
        ["First.", true],
        ["Second.", true]
      ])
      assert.deepStrictEqual([heard[2]?.language, heard[2]?.confidence], ["en", 1])
    }))

  it.live("commits nothing where nothing was said", () =>
    Effect.gen(function*() {
      const { server, stt } = yield* live(openai.hearing("Hello."))
      assert.deepStrictEqual(yield* collect(stt, Stt.Finalize, ...second.slice(0, 3), Stt.Finalize), [])
      const peer = yield* server.next
      yield* peer.closed
      assert.isFalse(peer.received.some((message) => message.toString().includes("commit")))
      const empty = yield* live(onCommit([(peer) => {
        peer.send({ type: "error", error: { code: "input_audio_buffer_commit_empty", type: "invalid_request_error" } })
      }]))
      assert.deepStrictEqual(yield* collect(empty.stt, ...second), [])
    }))
})

describe("faults", () => {
  const faults: ReadonlyArray<readonly [name: string, handler: provider.Handler, reason: string]> = [
    ["another shape", openai.transcribed("Hi", { text: 5 }), "InvalidResponse"],
    [
      "400 with what was said",
      (_, response) =>
        void response.writeHead(400, { "content-type": "application/json" }).end(
          `{"error":{"message":"${key}","param":"my ${key}","code":"invalid_value"}}`
        ),
      "InvalidRequest"
    ]
  ]
  for (const [name, handler, tag] of faults) {
    it.live(`of a file: ${name}`, () =>
      Effect.gen(function*() {
        const { stt } = yield* serving(handler)
        const error = yield* Effect.flip(collect(stt, ...second))
        assert.strictEqual(error.reason._tag, tag)
        assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), "sk-secret")
      }))
  }

  const item = "conversation.item.input_audio_transcription"
  const lost: ReadonlyArray<readonly [name: string, answer: (peer: provider.Peer) => void, reason: string]> = [
    ["another shape", (peer) => peer.send({ type: 7 }), "InvalidResponse"],
    [
      "an error",
      (peer) => peer.send({ type: "error", error: { type: "server_error", message: key } }),
      "Rejected"
    ],
    [
      "a wrong setting",
      (peer) => peer.send({ type: "error", error: { type: "invalid_request_error", param: "session.audio" } }),
      "InvalidRequest"
    ],
    [
      "the end of the session",
      (peer) => peer.send({ type: "error", error: { type: "invalid_request_error", code: "session_expired" } }),
      "Disconnected"
    ],
    [
      "an empty account, told of one item",
      (peer) =>
        peer.send({ type: `${item}.failed`, item_id: "a", error: { code: "insufficient_quota", message: key } }),
      "Rejected"
    ]
  ]
  for (const [name, answer, tag] of lost) {
    it.live(`live: ${name}`, () =>
      Effect.gen(function*() {
        const { server, stt } = yield* live(onCommit([answer]))
        const error = yield* Effect.flip(collect(stt, ...second))
        assert.strictEqual(error.reason._tag, tag)
        assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), "sk-secret")
        const peer = yield* server.next
        yield* peer.closed
      }))
  }

  it.live("live: one item after the other", () =>
    Effect.gen(function*() {
      const failed = (item_id: string) => (peer: provider.Peer) =>
        peer.send({ type: `${item}.failed`, item_id, error: { code: "audio_unintelligible", message: key } })
      const { stt } = yield* live(onCommit(["a", "b", "c"].map(failed)))
      const three = [...second, Stt.Finalize, ...second, Stt.Finalize, ...second]
      const error = yield* Effect.flip(collect(stt, ...three))
      assert.strictEqual(error.reason._tag, "Broken")
      assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), "sk-secret")
    }))

  it.live("live: speech that cannot be transcribed counts as silence, and what follows is heard", () =>
    Effect.gen(function*() {
      const { server, stt } = yield* live(onCommit([
        (peer) => peer.send({ type: `${item}.failed`, item_id: "a", error: { code: "audio_unintelligible" } }),
        (peer) => {
          peer.send({ type: "input_audio_buffer.committed", item_id: "b" })
          peer.send({ type: `${item}.completed`, item_id: "b", transcript: "Are you there?" })
        }
      ]))
      const heard = yield* collect(stt, ...second, Stt.Finalize, ...second)
      assert.deepStrictEqual(heard.map(({ start, text }) => [text, start]), [["Are you there?", 1000]])
      assert.strictEqual(server.peers.length, 1)
    }))

  it.live("say which option is wrong", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [OpenAiStt.Options, string]> = [
        [{}, "apiKey"],
        [{ apiKey, language: "English, please" }, "language"],
        [{ apiKey, temperature: 1.5 }, "temperature"],
        [{ apiKey, gates: { noSpeech: 60 } }, "gates.noSpeech"],
        [{ apiKey, words: true, ...OpenAiStt.recommended }, "words"],
        [{ apiKey, model: "gpt-4o-transcribe", keywords: ["Seeblick"] }, "keywords"],
        [{ apiKey, languages: ["de", "fr"] }, "languages"]
      ]
      for (const [options, name] of wrong) {
        const error = yield* Effect.flip(OpenAiStt.make(options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, name)
      }
      for (const [options, name] of [[{}, "apiKey"], [{ apiKey, url: `mailto:${key}` }, "url"]] as const) {
        const error = yield* Effect.flip(OpenAiStt.makeRealtime(options))
        assert.include(error.message.toLowerCase(), name.toLowerCase())
        assert.notInclude(error.message, "secret")
      }
    }))
})

describe("configuration", () => {
  it.live("comes from the environment", () =>
    Effect.gen(function*() {
      const built = (env: Record<string, string>, layer: ReturnType<typeof OpenAiStt.layerConfig>) =>
        Effect.exit(Stt.Stt.pipe(
          Effect.provide(layer),
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        ))
      const env = { OPENAI_API_KEY: key, OPENAI_MODEL: "gpt-9" }
      const model = (exit: Exit.Exit<Stt.Stt["Service"], unknown>) => Exit.isSuccess(exit) ? exit.value.model : exit
      assert.strictEqual(model(yield* built(env, OpenAiStt.layerConfig())), "whisper-1")
      assert.strictEqual(model(yield* built(env, OpenAiStt.layerRealtimeConfig())), "gpt-live-transcribe")
      assert.isTrue(Exit.isFailure(yield* built({}, OpenAiStt.layerConfig())))
      const own = OpenAiStt.layerConfig({ apiKey: Config.Redacted("K"), model: Config.String("M") })
      assert.strictEqual(model(yield* built({ K: key, M: "whisper-2" }, own)), "whisper-2")
    }))
})
