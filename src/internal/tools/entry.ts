/** Tools with their handlers, taken out of toolkits. */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { effectOf } from "../given.ts"
import { outside } from "../realWaits.ts"
import * as Json from "./json.ts"
import { fromJsonSchema, withDefaults } from "./jsonSchema.ts"
import { mending } from "./mend.ts"
import { check, type Standard } from "./standard.ts"

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
  /** The server that offers it, where it was found at one. */
  readonly server?: object | undefined
  readonly decode: (params: Schema.Json) => Effect.Effect<unknown, Schema.SchemaError, R>
  readonly encode: (result: unknown) => Effect.Effect<Schema.Json, Schema.SchemaError | NoJson, R>
  readonly encodeFailure: (error: unknown) => Effect.Effect<Schema.Json, Schema.SchemaError | NoJson, R>
  /** Missing for tools that the provider runs. */
  readonly handler: ((params: unknown, context: HandlerContext) => Effect.Effect<unknown, unknown, R>) | undefined
}

export const provide = <R>(entry: Entry<R>, context: Context.Context<R>): Entry<never> => {
  const { decode, encode, encodeFailure, handler, server, taker, tool } = entry
  return {
    tool,
    taker,
    server,
    decode: (params) => Effect.provideContext(decode(params), context),
    encode: (result) => Effect.provideContext(encode(result), context),
    encodeFailure: (error) => Effect.provideContext(encodeFailure(error), context),
    handler: handler && ((params, call) => Effect.provideContext(handler(params, call), context))
  }
}

// The one place where the types of a tool are forgotten: `Tools.resolve` states
// in `R` what the schemas and the handler of each tool need.
const make = <R>(
  tool: Tool.Any,
  taker: object,
  handler: Entry<R>["handler"],
  elsewhere = false,
  own?: Standard | undefined
): Entry<R> => {
  const codec = (schema: Schema.Top) => Schema.toCodecJson(schema) as Schema.Codec<unknown, Schema.Json, R, R>
  const wanted = codec(parametersOf(tool))
  const decode = Schema.decodeUnknownEffect(wanted)
  // A plain JSON Schema only says what is allowed: what it says nothing about stays.
  const plain = (params: Schema.Json) => elsewhere ? params : withDefaults(jsonSchemaOf(tool), params)
  const parameters = mending<unknown, R>(
    tool.name,
    SchemaAST.toEncoded(wanted.ast),
    isPlain(tool)
      ? (params, options) =>
        Effect.flatMap(
          decode(params, options),
          () => own === undefined ? Effect.succeed(plain(params)) : check(tool.name, own, params)
        )
      : decode
  )
  const anything = tool.successSchema.ast._tag === "Unknown"
  const success = Schema.encodeUnknownEffect(codec(tool.successSchema))
  const keeps = keepsJson(tool.successSchema)
  const failure = Schema.encodeUnknownEffect(codec(tool.failureSchema))
  // A schema may let through what is no JSON, and the schema of JSON says of nothing why it is none.
  const written = (result: unknown) => Effect.mapError(Effect.fromResult(Json.write(result)), (why) => new NoJson(why))
  return {
    tool,
    taker,
    decode: (params) => parameters(tool.parametersSchema === Tool.EmptyParams ? {} : params),
    encode: anything ? written : (result) => {
      const { copy, tooLarge } = Json.sizeUp(result)
      if (tooLarge !== undefined) return Effect.fail(new NoJson(tooLarge))
      // A large result is not walked through again for nothing.
      const asGiven = copy !== undefined && keeps
      const encoded = Effect.catch(
        success(asGiven ? copy : result),
        (error) => Effect.andThen(written(result), Effect.fail(error))
      )
      return asGiven ? encoded : Effect.flatMap(encoded, written)
    },
    encodeFailure: (error) => Effect.flatMap(failure(error), written),
    handler
  }
}

