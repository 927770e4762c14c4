/**
 * Running the tool calls of a model.
 *
 * A `Set` is the tools that a conversation has now, each with its handler: an
 * immutable value, resolved from `effect/ai` toolkits. `execute` runs one call
 * and never fails: whatever goes wrong becomes an output that the model can
 * answer to. A `Runner` runs the calls of a conversation side by side; its
 * scope owns them, so interrupting whoever waits does not end them.
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
import type * as entries from "./internal/tools/entry.ts"
import * as execution from "./internal/tools/execute.ts"
import * as finding from "./internal/tools/found.ts"
import { wordsOf } from "./internal/tools/mcp.ts"
import { calling } from "./internal/tools/options.ts"
import { wrongSources } from "./internal/tools/refused.ts"
import * as running from "./internal/tools/runner.ts"
import type { HandlersOf, ServicesOf, Source } from "./internal/tools/source.ts"
import * as voices from "./internal/tools/voice.ts"
import type { VoiceOptions } from "./internal/tools/voice.ts"

export { discovered } from "./internal/tools/found.ts"
export { type Functions, functions, type PlainCall, type PlainTool } from "./internal/tools/functions.ts"
export type { Discovered, Discovery, HandlersOf, ServicesOf, Source, ToolOf } from "./internal/tools/source.ts"
export type { Duplicates, Progress, VoiceOptions } from "./internal/tools/voice.ts"

/**
 * Tools by name, with their handlers. `R` is what the handlers need at each
 * call, beside what they had when they were resolved.
 *
 * @category models
 * @since 0.1.0
 */
export interface Set<out R = never> {
  readonly entries: ReadonlyMap<string, entries.Entry<R>>
  /** The servers whose tools are asked for again. */
  readonly found: ReadonlyArray<finding.Found<R>>
}

/**
 * What a model asks for: `params` is what it wrote, of any shape.
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
 * `params` is the repaired object, `{}` where none could be read. `message` is
 * what went wrong, in words for the model; a failure that the tool declares has
 * none, it is the `output`. A tool with `toModelOutput` has its text as output,
 * with a placeholder for each file. An output of more than 65,536 characters (of
 * JSON) is cut, and becomes a text that ends with a note of that.
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
 * Works as the failure schema of a tool, and also when it is thrown or failed
 * with by a handler that does not declare it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ToolError extends Schema.TaggedError<ToolError>("effect-voice/Tools/ToolError")("ToolError", {
  message: Schema.String
}) {}

/**
 * Two tools have the same name. Rename one, or use `replace`.
 *
 * @category errors
 * @since 0.1.0
 */
export class DuplicateTool extends Schema.TaggedError<DuplicateTool>("effect-voice/Tools/DuplicateTool")(
  "DuplicateTool",
  { tool: Schema.String }
) {
  override get message(): string {
    return `there are two tools named ${this.tool}: rename one, or put it in with Tools.replace`
  }
}

/**
 * Every way in which tools cannot be put together.
 *
 * @category errors
 * @since 0.1.0
 */
