/**
 * What the carrier asks over HTTP: what to do with a call, at the public address,
 * and a socket for its stream, below it. Nothing else is answered, and nothing
 * that the carrier has not signed. It serves for as long as the scope is open.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import { makeAllowance } from "../allowance.ts"
import { logOwn } from "../foreign.ts"
import { limitedServer, socketLimits } from "../httpServer.ts"
import { problem } from "../options.ts"
import { settled } from "../plain.ts"
import { monotonicMs } from "../steady.ts"
import type { WorkerError } from "../worker/errors.ts"
import { listenError } from "../worker/http.ts"
import { awaitStart } from "./accept.ts"
import { type Calls, wordName } from "./calls.ts"
import { type Account, connect, noted, reject } from "./carrier.ts"
import * as Form from "./form.ts"
import type { Settings } from "./options.ts"
import type { Start } from "./protocol.ts"
import { isSigned } from "./signature.ts"

// A message of the carrier has a few hundred bytes, its form a few thousand.
const longestMessage = 64 * 1024
const longestForm = 64 * 1024
// A head of the carrier has some hundred bytes, beside those that a proxy adds.
const longestHead = 16 * 1024
// Pings and pongs of one socket in a second, and at once: a carrier sends one now and then.
const mostControls = 10
const mostControlsAtOnce = 100
// Sockets that have not said yet which call they are.
const mostStrangers = 64
// Connections beside those of calls; further ones are closed.
const mostConnections = 1024

/** A socket that ends where its other side sends more pings and pongs than anyone does: a stream sees neither. */
const quietSocket = (now: () => number): typeof NodeWS.WebSocket =>
  class extends NodeWS.WebSocket {
    // A server makes them without an address.
    constructor(...args: [any, any?, any?]) {
      super(...args)
      const may = makeAllowance(mostControlsAtOnce, mostControls / 1000, now())
      const noticed = (): void => {
        if (!may(1, now())) this.terminate()
      }
      this.on("ping", noticed)
      this.on("pong", noticed)
    }
  }

const text = (status: number, body: string) => HttpServerResponse.text(`${body}\n`, { status })
const markup = (body: string) => HttpServerResponse.text(body, { contentType: "text/xml; charset=utf-8" })
const notFound = text(404, "not found")
const notAllowed = text(405, "use POST, or a WebSocket for the stream")
const notSigned = text(403, "the signature does not fit")
const tooMany = text(503, "too many sockets wait")

const account = ({ apiUrl, key, keySid, token }: Settings) => ({ accountSid }: Start): Account | undefined =>
  accountSid === undefined ? undefined : {
    apiUrl,
    sid: accountSid,
    user: key === undefined ? accountSid : keySid ?? accountSid,
    key: key ?? token
  }

export const serveCarrier = (settings: Settings, calls: Calls): Effect.Effect<number, WorkerError, Scope.Scope> =>
  Effect.gen(function*() {
    const { accept, token, url } = settings
    const base = new URL(url)
    const webhookPath = base.pathname
    const streamPath = `${webhookPath.replace(/\/+$/, "")}/stream`
    const stream = new URL(url)
    stream.protocol = base.protocol.replace("http", "ws")
    stream.pathname = streamPath
    stream.search = ""
    stream.hash = ""
    // As it was given: the carrier signs the letters. What stands behind a # is for itself, how often it asks again.
    const address = /^[^?#]*/.exec(url)![0]
    const streamAddress = `${address.replace(/^http/, "ws").replace(/\/+$/, "")}/stream`
    let strangers = 0

    const webhook = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
      const read = yield* Effect.option(request.text)
      if (read._tag === "None") return text(400, "the form cannot be read")
      const pairs = [...new URLSearchParams(read.value)]
      const query = /\?.*/.exec(request.url)?.[0] ?? ""
      const signature = request.headers["x-twilio-signature"]
      if (!isSigned({ token, url: `${address}${query}`, form: pairs, signature })) {
        yield* Effect.logWarning(
          "a call was announced with a wrong signature: check the token, and that url is the address at the carrier"
        )
        return notSigned
      }
      const call = Form.read(pairs)
      if (call === undefined) return text(400, "CallSid is missing")
      const { direction, from, id, over, to } = call
      if (over) {
        yield* calls.forget(id)
        return markup(noted)
      }
      const decision = accept === undefined
        ? true
        : yield* settled("accept", () => accept({ id, from, to, direction: direction ?? "inbound" })).pipe(
          Effect.tap((given) => {
            const why = Form.decisionProblem(given)
            return why === undefined ? Effect.void : Effect.fail(problem("accept", why))
          }),
          Effect.timeout("5 seconds"),
          Effect.catchCause((cause) =>
            Effect.as(logOwn("the option accept has failed, the call is refused", cause), false as const)
          )
        )
      if (decision === false) return markup(reject("rejected"))
      const parameters = Form.parametersOf(decision)
      const word = yield* calls.announce(id, { direction, from, to }, parameters)
      if (word === undefined) {
        yield* Effect.logWarning("a call was refused: there is no place for it")
        return markup(reject("busy"))
      }
      return markup(connect(stream.href, { ...parameters, [wordName]: word }))
    })

    const socket = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
      const trusted = isSigned({ token, url: streamAddress, signature: request.headers["x-twilio-signature"] })
      if (strangers >= mostStrangers) return tooMany
      strangers++
      let strange = true
      const known = (): void => {
        if (strange) strangers--
        strange = false
      }
      yield* Effect.gen(function*() {
        const open = yield* request.upgrade
        const started = yield* awaitStart(open)
        known()
        const taken = yield* calls.run(started, trusted, account(settings))
        if (!taken) {
          yield* Effect.logWarning("a stream was refused: no call of it is known, or there is no place for it")
        }
      }).pipe(
        Effect.catchTag(
          "RoomError",
          ({ detail }) => Effect.annotateLogs(Effect.logWarning("a stream was refused"), { reason: detail })
        ),
        Effect.ensuring(Effect.sync(known)),
        Effect.scoped
      )
      return HttpServerResponse.empty()
    })

    const respond = (request: HttpServerRequest.HttpServerRequest) => {
      const path = request.url.split("?", 1)[0]
      if (path === streamPath) {
        return request.method === "GET" && request.headers["upgrade"]?.toLowerCase() === "websocket"
          ? socket(request)
          : Effect.succeed(notAllowed)
      }
      if (path !== webhookPath) return Effect.succeed(notFound)
      return request.method === "POST" ? webhook(request) : Effect.succeed(notAllowed)
    }

    const server = limitedServer({
      connections: settings.limits.maxJobs + mostConnections,
      headBytes: longestHead
    })
    const clock = yield* Clock.Clock
    const http = yield* NodeHttpServer.make(() => server, {
      port: settings.port,
      ...(settings.host === undefined ? {} : { host: settings.host }),
      gracefulShutdownTimeout: "1 second",
      websocket: { ...socketLimits(longestMessage), WebSocket: quietSocket(() => monotonicMs(clock)) }
    }).pipe(Effect.mapError(listenError(settings.port, "port")))
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    yield* http.serve(HttpMiddleware.withLoggerDisabled(Effect.flatMap(HttpServerRequest.HttpServerRequest, respond)))
      .pipe(
        Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(longestForm)),
        Effect.provideService(HttpMiddleware.TracerDisabledWhen, constTrue)
      )
    const bound = server.address()
    return typeof bound === "object" && bound !== null ? bound.port : settings.port
  })
