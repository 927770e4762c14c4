/** What every `Tts` that asks a provider does when that goes wrong. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Stream } from "effect"
import { Resilience, Tts } from "effect-voice"
import * as provider from "./provider.ts"
import type { Fault } from "./transcribing.ts"

const text = Stream.make("Good morning. ", "How are you?")
// The text goes on: the failure must come by itself.
const endless = Stream.concat(text, Stream.never)

type Make = (url: string) => Layer.Layer<Tts.Tts, Tts.TtsError>

const failure = (tts: Layer.Layer<Tts.Tts, Tts.TtsError>, text: Stream.Stream<string>) =>
  Effect.flip(Stream.runDrain(Tts.speak(text))).pipe(Effect.provide(tts))

const quiet = (error: Tts.TtsError) => {
  assert.instanceOf(error, Tts.TtsError)
  assert.notInclude(JSON.stringify(error) + error.message, "secret")
  assert.notInclude(JSON.stringify(error) + error.message, "morning")
  assert.notInclude(error.message, "127.0.0.1")
}

const deadline = (make: Make, url: string) =>
  Effect.gen(function*() {
    const tts = Resilience.tts(yield* Tts.Tts, { firstOutput: "200 millis" })
    const error = yield* Effect.flip(Stream.runDrain(tts.speak(text)))
    assert.strictEqual(error.reason._tag, "TimedOut")
  }).pipe(Effect.provide(make(url)))

/** Over a WebSocket. */
export const webSocketSuite = (name: string, make: Make, faults: ReadonlyArray<Fault>): void => {
  describe(`${name}, when its provider goes wrong,`, () => {
    for (const fault of faults) {
      it.live(`tells ${fault.name}`, () =>
        Effect.gen(function*() {
          const server = yield* provider.webSocket(fault.stub)
          const error = yield* failure(make(server.url), endless)
          assert.strictEqual(error.reason._tag, fault.reason)
          quiet(error)
          yield* Effect.forEach(server.peers, (peer) => peer.closed)
        }))
    }

    it.live("is given up by its deadline when the provider hangs for ever", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        yield* deadline(make, server.url)
        yield* Effect.forEach(server.peers, (peer) => peer.closed)
      }))

    it.live("closes its connection when it is interrupted, and lets go of the text", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket()
        const released = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          Stream.runDrain(Tts.speak(Stream.ensuring(endless, Deferred.succeed(released, undefined)))).pipe(
            Effect.provide(make(server.url))
          )
        )
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
  })
}

/** Over HTTP, with one request a piece. */
export const httpSuite = (name: string, make: Make): void => {
  describe(`${name}, when its provider goes wrong,`, () => {
    for (const [fault, handler, reason] of provider.httpFaults) {
      it.live(`tells ${fault}`, () =>
        Effect.gen(function*() {
          const server = yield* provider.http(handler)
          const error = yield* failure(make(server.url), endless)
          // JSON is no audio, well formed or not.
          assert.strictEqual(error.reason._tag, reason)
          if (error.reason._tag === "Rejected" && error.reason.status === 429) {
            assert.strictEqual(error.reason.retryAfterMs, 7000)
          }
          quiet(error)
        }))
    }

    it.live("tells a drop in mid-stream, after the audio that came", () =>
      Effect.gen(function*() {
        const server = yield* provider.http((_, response) => {
          response.writeHead(200, { "content-type": "audio/pcm", "content-length": "100000" }).write(Buffer.alloc(4801))
          response.socket?.end()
        })
        let samples = 0
        const error = yield* Tts.speak(endless).pipe(
          Stream.runForEach(({ frame }) => Effect.sync(() => void (samples += frame.samples.length))),
          Effect.flip,
          Effect.provide(make(server.url))
        )
        assert.strictEqual(error.reason._tag, "Disconnected")
        assert.strictEqual(samples, 2400)
      }))

    it.live("is given up by its deadline when the provider hangs, or has no audio", () =>
      Effect.gen(function*() {
        const server = yield* provider.http(() => {})
        yield* deadline(make, server.url)
        yield* server.aborted
      }))

    it.live("closes its connection when it is interrupted", () =>
      Effect.gen(function*() {
        const server = yield* provider.http((_, response) =>
          void response.writeHead(200, { "content-type": "audio/pcm" }).write(Buffer.alloc(4800))
        )
        yield* Stream.runHead(Tts.speak(endless)).pipe(Effect.provide(make(server.url)))
        const ago = yield* server.aborted
        if (process.env.EFFECT_VOICE_MEASURE !== undefined) {
          yield* Effect.log(`${name}: closed ${ago.toFixed(1)} ms ago`)
        }
      }))
  })
}
