/** What is wrong with a request or with options of a provider, and addresses of its requests. */
import * as Duration from "effect/Duration"
import * as Failure from "../../Failure.ts"

/** The option, and what to do about it. */
export const invalid = (option: string, advice: string): Failure.InvalidRequest =>
  new Failure.InvalidRequest({ detail: `${option}: ${advice}` })

/** A time in ms; not a number where it is none. */
export const millisOf = (input: Duration.Input): number => {
  // Duration takes what is no number for 0.
  if (typeof input === "number") return input
  if (typeof input === "object" && !Duration.isDuration(input) && Object.values(input).some(Number.isNaN)) {
    return Number.NaN
  }
  const duration = Duration.fromInput(input)
  return duration._tag === "Some" ? Duration.toMillis(duration.value) : Number.NaN
}

/** All that is wrong with options, as the reason for which a provider fails. */
export const refused = ({ message }: Failure.InvalidOptions): Failure.InvalidRequest =>
  new Failure.InvalidRequest({ detail: message })

/** What can be asked of an address: values that are not given are left out, of a list each is one. */
export type Query = Readonly<Record<string, string | number | boolean | ReadonlyArray<string> | undefined>>

/** An address below a base, with a query. */
export const address = (base: string, path: string, query: Query = {}): string => {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, "")}${path}`
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one))
  }
  return url.href
}

/** The same address for the other kind of connection: `http` for `ws`, or `ws` for `http`. */
export const speaking = (kind: "http" | "ws", base: string): string =>
  base.replace(/^(?:http|ws)(s?):/i, (_, secure: string) => `${kind}${secure}:`)

/** Protocols of an address that serves for both kinds of connection. */
export const protocols: ReadonlyArray<string> = ["https:", "wss:", "http:", "ws:"]
