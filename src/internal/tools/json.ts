/** Values from outside, as JSON. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const is = Schema.is(Schema.Json)

/** The value itself where it is JSON, else what JSON makes of it, else why it makes nothing of it. */
export const write = (value: unknown): Result.Result<Schema.Json, string> => {
  try {
    const text = JSON.stringify(value) ?? "null"
    if (is(value)) return Result.succeed(value)
    const json: unknown = JSON.parse(text)
    return Result.succeed(is(json) ? json : null)
  } catch (error) {
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

/** The first characters of a text, and no half of one. */
export const head = (text: string, characters: number): string =>
  text.slice(0, isHigh(text.charCodeAt(characters - 1)) ? characters - 1 : characters)

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
