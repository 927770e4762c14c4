/**
 * Parameters in a schema of another library (zod, ArkType, Valibot), by the interfaces of Standard Schema: its JSON Schema
 * is what a model is told, and its own check makes of that what the function gets. Pure.
 */
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "effect/StandardSchema"
import { own } from "../own.ts"
import { settled } from "../plain.ts"

/** What there is of a schema of another library. */
export interface Standard {
  readonly "~standard": StandardSchemaV1.Props<unknown, unknown> & Partial<StandardJSONSchemaV1.Props<unknown, unknown>>
}

export const isStandard = (given: unknown): given is Standard =>
  !Schema.isSchema(given) && Predicate.hasProperty(given, "~standard") &&
  Predicate.hasProperty(given["~standard"], "validate")

/** How a schema without its JSON Schema gets one, by its library. */
const ways: Readonly<Record<string, string>> = {
  valibot: "write toStandardJsonSchema(…) of @valibot/to-json-schema around it",
  zod: "take zod 4.2 or later"
}

/** Its JSON Schema, or why there is none. */
export const jsonSchemaOf = ({ "~standard": { jsonSchema, vendor } }: Standard): Result.Result<
  JsonSchema.JsonSchema,
  string
> => {
  if (jsonSchema === undefined) {
    return Result.fail(
      `must come with its JSON Schema, which this ${vendor} does not give: ${
        own(ways, vendor) ?? "write a JSON Schema"
      }`
    )
  }
  try {
    // That of zod is by itself such a schema again.
    const { "~standard": _, ...schema } = jsonSchema.input({ target: "draft-2020-12" })
    return Result.succeed(schema)
  } catch (cause) {
    const why = cause instanceof Error ? `: ${cause.message}` : ""
    return Result.fail(`must be what a JSON Schema can say${why}`)
  }
}

const issueOf = ({ message, path = [] }: StandardSchemaV1.Issue): SchemaIssue.Issue => {
  const issue = new SchemaIssue.InvalidValue({ message })
  const keys = path.map((segment) => typeof segment === "object" ? segment.key : segment)
  return keys.length === 0 ? issue : new SchemaIssue.Pointer(keys, issue)
}

/** What its own check makes of parameters. */
export const check = (
  tool: string,
  { "~standard": standard }: Standard,
  params: Schema.Json
): Effect.Effect<unknown, Schema.SchemaError> =>
  Effect.suspend(() => {
    const given = standard.validate(params)
    return Predicate.isPromiseLike(given)
      ? Effect.orDie(settled<StandardSchemaV1.Result<unknown>, never>(`parameters of ${tool}`, () => given))
      : Effect.succeed(given)
  }).pipe(
    Effect.flatMap((result) => {
      if (result.issues === undefined) return Effect.succeed(result.value)
      const [first = new SchemaIssue.InvalidValue({ message: "they do not fit" }), ...others] = result.issues.map(
        issueOf
      )
      return Effect.fail(
        new Schema.SchemaError(new SchemaIssue.Composite(Schema.Unknown.ast, [first, ...others], undefined))
      )
    })
  )
