/** What a server of Chat Completions has attached to calls and steps, on its way back. */
import * as Prompt from "effect/ai/Prompt"
import * as metadata from "./metadata.ts"

type Part = Prompt.AssistantMessagePart

const isProviders = (part: Part): part is Prompt.ToolCallPart | Prompt.ToolResultPart =>
  (part.type === "tool-call" || part.type === "tool-result") && part.providerExecuted

/** Nothing but what was said, and what the provider has run itself meanwhile. */
const isText = ({ content }: Prompt.AssistantMessage): boolean =>
  content.every((part) => part.type === "text" || isProviders(part))

const isProvided = ({ content }: Prompt.AssistantMessage): boolean => content.every(isProviders)

/** Without what another provider has run itself, which no other one knows: a call goes with its result, or not at all. */
export const owned = (prompt: Prompt.Prompt, key: string | undefined): ReadonlyArray<Prompt.Message> => {
  const provided = prompt.content.flatMap((message) =>
    message.role === "assistant" ? message.content.filter(isProviders) : []
  )
  if (provided.length === 0) return prompt.content
  const isOwn = (part: Prompt.ToolCallPart | Prompt.ToolResultPart): boolean =>
    key !== undefined && metadata.of(key, part.options) !== undefined
  const foreign = new Set(provided.filter((part) => !isOwn(part)).map(({ id }) => id))
  for (const { id } of provided) {
    if (provided.filter((part) => part.id === id).length !== 2) foreign.add(id)
  }
  return prompt.content.map((message) =>
    message.role !== "assistant" ? message : Prompt.assistantMessage({
      content: message.content.filter((part) => !isProviders(part) || !foreign.has(part.id)),
      options: message.options
    })
  )
}

/** Some servers refuse what says nothing. */
const isSaid = ({ content }: Prompt.Message): boolean =>
  typeof content === "string"
    ? content.trim() !== ""
    : content.some((part) => part.type !== "text" || part.text.trim() !== "")

/**
 * What a step has said and what it has called, as one message: some servers take no call that stands by itself. Of what a
 * provider has run itself, that of the provider with this key; none without.
 */
export const united = (prompt: Prompt.Prompt, key?: string): ReadonlyArray<Prompt.Message> =>
  owned(prompt, key).filter(isSaid).reduce<Array<Prompt.Message>>((all, message) => {
    const before = all.at(-1)
    const joins = before?.role === "assistant" && message.role === "assistant" && isText(before) &&
      (isProvided(before) || message.content.every(({ type }) => type !== "text"))
    if (joins) {
      all[all.length - 1] = Prompt.assistantMessage({
        content: [...before.content, ...message.content],
        options: { ...before.options, ...message.options }
      })
    } else all.push(message)
    return all
  }, [])

const assistantText = (text: string): Prompt.AssistantMessage =>
  Prompt.assistantMessage({ content: [Prompt.textPart({ text })] })

const userText = (text: string): Prompt.UserMessage => Prompt.userMessage({ content: [Prompt.textPart({ text })] })

/** Two messages of one side as one. */
const joined = (before: Prompt.Message | undefined, message: Prompt.Message): Prompt.Message | undefined => {
  if (before?.role === "system" && message.role === "system") {
    return Prompt.systemMessage({ content: `${before.content}\n\n${message.content}` })
  }
  if (before?.role === "user" && message.role === "user") {
    return Prompt.userMessage({ content: [...before.content, ...message.content] })
  }
  if (before?.role !== "assistant" || message.role !== "assistant" || !isText(before)) return undefined
  const space = isText(message) ? [Prompt.textPart({ text: " " })] : []
  return Prompt.assistantMessage({
    content: [...before.content, ...space, ...message.content],
    options: { ...before.options, ...message.options }
  })
}

/** The order of roles that a server takes: with one system message, first, or with none. */
export type Order = "any" | "alternating" | "systemless"

/** One system message, first, then turns that begin with the user's and alternate: some templates take nothing else. */
const alternating = (messages: ReadonlyArray<Prompt.Message>, order: Order): ReadonlyArray<Prompt.Message> => {
  const all: Array<Prompt.Message> = []
  for (const message of messages) {
    const begins = all.every(({ role }) => role === "system")
    if (begins && message.role === "assistant") all.push(userText("…"))
    const isUsers = message.role === "system" && (!begins || order === "systemless")
    const mine = isUsers ? userText(`[Instructions]\n${message.content}`) : message
    // What a tool gave is answered before anybody speaks.
    if (all.at(-1)?.role === "tool" && mine.role === "user") all.push(assistantText("…"))
    const one = joined(all.at(-1), mine)
    if (one === undefined) all.push(mine)
    else all[all.length - 1] = one
  }
  return all
}

/** The messages of a prompt as a server takes them. */
export const messagesOf = (prompt: Prompt.Prompt, order: Order, key?: string): ReadonlyArray<Prompt.Message> =>
  order === "any" ? united(prompt, key) : alternating(united(prompt, key), order)

/** Whose metadata go back, and whether thoughts do: a model without tools has no use for them. */
export interface Attached {
  readonly key: string
  readonly thoughts: boolean
  /** @default "any" */
  readonly order?: Order | undefined
}

const isThought = (name: string): boolean => /^(reasoning|thinking|encrypted)/.test(name)

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
