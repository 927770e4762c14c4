/**
 * Corrects parameters that a model has written in a wrong form.
 *
 * Parameters are decoded as they are. Only where that fails they are read again by what their schema
 * takes: `null` counts as left out and what is left out as `null`, `"3"` as a number, "yes" as `true`,
 * "Small" as `small`, one value as a list of it, and a list or object that was encoded as a text as
 * what it is. A value that the schema takes is never changed. A number is no text: zeros before it are lost.
 * If the corrections do not help, the first failure is reported. Pure.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import * as Json from "./json.ts"
import { repair } from "./params.ts"

// Values that are looked at: a schema of alternatives within alternatives would have a text read without end.
const mostLooks = 100_000

/** One reading of parameters, and how much it may still look at. */
interface Reading {
  looks: number
}

const countOf = (value: Schema.Json, most: number): number => {
  if (typeof value !== "object" || value === null) return 1
  let count = 1
  for (const part of Object.values(value)) {
    count += countOf(part as Schema.Json, most - count)
    if (count > most) return count
  }
  return count
}

const tests = new WeakMap<SchemaAST.AST, (value: unknown) => boolean>()

/** Whether a schema takes a value; nothing, once too much was looked at. */
const takes = (ast: SchemaAST.AST, value: Schema.Json, reading: Reading): boolean => {
  reading.looks -= countOf(value, reading.looks)
  if (reading.looks < 0) return false
  const test = tests.get(ast) ?? SchemaParser.is(Schema.make(ast))
  tests.set(ast, test)
  return test(value)
}

const isDecimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

const numberOf = (text: string): number | undefined => {
  const value = isDecimal.test(text.trim()) ? Number(text) : Number.NaN
  // What is longer is an id, and no longer itself as a number.
  return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined
}

const truths: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ["true", true],
  ["yes", true],
  ["on", true],
  [1, true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  [0, false],
  ["0", false]
])

const plain = (text: string): string => text.trim().toLowerCase()

/** Yes or no, as models write it. */
export const truthOf = (value: unknown): boolean | undefined =>
  typeof value === "boolean" ? value : truths.get(typeof value === "string" ? plain(value) : value)

/** A list or an object that was written as a text. */
const unwrapped = (text: string, isWanted: (value: Schema.Json) => boolean): Schema.Json | undefined => {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    const value = JSON.parse(text) as Schema.Json
    return isWanted(value) ? value : undefined
  } catch {
    const read = text.trimStart().startsWith("{") ? repair(text) : undefined
    return read?._tag === "Object" && isWanted(read.object) ? read.object : undefined
  }
}

const isList = (value: Schema.Json): value is Schema.JsonArray => Array.isArray(value)

/** Several things in one text are no list of one. */
const isOne = (value: Schema.Json): boolean =>
  typeof value === "string" ? value.trim() !== "" && !/[,;\n]/.test(value) : value !== null

const asList = (ast: SchemaAST.Arrays, given: Schema.Json, reading: Reading): Schema.Json => {
  const { elements, rest } = ast
  const [every] = rest
  const value = typeof given === "string" ? unwrapped(given, isList) ?? given : given
  if (isList(value)) {
    return value.map((item, i) => {
      const of = elements[i] ?? every
      return of === undefined ? item : fit(of, item, reading)
    })
  }
  if (elements.length > 0 || every === undefined || !isOne(value)) return value
  const one = fit(every, value, reading)
  return takes(every, one, reading) ? [one] : value
}

/** The names of fields are often written in another manner: `room_number`, `roomNumber`. */
const letters = (name: string): string => name.toLowerCase().replace(/[_\s-]/g, "")

/** Fields that are not known have the name that is almost theirs, where no other has it. */
const named = (names: ReadonlyArray<string>, given: Schema.JsonObject): Schema.JsonObject => {
  const open = names.filter((name) => !Object.hasOwn(given, name))
  const strange = Object.keys(given).filter((name) => !names.includes(name))
  const meant = new Map(strange.flatMap((name): ReadonlyArray<readonly [string, string]> => {
    const found = open.filter((known) => letters(known) === letters(name))
    const rivals = strange.filter((other) => letters(other) === letters(name))
    return found.length === 1 && rivals.length === 1 ? [[name, found[0]!]] : []
  }))
  return meant.size === 0
    ? given
    : Object.fromEntries(Object.entries(given).map(([name, value]) => [meant.get(name) ?? name, value]))
}

