/**
 * Corrects parameters that a model has written in a wrong form.
 *
 * Parameters are decoded as they are. Only where that fails is a field looked at again: one that is
 * `null` counts as left out, and a list or object that was encoded as a text is decoded. A correct
 * parameter is never changed. If the corrections do not help, the first failure is reported. Pure.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as Json from "./json.ts"

type Path = ReadonlyArray<PropertyKey>

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const pathsOf = (error: Schema.SchemaError): ReadonlyArray<Path> =>
  issuesOf(error.issue).issues.map(({ path = [] }) =>
    path.map((segment) => typeof segment === "object" ? segment.key : segment)
  )

/** A list or an object that was written as a text. */
const unwrapped = (text: string): Schema.Json | undefined => {
  try {
    const value = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const below = (paths: ReadonlyArray<Path>, key: string): ReadonlyArray<Path> =>
  // What is wrong with all of a value may be wrong with any part of it.
  paths.flatMap(([first, ...rest]) => first === undefined ? [[]] : String(first) === key ? [rest] : [])

const mend = (value: Schema.Json, paths: ReadonlyArray<Path>): Schema.Json => {
  if (paths.length === 0) return value
  if (typeof value === "string") return unwrapped(value) ?? value
  if (Array.isArray(value)) return value.map((item: Schema.Json, i) => mend(item, below(paths, String(i))))
  if (!Json.isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]): ReadonlyArray<readonly [string, Schema.Json]> => {
      const there = below(paths, key)
      return field === null && there.length > 0 ? [] : [[key, mend(field, there)]]
    })
  )
}

const strictly: SchemaAST.ParseOptions = { errors: "all" }

/** Decodes what is mended where it cannot be decoded as it is. */
export const mending = <A, R>(
  decode: (
    params: Schema.Json,
    options: SchemaAST.ParseOptions
  ) => Effect.Effect<A, Schema.SchemaError, R>
) =>
(params: Schema.Json): Effect.Effect<A, Schema.SchemaError, R> =>
  Effect.catch(
    decode(params, strictly),
    (error) => decode(mend(params, pathsOf(error)), strictly).pipe(Effect.mapError(() => error))
  )
