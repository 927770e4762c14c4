/** One call, from what the model wrote to what it gets back. */
import * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Call, Options, Output, Set } from "../../Tools.ts"
import { logOwn } from "../foreign.ts"
import { problem } from "../options.ts"
import { shown } from "../options/shown.ts"
import { settled } from "../plain.ts"
import { sleepBut, steadyClock } from "../steady.ts"
import { head } from "../text/head.ts"
import { readable } from "../thrown.ts"
import { type Entry, NoJson } from "./entry.ts"
import { watched } from "./held.ts"
import { isUncertain } from "./mcp.ts"
import { kept, repair } from "./params.ts"

/** Id of the call that a fiber works for. */
export const CurrentCall = Context.Reference<string | undefined>("effect-voice/internal/tools/execute/CurrentCall", {
  defaultValue: () => undefined
})

/** Does something that takes no time of the call that a fiber works for. */
export const CurrentSpared = Context.Reference<<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>>(
  "effect-voice/internal/tools/execute/CurrentSpared",
  { defaultValue: () => (effect) => effect }
)

/** Runs a call within its time, but for what is spared of it. */
const limited = <A, E, R>(work: Effect.Effect<A, E, R>, ms: number): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.gen(function*() {
    const now = yield* steadyClock
    let sparing = 0
    let from = 0
    let spared = 0
    const spare = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        if (sparing++ === 0) from = now()
        return effect
      }).pipe(
        Effect.ensuring(Effect.sync(() => {
          if (--sparing === 0) spared += now() - from
        }))
      )
    return yield* Effect.raceFirst(
      Effect.asSome(Effect.provideService(work, CurrentSpared, spare)),
      Effect.as(sleepBut(ms, Effect.sync(() => sparing > 0 ? spared + now() - from : spared)), Option.none())
    )
  })

export const failed = (call: Call, told: string): Output => {
  const message = told.toWellFormed()
  return { callId: call.id, name: call.name, params: kept(call.params), output: message, isFailure: true, message }
}

const started = new WeakSet<Output>()

/** The tool was at work on it, whatever has come of that. */
export const atWork = (output: Output): Output => {
  started.add(output)
  return output
}

/** Whether the tool was at work on a call: of another the model alone needs to know. */
export const worked = (output: Output): boolean => started.has(output)

const doubtful = new WeakSet<Output>()

/** Of a failure: what the tool has done by then is not known. */
const inDoubt = (output: Output): Output => {
  doubtful.add(output)
  return output
}

/** Whether the call has had an effect: not one that was not run, was cancelled, or says that it failed. */
export const effectOf = (output: Output): "done" | "unknown" | "none" =>
  doubtful.has(output) ? "unknown" : output.isFailure ? "none" : "done"

// In characters of JSON: it stands in every prompt from then on.
const longestOutput = 65_536

/** Results of one call before its result: who gives more has nobody who listens. */
const mostPreliminary = 1000

const lengthOf = (json: Schema.Json): number => typeof json === "string" ? json.length : JSON.stringify(json).length

const bounded = (output: Output): Output => {
  const text = typeof output.output === "string" ? output.output : JSON.stringify(output.output)
  if (text.length <= longestOutput) return output
  const note = ` [cut here: the whole result has ${text.length} characters]`
  const cut = head(text, longestOutput - note.length) + note
  const shorter = { ...output, output: cut, ...(output.message === undefined ? {} : { message: cut }) }
  if (doubtful.has(output)) inDoubt(shorter)
  return worked(output) ? atWork(shorter) : shorter
}

/** `confirmed`: the model has said that it means it. */
export interface Running extends Options {
  readonly confirmed?: boolean | undefined
}

/** The message of an error that was made for the model to read. */
export type Told = (error: unknown) => string | undefined

export const execute = <R>(
  set: Set<R>,
  call: Call,
  options: Running,
  told: Told
): Effect.Effect<Output, never, R> => Effect.map(executeWhole(set, call, options, told), bounded)

