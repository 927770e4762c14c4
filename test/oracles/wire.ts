/** What a client puts on the wire, as one flat record, and where two clients differ. */
import { assert } from "@effect/vitest"
import type * as provider from "../support/provider.ts"

/** Why a package sends what we do not: its own name and version, for the provider's statistics. */
export const itself = "the package names itself"

/** What packages that Fern generates send of themselves. */
export const fern: Readonly<Record<string, string>> = Object.fromEntries(
  ["user-agent", "x-fern-language", "x-fern-sdk-name", "x-fern-sdk-version", "x-fern-runtime", "x-fern-runtime-version"]
    .map((name) => [`header ${name}`, itself])
)

/** Why we do not offer to compress. */
export const uncompressed = "audio does not get smaller, and compressing costs time"

/** Values by the path of where they stand, such as `query model` and `1 type`. */
export type Wire = Readonly<Record<string, string>>

/** What is another with each request, or belongs to the connection. */
const passing = /^(?:host|connection|content-length|date|sec-websocket-(?:key|version)|upgrade|transfer-encoding)$/

/** The leaves of a value, by their paths. */
const flat = (value: unknown, path: string): ReadonlyArray<readonly [string, string]> =>
  typeof value === "object" && value !== null && !Buffer.isBuffer(value)
    ? Object.entries(value).flatMap(([name, inner]) => flat(inner, `${path} ${name}`))
    : [[path, Buffer.isBuffer(value) ? `${value.length} bytes ${value.toString("base64")}` : String(value)]]

/** Address and headers of a request or handshake. */
export const asked = ({ headers, url }: Pick<provider.Request, "headers" | "url">): Wire => {
  const query: Record<string, Array<string>> = {}
  for (const [name, value] of url.searchParams) (query[name] ??= []).push(value)
  return Object.fromEntries([
    ["path", url.pathname],
    ...Object.entries(query).map(([name, values]) => [`query ${name}`, values.join(" | ")]),
    ...Object.entries(headers).filter(([name]) => !passing.test(name)).map((
      [name, value]
    ) => [`header ${name}`, String(value)])
  ])
}

/** The messages of a connection in their order; pieces of audio that follow one another are one. */
export const said = (messages: ReadonlyArray<unknown>): Wire => {
  const joined: Array<unknown> = []
  for (const message of messages) {
    const last = joined.at(-1)
    if (Buffer.isBuffer(message) && Buffer.isBuffer(last)) joined[joined.length - 1] = Buffer.concat([last, message])
    else joined.push(message)
  }
  return Object.fromEntries(joined.flatMap((message, at) => flat(message, `${at}`)))
}

/** A body, as one message. */
export const body = (value: unknown): Wire => Object.fromEntries(flat(value, "body"))

/**
 * Holds one wire to the other. What differs stands in `known`, each with its reason: what is not known fails, and so
 * does what no longer differs.
 */
export const same = (theirs: Wire, ours: Wire, known: Readonly<Record<string, string>> = {}): void => {
  const differences = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].filter((path) =>
    theirs[path] !== ours[path]
  )
  const short = (text: string | undefined) => text === undefined ? "nothing" : text.slice(0, 200)
  const shown = differences.filter((path) => !(path in known)).map((path) =>
    `${path}: theirs ${short(theirs[path])}, ours ${short(ours[path])}`
  )
  assert.deepStrictEqual(shown, [], "differences without a reason")
  assert.deepStrictEqual(
    Object.keys(known).filter((path) => !differences.includes(path)),
    [],
    "reasons without a difference"
  )
}
