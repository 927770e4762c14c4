/**
 * The one checker of options: what a program may ask for, as schemas of `effect/Schema`.
 *
 * A noun states shape, range and default of its options once, with `struct`, and reads what it was given with `read`: out
 * comes a record with every default filled in and every time in milliseconds, or all that is wrong, each by its name and
 * with what to do. A constructor throws that where it is called (`readOrThrow`); what is an Effect or a layer fails with it
 * (`readOrFail`), as a reason of its noun's own error.
 *
 * A name that is unknown is left out, for options may be part of a wider record; one that is almost that of an option which
 * is not given is taken for a slip, and refused. Options that are `closed` have no other name: what programs without types
 * give there is refused. Pure: nothing is owned, and nothing can be interrupted.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { InvalidOptions } from "../Failure.ts"
import { type AsIs, type Field, type Filled, isRecord, required } from "./options/fields.ts"
import { shown } from "./options/shown.ts"
import { meant } from "./options/spelling.ts"
import { doubtsOf } from "./options/units.ts"
import { own } from "./own.ts"

export {
  action,
  type AsIs,
  asIs,
  callback,
  duration,
  effect,
  type Field,
  flag,
  hertz,
  isRecord,
  isTexts,
  key,
  keyOfWords,
  made,
  number,
  oneOf,
  port,
  ratio,
  required,
  secret,
  service,
  such,
  text,
  texts,
  url,
  whole,
  words
} from "./options/fields.ts"

type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false

type Fields<Options> = { readonly [K in keyof Options]-?: Field<any, any> }

/** Every option of the interface has its field, of its type, and there is no other. */
type Fits<Options, F> = {
  readonly [K in keyof F]: K extends keyof Options ? F[K] extends AsIs ? F[K]
    : F[K] extends { readonly Encoded: infer In } ?
      Same<In, Options[K]> extends true ? F[K] : "takes what the option does not"
    : never
    : never
}

type Read<Options, F> = {
  readonly [K in keyof F & keyof Options]: F[K] extends AsIs ? Options[K]
    : F[K] extends { readonly Type: infer Out } ? Out
    : never
}

const fieldsOf = (fields: object): Field<any, any> =>
  Schema.Struct(fields as Record<string, Schema.Codec<unknown, unknown>>) as Schema.Codec<any, any>

/** All options of an interface, field by field: `struct<Options>()({ … })`. */
export const struct =
  <Options extends object>() =>
  <const F extends Fields<Options>>(fields: F & Fits<Options, F>): Field<Read<Options, F>, Options> => fieldsOf(fields)

/** Names of other libraries, or of another place, and what to do instead: "tools may be meant". */
export type Instead = Readonly<Record<string, string>>

/** What options have no other name than: those that are checked elsewhere, and what is to be said of others. */
interface Closed {
  readonly others: ReadonlyArray<string>
  readonly instead: Instead
}

const closedOptions = new WeakMap<object, Closed>()

/** The same, whose names are all there are, and `others`, which are checked elsewhere. */
export const closed = <Options extends object>() =>
<const F extends Fields<Options>>(
  fields: F & Fits<Options, F>,
  others: ReadonlyArray<string> = [],
  instead: Instead = {}
): Field<Read<Options, F>, Options> => {
  const self = fieldsOf(fields)
  closedOptions.set(self, { others, instead })
  return self
}

/** Options within options: what is not given has its defaults. */
export const section = <Out, In>(self: Field<Out, In>): Field<Out, In | undefined> =>
  self.pipe(Schema.withDecodingDefault(Effect.succeed({} as In))) as Schema.Codec<any, any>

/** Options within options that may be absent altogether. */
export const maybe = <Out, In>(self: Field<Out, In>): Field<Out | undefined, In | undefined> =>
  Schema.UndefinedOr(self).pipe(Schema.withDecodingDefault(Effect.undefined as Effect.Effect<any>)) as Schema.Codec<
    any,
    any
  >

/** What may be given in short, by the schema of that: its names are those of the whole. */
const wholes = new WeakMap<SchemaAST.AST, SchemaAST.AST>()

/** The same, or something shorter that stands for it. */
export const shorthand = <Out, In, Short>(
  self: Field<Out, In>,
  meant: (given: Short | In | undefined) => In | undefined
): Field<Out | undefined, Short | In | undefined> => {
  const short = Schema.Unknown.annotate({})
  wholes.set(short.ast, SchemaAST.toEncoded((self as Schema.Codec<any, any>).ast))
  return maybe(self as Schema.Codec<any, any>).pipe(
    Schema.encodeTo(Schema.optional(short), {
      decode: SchemaGetter.transformOptional((given) => Option.some(meant(Option.getOrUndefined(given) as any))),
      encode: SchemaGetter.forbiddenEncoding
    })
  ) as Schema.Codec<any, any>
}

