/** What every `Stt` that talks over a WebSocket does beside `contract/faults`: with its own errors, and its connections. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Redacted, Redacted as Secret, Stream } from "effect"
import { type Audio, Stt } from "effect-voice"
import * as provider from "./provider.ts"

/** The key of every test; it must turn up nowhere. */
export const key: Redacted.Redacted = Secret.make("sk-secret-key")

/** One second of a tone in frames of 20 ms. */
export const tone: ReadonlyArray<Audio.Frame> = Array.from({ length: 50 }, (_, frame) => ({
  sampleRate: 16_000,
  channels: 1,
  samples: Int16Array.from({ length: 320 }, (_, i) => Math.round(8000 * Math.sin((frame * 320 + i) * 0.17)))
}))

/** The tone, and a mark at its end. */
export const said: Stream.Stream<Stt.Input> = Stream.fromIterable<Stt.Input>([...tone, Stt.Finalize])

const failure = <A = never>(stt: Layer.Layer<Stt.Stt, Stt.SttError>, audio: Stream.Stream<Stt.Input, A>) =>
  Effect.flip(Stream.runDrain(Stt.transcribe(audio))).pipe(Effect.provide(stt))

/** A server's misbehaviour, and the tag of what the caller gets. */
export interface Fault {
  readonly name: string
  readonly stub: Parameters<typeof provider.webSocket>[0]
  readonly reason: string
}

/** Answers the first message of each connection. */
export const answering = (answer: (peer: provider.Peer) => void): Fault["stub"] => {
  const answered = new Set<provider.Peer>()
  return {
    onMessage: (_, peer) => {
      if (answered.has(peer)) return
      answered.add(peer)
      answer(peer)
    }
  }
}

/** Options of the suite. */
export interface Options {
  readonly layer: (url: string) => Layer.Layer<Stt.Stt, Stt.SttError>
  /** How the provider itself says that something is wrong. */
  readonly more: ReadonlyArray<Fault>
}

export const suite = (name: string, options: Options): void => {
  describe(`${name}, when its provider goes wrong,`, () => {
    // The audio goes on: the failure must come by itself.
    const endless = Stream.concat(said, Stream.never)

    for (const fault of options.more) {
      it.live(`tells ${fault.name}`, () =>
        Effect.gen(function*() {
          const server = yield* provider.webSocket(fault.stub)
          const error = yield* failure(options.layer(server.url), endless)
          assert.instanceOf(error, Stt.SttError)
          assert.strictEqual(error.reason._tag, fault.reason)
          assert.notInclude(JSON.stringify(error) + error.message, "secret")
          assert.notInclude(error.message, "127.0.0.1")
          yield* Effect.forEach(server.peers, (peer) => peer.closed)
        }))
    }

    it.live("closes its connection when the audio fails", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        const lost = { _tag: "MicrophoneLost" } as const
        const error = yield* failure(options.layer(server.url), Stream.concat(said, Stream.fail(lost)))
        assert.strictEqual(error, lost)
        yield* (yield* server.next).closed
      }))

    it.live("opens a connection in advance, once, and uses it", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        const scope = yield* Effect.scope
        const stt = yield* Stt.Stt.pipe(Effect.provide(yield* Layer.buildWithScope(options.layer(server.url), scope)))
        yield* stt.prewarm ?? Effect.void
        yield* stt.prewarm ?? Effect.void
        const peer = yield* server.next
        const fiber = yield* Effect.forkChild(Stream.runDrain(stt.transcribe(endless)))
        yield* peer.next
        assert.strictEqual(server.peers.length, 1)
        yield* Fiber.interrupt(fiber)
        yield* peer.closed
      }))

    it.live("waits for the one that is being opened in advance, and opens no other", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        const stt = yield* Stt.Stt.pipe(Effect.provide(yield* Layer.build(options.layer(server.url))))
        yield* Effect.forkChild(stt.prewarm ?? Effect.void, { startImmediately: true })
        const fiber = yield* Effect.forkChild(Stream.runDrain(stt.transcribe(endless)))
        const peer = yield* server.next
        yield* peer.next
        yield* Fiber.interrupt(fiber)
        yield* peer.closed
        assert.strictEqual(server.peers.length, 1)
      }))

    it.live("opens another where the one that was opened in advance was lost", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        const stt = yield* Stt.Stt.pipe(Effect.provide(yield* Layer.build(options.layer(server.url))))
        yield* stt.prewarm ?? Effect.void
        const lost = yield* server.next
        lost.socket.close(1001)
        yield* lost.closed
        const fiber = yield* Effect.forkChild(Stream.runDrain(stt.transcribe(endless)))
        yield* (yield* server.next).next
        yield* Fiber.interrupt(fiber)
      }))

    it.live("closes what was opened in advance with its layer", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        yield* Stt.Stt.use((stt) => stt.prewarm ?? Effect.void).pipe(Effect.provide(options.layer(server.url)))
        yield* (yield* server.next).closed
      }))
  })
}
