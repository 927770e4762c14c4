/**
 * Parameters that are described by a plain JSON Schema: the schema by which they are checked, and what it says for what is
 * left out. Pure.
 */
import * as JsonSchema from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import { own } from "../own.ts"
import * as Json from "./json.ts"

type Node = Readonly<Record<string, unknown>>

/** What has no translation: without it a schema allows more, and forbids nothing that it allowed. */
const untold: ReadonlySet<string> = new Set([
  "not",
  "if",
  "then",
  "else",
  "contains",
  "minContains",
  "maxContains",
  "dependencies",
  "dependentRequired",
  "dependentSchemas",
  "unevaluatedItems",
  "unevaluatedProperties"
])

/** What has values of the program, and no schemas. */
const values: ReadonlySet<string> = new Set(["const", "enum", "default", "examples", "required"])

/** What stands where a reference within a schema points to. */
const pointed = (root: unknown, reference: unknown): Node | undefined => {
  if (typeof reference !== "string" || !/^#(?:\/|$)/.test(reference)) return undefined
  let at: unknown = root
  for (const part of reference.slice(1).split("/").slice(1)) {
    const name = decoded(part).replaceAll("~1", "/").replaceAll("~0", "~")
    at = Predicate.isObjectOrArray(at) ? own(at as Node, name) : undefined
  }
  return Predicate.isObject(at) ? at : undefined
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A part by its name, as messages have it. */
const nameOf = (reference: string, others: number): string => {
  const name = reference.replace(/^.*[#/]/, "").replace(/[^\w-]/g, "_")
  return `${name === "" ? "whole" : name}${others === 0 ? "" : `_${others}`}`
}

/** The same schema in what can be translated: all that is pointed to is under `$defs`, and what has no translation is left out. */
const simplified = (root: Node): Node => {
  const places = new Map<string, string>()
  const defs = new Map<string, unknown>()

  const refer = (reference: unknown): ReadonlyArray<readonly [string, unknown]> => {
    const target = pointed(root, reference)
    if (target === undefined) return []
    const known = places.get(String(reference))
    const name = known ?? nameOf(String(reference), places.size)
    if (known === undefined) {
      places.set(String(reference), name)
      defs.set(name, read(target))
    }
    return [["$ref", `#/$defs/${name}`]]
  }

  const read = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(read)
    if (!Predicate.isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, one]): ReadonlyArray<readonly [string, unknown]> => {
        if (untold.has(name) || name === "$defs" || name === "definitions") return []
        if (name === "$ref") return refer(one)
        if (name === "properties" && Predicate.isObject(one)) return [[name, readEach(one)]]
        return [[name, values.has(name) ? one : read(one)]]
      })
    )
  }

  /** Fields have any names, also those that mean something in a schema. */
  const readEach = (fields: Node): Node =>
    Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, read(field)]))

  const schema = read(root) as Node
  return { ...schema, $defs: Object.fromEntries(defs) }
}

/** OpenAPI has a word for what may be `null`; JSON Schema has a type. */
const nullable = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(nullable)
  if (!Predicate.isObject(value)) return value
  const fields = Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, values.has(name) ? one : nullable(one)])
  )
  const { nullable: may, type } = value
  return may === true && typeof type === "string" && !("enum" in value) ? { ...fields, type: [type, "null"] } : fields
}

const translated = (schema: Node): Schema.Top => {
  const document = schema["$schema"] === JsonSchema.META_SCHEMA_URI_DRAFT_07
    ? JsonSchema.fromSchemaDraft07(schema)
    : JsonSchema.fromSchemaDraft2020_12(schema)
  return SchemaRepresentation.fromJsonSchemaDocument(document, { patterns: "ignore" })
}

/** The schema by which parameters are checked: one that says more than can be translated is held to what can be. */
export const fromJsonSchema = (given: JsonSchema.JsonSchema): Schema.Top => {
  const schema = nullable(given) as Node
  try {
    return translated(schema)
  } catch {
    try {
      return translated(simplified(schema))
    } catch {
      const { required } = schema
      const names = Array.isArray(required) ? required.filter((key) => typeof key === "string") : []
      return Schema.StructWithRest(
        Schema.Struct(Object.fromEntries(names.map((key) => [key, Schema.Json]))),
        [Schema.Record(Schema.String, Schema.Json)]
      )
    }
  }
}

/** What is left out is what the schema says for it. */
export const withDefaults = (schema: unknown, params: Schema.Json): Schema.Json => filled(schema, schema, params)

const filled = (root: unknown, schema: unknown, params: Schema.Json): Schema.Json => {
  if (!Predicate.isObject(schema)) return params
  const { allOf, items, properties } = schema
  const target = pointed(root, schema["$ref"])
  const parts = [...(target === undefined ? [] : [target]), ...(Array.isArray(allOf) ? allOf : [])]
  const given = parts.reduce<Schema.Json>((params, part) => filled(root, part, params), params)
  if (Array.isArray(given)) return given.map((item: Schema.Json) => filled(root, items, item))
  if (!Predicate.isObject(properties) || !Json.isObject(given)) return given
  const fields = Object.entries(properties).flatMap(([name, field]): ReadonlyArray<readonly [string, Schema.Json]> => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value !== undefined) return [[name, filled(root, field, value)]]
    return Predicate.hasProperty(field, "default") ? [[name, Json.from(field.default)]] : []
  })
  return { ...given, ...Object.fromEntries(fields) }
}
