/** Values from outside, as JSON. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"

// What is nested deeper is no answer of anyone, and a stack that overflows where it is written or compared.
const deepest = 100

/** Of one result, or each part of one that is told before. */
const mostValues = 262_144

/** Characters of all texts and names in it. */
const mostCharacters = 4 * 1024 * 1024

/** Counts values and characters, and throws where there are too many: what is larger holds everybody up where it is written. */
class Size {
  #values = 0
  #characters = 0

  take(value: unknown): void {
    this.#values += Array.isArray(value) ? Math.max(1, value.length - mostValues) : 1
    if (this.#values > mostValues) throw new TooLarge(`it has more than ${mostValues} values`)
    if (typeof value === "string") this.read(value)
  }

  /** A text, or the name of a value. */
  read(text: string): void {
    this.#characters += text.length
    if (this.#characters > mostCharacters) throw new TooLarge(`it has more than ${mostCharacters} characters`)
  }
}

class TooLarge {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

const tooDeep = `it is nested more than ${deepest} deep`

const isDeep = (value: unknown, left: number): boolean =>
  typeof value === "object" && value !== null &&
  (left === 0 || Object.values(value).some((part) => isDeep(part, left - 1)))

// Of any other kind JSON makes an empty object, whatever it holds, unless it says what it is.
const written = new Set(["Object", "Array", "Date", "Number", "String", "Boolean"])

/** What of a value JSON would leave out, or make another one of, without a word. */
const lost = (value: unknown): string | undefined => {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `a number that is none (${value})`
  if (typeof value === "symbol") return "a symbol"
  if (typeof value !== "object" || value === null) return undefined
  if (ArrayBuffer.isView(value)) return "bytes"
  if (Effect.isEffect(value)) return "an Effect, which nobody runs"
  if ("bound" in value && Effect.isEffect(value.bound)) return "an agent: session.handoff(agent) hands the call over"
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1)
  if (kind === "Date" && Number.isNaN(Number(value))) return "a date that is none"
  const says = "toJSON" in value || Object.keys(value).length > 0
  if (!written.has(kind) && !says) {
    return kind === "Promise" ? "a value of the kind Promise: was it awaited?" : `a value of the kind ${kind}`
  }
  return "then" in value && typeof value.then === "function" ? "what is still awaited" : undefined
}

/** Writes a value as JSON writes it, but for what would be lost. */
const stringify = (value: unknown): { readonly text: string } | { readonly lost: string } => {
  let found: string | undefined
  const size = new Size()
  const text = JSON.stringify(value, function(this: Readonly<Record<string, unknown>>, key, written: unknown) {
    size.read(key)
    size.take(written)
    // What has a form of its own, such as a date, has it by now.
    found ??= lost(this[key]) ?? lost(written)
    // Nothing in it is looked at any more: it may have a hundred million bytes.
    if (found !== undefined) return null
    return typeof written === "string" ? written.toWellFormed() : written
  })
  if (typeof value === "function") found ??= "a function"
  return found === undefined ? { text: text ?? "null" } : { lost: found }
}

/**
 * A copy of a value that is plain JSON and not too deep, as most are; `undefined` where something of it would be lost.
 * Each part is read once: what has it may change it later, and may give another answer each time.
 */
const copied = (value: unknown, left: number, size: Size): Schema.Json | undefined => {
  size.take(value)
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined
  // Half a character, as of a text that was cut, is no JSON to many: they would refuse each request that has it.
  if (typeof value === "string") return value.toWellFormed()
  if (typeof value !== "object") return typeof value === "boolean" ? value : undefined
  if (value === null) return null
  if (left === 0) return undefined
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) return undefined
    const copy: Array<Schema.Json> = []
    // The holes of one are no values.
    for (let i = 0; i < value.length; i++) {
      const part = copied(value[i], left - 1, size)
      if (part === undefined) return undefined
      copy.push(part)
    }
    return copy
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || "toJSON" in value) return undefined
  if (Object.getOwnPropertySymbols(value).length > 0) return undefined
  const parts: Array<readonly [name: string, part: Schema.Json]> = []
  for (const name in value) {
    size.read(name)
    const part = copied((value as Readonly<Record<string, unknown>>)[name], left - 1, size)
    if (part === undefined) return undefined
    parts.push([name.toWellFormed(), part])
  }
  // An assignment of `__proto__` would change the prototype.
  return Object.fromEntries(parts)
}

/** A copy of what JSON makes of a value, else why it makes nothing of it. */
export const write = (value: unknown): Result.Result<Schema.Json, string> => {
  try {
    const copy = copied(value, deepest, new Size())
    if (copy !== undefined) return Result.succeed(copy)
    const told = stringify(value)
    if ("lost" in told) return Result.fail(`it holds ${told.lost}`)
    const json = JSON.parse(told.text) as Schema.Json
    return isDeep(json, deepest) ? Result.fail(tooDeep) : Result.succeed(json)
  } catch (error) {
    if (error instanceof TooLarge) return Result.fail(error.why)
    if (error instanceof RangeError) return Result.fail(tooDeep)
    return Result.fail(
      error instanceof TypeError && error.message.includes("BigInt")
        ? "it holds a BigInt"
        : "it holds itself, or something else that JSON has no word for"
    )
  }
}

/** `copy`: of what is JSON as it stands; else why it is too large to be looked at by a schema, if it is. */
export const sizeUp = (
  value: unknown
): { readonly copy?: Schema.Json | undefined; readonly tooLarge?: string | undefined } => {
  try {
    const copy = copied(value, deepest, new Size())
    if (copy !== undefined) return { copy }
  } catch (error) {
    if (error instanceof TooLarge) return { tooLarge: error.why }
  }
  return { tooLarge: tooLarge(value) }
}

/** Of what is no plain JSON; nothing of what cannot be read. */
const tooLarge = (value: unknown): string | undefined => {
  const size = new Size()
  const walk = (part: unknown, left: number): void => {
    size.take(part)
    if (typeof part !== "object" || part === null || left === 0 || ArrayBuffer.isView(part)) return
    if (Array.isArray(part) || part instanceof Set) { for (const one of part) walk(one, left - 1) }
    else if (part instanceof Map) { for (const [, one] of part) walk(one, left - 1) }
    else {
      for (const name in part) {
        size.read(name)
        walk((part as Readonly<Record<string, unknown>>)[name], left - 1)
      }
    }
  }
  try {
    walk(value, deepest)
    return undefined
  } catch (error) {
    return error instanceof TooLarge ? error.why : undefined
  }
}

/** A whole number that is no longer itself as a number stays as it was written. */
const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
  const source = context?.source
  return typeof value === "number" && source !== undefined && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)
    ? source
    : value
}

/** What a model has written; throws where it is no JSON. */
export const parse = (text: string): unknown => /\d{16}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text)

/** `null` where JSON makes nothing of it. */
export const from = (value: unknown): Schema.Json => Result.getOrElse(write(value), () => null)

export const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)
