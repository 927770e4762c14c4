/** Requests that no operator and no page sends, to each of our HTTP servers: each is refused or closed, and the next one is answered. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Metric, Redacted, type Scope } from "effect"
import { Room, Telephone, Worker } from "effect-voice"
import * as Prometheus from "effect-voice/Layers/Prometheus"
import * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
import { connect, type Socket } from "node:net"
import { serve } from "../../src/cli/playground.ts"
import { serveAgent } from "../support/agentServer.ts"
import { start } from "../worker/support.ts"

const loopback = "127.0.0.1"

/** What a server answered to some bytes, and whether it has closed. */
const asked = (port: number, ...pieces: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const state = { got: "", closed: false }
      const socket: Socket = connect(port, loopback)
      socket.on("error", () => {})
      socket.on("data", (data) => void (state.got += data.toString("latin1")))
      socket.on("close", () => void (state.closed = true))
      for (const piece of pieces) socket.write(piece)
      return { socket, state }
    }),
    ({ socket }) => Effect.sync(() => void socket.destroy())
  )

/** A connection that its client never closes: whether the server has cut it shows when something is sent. */
const halfOpen = (port: number, text: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = connect({ port, host: loopback, allowHalfOpen: true })
      let cut = false
      socket.on("error", () => {})
      socket.on("close", () => void (cut = true))
      socket.resume()
      socket.write(text)
      return {
        cut: () => {
          if (!cut && !socket.connecting) socket.write("x")
          return cut
        },
        socket
      }
    }),
    ({ socket }) => Effect.sync(() => void socket.destroy())
  )

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(10), until(condition)))

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nhost: ${loopback}\r\n${more}\r\n`

const statusOf = (port: number, path: string) =>
  Effect.scoped(Effect.gen(function*() {
    const { state } = yield* asked(port, get(path, "connection: close\r\n"))
    yield* until(() => state.got.includes("\r\n\r\n"))
    return Number(state.got.slice(9, 12))
  }))

const paths = [
  "/../../package.json",
  "/..%2f..%2fpackage.json",
  "/%2e%2e/%2e%2e/package.json",
  "/..\\..\\package.json",
  "/..%5c..%5cpackage.json",
  "//etc/passwd",
  "/%00",
  "/playground.css%00.js",
  "/%",
  "/%zz",
  "/%c0%ae%c0%ae/package.json",
  "/%u002e%u002e/",
  "/__proto__",
  "/constructor",
  `/none?${"x".repeat(4000)}`,
  `/${"a/".repeat(2000)}`,
  "/;%0d%0aset-cookie:x=y",
  "/none#fragment"
]

/** Not HTTP, or not as it should be: closed, mostly with 400. */
const broken = [
  "\u0016\u0003\u0001\u0002\u0000",
  "GET\r\n\r\n",
  "GET / HTTP/9.9\r\n\r\n",
  "get / HTTP/1.1\r\nhost: x\r\n\r\n",
  "GET __proto__ HTTP/1.1\r\nhost: x\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: x\r\nhost : y\r\n\r\n",
  "POST /call HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
  "POST /call HTTP/1.1\r\nhost: x\r\ncontent-length: 1e9\r\n\r\n",
  "POST /call HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /call HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, chunked, x\r\n\r\n",
  "POST /call HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
  `GET /${"x".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\n${Array.from({ length: 3000 }, (_, i) => `x${i}: y`).join("\r\n")}\r\n\r\n`
]

const quietly = Effect.provide(Logger.layer([]))

const entry = Worker.define({ entry: () => Effect.andThen(Room.Room, Effect.never), layer: Layer.empty })

/** Each server, by a path that it answers and how. */
const servers: Readonly<
  Record<string, readonly [Effect.Effect<number, unknown, Scope.Scope>, path: string, status: number]>
> = {
  "a worker": [
    Effect.flatMap(serveAgent(), (server) =>
      Effect.map(
        start(entry, server, { http: { port: 0, host: loopback, metricsPort: false, metrics: true } }),
        ({ ports }) => ports[0]!
      )),
    "/health",
    200
  ],
  "the metrics": [
    Effect.map(
      Layer.build(Prometheus.layer({ port: 0, host: loopback })),
      (context) => Context.get(context, Prometheus.Prometheus).port
    ),
    "/metrics",
    200
  ],
  "the playground": [
    Effect.map(
      serve({
        url: "ws://127.0.0.1:7880",
        apiKey: Redacted.make("devkey"),
        apiSecret: Redacted.make("a-secret-of-at-least-thirty-two-characters"),
        agentName: "desk",
        port: 0
      }),
      (url) => Number(new URL(url).port)
    ),
    "/",
    200
  ],
  "rooms over sockets": [
    Effect.map(WebSocketRoom.make(entry, { port: 0, http: false, load: () => 0 }), ({ port }) => port),
    "/none",
    404
  ],
  "the telephone": [
    Effect.map(
      Telephone.make(entry, {
        url: "https://voice.example.com/call",
        token: Redacted.make("s3cret-of-the-account"),
        port: 0,
        host: loopback,
        http: false
      }),
      ({ port }) => port
    ),
    "/call",
    405
  ]
}

/** Names that are made to resolve to this machine, or that only look like its own. */
const otherNames = [
  "evil.example",
  "evil.example:8081",
  "127.0.0.1.nip.io",
  "localhost.evil.example",
  "localhost:80.evil.example",
  "evil.example#127.0.0.1",
  "127.0.0.1@evil.example",
  "127.0.0.1:80@evil.example",
  "[::1].evil.example",
  "[::ffff:127.0.0.1]",
  "0.0.0.0",
  "10.0.0.1",
  "localhost.",
  "2130706433",
  "0x7f000001",
  "127.1",
  "xn--localhost-x",
  ""
]

/** As the machine is called, and with which port. */
const ownNames = ["127.0.0.1", "127.0.0.1:1", "localhost", "LOCALHOST:8081", "[::1]", "[::1]:8081", "127.0.0.53"]

const upgrade = (path: string, more = "") =>
  get(
    path,
    `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}`
  )

/** What ends a connection here, whatever the other side does. */
const ending = [
  upgrade("/nowhere"),
  upgrade("/nowhere", "content-length: 100\r\n"),
  upgrade("/").replace("13", "99"),
  upgrade("/call").replace("13", "99"),
  upgrade("/call/stream").replace("13", "99"),
  upgrade("/call", "origin: http://elsewhere\r\n"),
  upgrade("/call").replace("websocket", "h2c"),
  "CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n",
  "nonsense\r\n\r\n",
  get("/none", "connection: close\r\n")
]

describe.concurrent.each(Object.keys(servers))("the server of %s", (name) => {
  const [started, path, status] = servers[name]!

  it.live(
    "keeps no place for who leaves their side of a connection open that was ended here",
    () =>
      Effect.gen(function*() {
        const port = yield* started
        const held = yield* Effect.forEach(
          Array.from({ length: 30 }, () => ending).flat(),
          (text) => halfOpen(port, text),
          {
            concurrency: 16
          }
        )
        yield* until(() => held.every(({ cut }) => cut()))
        assert.strictEqual(yield* statusOf(port, path), status)
      }).pipe(quietly, Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.live.skipIf(name === "the telephone")(
    "answers nobody who asks for this machine by another name",
    () =>
      Effect.gen(function*() {
        const port = yield* started
        const asking = (host: string) =>
          Effect.scoped(Effect.gen(function*() {
            const { state } = yield* asked(port, `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
            yield* until(() => state.closed)
            return Number(state.got.slice(9, 12))
          }))
        for (const host of ownNames) assert.strictEqual(yield* asking(host), status, host)
        for (const host of otherNames) assert.include([400, 421], yield* asking(host), host)
        // A target with a name of its own is no way around it.
        const { state } = yield* asked(port, `GET http://evil.example${path} HTTP/1.1\r\nhost: evil.example\r\n\r\n`)
        yield* until(() => state.got.includes("\r\n\r\n"))
        assert.include([400, 404, 421], Number(state.got.slice(9, 12)))
      }).pipe(quietly, Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.live("answers as ever after whatever has come", () =>
    Effect.gen(function*() {
      const port = yield* started
      assert.strictEqual(yield* statusOf(port, path), status)
      for (const path of paths) {
        assert.include([400, 404, 421], yield* statusOf(port, path), path)
      }
      for (const bytes of broken) {
        yield* Effect.scoped(Effect.gen(function*() {
          const { state } = yield* asked(port, bytes)
          yield* until(() => state.closed || /^HTTP\/1\.1 [45]\d\d/.test(state.got))
          assert.notMatch(state.got, /^HTTP\/1\.1 [123]/, bytes.slice(0, 80))
        }))
      }
      // Two hundred requests in one go are answered in their order, or the connection is closed.
      const piped = yield* asked(port, get(path).repeat(200))
      yield* until(() => piped.state.closed || piped.state.got.split("HTTP/1.1 ").length === 201)
      // Bodies that nobody waits for: what is asked beside them is answered.
      const slow = yield* Effect.all(
        Array.from({ length: 20 }, () =>
          asked(port, `POST ${path} HTTP/1.1\r\nhost: ${loopback}\r\ncontent-length: 1000\r\n\r\n`, "x"))
      )
      assert.strictEqual(yield* statusOf(port, path), status)
      assert.lengthOf(slow, 20)
    }).pipe(quietly, Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map())))
})

