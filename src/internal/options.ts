/**
 * The one checker of options: what a program may ask for, as schemas of `effect/Schema`.
 *
 * A noun states shape, range and default of its options once, with `struct`, and reads what it was given with `read`: out
 * comes a record with every default filled in and every time in milliseconds, or all that is wrong, each by its name and
 * with what to do. A constructor throws that where it is called (`readOrThrow`); what is an Effect or a layer fails with it
 * (`readOrFail`), as a reason of its noun's own error.
 *
 * A name that is unknown is refused, with the option that may be meant. Only what is `wider`, and what is an instance of a
 * class, is something else beside: of its names, those alone are refused that are almost an option's which is not given.
 * Pure: nothing is owned, and nothing can be interrupted.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
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
import { below, namesIn, walk } from "./options/walk.ts"
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

type Problem = InvalidOptions["problems"][number]

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

/** All options of an interface, field by field: `struct<Options>()({ … })`. What has another name is refused. */
export const struct =
  <Options extends object>() =>
  <const F extends Fields<Options>>(fields: F & Fits<Options, F>): Field<Read<Options, F>, Options> =>
    Schema.Struct(fields as Record<string, Schema.Codec<unknown, unknown>>) as Schema.Codec<any, any>

const isWider = "effect-voice/wider"
const isInstead = "effect-voice/instead"

/** Names of other libraries, or of another place, and what to do instead: "tools may be meant". */
export type Instead = Readonly<Record<string, string>>

/** The same, where some names that it has not are told with what to do instead. */
export const instead = <Out, In>(self: Field<Out, In>, names: Instead): Field<Out, In> =>
  self.annotate({ [isInstead]: names })

/** The same, where what is given is also something else, with names of its own. */
export const wider = <Out, In>(self: Field<Out, In>): Field<Out, In> => self.annotate({ [isWider]: true })

/** Options within options: what is not given has its defaults. */
export const section = <Out, In>(self: Field<Out, In>): Field<Out, In | undefined> =>
  self.pipe(Schema.withDecodingDefault(Effect.succeed({} as In))) as Schema.Codec<any, any>

/** Options within options that may be absent altogether. */
export const maybe = <Out, In>(self: Field<Out, In>): Field<Out | undefined, In | undefined> =>
  Schema.UndefinedOr(self).pipe(Schema.withDecodingDefault(Effect.undefined as Effect.Effect<any>)) as Schema.Codec<
    any,
    any
  >

/** The same, or something shorter that stands for it. */
export const shorthand = <Out, In, Short>(
  self: Field<Out, In>,
  meant: (given: Short | In | undefined) => In | undefined
): Field<Out | undefined, Short | In | undefined> =>
  maybe(self as Schema.Codec<any, any>).pipe(
    Schema.encodeTo(Schema.optional(Schema.Unknown), {
      decode: SchemaGetter.transformOptional((given) => Option.some(meant(Option.getOrUndefined(given) as any))),
      encode: SchemaGetter.forbiddenEncoding
    })
  ) as Schema.Codec<any, any>

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
): Field<Out, In> =>
  self.check(
    Schema.makeFilter((options: Out) =>
      Object.entries(wrong(options)).flatMap(([option, must]) =>
        must === undefined ? [] : [{ path: option.split("."), issue: must }]
      )
    )
  )

const problemsOf = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue)
})

/** The names of options. */
const namesOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  SchemaAST.isUnion(ast)
    ? ast.types.flatMap(namesOf)
    : SchemaAST.isObjects(ast)
    ? ast.propertySignatures.map(({ name }) => String(name))
    : []

/** The schema of what is at a place of options. */
const inside = (ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>): SchemaAST.AST | undefined => {
  const [name, ...further] = path
  if (name === undefined) return ast
  if (SchemaAST.isUnion(ast)) {
    return ast.types.reduce<SchemaAST.AST | undefined>((found, one) => found ?? inside(one, path), undefined)
  }
  const next = SchemaAST.isArrays(ast)
    ? ast.rest[0]
    : SchemaAST.isObjects(ast)
    ? ast.propertySignatures.find((one) => String(one.name) === String(name))?.type
    : undefined
  return next && inside(next, further)
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
  const at = inside(ast, path)
  const [name] = at === undefined ? [] : namesOf(at)
  const such = name === undefined ? "" : `, such as { ${name}: … }`
  return `must be an object of options${such}, not ${shown(value)}`
}

