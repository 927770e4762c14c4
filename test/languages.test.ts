import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Stt, Tts } from "effect-voice"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as CommandStt from "effect-voice/Layers/CommandStt"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as provider from "./support/provider.ts"
import { key, said } from "./support/transcribing.ts"

const apiKey = key

/** A recogniser, its final answer to what was said, and where in the address its language is. */
interface Recogniser {
  readonly layer: (url: string, language: string | undefined) => Layer.Layer<Stt.Stt, Stt.SttError>
  readonly answer: (language: unknown) => unknown
  readonly ends: (message: string | Buffer) => boolean
  readonly told: (peer: provider.Peer) => string | null
}

const parameter = (name: string) => ({ url }: provider.Peer) => url.searchParams.get(name)

const recognisers: Readonly<Record<string, Recogniser>> = {
  Azure: {
    layer: (baseUrl, language) => AzureStt.layer({ apiKey, region: "westeurope", baseUrl, language }),
    answer: (language) =>
      `Path:speech.phrase\r\n\r\n${
        JSON.stringify({
          RecognitionStatus: "Success",
          DisplayText: "Hallo.",
          PrimaryLanguage: language === null ? null : { Language: language }
        })
      }`,
    ends: (message) => typeof message !== "string" && message.length === 2 + message.readUInt16BE(0),
    told: parameter("language")
  },
  Deepgram: {
    layer: (baseUrl, language) => DeepgramStt.layer({ apiKey, baseUrl, language }),
    answer: (language) => ({
      type: "Results",
      is_final: true,
      channel: { alternatives: [{ transcript: "Hallo.", languages: language === null ? null : [language] }] }
    }),
    ends: (message) => String(message).includes("Finalize"),
    told: parameter("language")
  },
  ElevenLabs: {
    layer: (baseUrl, language) => ElevenLabsStt.layer({ apiKey, baseUrl, language }),
    answer: (language) => ({
      message_type: "committed_transcript_with_timestamps",
      text: "Hallo.",
      language_code: language
    }),
    ends: (message) => JSON.parse(String(message)).commit === true,
    told: parameter("language_code")
  },
  OpenAI: {
    layer: (url, language) => OpenAiStt.layerRealtime({ apiKey, url, language }),
    answer: (language) => ({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: "a",
      transcript: "Hallo.",
      languages: language === null ? null : [{ code: language }]
    }),
    ends: (message) => String(message).includes("buffer.commit"),
    told: ({ received }) => JSON.parse(String(received[0])).session.audio.input.transcription.languages?.[0] ?? null
  }
}

type Case = readonly [given: string | undefined, wire: string | null, answer: unknown, told: string | undefined]

const cases: Readonly<Record<string, ReadonlyArray<Case>>> = {
  Azure: [
    ["en-US", "en-US", null, "en-US"],
    ["en_us", "en-US", null, "en-US"],
    ["de", "de-DE", null, "de-DE"],
    ["zh-Hant", "zh-TW", null, "zh-TW"],
    ["no", "nb-NO", null, "nb-NO"],
    ["zh-CN-sichuan", "zh-CN-sichuan", null, "zh-CN-sichuan"],
    ["de-CH", "de-CH", "fr-CH", "fr-CH"]
  ],
  Deepgram: [
    ["de", "de", null, "de"],
    ["EN_us", "en-US", null, "en-US"],
    ["deu", "de", null, "de"],
    ["multi", "multi", null, undefined],
    ["auto", "multi", "es", "es"],
    ["es-419", "es-419", "", "es-419"]
  ],
  ElevenLabs: [
    ["en-US", "en", null, "en"],
    ["de", "de", null, "de"],
    ["deu", "de", "deu", "de"],
    ["auto", null, "fra", "fr"],
    [undefined, null, null, undefined]
  ],
  OpenAI: [
    ["en-US", "en", null, "en"],
    ["pt_br", "pt", null, "pt"],
    ["auto", null, "de", "de"],
    ["auto", null, null, undefined]
  ]
}

const serving = (who: Recogniser, answer: unknown) =>
  provider.webSocket({
    onMessage: (message, peer) => {
      if (who.ends(message)) peer.send(who.answer(answer))
    }
  })