const executeWhole = <R>(
  set: Set<R>,
  call: Call,
  options: Running,
  told: Told
): Effect.Effect<Output, never, R> => {
  const entry = set.entries.get(call.name)
  const params = repair(call.params)
  if (entry === undefined) return Effect.succeed(failed(call, unknown(set, call.name)))
  if (entry.handler === undefined) {
    return Effect.succeed(failed(call, `Tool ${call.name} is run by the provider and cannot be run here`))
  }
  return params._tag === "Other"
    ? Effect.succeed(failed(call, `Invalid parameters for tool ${call.name}: ${params.wrong}`))
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
  { approve, confirmed = false, onPreliminary, timeout }: Running,
  told: Told
) {
  const decoded = yield* Effect.result(entry.decode(params))
  if (Result.isFailure(decoded)) {
    return failed(call, `Invalid parameters for tool ${call.name}: ${fields(decoded.failure)}`)
  }
  if (yield* needsApproval(entry, decoded.success, call)) {
    if (approve === undefined) {
      return failed(call, `Tool ${call.name} needs an approval, which nobody can give in this conversation`)
    }
    const approved = yield* approve({ ...call, confirmed })
    if (approved !== true) {
      const why = approved === false ? "it was not approved" : approved
      return failed(call, `Tool ${call.name} was not run: ${why}`)
    }
  }
  const context = yield* Effect.context<R>()
  let given = 0
  const preliminary = (result: unknown): Effect.Effect<void> => {
    if (onPreliminary === undefined || ++given > mostPreliminary + 1) return Effect.yieldNow
    if (given > mostPreliminary) {
      return Effect.logWarning(
        `Tool ${call.name} gave more than ${mostPreliminary} preliminary results: further ones are not told`
      )
    }
    return Effect.provideContext(entry.encode(result), context).pipe(
      Effect.filterOrFail((encoded) => lengthOf(encoded) <= longestOutput, () => new NoJson("it is too long")),
      Effect.flatMap((encoded) => onPreliminary(call, encoded, result)),
      Effect.catchCause(() => Effect.logWarning(`Tool ${call.name} gave a preliminary result that cannot be told`))
    )
  }
  const work = watched(
    Effect.suspend(() => handler(decoded.success, { toolCallId: call.id, preliminary })).pipe(
      Effect.provideService(CurrentCall, call.id)
    ),
    (ms, sure) =>
      Effect.logWarning(
        sure
          ? `Tool ${call.name} holds the event loop, and every call of the process with it`
          : `The event loop was held while tool ${call.name} ran`
      ).pipe(Effect.annotateLogs({ tool: call.name, call: call.id, ms }))
  )
  const exit = yield* Effect.exit(
    timeout === undefined ? Effect.asSome(work) : limited(work, Duration.toMillis(timeout))
  )
  return atWork(yield* outcome(entry, call, params, exit, timeout, told))
})

const outcome = Effect.fnUntraced(function*<R>(
  entry: Entry<R>,
  call: Call,
  params: Schema.JsonObject,
  exit: Exit.Exit<Option.Option<unknown>, unknown>,
  timeout: Options["timeout"],
  told: Told
) {
  if (Exit.isFailure(exit)) return yield* failure(entry, call, params, exit.cause, told)
  if (Option.isNone(exit.value)) {
    return inDoubt(failed(call, `Tool ${call.name} did not finish within ${Duration.toMillis(timeout ?? 0)} ms`))
  }
  const result = exit.value.value
  const encoded = yield* Effect.result(entry.encode(result))
  const { toModelOutput } = entry.tool
  if (Result.isSuccess(encoded)) {
    return {
      callId: call.id,
      name: call.name,
      params,
      output: toModelOutput === undefined
        ? encoded.success
        : Prompt.toolModelOutputToText(toModelOutput(result)).toWellFormed(),
      isFailure: false
    }
  }
  // The error may quote the result, so only its fields are logged.
  if (!(encoded.failure instanceof NoJson)) {
    return yield* masked(call, `gave a result that its schema does not allow: ${fields(encoded.failure)}`)
  }
  const message = `Tool ${call.name} gave a result that cannot be written as JSON: ${encoded.failure.why}`
  return yield* Effect.as(Effect.logError(message), inDoubt(failed(call, message)))
})

