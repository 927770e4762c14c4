/**
 * The only file that loads undici: one `fetch` for the process, whose connections stay open between
 * the turns of a conversation. That of Node closes them after 4 seconds, so that most turns would
 * begin with a new handshake.
 */
import * as Effect from "effect/Effect"
import { Tap, watchedFetch } from "./tap.ts"

/** Time in ms for which a connection without a request stays open. */
const idleMs = 60_000

/** An answer that stops coming is a matter of the deadlines in `Resilience`; this only sweeps up after a caller without any. */
const silentMs = 120_000

/** Answers that send on to another place of the same server. */
const mostRedirects = 3

/** Where the same request may go, with the same key: nobody but the server that was asked gets either. */
const onward = (asked: URL, answer: { readonly status: number; readonly headers: Headers }, repeatable: boolean) => {
  const { headers, status } = answer
  if (!repeatable || (status !== 307 && status !== 308)) return undefined
  const location = headers.get("location")
  const to = location === null || !URL.canParse(location, asked.href) ? undefined : new URL(location, asked.href)
  return to?.origin === asked.origin ? to : undefined
}

const isFormData = (body: unknown): body is FormData => body instanceof FormData

const open = async (): Promise<typeof globalThis.fetch> => {
  const undici = await import("undici")
  const dispatcher = new undici.Agent({
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: 10 * idleMs,
    connectTimeout: 10_000,
    headersTimeout: silentMs,
    bodyTimeout: silentMs
  })
  // It knows its own FormData only.
  const own = (form: FormData) => {
    const copy = new undici.FormData()
    for (const [name, value] of form) {
      if (typeof value === "string") copy.append(name, value)
      else copy.append(name, value, value.name)
    }
    return copy
  }
  // Headers with keys go wherever a redirection says, all but `authorization`.
  const fetch: unknown = async (input: string | URL, init?: Parameters<typeof undici.fetch>[1]) => {
    const settings = {
      ...init,
      dispatcher,
      redirect: "manual",
      ...(isFormData(init?.body) ? { body: own(init.body) } : undefined)
    } as const
    const { body } = settings
    const repeatable = body === undefined || body === null || typeof body === "string" || body instanceof Uint8Array ||
      body instanceof undici.FormData
    let url = new URL(input)
    for (let left = mostRedirects;; left--) {
      const answer = await undici.fetch(url, settings)
      const next = left === 0 ? undefined : onward(url, answer as never, repeatable)
      if (next === undefined) return answer
      await answer.body?.cancel()
      url = next
    }
  }
  return fetch as typeof globalThis.fetch
}

let opened: Promise<typeof globalThis.fetch> | undefined

/** The `fetch` of the process, with its pool of connections; watched where somebody watches. */
export const fetch: Effect.Effect<typeof globalThis.fetch> = Effect.flatMap(Tap, (watch) =>
  Effect.map(
    Effect.promise(() => opened ??= open()),
    (fetch) => watch === undefined ? fetch : watchedFetch(fetch, watch)
  ))
