/** What a server of Chat Completions has attached to calls and steps, on its way back. */
import * as Prompt from "effect/ai/Prompt"
import * as metadata from "./metadata.ts"

const isText = ({ content }: Prompt.AssistantMessage): boolean => content.every(({ type }) => type === "text")

/** What a step has said and what it has called, as one message: some servers take no call that stands by itself. */
export const united = (prompt: Prompt.Prompt): ReadonlyArray<Prompt.Message> =>
  prompt.content.reduce<Array<Prompt.Message>>((all, message) => {
    const before = all.at(-1)
    const joins = before?.role === "assistant" && message.role === "assistant" && isText(before) &&
      message.content.every(({ type }) => type !== "text")
    if (joins) {
      all[all.length - 1] = Prompt.assistantMessage({
        content: [...before.content, ...message.content],
        options: { ...before.options, ...message.options }
      })
    } else all.push(message)
    return all
  }, [])

/** Whose metadata go back, and whether thoughts do: a model without tools has no use for them. */
export interface Attached {
  readonly key: string
  readonly thoughts: boolean
}

const isThought = (name: string): boolean => /^(reasoning|thinking)/.test(name)

/** The fields of a step, for the message that it has become. */
export const stepFields = ({ options }: Prompt.AssistantMessage, { key, thoughts }: Attached): metadata.Fields => {
  const fields = Object.entries(metadata.of(key, options) ?? {})
  return Object.fromEntries(thoughts ? fields : fields.filter(([name]) => !isThought(name)))
}

export interface Call {
  readonly id: string
  readonly type: "function"
  readonly function: { readonly name: string; readonly arguments: string }
}

const paramsText = (params: unknown): string => typeof params === "string" ? params : JSON.stringify(params ?? {})

/** A call with what came with it. */
export const callOf = ({ id, name, options, params }: Prompt.ToolCallPart, key: string): Call => {
  const { function: more, ...fields } = metadata.of(key, options) ?? {}
  return {
    ...fields,
    id,
    type: "function",
    function: { ...(typeof more === "object" ? more : undefined), name, arguments: paramsText(params) }
  }
}

/**
 * DeepSeek asks for the thoughts of every message of the assistant once it has told any, and takes none for those
 * that nobody has thought about: a greeting, or what another model has said.
 */
export const complete = <A extends object>(messages: ReadonlyArray<A>): Array<A> => {
  const thinks = (message: A) => "reasoning_content" in message
  return messages.some(thinks)
    ? messages.map((message) =>
      "role" in message && message.role === "assistant" && !thinks(message)
        ? { ...message, reasoning_content: "" }
        : message
    )
    : [...messages]
}
