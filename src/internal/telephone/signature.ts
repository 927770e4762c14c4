/** How the carrier proves that a request is its own: it signs the address and the form with the account's token. */
import * as Redacted from "effect/Redacted"
import { createHmac, timingSafeEqual } from "node:crypto"

/** The signature of a request, in the carrier's way. */
export const sign = (
  token: Redacted.Redacted,
  url: string,
  form: ReadonlyArray<readonly [string, string]> = []
): string => {
  const sorted = form.map(([name, value]) => name + value).sort()
  return createHmac("sha1", Redacted.value(token)).update(url + [...new Set(sorted)].join(""), "utf8").digest("base64")
}

/** The addresses that mean the same, as some carriers and proxies write them. */
const spellings = (address: string): ReadonlyArray<string> => {
  const url = new URL(address)
  const secure = url.protocol === "https:" || url.protocol === "wss:"
  const rest = url.pathname + url.search
  const hosts = url.port === ""
    ? [url.host, `${url.hostname}:${secure ? 443 : 80}`]
    : [url.host, url.hostname]
  return hosts.flatMap((host) => {
    const plain = `${url.protocol}//${host}${rest}`
    return url.search === "" && !plain.endsWith("/") ? [plain, `${plain}/`] : [plain]
  })
}

/** Whether a request is the carrier's; takes as long for a wrong signature as for a right one. */
export const isSigned = (options: {
  readonly token: Redacted.Redacted
  readonly url: string
  readonly form?: ReadonlyArray<readonly [string, string]> | undefined
  readonly signature: string | undefined
}): boolean => {
  const given = Buffer.from(options.signature ?? "")
  let right = false
  for (const url of spellings(options.url)) {
    const expected = Buffer.from(sign(options.token, url, options.form))
    if (given.length === expected.length && timingSafeEqual(given, expected)) right = true
  }
  return right
}