const asObject = (ast: SchemaAST.Objects, given: Schema.Json, reading: Reading): Schema.Json => {
  const first = isList(given) && given.length === 1 ? given[0]! : given
  const value = typeof first === "string" ? unwrapped(first, Json.isObject) ?? first : first
  if (!Json.isObject(value)) return value
  const fields = new Map(ast.propertySignatures.map(({ name, type }) => [String(name), type]))
  const others = ast.indexSignatures[0]?.type
  const object = others === undefined ? named([...fields.keys()], value) : value
  const read = Object.entries(object).flatMap(([name, field]): ReadonlyArray<readonly [string, Schema.Json]> => {
    const of = fields.get(name) ?? others
    if (of === undefined) return [[name, field]]
    return field === null && !takes(of, null, reading) ? [] : [[name, fit(of, field, reading)]]
  })
  const absent = [...fields].flatMap(([name, of]): ReadonlyArray<readonly [string, Schema.Json]> =>
    Object.hasOwn(object, name) || SchemaAST.isOptional(of) || !mayBeNull(of) ? [] : [[name, null]]
  )
  return Object.fromEntries([...read, ...absent])
}

/** Whether a schema has `null` as an alternative: what takes anything says nothing about what is left out. */
const mayBeNull = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isNull(ast) || SchemaAST.isUnion(ast) && ast.types.some(mayBeNull)

/** The value as one that the schema takes, where that is what was meant; else as it was. */
const fit = (ast: SchemaAST.AST, value: Schema.Json, reading: Reading): Schema.Json => {
  if (reading.looks < 0) return value
  reading.looks--
  if (SchemaAST.isSuspend(ast)) return fit(ast.thunk(), value, reading)
  if (SchemaAST.isObjects(ast)) return asObject(ast, value, reading)
  if (SchemaAST.isArrays(ast)) return asList(ast, value, reading)
  if (SchemaAST.isUnion(ast)) {
    if (takes(ast, value, reading)) return value
    for (const one of ast.types) {
      const read = fit(one, value, reading)
      if (takes(one, read, reading)) return read
    }
    return value
  }
  if (SchemaAST.isNumber(ast)) return typeof value === "string" ? numberOf(value) ?? value : value
  if (SchemaAST.isBoolean(ast)) return truthOf(value) ?? value
  if (SchemaAST.isNull(ast)) return typeof value === "string" && /^(?:null|none)?$/.test(plain(value)) ? null : value
  if (!SchemaAST.isLiteral(ast) || typeof value === "object") return value
  const { literal } = ast
  return typeof literal !== "bigint" && plain(String(value)) === plain(String(literal)) ? literal : value
}

/** Parameters within parameters, as some models write them. */
const wrappers = ["parameters", "params", "arguments", "args", "input"]

const bare = (ast: SchemaAST.AST, params: Schema.Json, tool: string): Schema.Json => {
  if (!Json.isObject(params) || !SchemaAST.isObjects(ast) || ast.indexSignatures.length > 0) return params
  const [name, ...others] = Object.keys(params)
  if (name === undefined || others.length > 0 || ![...wrappers, tool].includes(name)) return params
  return ast.propertySignatures.some((field) => field.name === name) ? params : params[name]!
}

/** A field of another spelling would be left out without a word where it may be absent. */
const spelled = (ast: SchemaAST.AST, params: Schema.Json): Schema.Json =>
  SchemaAST.isObjects(ast) && ast.indexSignatures.length === 0 && Json.isObject(params)
    ? named(ast.propertySignatures.map(({ name }) => String(name)), params)
    : params

const strictly: SchemaAST.ParseOptions = { errors: "all" }

/** Decodes what is mended where it cannot be decoded as it is; `ast` is of what is decoded. */
export const mending = <A, R>(
  tool: string,
  ast: SchemaAST.AST,
  decode: (
    params: Schema.Json,
    options: SchemaAST.ParseOptions
  ) => Effect.Effect<A, Schema.SchemaError, R>
) =>
(given: Schema.Json): Effect.Effect<A, Schema.SchemaError, R> => {
  const params = spelled(ast, given)
  return Effect.catch(
    decode(params, strictly),
    (error) =>
      decode(fit(ast, bare(ast, params, tool), { looks: mostLooks }), strictly).pipe(Effect.mapError(() => error))
  )
}