const first = (stt: Stt.Stt["Service"]) =>
  Effect.map(Stream.runHead(stt.transcribe(Stream.concat(said, Stream.never))), (heard) => {
    assert.strictEqual(heard._tag, "Some")
    return heard._tag === "Some" ? heard.value : { text: "", final: false }
  })

describe("The language of a recogniser", () => {
  for (const [name, all] of Object.entries(cases)) {
    for (const [given, wire, answer, told] of all) {
      it.live(`of ${name}, ${given}, is asked for as ${wire}, and told as ${told} where it hears ${answer}`, () =>
        Effect.gen(function*() {
          const who = recognisers[name]!
          const server = yield* serving(who, answer)
          const asked = Effect.flatMap(Stt.Stt, (stt) => Effect.map(first(stt), (heard) => ({ stt, heard })))
          const { heard, stt } = yield* Effect.provide(asked, who.layer(server.url, given))
          if (answer === null) assert.strictEqual(stt.language, told)
          assert.strictEqual(heard.language, told)
          assert.strictEqual(who.told(yield* server.next), wire)
        }))
    }

    it.live(`of ${name} is normalised, too, where it is changed in a call`, () =>
      Effect.gen(function*() {
        const who = recognisers[name]!
        const server = yield* serving(who, null)
        yield* Effect.provide(
          Effect.flatMap(Stt.Stt, (stt) => first(stt.withLanguage?.("en_us") ?? stt)),
          who.layer(server.url, "de-DE")
        )
        assert.strictEqual(who.told(yield* server.next), name === "ElevenLabs" || name === "OpenAI" ? "en" : "en-US")
      }))

    it.effect(`of ${name} is refused by name where it is none`, () =>
      Effect.gen(function*() {
        for (const wrong of ["English, please", "e", "en-"]) {
          const error = yield* Effect.flip(Effect.scoped(
            Effect.provide(Effect.asVoid(Stt.Stt), recognisers[name]!.layer("ws://x", wrong))
          ))
          assert.include(error.message, "language must be a BCP 47 tag")
        }
      }))
  }
})

describe("Several languages of Azure", () => {
  const layer = (baseUrl: string, given: ReadonlyArray<string>, more: Partial<AzureStt.Options> = {}) =>
    AzureStt.layer({ apiKey, region: "westeurope", baseUrl, languages: given, ...more })

  it.live("are asked for as its package does, and which it was is told with each transcript", () =>
    Effect.gen(function*() {
      const server = yield* serving(recognisers["Azure"]!, "fr-FR")
      const { heard, stt } = yield* Effect.provide(
        Effect.flatMap(Stt.Stt, (stt) => Effect.map(first(stt), (heard) => ({ stt, heard }))),
        layer(server.url, ["de", "fr_CA"])
      )
      assert.deepStrictEqual([stt.language, heard.language], [undefined, "fr-FR"])
      const { received, url } = yield* server.next
      assert.strictEqual(url.pathname, "/stt/speech/universal/v2")
      assert.deepStrictEqual([url.searchParams.get("language"), url.searchParams.get("lidEnabled")], ["de-DE", "true"])
      const context = received.map(String).find((message) => message.includes("speech.context")) ?? ""
      const { languageId, phraseDetection, phraseOutput } = JSON.parse(context.slice(context.indexOf("{")))
      assert.deepStrictEqual(languageId, {
        languages: ["de-DE", "fr-CA"],
        mode: "DetectContinuous",
        onSuccess: { action: "Recognize" },
        onUnknown: { action: "None" },
        priority: "PrioritizeLatency"
      })
      assert.deepStrictEqual(phraseOutput, {
        interimResults: { resultType: "Auto" },
        phraseResults: { resultType: "Always" }
      })
      assert.notProperty(phraseDetection, "language")
    }))

  it.live("become one where a call is told so", () =>
    Effect.gen(function*() {
      const server = yield* serving(recognisers["Azure"]!, null)
      const one = Effect.flatMap(Stt.Stt, (stt) => first(stt.withLanguage?.("it") ?? stt))
      assert.strictEqual((yield* Effect.provide(one, layer(server.url, ["de", "fr"]))).language, "it-IT")
      const { url } = yield* server.next
      assert.deepStrictEqual([url.searchParams.get("language"), url.searchParams.get("lidEnabled")], ["it-IT", null])
    }))

  it.effect.each<readonly [ReadonlyArray<string>]>([[["de"]], [["de", "de-AT"]], [["de", "English, please"]], [[]]])(
    "are refused by name where they are none: %j",
    ([given]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer("ws://x", given))))
        assert.include(error.message, "languages must be 2 to 10 BCP 47 tags")
        const custom = yield* Effect.flip(
          Effect.scoped(Layer.build(layer("ws://x", ["de", "fr"], { endpointId: "mine" })))
        )
        assert.include(custom.message, "languages must not be given with endpointId")
      })
  )
})

