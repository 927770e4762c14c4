/** How the carrier proves that a request is its own: it signs the address and the form with the account's token. */
import * as Redacted from "effect/Redacted"
import { createHmac, timingSafeEqual } from "node:crypto"

// The carrier has some dozens, and the program's own of a call.
const mostFields = 512

/** The signature of a request, in the carrier's way. */
export const sign = (
  token: Redacted.Redacted,
  url: string,
  form: ReadonlyArray<readonly [string, string]> = []
): string => {
  const order = ([a, x]: readonly [string, string], [b, y]: readonly [string, string]): number =>
    a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0
  const told = new Set([...form].sort(order).map(([name, value]) => name + value))
  return createHmac("sha1", Redacted.value(token)).update(url + [...told].join(""), "utf8").digest("base64")
}

/** The addresses that mean the same, as carriers and proxies write them: with the port or without, a slash at the end or none. */
const spellings = (address: string): ReadonlyArray<string> => {
  const parts = /^(\w+):\/\/([^/?#:]*)(?::(\d+))?([^?#]*)(.*)$/.exec(address)
  if (parts === null) return []
  const [, protocol = "", host = "", port, path = "", query = ""] = parts
  const usual = protocol === "https" || protocol === "wss" ? "443" : "80"
  let end = path.length
  while (path[end - 1] === "/") end--
  const paths = query === "" ? [path, `${path.slice(0, end)}/`] : [path]
  return ["", `:${port ?? usual}`].flatMap((port) => paths.map((path) => `${protocol}://${host}${port}${path}${query}`))
}

/** Whether a request is the carrier's; takes as long for a wrong signature as for a right one. */
export const isSigned = (options: {
  readonly token: Redacted.Redacted
  readonly url: string
  readonly form?: ReadonlyArray<readonly [string, string]> | undefined
  readonly signature: string | undefined
}): boolean => {
  if ((options.form?.length ?? 0) > mostFields) return false
  const given = Buffer.from(options.signature ?? "")
  let right = false
  for (const url of spellings(options.url)) {
    const expected = Buffer.from(sign(options.token, url, options.form))
    if (given.length === expected.length && timingSafeEqual(given, expected)) right = true
  }
  return right
}
