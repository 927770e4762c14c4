/**
 * WebSockets as providers speak them, over the package ws: headers with the
 * handshake, the status of a refusal, reading that can wait.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RawData, WebSocket } from "ws"
import * as Failure from "../../Failure.ts"
import { codeOf } from "../thrown.ts"
import { Closes } from "./closes.ts"
import { isDense, tooDense } from "./dense.ts"
import { disconnected, rejected } from "./http.ts"
import { type Seen, Tap, type Watch, watchSocket } from "./tap.ts"

/** Largest message in bytes. */
const maxMessage = 2 * 1024 * 1024

/** Messages that wait to be read before the connection is no longer read. */
const maxUnread = 256

/** The same in bytes. */
const maxUnreadBytes = 8 * 1024 * 1024

/** Bytes that wait to be sent before `send` waits. */
const maxUnsent = 1024 * 1024

/** Time in ms that the other side has to answer to a close. */
const closeMs = 1000

/** What to connect to. */
export interface Target {
  readonly url: string
  /** Sent with the handshake: keys belong here, not into the URL. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly protocols?: ReadonlyArray<string> | undefined
  /** Time in ms until the connection must be open. @default 10000 */
  readonly openMs?: number | undefined
  /** Reads why the other side closes. @default by the code, and by words that all use alike */
  readonly closes?: Closes | undefined
}

/** An open connection; its scope closes it. */
export interface Connection {
  /** Hands a message over; waits while too much is unsent. */
  readonly send: (message: string | Uint8Array) => Effect.Effect<void, Failure.Reason>
  /**
   * What comes, from the opening on, for one reader at a time; a message is
   * given once. Ends where the other side
   * closes in peace (1000, or without a code), fails where the connection is lost.
   */
  readonly messages: Stream.Stream<string | Uint8Array, Failure.Reason>
  /** Whether it can no longer be used. */
  readonly isClosed: () => boolean
}

/** What the package closes a connection for: the code is that of its error. */
const malformed = (code: string | undefined): Failure.InvalidResponse | undefined => {
  if (code === undefined || !code.startsWith("WS_ERR_")) return undefined
  const detail = code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"
    ? `a message is larger than ${maxMessage} bytes`
    : code === "WS_ERR_INVALID_UTF8"
    ? "a text is not UTF-8"
    : `a message is not as WebSockets have them (${code})`
  return new Failure.InvalidResponse({ detail })
}

const dial = (
  Socket: typeof WebSocket,
  target: Target,
  watch: Watch | undefined,
  listen: (socket: WebSocket, see: ((seen: Seen) => void) | undefined) => Connection
) =>
  Effect.callback<{ readonly socket: WebSocket; readonly connection: Connection }, Failure.Reason>((resume) => {
    const headers = Object.fromEntries(
      Object.entries(target.headers ?? {}).map(([name, value]) => [
        name,
        Redacted.isRedacted(value) ? Redacted.value(value) : value
      ])
    )
    let socket: WebSocket
    try {
      const options = {
        headers,
        maxPayload: maxMessage,
        handshakeTimeout: target.openMs ?? 10_000,
        closeTimeout: closeMs,
        perMessageDeflate: false
      }
      socket = new Socket(target.url, [...target.protocols ?? []], options)
    } catch {
      return resume(Effect.fail(new Failure.InvalidRequest({ detail: "url: this is not a ws:// or wss:// URL" })))
    }
    const see = watch?.({ transport: "socket", method: "GET", url: target.url, headers })
    if (see !== undefined) watchSocket(socket, see)
    socket.once("unexpected-response", (request, response) => {
      const header = (name: string) => {
        const value = response.headers[name]
        return typeof value === "string" ? value : undefined
      }
      resume(Effect.flatMap(rejected(response.statusCode ?? 500, header), Effect.fail))
      // What a refusal says is read where somebody watches, and the process ends no later for it.
      if (see === undefined) request.destroy()
      else response.on("end", () => request.destroy()).setTimeout(closeMs, () => request.destroy())
    })
    socket.once("error", (error) => {
      resume(Effect.fail(disconnected(error)))
    })
    const connection = listen(socket, see)
    socket.once("open", () => resume(Effect.succeed({ socket, connection })))
    return Effect.sync(() => socket.terminate())
  })

const bytesOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)

const sizeOf = (message: string | Uint8Array): number =>
  typeof message === "string" ? Buffer.byteLength(message) : message.length

const [brace, bracket] = [0x7b, 0x5b]

