/**
 * The values that a call keeps: each has a schema and a name, and a session holds them. It is pure,
 * except for the store, which only its session writes.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as Check from "./options.ts"
import { problem } from "./options.ts"
import { isRecord } from "./options/fields.ts"
import { shown } from "./options/shown.ts"
import * as Json from "./tools/json.ts"

/**
 * A state of a call takes no such value, and stays as it was.
 *
 * **Details**
 *
 * - `DoesNotFit`: its schema says otherwise; `detail` names the fields, and nothing of what stands there.
 * - `TooLong`: it has more than 65,536 characters of JSON.
 * - `NameTaken`: another state has this name in this call. Whoever reads or sets it dies of that: it is a mistake of the
 *   program.
 *
 * @category errors
 * @since 0.1.0
 */
export class CallStateError extends Schema.TaggedError<CallStateError>("effect-voice/CallState/CallStateError")(
  "CallStateError",
  {
    state: Schema.String,
    reason: Schema.Literals(["DoesNotFit", "TooLong", "NameTaken"]),
    detail: Schema.String
  }
) {
  override get message(): string {
    return `the state ${this.state} ${this.detail}`
  }
}

/** What is read and set of a state in one call. */
export interface Held<in out A> {
  /** The value now. */
  readonly get: Effect.Effect<A>
  readonly set: (value: A) => Effect.Effect<void, CallStateError>
  /** Sets what `change` makes of the value, with nothing in between, and gives it. */
  readonly update: (change: (value: A) => A) => Effect.Effect<A, CallStateError>
}

/** A state, whatever call it is of. */
export interface Definition<in out A> {
  readonly name: string
  readonly schema: Schema.Codec<A, any>
  /** What a call begins with, as JSON. */
  readonly initial: Schema.Json
}

// In characters of JSON: it is told, and recorded, each time that it changes.
const longest = 65_536

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The fields that do not fit, and nothing of what stands in them. */
const fields = ({ issue }: Schema.SchemaError): string => {
  const paths = format(issue).issues.map(({ path = [] }) =>
    path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".")
  )
  const named = [...new Set(paths)].filter((path) => path !== "")
  return named.length === 0 ? "" : ` at ${named.join(", ")}`
}

/** The codec of a schema with JSON, made once. */
const codecs = new WeakMap<object, Schema.Codec<unknown, Schema.Json>>()

const codecOf = (schema: Schema.Codec<any, any>): Schema.Codec<unknown, Schema.Json> => {
  const known = codecs.get(schema)
  if (known !== undefined) return known
  const made: Schema.Codec<unknown, Schema.Json> = Schema.toCodecJson(schema)
  codecs.set(schema, made)
  return made
}

interface Written {
  readonly json: Schema.Json
  /** A copy: whoever has set it may go on with theirs. */
  readonly value: unknown
}

const write = (
  state: string,
  schema: Schema.Codec<any, any>,
  value: unknown
): Result.Result<Written, CallStateError> => {
  const refuse = (reason: CallStateError["reason"], detail: string) =>
    Result.fail(new CallStateError({ state, reason, detail }))
  const codec = codecOf(schema)
  const encoded = Schema.encodeUnknownResult(codec)(value, { errors: "all" })
  if (Result.isFailure(encoded)) {
    return refuse("DoesNotFit", `does not take this value: it does not fit the schema${fields(encoded.failure)}`)
  }
  const json = Json.write(encoded.success)
  if (Result.isFailure(json)) return refuse("DoesNotFit", `does not take this value: ${json.failure}`)
  if (JSON.stringify(json.success).length > longest) {
    return refuse("TooLong", `does not take this value: it has more than ${longest} characters`)
  }
  return Result.succeed({ json: json.success, value: Schema.decodeUnknownSync(codec)(json.success) })
}

const starting = Check.struct<{ readonly initial: any }>()({ initial: Check.asIs })

/** Throws `InvalidOptions` where the name is empty or the value to begin with does not fit. */
export const define = <A>(
  name: string,
  schema: Schema.Codec<A, any>,
  options: { readonly initial: A }
): Definition<A> => {
  if (!Schema.isSchema(schema)) throw problem("schema", `must be a schema of the value, not ${shown(schema)}`)
  Check.readOrThrow(starting, options)
  if (typeof name !== "string" || name.trim() === "") {
    throw problem("name", "must be a text that is not empty")
  }
  const written = write(name, schema, options.initial)
  if (Result.isFailure(written)) throw problem("initial", `must fit the schema: ${written.failure.message}`)
  return { name, schema, initial: written.success.json }
}

/** The value that a state has by this JSON. */
export const read = <A>({ schema }: Definition<A>, json: Schema.Json): A =>
  Schema.decodeUnknownSync(codecOf(schema))(json) as A

/** The states of one call. */
export type Store = <A>(state: Definition<A>) => Held<A>

/** `changed` is told of each value that is another than the one before. */
export const makeStore = (changed: (name: string, value: Schema.Json) => void): Store => {
  const values = new Map<string, Written & { readonly of: Definition<any> }>()
  return <A>(state: Definition<A>): Held<A> => {
    if (!isRecord(state) || !Schema.isSchema(state.schema)) {
      throw problem("callState", `must be given what CallState.make gives, not ${shown(state)}`)
    }
    const { initial, name, schema } = state
    const current = (): Written => {
      const known = values.get(name)
      if (known === undefined) {
        const first = { of: state, json: initial, value: read(state, initial) }
        values.set(name, first)
        return first
      }
      if (known.of === state) return known
      const detail = "has the name of another one in this call: make a state once, and give each a name of its own"
      throw new CallStateError({ state: name, reason: "NameTaken", detail })
    }
    const put = (make: (value: A) => A): Effect.Effect<A, CallStateError> =>
      Effect.suspend(() => {
        const before = current()
        const written = write(name, schema, make(before.value as A))
        if (Result.isFailure(written)) return Effect.fail(written.failure)
        const { json, value } = written.success
        if (!Equal.equals(json, before.json)) {
          values.set(name, { of: state, json, value })
          changed(name, json)
        }
        return Effect.succeed(values.get(name)!.value as A)
      })
    return {
      get: Effect.sync(() => current().value as A),
      set: (value) => Effect.asVoid(put(() => value)),
      update: put
    }
  }
}

/** The same for those who write no Effect: at once, and what is refused throws. */
export interface PlainHeld<in out A> {
  readonly get: () => A
  readonly set: (value: A) => void
  readonly update: (change: (value: A) => A) => A
}

const now = <A>(effect: Effect.Effect<A, CallStateError>): A => {
  const exit = Effect.runSyncExit(effect)
  if (Exit.isSuccess(exit)) return exit.value
  for (const reason of exit.cause.reasons) {
    if (reason._tag === "Fail") throw reason.error
    if (reason._tag === "Die") throw reason.defect
  }
  throw exit.cause
}

export const plainly = <A>({ get, set, update }: Held<A>): PlainHeld<A> => ({
  get: () => now(get),
  set: (value) => now(set(value)),
  update: (change) => now(update(change))
})