/** Where an option of this name is, further in: `endpointing.minDelay`. */
const within = (ast: SchemaAST.AST, name: string, where = ""): string | undefined => {
  const found = SchemaAST.isUnion(ast)
    ? ast.types.map((one) => within(one, name, where))
    : SchemaAST.isObjects(ast)
    ? ast.propertySignatures.map((one) =>
      one.name === name ? below(where, name) : within(one.type, name, below(where, one.name))
    )
    : []
  return found.find(Predicate.isNotUndefined)
}

/** More names than this help nobody. */
const fewNames = 8

/** Whether it has no other names than those it was written with. */
const isLiteral = (given: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(given)
  return prototype === Object.prototype || prototype === null
}

/** Names of what was given that are looked at: what has more of them is something else altogether. */
const mostNames = 1000

/** Names that are no options'. */
const unknownNames = (ast: SchemaAST.AST, given: unknown, where: string): ReadonlyArray<Problem> => {
  if (!SchemaAST.isObjects(ast) || !isRecord(given) || ArrayBuffer.isView(given)) return []
  const names = namesOf(ast)
  const isOpen = ast.annotations?.[isWider] === true || !isLiteral(given)
  return Object.keys(given).slice(0, mostNames).flatMap((name): ReadonlyArray<Problem> => {
    if (given[name] === undefined || names.includes(name)) return []
    const advice = own((ast.annotations?.[isInstead] ?? {}) as Instead, name)
    if (advice !== undefined) return [{ option: below(where, name), detail: `is not known: ${advice}` }]
    const near = meant(name, names.filter((one) => given[one] === undefined)) ??
      (isOpen ? undefined : within(ast, name))
    if (near === undefined && isOpen) return []
    const all = names.length > fewNames ? "" : `; there is ${names.join(", ")}`
    return [{
      option: below(where, name),
      detail: `is not known${near === undefined ? all : `: ${near} may be meant`}`
    }]
  })
}

/** More than these are told by their number: the error is read by a person. */
const mostProblems = 100

const few = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> => {
  const more = problems.length - mostProblems
  return more <= 0
    ? problems
    : [...problems.slice(0, mostProblems), { option: "options", detail: `have ${more} more that are wrong` }]
}

/** The options with all that they leave open, or all that is wrong; `where` leads to their names. */
export const read = <Out, In>(self: Field<Out, In>, given: In, where = ""): Result.Result<Out, InvalidOptions> => {
  const unknown = walk(self.ast, given, where, unknownNames)
  const schema = self as Schema.Codec<Out, unknown>
  const quick = SchemaParser.decodeUnknownResult(schema)(given)
  const result = Result.isSuccess(quick) ? quick : SchemaParser.decodeUnknownResult(schema, { errors: "all" })(given)
  const wrong = Result.isFailure(result)
    ? problemsOf(result.failure).issues.map(({ message, path = [] }) => {
      const names = namesIn(path)
      return { option: names.reduce(below, where) || "options", detail: plain(message, self.ast, given, names) }
    })
    : []
  const [first, ...others] = few([...unknown, ...wrong])
  if (first !== undefined) return Result.fail(new InvalidOptions({ problems: [first, ...others] }))
  return result as Result.Result<Out, never>
}

/** The same, with a warning in the log for each value that is allowed and yet improbable. */
export const readWarning = <Out, In>(self: Field<Out, In>, given: In, where = ""): Effect.Effect<Out, InvalidOptions> =>
  Effect.suspend(() =>
    Effect.tap(
      Effect.fromResult(read(self, given, where)),
      () => Effect.forEach(doubtsOf(self.ast, given, where), (doubt) => Effect.logWarning(doubt), { discard: true })
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
export const invalid = (problems: ReadonlyArray<Problem>): InvalidOptions | undefined => {
  const [first, ...others] = few(problems)
  return first && new InvalidOptions({ problems: [first, ...others] })
}

/** The same where a constructor is called. */
export const throwAll = (
  problems: ReadonlyArray<Problem>,
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

/** What the second leaves open stays as it is in the first. */
export const overlay = <A extends object>(self: A | undefined, that: A | undefined): Partial<A> => ({
  ...self,
  ...Object.fromEntries(Object.entries(that ?? {}).filter(([, value]) => value !== undefined)) as Partial<A>
})
