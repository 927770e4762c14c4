/** AssemblyAI's own package beside our layer: both are understood by one stand-in, and put the same on the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Redacted, Stream } from "effect"
import { Stt } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as stub from "../support/assemblyai.ts"
import * as provider from "../support/provider.ts"
import { said, tone } from "../support/transcribing.ts"
import * as clients from "./clients.ts"
import { plainly } from "./plain.ts"
import * as wire from "./wire.ts"

const { assemblyai } = clients

const pcm = Buffer.concat(tone.map(({ samples }) => Buffer.from(samples.buffer)))

const messages = ({ received }: provider.Peer) =>
  received.map((message) => typeof message === "string" ? JSON.parse(message) : message)

/** Speaks as a program with AssemblyAI's package does. */
const theirs = Effect.fnUntraced(function*(url: string, options: object) {
  yield* plainly
  const heard = yield* Queue.unbounded<unknown>()
  const socket = new assemblyai!.StreamingTranscriber({
    ...options,
    apiKey: "the-key",
    websocketBaseUrl: `${url.replace("ws", "wss")}/v3/ws`,
    connectTimeout: 20_000
  })
  socket.on("turn", (turn) => Queue.offerUnsafe(heard, turn))
  socket.on("error", (error) => Queue.offerUnsafe(heard, { error }))
  yield* Effect.promise(() => socket.connect())
  for (let at = 0; at < pcm.length; at += 1600) {
    socket.sendAudio(Uint8Array.prototype.slice.call(pcm, at, at + 1600).buffer as ArrayBuffer)
  }
  socket.forceEndpoint()
  const all: Array<unknown> = []
  do all.push(yield* Queue.take(heard))
  while (!JSON.stringify(all.at(-1)).includes(`"end_of_turn":true`))
  yield* Effect.promise(() => socket.close())
  return all
})

const ours = (url: string, options: Partial<AssemblyAiStt.Options> = {}) =>
  Stream.runCollect(Stt.transcribe(said)).pipe(
    Effect.provide(AssemblyAiStt.layer({ apiKey: Redacted.make("the-key"), baseUrl: url, ...options }))
  )

describe("AssemblyAiStt beside AssemblyAI's package", () => {
  it.live.skipIf(assemblyai === undefined)(
    clients.titled("asks and says the same, and both hear the same", assemblyai),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(stub.wellBehaved())
        const told = yield* theirs(server.url, {
          speechModel: "universal-3-5-pro",
          sampleRate: 16_000,
          encoding: "pcm_s16le",
          languageCodes: ["en", "de"],
          languageDetection: true,
          endOfTurnConfidenceThreshold: 0.6,
          minTurnSilence: 200,
          maxTurnSilence: 2000,
          vadThreshold: 0.3,
          formatTurns: true,
          keytermsPrompt: ["Sea View", "half board"],
          prompt: "A hotel.",
          mode: "min_latency",
          filterProfanity: true,
          sessionHeartbeat: true,
          voiceFocus: "near-field"
        })
        const them = yield* server.next
        const heard = yield* ours(server.url, {
          languages: ["en-GB", "de"],
          endThreshold: 0.6,
          endSilence: "200 millis",
          endTimeout: "2 seconds",
          voiceThreshold: 0.3,
          formatTurns: true,
          keyterms: ["Sea View", "half board"],
          prompt: "A hotel.",
          mode: "min_latency",
          profanityFilter: true,
          parameters: { voice_focus: "near-field" }
        })
        const us = yield* server.next
        wire.same(wire.asked(them), wire.asked(us), { "header sec-websocket-extensions": wire.uncompressed })
        wire.same(wire.said(messages(them)), wire.said(messages(us)))
        assert.include(JSON.stringify(told.at(-1)), `"transcript":"Good morning."`)
        assert.deepStrictEqual(heard.filter(({ final }) => final).map(({ text }) => text), ["Good morning."])
      })
  )
})

/** Every kind of message that the package's types know a server to send. */
const kinds = (): ReadonlyArray<string> => {
  const folder = clients.folder("assemblyai")
  if (folder === undefined) return []
  const types = Fs.readFileSync(Path.join(folder, "dist/types/streaming/index.d.ts"), "utf8")
  const events = /type StreamingEventMessage = ([^;]+);/.exec(types)?.[1] ?? ""
  return events.split("|").map((name) =>
    new RegExp(`type ${name.trim()} = \\{\\s+type: "(\\w+)"`).exec(types)?.[1] ?? name
  )
}

describe("the kinds of messages that AssemblyAI's package knows", () => {
  it.live.skipIf(assemblyai === undefined)(
    clients.titled("break nothing, and lose no word", assemblyai),
    () =>
      Effect.gen(function*() {
        assert.includeMembers([...kinds()], [
          "Begin",
          "Turn",
          "SpeechStarted",
          "Termination",
          "Warning",
          "Heartbeat",
          "Silence"
        ])
        // Turns are what the stand-in says anyway, and an error or the end of the session ends the stream.
        for (const type of kinds().filter((kind) => !["Turn", "Error", "Termination"].includes(kind))) {
          const well = stub.wellBehaved()
          const server = yield* provider.webSocket({
            onOpen: (peer) => {
              peer.send({ type, id: "b", expires_at: 1, timestamp: 10, start_ms: 0, end_ms: 10, revisions: [] })
              peer.send({ type, id: null, turn_order: 0, transcript: "secret", data: null, revisions: null })
            },
            onMessage: (message, peer) => {
              peer.send({ type })
              well.onMessage?.(message, peer)
            }
          })
          const heard = yield* ours(server.url)
          assert.strictEqual(
            heard.filter(({ final }) => final).map(({ text }) => text).join(" "),
            "Good morning.",
            type
          )
        }
      })
  )

  it.live.skipIf(assemblyai === undefined)(
    clients.titled("are asked for by names that it knows, and no other", assemblyai),
    () =>
      Effect.sync(() => {
        const types = Fs.readFileSync(
          Path.join(clients.folder("assemblyai")!, "dist/types/streaming/index.d.ts"),
          "utf8"
        )
        for (const type of ["ForceEndpoint", "KeepAlive", "Terminate"]) assert.include(types, `type: "${type}"`)
      })
  )

  it.live.skipIf(assemblyai === undefined)(
    clients.titled("fail for a reason where they are errors, and are asked again where the package does", assemblyai),
    () =>
      Effect.gen(function*() {
        const types = Fs.readFileSync(
          Path.join(clients.folder("assemblyai")!, "dist/utils/errors/streaming.d.ts"),
          "utf8"
        )
        const codes = [...types.matchAll(/readonly (\w+): (\d{4});/g)].map(([, name = "", code]) =>
          [name, Number(code)] as const
        )
        assert.includeMembers(codes.map(([name]) => name), ["AuthFailed", "ServerError", "ConcurrencyLimitExceeded"])
        // These the package asks again; here the same request would be refused again.
        const hopeless = ["InputValidationError", "AudioChunkDurationViolation"]
        const final = new Set([
          "BadSampleRate",
          "AuthFailed",
          "InsufficientFunds",
          "FreeTierUser",
          "BadSchema",
          ...hopeless
        ])
        for (const [name, error_code] of codes) {
          const server = yield* provider.webSocket({
            onMessage: (_, peer) => peer.send({ type: "Error", error_code, error: "secret words" })
          })
          const error = yield* Effect.flip(ours(server.url))
          assert.strictEqual(error.isRetryable, !final.has(name), name)
          assert.notInclude(JSON.stringify(error) + error.message, "secret")
        }
      })
  )
})
