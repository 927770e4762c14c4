/**
 * Running the tool calls of a model.
 *
 * A `Set` is an immutable value: the tools that a conversation has now, each with its handler, from
 * `effect/ai` toolkits. `execute` runs one call and never fails: an error becomes an output that
 * the model can read. A `Runner` runs the calls of a conversation side by side. Its scope owns
 * them, so they go on if the fiber that waits for them is interrupted.
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { InvalidOptions } from "./Failure.ts"
import * as Check from "./internal/options.ts"
import { TaskError } from "./internal/taskError.ts"
import type * as entries from "./internal/tools/entry.ts"
import { DuplicateTool, NoHandler } from "./internal/tools/errors.ts"
import * as execution from "./internal/tools/execute.ts"
import * as finding from "./internal/tools/found.ts"
import { wordsOf } from "./internal/tools/mcp.ts"
import { calling, runner } from "./internal/tools/options.ts"
import { wrongSources } from "./internal/tools/refused.ts"
import * as running from "./internal/tools/runner.ts"
import type { HandlersOf, ServicesOf, Source } from "./internal/tools/source.ts"
import * as voices from "./internal/tools/voice.ts"
import type { VoiceOptions } from "./internal/tools/voice.ts"

export { DuplicateTool, NoHandler } from "./internal/tools/errors.ts"
export { discovered } from "./internal/tools/found.ts"
export { type Functions, functions, type PlainCall, type PlainTool } from "./internal/tools/functions.ts"
export type { Discovered, Discovery, HandlersOf, ServicesOf, Source, ToolOf } from "./internal/tools/source.ts"
export type { Duplicates, Progress, VoiceOptions } from "./internal/tools/voice.ts"

/**
 * Tools by name, with their handlers. `R` is what the handlers require at each call, in addition to
 * the services that they got when they were resolved.
 *
 * @category models
 * @since 0.1.0
 */
export interface Set<out R = never> {
  readonly entries: ReadonlyMap<string, entries.Entry<R>>
  /** The servers that are asked again for their tools. */
  readonly found: ReadonlyArray<finding.Found<R>>
}

/**
 * A tool call of a model. `params` is what the model wrote, of any shape.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly id: string
  readonly name: string
  readonly params: unknown
}

/**
 * The answer to a call.
 *
 * **Details**
 *
 * `params` is the repaired object, or `{}` if none could be read. `message` tells the model what
 * went wrong. A failure that the tool declares has no `message`: it is the `output`. For a tool
 * with `toModelOutput`, the output is that text, with a placeholder for each file. An output of
 * more than 65,536 characters (of JSON) is cut, and becomes a text that ends with a note about it.
 *
 * @category models
 * @since 0.1.0
 */
