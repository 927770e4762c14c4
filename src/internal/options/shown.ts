/**
 * What was given in place of what was asked for, in words: "null", "a list", "an Effect: was it run?". A text is quoted only
 * where it is part of a program; elsewhere it may be of a call, or a secret. Pure.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

// What is longer (characters) is no name that somebody has misspelt.
const longest = 24

const kindOf = (value: object): string => {
  if (Array.isArray(value)) return "a list"
  if (Effect.isEffect(value)) return "an Effect: was it run?"
  if (Redacted.isRedacted(value)) return "a Redacted"
  if ("then" in value && typeof value.then === "function") return "a promise: was it awaited?"
  return "next" in value && typeof value.next === "function" ? "a generator" : "an object"
}

export const shown = (value: unknown, { quote = false }: { readonly quote?: boolean } = {}): string => {
  if (typeof value === "string") return quote && value.length <= longest ? `"${value}"` : "a text"
  if (typeof value === "function") return "a function"
  if (typeof value === "symbol") return "a symbol"
  return typeof value === "object" && value !== null ? kindOf(value) : `${value}`
}
