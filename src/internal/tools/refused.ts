/**
 * Checks tools where a program gives them, before a model sees them: parameters
 * that are not a schema, a tool that does nothing. Tools that a server offers are
 * not checked here.
 */
import * as Tool from "effect/ai/Tool"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { InvalidOptions } from "../../Failure.ts"
import * as Check from "../options.ts"
import { ofTools } from "../options/counterparts.ts"
import { shown as shownAs } from "../options/shown.ts"
import type { PlainTool } from "./functions.ts"
import { isStandard, jsonSchemaOf } from "./standard.ts"

type Problem = InvalidOptions["problems"][number]

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const types: ReadonlyArray<unknown> = ["string", "number", "integer", "boolean", "object", "array", "null"]

// What JSON Schema has other schemas in: by name, one, or several.
const named = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]
const single = [
  "items",
  "additionalItems",
  "additionalProperties",
  "unevaluatedItems",
  "unevaluatedProperties",
  "propertyNames",
  "contains",
  "not",
  "if",
  "then",
  "else"
]
const several = ["allOf", "anyOf", "oneOf", "prefixItems"]

// What describes a tool is part of a program.
const shown = (value: unknown): string => shownAs(value, { quote: true })

const fieldsOf = (record: Readonly<Record<string, unknown>>): string =>
  Object.entries(record).map(([name, value]) => `${JSON.stringify(name).slice(1, -1)}: ${kindOf(value)}`).join(", ")

const kindOf = (value: unknown): string => {
  if (!Schema.isSchema(value)) return "…"
  const { ast } = value
  if (SchemaAST.isString(ast)) return "Schema.String"
  if (SchemaAST.isBoolean(ast)) return "Schema.Boolean"
  if (!SchemaAST.isNumber(ast)) return "…"
  return value === Schema.Int ? "Schema.Int" : value === Schema.Finite ? "Schema.Finite" : "Schema.Number"
}

const holds = (record: Readonly<Record<string, unknown>>): boolean => Object.values(record).some(Schema.isSchema)