describe("the playground", () => {
  const posted = (port: number, body: string, more = "") =>
    Effect.scoped(Effect.gen(function*() {
      const { state } = yield* asked(
        port,
        `POST /token HTTP/1.1\r\nhost: ${loopback}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
          (more === "" ? `content-length: ${Buffer.byteLength(body)}\r\n` : more) + "\r\n",
        body
      )
      yield* until(() => state.closed || /^HTTP[^]*\r\n\r\n[^]/.test(state.got))
      return Number(state.got.slice(9, 12))
    }))
  const sized = (length: number) => `{"room":"desk"${" ".repeat(length - 15)}}`

  it.live.each<readonly [string, string, number]>([
    ["a room and a name", "{\"room\":\"desk\",\"identity\":\"ann\"}", 200],
    ["nothing", "{}", 200],
    ["4095 bytes", sized(4095), 200],
    ["4096 bytes", sized(4096), 200],
    ["4097 bytes", sized(4097), 400],
    ["ten megabytes", sized(10_000_000), 400],
    ["a name of 64 characters", `{"room":"${"x".repeat(64)}"}`, 200],
    ["a name of 65 characters", `{"room":"${"x".repeat(65)}"}`, 400],
    ["an empty name", "{\"room\":\"\"}", 400],
    ["a name in another writing", "{\"room\":\"\u202e\"}", 400],
    ["a path", "{\"room\":\"../admin\"}", 400],
    ["another type", "{\"room\":7}", 400],
    ["null", "null", 400],
    ["a list", "[]", 400],
    ["no JSON", "{", 400],
    ["lists in lists", "[".repeat(4000), 400],
    ["names of all objects", "{\"__proto__\":{\"room\":\"x y z!\"}}", 200]
  ])("gives a token for a wish that is one: %s", ([, body, status]) =>
    Effect.gen(function*() {
      const port = yield* servers["the playground"]![0]
      assert.strictEqual(yield* posted(port, body), status)
      assert.strictEqual(yield* statusOf(port, "/"), 200)
    }).pipe(quietly, Effect.scoped))

  it.live("reads no wish without an end", () =>
    Effect.gen(function*() {
      const port = yield* servers["the playground"]![0]
      const chunks = `${(65_536).toString(16)}\r\n${" ".repeat(65_536)}\r\n`.repeat(100)
      assert.include([0, 400], yield* posted(port, chunks, "transfer-encoding: chunked\r\n"))
      assert.strictEqual(yield* statusOf(port, "/"), 200)
    }).pipe(quietly, Effect.scoped))
})