describe("The language of a recogniser that tells none", () => {
  const listen = (layer: Layer.Layer<Stt.Stt, Stt.SttError>) =>
    Effect.provide(
      Effect.flatMap(Stt.Stt, (stt) => Effect.map(first(stt), ({ language }) => [stt.language, language])),
      layer
    )
  const heard = (given: string | undefined): ReadonlyArray<readonly [string, Layer.Layer<Stt.Stt, Stt.SttError>]> => [
    [
      "CommandStt",
      CommandStt.layer({ program: "/bin/sh", args: () => ["-c", "cat > /dev/null; echo Hallo."], language: given })
    ],
    [
      "Stt.make",
      Layer.succeed(
        Stt.Stt,
        Stt.make({
          name: "own",
          language: given,
          transcribe: (audio) =>
            Stream.concat(Stream.drain(Stream.take(audio, 1)), Stream.make({ text: "Hallo.", final: true }))
        })
      )
    ],
    [
      "Stt.fromRecognizer",
      Layer.succeed(
        Stt.Stt,
        Stt.fromRecognizer({ name: "own", language: given, recognize: () => Effect.succeed({ text: "Hallo." }) })
      )
    ]
  ]

  it.live.each(
    [["de", "de"], ["de_at", "de-AT"], ["German", "de"], ["auto", undefined], [undefined, undefined]] as const
  )(
    "is %s where it was set so, told as %s, by the service and with each transcript",
    ([given, told]) =>
      Effect.gen(function*() {
        for (const [name, layer] of heard(given)) assert.deepStrictEqual(yield* listen(layer), [told, told], name)
        const server = yield* provider.http((_, response) => void response.end(JSON.stringify({ text: "Hallo." })))
        const http = HttpStt.layer({
          url: server.url,
          language: given,
          answer: HttpStt.json(Schema.Struct({ text: Schema.String }), ({ text }) => ({ text }))
        })
        assert.deepStrictEqual(yield* listen(http), [told, told], "HttpStt")
      })
  )

  it.live("is that of all in a fallback, or of none", () =>
    Effect.gen(function*() {
      const one = (language: string | undefined) =>
        Stt.fromRecognizer({ name: "own", language, recognize: () => Effect.succeed({ text: "Hallo." }) })
      assert.strictEqual((yield* Stt.fallback([one("de"), one("de")])).language, "de")
      const mixed = yield* Stt.fallback([one("de"), one("fr")])
      assert.strictEqual(mixed.language, undefined)
      assert.strictEqual((yield* first(mixed)).language, "de")
      assert.strictEqual(Stt.resilient(one("de")).language, "de")
    }))
})

describe("The language of a voice", () => {
  it.live("is asked for as each provider wants it", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) => void response.writeHead(500).end())
      const speak = (layer: Layer.Layer<Tts.Tts, Tts.TtsError>) =>
        Effect.andThen(
          Effect.exit(Effect.provide(Stream.runDrain(Tts.speak(Stream.make("Hallo."))), layer)),
          server.next
        )
      const azure = yield* speak(
        AzureTts.layer({ apiKey, region: "westeurope", baseUrl: server.url, language: "de_ch" })
      )
      assert.include(azure.body.toString(), `xml:lang="de-CH"`)
      const eleven = yield* speak(
        ElevenLabsTts.layer({
          apiKey,
          baseUrl: server.url,
          voice: "abcdefghijklmnopqrs1",
          mode: "http",
          language: "de-CH"
        })
      )
      assert.strictEqual(JSON.parse(eleven.body.toString()).language_code, "de")
    }))
})
