/** The shape that most chat servers have in common: messages of a role and content, functions as tools. */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import { type Attached, type Call, callOf, complete, stepFields, united } from "../llm/attached.ts"

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

const assistant = (message: Prompt.AssistantMessage, attached: Attached): ReadonlyArray<Message> => {
  const text = textOf(message.content)
  const calls = message.content.flatMap((part): ReadonlyArray<Call> =>
    part.type === "tool-call" && !part.providerExecuted
      ? [callOf(part, attached.key)]
      : []
  )
  if (text === "" && calls.length === 0) return []
  const said: Message = { ...stepFields(message, attached), role: "assistant", content: text === "" ? null : text }
  return [calls.length === 0 ? said : { ...said, tool_calls: calls }, ...results(message.content)]
}

/** The prompt as messages; what is neither text nor a tool is left out. */
export const messages = (prompt: Prompt.Prompt, attached: Attached): ReadonlyArray<Message> =>
  complete(
    united(prompt).flatMap((message): ReadonlyArray<Message> => {
      switch (message.role) {
        case "system":
          return [{ role: "system", content: message.content }]
        case "user":
          return [{ role: "user", content: textOf(message.content) }]
        case "assistant":
          return assistant(message, attached)
        case "tool":
          return results(message.content)
      }
    })
  )

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