export class ToolsError extends Schema.TaggedError<ToolsError>("effect-voice/Tools/ToolsError")("ToolsError", {
  reason: Schema.Union([DuplicateTool, InvalidOptions])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * The annotation that says how a tool behaves in a conversation, for `annotateMerge`. Throws a `ToolsError` for options that
 * cannot be. A function among them says of which type the parameters are, as the tool gets them.
 *
 * **Example** (A booking that takes its time)
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
  /** Longest time for a handler; beyond it, it is interrupted and the call fails. @default no limit */
  readonly timeout?: Duration.Input | undefined
  /** Gets each result that a handler gives before its last one, as it is and encoded. @default nobody does */
  readonly onPreliminary?: ((call: Call, result: Schema.Json, given: unknown) => Effect.Effect<void>) | undefined
  /**
   * Asked about each call that `needsApproval` of its tool is for: `true` lets it
   * run, `false` does not, and a text is what the model is told instead.
   * `confirmed` says that the model has called with `"confirm": true`.
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
  /** Gets each output, once, before anyone who waits for it; also the outputs of cancelled calls. */
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
   * How many calls were `begun` when the model was asked. It knows of no later one: with `"confirm": true` it means
   * none of those, and a call that equals one is not started. @default all
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
 * - `cancel` interrupts the running calls that an interruption is to cancel, and gives their
 *   ids; it does not wait for them. `cancelCalls` does so for these calls alone,
 *   `end` for these calls whatever their tools say.
 * - `running` is the calls without an output, oldest first; `begun` is how many
 *   calls there ever were.
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
 * Takes the tools of a toolkit, or of several sources, with the handlers that the
 * context holds.
 *
 * **Details**
 *
 * Handlers run with the services that were there when their layer was built and
 * now; the services of the caller of `execute` come first. Tools that the
 * provider runs itself are listed without a handler.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = <const T extends Source | ReadonlyArray<Source>>(
  sources: T
): Effect.Effect<Set<ServicesOf<T>>, ToolsError, HandlersOf<T>> => add(empty, sources)

/**
 * Adds tools; a name that is taken fails with `DuplicateTool`, parameters that are no schema of an object with
 * `InvalidOptions`.
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
  return Effect.flatMap(finding.resolve<ServicesOf<T>, HandlersOf<T>>(sources), (added) => {
    const twice = added.entries.find((entry, i) =>
      self.entries.has(entry.tool.name) ||
      added.entries.findIndex((other) => other.tool.name === entry.tool.name) !== i
    )
    return twice === undefined
      ? Effect.succeed(finding.join(self, added))
      : Effect.fail(new ToolsError({ reason: new DuplicateTool({ tool: twice.tool.name }) }))
  })
}

/**
 * Puts tools in the place of those with the same names; others are added. Throws a `ToolsError` for what are no tools.
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
 * Gives the tools all services that they need at each call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide = <R>(self: Set<R>, context: Context.Context<R>): Set => finding.provide(self, context)

/**
 * Asks every server for its tools now, whatever their age; `Session.update` puts
 * what it gives to use.
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
 * The tools, in the order in which they were added: what goes into a request to
 * the model.
 *
 * @category getters
 * @since 0.1.0
 */
export const list = (self: Set<unknown>): ReadonlyArray<Tool.Any> =>
  [...self.entries.values()].map((entry) => entry.tool)

/**
 * Reads an annotation of a tool, for instance `Tool.Readonly`; that of an unknown tool
 * is the default.
 *
 * @category getters
 * @since 0.1.0
 */
export const annotation = <A>(self: Set<unknown>, name: string, reference: Context.Reference<A>): A =>
  Context.get(self.entries.get(name)?.tool.annotations ?? Context.empty(), reference)

const refused = (reason: InvalidOptions): ToolsError => new ToolsError({ reason })

/**
 * Runs one call, without a model and without a conversation if need be.
 *
 * **Details**
 *
 * `null`, `undefined` and `""` are `{}`; a string is read as JSON, once more if
 * that gives a string, and repaired where a model left it unfinished. Where a
 * field does not fit, `null` counts as left out. The output is a failure that the model can
 * answer to when the tool is unknown, a parameter is missing or has the wrong
 * type (it names the tool and the fields), the handler fails or the time is
 * over. A handler that dies, fails with what it does not declare or gives what
 * its schema does not allow is masked, and its cause is logged; parameters never
 * are. A result that cannot be written as JSON, or of which JSON would lose
 * something (a BigInt, a cycle, a `Map`, a promise), fails with that as its reason. Throws a `ToolsError` where `timeout` cannot be.
 *
 * Parameters of more than 65,536 characters, or of more than 16,384 that are not
 * valid JSON, and what is nested more than 100 deep, are a failure that says so.
 *
 * @category execution
 * @since 0.1.0
 */
export const execute = <R>(self: Set<R>, call: Call, options: Options = {}): Effect.Effect<Output, never, R> =>
  execution.execute(self, call, Check.readOrThrow(calling, options, refused), told)

const told = (error: unknown): string | undefined => error instanceof ToolError ? error.message : wordsOf(error)

/**
 * Makes the runner of a conversation, which its scope ends. Fails for a wrong `timeout`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeRunner = (options: RunnerOptions = {}): Effect.Effect<Runner, ToolsError, Scope.Scope> =>
  Effect.flatMap(Check.readOrFail(calling, options, refused), (settings) =>
    running.make({
      execute: (set, call, confirmed) => {
        const timeout = voices.limitOf(set, call) ?? settings.timeout
        return execution.execute(set, call, { ...settings, timeout, confirmed }, told)
      },
      onOutput: options.onOutput
    }))
