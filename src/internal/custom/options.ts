/** Options that the layers of custom HTTP providers share. */
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Failure from "../../Failure.ts"
import * as Check from "../options.ts"

export type Header = string | Redacted.Redacted

export const invalid = (detail: string): Failure.InvalidRequest => new Failure.InvalidRequest({ detail })

const reveal = (header: Header): string => Redacted.isRedacted(header) ? Redacted.value(header) : header

const isHeader = ([name, value]: readonly [string, Header]): boolean => {
  try {
    return new Headers([[name, reveal(value)]]).has(name)
  } catch {
    return false
  }
}

const isHttp = (url: URL | null): url is URL => url !== null && (url.protocol === "http:" || url.protocol === "https:")

/** Where it is, and what is sent with each request; no message shows the values. */
export const fields = {
  url: Check.required(Check.such<string>((url) => {
    const parsed = URL.parse(url)
    return isHttp(parsed) && parsed.username === "" && parsed.password === ""
  }, (url) =>
    isHttp(URL.parse(url))
      ? "hold no user or password; give them in headers"
      : "be a whole http:// or https:// URL")),
  headers: Check.such<Readonly<Record<string, Header>>>(
    (headers) => Check.isRecord(headers) && Object.entries(headers).every(isHeader),
    (headers) =>
      Check.isRecord(headers)
        ? `hold headers: "${Object.entries(headers).find((one) => !isHeader(one))?.[0]}" is none, or cannot be sent`
        : "be an object of headers by their names"
  ),
  name: Check.text({ default: "http" })
}

/** A POST to the target, with its headers. */
export const post = ({ headers = {}, url }: {
  readonly url: string
  readonly headers?: Readonly<Record<string, Header>> | undefined
}): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.setHeaders(
    HttpClientRequest.post(new URL(url)),
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, reveal(value)]))
  )
