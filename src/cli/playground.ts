/**
 * The playground: a page to talk to the agent, and the tokens that it joins
 * with. For development: it listens on the loopback address alone, and gives
 * everyone who asks there a token.
 *
 * Needs `@effect/platform-node` and `livekit-client`, which the page runs.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { loopback } from "../internal/config/defaults.ts"
import { isLocal, misdirected, openHttpServer } from "../internal/httpServer.ts"
import { dispatchAgent } from "../internal/livekitServer/rooms.ts"
import { callerToken, roomToken } from "../internal/livekitServer/token.ts"
import { notLoaded } from "../internal/notLoaded.ts"
import { own } from "../internal/own.ts"
import { packageFile } from "../internal/packageFiles.ts"

/** Why there is no playground. */
export class PlaygroundError extends Schema.TaggedError<PlaygroundError>("effect-voice/cli/PlaygroundError")(
  "PlaygroundError",
  { detail: Schema.String }
) {
  override get message(): string {
    return `the playground does not run: ${this.detail}`
  }
}

export interface Options {
  /** The server that the page joins. */
  readonly url: string
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
  /** Agent that is asked for with each new room; `""` for workers without a name, which come by themselves. */
  readonly agentName: string
  /** Of the agent's job, where it has a name. @default none */
  readonly metadata?: string | undefined
  /** Port on 127.0.0.1; 0 lets the system choose. */
  readonly port: number
}

const page = packageFile("examples/playground/")

const files: Readonly<Record<string, readonly [file: string, contentType: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/playground.css": ["playground.css", "text/css; charset=utf-8"],
  "/playground.js": ["playground.js", "text/javascript; charset=utf-8"],
  "/replies.js": ["../browser/replies.js", "text/javascript; charset=utf-8"]
}

const client = Effect.try({
  // Resolved as CommonJS, it is the bundle beside the one that a page can import.
  try: () => new URL("livekit-client.esm.mjs", pathToFileURL(createRequire(import.meta.url).resolve("livekit-client"))),
  catch: (cause) => new PlaygroundError({ detail: notLoaded("livekit-client", cause) })
})

const read = (file: URL): Effect.Effect<Buffer, PlaygroundError> =>
  Effect.tryPromise({
    try: () => readFile(file),
    catch: () => new PlaygroundError({ detail: "a file of the page cannot be read; install the package again" })
  })

/** Of a request, in bytes: it has two names. */
const longestWish = 4096

const Name = Schema.String.check(Schema.isPattern(/^[\w .@-]{1,64}$/))

const Wish = Schema.Struct({ room: Schema.optionalKey(Name), identity: Schema.optionalKey(Name) })

const refusal = (status: number, message: string) => HttpServerResponse.jsonUnsafe({ message }, { status })

const fresh = Effect.map(Random.nextIntBetween(0, 36 ** 6), (number) => number.toString(36).padStart(6, "0"))

const answerToken = (options: Options, request: HttpServerRequest.HttpServerRequest) =>
  Effect.gen(function*() {
    // A form of another site cannot send this type without the browser asking first.
    if (!(request.headers["content-type"] ?? "").startsWith("application/json")) {
      return refusal(415, "send JSON, with the content type application/json")
    }
    const wish = yield* Effect.option(HttpServerRequest.schemaBodyJson(Wish))
    if (Option.isNone(wish)) {
      return refusal(400, "room, identity: letters, digits, spaces and _ . @ - only, at most 64 of them")
    }
    const room = wish.value.room ?? `playground-${yield* fresh}`
    const identity = wish.value.identity ?? `caller-${yield* fresh}`
    const token = yield* callerToken(options, {
      room,
      identity,
      agentName: options.agentName,
      metadata: options.metadata
    })
    return HttpServerResponse.jsonUnsafe({ url: options.url, token: Redacted.value(token) }, {
      headers: { "cache-control": "no-store" }
    })
  })

const Waiting = Schema.Struct({ room: Name })

/** A room that was open already brings nobody: then the page asks for the agent. */
const answerAgent = (options: Options, request: HttpServerRequest.HttpServerRequest) =>
  Effect.gen(function*() {
    if (!(request.headers["content-type"] ?? "").startsWith("application/json")) {
      return refusal(415, "send JSON, with the content type application/json")
    }
    const waiting = yield* Effect.option(HttpServerRequest.schemaBodyJson(Waiting))
    if (Option.isNone(waiting)) {
      return refusal(400, "room: letters, digits, spaces and _ . @ - only, at most 64 of them")
    }
    const { room } = waiting.value
    const { agentName, metadata, url } = options
    const token = yield* roomToken(options, room)
    return yield* dispatchAgent({ url, token, room, agentName, metadata }).pipe(
      Effect.as(HttpServerResponse.jsonUnsafe({})),
      Effect.catch((why) => Effect.succeed(refusal(502, `the server does not send an agent (${why})`)))
    )
  })

const answer = (options: Options, script: URL) =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const path = request.url.split("?", 1)[0] ?? "/"
    // A page elsewhere must not get tokens.
    if (!isLocal(request.headers.host)) return refusal(421, misdirected)
    if (path === "/token") {
      return request.method === "POST" ? yield* answerToken(options, request) : refusal(405, "use POST")
    }
    if (path === "/agent") {
      return request.method === "POST" ? yield* answerAgent(options, request) : refusal(405, "use POST")
    }
    if (request.method !== "GET" && request.method !== "HEAD") return refusal(405, "use GET")
    if (path === "/livekit-client.js") {
      return HttpServerResponse.uint8Array(yield* read(script), { contentType: "text/javascript; charset=utf-8" })
    }
    const found = own(files, path)
    if (found === undefined) return refusal(404, "not found")
    return HttpServerResponse.uint8Array(yield* read(new URL(found[0], page)), { contentType: found[1] })
  }).pipe(Effect.catchTag("PlaygroundError", (error) => Effect.succeed(refusal(500, error.message))))

/** Serves the page until the scope closes, and gives its address. */
export const serve = (options: Options): Effect.Effect<string, PlaygroundError, Scope.Scope> =>
  Effect.gen(function*() {
    const script = yield* client
    const listening = yield* openHttpServer({ port: options.port, host: loopback }).pipe(
      Effect.mapError(({ cause }) => {
        const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : "unknown"
        const detail = code === "EADDRINUSE"
          ? `port ${options.port} is in use: choose another with --playground-port`
          : `it cannot listen on port ${options.port} (${code})`
        return new PlaygroundError({ detail })
      })
    )
    yield* listening.http.serve(answer(options, script))
    return `http://${loopback}:${listening.port}`
  }).pipe(
    Effect.provideService(HttpMiddleware.TracerDisabledWhen, constTrue),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(longestWish))
  )