/** JSON is text, also where a proxy has made bytes of it. */
const isText = (bytes: Buffer, isBinary: boolean): boolean => !isBinary || bytes[0] === brace || bytes[0] === bracket

/** A message that is text, as it is read; nothing of what only shows that the connection stands. */
const textOf = (bytes: Buffer): string | undefined => {
  const text = bytes.toString().replace(/^\uFEFF/, "")
  return text.length < 8 && /^\s*(?:null|\{\s*\}|\[\s*\])?\s*$/.test(text) ? undefined : text
}

/** Listens before the socket can say anything: what comes between the opening and the first read is not lost. */
const listen = (
  socket: WebSocket,
  incoming: Queue.Queue<string | Uint8Array, Failure.Reason | Cause.Done>,
  closes: Closes,
  see: ((seen: Seen) => void) | undefined
): Connection => {
  let unread = 0
  let unreadBytes = 0
  let failure: Failure.Reason = new Failure.Disconnected({})
  let broken: Failure.InvalidResponse | undefined
  socket.on("message", (data, isBinary) => {
    const bytes = bytesOf(data)
    const asText = isText(bytes, isBinary)
    if (asText && isDense(bytes)) {
      broken ??= new Failure.InvalidResponse({ detail: `a message cannot be read: ${tooDense}` })
      return socket.terminate()
    }
    closes.worked()
    const message = asText ? textOf(bytes) : bytes
    if (message === undefined) return
    unread++
    unreadBytes += sizeOf(message)
    if (unread >= maxUnread || unreadBytes >= maxUnreadBytes) socket.pause()
    Queue.offerUnsafe(incoming, message)
  })
  // Of a connection that is lost, the code that comes with "close" says more.
  socket.on("error", (error) => {
    broken ??= malformed(codeOf(error))
  })
  socket.on("close", (code, words) => {
    failure = broken ?? closes.reason({ code, words: words.toString() })
    if (code === 1000 || code === 1005) Queue.endUnsafe(incoming)
    else Queue.failCauseUnsafe(incoming, Cause.fail(failure))
  })
  return {
    isClosed: () => socket.readyState !== socket.OPEN,
    // One at a time: what a reader leaves, the next one finds.
    messages: Stream.fromPull(Effect.succeed(Effect.map(Queue.take(incoming), (message) => {
      unread--
      unreadBytes -= sizeOf(message)
      if (unread <= maxUnread / 2 && unreadBytes <= maxUnreadBytes / 2 && socket.isPaused) socket.resume()
      return Arr.of(message)
    }))),
    send: (message) =>
      Effect.callback((resume) => {
        if (socket.readyState !== socket.OPEN) return resume(Effect.fail(failure))
        see?.({ _tag: "Sent", message })
        if (socket.bufferedAmount < maxUnsent) {
          socket.send(message, () => {})
          return resume(Effect.void)
        }
        socket.send(message, (error) => resume(error ? Effect.fail(failure) : Effect.void))
      })
  }
}

/** Says a last word before a connection is closed, and does not wait for it: a dead one would hold the close up. */
export const farewell = (connection: Connection, message: string): Effect.Effect<void> =>
  Effect.suspend(() =>
    connection.isClosed()
      ? Effect.void
      : Effect.asVoid(Effect.forkDetach(Effect.ignore(connection.send(message)), { startImmediately: true }))
  )

/** What waits to be sent would hold the close up. */
const close = (socket: WebSocket): void => {
  if (socket.isPaused) socket.resume()
  if (socket.readyState === socket.OPEN && socket.bufferedAmount < maxUnsent) socket.close(1000)
  else socket.terminate()
}

/**
 * Opens a connection; closing the scope closes it. A refused handshake fails
 * with `Rejected`, one that comes to nothing with `Disconnected`.
 */
export const connect: (target: Target) => Effect.Effect<Connection, Failure.Reason, Scope.Scope> = Effect.fnUntraced(
  function*(target) {
    const { WebSocket } = yield* Effect.promise(() => import("ws"))
    const watch = yield* Tap
    const closes = target.closes ?? new Closes()
    const incoming = yield* Queue.unbounded<string | Uint8Array, Failure.Reason | Cause.Done>()
    const opened = yield* Effect.acquireRelease(
      dial(WebSocket, target, watch, (socket, see) => listen(socket, incoming, closes, see)),
      ({ socket }) => Effect.sync(() => close(socket)),
      { interruptible: true }
    )
    return opened.connection
  }
)
