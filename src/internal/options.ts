/**
 * The one checker of options: what a program may ask for, as schemas of `effect/Schema`.
 *
 * A noun states shape, range and default of its options once, with `struct`, and reads what it was given with `read`: out
 * comes a record with every default filled in and every time in milliseconds, or all that is wrong, each by its name and
 * with what to do. A constructor throws that where it is called (`readOrThrow`); what is an Effect or a layer fails with it
 * (`readOrFail`), as a reason of its noun's own error.
 *
 * A name that is unknown is left out, for options may be part of a wider record; one that is almost that of an option which
 * is not given is taken for a slip, and refused. Pure: nothing is owned, and nothing can be interrupted.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { InvalidOptions } from "../Failure.ts"
import { lengthOf, shownLength, written } from "./options/duration.ts"
import { meant } from "./options/spelling.ts"

/** One option: what may be given, and what it becomes. */
export interface Field<out Out, out In> extends Schema.Codec<Out, In> {}

/** Without a default, what is not given stays so. */
type Filled<Out, Asked> = Asked extends { readonly default: {} } ? Out : Out | undefined

/** What it becomes, or what it must be. */
type Reading<Out> = Result.Result<Out, string>

const nothing = Effect.succeedSome(undefined)

const field = <Out, In>(read: (given: unknown) => Reading<Out>, fallback: In | undefined): Field<Out, In> => {
  const decode = (given: Option.Option<unknown>): Effect.Effect<Option.Option<unknown>, SchemaIssue.Issue> => {
    const asked = Option.getOrUndefined(given)
    const value = asked === undefined ? fallback : asked
    if (value === undefined) return nothing
    const reading = read(value)
    return Result.isSuccess(reading)
      ? Effect.succeedSome(reading.success)
      : Effect.fail(new SchemaIssue.InvalidValue({ message: `must ${reading.failure}` }))
  }
  return Schema.optional(Schema.Unknown).pipe(
    Schema.decodeTo(Schema.Unknown, {
      decode: SchemaGetter.transformOptionalEffect(decode),
      encode: SchemaGetter.forbiddenEncoding
    })
  ) as Schema.Codec<any, any>
}

/** A field that must be given. */
export const required = <Out, In>(self: Field<Out, In>): Field<Exclude<Out, undefined>, Exclude<In, undefined>> =>
  self.pipe(
    Schema.decodeTo(Schema.Unknown, {
      decode: SchemaGetter.transformEffect((value: unknown) =>
        value === undefined
          ? Effect.fail(new SchemaIssue.InvalidValue({ message: "is missing" }))
          : Effect.succeed(value)
      ),
      encode: SchemaGetter.forbiddenEncoding
    })
  ) as Schema.Codec<any, any>

interface Range {
  /** Least that may be. */
  readonly least?: number | undefined
  /** What it must lie above. */
  readonly above?: number | undefined
  readonly most?: number | undefined
}

const within = (value: number, { above = Number.NEGATIVE_INFINITY, least = above, most = Infinity }: Range): boolean =>
  value >= least && (value > above || above === Number.NEGATIVE_INFINITY) && value <= most

const bounds = ({ above, least, most = Infinity }: Range, shown: (value: number) => string): string => {
  if (above !== undefined) return ` above ${shown(above)}${most === Infinity ? "" : ` and at most ${shown(most)}`}`
  if (least !== undefined) {
    return most === Infinity
      ? ` of ${shown(least)} or more`
      : ` from ${shown(least)} to ${shown(most)}`
  }
  return most === Infinity ? "" : ` of at most ${shown(most)}`
}

const not = (given: unknown): string => {
  if (typeof given === "string") return given.length > 24 ? "" : `, not "${given}"`
  return typeof given === "number" || typeof given === "boolean" || typeof given === "bigint" ? `, not ${given}` : ""
}

interface Length extends Range {
  /** An endless time is none. */
  readonly finite?: boolean | undefined
  readonly default?: Duration.Input | undefined
}

/** A time, with its bounds in ms: 0 or more where nothing else is said. */
export const duration = <const Asked extends Length>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, Duration.Input | undefined> => {
  const { above, finite = false, least = above === undefined ? 0 : undefined, most } = asked
  const such = asked.default === undefined || lengthOf(asked.default) === 0
    ? "5 seconds"
    : written(lengthOf(asked.default))
  return field((given) => {
    const ms = lengthOf(given)
    if (within(ms, { above, least, most }) && (!finite || ms !== Infinity)) return Result.succeed(ms)
    const kind = finite ? "a finite duration" : "a duration"
    return Result.fail(`be ${kind}${bounds({ above, least, most }, written)}, such as "${such}"${shownLength(given)}`)
  }, asked.default) as Field<any, any>
}