export const Output = Schema.Struct({
  callId: Schema.String,
  name: Schema.String,
  params: Schema.Json,
  output: Schema.Json,
  isFailure: Schema.Boolean,
  message: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Output = typeof Output.Type

/**
 * A failure whose message the model may read.
 *
 * **Details**
 *
 * Use it as the failure schema of a tool. It also works if a handler throws it, or fails with it,
 * without declaring it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ToolError extends Schema.TaggedError<ToolError>("effect-voice/Tools/ToolError")("ToolError", {
  message: Schema.String
}) {}

/**
 * Why tools could not be put together.
 *
 * @category errors
 * @since 0.1.0
 */
export class ToolsError extends Schema.TaggedError<ToolsError>("effect-voice/Tools/ToolsError")("ToolsError", {
  reason: Schema.Union([DuplicateTool, NoHandler, InvalidOptions])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * Says how a tool behaves in a conversation. Give the result to `annotateMerge` of the tool. Throws
 * a `ToolsError` for wrong options. Functions among the options get the decoded parameters; write
 * down their type, as in the example.
 *
 * **Example** (A booking that takes long)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Tools } from "effect-voice"
 * import { Tool } from "effect/ai"
 *
 * const Book = Tool.make("book", {
 *   parameters: Schema.Struct({ room: Schema.Int, note: Schema.String }),
 *   success: Schema.String
 * }).annotateMerge(Tools.voice({
 *   background: { limit: "2 minutes" },
 *   idempotencyKey: ({ room }: { readonly room: number }) => room
 * }))
 * ```
 *
 * @see `functions` for tools that are plain functions
 * @see `Session.RunningCall` for the calls that run now
 * @category annotations
 * @since 0.1.0
 */
export const voice = <Params = unknown, Success = unknown>(
  options: VoiceOptions<Params, Success>
): Context.Context<never> => Context.make(voices.Annotation, voices.read(options as voices.Given, refused))

/**
 * Options of a call.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Longest time for a handler. After it the handler is interrupted and the call fails. @default no limit */
  readonly timeout?: Duration.Input | undefined
  /** Gets each preliminary result of a handler, as it is and encoded. @default nobody does */
  readonly onPreliminary?: ((call: Call, result: Schema.Json, given: unknown) => Effect.Effect<void>) | undefined
  /**
   * Called for each tool call that needs approval (`needsApproval` of the tool). `true` lets it
   * run, `false` does not, and a text goes to the model instead of a result. `confirmed` says that
   * the model has called with `"confirm": true`.
   *
   * @default nobody is asked, and no such call runs
   */
  readonly approve?: ((call: Call & { readonly confirmed: boolean }) => Effect.Effect<boolean | string>) | undefined
}

/**
 * Options of a runner.
 *
 * @category options
 * @since 0.1.0
 */
export interface RunnerOptions extends Options {
  /** Gets each output once, before the fibers that wait for it. It also gets the outputs of cancelled calls. */
  readonly onOutput?: ((output: Output) => Effect.Effect<void>) | undefined
}

/**
 * Options of one step of the model.
 *
 * @category options
 * @since 0.1.0
 */
export interface StepOptions {
  /**
   * How many calls were `begun` when the model was asked. The model does not know about later
   * calls: its `"confirm": true` does not mean them, and a call that equals one of them is not
   * started. @default all
   */
  readonly known?: number | undefined
}

/**
 * Runs the calls of one conversation.
 *
 * **Details**
 *
 * - `run` starts the calls of one step at once, side by side, and gives their
 *   outputs in the order of the calls. The calls go on when it is interrupted.
 *   `start` does not wait for them. Beyond 64 calls, of one step or running
 *   at once, a call is not run, and its output says so.
 * - `cancel` interrupts the running calls whose tools ask for that, and gives their ids; it does
 *   not wait for them. `cancelCalls` does so for these calls only. `end` ends these calls whatever
 *   their tools ask for.
 * - `running` gives the calls without an output, oldest first. `begun` is the number of calls so
 *   far.
 *
 * When the scope closes, every call that is still running is cancelled. Each
 * call ever given to `run` gets exactly one output.
 *
 * @category models
 * @since 0.1.0
 */
export interface Runner {
  readonly run: <R>(
    set: Set<R>,
    calls: ReadonlyArray<Call>,
    step?: StepOptions
  ) => Effect.Effect<ReadonlyArray<Output>, never, R>
  readonly start: <R>(
    set: Set<R>,
    calls: ReadonlyArray<Call>,
    step?: StepOptions
  ) => Effect.Effect<ReadonlyArray<Effect.Effect<Output>>, never, R>
  readonly cancel: Effect.Effect<ReadonlyArray<string>>
  readonly cancelCalls: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>>
  readonly end: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>>
  readonly running: Effect.Effect<ReadonlyArray<Call>>
  readonly begun: Effect.Effect<number>
}

/**
 * No tools.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Set = { entries: new Map(), found: [] }

/**
 * Takes the tools of a toolkit, or of several sources, with the handlers in the context.
 *
 * **Details**
 *
 * Handlers run with the services of the present context and of the time when their layer was built.
 * Services of the caller of `execute` come first. Tools that the provider runs itself are listed
 * without a handler.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = <const T extends Source | ReadonlyArray<Source>>(
  sources: T
): Effect.Effect<Set<ServicesOf<T>>, ToolsError, HandlersOf<T>> => add(empty, sources)

/**
 * Adds tools. Fails with `DuplicateTool` if a name is taken, and with `InvalidOptions` if parameters
 * are not a schema of an object. A tool of a server (`discovered`) whose name is taken is left out,
 * which is logged: what a server offers must not keep an agent from beginning.
 *
 * @category combinators
 * @since 0.1.0
 */
export const add = <R, const T extends Source | ReadonlyArray<Source>>(
  self: Set<R>,
  sources: T
): Effect.Effect<Set<R | ServicesOf<T>>, ToolsError, HandlersOf<T>> => {
  const invalid = Check.invalid(wrongSources(sources))
  if (invalid !== undefined) return Effect.fail(refused(invalid))
  return Effect.flatMap(
    finding.resolve<ServicesOf<T>, HandlersOf<T>>(sources),
    (all) =>
      Effect.flatMap(finding.withoutTaken(self, all), (added) => {
        const twice = added.entries.find((entry, i) =>
          self.entries.has(entry.tool.name) ||
          added.entries.findIndex((other) => other.tool.name === entry.tool.name) !== i
        )
        return twice === undefined
          ? Effect.succeed(finding.join(self, added))
          : Effect.fail(new ToolsError({ reason: new DuplicateTool({ tool: twice.tool.name }) }))
      })
  )
}

/**
 * Replaces tools with the same names, and adds the others. Throws a `ToolsError` if a source is not
 * made of tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const replace = <R, const T extends Source | ReadonlyArray<Source>>(
  self: Set<R>,
  sources: T
): Effect.Effect<Set<R | ServicesOf<T>>, never, HandlersOf<T>> => {
  Check.throwAll(wrongSources(sources), refused)
  return Effect.map(finding.resolve<ServicesOf<T>, HandlersOf<T>>(sources), (added) => finding.join(self, added))
}

/**
 * Gives the tools all services that they require at each call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide = <R>(self: Set<R>, context: Context.Context<R>): Set => finding.provide(self, context)

/**
 * Asks every server for its tools now, whatever their age. Give the result to `Session.update`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refresh = <R>(self: Set<R>): Effect.Effect<Set<R>> =>
  Effect.map(finding.again(self, true), (changed) => changed ?? self)

/**
 * Removes tools by name; calls that are running go on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remove = <R>(self: Set<R>, ...names: ReadonlyArray<string>): Set<R> => ({
  ...self,
  entries: new Map([...self.entries].filter(([name]) => !names.includes(name)))
})

/**
 * The tools, in the order in which they were added, for a request to the model.
 *
 * @category getters
 * @since 0.1.0
 */
export const list = (self: Set<unknown>): ReadonlyArray<Tool.Any> =>
  [...self.entries.values()].map((entry) => entry.tool)

/**
 * Reads an annotation of a tool, for instance `Tool.Readonly`. For an unknown tool, it gives the
 * default.
 *
 * @category getters
 * @since 0.1.0
 */
export const annotation = <A>(self: Set<unknown>, name: string, reference: Context.Reference<A>): A =>
  Context.get(self.entries.get(name)?.tool.annotations ?? Context.empty(), reference)

const refused = (reason: InvalidOptions): ToolsError => new ToolsError({ reason })

/**
 * Runs one call. It needs neither a model nor a conversation.
 *
 * **Details**
 *
 * `null`, `undefined` and `""` count as `{}`. A string is read as JSON, once more if that gives a
 * string, and is repaired if the model left it unfinished. If a field does not fit, `null` counts
 * as left out. The output is a failure for the model if the tool is unknown, a parameter is absent
 * or has the wrong type (the output names the tool and the fields), the handler fails, or the time
 * is over. If a handler dies, fails with an undeclared error, or gives a result that its schema
 * does not allow, the model gets a general message and the cause is logged; parameters are never
 * logged. A result that JSON cannot express (a BigInt, a cycle, a `Map`, a promise) is a failure,
 * too. Throws a `ToolsError` if `timeout` is wrong.
 *
 * Parameters of more than 65,536 characters, or of more than 16,384 that are not
 * valid JSON, and what is nested more than 100 deep, are a failure that says so.
 *
 * @category execution
 * @since 0.1.0
 */
export const execute = <R>(self: Set<R>, call: Call, options: Options = {}): Effect.Effect<Output, never, R> =>
  execution.execute(self, call, Check.readOrThrow(calling, options, refused), told)

const told = (error: unknown): string | undefined =>
  error instanceof ToolError || error instanceof TaskError ? error.message : wordsOf(error)

/**
 * Makes the runner of a conversation. It ends with its scope. Fails if an option is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeRunner = (options: RunnerOptions = {}): Effect.Effect<Runner, ToolsError, Scope.Scope> =>
  Effect.flatMap(Check.readOrFail(runner, options, refused), (settings) =>
    running.make({
      execute: (set, call, confirmed) => {
        const timeout = voices.limitOf(set, call) ?? settings.timeout
        return execution.execute(set, call, { ...settings, timeout, confirmed }, told)
      },
      onOutput: options.onOutput
    }))
