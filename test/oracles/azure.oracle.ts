/** Azure's own package beside our layer: both are understood by one stand-in, and put the same on the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Redacted, Stream } from "effect"
import { Stt } from "effect-voice"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as stub from "../support/azure.ts"
import * as provider from "../support/provider.ts"
import { said, tone } from "../support/transcribing.ts"
import * as clients from "./clients.ts"
import * as wire from "./wire.ts"

const { azure } = clients

const inHeader =
  "the package writes the key into the address where Node's own WebSocket takes no headers; addresses are logged"

const machine = "what the machine and its microphone are is not the provider's business"

const byNode = "Node's own WebSocket sends it with every handshake"

const pcm = Buffer.concat(tone.map(({ samples }) => Buffer.from(samples.buffer)))

/** Messages by their paths, the body of each read; without the package's report about how quick it was. */
const messages = ({ received }: provider.Peer) =>
  received.filter((message) => stub.parse(message).path !== "telemetry").map((message) => {
    const { body, path, type } = stub.parse(message)
    if (path === "audio") return type === "audio/x-wav" ? { path, type, header: body.toString("hex") } : body
    return { path, type: type?.split(";")[0], ...JSON.parse(body.toString()) }
  })

const theirs = Effect.fnUntraced(function*(url: string) {
  const sdk = azure!
  const config = sdk.SpeechConfig.fromEndpoint(
    new URL(`${url}/speech/recognition/conversation/cognitiveservices/v1`),
    "the-key"
  )
  config.speechRecognitionLanguage = "en-US"
  config.outputFormat = sdk.OutputFormat.Detailed
  config.requestWordLevelTimestamps()
  config.setProfanity(sdk.ProfanityOption.Masked)
  config.setProperty(sdk.PropertyId.Speech_SegmentationSilenceTimeoutMs, "500")
  const push = sdk.AudioInputStream.createPushStream(sdk.AudioStreamFormat.getWaveFormatPCM(16_000, 16, 1))
  const recognizer = new sdk.SpeechRecognizer(config, sdk.AudioConfig.fromStreamInput(push))
  sdk.PhraseListGrammar.fromRecognizer(recognizer).addPhrases(["Sea View", "half board"])
  const heard = yield* Queue.unbounded<{ readonly text: string }>()
  recognizer.recognized = (_, { result }) => void Queue.offerUnsafe(heard, { text: result.text })
  recognizer.canceled = (_, { errorDetails }) => {
    if (errorDetails !== undefined) Queue.offerUnsafe(heard, { text: `cancelled: ${errorDetails}` })
  }
  recognizer.startContinuousRecognitionAsync()
  push.write(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.length))
  push.close()
  const { text } = yield* Queue.take(heard)
  recognizer.close()
  return text
})

const hear = (baseUrl: string, options: Partial<AzureStt.Options> = {}) =>
  Stream.runCollect(Stt.transcribe(said)).pipe(
    Effect.provide(AzureStt.layer({ apiKey: Redacted.make("the-key"), region: "westeurope", baseUrl, ...options }))
  )

describe("AzureStt beside Azure's package", () => {
  it.live.skipIf(azure === undefined)(
    clients.titled("asks and says the same, and both hear the same", azure),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(stub.wellBehaved(true))
        const told = yield* theirs(server.url)
        const them = yield* server.next
        const ours = yield* hear(server.url, {
          output: "Detailed",
          segmentation: "500 millis",
          phrases: ["Sea View", "half board"]
        })
        const us = yield* server.next
        assert.strictEqual(told, "Good morning.")
        assert.include(ours.map(({ text }) => text), "Good morning.")
        wire.same(wire.asked(them), wire.asked(us), {
          "query Ocp-Apim-Subscription-Key": inHeader,
          "header ocp-apim-subscription-key": inHeader,
          "query X-ConnectionId": "an id of each connection, which stands in a header as the key does",
          "header x-connectionid": "an id of each connection, which stands in a header as the key does",
          "query connectionId": "the same id once more",
          "header user-agent": wire.itself,
          "header accept": byNode,
          "header accept-language": byNode,
          "header accept-encoding": byNode,
          "header sec-fetch-mode": byNode,
          "header pragma": byNode,
          "header cache-control": byNode,
          "header sec-websocket-extensions": wire.uncompressed
        })
        const [theirMessages, ourMessages] = [wire.said(messages(them)), wire.said(messages(us))]
        wire.same(theirMessages, ourMessages, {
          "0 context system name": wire.itself,
          "0 context system version": wire.itself,
          ...Object.fromEntries(
            Object.keys(theirMessages).filter((path) => /^0 context (?:os|audio) /.test(path)).map((
              path
            ) => [path, machine])
          )
        })
      })
  )
})

