/** What a model wrote as the parameters of a call, as an object. */
import type * as Schema from "effect/Schema"
import { jsonrepair } from "jsonrepair"
import * as Json from "./json.ts"

export type Repaired =
  | { readonly _tag: "Object"; readonly object: Schema.JsonObject }
  | { readonly _tag: "Other"; readonly found: string }

export const repair = (params: unknown): Repaired => {
  const value = typeof params === "string" ? parse(params) : params
  if (value === null || value === undefined) return { _tag: "Object", object: {} }
  if (Array.isArray(value)) return { _tag: "Other", found: "array" }
  if (typeof value !== "object") return { _tag: "Other", found: typeof value }
  const json = Json.from(value)
  return Json.isObject(json) ? { _tag: "Object", object: json } : { _tag: "Other", found: typeof json }
}

const parse = (text: string): unknown => {
  if (text.trim() === "") return undefined
  try {
    return JSON.parse(text)
  } catch {
    try {
      return JSON.parse(jsonrepair(text))
    } catch {
      return text
    }
  }
}
