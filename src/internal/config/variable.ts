/**
 * One variable of the environment: its name, its default, what its value must look like, and how it
 * is read. A problem names the variable, and never the value of a secret.
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

export interface Variable<A> {
  readonly name: string
  /** What a value must look like, as the error says it. */
  readonly expects: string
  readonly fallback: string | undefined
  readonly secret: boolean
  readonly description: string
  readonly decode: (text: string) => A | undefined
}

const decimal = /^(\d+(\.\d*)?|\.\d+)$/

const between = (text: string, min: number, max: number): number | undefined => {
  const value = Number(text)
  return value >= min && value <= max ? value : undefined
}

const required = <A>(
  name: string,
  expects: string,
  fallback: string,
  description: string,
  decode: (text: string) => A | undefined
): Variable<A> => ({ name, expects, fallback, secret: false, description, decode })

export const text = (name: string, fallback: string, description: string): Variable<string> =>
  required(name, "text", fallback, description, (text) => text)

export const number = (name: string, fallback: string, max: number, description: string): Variable<number> =>
  required(
    name,
    `a decimal number between 0 and ${max}`,
    fallback,
    description,
    (text) => decimal.test(text) ? between(text, 0, max) : undefined
  )

export const integer = (name: string, fallback: string, max: number, description: string): Variable<number> =>
  required(
    name,
    `a whole number between 0 and ${max}`,
    fallback,
    description,
    (text) => /^\d+$/.test(text) ? between(text, 0, max) : undefined
  )

// A minute is the limit so that milliseconds written by mistake are an error.
const longest = 60

export const seconds = (name: string, fallback: string, description: string): Variable<Duration.Duration> =>
  required(name, `decimal seconds between 0 and ${longest} (0.1 is 100 ms)`, fallback, description, (text) => {
    const value = decimal.test(text) ? between(text, 0, longest) : undefined
    return value === undefined ? undefined : Duration.seconds(value)
  })

export const flag = (name: string, fallback: string, description: string): Variable<boolean> =>
  required(name, "true or false", fallback, description, (text) => {
    switch (text.toLowerCase()) {
      case "true":
        return true
      case "false":
        return false
      default:
        return undefined
    }
  })

export const secret = (name: string, description: string): Variable<Redacted.Redacted> => ({
  name,
  expects: "text",
  fallback: undefined,
  secret: true,
  description,
  decode: (text) => Redacted.make(text, { label: name })
})

const protocols: ReadonlySet<string> = new Set(["ws:", "wss:", "http:", "https:"])

export const address = (name: string, description: string): Variable<string> => ({
  name,
  expects: "a ws, wss, http or https URL",
  fallback: undefined,
  secret: false,
  description,
  decode: (text) => URL.canParse(text) && protocols.has(new URL(text).protocol) ? text : undefined
})

export type Raw = Readonly<Record<string, string | undefined>>

/** Something made of variables, which knows all that is wrong with them. */
export interface Reading<A> {
  readonly variables: ReadonlyArray<Variable<unknown>>
  readonly read: (raw: Raw) => Read<A>
  /** The same, but undefined where a variable is not set. */
  readonly given: (raw: Raw) => Read<A | undefined>
}

type Read<A> = { readonly value: A } | { readonly wrong: ReadonlyArray<Variable<unknown>> }

const ifSet = <A>(variable: Variable<A>) => (raw: Raw): Read<A | undefined> => {
  const text = raw[variable.name]
  const value = text === undefined ? undefined : variable.decode(text)
  return text !== undefined && value === undefined ? { wrong: [variable] } : { value }
}

export const withDefault = <A>(variable: Variable<A>): Reading<A> => ({
  variables: [variable],
  read: (raw) => {
    const value = variable.decode(raw[variable.name] ?? variable.fallback ?? "")
    return value === undefined ? { wrong: [variable] } : { value }
  },
  given: ifSet(variable)
})

export const optional = <A>(variable: Variable<A>): Reading<A | undefined> => ({
  variables: [variable],
  read: ifSet(variable),
  given: ifSet(variable)
})

export const map = <A, B>(self: Reading<A>, f: (value: A) => B): Reading<B> => ({
  variables: self.variables,
  read: (raw) => {
    const result = self.read(raw)
    return "value" in result ? { value: f(result.value) } : result
  },
  given: (raw) => {
    const result = self.given(raw)
    return "wrong" in result ? result : { value: result.value === undefined ? undefined : f(result.value) }
  }
})

