/** What every `Stt` that talks over a WebSocket does when its provider goes wrong. */
import { assert, describe, it } from "@effect/vitest"
import {
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Option,
  type Redacted,
  Redacted as Secret,
  Stream,
  Tracer
} from "effect"
import { type Audio, Resilience, Stt } from "effect-voice"
import * as Net from "node:net"
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

/** What happens to any WebSocket. */
export const faults: ReadonlyArray<Fault> = [
  ...[400, 401, 404, 500].map((status) => ({
    name: `a handshake refused with ${status}`,
    stub: { refuse: () => ({ status }) },
    reason: "Rejected"
  })),
  {
    name: "a drop before the first answer",
    stub: { onOpen: (peer) => peer.socket.terminate() },
    reason: "Disconnected"
  },
  { name: "a drop in mid-stream", stub: answering((peer) => peer.socket.terminate()), reason: "Disconnected" },
  {
    name: "an end before the audio has ended",
    stub: answering((peer) => peer.socket.close(1000)),
    reason: "Disconnected"
  },
  { name: "a server that broke (1011)", stub: answering((peer) => peer.socket.close(1011)), reason: "Disconnected" },
  { name: "a refusal by policy (1008)", stub: answering((peer) => peer.socket.close(1008)), reason: "InvalidRequest" },
  { name: "an overloaded server (1013)", stub: answering((peer) => peer.socket.close(1013)), reason: "Rejected" },
  { name: "half a message", stub: answering((peer) => peer.send(`{"type": "Resul`)), reason: "InvalidResponse" },
  {
    name: "a page instead of a message",
    stub: answering((peer) => peer.send("<p>log in</p>")),
    reason: "InvalidResponse"
  },
  {
    name: "an oversized message",
    stub: answering((peer) => peer.send("x".repeat(17 * 1024 * 1024))),
    reason: "Disconnected"
  }
]

/** Options of the suite. */
export interface Options {
  readonly layer: (url: string) => Layer.Layer<Stt.Stt, Stt.SttError>
  readonly more?: ReadonlyArray<Fault> | undefined
  /** Messages of the protocol that say nothing to a listener. */
  readonly harmless: ReadonlyArray<unknown>
  /** A final transcript as the protocol tells it. */
  readonly final: (text: string) => ReadonlyArray<unknown>
}

export const suite = (name: string, options: Options): void => {
  describe(`${name}, when its provider goes wrong,`, () => {
    // The audio goes on: the failure must come by itself.
    const endless = Stream.concat(said, Stream.never)

    for (const fault of [...faults, ...options.more ?? []]) {
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

    it.live("tells how long to wait", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket({ refuse: () => ({ status: 429, headers: { "retry-after": "3" } }) })
        const { reason } = yield* failure(options.layer(server.url), said)
        assert.strictEqual(reason._tag === "Rejected" ? reason.retryAfterMs : undefined, 3000)
        assert.isTrue(reason.isRetryable)
      }))

    it.live("tells nobody there", () =>
      Effect.gen(function*() {
        const url = yield* Effect.scoped(Effect.map(provider.webSocket(), ({ url }) => url))
        assert.strictEqual((yield* failure(options.layer(url), said)).reason._tag, "Disconnected")
      }))

    it.live("hears through messages that it does not know", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket(answering((peer) => {
          for (const message of options.harmless) peer.send(message)
          peer.send(Buffer.from([0xff, 0xfe, 0x00]))
          for (const message of options.final("well")) peer.send(message)
        }))
        const heard = yield* Stream.runHead(Stt.transcribe(endless)).pipe(Effect.provide(options.layer(server.url)))
        assert.strictEqual(Option.map(heard, ({ text }) => text).pipe(Option.getOrUndefined), "well")
      }))

    it.live("is given up by its deadline when the provider hangs for ever", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        const error = yield* Effect.gen(function*() {
          const stt = Resilience.stt(yield* Stt.Stt, { firstOutput: "200 millis" })
          return yield* Effect.flip(Stream.runDrain(stt.transcribe(endless)))
        }).pipe(Effect.provide(options.layer(server.url)))
        assert.strictEqual(error.reason._tag, "TimedOut")
        yield* Effect.forEach(server.peers, (peer) => peer.closed)
      }))

    it.live("closes its connection when it is interrupted, and lets go of the audio", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        const released = yield* Deferred.make<void>()
        const audio = Stream.ensuring(endless, Deferred.succeed(released, undefined))
        const stt = yield* Stt.Stt.pipe(Effect.provide(yield* Layer.build(options.layer(server.url))))
        const fiber = yield* Effect.forkChild(Stream.runDrain(stt.transcribe(audio)))
        const peer = yield* server.next
        yield* peer.next
        const at = performance.now()
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* peer.closed, 1000)
        if (process.env.EFFECT_VOICE_MEASURE !== undefined) {
          yield* Effect.log(`${name}: closed ${(performance.now() - at).toFixed(1)} ms after the interruption`)
        }
        yield* Deferred.await(released)
      }))

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

    it.live("lets go of a server that accepts and never answers", () =>
      Effect.gen(function*() {
        const accepted = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const port = yield* Effect.acquireRelease(
          Effect.callback<readonly [Net.Server, number]>((resume) => {
            const server = Net.createServer((socket) => {
              socket.on("error", () => {})
              socket.on("data", () => Deferred.doneUnsafe(accepted, Effect.void))
              socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
            })
            server.listen(0, "127.0.0.1", () =>
              resume(Effect.succeed([server, (server.address() as Net.AddressInfo).port])))
          }),
          ([server]) =>
            Effect.sync(() =>
              server.close()
            )
        )
        const fiber = yield* Effect.forkChild(
          Stream.runDrain(Stt.transcribe(endless)).pipe(Effect.provide(options.layer(`ws://127.0.0.1:${port[1]}`)))
        )
        yield* Deferred.await(accepted)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(closed)
      }))

    it.live("closes what was opened in advance with its layer", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        yield* Stt.Stt.use((stt) => stt.prewarm ?? Effect.void).pipe(Effect.provide(options.layer(server.url)))
        yield* (yield* server.next).closed
      }))

    it.live("keeps its key to itself", () =>
      Effect.gen(function*() {
        const told: Array<string> = []
        const logger = Logger.make(({ cause, message }) => void told.push(String(message), JSON.stringify(cause)))
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            told.push(options.name)
            const attribute = span.attribute.bind(span)
            span.attribute = (key, value) => {
              told.push(key, String(value))
              attribute(key, value)
            }
            const end = span.end.bind(span)
            span.end = (time, exit) => {
              if (Exit.isFailure(exit)) told.push(JSON.stringify(exit))
              end(time, exit)
            }
            return span
          }
        })
        const server = yield* provider.webSocket(faults.find(({ name }) => name.startsWith("half"))?.stub)
        yield* failure(options.layer(server.url), endless).pipe(
          Effect.tapError(Effect.logError),
          Effect.tap(Effect.logError),
          Effect.provideService(Tracer.Tracer, tracer),
          Effect.provide(Logger.layer([logger]))
        )
        assert.isAbove(told.length, 0)
        assert.notInclude(told.join("\n"), "sk-secret-key")
      }))
  })
}
