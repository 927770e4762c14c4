import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { type Audio, type Failure, Stt } from "effect-voice"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/stt.ts"
import * as provider from "./support/provider.ts"

const tone: Audio.Frame = {
  sampleRate: 24_000,
  channels: 1,
  samples: Int16Array.from({ length: 24_000 }, (_, i) => 8000 * Math.sin(i / 5))
}

const answering = (answer: unknown, type = "application/json"): provider.Handler => (_, response) =>
  void response.writeHead(200, { "content-type": type }).end(
    typeof answer === "string" ? answer : JSON.stringify(answer)
  )

const hear = (options: HttpStt.Options) =>
  Effect.flatMap(
    HttpStt.make(options),
    (stt) =>
      Stream.runCollect(Stt.transcribe(Stream.make<[Audio.Frame, Stt.Input]>(tone, Stt.Finalize))).pipe(
        Effect.provideService(Stt.Stt, stt)
      )
  )

const key = "sk-secret"

contract(
  "HttpStt",
  Layer.unwrap(Effect.map(
    provider.http(answering({ transcript: "what is the weather", confidence: 0.9 })),
    ({ url }) => HttpStt.layer({ url })
  )),
  { speech: [tone], live: true }
)

const heard = (answer: unknown) => JSON.stringify(answer)

faults.http("HttpStt", {
  ask: faults.stt((url) => HttpStt.layer({ url: `${url}/recognize`, headers: { authorization: faults.apiKey } })),
  kind: "json",
  type: "application/json",
  pieces: [heard({ transcript: "hello – there" })],
  said: "hello – there",
  empty: [heard({ transcript: "" })],
  input: true,
  unknown: [heard({ transcript: "hello – there", brand: { new: [1] } })]
})

describe("HttpStt", () => {
  it.live("uploads the speech as a WAV file and reads the answer", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(answering({ transcript: "hello", confidence: 0.5, more: [] }))
      const heard = yield* hear({
        url: `${server.url}/recognize?version=2`,
        headers: { authorization: Redacted.make(`Bearer ${key}`), "x-region": "north" },
        parameters: { model: "tiny" }
      })
      assert.deepStrictEqual(heard, [{ text: "hello", final: true, start: 0, end: 1000, confidence: 0.5 }])
      const unsure = yield* provider.http(answering({ transcript: "hello", confidence: null }))
      assert.deepStrictEqual(yield* hear({ url: unsure.url }), [{ text: "hello", final: true, start: 0, end: 1000 }])
      const { body, headers, method, url } = yield* server.next
      assert.strictEqual(method, "POST")
      assert.deepStrictEqual([url.pathname, [...url.searchParams].sort()], ["/recognize", [["model", "tiny"], [
        "version",
        "2"
      ]]])
      assert.strictEqual(headers["content-type"], "audio/wav")
      assert.strictEqual(headers.authorization, `Bearer ${key}`)
      assert.strictEqual(headers["x-region"], "north")
      assert.strictEqual(body.toString("latin1", 0, 4), "RIFF")
      assert.strictEqual(body.readUInt32LE(24), 16_000)
      assert.strictEqual(body.length, 44 + 2 * 16_000)
    }))

  it.live("uploads it as a part of a form, with its fields, in the language that was asked for", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(answering({ text: "hei" }))
      const stt = yield* HttpStt.make({
        url: server.url,
        upload: "multipart",
        field: "audio",
        parameters: (language = "en") => ({ language, response_format: "json" }),
        answer: HttpStt.json(Schema.Struct({ text: Schema.String }), ({ text }) => ({ text })),
        format: { sampleRate: 8000, channels: 1 }
      })
      const norwegian = stt.withLanguage?.("nb") ?? stt
      const heard = yield* Stream.runCollect(norwegian.transcribe(Stream.make<ReadonlyArray<Stt.Input>>(tone)))
      assert.deepStrictEqual(heard.map(({ text }) => text), ["hei"])
      const { body, headers } = yield* server.next
      const form = yield* Effect.promise(() =>
        new Response(new Uint8Array(body), { headers: { "content-type": headers["content-type"] ?? "" } }).formData()
      )
      assert.deepStrictEqual([form.get("language"), form.get("response_format")], ["nb", "json"])
      const file = form.get("audio")
      if (!(file instanceof File)) return assert.fail("no file")
      assert.deepStrictEqual([file.name, file.type, file.size], ["speech.wav", "audio/wav", 44 + 2 * 8000])
    }))

  it.live("reads plain text", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(answering(" hello\n there \n", "text/plain"))
      assert.deepStrictEqual((yield* hear({ url: server.url, answer: HttpStt.text })).map(({ text }) => text), [
        "hello there"
      ])
      const silent = yield* provider.http(answering({ transcript: "" }))
      assert.deepStrictEqual(yield* hear({ url: silent.url }), [])
    }))

  const faults: ReadonlyArray<readonly [name: string, handler: provider.Handler, reason: Failure.Reason["_tag"]]> = [
    ["JSON of another shape", answering({ text: "secret" }), "InvalidResponse"],
    ["words that are none", answering({ transcript: 5, confidence: "secret" }), "InvalidResponse"]
  ]
  for (const [name, handler, reason] of faults) {
    it.live(`fails typed, without content: ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* provider.http(handler)
        const error = yield* Effect.flip(
          hear({ url: `${server.url}/?key=${key}`, headers: { "x-key": Redacted.make(key) } })
        )
        assert.strictEqual(error.reason._tag, reason)
        assert.notInclude(error.message + JSON.stringify(error), "sec")
        assert.strictEqual(server.requests.length, 1)
      }))
  }

  it.live("refuses what cannot work when it is built", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [options: HttpStt.Options, says: RegExp]> = [
        [{ url: "/recognize" }, /^http: url must/],
        [{ url: "ws://localhost" }, /url must/],
        [{ url: `https://user:${key}@localhost` }, /url must hold no user/],
        [{ url: "http://localhost", headers: { "bad name": "x" } }, /headers must .*"bad name"/],
        [{ url: "http://localhost", headers: { "x-key": Redacted.make(`${key}\nx: y`) } }, /headers must .*"x-key"/],
        [{ url: "http://localhost", format: { sampleRate: 0, channels: 1 } }, /format.sampleRate must/],
        [{ url: "http://localhost", field: "audio" }, /field must/]
      ]
      for (const [options, says] of wrong) {
        const error = yield* Effect.flip(HttpStt.make(options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, says)
        assert.notInclude(error.message, key)
      }
    }))

  it.live("is configured from outside", () =>
    Effect.gen(function*() {
      const server = yield* provider.http(answering({ transcript: "hello" }))
      const stt = HttpStt.layerConfig({
        url: Config.succeed(server.url),
        headers: Config.succeed({ "x-key": Redacted.make(key) })
      })
      const heard = yield* Stream.make<ReadonlyArray<Stt.Input>>(tone).pipe(
        Stt.transcribe,
        Stream.runCollect,
        Effect.provide(stt)
      )
      assert.strictEqual(heard[0]?.text, "hello")
      assert.strictEqual((yield* server.next).headers["x-key"], key)
    }))
})
