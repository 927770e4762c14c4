/** Cartesia's own package beside our layer: both are understood by one stand-in, and put the same on the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, Stream } from "effect"
import { Tts } from "effect-voice"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as stub from "../support/cartesia.ts"
import * as provider from "../support/provider.ts"
import * as clients from "./clients.ts"
import { plainly } from "./plain.ts"
import * as wire from "./wire.ts"

const { cartesia } = clients

/** Messages, their context by the order in which it came: ids are anyone's own. */
const messages = ({ received }: provider.Peer): ReadonlyArray<object> => {
  const ids = [...new Set(received.map((message) => stub.asked(message).context_id))]
  return received.map((message) => {
    const asked = stub.asked(message)
    return { ...asked, context_id: `context ${ids.indexOf(asked.context_id)}` }
  })
}

const connected = Effect.fnUntraced(function*(url: string) {
  yield* plainly
  const client = new cartesia!.Cartesia({ apiKey: "the-key", baseURL: url.replace("ws", "https") })
  const socket = yield* Effect.promise(() => client.tts.websocket())
  yield* Effect.promise(() => socket.connect())
  return socket
})

const options = {
  model_id: "sonic-3",
  voice: { id: "anna" },
  output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 },
  language: "de",
  add_timestamps: true,
  use_normalized_timestamps: false,
  max_buffer_delay_ms: 300,
  pronunciation_dict_id: "mine"
}

const layer = (baseUrl: string, more: Partial<CartesiaTts.Options> = {}) =>
  CartesiaTts.layer({
    apiKey: Redacted.make("the-key"),
    baseUrl,
    model: "sonic-3",
    voice: "anna",
    language: "de-AT",
    maxBufferDelay: "300 millis",
    pronunciation: "mine",
    ...more
  })

const pieces = ["Good morning. ", "The room is ready, ", "and breakfast starts at seven."]

const itself = { "header user-agent": wire.itself, "header x-cartesia-client": wire.itself }

describe("CartesiaTts beside Cartesia's package", () => {
  it.live.skipIf(cartesia === undefined)(
    clients.titled("asks and says the same, and both hear the same", cartesia),
    () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(stub.wellBehaved())
        const socket = yield* connected(server.url)
        const context = socket.context(options)
        const generation_config = { speed: 1.1, volume: 0.8, emotion: "content" }
        for (const transcript of pieces) yield* Effect.promise(() => context.push({ transcript, generation_config }))
        yield* Effect.promise(() => context.no_more_inputs())
        const theirs = yield* Effect.promise(async () => {
          const all: Array<Uint8Array> = []
          for await (const { audio } of context.receive()) if (audio !== undefined) all.push(audio)
          return Buffer.concat(all)
        })
        const them = yield* server.next
        socket.close()
        const chunks = yield* Stream.runCollect(Tts.speak(Stream.rechunk(Stream.fromIterable(pieces), 1))).pipe(
          Effect.provide(layer(server.url, { speed: 1.1, volume: 0.8, emotion: "content" }))
        )
        const us = yield* server.next
        wire.same(wire.asked(them), wire.asked(us), {
          ...itself,
          "header sec-websocket-extensions": wire.uncompressed
        })
        // All that a context is asked for must be the same in each of its messages, by Cartesia's own account.
        const alike = "the package leaves it out of the last message, and Cartesia wants the same in all of them"
        wire.same(wire.said(messages(them)), wire.said(messages(us)), {
          "3 generation_config speed": alike,
          "3 generation_config volume": alike,
          "3 generation_config emotion": alike
        })
        const ours = Buffer.concat(chunks.map(({ frame: { samples } }) => Buffer.from(samples.buffer)))
        assert.strictEqual(ours.toString("hex"), theirs.toString("hex"))
        assert.isAbove(ours.length, 0)
      })
  )

  it.live.skipIf(cartesia === undefined)(
    clients.titled("cancels in the same way", cartesia),
    () =>
      Effect.gen(function*() {
        const silent = { onMessage: () => {} }
        const server = yield* provider.webSocket(silent)
        const socket = yield* connected(server.url)
        const context = socket.context(options)
        yield* Effect.promise(() => context.push({ transcript: "Good morning. " }))
        yield* Effect.promise(() => context.cancel())
        const them = yield* server.next
        yield* them.next
        yield* them.next
        socket.close()
        const given = yield* Deferred.make<void>()
        const text = Stream.make("Good morning. ").pipe(
          Stream.concat(Stream.fromEffectDrain(Deferred.succeed(given, undefined))),
          Stream.concat(Stream.never)
        )
        yield* Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(Stream.runDrain(Tts.speak(text)))
          const us = yield* server.next
          yield* us.next
          yield* Deferred.await(given)
          yield* Fiber.interrupt(fiber)
          yield* us.closed
          wire.same(wire.said(messages(them)), wire.said(messages(us)))
        }).pipe(Effect.provide(layer(server.url)))
      })
  )
})

/** Every kind of message that the package's types know a server to send. */
const kinds = (): ReadonlyArray<string> => {
  const folder = clients.folder("@cartesia/cartesia-js")
  if (folder === undefined) return []
  const types = Fs.readFileSync(Path.join(folder, "resources/tts.d.ts"), "utf8")
  const namespace = types.slice(
    types.indexOf("namespace WebsocketResponse"),
    types.indexOf("interface TTSGenerateParams")
  )
  return [...namespace.matchAll(/^ {8}type: '(\w+)';/gm)].map(([, kind = ""]) => kind)
}

describe("the kinds of messages that Cartesia's package knows", () => {
  it.live.skipIf(cartesia === undefined)(
    clients.titled("break nothing, and lose no word", cartesia),
    () =>
      Effect.gen(function*() {
        assert.sameMembers([...kinds()], ["chunk", "flush_done", "done", "timestamps", "error", "phoneme_timestamps"])
        // An error and the end are the end of a context.
        for (const type of kinds().filter((kind) => !["error", "done"].includes(kind))) {
          const well = stub.wellBehaved()
          const server = yield* provider.webSocket({
            onMessage: (message, peer) => {
              const { context_id } = stub.asked(message)
              peer.send({ type, context_id, status_code: 206, done: false, flush_done: true, flush_id: 1 })
              peer.send({
                type,
                context_id,
                data: null,
                word_timestamps: null,
                phoneme_timestamps: null,
                flush_id: null
              })
              well.onMessage?.(message, peer)
            }
          })
          const chunks = yield* Stream.runCollect(Tts.speak(Stream.fromIterable(pieces))).pipe(
            Effect.provide(layer(server.url))
          )
          assert.strictEqual(
            chunks.flatMap(({ alignment = [] }) => alignment).map(({ text }) => text).join(""),
            pieces.join(""),
            type
          )
        }
      })
  )
})