/** Every kind of message, and every status of a phrase, that the package knows a server to send. */
const known = () => {
  const folder = clients.folder("microsoft-cognitiveservices-speech-sdk")!
  const source = (file: string) => Fs.readFileSync(Path.join(folder, "distrib/lib/src/common.speech", file), "utf8")
  const paths = ["ServiceRecognizerBase.js", "SpeechServiceRecognizer.js"].flatMap((file) =>
    [...source(file).matchAll(/case "((?:turn|speech)\.\w+)"/g)].map(([, path]) => path!)
  )
  const enums = source("ServiceMessages/Enums.d.ts")
  const statuses = enums.slice(enums.indexOf("enum RecognitionStatus")).matchAll(/^ {4}(\w+) = \d+/gm)
  return { paths: [...new Set(paths)], statuses: [...statuses].map(([, status]) => status!) }
}

describe("several languages", () => {
  it.live.skipIf(azure === undefined)(
    clients.titled("are asked for as the package does where they may change in a call", azure),
    () =>
      Effect.gen(function*() {
        const sdk = azure!
        const server = yield* provider.webSocket(stub.wellBehaved(true))
        const config = sdk.SpeechConfig.fromEndpoint(new URL(`${server.url}/stt/speech/universal/v2`), "the-key")
        config.outputFormat = sdk.OutputFormat.Detailed
        config.requestWordLevelTimestamps()
        const several = sdk.AutoDetectSourceLanguageConfig.fromLanguages(["en-US", "de-DE"])
        several.mode = sdk.LanguageIdMode.Continuous
        const push = sdk.AudioInputStream.createPushStream(sdk.AudioStreamFormat.getWaveFormatPCM(16_000, 16, 1))
        const recognizer = sdk.SpeechRecognizer.FromConfig(config, several, sdk.AudioConfig.fromStreamInput(push))
        const heard = yield* Queue.unbounded<void>()
        recognizer.recognized = () => void Queue.offerUnsafe(heard, undefined)
        recognizer.startContinuousRecognitionAsync()
        push.write(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.length))
        push.close()
        yield* Queue.take(heard)
        recognizer.close()
        const them = yield* server.next
        yield* hear(server.url, { languages: ["en", "de"], output: "Detailed" })
        const us = yield* server.next
        const contextOf = (peer: provider.Peer): Readonly<Record<string, unknown>> => {
          const message = peer.received.find((message) => stub.parse(message).path === "speech.context")
          return message === undefined ? {} : JSON.parse(stub.parse(message).body.toString())
        }
        const [asked, ours] = [contextOf(them), contextOf(us)]
        assert.property(asked, "languageId")
        assert.deepStrictEqual(ours["languageId"], asked["languageId"])
        assert.deepStrictEqual(ours["phraseOutput"], asked["phraseOutput"])
        assert.strictEqual(us.url.pathname, them.url.pathname)
        for (const name of ["lidEnabled", "language", "format"]) {
          assert.strictEqual(us.url.searchParams.get(name), them.url.searchParams.get(name), name)
        }
      })
  )
})

describe("the kinds of messages that Azure's package knows", () => {
  it.live.skipIf(azure === undefined)(
    clients.titled("break nothing, and lose no word", azure),
    () =>
      Effect.gen(function*() {
        const { paths } = known()
        assert.includeMembers(paths, [
          "turn.start",
          "turn.end",
          "speech.phrase",
          "speech.hypothesis",
          "speech.enddetected"
        ])
        const more = [
          ...paths.filter((path) => !/^turn\.|phrase|hypothesis|fragment/.test(path)),
          "audio.start",
          "response"
        ]
        for (const path of more) {
          const well = stub.wellBehaved()
          const server = yield* provider.webSocket({
            onMessage: (message, peer) => {
              peer.send(stub.told(path, { Offset: 1, Text: "other words", DisplayText: "other words" }))
              peer.send(stub.told(path, { Offset: null, context: null }))
              well.onMessage?.(message, peer)
            }
          })
          const heard = yield* hear(server.url)
          assert.deepStrictEqual(heard.filter(({ final, text }) => final && text !== "").map(({ text }) => text), [
            "Good morning."
          ], path)
        }
      })
  )

  it.live.skipIf(azure === undefined)(
    clients.titled("are silence, or fail for a reason, by the status of a phrase", azure),
    () =>
      Effect.gen(function*() {
        const { statuses } = known()
        assert.includeMembers(statuses, ["Success", "BabbleTimeout", "TooManyRequests", "Forbidden"])
        const silent = new Set(["Success", "NoMatch", "InitialSilenceTimeout", "BabbleTimeout", "EndOfDictation"])
        for (const RecognitionStatus of statuses) {
          const server = yield* provider.webSocket({
            onMessage: (message, peer) => {
              const { body, path, request, type } = stub.parse(message)
              if (path !== "audio" || type !== undefined || body.length > 0) return
              peer.send(stub.told("speech.phrase", { RecognitionStatus, Offset: 0, Duration: 0 }, request))
              peer.send(stub.told("turn.end", {}, request))
            }
          })
          const exit = yield* Effect.exit(hear(server.url))
          assert.strictEqual(exit._tag, silent.has(RecognitionStatus) ? "Success" : "Failure", RecognitionStatus)
        }
      })
  )
})
