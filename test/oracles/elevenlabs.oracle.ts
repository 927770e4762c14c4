/** ElevenLabs' own package beside our layers: both are understood by the same stand-ins, and put the same on the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Redacted, Stream } from "effect"
import { Stt, Tts } from "effect-voice"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as voices from "../support/elevenlabs.ts"
import * as provider from "../support/provider.ts"
import * as scribe from "../support/scribe.ts"
import { said, tone } from "../support/transcribing.ts"
import * as clients from "./clients.ts"
import * as wire from "./wire.ts"

const { elevenlabs, elevenlabsSerialization: codecs } = clients

const apiKey = Redacted.make("the-key")

const pcm = Buffer.concat(tone.map(({ samples }) => Buffer.from(samples.buffer)))

/** Messages, their audio as bytes: how much of it a message has is nobody's business. */
const messages = ({ received }: provider.Peer) =>
  received.map(String).flatMap((text): ReadonlyArray<unknown> => {
    const { audio_base_64, ...rest }: Record<string, unknown> = JSON.parse(text)
    const bytes = Buffer.from(String(audio_base_64), "base64")
    return rest.commit === false ? [bytes] : [rest]
  })

const client = (environment: string) =>
  new elevenlabs!.ElevenLabsClient({ apiKey: "the-key", environment, maxRetries: 0 })

const hear = (baseUrl: string, options: Partial<ElevenLabsStt.Options> = {}) =>
  Stream.runCollect(Stt.transcribe(said)).pipe(Effect.provide(ElevenLabsStt.layer({ apiKey, baseUrl, ...options })))

describe("ElevenLabsStt beside ElevenLabs' package", () => {
  it.live.skipIf(elevenlabs === undefined)(
    clients.titled("asks and says the same, and both hear the same", elevenlabs),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(scribe.wellBehaved())
        const heard = yield* Queue.unbounded<Readonly<Record<string, unknown>>>()
        const connection = yield* Effect.promise(() =>
          client(server.url.replace("ws", "http")).speechToText.realtime.connect({
            modelId: "scribe_v2_realtime",
            audioFormat: "pcm_16000",
            sampleRate: 16_000,
            commitStrategy: "manual",
            includeTimestamps: true,
            languageCode: "de",
            secondaryLanguages: ["fr", "it"],
            keyterms: ["Sea View", "half board"],
            noVerbatim: true,
            enableLogging: false
          })
        )
        connection.on("error", (error) => Queue.offerUnsafe(heard, { error }))
        connection.on("committed_transcript_with_timestamps", (message) => Queue.offerUnsafe(heard, message))
        const opened = yield* Queue.unbounded<unknown>()
        connection.on("session_started", (message) => Queue.offerUnsafe(opened, message))
        const them = yield* server.next
        yield* Queue.take(opened)
        for (let at = 0; at < pcm.length; at += 3200) {
          connection.send({ audioBase64: pcm.subarray(at, at + 3200).toString("base64") })
        }
        connection.commit()
        const theirs = yield* Queue.take(heard)
        connection.close()
        const ours = yield* hear(server.url, {
          language: "de-AT",
          secondaryLanguages: ["fr-CH", "it"],
          keyterms: ["Sea View", "half board"],
          noVerbatim: true,
          logging: false
        })
        const us = yield* server.next
        wire.same(wire.asked(them), wire.asked(us), { "header sec-websocket-extensions": wire.uncompressed })
        wire.same(wire.said(messages(them)), wire.said(messages(us)))
        assert.strictEqual(String(theirs.text).trim(), "Good morning.")
        assert.deepStrictEqual(ours.filter(({ final }) => final).map(({ text }) => text), ["Good morning."])
      })
  )
})

/** Every kind of message that the package's types know a server to send. */
const kinds = (): ReadonlyArray<string> => {
  const folder = clients.folder("@elevenlabs/elevenlabs-js")
  if (folder === undefined) return []
  const types = Fs.readFileSync(Path.join(folder, "wrapper/realtime/connection.d.ts"), "utf8")
  return [...types.matchAll(/^ {4}message_type: "(\w+)";/gm)].map(([, kind]) => kind!)
}

const errors = () => {
  const folder = clients.folder("@elevenlabs/elevenlabs-js")!
  const types = Fs.readFileSync(Path.join(folder, "wrapper/realtime/connection.d.ts"), "utf8")
  return kinds().filter((kind) => new RegExp(`message_type: "${kind}";\\s+error: string`).test(types))
}

const news = () =>
  kinds().filter((kind) =>
    !errors().includes(kind) && !/^(?:input_audio_chunk|partial_|committed_transcript(?:_with_timestamps)?$)/.test(kind)
  )