const failure = Effect.fnUntraced(function*<R>(
  entry: Entry<R>,
  call: Call,
  params: Schema.JsonObject,
  cause: Cause.Cause<unknown>,
  told: Told
) {
  const errors = cause.reasons.flatMap((reason) =>
    Cause.isFailReason(reason) ? [readable(reason.error)] : Cause.isDieReason(reason) ? [readable(reason.defect)] : []
  )
  const message = errors.map(told).find((message) => message !== undefined)
  if (message !== undefined) return errors.some(isUncertain) ? inDoubt(failed(call, message)) : failed(call, message)
  if (Cause.hasInterruptsOnly(cause)) return failed(call, `Tool ${call.name} was cancelled`)
  if (Cause.hasDies(cause)) return yield* masked(call, "died", cause)
  const declared = yield* Effect.result(entry.encodeFailure(errors[0]))
  return Result.isSuccess(declared)
    ? { callId: call.id, name: call.name, params, output: declared.success, isFailure: true }
    : yield* masked(call, "failed with what it does not declare", cause)
})

const masked = (call: Call, what: string, cause?: Cause.Cause<unknown>): Effect.Effect<Output> =>
  Effect.as(
    logOwn(`Tool ${call.name} ${what}`, cause ?? Cause.empty),
    inDoubt(failed(call, "An internal error occurred"))
  )

const fields = (error: Schema.SchemaError): string =>
  format(error.issue).issues.map(({ message, path }) => {
    const field = (path ?? []).map((segment) => typeof segment === "object" ? segment.key : segment).join(".")
    return field === "" ? message : message === "Missing key" ? `${field} is missing` : `${field}: ${message}`
  }).join("; ")

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const needsApproval = (entry: Entry<unknown>, params: unknown, call: Call): Effect.Effect<boolean> => {
  const needed = entry.tool.needsApproval
  if (typeof needed !== "function") return Effect.succeed(needed === true)
  const option = `needsApproval of ${call.name}`
  return Effect.flatMap(
    // What fails is as if it had died of that: nothing is run then.
    Effect.orDie(settled<unknown, never>(option, () => needed(params, { toolCallId: call.id, messages: [] }))),
    (answer) =>
      typeof answer === "boolean"
        ? Effect.succeed(answer)
        : Effect.die(problem(option, `must give true or false, not ${shown(answer)}`))
  )
}

/** Models leave out what they have nothing to say about, or write `null` for it. */
const told = (params: Schema.JsonObject): Schema.JsonObject =>
  Object.fromEntries(Object.entries(params).filter(([, value]) => value !== null))

/**
 * Whether two calls ask for the same, by what the model wrote or by what the
 * tool makes of it. At once: between the answer and what follows from it
 * nothing may happen, so what decodes later is compared as it was written.
 */
export const alike = <R>(
  set: Set<R>,
  context: Context.Context<R>,
  one: Call,
  other: Call,
  key: (params: unknown) => unknown = (params) => params
): boolean => {
  if (one.name !== other.name) return false
  const [a, b] = [repair(one.params), repair(other.params)]
  if (a._tag !== "Object" || b._tag !== "Object") return false
  if (Equal.equals(told(a.object), told(b.object))) return true
  const entry = set.entries.get(one.name)
  if (entry === undefined) return false
  const decode = (params: Schema.Json) => Effect.runSyncExitWith(context)(entry.decode(params))
  const [left, right] = [decode(a.object), decode(b.object)]
  if (Exit.isFailure(left) || Exit.isFailure(right)) return false
  try {
    return Equal.equals(key(left.value), key(right.value))
  } catch {
    return false
  }
}

const unknown = (set: Set<unknown>, name: string): string => {
  const names = [...set.entries.keys()]
  return `There is no tool named ${name}. ${
    names.length === 0 ? "There are no tools." : `The tools are: ${names.join(", ")}.`
  }`
}
