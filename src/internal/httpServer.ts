/**
 * The HTTP servers of this library: for operators, for the page of a developer,
 * and for calls over WebSockets. They take little: few connections, small heads,
 * little time for each. Those for operators and pages listen on loopback unless
 * they are told an address. Closing the scope closes the port and all connections.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import type * as HttpServer from "effect/http/HttpServer"
import type * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import { createServer, type RequestListener, type Server } from "node:http"

/** What a client may take. */
export const httpLimits = {
  /** At once; further ones are closed without an answer. */
  connections: 64,
  /** Bytes of a request's head; more is answered with 431. */
  headBytes: 8192,
  /** Until the head is whole, else 408 (ms). */
  headMs: 5000,
  /** Until the request is whole, else 408 (ms). */
  requestMs: 10_000,
  /** A connection that neither asks nor reads is closed (ms). */
  idleMs: 15_000,
  /** Until the other side has closed what was ended here, else it is cut (ms). */
  lingerMs: 2000
} as const

/** The same of the WebSockets of a server, whose messages have so many bytes at most. */
export const socketLimits = (maxPayload: number) => ({
  maxPayload,
  perMessageDeflate: false,
  closeTimeout: httpLimits.lingerMs
})

export interface ServerOptions {
  /** At once; further ones are closed without an answer. */
  readonly connections: number
  /** Bytes of a request's head. */
  readonly headBytes: number
  /** Told once, when connections are refused. */
  readonly onDrop?: (() => void) | undefined
  readonly answer?: RequestListener | undefined
}

/** A server of Node, which does not listen yet, with the limits of all of ours. */
export const limitedServer = ({ answer, connections, headBytes, onDrop }: ServerOptions): Server => {
  const server = createServer({
    maxHeaderSize: headBytes,
    headersTimeout: httpLimits.headMs,
    requestTimeout: httpLimits.requestMs,
    keepAliveTimeout: httpLimits.headMs,
    // How often Node looks for who takes longer.
    connectionsCheckingInterval: 1000
  }, answer)
  // Whoever leaves their side of it open would keep a place for ever: Node waits for them where an upgrade was refused.
  server.on("connection", (socket) => {
    socket.once("finish", () => {
      AbortSignal.timeout(httpLimits.lingerMs).addEventListener("abort", () => socket.destroy())
    })
  })
  server.maxConnections = connections
  server.timeout = httpLimits.idleMs
  if (onDrop !== undefined) server.once("drop", onDrop)
  return server
}

const local = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/** Whether somebody asks for this machine by its own name: another name may be made to resolve to it, by a page elsewhere. */
export const isLocal = (host: string | undefined): boolean => host !== undefined && local.test(host)

export const misdirected = "use http://127.0.0.1 or http://localhost"

const isLoopback = (address: string): boolean => isLocal(address) || address === "::1"

/**
 * What a port of this machine alone, without a token, answers whoever asks for it by another name: nothing of what it
 * knows. A browser always says a name.
 */
export const asItself = (address: string) =>
<E, R>(
  answer: (
    request: HttpServerRequest.HttpServerRequest
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const { host } = request.headers
    return isLoopback(address) && host !== undefined && !isLocal(host)
      ? Effect.succeed(HttpServerResponse.text(`${misdirected}\n`, { status: 421 }))
      : answer(request)
  })

export interface Listening {
  readonly http: HttpServer.HttpServer["Service"]
  readonly port: number
}

export const openHttpServer = (
  options: { readonly port: number; readonly host: string }
): Effect.Effect<Listening, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function*() {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const server = limitedServer({
      connections: httpLimits.connections,
      headBytes: httpLimits.headBytes,
      onDrop: () => {
        run(Effect.annotateLogs(Effect.logWarning("connections to a port are refused: there are too many at once"), {
          port: options.port,
          connections: httpLimits.connections
        }))
      }
    })
    const http = yield* NodeHttpServer.make(() => server, { ...options, gracefulShutdownTimeout: "1 second" })
    // A client that never finishes its request would hold the port.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    const address = server.address()
    return { http, port: typeof address === "object" && address !== null ? address.port : options.port }
  })
