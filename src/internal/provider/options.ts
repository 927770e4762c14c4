/** Checks of what a program says about a provider; each failure names the option. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
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

/** Collects the first thing that is wrong. */
export class Checks {
  #wrong: Failure.InvalidRequest | undefined

  #fail(option: string, advice: string): void {
    this.#wrong ??= invalid(option, advice)
  }

  /** A number within bounds, where it is given. */
  range(option: string, value: number | undefined, least: number, most: number, unit = ""): this {
    if (value !== undefined && !(value >= least && value <= most)) {
      const bounds = most === Number.POSITIVE_INFINITY ? `be at least ${least}` : `lie between ${least} and ${most}`
      this.#fail(option, `must ${bounds}${unit}, not ${value}`)
    }
    return this
  }

  /** A whole number within bounds, where it is given. */
  whole(option: string, value: number | undefined, least: number, most: number, unit = ""): this {
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
      this.#fail(option, `must be a whole number between ${least} and ${most}${unit}, not ${value}`)
    }
    return this
  }

  /** One of a list, where it is given. */
  oneOf<A>(option: string, value: A | undefined, all: ReadonlyArray<A>): this {
    if (value !== undefined && !all.includes(value)) {
      this.#fail(option, `must be one of ${all.join(", ")}`)
    }
    return this
  }

  /** A time within bounds in ms, where it is given. */
  time(option: string, value: Duration.Input | undefined, least: number, most: number): this {
    const ms = value === undefined ? undefined : millisOf(value)
    if (Number.isNaN(ms)) this.#fail(option, "must be a duration, such as \"2 seconds\"")
    return this.range(option, ms, least, most, " ms")
  }

  /** A text that is not blank, where it is given. */
  text(option: string, value: string | undefined): this {
    if (value !== undefined && value.trim() === "") this.#fail(option, "must not be empty")
    return this
  }

  /** Text that can stand in a header: a key with a line break is a copying mistake, and would be told in an error. */
  key(option: string, value: Redacted.Redacted): this {
    if (!/^[\x21-\x7e]+$/.test(Redacted.value(value))) {
      this.#fail(option, "must be the key alone, without spaces or line breaks")
    }
    return this
  }

  /** An address of one of the protocols, where it is given. */
  url(option: string, value: string | undefined, protocols: ReadonlyArray<string>): this {
    const parsed = value === undefined ? undefined : URL.parse(value)
    if (value !== undefined && (parsed === null || parsed === undefined || !protocols.includes(parsed.protocol))) {
      this.#fail(option, `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(", ")}`)
    }
    return this
  }

  /** What is wrong, if anything. */
  get problem(): Failure.InvalidRequest | undefined {
    return this.#wrong
  }

  get result(): Effect.Effect<void, Failure.InvalidRequest> {
    return this.#wrong === undefined ? Effect.void : Effect.fail(this.#wrong)
  }
}

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