describe("the kinds of messages that ElevenLabs' package knows", () => {
  it.live.skipIf(elevenlabs === undefined)(
    clients.titled("break nothing, and lose no word", elevenlabs),
    () =>
      Effect.gen(function*() {
        assert.includeMembers([...news()], ["session_started", "final_transcript", "edited_transcript"])
        for (const message_type of news()) {
          const well = scribe.wellBehaved()
          const server = yield* provider.webSocket({
            onOpen: (peer) => {
              peer.send({
                message_type,
                text: "other words",
                language_code: null,
                words: null,
                entities: [],
                edited_text: "x"
              })
              peer.send({ message_type, config: null, session_id: 1, entities: null })
            },
            onMessage: (message, peer) => {
              peer.send({ message_type, text: "other words" })
              well.onMessage?.(message, peer)
            }
          })
          const heard = yield* hear(server.url)
          assert.deepStrictEqual(
            heard.filter(({ final }) => final).map(({ text }) => text),
            ["Good morning."],
            message_type
          )
        }
      })
  )

  it.live.skipIf(elevenlabs === undefined)(
    clients.titled("fail for a reason where they are errors", elevenlabs),
    () =>
      Effect.gen(function*() {
        assert.isAtLeast(errors().length, 14)
        for (const message_type of errors().filter((kind) => kind !== "commit_throttled")) {
          const server = yield* provider.webSocket({
            onMessage: (_, peer) => peer.send({ message_type, error: "Some words." })
          })
          const { reason } = yield* Effect.flip(hear(server.url))
          assert.include(["Rejected", "InvalidRequest", "Disconnected", "Broken"], reason._tag, message_type)
        }
      })
  )
})

const speak = (baseUrl: string, options: Partial<ElevenLabsTts.Options> = {}) =>
  Stream.runCollect(Tts.speak(Stream.make("Good morning."))).pipe(
    Effect.provide(ElevenLabsTts.layer({ apiKey, baseUrl, voice: "21m00Tcm4TlvDq8ikWAM", ...options }))
  )

const samples = (chunks: ReadonlyArray<Tts.Chunk>) => chunks.reduce((sum, { frame }) => sum + frame.samples.length, 0)

describe("ElevenLabsTts beside ElevenLabs' package", () => {
  it.live.skipIf(elevenlabs === undefined)(
    clients.titled("asks by HTTP the same, and both get the same audio", elevenlabs),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.http(voices.speech(48_000))
        const theirs = yield* Effect.promise(async () => {
          const stream = await client(server.url).textToSpeech.stream("21m00Tcm4TlvDq8ikWAM", {
            text: "Good morning.",
            modelId: "eleven_flash_v2_5",
            outputFormat: "pcm_24000",
            optimizeStreamingLatency: 3,
            languageCode: "de",
            applyTextNormalization: "on",
            enableLogging: false,
            voiceSettings: { stability: 0.4, similarityBoost: 0.7, style: 0.1, useSpeakerBoost: false, speed: 1.1 }
          })
          let bytes = 0
          for await (const piece of stream) bytes += piece.length
          return bytes
        })
        const them = yield* server.next
        const ours = yield* speak(server.url, {
          mode: "http",
          model: "eleven_flash_v2_5",
          latency: 3,
          language: "de",
          textNormalization: "on",
          logging: false,
          stability: 0.4,
          similarityBoost: 0.7,
          style: 0.1,
          speakerBoost: false,
          speed: 1.1
        })
        const us = yield* server.next
        assert.strictEqual(samples(ours) * 2, theirs)
        wire.same(wire.asked(them), wire.asked(us), {
          ...wire.fern,
          "header pragma": "Node's fetch asks so; no cache keeps the answer to a POST",
          "header cache-control": "Node's fetch asks so; no cache keeps the answer to a POST"
        })
        wire.same(wire.body(JSON.parse(String(them.body))), wire.body(JSON.parse(String(us.body))))
      })
  )

  it.live.skipIf(elevenlabs === undefined)(
    clients.titled("finds the voices where the package does", elevenlabs),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.http(voices.speech(48_000))
        const theirs = yield* Effect.promise(() => client(server.url).voices.getAll())
        const them = yield* server.next
        yield* speak(server.url, { mode: "http", voice: "Ann" })
        const us = yield* server.next
        assert.deepStrictEqual(theirs.voices.map(({ name }) => name), ["Bella - soft and warm", "Ann"])
        assert.strictEqual(us.url.pathname + us.url.search, them.url.pathname + them.url.search)
      })
  )

  it.live.skipIf(codecs === undefined)(
    clients.titled("sends messages that the package's own descriptions have, and reads those they have", codecs),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(voices.wellBehaved())
        yield* speak(server.url, { autoMode: false, chunkSchedule: [100, 200] })
        const [first, ...rest] = (yield* server.next).received.map((message): unknown => JSON.parse(String(message)))
        const strictly = { unrecognizedObjectKeys: "fail" }
        const { CloseConnection, InitializeConnection, SendText } = codecs!
        InitializeConnection.parseOrThrow(first, strictly)
        for (const message of rest.slice(0, -1)) SendText.parseOrThrow(message, strictly)
        CloseConnection.parseOrThrow(rest.at(-1), strictly)
        const told: Array<unknown> = []
        const peer = { send: (message: unknown) => void told.push(message), socket: { close: () => {} } }
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        voices.wellBehaved().onMessage?.(JSON.stringify({ text: "Good morning. " }), peer as unknown as provider.Peer)
        assert.isAtLeast(told.length, 2)
        for (const message of told) codecs!.AudioOutput.parseOrThrow(message, { unrecognizedObjectKeys: "strip" })
      })
  )
})
