/** What is wrong with a request or with options of a provider, and addresses of its requests. */
import type * as Effect from "effect/Effect"
import * as Failure from "../../Failure.ts"
import * as Check from "../options.ts"
import type { Field } from "../options/fields.ts"

/** The option, and what to do about it. */
export const invalid = (option: string, advice: string): Failure.InvalidRequest =>
  new Failure.InvalidRequest({ detail: `${option}: ${advice}` })

const isTextOrTexts = (given: unknown): boolean =>
  typeof given === "string" || Array.isArray(given) && given.every((one) => typeof one === "string")

/** Further parameters of a query, as texts or lists of texts. */
export const parameters = Check.such<Readonly<Record<string, string | ReadonlyArray<string>>>>(
  (given) => Check.isRecord(given) && Object.values(given).every(isTextOrTexts),
  "be an object of texts, or lists of texts, by their names"
)

/** All that is wrong with options, as the reason for which a provider fails. */
export const refused = ({ message }: Failure.InvalidOptions): Failure.InvalidRequest =>
  new Failure.InvalidRequest({ detail: message })

/** The name in options that may be anything, for the error that refuses them. */
export const nameIn = (given: unknown, otherwise: string): string => {
  const name = Check.isRecord(given) ? given["name"] : undefined
  return typeof name === "string" && name !== "" ? name : otherwise
}

/** The options of a provider with their defaults, or all that is wrong with them, in the noun's own error by the provider's name. */
export const readOptions = <Out, In, E>(
  schema: Field<Out, In>,
  options: In,
  provider: string,
  failing: (name: string) => (reason: Failure.Reason) => E
): Effect.Effect<Out, E> =>
  Check.readOrFail(schema, options, (wrong) => failing(nameIn(options, provider))(refused(wrong)))

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