interface Quantity extends Range {
  /** May be as much as one likes. */
  readonly endless?: boolean | undefined
  readonly unit?: string | undefined
  readonly default?: number | undefined
}

const quantity = (kind: string, is: (value: number) => boolean, asked: Quantity): Field<any, any> =>
  field((given) => {
    if (
      typeof given === "number" && (is(given) || (asked.endless === true && given === Infinity)) && within(given, asked)
    ) {
      return Result.succeed(given)
    }
    const unit = asked.unit === undefined ? "" : ` ${asked.unit}`
    return Result.fail(`be ${kind}${bounds(asked, String)}${unit}${not(given)}`)
  }, asked.default)

/** A number. */
export const number = <const Asked extends Quantity>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, number | undefined> => quantity("a number", Number.isFinite, asked)

/** A whole number: 0 or more where nothing else is said. */
export const whole = <const Asked extends Quantity>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, number | undefined> =>
  quantity("a whole number", Number.isSafeInteger, { least: 0, ...asked })

/** A share of a whole, or a probability: 0 to 1. */
export const ratio = <const Asked extends { readonly default?: number | undefined }>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, number | undefined> => number({ least: 0, most: 1, ...asked })

/** A rate of samples. */
export const hertz = <const Asked extends Range & { readonly default?: number | undefined }>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, number | undefined> => whole({ least: 1, most: 768_000, unit: "Hz", ...asked })

/** A port of this machine; 0 lets the system choose. */
export const port = <const Asked extends { readonly default?: number | undefined }>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, number | undefined> => whole({ most: 65_535, ...asked })

/** One of a list. */
export const oneOf = <
  const All extends ReadonlyArray<unknown>,
  const Asked extends { readonly default?: All[number] | undefined }
>(
  all: All,
  asked: Asked = {} as Asked
): Field<Filled<All[number], Asked>, All[number] | undefined> =>
  field(
    (given) => all.includes(given) ? Result.succeed(given) : Result.fail(`be one of ${all.join(", ")}${not(given)}`),
    asked.default
  )

/** On or off. */
export const flag = <const Asked extends { readonly default?: boolean | undefined }>(
  asked: Asked = {} as Asked
): Field<Filled<boolean, Asked>, boolean | undefined> =>
  field((given) => typeof given === "boolean" ? Result.succeed(given) : Result.fail("be true or false"), asked.default)

/** Words that say something; `must` says what a `pattern` wants. */
export const text = <
  const Asked extends {
    readonly pattern?: RegExp | undefined
    readonly must?: string | undefined
    readonly default?: string | undefined
  }
>(asked: Asked = {} as Asked): Field<Filled<string, Asked>, string | undefined> =>
  field((given) => {
    if (typeof given !== "string" || given.trim() === "") {
      return Result.fail(asked.must ?? "be a text that is not empty")
    }
    return asked.pattern?.test(given) === false ? Result.fail(asked.must ?? "be well formed") : Result.succeed(given)
  }, asked.default)

/** An address of one of the protocols. It is never shown: it may hold a key. */
export const url = <const Asked extends { readonly default?: string | undefined }>(
  protocols: ReadonlyArray<string>,
  asked: Asked = {} as Asked
): Field<Filled<string, Asked>, string | undefined> =>
  field((given) => {
    const parsed = typeof given === "string" ? URL.parse(given) : null
    return parsed !== null && protocols.includes(parsed.protocol)
      ? Result.succeed(given)
      : Result.fail(`be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(", ")}`)
  }, asked.default) as Field<any, any>

/** Text that can stand in a header: a key with a line break is a copying mistake. It is never shown. */
export const key: Field<Redacted.Redacted | undefined, Redacted.Redacted | undefined> = field(
  (given) =>
    Redacted.isRedacted(given) && /^[\x21-\x7e]+$/.test(String(Redacted.value(given)))
      ? Result.succeed(given as Redacted.Redacted)
      : Result.fail("be the key alone, without spaces or line breaks, as Redacted"),
  undefined
)

/** Whatever passes a test; `must` says what that wants. */
export const such = <A>(
  is: (given: A) => boolean,
  must: string | ((given: A) => string)
): Field<A | undefined, A | undefined> =>
  field(
    (given) =>
      is(given as A) ? Result.succeed(given as A) : Result.fail(typeof must === "string" ? must : must(given as A)),
    undefined
  )

/** What is taken as it is, as functions and services are: the compiler knows their type. */
export interface AsIs extends Field<any, any> {
  readonly "~asIs": true
}

export const asIs: AsIs = field(Result.succeed, undefined) as AsIs

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

/** All options of an interface, field by field: `struct<Options>()({ … })`. */
export const struct =
  <Options extends object>() =>
  <const F extends Fields<Options>>(fields: F & Fits<Options, F>): Field<Read<Options, F>, Options> =>
    Schema.Struct(fields as Record<string, Schema.Codec<unknown, unknown>>) as Schema.Codec<any, any>

