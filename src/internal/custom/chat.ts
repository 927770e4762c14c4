/** The shape that most chat servers have in common: messages of a role and content, functions as tools. */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import type * as Llm from "../../Llm.ts"
import type { Part } from "./reply.ts"

export interface Call {
  readonly id: string
  readonly type: "function"
  readonly function: { readonly name: string; readonly arguments: string }
}

export type Message =
  | { readonly role: "system" | "user"; readonly content: string }
  | {
    readonly role: "assistant"
    readonly content: string | null
    readonly tool_calls?: ReadonlyArray<Call> | undefined
  }
  | { readonly role: "tool"; readonly tool_call_id: string; readonly content: string }

export interface Function {
  readonly type: "function"
  readonly function: {
    readonly name: string
    readonly description?: string | undefined
    readonly parameters: object
  }
}

const textOf = (content: ReadonlyArray<Prompt.Part>): string =>
  content.flatMap((part) => part.type === "text" ? [part.text] : []).join("")

const jsonText = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value) ?? "null"

const results = (content: ReadonlyArray<Prompt.Part>): ReadonlyArray<Message> =>
  content.flatMap((part) =>
    part.type === "tool-result" ? [{ role: "tool", tool_call_id: part.id, content: jsonText(part.result) }] : []
  )

const assistant = (message: Prompt.AssistantMessage): ReadonlyArray<Message> => {
  const text = textOf(message.content)
  const calls = message.content.flatMap((part): ReadonlyArray<Call> =>
    part.type === "tool-call" && !part.providerExecuted
      ? [{ id: part.id, type: "function", function: { name: part.name, arguments: jsonText(part.params) } }]
      : []
  )
  if (text === "" && calls.length === 0) return []
  const said: Message = { role: "assistant", content: text === "" ? null : text }
  return [calls.length === 0 ? said : { ...said, tool_calls: calls }, ...results(message.content)]
}

/** The prompt as messages; what is neither text nor a tool is left out. */
export const messages = (prompt: Prompt.Prompt): ReadonlyArray<Message> =>
  prompt.content.flatMap((message): ReadonlyArray<Message> => {
    switch (message.role) {
      case "system":
        return [{ role: "system", content: message.content }]
      case "user":
        return [{ role: "user", content: textOf(message.content) }]
      case "assistant":
        return assistant(message)
      case "tool":
        return results(message.content)
    }
  })

const described = new WeakMap<Tool.Any, Function>()

/** The tools with the JSON Schema of their parameters; throws where a schema has none. */
export const functions = (tools: ReadonlyArray<Tool.Any>): ReadonlyArray<Function> =>
  tools.map((tool) => {
    const known = described.get(tool)
    if (known !== undefined) return known
    const description = Tool.getDescription(tool)
    const made: Function = {
      type: "function",
      function: {
        name: tool.name,
        ...(description === undefined ? undefined : { description }),
        parameters: Tool.getJsonSchema(tool)
      }
    }
    described.set(tool, made)
    return made
  })

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Usage = Schema.Struct({ prompt_tokens: optional(Schema.Finite), completion_tokens: optional(Schema.Finite) })

const usageOf = (usage: typeof Usage.Type | null | undefined): Llm.Usage | undefined =>
  usage?.prompt_tokens == null && usage?.completion_tokens == null
    ? undefined
    : { inputTokens: usage.prompt_tokens ?? 0, outputTokens: usage.completion_tokens ?? 0 }

const finish = (model: string | null | undefined, usage: typeof Usage.Type | null | undefined): Part => ({
  _tag: "Finish",
  usage: usageOf(usage),
  model: model ?? undefined
})

const CallPart = Schema.Struct({
  index: optional(Schema.Int),
  id: optional(Schema.String),
  function: optional(Schema.Struct({ name: optional(Schema.String), arguments: optional(Schema.Unknown) }))
})

const callPart = (call: typeof CallPart.Type, index: number): Part => ({
  _tag: "ToolCallPart",
  index: call.index ?? index,
  id: call.id ?? undefined,
  name: call.function?.name ?? undefined,
  params: call.function?.arguments ?? undefined
})

const Said = Schema.Struct({ content: optional(Schema.String), tool_calls: optional(Schema.Array(CallPart)) })

const saidParts = (said: typeof Said.Type | null | undefined): ReadonlyArray<Part> => [
  ...(said?.content == null ? [] : [{ _tag: "Text", text: said.content } as const]),
  ...(said?.tool_calls ?? []).map(callPart)
]

/** A whole answer. */
export const Completion = Schema.Struct({
  model: optional(Schema.String),
  choices: Schema.NonEmptyArray(Schema.Struct({ message: Said })),
  usage: optional(Usage)
})

export const completionParts = ({ choices, model, usage }: typeof Completion.Type): ReadonlyArray<Part> => [
  ...saidParts(choices[0].message),
  finish(model, usage)
]

/** One event of an answer in pieces. */
export const Chunk = Schema.Struct({
  model: optional(Schema.String),
  choices: Schema.Array(Schema.Struct({ delta: optional(Said), finish_reason: optional(Schema.String) })),
  usage: optional(Usage)
})

export const chunkParts = ({ choices, model, usage }: typeof Chunk.Type): ReadonlyArray<Part> => {
  const [choice] = choices
  const parts = saidParts(choice?.delta)
  return choice?.finish_reason == null && usage == null ? parts : [...parts, finish(model, usage)]
}
