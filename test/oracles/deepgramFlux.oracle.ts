/** Deepgram's own package beside our layer of Flux: both are understood by one stand-in, and put the same on the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Queue, Redacted, Stream } from "effect"
import { Stt } from "effect-voice"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as stub from "../support/deepgramFlux.ts"
import * as provider from "../support/provider.ts"
import { tone } from "../support/transcribing.ts"
import * as clients from "./clients.ts"
import { connected, messages, pcm } from "./deepgram.ts"
import * as wire from "./wire.ts"

const { deepgram } = clients

/** Speaks as a program with Deepgram's package does, and ends its turn by itself. */
const theirs = Effect.fnUntraced(function*(url: string, options: object) {
  const client = connected(url)
  const heard = yield* Queue.unbounded<unknown>()
  const socket = yield* Effect.promise(() => client.listen.v2.connect({ ...options, reconnectAttempts: 0 }))
  socket.on("message", (message) => Queue.offerUnsafe(heard, message))
  socket.connect()
  yield* Effect.promise(() => socket.waitForOpen())
  for (let at = 0; at < pcm.length; at += 3200) socket.sendMedia(pcm.subarray(at, at + 3200))
  // It knows of the turn before it ends it.
  const all: Array<unknown> = []
  const until = Effect.fnUntraced(function*(event: string) {
    do all.push(yield* Queue.take(heard))
    while (!JSON.stringify(all.at(-1)).includes(`"${event}"`))
  })
  yield* until("StartOfTurn")
  socket.sendForceEndTurn({ type: "ForceEndTurn" })
  socket.sendCloseStream({ type: "CloseStream" })
  yield* until("EndOfTurn")
  socket.close()
  return all
})

const ours = (url: string, options: Partial<DeepgramFluxStt.Options>) =>
  Effect.gen(function*() {
    // It knows of the turn, too, before it is over.
    const begun = yield* Deferred.make<void>()
    const audio = Stream.concat(
      Stream.fromIterable<Stt.Input>(tone),
      Stream.drain(Stream.fromEffect(Deferred.await(begun)))
    )
    return yield* Stream.runCollect(
      Stream.tap(Stt.transcribe(audio), () => Deferred.succeed(begun, undefined))
    )
  }).pipe(Effect.provide(DeepgramFluxStt.layer({ apiKey: Redacted.make("the-key"), baseUrl: url, ...options })))

describe("DeepgramFluxStt beside Deepgram's package", () => {
  it.live.skipIf(deepgram === undefined)(
    clients.titled("asks and says the same, and both hear the same", deepgram),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(stub.wellBehaved())
        const told = yield* theirs(server.url, {
          model: "flux-general-multi",
          encoding: "linear16",
          sample_rate: 16_000,
          eot_threshold: 0.8,
          eager_eot_threshold: 0.4,
          eot_timeout_ms: 3000,
          language_hint: ["en", "de"],
          keyterm: ["Sea View", "half board"],
          mip_opt_out: true,
          tag: ["a", "b"],
          numerals: true
        })
        const them = yield* server.next
        const heard = yield* ours(server.url, {
          model: "flux-general-multi",
          endThreshold: 0.8,
          eagerThreshold: 0.4,
          endTimeout: "3 seconds",
          languages: ["en", "de"],
          keyterms: ["Sea View", "half board"],
          mipOptOut: true,
          tags: ["a", "b"],
          parameters: { numerals: "true" }
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
        assert.deepStrictEqual(heard.filter(({ final }) => final).map(({ text }) => text), ["Good morning."])
      })
  )
})

/** Where the package describes Flux's messages. */
const types = (): string | undefined => {
  const folder = clients.folder("@deepgram/sdk")
  return folder === undefined ? undefined : Path.join(folder, "dist/esm/api/resources/listen/resources/v2")
}

/** Every kind of message that the package's types know a server to send. */
const kinds = (folder: string): ReadonlyArray<string> => {
  const socket = Fs.readFileSync(Path.join(folder, "client/Socket.d.mts"), "utf8")
  const responses = /type Response = ([^;]+);/.exec(socket)?.[1] ?? ""
  return responses.split("|").map((name) => {
    const file = Fs.readFileSync(Path.join(folder, `types/${name.trim().split(".").at(-1)}.d.mts`), "utf8")
    return /^ {4}type: "(\w+)";/m.exec(file)?.[1] ?? name
  })
}

/** Every event of a turn that they know. */
const events = (folder: string): ReadonlyArray<string> => {
  const file = Fs.readFileSync(Path.join(folder, "types/ListenV2TurnInfo.d.mts"), "utf8")
  return [...file.matchAll(/readonly \w+: "(\w+)";/g)].map(([, event = ""]) => event)
}

describe("what Deepgram's package knows of Flux", () => {
  it.live.skipIf(deepgram === undefined)(
    clients.titled("breaks nothing, and loses no word", deepgram),
    () =>
      Effect.gen(function*() {
        const all = kinds(types()!)
        assert.includeMembers([...all], ["Connected", "TurnInfo", "ConfigureSuccess", "ConfigureFailure", "Error"])
        // Turns are what the stand-in says anyway, and an error ends the stream.
        for (const type of all.filter((kind) => kind !== "TurnInfo" && kind !== "Error")) {
          const well = stub.wellBehaved()
          const server = yield* provider.webSocket({
            onOpen: (peer) => {
              peer.send({ type, request_id: "r", sequence_id: 0 })
              peer.send({ type, request_id: null, sequence_id: null, keyterms: null, thresholds: null })
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

  it.live.skipIf(deepgram === undefined)(
    clients.titled("names each event of a turn, and we know what becomes of the turn", deepgram),
    () =>
      Effect.gen(function*() {
        const known = { Update: undefined, StartOfTurn: "started", EagerEndOfTurn: "eager", TurnResumed: "resumed" }
        const all = events(types()!)
        assert.sameMembers([...all], [...Object.keys(known), "EndOfTurn"])
        let told = false
        const server = yield* provider.webSocket({
          onMessage: (message, peer) => {
            if (typeof message === "string") return peer.socket.close()
            if (told) return peer.send(stub.turnInfo("Update", "", 0.5, 9))
            told = true
            for (const event of [...Object.keys(known), "EndOfTurn"]) {
              peer.send(stub.turnInfo(event, "Good morning.", 0, 0.5, { trigger: "model" }))
            }
          }
        })
        const heard = yield* ours(server.url, {})
        assert.deepStrictEqual(heard.slice(0, 5).map(({ turn }) => turn), [...Object.values(known), "ended"])
      })
  )
})