/** Options within options: what is not given has its defaults. */
export const section = <Out, In>(self: Field<Out, In>): Field<Out, In | undefined> =>
  self.pipe(Schema.withDecodingDefault(Effect.succeed({} as In))) as Schema.Codec<any, any>

/** Options within options that may be absent altogether. */
export const maybe = <Out, In>(self: Field<Out, In>): Field<Out | undefined, In | undefined> =>
  Schema.UndefinedOr(self).pipe(Schema.withDecodingDefault(Effect.undefined as Effect.Effect<any>)) as Schema.Codec<
    any,
    any
  >

const given = (self: Schema.Codec<any, any>, meant: (value: unknown) => unknown): Field<any, any> =>
  maybe(self).pipe(
    Schema.encodeTo(Schema.optional(Schema.Unknown), {
      decode: SchemaGetter.transformOptional((value) => Option.some(meant(Option.getOrUndefined(value)))),
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
  given(
    Schema.Union([Schema.Literal(word), self as Schema.Codec<any, any>]),
    (value) => value === undefined ? asked.default : value
  )

/** The same, `true` for its defaults, or `false` for none at all. */
export const orFlag = <Out, In>(
  self: Field<Out, In>,
  asked: { readonly default: false }
): Field<Out | false, In | boolean | undefined> =>
  given(
    Schema.Union([Schema.Literal(false), self as Schema.Codec<any, any>]),
    (value) => value === undefined ? asked.default : value === true ? {} : value
  )

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

const options: SchemaAST.ParseOptions = { errors: "all" }

const problemsOf = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue)
})

/** What Schema says by itself is said of what is no record, or no list. */
const plain = (message: string): string => {
  if (!message.startsWith("Expected ")) return message
  return message.startsWith("Expected array") ? "must be a list" : "must be an object of options"
}

/** Names that are almost those of options which are not given. */
const slips = (
  ast: SchemaAST.AST,
  given: unknown,
  where: string
): ReadonlyArray<InvalidOptions["problems"][number]> => {
  if (typeof given !== "object" || given === null) return []
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap((one) => slips(one, given, where))
  if (!SchemaAST.isObjects(ast)) return []
  const record = given as Readonly<Record<string, unknown>>
  const names = ast.propertySignatures.map(({ name }) => String(name))
  const open = names.filter((name) => record[name] === undefined)
  const found = Object.keys(record).flatMap((name) => {
    const known = record[name] === undefined || names.includes(name) ? undefined : meant(name, open)
    return known === undefined ? [] : [{ option: `${where}${name}`, detail: `is not known: ${known} may be meant` }]
  })
  return [
    ...found,
    ...ast.propertySignatures.flatMap(({ name, type }) => slips(type, record[String(name)], `${where}${String(name)}.`))
  ]
}

/** The options with all that they leave open, or all that is wrong; `where` is put before their names. */
export const read = <Out, In>(self: Field<Out, In>, given: In, where = ""): Result.Result<Out, InvalidOptions> => {
  const result = SchemaParser.decodeUnknownResult(self as Schema.Codec<Out, unknown>, options)(given)
  const misspelt = slips(SchemaAST.toEncoded(self.ast), given, where)
  const wrong = Result.isFailure(result)
    ? problemsOf(result.failure).issues.map(({ message, path = [] }) => ({
      option: path.length === 0 ? where.replace(/\.$/, "") || "options" : `${where}${path.map(String).join(".")}`,
      detail: plain(message)
    }))
    : []
  const [first, ...others] = [...misspelt, ...wrong]
  if (first !== undefined) return Result.fail(new InvalidOptions({ problems: [first, ...others] }))
  return result as Result.Result<Out, never>
}

/** The same where a constructor is called, in the noun's own error. */
export const readOrThrow = <Out, In>(
  self: Field<Out, In>,
  given: In,
  error: (invalid: InvalidOptions) => Error = (invalid) => invalid
): Out => Result.getOrThrowWith(read(self, given), error)

/** The same where an Effect fails, in the noun's own error. */
export const readOrFail = <Out, In, E>(
  self: Field<Out, In>,
  given: In,
  error: (invalid: InvalidOptions) => E
): Effect.Effect<Out, E> => Effect.suspend(() => Effect.fromResult(Result.mapError(read(self, given), error)))

/** What the second leaves open stays as it is in the first. */
export const overlay = <A extends object>(self: A | undefined, that: A | undefined): Partial<A> => ({
  ...self,
  ...Object.fromEntries(Object.entries(that ?? {}).filter(([, value]) => value !== undefined)) as Partial<A>
})
