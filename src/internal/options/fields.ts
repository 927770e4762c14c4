/**
 * Single options: each says what may be given, what it becomes and what it is without, and, of a wrong one, what it must be.
 * They are values, made once; reading one owns nothing.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { lengthOf, shownLength, written } from "./duration.ts"
import { shown } from "./shown.ts"
import { doubting, doubtOf, inSeconds, isInSeconds, isKilohertz, ofPercent } from "./units.ts"

/** One option: what may be given, and what it becomes. */
export interface Field<out Out, out In> extends Schema.Codec<Out, In> {}

/** Without a default, what is not given stays so. */
export type Filled<Out, Asked> = Asked extends { readonly default: {} } ? Out : Out | undefined

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

/** A field that must be given; `how` says what to write where it is not. */
export const required: {
  (self: AsIs, how?: string): AsIs
  <Out, In>(self: Field<Out, In>, how?: string): Field<Exclude<Out, undefined>, Exclude<In, undefined>>
} = (self: Field<any, any>, how?: string): AsIs =>
  (self as Schema.Codec<any, any>).check(
    Schema.makeFilter((value: unknown) =>
      value === undefined ? how === undefined ? "is missing" : `is missing: ${how}` : undefined
    )
  ) as Schema.Codec<any, any> as AsIs

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

const not = (given: unknown): string => `, not ${shown(given, { quote: true })}`

interface Length extends Range {
  /** An endless time is none. */
  readonly finite?: boolean | undefined
  readonly default?: Duration.Input | undefined
  /** About how long it is, where the default does not say it. */
  readonly usual?: Duration.Input | undefined
}

/** A time, with its bounds in ms: 0 or more where nothing else is said. */
export const duration = <const Asked extends Length>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, Duration.Input | undefined> => {
  const { above, finite = false, least = above === undefined ? 0 : undefined, most } = asked
  const usual = asked.usual ?? asked.default
  const usualMs = usual === undefined ? 0 : lengthOf(usual)
  const one = field((given) => {
    const ms = lengthOf(given)
    const isMeant = !isInSeconds(given)
    if (within(ms, { above, least, most }) && (!finite || ms !== Infinity) && isMeant) return Result.succeed(ms)
    const kind = finite ? "a finite duration" : "a duration"
    const such = usualMs === 0 || usualMs === Infinity ? "5 seconds" : written(usualMs)
    const unit = isMeant ? "" : inSeconds(given)
    return Result.fail(
      `be ${kind}${bounds({ above, least, most }, written)}, such as "${such}"${shownLength(given)}${unit}`
    )
  }, asked.default)
  return (usualMs > 0 && usualMs < Infinity ? doubting(one, doubtOf(usualMs)) : one) as Field<any, any>
}

interface Quantity extends Range {
  /** May be as much as one likes. */
  readonly endless?: boolean | undefined
  readonly unit?: string | undefined
  /** What may be meant by what is refused. */
  readonly meant?: ((given: unknown) => string) | undefined
  /** What is improbable about what is taken. */
  readonly doubt?: ((given: unknown) => string | undefined) | undefined
  readonly default?: number | undefined
}

const quantity = (kind: string, is: (value: number) => boolean, asked: Quantity): Field<any, any> => {
  const one = field((given) => {
    if (
      typeof given === "number" && (is(given) || (asked.endless === true && given === Infinity)) && within(given, asked)
    ) {
      return Result.succeed(given)
    }
    const unit = asked.unit === undefined ? "" : ` ${asked.unit}`
    return Result.fail(`be ${kind}${bounds(asked, String)}${unit}${not(given)}${asked.meant?.(given) ?? ""}`)
  }, asked.default)
  return asked.doubt === undefined ? one : doubting(one, asked.doubt)
}

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
): Field<Filled<number, Asked>, number | undefined> => number({ least: 0, most: 1, meant: ofPercent, ...asked })

/** A rate of samples. */
export const hertz = <const Asked extends Range & { readonly default?: number | undefined }>(
  asked: Asked = {} as Asked
): Field<Filled<number, Asked>, number | undefined> =>
  quantity("a whole number", (given) => Number.isSafeInteger(given) && !isKilohertz(given), {
    least: 1,
    most: 768_000,
    unit: "Hz",
    meant: (given) => isKilohertz(given) ? `: ${Math.round(given * 1000)} may be meant` : "",
    ...asked
  })

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