const pointed = (root: unknown, reference: string): boolean => {
  let at = root
  for (const part of reference.slice(1).split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~")
    const next = Array.isArray(at) || isRecord(at) ? (at as Readonly<Record<string, unknown>>)[name] : undefined
    if (next === undefined) return false
    at = next
  }
  return isRecord(at) || typeof at === "boolean"
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** What is wrong with a JSON Schema, with the place of each. */
const wrongJsonSchema = (root: Readonly<Record<string, unknown>>, where: string): ReadonlyArray<Problem> => {
  const seen = new Set<unknown>()
  const anchors = new Set<unknown>()
  const references: Array<readonly [option: string, reference: unknown]> = []
  const problems: Array<Problem> = []
  const wrong = (option: string, detail: string): void => void problems.push({ option, detail })

  const read = (schema: unknown, option: string): void => {
    if (typeof schema === "boolean" || seen.has(schema)) return
    if (Schema.isSchema(schema)) {
      return wrong(option, "must be a JSON Schema in a JSON Schema: write the whole as a Schema.Struct({ … })")
    }
    if (!isRecord(schema)) {
      return wrong(option, `must be a JSON Schema, such as { type: "string" }, not ${shown(schema)}`)
    }
    seen.add(schema)
    const { $anchor, $ref, enum: values, required, type } = schema
    if ($anchor !== undefined) anchors.add(`#${String($anchor)}`)
    if ($ref !== undefined) references.push([`${option}.$ref`, $ref])
    const all = Array.isArray(type) ? type : type === undefined ? [] : [type]
    for (const one of all) {
      if (!types.includes(one)) wrong(`${option}.type`, `must be one of ${types.join(", ")}, not ${shown(one)}`)
    }
    if (required !== undefined && !(Array.isArray(required) && required.every((name) => typeof name === "string"))) {
      wrong(`${option}.required`, "must be a list of the names of fields")
    }
    if (values !== undefined && !Array.isArray(values)) wrong(`${option}.enum`, "must be a list of values")
    for (const name of named) {
      const group = schema[name]
      if (group === undefined) continue
      if (!isRecord(group) || Schema.isSchema(group)) wrong(`${option}.${name}`, "must be an object of JSON Schemas")
      else for (const [key, one] of Object.entries(group)) read(one, `${option}.${name}.${key}`)
    }
    for (const name of single) {
      const one = schema[name]
      if (Array.isArray(one)) one.forEach((each, i) => read(each, `${option}.${name}.${i}`))
      else if (one !== undefined) read(one, `${option}.${name}`)
    }
    for (const name of several) {
      const group = schema[name]
      if (Array.isArray(group)) group.forEach((one, i) => read(one, `${option}.${name}.${i}`))
      else if (group !== undefined) wrong(`${option}.${name}`, "must be a list of JSON Schemas")
    }
  }

  read(root, where)
  for (const [option, reference] of references) {
    const text = typeof reference === "string" ? decoded(reference) : undefined
    const found = text !== undefined && (anchors.has(text) || /^#(\/|$)/.test(text) && pointed(root, text))
    if (!found) wrong(option, `points to nothing in this schema: put what ${shown(reference)} means under $defs`)
  }
  return problems
}

/** Whether what a model writes for it is an object, whatever becomes of that. */
const isOfObject = (ast: SchemaAST.AST, seen = new Set<SchemaAST.AST>()): boolean => {
  if (seen.has(ast)) return true
  seen.add(ast)
  if (SchemaAST.isSuspend(ast)) return isOfObject(ast.thunk(), seen)
  return SchemaAST.isUnion(ast)
    ? ast.types.length > 0 && ast.types.every((one) => isOfObject(one, seen))
    : SchemaAST.isObjects(ast) || SchemaAST.isObjectKeyword(ast)
}

const such = "Schema.Struct({ name: Schema.String })"

/** What is wrong with the parameters of a tool, each part by its place. */
export const wrongParameters = (given: unknown, where: string): ReadonlyArray<Problem> => {
  const must = (write: string): ReadonlyArray<Problem> => [
    { option: where, detail: `must be a schema of an object: write ${write}` }
  ]
  if (Schema.isSchema(given)) {
    return isOfObject(SchemaAST.toEncoded(Schema.toCodecJson(given).ast))
      ? []
      : must(`Schema.Struct({ name: ${kindOf(given)} }), for a model names what it gives`)
  }
  if (isStandard(given)) return must(`${such}; Tools.functions alone takes a schema of another library`)
  if (!isRecord(given)) return must(`${such}, or a JSON Schema, not ${shown(given)}`)
  if (holds(given)) return must(`Schema.Struct({ ${fieldsOf(given)} })`)
  const combined = ["$ref", ...several].some((name) => name in given)
  if (given["type"] !== "object" && (given["type"] !== undefined || !("properties" in given) && !combined)) {
    return must(`${such}, or a JSON Schema of { type: "object", properties: { … } }`)
  }
  return wrongJsonSchema(given, where)
}

/** The same of a plain function, which may have them in a schema of another library. */
const wrongOwn = (given: unknown, where: string): ReadonlyArray<Problem> => {
  if (!isStandard(given)) return wrongParameters(given, where)
  const json = jsonSchemaOf(given)
  return Result.isSuccess(json) ? wrongParameters(json.success, where) : [{ option: where, detail: json.failure }]
}

const wrongTool = (tool: Tool.Any): ReadonlyArray<Problem> => {
  const where = `${tool.name}.parameters`
  const { failureSchema, parametersSchema, successSchema } = tool
  const open = Tool.isDynamic(tool) && parametersSchema === Schema.Unknown
  return [
    ...(Tool.isDynamic(tool) && tool.jsonSchema !== undefined
      ? wrongParameters(tool.jsonSchema, where)
      : open || Tool.isProviderDefined(tool)
      ? []
      : wrongParameters(parametersSchema, where)),
    ...(Schema.isSchema(successSchema)
      ? []
      : [{ option: `${tool.name}.success`, detail: `must be a schema of the result, such as ${such}` }]),
    ...(Schema.isSchema(failureSchema)
      ? []
      : [{ option: `${tool.name}.failure`, detail: "must be a schema of the failure, such as Tools.ToolError" }])
  ]
}

const sources = "must be tools: give Tools.functions({ … }), a toolkit, or a list of these"

/** What is wrong with what an agent is given as its tools. */
export const wrongSources = (given: unknown): ReadonlyArray<Problem> =>
  (Array.isArray(given) ? given : [given]).flatMap((source): ReadonlyArray<Problem> => {
    if (isRecord(source) && ("entries" in source || "discover" in source)) return []
    const tools = Predicate.hasProperty(source, "tools") && isRecord(source.tools)
      ? Object.values(source.tools)
      : [undefined]
    if (!tools.every(isTool)) return [{ option: "tools", detail: sources }]
    // Who has handlers may have been described elsewhere, by whatever a server says.
    return Predicate.hasProperty(source, "handle") ? [] : tools.flatMap(wrongTool)
  })

const isTool = (value: unknown): value is Tool.Any => isRecord(value) && "parametersSchema" in value && "name" in value

const approval = Check.such<boolean | ((params: any) => boolean | Promise<boolean>)>(
  (given) => typeof given === "boolean" || typeof given === "function",
  (given) => `be true, false, or a function of the parameters, not ${shown(given)}`
)

const own = Check.instead(
  Check.struct<PlainTool>()({
    description: Check.text(),
    parameters: Check.asIs,
    readonly: Check.flag(),
    idempotent: Check.flag(),
    needsApproval: approval,
    voice: Check.asIs,
    run: Check.asIs
  }),
  ofTools
)

/** Models of most providers take no other. */
const isName = /^[a-zA-Z0-9_-]{1,64}$/

const nameless =
  "must have a name of 1 to 64 letters (a to z), digits, _ and -, such as book_room, for models know it by that"

/** What is wrong with tools as plain functions, by the name of each. */
export const wrongFunctions = (given: unknown): ReadonlyArray<Problem> =>
  !isRecord(given)
    ? [{ option: "tools", detail: "must be an object of tools by their names: write { book: { run: async () => … } }" }]
    : Object.entries(given).flatMap(([name, tool]): ReadonlyArray<Problem> => {
      if (!isName.test(name)) return [{ option: name === "" ? "a tool" : name, detail: nameless }]
      const write = "{ run: async (params) => … }"
      if (!isRecord(tool)) {
        const detail = `must be an object with the function as run: write ${name}: ${write}, not ${shown(tool)}`
        return [{ option: name, detail }]
      }
      const { parameters, run } = tool
      const read = Check.read(own, tool as object as PlainTool, name)
      return [
        ...(typeof run === "function"
          ? []
          : [{ option: `${name}.run`, detail: `must be the function of the tool: write ${name}: ${write}` }]),
        ...(parameters === undefined ? [] : wrongOwn(parameters, `${name}.parameters`)),
        ...(Result.isFailure(read) ? read.failure.problems : [])
      ]
    })
