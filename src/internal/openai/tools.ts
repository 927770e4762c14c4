/** Tools in the form that OpenAI wants. */
import type * as LanguageModel from "effect/ai/LanguageModel"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import type * as Failure from "../../Failure.ts"
import { meant } from "../llm/leaked.ts"
import { parse } from "../tools/json.ts"
import { invalid } from "./client.ts"

/** A tool that OpenAI runs itself: its fields, as it wants them. */
export interface Hosted {
  readonly name: string
  readonly hosted: { readonly type: string; readonly [field: string]: unknown }
}

/** One tool, and the way back from what a strict schema makes of its parameters. */
export interface Described {
  readonly name: string
  readonly description: string | undefined
  readonly parameters: JsonSchema.JsonSchema
  readonly strict: boolean
  /** The parameters as the tool's own schema has them. */
  readonly restore: (params: unknown) => unknown
}

const unchanged = (params: unknown): unknown => params

// Strict mode has no optional key: what is absent is null there. Decoding by the strict schema and encoding by the
// tool's own takes that back; what fits neither, or needs services for it, is left to whoever validates the call.
const restoring = (
  schema: Schema.ConstraintCodec<unknown>,
  codec: Schema.ConstraintCodec<unknown>
): (params: unknown) => unknown => {
  const decode = Schema.decodeUnknownSync(codec)
  const encode = Schema.encodeUnknownSync(schema)
  return (params) => {
    try {
      return encode(decode(params))
    } catch {
      return params
    }
  }
}

const withoutServices = (schema: object): Schema.ConstraintCodec<unknown> => schema as Schema.ConstraintCodec<unknown>

const loose = (tool: Tool.Any): Pick<Described, "parameters" | "strict" | "restore"> => ({
  parameters: Tool.getJsonSchema(tool),
  strict: false,
  restore: unchanged
})

const shape = (tool: Tool.Any, strict: boolean): Pick<Described, "parameters" | "strict" | "restore"> => {
  if (!strict || Tool.isDynamic(tool)) return loose(tool)
  try {
    const { codec, jsonSchema } = toCodecOpenAI(tool.parametersSchema)
    return {
      parameters: jsonSchema,
      strict: true,
      restore: restoring(withoutServices(tool.parametersSchema), withoutServices(codec))
    }
  } catch {
    // What strict mode cannot say is asked for without it.
    return loose(tool)
  }
}

const known = new WeakMap<Tool.Any, Map<boolean, Described>>()

const described = (tool: Tool.Any, strict: boolean): Described => {
  const made = known.get(tool) ?? new Map<boolean, Described>()
  known.set(tool, made)
  const existing = made.get(strict)
  if (existing !== undefined) return existing
  const fresh = { name: tool.name, description: Tool.getDescription(tool), ...shape(tool, strict) }
  made.set(strict, fresh)
  return fresh
}

const isHosted = (tool: Tool.Any): tool is Tool.AnyProviderDefined => Tool.isProviderDefined(tool)

/** Describes tools; `strict` is for those that do not say it themselves. Those that the provider runs itself are not among them. */
export const describe = (
  tools: ReadonlyArray<Tool.Any>,
  strict: boolean
): Effect.Effect<ReadonlyArray<Described>, Failure.Reason> =>
  Effect.forEach(tools.filter((tool) => !isHosted(tool)), (tool) =>
    Effect.try({
      try: () => described(tool, Tool.getStrictMode(tool) ?? strict),
      catch: () => invalid("tools: the parameters of a tool cannot be written as a JSON Schema")
    }))

/** The tools that OpenAI is to run itself; another provider's are refused. */
export const hosted = (tools: ReadonlyArray<Tool.Any>): Effect.Effect<ReadonlyArray<Hosted>, Failure.Reason> =>
  Effect.forEach(tools.filter(isHosted), (tool) =>
    tool.id.startsWith("openai.") && !tool.requiresHandler
      ? Effect.succeed({ name: tool.name, hosted: { ...tool.args as object, type: tool.providerName } })
      : Effect.fail(invalid("tools: this tool of a provider cannot be used here, only what OpenAI runs itself")))

/** Where nothing is run but by the program. */
export const noneHosted = (tools: ReadonlyArray<Tool.Any>): Effect.Effect<void, Failure.Reason> =>
  tools.some(isHosted)
    ? Effect.fail(invalid("tools: a tool that the provider runs itself needs the api \"responses\""))
    : Effect.void

/** Whether a tool must be called: any, a certain one, or as the model likes. */
export type Choice = "auto" | "none" | "required" | { readonly name: string }

export const choiceOf = (choice: LanguageModel.ToolChoice<string>): Choice => {
  if (typeof choice === "string") return choice
  return "tool" in choice ? { name: choice.tool } : choice.mode ?? "auto"
}

/** Schema of an answer that must be JSON. */
export const answerSchema = (schema: Schema.Top): Effect.Effect<JsonSchema.JsonSchema, Failure.Reason> =>
  Effect.try({
    try: () => toCodecOpenAI(schema).jsonSchema,
    catch: () => invalid("schema: cannot be written as a JSON Schema of an object")
  })

/** What the model wrote as the parameters of a call: JSON, as it should be, or else its text. */
export const paramsOf = (tools: ReadonlyArray<Described>, name: string, written: unknown): unknown => {
  const mine = meant(name, tools.map(({ name }) => name))
  const restored = (params: unknown) => tools.find((tool) => tool.name === mine)?.restore(params) ?? params
  if (typeof written !== "string") return restored(written)
  if (written.trim() === "") return {}
  try {
    return restored(parse(written))
  } catch {
    return written
  }
}
