import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schema, Stream } from "effect"
import * as Failure from "effect-voice/Failure"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { disconnected, http as client } from "../../src/internal/provider/http.ts"
import * as pcm from "../../src/internal/provider/pcm.ts"
import { connect } from "../../src/internal/provider/socket.ts"
import { codeOf } from "../../src/internal/thrown.ts"
import * as provider from "../support/provider.ts"

const Answer = Schema.Struct({ text: Schema.String })

describe("a broken connection", () => {
  it("is told by the code of the nearest cause that has one, however they hang together", () => {
    const round = (depth: number) => {
      const errors = Array.from({ length: depth }, () => new Error("no"))
      errors.forEach((error, index) => void (error.cause = errors[(index + 1) % depth]))
      return errors[0]
    }
    const many = new AggregateError([])
    many.errors.push(many, Object.assign(new Error("no"), { address: "::1", port: 80 }))
    const told: ReadonlyArray<readonly [unknown, object]> = [
      [new Error("no", { cause: { code: "ECONNRESET" } }), { code: "ECONNRESET" }],
      [round(1), {}],
      [round(3), {}],
      [many, { peer: "[::1]:80" }],
      [Object.defineProperty(new Error("no"), "code", { get: () => assert.fail("read") }), {}]
    ]
    for (const [cause, has] of told) assert.deepInclude(disconnected(cause), has)
    assert.isUndefined(codeOf(round(2)))
  })
})

