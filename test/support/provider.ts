/**
 * Stand-ins for providers: real servers on loopback that answer as a test
 * says, and that see how they are treated.
 */
import { Deferred, Effect, Queue, type Scope } from "effect"
import * as Http from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import { type Moment, moment } from "./ownTime.ts"

/** A request as it arrived. */
export interface Request {
  readonly method: string
  readonly url: URL
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Buffer
  /** How many requests came before it. */
  readonly index: number
}

/** What a server does with a request: it may answer, half answer, or not at all. */
export type Handler = (request: Request, response: Http.ServerResponse) => void

/** A running HTTP server. */
export interface HttpServer {
  /** Such as `http://127.0.0.1:1234`. */
  readonly url: string
  /** The requests, in the order in which their bodies were complete. */
  readonly requests: ReadonlyArray<Request>
  /** Waits for the next request that nobody has waited for. */
  readonly next: Effect.Effect<Request>
  /** Waits until the connection of the next closed, unfinished answer is gone, and gives when that was. */
  readonly aborted: Effect.Effect<Moment>
  /** How many connections were ever opened. */
  readonly connections: () => number
}

const listen = (server: Http.Server): Effect.Effect<number, never, Scope.Scope> => {
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    socket.on("error", () => {})
  })
  return Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )
}

/** Starts an HTTP server on loopback. */
export const http = (handler: Handler): Effect.Effect<HttpServer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const requests: Array<Request> = []
    const arrived = yield* Queue.unbounded<Request>()
    const aborts = yield* Queue.unbounded<Moment>()
    let connections = 0
    const server = Http.createServer((incoming, response) => {
      const chunks: Array<Buffer> = []
      incoming.on("error", () => {})
      response.on("error", () => {})
      response.on("close", () => {
        if (!response.writableFinished) Queue.offerUnsafe(aborts, moment())
      })
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () => {
        const request = {
          method: incoming.method ?? "",
          url: new URL(incoming.url ?? "/", "http://127.0.0.1"),
          headers: incoming.headers,
          body: Buffer.concat(chunks),
          index: requests.length
        }
        requests.push(request)
        Queue.offerUnsafe(arrived, request)
        handler(request, response)
      })
    })
    server.on("connection", () => connections++)
    const port = yield* listen(server)
    return {
      url: `http://127.0.0.1:${port}`,
      requests,
      next: Queue.take(arrived),
      aborted: Queue.take(aborts),
      connections: () => connections
    }
  })

/** One accepted WebSocket, as its server sees it. */
export interface Peer {
  readonly url: URL
  readonly headers: Http.IncomingHttpHeaders
  readonly socket: WebSocket
  /** Messages that have arrived: text as a string. */
  readonly received: ReadonlyArray<string | Buffer>
  /** Waits for the next message that nobody has waited for. */
  readonly next: Effect.Effect<string | Buffer>
  /** Waits until the connection is closed, and gives the close code. */
  readonly closed: Effect.Effect<number>
  readonly send: (message: unknown) => void
}

/** A running WebSocket server. */
export interface WebSocketStub {
  /** Such as `ws://127.0.0.1:1234`. */
  readonly url: string
  /** Waits for the next connection that nobody has waited for. */
  readonly next: Effect.Effect<Peer>
  readonly peers: ReadonlyArray<Peer>
}

/**
 * Starts a WebSocket server on loopback. `refuse` answers the handshake with a
 * status instead; `onMessage` is called for each message of each peer.
 */
export const webSocket = (options: {
  readonly refuse?:
    | ((index: number) => { readonly status: number; readonly headers?: Record<string, string> } | undefined)
    | undefined
  readonly onOpen?: ((peer: Peer, index: number) => void) | undefined
  readonly onMessage?: ((message: string | Buffer, peer: Peer) => void) | undefined
} = {}): Effect.Effect<WebSocketStub, never, Scope.Scope> =>
  Effect.gen(function*() {
    const peers: Array<Peer> = []
    const opened = yield* Queue.unbounded<Peer>()
    const server = Http.createServer((_, response) => response.writeHead(426).end())
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
    let handshakes = 0
    server.on("upgrade", (request, socket, head) => {
      const refused = options.refuse?.(handshakes++)
      if (refused !== undefined) {
        const headers = Object.entries(refused.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`).join("")
        socket.end(`HTTP/1.1 ${refused.status} Refused\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`)
        return
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const received: Array<string | Buffer> = []
        const arrived = Effect.runSync(Queue.unbounded<string | Buffer>())
        const closed = Deferred.makeUnsafe<number>()
        const peer: Peer = {
          url: new URL(request.url ?? "/", "http://127.0.0.1"),
          headers: request.headers,
          socket: webSocket,
          received,
          next: Queue.take(arrived),
          closed: Deferred.await(closed),
          send: (message) =>
            webSocket.send(typeof message === "string" || Buffer.isBuffer(message) ? message : JSON.stringify(message))
        }
        webSocket.on("error", () => {})
        webSocket.on("close", (code) => Deferred.doneUnsafe(closed, Effect.succeed(code)))
        webSocket.on("message", (data: RawData, isBinary) => {
          const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)
          const message = isBinary ? bytes : bytes.toString()
          received.push(message)
          Queue.offerUnsafe(arrived, message)
          options.onMessage?.(message, peer)
        })
        peers.push(peer)
        Queue.offerUnsafe(opened, peer)
        options.onOpen?.(peer, peers.length - 1)
      })
    })
    const port = yield* listen(server)
    return { url: `ws://127.0.0.1:${port}`, next: Queue.take(opened), peers }
  })

/** Ways in which an HTTP provider goes wrong, each with the tag of the reason that its caller must get. */
export const httpFaults: ReadonlyArray<readonly [name: string, handler: Handler, reason: string]> = [
  [
    "401",
    (_, response) =>
      void response.writeHead(401, { "content-type": "application/json" }).end(
        `{"error":{"message":"bad key sk-secret"}}`
      ),
    "Rejected"
  ],
  ["404", (_, response) => void response.writeHead(404).end("no such model"), "Rejected"],
  ["429 with Retry-After", (_, response) => void response.writeHead(429, { "retry-after": "7" }).end(), "Rejected"],
  [
    "500",
    (_, response) => void response.writeHead(500, { "content-type": "text/html" }).end("<h1>oops</h1>"),
    "Rejected"
  ],
  ["a dropped connection", (_, response) => void response.socket?.destroy(), "Disconnected"],
  [
    "malformed JSON",
    (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end(`{"text": "he`),
    "InvalidResponse"
  ],
  [
    "another content type",
    (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<p>Please log in</p>"),
    "InvalidResponse"
  ]
]

/** Lets everything happen that is on its way: a connection is free again when the end of its answer has been seen. */
export const turns: Effect.Effect<void> = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
}).pipe(Effect.repeat({ times: 10 }), Effect.asVoid)
