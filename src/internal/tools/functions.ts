/** Tools of those who write no Effect: functions that give promises. */
import * as Tool from "effect/ai/Tool"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { StandardTypedV1 } from "effect/StandardSchema"
import type { Set } from "../../Tools.ts"
import * as Check from "../options.ts"
import { currentPlain, type Plain, promised, settled } from "../plain.ts"
import { fromFunction } from "./entry.ts"
import { wrongFunctions } from "./refused.ts"
import { isStandard, jsonSchemaOf } from "./standard.ts"
import { Annotation, type Given, read, type VoiceOptions } from "./voice.ts"

/**
 * The call that a plain function answers: its id, the conversation, and a signal
 * that is aborted when nobody wants the answer any more.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface PlainCall {
  readonly id: string
  readonly signal: AbortSignal
  /** Throws where there is no conversation, as in `execute` alone. */
  readonly session: Plain
  /** Gives what there is before the result; `voice` says who hears of it. */
  readonly progress: (result: unknown) => Promise<void>
}

/**
 * A tool as a plain function.
 *
 * **Details**
 *
 * `parameters` is a `Schema.Struct`, or an object of another library's schemas which gives its JSON Schema by
 * Standard Schema, such as `z.object` of zod 4.2; `run` is given its type. Or it is a plain JSON
 * Schema, by which the parameters are checked. What `run` gives must be JSON, or an object
 * with a JSON form of its own, such as a date; nothing at all is `null`.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface PlainTool<in Params = any> {
  readonly description?: string | undefined
  /** @default none */
  readonly parameters?: Schema.Top | { readonly [key: string]: unknown } | undefined
  /** It changes nothing. @default false */
  readonly readonly?: boolean | undefined
  /** Once more does no more. @default false */
  readonly idempotent?: boolean | undefined
  /**
   * Whether a call runs only if `onApproval` of the agent allows it: always, or as a function of the
   * parameters says, which may be async. @default false
   */
  readonly needsApproval?: boolean | ((params: Params) => boolean | Promise<boolean>) | undefined
  /** How it behaves in a conversation, as by `Tools.voice`. @default what `Tools.voice` has */
  readonly voice?: VoiceOptions<Params, any> | undefined
  readonly run: (params: Params, call: PlainCall) => unknown
}

type ParamsOf<P> = P extends Schema.Top ? P["Type"]
  : P extends StandardTypedV1 ? StandardTypedV1.InferOutput<P>
  : Readonly<Record<string, any>>

/** What TypeScript shows where a schema of an object is wanted, and its fields were given. */
interface Fields {
  readonly "parameters are a schema of an object: write Schema.Struct({ … }) around the fields": never
}

/** Fields without the `Schema.Struct` around them are no parameters. */
type Whole<P> = P extends Schema.Top | StandardTypedV1 ? P
  : P extends { readonly [Name in keyof P]: Schema.Top } ? keyof P extends never ? P : Fields
  : P

/** One of them, with its parameters. */
interface PlainToolOf<P> extends Omit<PlainTool, "parameters" | "needsApproval" | "voice" | "run"> {
  readonly parameters?: P & Whole<P>
  readonly needsApproval?: boolean | ((params: ParamsOf<P>) => boolean | Promise<boolean>) | undefined
  readonly voice?: VoiceOptions<ParamsOf<P>, any> | undefined
  readonly run: (params: ParamsOf<P>, call: PlainCall) => unknown
}

/**
 * Plain tools by name, with the parameters of each.
 *
 * @category plain functions
 * @since 0.1.0
 */
export type Functions<P extends Record<string, unknown>> = {
  readonly [Name in keyof P]: PlainToolOf<P[Name]>
}

/**
 * Makes tools of plain functions.
 *
 * **When to use**
 *
 * Use where no Effect is to be written. Hooks of an agent take plain functions,
 * too.
 *
 * **Details**
 *
 * A function that throws or rejects has failed: with a `Tools.ToolError` the model
 * reads its message, anything else is masked and logged. Throws
 * `Failure.InvalidOptions`, which names the tool and the field, for a name
 * that is not of 1 to 64 letters, digits, `_` and `-`, for `parameters`
 * that are no schema of an object, a `run` that is no function, and a `voice` that
 * cannot be.
 *
 * **Example** (A desk that books)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Agent, Tools } from "effect-voice"
 *
 * const tools = Tools.functions({
 *   book: {
 *     description: "Books a room",
 *     parameters: Schema.Struct({ nights: Schema.Int }),
 *     run: async ({ nights }) => ({ room: 7, nights })
 *   },
 *   hang_up: { run: async (_, { session }) => session.hangUp({ say: "Goodbye!" }) }
 * })
 *
 * const desk = Agent.make({
 *   instructions: "You book rooms.",
 *   tools,
 *   onEnter: async (session) => session.say("Sea View Hotel, how can I help?")
 * })
 * ```
 *
 * @category plain functions
 * @since 0.1.0
 */
export const functions = <const P extends Record<string, unknown>>(tools: Functions<P>): Set => {
  Check.throwAll(wrongFunctions(tools))
  return made(tools as Readonly<Record<string, PlainTool>>)
}

const made = (tools: Readonly<Record<string, PlainTool>>): Set => ({
  entries: new Map(
    Object.entries(tools).map(([name, tool]) => [
      name,
      fromFunction<never>(
        described(name, tool),
        (params, { preliminary, toolCallId }) =>
          Effect.contextWith((context: Context.Context<never>) =>
            Effect.flatMap(currentPlain, (current) =>
              settled<unknown, never>(name, (signal) =>
                tool.run(params, {
                  id: toolCallId,
                  signal,
                  progress: (result) => promised(context, preliminary(result)),
                  get session() {
                    if (current === undefined) {
                      throw new Error("there is no conversation here: the tool is run by itself")
                    }
                    return current
                  }
                })))
          ),
        isStandard(tool.parameters) ? tool.parameters : undefined
      )
    ])
  ),
  found: []
})

const described = (
  name: string,
  { description, idempotent = false, needsApproval, parameters, readonly = false, voice = {} }: PlainTool
) => {
  // `execute` waits for a promise of it, too.
  const about = { description, success: Schema.Unknown, needsApproval: needsApproval as Tool.NeedsApproval<any> }
  const schema = isStandard(parameters) ? Result.getOrThrow(jsonSchemaOf(parameters)) : parameters
  const tool = schema === undefined ? Tool.make(name, about) : Tool.dynamic(name, { ...about, parameters: schema })
  return tool.annotate(Tool.Readonly, readonly).annotate(Tool.Idempotent, idempotent)
    .annotate(Annotation, read(voice as Given, (invalid) => invalid, `${name}.voice`))
}