describe("HTTP", () => {
  for (const [name, handler, reason] of provider.httpFaults) {
    it.live(`tells ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* provider.http(handler)
        const http = yield* client
        const error = yield* Effect.flip(http.json(HttpClientRequest.get(`${server.url}/?key=sk-secret`), Answer))
        assert.strictEqual(error._tag, reason)
        assert.notInclude(JSON.stringify(error) + error.message, "sk-secret")
        if (name.startsWith("429")) assert.strictEqual(error._tag === "Rejected" ? error.retryAfterMs : undefined, 7000)
      }))
  }

  it.live("uses connections again", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) => void response.end(`{"text":"yes"}`))
      const http = yield* client
      for (let i = 0; i < 20; i++) {
        assert.deepStrictEqual(yield* http.json(HttpClientRequest.get(server.url), Answer), { text: "yes" })
      }
      // The end of an answer and the next request may cross.
      assert.isAtMost(server.connections(), 3)
    }))

  it.live("takes its key nowhere else, wherever an answer sends it", () =>
    Effect.gen(function*() {
      const other = yield* provider.http((_, response) => void response.end(`{"text":"stolen"}`))
      const http = yield* client
      for (const status of [301, 302, 303, 307, 308]) {
        const server = yield* provider.http((_, response) =>
          void response.writeHead(status, { location: `${other.url}/steal` }).end()
        )
        for (
          const request of [
            HttpClientRequest.get(server.url),
            HttpClientRequest.bodyText(HttpClientRequest.post(server.url), "what was said")
          ]
        ) {
          const error = yield* Effect.flip(
            http.json(HttpClientRequest.setHeader(request, "xi-api-key", "sk-secret"), Answer)
          )
          assert.deepInclude(error, { _tag: "Rejected", status })
        }
      }
      assert.strictEqual(other.connections(), 0)
      // One that sends it round in circles, and one that means another path of its own.
      const circle = yield* provider.http((_, response) => void response.writeHead(307, { location: "/" }).end())
      assert.deepInclude(yield* Effect.flip(http.json(HttpClientRequest.get(circle.url), Answer)), { status: 307 })
      const moved = yield* provider.http((request, response) =>
        request.url.pathname === "/there"
          ? void response.end(`{"text":"yes"}`)
          : void response.writeHead(308, { location: "/there" }).end()
      )
      assert.deepStrictEqual(
        yield* http.json(HttpClientRequest.bodyText(HttpClientRequest.post(moved.url), "again"), Answer),
        { text: "yes" }
      )
    }))

  it.live("closes the connection when it is interrupted in mid-stream", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) => void response.writeHead(200).write("first"))
      const http = yield* client
      const first = yield* Stream.runHead(http.stream(HttpClientRequest.get(server.url)))
      assert.isTrue(first._tag === "Some")
      yield* server.aborted
      const fiber = yield* Effect.forkChild(Stream.runDrain(http.stream(HttpClientRequest.get(server.url))))
      yield* server.next
      yield* server.next
      yield* Fiber.interrupt(fiber)
      yield* server.aborted
    }))

  it.live("refuses an answer in another content type", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "application/json" }).end("{}")
      )
      const http = yield* client
      const error = yield* Effect.flip(Stream.runDrain(http.stream(HttpClientRequest.get(server.url), ["audio/"])))
      assert.strictEqual(error._tag, "InvalidResponse")
    }))
})

describe("PCM", () => {
  it.effect("gives the same samples however the bytes are cut", () =>
    Effect.gen(function*() {
      const samples = Int16Array.from({ length: 999 }, (_, i) => i * 31 - 15_000)
      const bytes = new Uint8Array(samples.buffer)
      for (const size of [1, 2, 3, 7, 333, 5000]) {
        const pieces: Array<Uint8Array> = []
        for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.subarray(i, i + size))
        const format = { sampleRate: 24_000, channels: 1 }
        const frames = yield* Stream.runCollect(pcm.frames(format)(Stream.fromIterable(pieces)))
        assert.deepStrictEqual(frames.flatMap((frame) => [...frame.samples]), [...samples], `cut at ${size}`)
      }
    }))
})

describe("WebSocket", () => {
  it.live("sends its headers, talks, and closes with its scope", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({ onMessage: (message, peer) => peer.send(message) })
      const peer = yield* Effect.scoped(Effect.gen(function*() {
        const socket = yield* connect({ url: server.url, headers: { authorization: Redacted.make("Token k") } })
        yield* socket.send("hello")
        yield* socket.send(new Uint8Array([1, 2, 3]))
        assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(socket.messages, 1)), ["hello"])
        const [bytes] = yield* Stream.runCollect(Stream.take(socket.messages, 1))
        assert.deepStrictEqual([...(bytes ?? "")], [1, 2, 3])
        return yield* server.next
      }))
      assert.strictEqual(peer.headers.authorization, "Token k")
      assert.strictEqual(yield* peer.closed, 1000)
    }))

  it.live("tells the status of a refusal, and how long to wait", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({ refuse: () => ({ status: 429, headers: { "retry-after": "2" } }) })
      const error = yield* Effect.flip(Effect.scoped(connect({ url: server.url })))
      assert.deepStrictEqual({ ...error }, { ...new Failure.Rejected({ status: 429, retryAfterMs: 2000 }) })
    }))

  it.live("tells nobody there, and a URL that is none", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.scoped(Effect.map(provider.webSocket(), ({ url }) => url))
      assert.strictEqual((yield* Effect.flip(Effect.scoped(connect({ url: gone }))))._tag, "Disconnected")
      assert.strictEqual((yield* Effect.flip(Effect.scoped(connect({ url: "not a url" }))))._tag, "InvalidRequest")
    }))

  it.live("ends where it is closed in peace, and fails where it is not, after all that came before", () =>
    Effect.gen(function*() {
      const codes = [[1000, undefined], [1011, "Disconnected"], [1008, "Disconnected"], [
        undefined,
        "Disconnected"
      ]] as const
      for (const [code, tag] of codes) {
        const server = yield* provider.webSocket({
          onOpen: (peer) => {
            for (let i = 0; i < 1000; i++) peer.send(String(i))
            if (code === undefined) peer.socket.once("message", () => peer.socket.terminate())
            else peer.socket.close(code)
          }
        })
        const socket = yield* connect({ url: server.url })
        if (code === undefined) yield* socket.send("go")
        const seen: Array<unknown> = []
        const error = yield* Effect.match(Stream.runForEach(socket.messages, (m) => Effect.sync(() => seen.push(m))), {
          onFailure: ({ _tag }) => _tag,
          onSuccess: () => undefined
        })
        assert.strictEqual(error, tag)
        if (code !== undefined) assert.strictEqual(seen.length, 1000)
        assert.isTrue(socket.isClosed())
        assert.isTrue((yield* Effect.exit(socket.send("late")))._tag === "Failure")
      }
    }))

  it.live("keeps a few megabytes of what nobody takes, however long its messages are", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket()
      const socket = yield* connect({ url: server.url })
      const peer = yield* server.next
      for (let i = 0; i < 60; i++) peer.send(Buffer.alloc(1024 * 1024))
      yield* Stream.runDrain(Stream.take(socket.messages, 1))
      yield* Effect.sleep(200)
      assert.isAbove(peer.socket.bufferedAmount, 35_000_000)
      assert.strictEqual(yield* Stream.runCount(Stream.take(socket.messages, 59)), 59)
    }))

  it.live("stops reading while nobody takes what came", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket()
      const socket = yield* connect({ url: server.url })
      const peer = yield* server.next
      const payload = Buffer.alloc(64 * 1024)
      for (let i = 0; i < 2000; i++) peer.send(payload)
      const taken = yield* Stream.runCollect(Stream.take(socket.messages, 1))
      assert.strictEqual(taken.length, 1)
      assert.isAbove(peer.socket.bufferedAmount, 10_000_000)
      peer.send("end")
      const rest = yield* Stream.runCount(Stream.takeUntil(socket.messages, (message) => message === "end"))
      assert.strictEqual(rest, 2000)
    }))
})
