/** One connection to a server: from the handshake to its loss. */
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Socket from "effect/socket/Socket"
import { monotonic, oversleep } from "../steady.ts"
import { ConnectionLost, type ConnectionReason, ProtocolViolated, TimedOut, Unauthorized } from "./errors.ts"
import { decode, encode, type Framing, type Incoming, type Outgoing } from "./protocol.ts"

export interface Connection {
  readonly id: string
  /** Never waits. */
  readonly send: (message: Outgoing) => void
  /** Waits until what was sent is on its way, or the connection is lost. */
  readonly flush: Effect.Effect<void>
}

export interface ConnectOptions {
  readonly url: string
  readonly token: Effect.Effect<Redacted.Redacted>
  readonly framing: Framing
  readonly register: Outgoing
  readonly onRegistered: (
    connection: Connection,
    server: { readonly version: string; readonly region: string }
  ) => Effect.Effect<void>
  /** Must be quick: the next message waits for it. */
  readonly onMessage: (message: Incoming) => Effect.Effect<void>
}

const openTimeout = 10_000
const registerTimeout = 10_000
const pingInterval = 10_000
const outboxSize = 10_000

const refused = /Unexpected server response: (\d{3})/

const reasonOf = ({ reason }: Socket.SocketError): ConnectionReason => {
  if (reason._tag === "SocketCloseError") return new ConnectionLost({ code: reason.code })
  if (reason._tag !== "SocketOpenError") return new ConnectionLost({})
  if (reason.kind === "Timeout") return new TimedOut({ waiting: "connection", afterMs: openTimeout })
  const text = Predicate.hasProperty(reason.cause, "message") ? String(reason.cause.message) : ""
  const status = Number(refused.exec(text)?.[1])
  return status === 401 || status === 403
    ? new Unauthorized({ status })
    : new ConnectionLost(Number.isNaN(status) ? {} : { status })
}

type Item = Outgoing | Deferred.Deferred<void>

const isMessage = (item: Item): item is Outgoing => Predicate.hasProperty(item, "_tag")

/** Dials, registers and serves. It ends by failing only: the reason says why. */
export const connect = (options: ConnectOptions): Effect.Effect<never, ConnectionReason> =>
  Effect.gen(function*() {
    const given = yield* Effect.serviceOption(Socket.WebSocketConstructor)
    const token = yield* options.token
    const making = Socket.makeWebSocket(options.url, {
      headers: { authorization: `Bearer ${Redacted.value(token)}` },
      openTimeout
    })
    const socket = yield* Option.isSome(given)
      ? Effect.provideService(making, Socket.WebSocketConstructor, given.value)
      : Effect.provide(making, NodeWS.layerWebSocketConstructor)
    const { pull } = yield* Effect.mapError(socket.reader, reasonOf)
    const { write } = yield* socket.writer
    const put = (message: Outgoing) => Effect.mapError(write(encode(message, options.framing)), reasonOf)

    let waiting: ReadonlyArray<Uint8Array | string> = []
    const next: Effect.Effect<Incoming, ConnectionReason> = Effect.gen(function*() {
      while (waiting.length === 0) waiting = yield* Effect.mapError(pull, reasonOf)
      const [frame, ...rest] = waiting
      waiting = rest
      if (frame === undefined) return { _tag: "Unknown" }
      return yield* Result.match(decode(frame), {
        onSuccess: (message): Effect.Effect<Incoming, ConnectionReason> => Effect.succeed(message),
        onFailure: (violation) => Effect.fail(violation)
      })
    })

    yield* put(options.register)
    const welcome = yield* Effect.timeoutOrElse(next, {
      duration: registerTimeout,
      orElse: () => Effect.fail(new TimedOut({ waiting: "registration", afterMs: registerTimeout }))
    })
    if (welcome._tag !== "Registered") {
      return yield* new ProtocolViolated({ detail: `${welcome._tag} before the registration` })
    }

    const outbox = yield* Queue.dropping<Item>(outboxSize)
    const writing = Effect.forever(
      Effect.flatMap(
        Queue.take(outbox),
        (item): Effect.Effect<unknown, ConnectionReason> =>
          isMessage(item) ? put(item) : Deferred.succeed(item, undefined)
      )
    )
    let heardAt = yield* monotonic
    const reading = Effect.forever(
      Effect.flatMap(next, (message) =>
        Effect.andThen(
          Effect.map(monotonic, (now) => {
            heardAt = now
          }),
          options.onMessage(message)
        ))
    )
    const pinging = Effect.gen(function*() {
      while (true) {
        const overslept = yield* oversleep(pingInterval)
        // While nobody here was awake, nothing could be heard: what has come meanwhile is read first.
        heardAt += overslept
        const silentMs = (yield* monotonic) - heardAt
        if (silentMs >= 2 * pingInterval) {
          return yield* new TimedOut({ waiting: "answer", afterMs: Math.round(silentMs) })
        }
        Queue.offerUnsafe(outbox, { _tag: "Ping", at: yield* Clock.currentTimeMillis })
      }
    })

    const connection: Connection = {
      id: welcome.id,
      send: (message) => void Queue.offerUnsafe(outbox, message),
      flush: Effect.suspend(() => {
        const done = Deferred.makeUnsafe<void>()
        return Queue.offerUnsafe(outbox, done)
          ? Effect.asVoid(Effect.timeoutOption(Deferred.await(done), "1 second"))
          : Effect.void
      })
    }
    yield* options.onRegistered(connection, { version: welcome.server, region: welcome.region })
    return yield* Effect.raceAllFirst([reading, writing, pinging])
  }).pipe(Effect.scoped)
