/** Values from outside, as JSON. */
import * as Schema from "effect/Schema"

const is = Schema.is(Schema.Json)

/** The value itself where it is JSON, else what JSON makes of it; `null` where it makes nothing of it. */
export const from = (value: unknown): Schema.Json => {
  if (is(value)) return value
  try {
    const json: unknown = JSON.parse(JSON.stringify(value) ?? "null")
    return is(json) ? json : null
  } catch {
    return null
  }
}

export const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)
