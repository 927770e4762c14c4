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

/** The value itself where it is JSON, else what JSON makes of it, else why it makes nothing of it. */
export const write = (value: unknown): Result.Result<Schema.Json, string> => {
  try {
    const text = JSON.stringify(value) ?? "null"
    const json: unknown = is(value) ? value : JSON.parse(text)
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
