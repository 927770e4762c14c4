import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Stream } from "effect"
import { Tts } from "effect-voice"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/tts.ts"
import * as provider from "./support/provider.ts"
import { key } from "./support/transcribing.ts"

/** A second of audio for each text, in two pieces that cut a sample. */
const azure = provider.http((request, response) => {
  if (request.method === "GET") return response.writeHead(404).end("nothing here")
  response.writeHead(200, { "content-type": "audio/x-wav" }).write(Buffer.alloc(20_001, 1))
  return response.end(Buffer.alloc(27_999, 1))
})

const layer = (url: string, options: Partial<AzureTts.Options> = {}) =>
  AzureTts.layer({ apiKey: key, region: "westeurope", baseUrl: url, ...options })

contract("AzureTts", Layer.unwrap(Effect.map(azure, ({ url }) => layer(url))), { live: true })

const pcm = Buffer.from(Int16Array.from({ length: 4800 }, (_, i) => i).buffer)

faults.http("AzureTts", {
  ask: faults.tts((url) => layer(url, { apiKey: faults.apiKey })),
  kind: "audio",
  type: "audio/x-wav",
  pieces: [pcm.subarray(0, 1001), pcm.subarray(1001)],
  said: pcm.toString("hex"),
  empty: [],
  input: true,
  emptyReason: "EndedEarly"
})

const say = (text: ReadonlyArray<string>, options?: Tts.Options) =>
  Stream.fromIterable(text).pipe(Tts.speak(options), Stream.runCollect)

const speak = (language: string, inner: string) =>
  `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" ` +
  `xmlns:mstts="http://www.w3.org/2001/mstts" xml:lang="${language}">${inner}</speak>`

/** What an XML parser makes of the text within the markup. */
const unescape = (ssml: string) =>
  (/<prosody [^>]*>([^<]*)<\/prosody>/.exec(ssml)?.[1] ?? "")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", "\"").replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&")

