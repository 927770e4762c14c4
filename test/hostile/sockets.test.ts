/** Whatever comes to the port of our own servers, on loopback: who has a call goes on, and nothing is kept. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, Redacted, type Scope, Stream } from "effect"
import { Room, Telephone, Worker } from "effect-voice"
import { answering, makeCalls } from "effect-voice/internal/webSocket/calls"
import * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
import { connect, type Socket } from "node:net"
import { WebSocket } from "ws"
import { call, type Carrier } from "../support/carrier.ts"
import { keepsLessThan, megabytesKept } from "../support/kept.ts"
import { moment, msSince } from "../support/ownTime.ts"
import { serverSettings } from "../support/sockets.ts"

const loopback = "127.0.0.1"

/** A connection by hand, and what came of it. */
const raw = (port: number, text = "") =>
  Effect.acquireRelease(
    Effect.callback<{ readonly socket: Socket; readonly state: { closed: boolean; got: string } }>((resume) => {
      const state = { closed: false, got: "" }
      const socket = connect(port, loopback)
      socket.on("error", () => {})
      socket.on("data", (data: Buffer) => void (state.got += data.toString("latin1").slice(0, 1000)))
      socket.on("close", () => void (state.closed = true))
      socket.on("connect", () => {
        socket.write(text)
        resume(Effect.succeed({ socket, state }))
      })
    }),
    ({ socket }) => Effect.sync(() => void socket.destroy())
  )

const many = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.all(Array.from({ length: count }, () => effect), { concurrency: "unbounded" })

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(10), until(condition)))

const upgrade = (path: string, more = "") =>
  `GET ${path} HTTP/1.1\r\nhost: ${loopback}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
  `sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`

/** A socket of the `ws` package, what it was told, and how it was closed. */
const dial = (port: number, path: string, join = true) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = new WebSocket(`ws://${loopback}:${port}${path}`)
      const state = {
        told: [] as Array<{ readonly type: string; readonly [name: string]: unknown }>,
        code: 0,
        open: false
      }
      socket.on("error", () => {})
      socket.on("open", () => {
        state.open = true
        if (join) socket.send(JSON.stringify({ type: "join", sampleRate: 16_000 }))
      })
      socket.on("message", (data, isBinary) => {
        if (!isBinary) state.told.push(JSON.parse(String(data)))
      })
      socket.on("close", (code) => void (state.code = code))
      return { socket, state }
    }),
    ({ socket }) => Effect.sync(() => socket.terminate())
  )

const has = ({ state }: Effect.Success<ReturnType<typeof dial>>, type: string) =>
  state.told.some((one) => one.type === type)

const quiet = Effect.provide(Logger.layer([]))

const doing = (entry: Effect.Effect<unknown, unknown, Room.Room | Scope.Scope>) =>
  Worker.define({ entry: () => entry, layer: Layer.empty })

/** On a port of this machine, without another for its health. */
const local: WebSocketRoom.Options = { port: 0, http: false, load: () => 0 }

