/** One call, from what the model wrote to what it gets back. */
import * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Call, Options, Output, Set } from "../../Tools.ts"
import type { Entry } from "./entry.ts"
import { repair } from "./params.ts"

export const failed = (call: Call, message: string): Output => {
  const repaired = repair(call.params)
  return {
    callId: call.id,
    name: call.name,
    params: repaired._tag === "Object" ? repaired.object : {},
    output: message,
    isFailure: true,
    message
  }
}

/** The message of an error that was made for the model to read. */
export type Told = (error: unknown) => string | undefined

export const execute = <R>(
  set: Set<R>,
  call: Call,
  options: Options,
  told: Told
): Effect.Effect<Output, never, R> => {
  const entry = set.entries.get(call.name)
  const params = repair(call.params)
  if (entry === undefined) return Effect.succeed(failed(call, unknown(set, call.name)))
  if (entry.handler === undefined) {
    return Effect.succeed(failed(call, `Tool ${call.name} is run by the provider and cannot be run here`))
  }
  return params._tag === "Other"
    ? Effect.succeed(failed(call, `Invalid parameters for tool ${call.name}: expected object, got ${params.found}`))
    : run(entry, entry.handler, call, params.object, options, told).pipe(
      Effect.catchDefect((defect) => masked(call, "broke", Cause.die(defect))),
      Effect.withSpan("Tools.execute", { attributes: { tool: call.name } })
    )
}

const run = Effect.fnUntraced(function*<R>(
  entry: Entry<R>,
  handler: NonNullable<Entry<R>["handler"]>,
  call: Call,
  params: Schema.JsonObject,
  { onPreliminary, timeout }: Options,
  told: Told
) {
  const decoded = yield* Effect.result(entry.decode(params))
  if (Result.isFailure(decoded)) {
    return failed(call, `Invalid parameters for tool ${call.name}: ${fields(decoded.failure)}`)
  }
  if (yield* needsApproval(entry, decoded.success, call)) {
    return failed(call, `Tool ${call.name} needs an approval, which nobody can give in this conversation`)
  }
  const context = yield* Effect.context<R>()
  const preliminary = (result: unknown): Effect.Effect<void> =>
    onPreliminary === undefined ? Effect.void : Effect.provideContext(entry.encode(result), context).pipe(
      Effect.flatMap((encoded) => onPreliminary(call, encoded)),
      Effect.catchCause(() => Effect.logWarning(`Tool ${call.name} gave a preliminary result that cannot be told`))
    )
  const work = Effect.suspend(() => handler(decoded.success, { toolCallId: call.id, preliminary }))
  const exit = yield* Effect.exit(timeout === undefined ? Effect.asSome(work) : Effect.timeoutOption(work, timeout))
  if (Exit.isFailure(exit)) return yield* failure(entry, call, params, exit.cause, told)
  if (Option.isNone(exit.value)) {
    return failed(call, `Tool ${call.name} did not finish within ${Duration.toMillis(timeout ?? 0)} ms`)
  }
  const result = exit.value.value
  const encoded = yield* Effect.result(entry.encode(result))
  const { toModelOutput } = entry.tool
  return Result.isSuccess(encoded)
    ? {
      callId: call.id,
      name: call.name,
      params,
      output: toModelOutput === undefined ? encoded.success : Prompt.toolModelOutputToText(toModelOutput(result)),
      isFailure: false
    }
    // The error may quote the result, so only its fields are logged.
    : yield* masked(call, `gave a result that its schema does not allow: ${fields(encoded.failure)}`)
})

const failure = Effect.fnUntraced(function*<R>(
  entry: Entry<R>,
  call: Call,
  params: Schema.JsonObject,
  cause: Cause.Cause<unknown>,
  told: Told
) {
  const errors = cause.reasons.flatMap((reason) =>
    Cause.isFailReason(reason) ? [reason.error] : Cause.isDieReason(reason) ? [reason.defect] : []
  )
  const message = errors.map(told).find((message) => message !== undefined)
  if (message !== undefined) return failed(call, message)
  if (Cause.hasInterruptsOnly(cause)) return failed(call, `Tool ${call.name} was cancelled`)
  if (Cause.hasDies(cause)) return yield* masked(call, "died", cause)
  const declared = yield* Effect.result(entry.encodeFailure(errors[0]))
  return Result.isSuccess(declared)
    ? { callId: call.id, name: call.name, params, output: declared.success, isFailure: true }
    : yield* masked(call, "failed with what it does not declare", cause)
})

const masked = (call: Call, what: string, cause?: Cause.Cause<unknown>): Effect.Effect<Output> =>
  Effect.as(
    Effect.logError(`Tool ${call.name} ${what}`, ...(cause === undefined ? [] : [cause])),
    failed(call, "An internal error occurred")
  )

const fields = (error: Schema.SchemaError): string =>
  format(error.issue).issues.map(({ message, path }) => {
    const field = (path ?? []).map((segment) => typeof segment === "object" ? segment.key : segment).join(".")
    return field === "" ? message : message === "Missing key" ? `${field} is missing` : `${field}: ${message}`
  }).join("; ")

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const needsApproval = (entry: Entry<unknown>, params: unknown, call: Call): Effect.Effect<boolean> => {
  const needed = entry.tool.needsApproval
  const answer = typeof needed === "function" ? needed(params, { toolCallId: call.id, messages: [] }) : needed
  return Effect.isEffect(answer) ? answer : Effect.succeed(answer === true)
}

const unknown = (set: Set<unknown>, name: string): string => {
  const names = [...set.entries.keys()]
  return `There is no tool named ${name}. ${
    names.length === 0 ? "There are no tools." : `The tools are: ${names.join(", ")}.`
  }`
}
