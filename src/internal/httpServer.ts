/**
 * The HTTP servers of this library: for operators, and for the page of a
 * developer. They listen on loopback unless they are told an address, and take
 * little: few connections, small heads, little time for each. Closing the scope
 * closes the port and all connections.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import type * as HttpServer from "effect/http/HttpServer"
import type * as HttpServerError from "effect/http/HttpServerError"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"

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
  idleMs: 15_000
} as const

export interface Listening {
  readonly http: HttpServer.HttpServer["Service"]
  readonly port: number
}

export const openHttpServer = (
  options: { readonly port: number; readonly host: string }
): Effect.Effect<Listening, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function*() {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const server = createServer({
      maxHeaderSize: httpLimits.headBytes,
      headersTimeout: httpLimits.headMs,
      requestTimeout: httpLimits.requestMs,
      keepAliveTimeout: httpLimits.headMs,
      connectionsCheckingInterval: 1000
    })
    server.maxConnections = httpLimits.connections
    server.timeout = httpLimits.idleMs
    server.once("drop", () => {
      run(Effect.annotateLogs(Effect.logWarning("connections to a port are refused: there are too many at once"), {
        port: options.port,
        connections: httpLimits.connections
      }))
    })
    const http = yield* NodeHttpServer.make(() => server, { ...options, gracefulShutdownTimeout: "1 second" })
    // A client that never finishes its request would hold the port.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    const address = server.address()
    return { http, port: typeof address === "object" && address !== null ? address.port : options.port }
  })
