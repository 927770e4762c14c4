/** Frames that no WebSocket of a browser sends, to our own servers: the one who sends them is put out, and nobody else notices. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Logger, Redacted, Stream } from "effect"
import { Room, Telephone, Worker } from "effect-voice"
import * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
import { randomBytes } from "node:crypto"
import { connect, type Socket } from "node:net"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { deflateRawSync } from "node:zlib"
import { WebSocket } from "ws"
import { call, type Carrier } from "../support/carrier.ts"
import { megabytesKept } from "../support/kept.ts"
import { moment, msSince } from "../support/ownTime.ts"

const loopback = "127.0.0.1"

/** One frame from a client, masked; `length` is what it says of itself. */
const frame = (opcode: number, content: Uint8Array | string = "", { fin = true, length, masked = true, rsv = 0 }: {
  readonly fin?: boolean
  readonly length?: bigint
  readonly masked?: boolean
  readonly rsv?: number
} = {}): Buffer => {
  const bytes = Buffer.from(content as Uint8Array)
  const told = length ?? BigInt(bytes.length)
  const head = [(fin ? 0x80 : 0) | rsv << 4 | opcode]
  const mask = masked ? 0x80 : 0
  if (told < 126n) head.push(mask | Number(told))
  else if (told < 65_536n) head.push(mask | 126, Number(told >> 8n), Number(told & 255n))
  else head.push(mask | 127, ...Array.from({ length: 8 }, (_, i) => Number(told >> BigInt(56 - 8 * i) & 255n)))
  // A mask of zeros changes nothing.
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), bytes])
}

const [continued, text, binary, closing, ping, pong] = [0, 1, 2, 8, 9, 10] as const

/** A socket by hand that has been upgraded, what it was told, and whether it was closed. */
const upgraded = (port: number, path: string, extensions = "") =>
  Effect.acquireRelease(
    Effect.callback<{ readonly socket: Socket; readonly state: { closed: boolean; got: Buffer } }>((resume) => {
      const state = { closed: false, got: Buffer.alloc(0) }
      const socket = connect(port, loopback)
      let open = false
      socket.on("error", () => {})
      socket.on("close", () => void (state.closed = true))
      socket.on("data", (data: Buffer) => {
        if (state.got.length < 10_000) state.got = Buffer.concat([state.got, data])
        if (open || !state.got.includes("\r\n\r\n")) return
        open = true
        resume(Effect.succeed({ socket, state }))
      })
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: ${loopback}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
          `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString("base64")}\r\n${extensions}\r\n`
      )
    }),
    ({ socket }) => Effect.sync(() => void socket.destroy())
  )

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(5), until(condition)))

/** So many of one, each masked alike. */
const many = (count: number, one: Buffer): Buffer => Buffer.alloc(count * one.length, one)

const bomb = deflateRawSync(Buffer.alloc(50_000_000))

/** What is sent, by what it is; each at once. */
const attacks: Readonly<Record<string, () => ReadonlyArray<Buffer>>> = {
  "a message of single bytes": () => [
    frame(text, "a", { fin: false }),
    many(140_000, frame(continued, "a", { fin: false }))
  ],
  "a message of nothing, which goes on": () => [
    frame(text, "", { fin: false }),
    many(100_000, frame(continued, "", { fin: false }))
  ],
  "a message that says it is as long as can be": () => [frame(text, "abc", { length: 2n ** 63n - 1n })],
  "a message that says it is longer than that": () => [frame(binary, "abc", { length: 2n ** 64n - 1n })],
  "messages that are not masked": () => [frame(text, "{}", { masked: false })],
  "an opcode that is none": () => [frame(5, "abc")],
  "a compressed message where nothing is compressed": () => [frame(text, bomb, { rsv: 4 })],
  "text that is no text": () => [frame(text, Uint8Array.from([0xff, 0xfe, 0xc0]))],
  "a continuation of nothing": () => [frame(continued, "abc")],
  "two beginnings of a message": () => [frame(text, "a", { fin: false }), frame(text, "b")],
  "a ping in pieces": () => [frame(ping, "abc", { fin: false })],
  "a ping that is too long": () => [frame(ping, "x".repeat(126))],
  "a close that tells nothing that can be": () => [frame(closing, Uint8Array.from([0x03, 0xe7]))],
  "garbage": () => [randomBytes(100_000)]
}

/** Those that are allowed, each of them: their number is not. */
const floods: Readonly<Record<string, () => Buffer>> = {
  pings: () => many(20_000, frame(ping, "x".repeat(125))),
  "empty pings": () => many(200_000, frame(ping)),
  pongs: () => many(200_000, frame(pong)),
  "empty messages": () => many(200_000, frame(text)),
  objects: () => many(40, frame(text, `{"type":"text","a":[${"{\"a\":[{}]},".repeat(11_000)}0]}`)),
  nested: () => many(40, frame(text, "[".repeat(60_000)))
}

const quiet = Effect.provide(Logger.layer([]))