/** The same, or one word for something else. */
export const or = <
  const Word extends string | false,
  Out,
  In,
  const Asked extends { readonly default?: Word | NoInfer<In> | undefined }
>(
  word: Word,
  self: Field<Out, In>,
  asked: Asked = {} as Asked
): Field<Filled<Out | Word, Asked>, In | Word | undefined> =>
  shorthand(
    Schema.Union([Schema.Literal(word), self as Schema.Codec<any, any>]),
    (given) => given === undefined ? asked.default : given
  ) as Field<any, any>

/** The same, `true` for its defaults, or `false` for none at all. */
export const orFlag = <Out, In>(
  self: Field<Out, In>,
  asked: { readonly default: false }
): Field<Out | false, In | boolean | undefined> =>
  shorthand(
    Schema.Union([Schema.Literal(false), self as Schema.Codec<any, any>]),
    (given) => given === undefined ? asked.default : given === true ? {} : given
  ) as Field<any, any>

/** Any number of the same. */
export const list = <Out, In>(
  self: Field<Out, In>
): Field<ReadonlyArray<Exclude<Out, undefined>> | undefined, ReadonlyArray<Exclude<In, undefined>> | undefined> =>
  maybe(Schema.Array(required(self)) as Schema.Codec<any, any>)

/** What options must be together, once each is right by itself: the option's name, and what it must be. */
export const together = <Out, In>(
  self: Field<Out, In>,
  wrong: (options: Out) => Readonly<Record<string, string | undefined>>
): Field<Out, In> => {
  const checked = self.check(
    Schema.makeFilter((options: Out) =>
      Object.entries(wrong(options)).flatMap(([option, must]) =>
        must === undefined ? [] : [{ path: option.split("."), issue: must }]
      )
    )
  )
  const names = closedOptions.get(self)
  if (names !== undefined) closedOptions.set(checked, names)
  return checked
}

const options: SchemaAST.ParseOptions = { errors: "all" }

const problemsOf = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue)
})

/** The names of options. */
const namesOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  const whole = wholes.get(ast)
  if (whole !== undefined) return namesOf(whole)
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap(namesOf)
  if (!SchemaAST.isObjects(ast)) return []
  return ast.propertySignatures.map(({ name }) => String(name))
}

/** What is at a place of options, or of their schema. */
const below = (ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>): SchemaAST.AST | undefined => {
  const whole = wholes.get(ast)
  if (whole !== undefined) return below(whole, path)
  const [name, ...further] = path
  if (name === undefined) return ast
  if (SchemaAST.isUnion(ast)) {
    return ast.types.reduce<SchemaAST.AST | undefined>((found, one) => found ?? below(one, path), undefined)
  }
  const next = SchemaAST.isArrays(ast)
    ? ast.rest[0]
    : SchemaAST.isObjects(ast)
    ? ast.propertySignatures.find((one) => String(one.name) === String(name))?.type
    : undefined
  return next && below(next, further)
}

/** What Schema says by itself is said of what is no record, or no list. */
const plain = (
  message: string,
  ast: SchemaAST.AST,
  given: unknown,
  path: ReadonlyArray<PropertyKey>
): string => {
  if (!message.startsWith("Expected ")) return message
  const value = path.reduce<unknown>((at, name) => (at as any)?.[name], given)
  if (message.startsWith("Expected array")) return `must be a list, not ${shown(value)}`
  const inside = below(ast, path)
  const [name] = inside === undefined ? [] : namesOf(inside)
  const such = name === undefined ? "" : `, such as { ${name}: … }`
  return `must be an object of options${such}, not ${shown(value)}`
}

/** Where an option of this name is, further in: `endpointing.minDelay`. */
const within = (ast: SchemaAST.AST, name: string): string | undefined => {
  if (SchemaAST.isUnion(ast)) {
    return ast.types.reduce<string | undefined>((found, one) => found ?? within(one, name), undefined)
  }
  if (!SchemaAST.isObjects(ast)) return undefined
  for (const { name: outer, type } of ast.propertySignatures) {
    if (outer === name) return name
    const found = within(type, name)
    if (found !== undefined) return `${String(outer)}.${found}`
  }
  return undefined
}

/** More names than this help nobody. */
const fewNames = 8

const noOthers: Closed = { others: [], instead: {} }

