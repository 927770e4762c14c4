/** Where a telephone call may be given to: a number, or an address of SIP. */
import * as Effect from "effect/Effect"
import { refuse, type RoomError } from "./errors.ts"

/** A number with its plus and digits alone, or an address as it was given. */
export type Destination =
  | { readonly _tag: "Number"; readonly number: string }
  | { readonly _tag: "Sip"; readonly address: string }

/** What must be given, for whoever gave something else. */
export const destinationMust =
  "be a number with its country, such as +4930123456, or an address such as sip:desk@example.com"

// What people write between the digits of a number.
const separators = /[\s().\-\u00a0\u2010-\u2015]/gu
const number = /^\+[1-9]\d{6,14}$/
const address = /^sips?:[^\s@<>"\p{Cc}]+@[^\s@<>"\p{Cc}]+$/iu
const longestAddress = 255

/** Reads where a call is to go; nothing if it is neither a number nor an address. */
export const destinationOf = (to: unknown): Destination | undefined => {
  if (typeof to !== "string") return undefined
  const given = to.trim()
  if (/^sips?:/i.test(given)) {
    return given.length <= longestAddress && address.test(given) ? { _tag: "Sip", address: given } : undefined
  }
  const digits = given.replace(/^tel:/i, "").replaceAll(separators, "")
  return number.test(digits) ? { _tag: "Number", number: digits } : undefined
}

/** The same for who asks a room; the refusal quotes nothing. */
export const destinationFor = (to: unknown): Effect.Effect<Destination, RoomError> => {
  const destination = destinationOf(to)
  return destination === undefined
    ? Effect.fail(refuse("InvalidOption", `transfer: to must ${destinationMust}`))
    : Effect.succeed(destination)
}

/** As one text, which is read as the same. */
export const written = (destination: Destination): string =>
  destination._tag === "Number" ? destination.number : destination.address