describe("a server of WebSocketRoom", () => {
  /** Gives back each text at once. */
  const echo = Effect.gen(function*() {
    const room = yield* Room.Room
    yield* Stream.runForEach(room.texts("lk.chat"), ({ text }) => room.sendText({ topic: "echo", text }))
  })

  it.live("answers its caller within their time, whatever comes to its port beside them", () =>
    Effect.gen(function*() {
      const { port, status } = yield* WebSocketRoom.make(doing(echo), { ...local, maxCalls: 12 })
      const ann = yield* dial(port, "/call")
      yield* until(() => has(ann, "joined"))
      let asked = 0
      const ask = Effect.gen(function*() {
        const text = `text ${++asked}`
        const from = moment()
        ann.socket.send(JSON.stringify({ type: "text", topic: "lk.chat", text }))
        yield* until(() => ann.state.told.some((one) => one["text"] === text))
        return msSince(from)
      })
      yield* ask
      const before = megabytesKept()
      // Heads that never end, and that are too long; garbage; sockets that say nothing, or the wrong thing.
      const halves = yield* many(100, raw(port, "GET /call HTTP/1.1\r\nhost: x\r\n"))
      const heads = yield* many(20, raw(port, upgrade("/call", `x: ${"y".repeat(20_000)}\r\n`)))
      const garbage = yield* many(20, raw(port, "\u0000\u0001\u0002".repeat(1000)))
      const frames = yield* many(20, raw(port, `${upgrade("/call")}${"\u00ff".repeat(5000)}`))
      yield* ask
      const silent = yield* many(100, dial(port, "/call", false))
      yield* until(() => silent.every(({ state }) => state.open))
      yield* until(() => silent.filter(({ state }) => state.code === 1013).length >= 24)
      assert.isAtMost(silent.filter(({ state }) => state.code === 0).length, 64 + 12)
      yield* ask
      for (const { socket } of silent) socket.terminate()
      yield* until(() => silent.every(({ state }) => state.code !== 0))
      // Messages that are too long, too many, and of callers who do not read.
      const loud = yield* many(10, dial(port, "/call"))
      yield* until(() => loud.every((one) => has(one, "joined")))
      for (const [i, { socket }] of loud.entries()) {
        if (i % 3 === 0) socket.send("x".repeat(200_000))
        else if (i % 3 === 1) { for (let k = 0; k < 3000; k++) socket.send("{\"type\":\"keys\",\"digits\":\"1\"}") }
        else for (let k = 0; k < 300; k++) socket.send(new Uint8Array(32_000))
      }
      const slowest = Math.max(yield* ask, yield* ask, yield* ask)
      yield* until(() => loud.every(({ state }) => state.code === 1009 || state.code === 1008))
      yield* until(() => heads.every(({ state }) => state.closed))
      assert.isTrue(heads.every(({ state }) => state.got.startsWith("HTTP/1.1 431")))
      yield* until(() => garbage.every(({ state }) => state.closed))
      yield* until(() => frames.every(({ state }) => state.closed))
      // A head has five seconds.
      yield* until(() => halves.every(({ state }) => state.closed))
      yield* ask
      assert.isBelow(slowest, 2000)
      assert.isTrue(keepsLessThan(before + 150))
      assert.isAtMost((yield* status).calls, 11)
      assert.isFalse(ann.state.code !== 0)
    }).pipe(quiet, Effect.scoped))

  it.live("lets go of a caller who does not read what they are sent, and keeps no more than a few megabytes of it", () =>
    Effect.gen(function*() {
      const texts = Effect.flatMap(
        Room.Room,
        (room) =>
          Effect.forever(
            Effect.andThen(Effect.ignore(room.sendText({ topic: "x", text: "x".repeat(100_000) })), Effect.sleep(1))
          )
      )
      const { port } = yield* WebSocketRoom.make(doing(texts), local)
      const slow = yield* dial(port, "/call")
      yield* until(() => has(slow, "joined"))
      const before = megabytesKept()
      slow.socket.pause()
      for (let i = 0; i < 150; i++) {
        yield* Effect.sleep(10)
        assert.isTrue(keepsLessThan(before + 100))
      }
      slow.socket.resume()
      yield* until(() => slow.state.code !== 0)
    }).pipe(quiet, Effect.scoped))

  it.effect("has no more strangers than 64 beside its calls, and takes who comes when they have gone", () =>
    Effect.gen(function*() {
      const calls = yield* makeCalls({
        ...serverSettings,
        authorize: () => Effect.never
      }, answering(3, () => Effect.never))
      const come = () => {
        const state = { told: "", code: 0 }
        const reception = calls.accept({
          send: (message) => void (state.told += String(message)),
          unsent: () => 0,
          close: (code) => void (state.code = code)
        })
        return { state, reception }
      }
      const all = Array.from({ length: 64 + 3 }, come)
      // Also those whose token is being looked at.
      for (const { reception } of all.slice(0, 32)) {
        reception.receive(JSON.stringify({ type: "join", sampleRate: 16_000 }))
      }
      const late = come()
      assert.deepStrictEqual(late.state, { told: JSON.stringify({ type: "refused", reason: "busy" }), code: 1013 })
      late.reception.closed()
      assert.isTrue(all.every(({ state }) => state.code === 0))
      all[40]!.reception.closed()
      all[40]!.reception.closed()
      assert.strictEqual(come().state.code, 0)
      assert.strictEqual(come().state.code, 1013)
      yield* Effect.void
    }))
})

describe("the telephone's server", () => {
  const token = Redacted.make("s3cret-of-the-account")
  const url = "https://voice.example.com/call"

  it.live("goes on with its call, whatever comes to its port beside it", () =>
    Effect.gen(function*() {
      const heard = { frames: 0 }
      const over = yield* Deferred.make<void>()
      const definition = Worker.define({
        layer: Layer.empty,
        entry: () =>
          Effect.gen(function*() {
            const room = yield* Room.Room
            yield* Effect.forkScoped(Stream.runForEach(room.events, (event) =>
              event._tag === "TrackSubscribed"
                ? Stream.runForEach(room.audio(event.identity), () => Effect.sync(() => void heard.frames++))
                : Effect.void))
            yield* Deferred.await(over)
          })
      })
      const made = yield* Telephone.make(definition, { url, token, port: 0, host: loopback, http: false })
      const carrier: Carrier = { port: made.port, token, url }
      const { line } = yield* call(carrier)
      yield* Effect.sleep(100)
      const path = "/call/stream"
      const halves = yield* many(100, raw(made.port, "POST /call HTTP/1.1\r\nhost: x\r\n"))
      yield* many(
        30,
        raw(made.port, `POST /call HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n${"x".repeat(100_000)}`)
      )
      const strangers = yield* many(100, dial(made.port, path, false))
      yield* Effect.sleep(500)
      for (const { socket, state } of strangers) if (state.open) socket.send("x".repeat(100_000))
      yield* until(() => strangers.every(({ socket }) => socket.readyState !== WebSocket.OPEN))
      yield* Effect.sleep(500)
      assert.isUndefined(line.closed)
      assert.strictEqual((yield* made.status).calls, 1)
      assert.isTrue(halves.length === 100)
      yield* Deferred.succeed(over, undefined)
      yield* line.until(() => line.closed !== undefined)
    }).pipe(quiet, Effect.scoped))
})
