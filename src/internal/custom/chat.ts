/** The shape that most chat servers have in common: messages of a role and content, functions as tools. */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"
import * as content from "../llm/content.ts"
import * as metering from "../llm/metering.ts"
import { errorIn } from "../provider/told.ts"
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

const Usage = Schema.Struct({
  prompt_tokens: optional(Schema.Finite),
  completion_tokens: optional(Schema.Finite),
  prompt_tokens_details: optional(Schema.Struct({ cached_tokens: optional(Schema.Finite) })),
  completion_tokens_details: optional(Schema.Struct({ reasoning_tokens: optional(Schema.Finite) }))
})

const usageOf = (usage: typeof Usage.Type | null | undefined): Llm.Usage | undefined =>
  metering.usageOf({
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
    cachedInputTokens: usage?.prompt_tokens_details?.cached_tokens,
    reasoningTokens: usage?.completion_tokens_details?.reasoning_tokens
  })

const finish = (
  { model, reason, usage }: {
    readonly model: string | null | undefined
    readonly reason: string | null | undefined
    readonly usage: typeof Usage.Type | null | undefined
  }
): Part => ({
  _tag: "Finish",
  reason: content.finishReason(reason, false),
  usage: usageOf(usage),
  model: model ?? undefined
})

const CallPart = Schema.Struct({
  index: optional(Schema.Int),
  id: optional(Schema.String),
  function: optional(Schema.Struct({ name: optional(Schema.String), arguments: optional(Schema.Unknown) }))
})

const callPart = (call: typeof CallPart.Type): Part => ({
  _tag: "ToolCallPart",
  index: call.index ?? undefined,
  id: call.id ?? undefined,
  name: call.function?.name ?? undefined,
  params: call.function?.arguments ?? undefined
})

const Said = Schema.Struct({
  content: optional(content.Content),
  refusal: optional(Schema.String),
  tool_calls: optional(Schema.Array(CallPart))
})

const saidParts = (said: typeof Said.Type | null | undefined): ReadonlyArray<Part> => {
  const text = content.textOf(said?.content) || said?.refusal
  return [...(text ? [{ _tag: "Text", text } as const] : []), ...(said?.tool_calls ?? []).map(callPart)]
}

/** A whole answer. */
export const Completion = Schema.Struct({
  model: optional(Schema.String),
  choices: Schema.NonEmptyArray(Schema.Struct({ message: Said, finish_reason: optional(Schema.String) })),
  usage: optional(Usage)
})

export const completionParts = ({ choices, model, usage }: typeof Completion.Type): ReadonlyArray<Part> => [
  ...saidParts(choices[0].message),
  finish({ model, reason: choices[0].finish_reason, usage })
]

/** An error that says what it is; any other is as good as no answer. */
export const completionFailure = (json: unknown): Failure.Reason | undefined =>
  Predicate.isObject(json) && "error" in json && typeof json.error === "string" ? undefined : errorIn(json)

/** One event of an answer in pieces; the last one may be but a count of tokens. */
export const Chunk = Schema.Struct({
  model: optional(Schema.String),
  choices: optional(Schema.Array(Schema.Struct({ delta: optional(Said), finish_reason: optional(Schema.String) }))),
  usage: optional(Usage)
}).check(Schema.makeFilter((chunk) => "choices" in chunk || chunk.usage != null))

export const chunkParts = ({ choices, model, usage }: typeof Chunk.Type): ReadonlyArray<Part> => {
  const choice = choices?.[0]
  const parts = saidParts(choice?.delta)
  if (content.ends(choice?.finish_reason)) return [...parts, finish({ model, reason: choice?.finish_reason, usage })]
  return usage == null ? parts : [
    ...parts,
    { _tag: "Usage", usage: usageOf(usage), model: model ?? undefined, last: choice === undefined }
  ]
}