describe("AzureTts", () => {
  it.live("asks with the defaults that it documents, and its key in a header", () =>
    Effect.gen(function*() {
      const server = yield* azure
      const chunks = yield* say(["Hello. ", " ", "Bye."]).pipe(Effect.provide(layer(server.url)))
      const [first] = server.requests
      assert.strictEqual(server.requests.length, 2)
      assert.strictEqual(first?.method, "POST")
      assert.strictEqual(`${first?.url.pathname}${first?.url.search}`, "/cognitiveservices/v1")
      assert.strictEqual(first?.headers["ocp-apim-subscription-key"], "sk-secret-key")
      assert.strictEqual(first?.headers["x-microsoft-outputformat"], "raw-24khz-16bit-mono-pcm")
      assert.strictEqual(first?.headers["content-type"], "application/ssml+xml")
      assert.strictEqual(first?.headers["user-agent"], "effect-voice")
      assert.strictEqual(
        String(first?.body),
        speak(
          "en-US",
          `<voice name="en-US-JennyNeural"><prosody rate="1.0" pitch="+0Hz" volume="+0%">Hello.</prosody></voice>`
        )
      )
      assert.deepStrictEqual(chunks.flatMap(({ alignment = [] }) => alignment), [
        { text: "Hello. ", start: 0, end: 1000 },
        { text: " Bye.", start: 1000, end: 2000 }
      ])
    }))

  it.live("passes every option on", () =>
    Effect.gen(function*() {
      const server = yield* azure
      yield* say(["Hallo."], { speed: 1.25 }).pipe(Effect.provide(layer(`${server.url}/proxy/`, {
        voice: "de-DE-KatjaNeural",
        rate: 0.9,
        pitch: "-2st",
        volume: "soft",
        style: "cheerful",
        endpointId: "mine",
        sampleRate: 16_000
      })))
      yield* say(["Hola."], { voice: "es-ES-ElviraNeural" }).pipe(
        Effect.provide(layer(server.url, { language: "en-GB", rate: 0.9 }))
      )
      const [first, second] = server.requests
      assert.strictEqual(`${first?.url.pathname}${first?.url.search}`, "/proxy/cognitiveservices/v1?deploymentId=mine")
      assert.strictEqual(first?.headers["x-microsoft-outputformat"], "raw-16khz-16bit-mono-pcm")
      assert.strictEqual(
        String(first?.body),
        speak(
          "de-DE",
          `<voice name="de-DE-KatjaNeural"><mstts:express-as style="cheerful">` +
            `<prosody rate="1.25" pitch="-2st" volume="soft">Hallo.</prosody></mstts:express-as></voice>`
        )
      )
      assert.strictEqual(
        String(second?.body),
        speak(
          "en-GB",
          `<voice name="es-ES-ElviraNeural"><prosody rate="0.9" pitch="+0Hz" volume="+0%">Hola.</prosody></voice>`
        )
      )
    }))

  it.live("says markup as text, and drops what XML cannot hold", () =>
    Effect.gen(function*() {
      const server = yield* azure
      const texts = [
        `5 < 6 & "7" > '4'`,
        "</prosody></voice><voice name='other'>secret",
        "<![CDATA[x]]>",
        "&amp; &lt;",
        "ö 日本 😀",
        "<!-- x -->"
      ]
      yield* say([...texts, "a\u0000b\u001bc\ud800d\uffff."]).pipe(Effect.provide(layer(server.url)))
      const bodies = server.requests.map(({ body }) => String(body))
      assert.deepStrictEqual(bodies.map(unescape), [...texts, "a b c\ufffdd ."])
      for (const body of bodies) assert.strictEqual(body.match(/</g)?.length, 6)
      yield* say(["x"], { voice: `"><break/>` }).pipe(Effect.provide(layer(server.url)))
      assert.include(String(server.requests.at(-1)?.body), `<voice name="&quot;&gt;&lt;break/&gt;">`)
    }))

  it.live("opens its connection in advance, and uses it", () =>
    Effect.gen(function*() {
      const server = yield* azure
      yield* Effect.gen(function*() {
        const tts = yield* Tts.Tts
        yield* tts.prewarm ?? Effect.void
        // The end of the answer and the next request may cross.
        yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
        yield* say(["Hello."])
      }).pipe(Effect.provide(layer(server.url)))
      assert.deepStrictEqual(server.requests.map(({ method }) => method), ["GET", "POST"])
      assert.isUndefined(server.requests[0]?.headers["ocp-apim-subscription-key"])
      assert.strictEqual(server.connections(), 1)
    }))

  it.effect("names the option that it cannot use", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [string, Partial<AzureTts.Options>]> = [
        ["apiKey", { apiKey: Redacted.make("") }],
        ["region", { region: "West Europe" }],
        ["baseUrl", { baseUrl: "wss://x" }],
        ["voice", { voice: "" }],
        ["language", { language: "" }],
        ["rate", { rate: 3 }],
        ["pitch", { pitch: "very" }],
        ["volume", { volume: `+0%"` }],
        ["style", { style: " " }],
        ["sampleRate", { sampleRate: 11_025 }]
      ]
      for (const [option, bad] of wrong) {
        const error = yield* Effect.flip(AzureTts.make({ apiKey: key, region: "westeurope", ...bad }))
        assert.match(error.message, new RegExp(`^azure: ${option} `))
      }
      const error = yield* Effect.flip(say(["x"], { speed: 5 })).pipe(Effect.provide(layer("http://127.0.0.1:1")))
      assert.match(error.message, /^azure: speed /)
    }))

  it.live("takes key and region from the environment", () =>
    Effect.gen(function*() {
      const provided = ConfigProvider.layer(
        ConfigProvider.fromUnknown({ AZURE_SPEECH_KEY: "k", AZURE_SPEECH_REGION: "westeurope" })
      )
      const tts = yield* Tts.Tts.pipe(Effect.provide(AzureTts.layerConfig().pipe(Layer.provide(provided))))
      assert.deepStrictEqual([tts.name, tts.sampleRate], ["azure", 24_000])
    }))
})