export const struct = <A extends object>(fields: { readonly [K in keyof A]: Reading<A[K]> }): Reading<A> => {
  const entries = Object.entries<Reading<unknown>>(fields)
  const all = (read: (reading: Reading<unknown>) => Read<unknown>, whole: boolean): Read<A> => {
    const results = entries.map(([key, reading]) => [key, read(reading)] as const)
    const wrong = results.flatMap(([, result]) => "wrong" in result ? result.wrong : [])
    if (wrong.length > 0) return { wrong }
    const values = results.flatMap(([key, result]) =>
      "value" in result && (whole || result.value !== undefined) ? [[key, result.value]] : []
    )
    return { value: Object.fromEntries(values) as A }
  }
  return {
    variables: entries.flatMap(([, reading]) => reading.variables),
    read: (raw) => all((reading) => reading.read(raw), true),
    given: (raw) => all((reading) => reading.given(raw), false)
  }
}

const issues = (wrong: ReadonlyArray<Variable<unknown>>): ConfigProblem => {
  const [first, ...others] = wrong.map((variable) =>
    new SchemaIssue.Pointer([variable.name], new SchemaIssue.InvalidValue({ message: `must be ${variable.expects}` }))
  )
  return new ConfigProblem(
    new Schema.SchemaError(new SchemaIssue.Composite(Schema.Unknown.ast, [first!, ...others]))
  )
}

// Template files leave variables empty, and Effect's own provider drops those.
const present = (text: Option.Option<string>): string | undefined => {
  const trimmed = Option.getOrElse(text, () => "").trim()
  return trimmed === "" ? undefined : trimmed
}

const reads = <A>(reading: Reading<unknown>, read: (raw: Raw) => Read<A>): Config.Config<A> =>
  Config.all(reading.variables.map(({ name }) => Config.option(Config.String(name)))).pipe(
    Config.mapEffect((texts) => {
      const raw = Object.fromEntries(
        reading.variables.map(({ name }, i) => [name, present(texts[i]!)] as const)
      )
      const result = read(raw)
      return "value" in result ? Effect.succeed(result.value) : Effect.fail(issues(result.wrong))
    })
  )

export const toConfig = <A>(reading: Reading<A>): Config.Config<A> => reads(reading, reading.read)

/** What is set, and nothing where it is not. */
export const toGiven = <A>(reading: Reading<A>): Config.Config<A | undefined> => reads(reading, reading.given)

const format = SchemaIssue.makeFormatterStandardSchemaV1()
// What Effect says of one that is not there.
const absent = "Expected string"

export const problems = (
  error: Config.ConfigError
): ReadonlyArray<{ readonly variable: string; readonly detail: string }> =>
  Schema.isSchemaError(error.cause)
    ? format(error.cause.issue).issues.map((issue) => ({
      variable: (issue.path ?? []).map(String).join("_"),
      detail: issue.message === absent ? "is not set" : issue.message
    }))
    : []

/** A `ConfigError` that says in a sentence which variables are wrong, and never what they hold. */
class ConfigProblem extends Config.ConfigError {
  override get message(): string {
    const told = problems(this).map(({ detail, variable }) => `${variable} ${detail}`)
    return told.length === 0 ? super.message : told.join("; ")
  }
}

export const explain = (error: Config.ConfigError): ConfigProblem => new ConfigProblem(error.cause)

export interface Problem {
  readonly variable: string
  readonly detail: string
}

/** Where layers note what is wrong with the environment; `only`: nothing else is wanted of them. */
export const Findings: Context.Reference<{ readonly problems: Array<Problem>; readonly only: boolean } | undefined> =
  Context.Reference<{ readonly problems: Array<Problem>; readonly only: boolean } | undefined>(
    "effect-voice/Config/Findings",
    { defaultValue: () => undefined }
  )

/** Notes what is wrong, and fails when the neighbours have had their turn. */
export const failNoted = <E>(error: E, found: ReadonlyArray<Problem>): Effect.Effect<never, E> =>
  Effect.flatMap(Findings, (findings) => {
    if (findings === undefined) return Effect.fail(error)
    findings.problems.push(...found)
    return Effect.andThen(Effect.yieldNow, Effect.fail(error))
  })

/** A layer whose options are read from the configuration. */
export const layerFrom = <O, A, E, R>(
  options: Config.Config<O>,
  layer: (options: O) => Layer.Layer<A, E, R>
): Layer.Layer<A, E | Config.ConfigError, R> =>
  Layer.unwrap(
    Effect.map(
      Effect.catch(options, (error) => failNoted(explain(error), problems(error))),
      layer
    )
  )
