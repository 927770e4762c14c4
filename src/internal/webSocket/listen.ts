/**
 * The server that callers' sockets come to: one port, one path, and files where
 * there is a page to serve. It owns its sockets and closes them with its scope.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import type { RawData, WebSocket } from "ws"
import { isLocal, limitedServer, misdirected, socketLimits } from "../httpServer.ts"
import { own } from "../own.ts"
import { codeOf } from "../thrown.ts"
import { ListenFailed, notInstalled, WorkerError } from "../worker/errors.ts"
import type { Wire } from "./call.ts"
import type { Reception } from "./calls.ts"

/** A file that is served beside the socket. */
export interface Page {
  readonly body: string | Uint8Array
  readonly contentType: string
}

export interface ListenOptions {
  readonly port: number
  readonly host: string
  readonly path: string
  /** Pages of other hosts that may call. */
  readonly origins: ReadonlyArray<string>
  /** Only whoever asks for this machine by its own name: a name from elsewhere may resolve to it, too. */
  readonly localOnly: boolean
  /** Further connections are closed at once. */
  readonly mostConnections: number
  readonly pages: Readonly<Record<string, Page>>
  readonly accept: (wire: Wire) => Reception
}

// What a client may take for a head (bytes): a token may be among it.
const longestHead = 16 * 1024

// Largest message of a caller: a second of audio at 48 kHz is 96 kB.
const maxMessage = 128 * 1024
// What a socket that is closed may take for it (ms).
const closeMs = 1000

/** Who calls from a page says from which; who is no page says nothing. */
const isWelcome = ({ headers }: IncomingMessage, origins: ReadonlyArray<string>): boolean => {
  const { host, origin } = headers
  if (origin === undefined || origins.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host
}

const pathOf = ({ url = "/" }: IncomingMessage): string => url.split("?", 1)[0] ?? "/"

const answer = ({ localOnly, pages }: ListenOptions) => (request: IncomingMessage, response: ServerResponse): void => {
  const refused = (status: number, text: string) => {
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`)
  }
  if (localOnly && !isLocal(request.headers.host)) return refused(421, misdirected)
  if (request.method !== "GET" && request.method !== "HEAD") return refused(405, "use GET")
  const page = own(pages, pathOf(request))
  if (page === undefined) return refused(404, "not found")
  response.writeHead(200, { "content-type": page.contentType, "cache-control": "no-cache" }).end(page.body)
}

const refuseUpgrade = (socket: Duplex, status: string): void => {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

const wireOf = (socket: WebSocket): Wire => ({
  send: (message) => {
    if (socket.readyState === socket.OPEN) socket.send(message, () => {})
  },
  unsent: () => socket.bufferedAmount,
  close: (code) => {
    if (socket.readyState === socket.OPEN) socket.close(code)
    else socket.terminate()
  }
})

const bytesOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)

const welcome = (socket: WebSocket, accept: ListenOptions["accept"]): void => {
  const reception = accept(wireOf(socket))
  socket.on("message", (data, isBinary) => {
    const bytes = bytesOf(data)
    reception.receive(isBinary ? bytes : bytes.toString())
  })
  socket.on("ping", ({ length }) => reception.noticed(length))
  socket.on("pong", ({ length }) => reception.noticed(length))
  socket.on("error", () => {})
  socket.on("close", reception.closed)
}

const opened = (server: Server, { host, port }: ListenOptions) =>
  Effect.callback<void, WorkerError>((resume) => {
    const failed = (error: Error): void => {
      const reason = new ListenFailed({ port, code: codeOf(error) ?? "unknown", option: "port" })
      resume(Effect.fail(new WorkerError({ reason })))
    }
    server.once("error", failed)
    server.listen(port, host, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

/** Listens for as long as the scope is open, and tells the port. */
export const listen = (
  options: ListenOptions
): Effect.Effect<number, WorkerError, Scope.Scope> =>
  Effect.gen(function*() {
    const { WebSocketServer } = yield* Effect.tryPromise({
      try: () => import("ws"),
      catch: notInstalled("ws")
    })
    const sockets = new WebSocketServer({ ...socketLimits(maxMessage), noServer: true })
    const server = limitedServer({
      connections: options.mostConnections,
      headBytes: longestHead,
      answer: answer(options)
    })
    server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => {})
      if (options.localOnly && !isLocal(request.headers.host)) return refuseUpgrade(socket, "421 Misdirected Request")
      if (pathOf(request) !== options.path) return refuseUpgrade(socket, "404 Not Found")
      if (!isWelcome(request, options.origins)) return refuseUpgrade(socket, "403 Forbidden")
      sockets.handleUpgrade(request, socket, head, (accepted) => welcome(accepted, options.accept))
    })
    yield* Effect.acquireRelease(
      opened(server, options),
      () =>
        Effect.callback<void>((resume) => {
          for (const socket of sockets.clients) socket.close(1001)
          server.close(() => resume(Effect.void))
          server.closeIdleConnections()
        }).pipe(
          Effect.timeout(closeMs),
          Effect.ignore,
          Effect.andThen(Effect.sync(() => {
            for (const socket of sockets.clients) socket.terminate()
            server.closeAllConnections()
          }))
        )
    )
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : options.port
  })
