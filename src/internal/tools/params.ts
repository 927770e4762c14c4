/** What a model wrote as the parameters of a call, as an object. */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { jsonrepair } from "jsonrepair"
import { quoted } from "./bare.ts"
import * as Json from "./json.ts"

export type Repaired =
  | { readonly _tag: "Object"; readonly object: Schema.JsonObject }
  /** `wrong` is in words for the model. */
  | { readonly _tag: "Other"; readonly wrong: string }

// In characters. Longer parameters are of a model that has lost its way, and would stand in every prompt from then on.
export const longest = 65_536

// Mending takes the square of the length: below 10 ms for as much as this, three seconds for 120,000 characters.
const longestBroken = 4096

const other = (wrong: string): Repaired => ({ _tag: "Other", wrong })

/** The braces outside of strings, in one pass; of a string that nothing closes, those in it, too. */
function* bracesOf(text: string): Generator<{ readonly brace: string; readonly at: number }> {
  for (const { 0: brace, 1: end, index } of text.matchAll(/"(?:[^"\\]|\\[^])*("?)|[{}]/g)) {
    if (end === undefined) yield { brace, at: index }
    if (end !== "") continue
    const from = index + 1
    for (const { 0: brace, index } of text.slice(from).matchAll(/[{}]/g)) yield { brace, at: from + index }
    return
  }
}

/** The objects that stand in a text, in none of another. */
const objectsIn = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let depth = 0
  let from = 0
  for (const { at, brace } of bracesOf(text)) {
    if (brace === "{" && depth++ === 0) from = at
    if (brace === "}" && depth > 0 && --depth === 0) found.push(text.slice(from, at + 1))
  }
  return found
}

/** The one object that stands there among other words, or more than once, or behind an empty one; the braces may be missing. */
const only = (text: string): unknown => {
  const start = text.trimStart()[0]
  if (start === "[") return undefined
  const objects = start === "\"" ? [`{${text}}`] : objectsIn(text)
  try {
    const distinct = new Map(objects.map((object) => {
      const value = Json.parse(object)
      return [JSON.stringify(value), value]
    }))
    if (distinct.size > 1) distinct.delete("{}")
    return distinct.size === 1 ? [...distinct.values()][0] : undefined
  } catch {
    return undefined
  }
}

/** What is written there, mended if need be; `undefined` where nothing can be read. */
const parse = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: Json.parse(text) }
  } catch {
    const value = only(text)
    if (value !== undefined) return { value }
    if (text.length > longestBroken) return undefined
  }
  // The braces may be missing: "city: Paris".
  const whole = /^\s*[\p{L}_$][\p{L}\p{N}_$]*\s*:\s*[^\s/]/u.test(text) ? `{${text}}` : text
  try {
    return { value: Json.parse(jsonrepair(quoted(whole) ?? whole)) }
  } catch {
    return { value: text }
  }
}

export const repair = (params: unknown): Repaired => {
  if (typeof params !== "string") return read(params)
  if (params.trim() === "") return read(undefined)
  if (params.length > longest) return tooLong
  const once = parse(params)
  // Some models encode what is encoded already.
  const parsed = typeof once?.value === "string" ? parse(once.value) : once
  return parsed === undefined ? tooBroken : read(parsed.value)
}

const tooBroken = other(`they are no JSON, and with more than ${longestBroken} characters too long to be mended`)
const tooLong = other(`they have more than ${longest} characters`)

const read = (value: unknown): Repaired => {
  if (value === null || value === undefined) return { _tag: "Object", object: {} }
  if (Array.isArray(value)) {
    return value.length === 1 && typeof value[0] === "object" && !Array.isArray(value[0])
      ? read(value[0])
      : other("expected object, got array")
  }
  if (typeof value !== "object") return other(`expected object, got ${typeof value}`)
  const written = Json.write(value)
  if (Result.isFailure(written)) return other(`expected an object of JSON: ${written.failure}`)
  const json = written.success
  if (!Json.isObject(json)) return other(`expected object, got ${typeof json}`)
  return JSON.stringify(json).length > longest ? tooLong : { _tag: "Object", object: json }
}

/** As it is kept: `{}` where no object could be read. */
export const kept = (params: unknown): Schema.JsonObject => {
  const repaired = repair(params)
  return repaired._tag === "Object" ? repaired.object : {}
}
