/** Tools with their handlers, taken out of toolkits. */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as JsonSchema from "effect/JsonSchema"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import * as Json from "./json.ts"

export interface HandlerContext {
  readonly toolCallId: string
  readonly preliminary: (result: unknown) => Effect.Effect<void>
}

/** A result that JSON makes nothing of; `why` quotes none of it. */
export class NoJson {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

export interface Entry<out R> {
  readonly tool: Tool.Any
  /** Whose calls it takes: two tools of one name are two, where each has its handler. */
  readonly taker: object
  readonly decode: (params: Schema.Json) => Effect.Effect<unknown, Schema.SchemaError, R>
  readonly encode: (result: unknown) => Effect.Effect<Schema.Json, Schema.SchemaError | NoJson, R>
  readonly encodeFailure: (error: unknown) => Effect.Effect<Schema.Json, Schema.SchemaError | NoJson, R>
  /** Missing for tools that the provider runs. */
  readonly handler: ((params: unknown, context: HandlerContext) => Effect.Effect<unknown, unknown, R>) | undefined
}

export const provide = <R>(entry: Entry<R>, context: Context.Context<R>): Entry<never> => {
  const { decode, encode, encodeFailure, handler, taker, tool } = entry
  return {
    tool,
    taker,
    decode: (params) => Effect.provideContext(decode(params), context),
    encode: (result) => Effect.provideContext(encode(result), context),
    encodeFailure: (error) => Effect.provideContext(encodeFailure(error), context),
    handler: handler && ((params, call) => Effect.provideContext(handler(params, call), context))
  }
}

/** What the toolkits hold, in order; the context has a handler for each tool that requires one. */
export const resolve = <R, Handlers>(
  toolkits: Toolkit.Any | ReadonlyArray<Toolkit.Any>
): Effect.Effect<ReadonlyArray<Entry<R>>, never, Handlers> =>
  Effect.contextWith((context: Context.Context<Handlers>) =>
    Effect.succeed(
      (isMany(toolkits) ? toolkits : [toolkits]).flatMap((toolkit) =>
        Object.values(toolkit.tools).map((tool) => make<R>(tool, context))
      )
    )
  )

const isMany = (toolkits: Toolkit.Any | ReadonlyArray<Toolkit.Any>): toolkits is ReadonlyArray<Toolkit.Any> =>
  Array.isArray(toolkits)

// The one place where the types of a tool are forgotten: `Tools.resolve` states
// in `R` what the schemas and the handler of each tool need.
const make = <R>(tool: Tool.Any, context: Context.Context<never>): Entry<R> => {
  const codec = (schema: Schema.Top) => Schema.toCodecJson(schema) as Schema.Codec<unknown, Schema.Json, R, R>
  const parameters = Schema.decodeUnknownEffect(codec(parametersOf(tool)))
  const anything = tool.successSchema.ast._tag === "Unknown"
  const success = Schema.encodeUnknownEffect(codec(tool.successSchema))
  const failure = Schema.encodeUnknownEffect(codec(tool.failureSchema))
  // A schema may let through what is no JSON, and the schema of JSON says of nothing why it is none.
  const written = (result: unknown) => Effect.mapError(Effect.fromResult(Json.write(result)), (why) => new NoJson(why))
  const found = Context.getOption(context, Context.Service<Tool.Handler<string>>(tool.id))
  return {
    tool,
    taker: Option.getOrElse(found, () => tool),
    decode: (params) => parameters(tool.parametersSchema === Tool.EmptyParams ? {} : params, { errors: "all" }),
    encode: anything ? written : (result) =>
      success(result).pipe(
        Effect.catch((error) => Effect.andThen(written(result), Effect.fail(error))),
        Effect.flatMap(written)
      ),
    encodeFailure: (error) => Effect.flatMap(failure(error), written),
    handler: Option.isNone(found) ? undefined : handler(found.value, context)
  }
}

const handler = <R>(
  found: Tool.Handler<string>,
  resolved: Context.Context<never>
): NonNullable<Entry<R>["handler"]> => {
  const run: (params: unknown, context: Toolkit.HandlerContext<Tool.Any>) => Effect.Effect<unknown, unknown, R> =
    found.handler
  return (params, call) =>
    run(params, call).pipe(
      Effect.updateContext((caller: Context.Context<R>) =>
        Context.merge(Context.merge(resolved, found.context), caller)
      )
    )
}

const parametersOf = (tool: Tool.Any): Schema.Top =>
  Tool.isDynamic(tool) && tool.jsonSchema !== undefined ? fromJsonSchema(tool.jsonSchema) : tool.parametersSchema

// A schema that says more than can be translated must not make the tool
// unusable: then its required fields are what is checked.
const fromJsonSchema = (schema: JsonSchema.JsonSchema): Schema.Top => {
  try {
    const document = schema["$schema"] === JsonSchema.META_SCHEMA_URI_DRAFT_07
      ? JsonSchema.fromSchemaDraft07(schema)
      : JsonSchema.fromSchemaDraft2020_12(schema)
    return SchemaRepresentation.fromJsonSchemaDocument(document, { patterns: "ignore" })
  } catch {
    const required = Array.isArray(schema["required"])
      ? schema["required"].filter((key) => typeof key === "string")
      : []
    return Schema.StructWithRest(
      Schema.Struct(Object.fromEntries(required.map((key) => [key, Schema.Json]))),
      [Schema.Record(Schema.String, Schema.Json)]
    )
  }
}
