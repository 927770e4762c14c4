/** Values from outside, as JSON. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const is = Schema.is(Schema.Json)

// What is nested deeper is no answer of anyone, and a stack that overflows where it is written or compared.
const deepest = 100

const tooDeep = `it is nested more than ${deepest} deep`

const isDeep = (value: unknown, left: number): boolean =>
  typeof value === "object" && value !== null &&
  (left === 0 || Object.values(value).some((part) => isDeep(part, left - 1)))

// Of these JSON makes an empty object, whatever they hold.
const empties = new Set([
  "Map",
  "Set",
  "WeakMap",
  "WeakSet",
  "Promise",
  "Error",
  "RegExp",
  "ArrayBuffer",
  "SharedArrayBuffer",
  "DataView",
  "Generator",
  "AsyncGenerator"
])

/** What of a value JSON would leave out, or make another one of, without a word. */
const lost = (value: unknown): string | undefined => {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `a number that is none (${value})`
  if (typeof value === "symbol") return "a symbol"
  if (typeof value !== "object" || value === null) return undefined
  if (ArrayBuffer.isView(value)) return "bytes"
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1)
  if (kind === "Date" && Number.isNaN(Number(value))) return "a date that is none"
  const says = "toJSON" in value || Object.keys(value).length > 0
  if (!empties.has(kind) || says) return undefined
  return kind === "Promise" ? "a value of the kind Promise: was it awaited?" : `a value of the kind ${kind}`
}

/** Writes a value as JSON writes it, but for what would be lost. */
const stringify = (value: unknown): { readonly text: string } | { readonly lost: string } => {
  let found: string | undefined
  const text = JSON.stringify(value, function(this: Readonly<Record<string, unknown>>, key, written: unknown) {
    // What has a form of its own, such as a date, has it by now.
    found ??= lost(this[key]) ?? lost(written)
    return written
  })
  if (typeof value === "function") found ??= "a function"
  return found === undefined ? { text: text ?? "null" } : { lost: found }
}

/** Whether a value is plain JSON and not too deep, which most are: nothing of it would be lost. */
const isPlain = (value: unknown, left: number): boolean => {
  if (typeof value === "number") return Number.isFinite(value)
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean"
  if (value === null) return true
  if (left === 0) return false
  if (Array.isArray(value)) {
    // The holes of one are no values.
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], left - 1)) return false
    return Object.getPrototypeOf(value) === Array.prototype
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || "toJSON" in value) return false
  for (const name in value) if (!isPlain((value as Readonly<Record<string, unknown>>)[name], left - 1)) return false
  return Object.getOwnPropertySymbols(value).length === 0
}

/** The value itself where it is JSON, else what JSON makes of it, else why it makes nothing of it. */
export const write = (value: unknown): Result.Result<Schema.Json, string> => {
  try {
    if (isPlain(value, deepest)) return Result.succeed(value as Schema.Json)
    const written = stringify(value)
    if ("lost" in written) return Result.fail(`it holds ${written.lost}`)
    const json: unknown = is(value) ? value : JSON.parse(written.text)
    if (isDeep(json, deepest)) return Result.fail(tooDeep)
    return Result.succeed(is(json) ? json : null)
  } catch (error) {
    if (error instanceof RangeError) return Result.fail(tooDeep)
    return Result.fail(
      error instanceof TypeError && error.message.includes("BigInt")
        ? "it holds a BigInt"
        : "it holds itself, or something else that JSON has no word for"
    )
  }
}

/** `null` where JSON makes nothing of it. */
export const from = (value: unknown): Schema.Json => Result.getOrElse(write(value), () => null)

export const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)