/** Names that are almost those of options which are not given; if they are `closed`, all but those that are known. */
const slips = (
  ast: SchemaAST.AST,
  given: unknown,
  where: string,
  closed?: Closed
): ReadonlyArray<InvalidOptions["problems"][number]> => {
  if (typeof given !== "object" || given === null) return []
  const whole = wholes.get(ast)
  if (whole !== undefined) return slips(whole, given, where, closed)
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap((one) => slips(one, given, where, closed))
  if (SchemaAST.isArrays(ast) && Array.isArray(given)) {
    const [each] = ast.rest
    return each === undefined ? [] : given.flatMap((one, i) => slips(each, one, `${where}${i}.`, closed))
  }
  const { instead = {}, others } = closed ?? {}
  if (!SchemaAST.isObjects(ast)) return []
  const record = given as Readonly<Record<string, unknown>>
  const names = new Set(ast.propertySignatures.map(({ name }) => String(name)))
  const found = Object.keys(record).flatMap((name) => {
    if (record[name] === undefined || names.has(name) || others?.includes(name) === true) return []
    const advice = own(instead, name)
    if (advice !== undefined) return [{ option: `${where}${name}`, detail: `is not known: ${advice}` }]
    const open = Array.from(names).filter((one) => record[one] === undefined)
    const known = meant(name, [...open, ...(others ?? [])]) ?? (others && within(ast, name))
    if (known !== undefined) return [{ option: `${where}${name}`, detail: `is not known: ${known} may be meant` }]
    if (others === undefined) return []
    const all = [...names, ...others]
    const list = all.length > fewNames ? "" : `; there is ${all.join(", ")}`
    return [{ option: `${where}${name}`, detail: `is not known${list}` }]
  })
  const further = closed && noOthers
  const inside = ast.propertySignatures.flatMap(({ name, type }) => {
    const inner = record[String(name)]
    return typeof inner === "object" && inner !== null ? slips(type, inner, `${where}${String(name)}.`, further) : []
  })
  return [...found, ...inside]
}

/** The options with all that they leave open, or all that is wrong; `where` is put before their names. */
export const read = <Out, In>(self: Field<Out, In>, given: In, where = ""): Result.Result<Out, InvalidOptions> => {
  const result = SchemaParser.decodeUnknownResult(self as Schema.Codec<Out, unknown>, options)(given)
  const ast = SchemaAST.toEncoded(self.ast)
  const misspelt = slips(ast, given, where, closedOptions.get(self))
  const wrong = Result.isFailure(result)
    ? problemsOf(result.failure).issues.map(({ message, path = [] }) => ({
      option: path.length === 0 ? where.replace(/\.$/, "") || "options" : `${where}${path.map(String).join(".")}`,
      detail: plain(message, ast, given, path.map((one) => typeof one === "object" ? one.key : one))
    }))
    : []
  const [first, ...others] = [...misspelt, ...wrong]
  if (first !== undefined) return Result.fail(new InvalidOptions({ problems: [first, ...others] }))
  return result as Result.Result<Out, never>
}

/** The same, with a warning in the log for each value that is allowed and yet improbable. */
export const readWarning = <Out, In>(self: Field<Out, In>, given: In, where = ""): Effect.Effect<Out, InvalidOptions> =>
  Effect.suspend(() =>
    Effect.tap(
      Effect.fromResult(read(self, given, where)),
      () =>
        Effect.forEach(doubtsOf(self.ast, given, where.replace(/\.$/, "")), (doubt) => Effect.logWarning(doubt), {
          discard: true
        })
    )
  )

/** The same where a constructor is called, in the noun's own error. */
export const readOrThrow = <Out, In>(
  self: Field<Out, In>,
  given: In,
  error: (invalid: InvalidOptions) => Error = (invalid) => invalid,
  where = ""
): Out => Result.getOrThrowWith(read(self, given, where), error)

/** One thing that is wrong with what no schema describes, as what a function gives. */
export const problem = (option: string, detail: string): InvalidOptions =>
  new InvalidOptions({ problems: [{ option, detail }] })

/** All that is wrong with what no schema describes, as one error. */
export const invalid = (problems: ReadonlyArray<InvalidOptions["problems"][number]>): InvalidOptions | undefined => {
  const [first, ...others] = problems
  return first && new InvalidOptions({ problems: [first, ...others] })
}

/** The same where a constructor is called. */
export const throwAll = (
  problems: ReadonlyArray<InvalidOptions["problems"][number]>,
  error: (invalid: InvalidOptions) => Error = (invalid) => invalid
): void => {
  const wrong = invalid(problems)
  if (wrong !== undefined) throw error(wrong)
}

/** The same where an Effect fails, in the noun's own error. */
export const readOrFail = <Out, In, E>(
  self: Field<Out, In>,
  given: In,
  error: (invalid: InvalidOptions) => E,
  where = ""
): Effect.Effect<Out, E> => Effect.mapError(readWarning(self, given, where), error)

/** Options, and what else is checked with them; what is none of them stays as it is, and is refused. */
export const beside = <A extends object, B extends object>(options: A, others: B): A & B =>
  isRecord(options) ? { ...options, ...others } : options as A & B

/** What the second leaves open stays as it is in the first. */
export const overlay = <A extends object>(self: A | undefined, that: A | undefined): Partial<A> => ({
  ...self,
  ...Object.fromEntries(Object.entries(that ?? {}).filter(([, value]) => value !== undefined)) as Partial<A>
})