/** A tool of a toolkit, with the handler that the context has for it. */
export const fromContext = <R>(tool: Tool.Any, context: Context.Context<never>): Entry<R> => {
  const found = Context.getOption(context, Context.Service<Tool.Handler<string>>(tool.id))
  return Option.isNone(found) ? make(tool, tool, undefined) : make(tool, found.value, handlerOf(found.value, context))
}

/** A tool whose handler is a function, which runs with the services of its caller; `own` makes of parameters what it gets. */
export const fromFunction = <R>(
  tool: Tool.Any,
  run: NonNullable<Entry<R>["handler"]>,
  own?: Standard | undefined
): Entry<R> => make(tool, run, run, false, own)

/** A tool of a toolkit that has its handlers. */
export const fromKit = <R>(kit: Toolkit.WithHandler<any>, tool: Tool.Any): Entry<R> => {
  const encode = Schema.encodeUnknownEffect(tool.parametersSchema as Schema.Codec<unknown, unknown>)
  const handle: (name: string, params: unknown, id: string) => Effect.Effect<Results<R>, unknown, R> = kit.handle as any
  // What is described by JSON alone is elsewhere: an answer comes from outside, and taking a call back may take its time.
  const taken = isPlain(tool)
    ? <A, E>(self: Effect.Effect<A, E, R>) => letGo(outside(tool.name, self))
    : <A, E>(self: Effect.Effect<A, E, R>) => self
  return make<R>(tool, kit, (params, call): Effect.Effect<unknown, unknown, R> =>
    encode(params).pipe(
      Effect.flatMap((encoded) => handle(tool.name, encoded, call.toolCallId)),
      unseen,
      Effect.flatMap((results) => lastOf(results, call)),
      taken
    ), isPlain(tool))
}

/** Whoever is interrupted does not wait until the other has noticed, for which a client has its own limit. */
const letGo = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDetach(restore(self)),
      (fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => Effect.sync(() => fiber.interruptUnsafe()))
    )
  )

/** As a part of the present span, on which it writes nothing: a toolkit would put the parameters there. */
const unseen = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Effect.option(Effect.currentSpan),
    (span) => Option.isNone(span) ? self : Effect.withParentSpan(self, Tracer.externalSpan(span.value))
  )

type Results<R> = Stream.Stream<Tool.HandlerResult<any>, unknown, R>

const lastOf = <R>(
  results: Results<R>,
  { preliminary }: HandlerContext
): Effect.Effect<unknown, unknown, R> =>
  Effect.gen(function*() {
    let last: Tool.HandlerResult<any> | undefined
    yield* Stream.runForEach(results, (result) =>
      result.preliminary ? preliminary(result.result) : Effect.sync(() => void (last = result)))
    if (last === undefined) {
      return yield* Effect.die("the toolkit gave no result")
    }
    return last.isFailure ? yield* Effect.fail(last.result) : last.result
  })

const handlerOf = <R>(
  found: Tool.Handler<string>,
  resolved: Context.Context<never>
): NonNullable<Entry<R>["handler"]> => {
  const run: (params: unknown, context: Toolkit.HandlerContext<Tool.Any>) => Effect.Effect<unknown, unknown, R> =
    found.handler
  return (params, call) =>
    effectOf(found.name, () => run(params, call)).pipe(
      Effect.updateContext((caller: Context.Context<R>) =>
        Context.merge(Context.merge(resolved, found.context), caller)
      )
    )
}

/** Whether it changes nothing: of plain JSON it makes plain JSON. */
const keepsJson = (schema: Schema.Top): boolean =>
  Schema.toCodecJson(schema).ast === schema.ast && SchemaAST.toEncoded(schema.ast) === schema.ast

const jsonSchemaOf = (tool: Tool.Any) => Tool.isDynamic(tool) ? tool.jsonSchema : undefined

const isPlain = (tool: Tool.Any): boolean => jsonSchemaOf(tool) !== undefined

const parametersOf = (tool: Tool.Any): Schema.Top => {
  const schema = jsonSchemaOf(tool)
  return schema === undefined ? tool.parametersSchema : fromJsonSchema(schema)
}
