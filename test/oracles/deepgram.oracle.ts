/** Deepgram's own package beside our layer: both are understood by one stand-in, and put the same on the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Redacted, Stream } from "effect"
import { Stt } from "effect-voice"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as stub from "../support/deepgram.ts"
import * as provider from "../support/provider.ts"
import { said } from "../support/transcribing.ts"
import * as clients from "./clients.ts"
import { connected, messages, pcm } from "./deepgram.ts"
import * as wire from "./wire.ts"

const { deepgram } = clients

/** Speaks as a program with Deepgram's package does. */
const theirs = Effect.fnUntraced(function*(url: string, options: object) {
  const client = connected(url)
  const heard = yield* Queue.unbounded<unknown>()
  const socket = yield* Effect.promise(() => client.listen.v1.connect({ ...options, reconnectAttempts: 0 }))
  socket.on("message", (message) => Queue.offerUnsafe(heard, message))
  socket.connect()
  yield* Effect.promise(() => socket.waitForOpen())
  for (let at = 0; at < pcm.length; at += 3200) socket.sendMedia(pcm.subarray(at, at + 3200))
  socket.sendFinalize({ type: "Finalize" })
  socket.sendCloseStream({ type: "CloseStream" })
  const all: Array<unknown> = []
  for (;;) {
    const message = yield* Queue.take(heard)
    all.push(message)
    if (JSON.stringify(message).includes("\"Metadata\"")) break
  }
  socket.close()
  return all
})

const ours = (url: string, options: Partial<DeepgramStt.Options>) =>
  Stream.runCollect(Stt.transcribe(said)).pipe(
    Effect.provide(DeepgramStt.layer({ apiKey: Redacted.make("the-key"), baseUrl: url, ...options }))
  )

describe("DeepgramStt beside Deepgram's package", () => {
  it.live.skipIf(deepgram === undefined)(
    clients.titled("asks and says the same, and both hear the same", deepgram),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(stub.wellBehaved())
        const told = yield* theirs(server.url, {
          model: "nova-3",
          language: "en",
          encoding: "linear16",
          sample_rate: 16_000,
          channels: 1,
          interim_results: true,
          smart_format: true,
          punctuate: true,
          numerals: true,
          profanity_filter: true,
          redact: ["pci", "ssn"],
          keyterm: ["Sea View", "half board"],
          tag: ["a", "b"],
          mip_opt_out: true,
          endpointing: 10,
          queryParams: { no_delay: true, filler_words: true }
        })
        const them = yield* server.next
        const heard = yield* ours(server.url, {
          numerals: true,
          profanityFilter: true,
          redact: ["pci", "ssn"],
          keyterms: ["Sea View", "half board"],
          tags: ["a", "b"],
          mipOptOut: true,
          endpointing: "10 millis",
          fillerWords: true
        })
        const us = yield* server.next
        wire.same(wire.asked(them), wire.asked(us), {
          ...wire.fern,
          "header x-deepgram-session-id": "of use to Deepgram's support alone",
          "header sec-websocket-extensions": wire.uncompressed
        })
        wire.same(wire.said(messages(them)), wire.said(messages(us)))
        const finals = told.flatMap((message) => /"transcript":"([^"]*)"/.exec(JSON.stringify(message))?.[1] ?? [])
        assert.include(finals, "Good morning.")
        assert.include(heard.map(({ text }) => text), "Good morning.")
      })
  )
})

/** Every kind of message that the package's types know a server to send. */
const kinds = (): ReadonlyArray<string> => {
  const folder = clients.folder("@deepgram/sdk")
  if (folder === undefined) return []
  const types = Path.join(folder, "dist/esm/api/resources/listen/resources/v1")
  const socket = Fs.readFileSync(Path.join(types, "client/Socket.d.mts"), "utf8")
  const responses = /type Response = ([^;]+);/.exec(socket)?.[1] ?? ""
  return responses.split("|").map((name) => {
    const file = Fs.readFileSync(Path.join(types, `types/${name.trim().split(".").at(-1)}.d.mts`), "utf8")
    return /^ {4}type: "(\w+)";/m.exec(file)?.[1] ?? name
  })
}

describe("the kinds of messages that Deepgram's package knows", () => {
  it.live.skipIf(deepgram === undefined)(
    clients.titled("break nothing, and lose no word", deepgram),
    () =>
      Effect.gen(function*() {
        assert.includeMembers([...kinds()], ["Results", "Metadata", "UtteranceEnd", "SpeechStarted"])
        // Results are what the stand-in says anyway.
        for (const type of kinds().filter((kind) => kind !== "Results")) {
          const well = stub.wellBehaved()
          const server = yield* provider.webSocket({
            onOpen: (peer) => {
              peer.send({ type, channel: [0, 1], timestamp: 0.1, last_word_end: 1.2 })
              peer.send({ type, channel: null, channel_index: null, metadata: null, description: null })
            },
            onMessage: (message, peer) => {
              peer.send({ type })
              well.onMessage?.(message, peer)
            }
          })
          const heard = yield* ours(server.url, {})
          assert.strictEqual(
            heard.filter(({ final }) => final).map(({ text }) => text).join(" "),
            "Good morning.",
            type
          )
        }
      })
  )
})