type Secret = Field<Redacted.Redacted | undefined, Redacted.Redacted | undefined>

/** A text that no log shows, and no message of ours: not even that it was given as plain text says which. */
const secretly = (is: (value: string) => boolean, must: string): Secret =>
  field((given) => {
    if (!Redacted.isRedacted(given)) {
      const how = typeof given === "string" ? ", not a plain text, which a log may show" : not(given)
      return Result.fail(`be Redacted, such as Redacted.make("…") or Config.Redacted("…") gives${how}`)
    }
    const value: unknown = Redacted.value(given)
    return typeof value === "string" && is(value) ? Result.succeed(given as Redacted.Redacted) : Result.fail(must)
  }, undefined)

/** Text that can stand in a header: a key with a line break is a copying mistake. It is never shown. */
export const key: Secret = secretly(
  (value) => /^[\x21-\x7e]+$/.test(value),
  "be the key alone, without spaces or line breaks, as Redacted"
)

/** The same of a key that may have spaces within. It is never shown. */
export const keyOfWords: Secret = secretly(
  (value) => /^[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*$/.test(value),
  "not be empty, nor hold a character that a header cannot (a line break?)"
)

/** A secret of any other form. It is never shown. */
export const secret: Secret = secretly((value) => value !== "", "not be empty")

/** What a test of ours says of a value that it was not made for. */
const attempted = <A>(attempt: () => A): A | undefined => {
  try {
    return attempt()
  } catch {
    return undefined
  }
}

/** What is made of what was given, where that can be; `must` says what that wants. */
export const made = <Out, In>(
  make: (given: In) => Out | undefined,
  must: string
): Field<Out | undefined, In | undefined> =>
  field((given) => {
    const out = attempted(() => make(given as In))
    return out === undefined ? Result.fail(must) : Result.succeed(out)
  }, undefined)

/** Whatever passes a test; `must` says what that wants. */
export const such = <A>(
  is: (given: A) => boolean,
  must: string | ((given: A) => string)
): Field<A | undefined, A | undefined> =>
  field((given) => {
    if (attempted(() => is(given as A)) === true) return Result.succeed(given as A)
    const why = typeof must === "string" ? must : attempted(() => must(given as A))
    return Result.fail(why ?? `be of its type${not(given)}`)
  }, undefined)

/** Whether it has names with values, as no list has them. */
export const isRecord = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === "object" && given !== null && !Array.isArray(given)

/** Any text, the empty one too. */
export const words: Field<string | undefined, string | undefined> = such<string>(
  (given) => typeof given === "string",
  "be a text"
)

export const isTexts = (given: unknown): given is Readonly<Record<string, string>> =>
  isRecord(given) && Object.values(given).every((one) => typeof one === "string")

/** Texts by their names, the empty one too. */
export const texts: Field<
  Readonly<Record<string, string>> | undefined,
  Readonly<Record<string, string>> | undefined
> = such<Readonly<Record<string, string>>>(
  isTexts,
  "be an object of texts by their names"
)

/** What is taken as it is, as functions and services are: the compiler knows their type. */
export interface AsIs extends Field<any, any> {
  readonly "~asIs": true
}

export const asIs: AsIs = field(Result.succeed, undefined) as AsIs

/** A function: the compiler knows of what type. */
export const callback: AsIs = field(
  (given) => typeof given === "function" ? Result.succeed(given) : Result.fail(`be a function${not(given)}`),
  undefined
) as AsIs

/** An Effect: the compiler knows of what. */
export const effect: AsIs = field(
  (given) => Effect.isEffect(given) ? Result.succeed(given) : Result.fail(`be an Effect${not(given)}`),
  undefined
) as AsIs

/** A service of ours, or of the program, with these functions: `of` names it, and how one comes by it. */
export const service = (of: string, ...functions: ReadonlyArray<string>): AsIs =>
  field(
    (given) =>
      isRecord(given) && functions.every((name) => typeof given[name] === "function")
        ? Result.succeed(given)
        : Result.fail(`be ${of}${not(given)}`),
    undefined
  ) as AsIs

/** What is to be done: an Effect, or a function that does it or gives a promise of it. */
export const action: AsIs = field(
  (given) =>
    typeof given === "function" || Effect.isEffect(given)
      ? Result.succeed(given)
      : Result.fail(`be an Effect or a function, which may be async${not(given)}`),
  undefined
) as AsIs
