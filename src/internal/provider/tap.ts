/**
 * Where the wire to providers can be watched. There is one tap: a reference that is empty unless
 * somebody watches, so it costs nothing otherwise. It sees all traffic, keys and words included, so
 * the watcher must redact them. A watcher owns its data, and cannot delay or end the traffic.
 */
import * as Context from "effect/Context"
import type { WebSocket } from "ws"
import { codeOf } from "../thrown.ts"

/** The beginning of an exchange. */
export interface Opening {
  readonly transport: "http" | "socket"
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What an HTTP request carries; of a form, its fields. */
  readonly body?: string | Uint8Array | ReadonlyArray<readonly [name: string, value: string | number]> | undefined
}

/** What happens in an exchange after its beginning. */
export type Seen =
  | { readonly _tag: "Answered"; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly _tag: "Opened" }
  | { readonly _tag: "Sent"; readonly message: string | Uint8Array }
  | { readonly _tag: "Received"; readonly message: string | Uint8Array }
  | { readonly _tag: "Ended"; readonly code?: number | undefined; readonly reason?: string | undefined }
  | { readonly _tag: "Lost"; readonly code?: string | undefined }

/** Is told of each exchange, and by what it gives, of all that happens in it. */
export type Watch = (opening: Opening) => (seen: Seen) => void

/** Who watches: read when a client is made, and when a socket is opened. */
export const Tap: Context.Reference<Watch | undefined> = Context.Reference<Watch | undefined>(
  "effect-voice/internal/Tap",
  { defaultValue: () => undefined }
)

/** Most bytes of a refusal that are waited for. */
const maxRefusal = 16 * 1024

const isLeft = (error: unknown): boolean => error instanceof Error && error.name === "AbortError"

const bodyOf = (body: unknown): Opening["body"] => {
  if (typeof body === "string" || body instanceof Uint8Array) return body
  if (!(body instanceof FormData)) return undefined
  return Array.from(body, ([name, value]) => [name, typeof value === "string" ? value : value.size] as const)
}

/** The same `fetch`, watched. */
export const watchedFetch =
  (fetch: typeof globalThis.fetch, watch: Watch): typeof globalThis.fetch => async (input, init) => {
    const url = typeof input === "string" ? input : input instanceof URL ? input.href : input.url
    const see = watch({
      transport: "http",
      method: init?.method ?? "GET",
      url,
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: bodyOf(init?.body)
    })
    const lost = (error: unknown) => see(isLeft(error) ? { _tag: "Ended" } : { _tag: "Lost", code: codeOf(error) })
    const response = await fetch(input, init).catch((error: unknown) => {
      lost(error)
      throw error
    })
    see({ _tag: "Answered", status: response.status, headers: Object.fromEntries(response.headers) })
    if (response.body === null) {
      see({ _tag: "Ended" })
      return response
    }
    const reader = response.body.getReader()
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read()
          if (done) {
            see({ _tag: "Ended" })
            return controller.close()
          }
          see({ _tag: "Received", message: value })
          controller.enqueue(value)
        } catch (error) {
          lost(error)
          controller.error(error)
        }
      },
      cancel: (reason) => reader.cancel(reason)
    }, { highWaterMark: 0 })
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers })
  }

/** Watches a socket that is being opened; what it sends is told by `sent`. */
export const watchSocket = (socket: WebSocket, see: (seen: Seen) => void): void => {
  socket.once("open", () => see({ _tag: "Opened" }))
  socket.on("message", (data, isBinary) => {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)
    see({ _tag: "Received", message: isBinary ? bytes : bytes.toString() })
  })
  socket.on("close", (code, reason) => see({ _tag: "Ended", code, reason: reason.toString() }))
  socket.on("error", (error) => see({ _tag: "Lost", code: codeOf(error) }))
  socket.once("unexpected-response", (_, response) => {
    see({
      _tag: "Answered",
      status: response.statusCode ?? 0,
      headers: { "content-type": response.headers["content-type"] ?? "" }
    })
    let bytes = 0
    response.on("data", (piece: Buffer) => {
      bytes += piece.length
      if (bytes <= maxRefusal) see({ _tag: "Received", message: piece })
    })
  })
}
