/** Options that the layers of custom HTTP providers share. */
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Failure from "../../Failure.ts"

export type Header = string | Redacted.Redacted

export interface Target {
  readonly url: string
  readonly headers?: Readonly<Record<string, Header>> | undefined
}

export const invalid = (detail: string): Failure.InvalidRequest => new Failure.InvalidRequest({ detail })

const reveal = (header: Header): string => Redacted.isRedacted(header) ? Redacted.value(header) : header

const isHeader = (name: string, value: string): boolean => {
  try {
    return new Headers([[name, value]]).has(name)
  } catch {
    return false
  }
}

/** A POST to the target, with its headers. */
export const post = (
  { headers = {}, url }: Target
): Effect.Effect<HttpClientRequest.HttpClientRequest, Failure.InvalidRequest> => {
  const parsed = URL.parse(url)
  if (parsed === null || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) {
    return Effect.fail(invalid("url: must be a whole http:// or https:// URL"))
  }
  if (parsed.username !== "" || parsed.password !== "") {
    return Effect.fail(invalid("url: must hold no user or password; give them in headers"))
  }
  const wrong = Object.entries(headers).find(([name, value]) => !isHeader(name, reveal(value)))
  if (wrong !== undefined) {
    return Effect.fail(invalid(`headers: "${wrong[0]}" is no header, or its value cannot be sent`))
  }
  const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, reveal(value)]))
  return Effect.succeed(HttpClientRequest.setHeaders(HttpClientRequest.post(parsed), plain))
}