/** What came of each attack, while somebody else asks all the time. */
const withstands = <E, R>(
  port: number,
  path: string,
  asked: Effect.Effect<number, E, R>,
  begin: ReadonlyArray<Buffer> = []
) =>
  Effect.gen(function*() {
    const before = megabytesKept()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    const seen: Record<string, unknown> = {}
    const puttingOut: Array<Fiber.Fiber<void>> = []
    for (const [name, pieces] of Object.entries(attacks)) {
      const bytes = pieces()
      const { socket, state } = yield* upgraded(port, path, "sec-websocket-extensions: permessage-deflate\r\n")
      assert.notInclude(state.got.toString("latin1").toLowerCase(), "permessage-deflate")
      for (const piece of [...begin, ...bytes]) socket.write(piece)
      const slow = yield* asked
      puttingOut.push(yield* Effect.forkChild(until(() => state.closed)))
      seen[name] = slow
      assert.isBelow(slow, 2000, name)
    }
    for (const [name, make] of Object.entries(floods)) {
      const bytes = make()
      const { socket, state } = yield* upgraded(port, path)
      for (const piece of begin) socket.write(piece)
      yield* Effect.sleep(20)
      // They read nothing of what they are answered.
      socket.pause()
      delay.reset()
      delay.enable()
      socket.write(bytes)
      const slow = yield* asked
      yield* Effect.sleep(100)
      delay.disable()
      socket.resume()
      seen[name] = {
        slow,
        hold: Math.round(delay.max / 1e6),
        closed: state.closed,
        MB: Math.round(megabytesKept() - before)
      }
      assert.isBelow(slow, 2000, name)
      // They are put out for the number alone.
      puttingOut.push(yield* Effect.forkChild(until(() => state.closed)))
    }
    yield* Fiber.joinAll(puttingOut)
    yield* Effect.logInfo("frames were sent").pipe(Effect.annotateLogs({ seen }))
    assert.isBelow(megabytesKept() - before, 30)
  })

const doing = (entry: Effect.Effect<unknown, unknown, Room.Room>) =>
  Worker.define({ entry: () => entry, layer: Layer.empty })

describe("frames that no browser sends", () => {
  it.live("put out who sends them to a WebSocketRoom, and nobody else", () =>
    Effect.gen(function*() {
      const echo = Effect.gen(function*() {
        const room = yield* Room.Room
        yield* Stream.runForEach(room.texts("lk.chat"), ({ text }) => room.sendText({ topic: "echo", text }))
      })
      const { port } = yield* WebSocketRoom.make(doing(echo), { port: 0, http: false, load: () => 0, maxCalls: 40 })
      const ann = new WebSocket(`ws://${loopback}:${port}/call`)
      yield* Effect.addFinalizer(() => Effect.sync(() => ann.terminate()))
      const told: Array<string> = []
      ann.on("open", () => ann.send(JSON.stringify({ type: "join", sampleRate: 16_000 })))
      ann.on("message", (data, isBinary) => isBinary ? undefined : void told.push(String(data)))
      yield* until(() => told.some((one) => one.includes("\"joined\"")))
      let count = 0
      const asked = Effect.gen(function*() {
        const text = `text ${++count}.`
        const from = moment()
        ann.send(JSON.stringify({ type: "text", topic: "lk.chat", text }))
        yield* until(() => told.some((one) => one.includes(text)))
        return Math.round(msSince(from))
      })
      yield* asked
      const join = frame(text, JSON.stringify({ type: "join", sampleRate: 16_000 }))
      yield* withstands(port, "/call", asked)
      yield* withstands(port, "/call", asked, [join])
      assert.strictEqual(ann.readyState, WebSocket.OPEN)
    }).pipe(quiet, Effect.scoped))

  it.live("put out who sends them to the telephone's server, and no call", () =>
    Effect.gen(function*() {
      const token = Redacted.make("s3cret-of-the-account")
      const url = "https://voice.example.com/call"
      const over = yield* Deferred.make<void>()
      const definition = doing(Effect.andThen(Room.Room, Deferred.await(over)))
      const made = yield* Telephone.make(definition, {
        url,
        token,
        port: 0,
        host: loopback,
        http: false,
        load: () => 0
      })
      const carrier: Carrier = { port: made.port, token, url }
      const { line } = yield* call(carrier)
      const asked = Effect.gen(function*() {
        const from = moment()
        yield* made.status
        yield* Effect.sleep(1)
        return Math.round(msSince(from))
      })
      yield* withstands(made.port, "/call/stream", asked)
      // As many as a carrier sends, and more than that, of one whose call is running.
      const { line: loud } = yield* call(carrier)
      for (let burst = 0; burst < 3; burst++) {
        // The library of sockets ends one that does not take sixty pongs.
        for (let i = 0; i < 30; i++) loud.pings()
        yield* Effect.sleep(100)
      }
      assert.isUndefined(loud.closed)
      for (let i = 0; i < 50; i++) loud.pings()
      yield* loud.until(() => loud.closed !== undefined)
      assert.isUndefined(line.closed)
      yield* Deferred.succeed(over, undefined)
      yield* line.until(() => line.closed !== undefined)
    }).pipe(quiet, Effect.scoped))
})
