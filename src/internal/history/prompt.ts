/** History to prompt and back. */
import * as Prompt from "effect/ai/Prompt"
import type { Item, Message, PromptOptions, Step, ToolCall } from "../../History.ts"
import * as Json from "../tools/json.ts"
import { saysNothing } from "./aside.ts"
import * as pairs from "./pairs.ts"

export const toPrompt = (items: ReadonlyArray<Item>, options: PromptOptions): Prompt.Prompt => {
  const paired = pairs.find(items)
  const place = new Map(items.map((item, i) => [item, i]))
  const messages: Array<Prompt.Message> = []
  const system = (text: string | undefined) => {
    if (text !== undefined && text.trim() !== "") messages.push(Prompt.systemMessage({ content: text }))
  }
  let step: Array<pairs.Pair> = []
  // What was attached to a step goes with its first message alone.
  const attached = new Set<string>()
  const optionsOf = (one: Step | undefined): Prompt.ProviderOptions => {
    if (one?.metadata === undefined || attached.has(one.id)) return {}
    attached.add(one.id)
    return one.metadata
  }
  const endStep = () => {
    if (step.length > 0) {
      const calls = step.toSorted((a, b) => place.get(a.call)! - place.get(b.call)!)
      messages.push(...stepMessages(calls, optionsOf(calls[0]?.call.step)))
      step = []
    }
  }
  /** Whether what comes next is of the step that is being gathered. */
  const continues = (item: ToolCall): boolean => {
    const before = step.at(-1)?.call.step
    return before !== undefined && before.id === item.step?.id
  }

  system(options.instructions)
  for (const item of items) {
    switch (item._tag) {
      case "Message":
        if (item.text.trim() === "" || saysNothing(item.setAside)) break
        endStep()
        messages.push(messageOf(item, optionsOf(item.step)))
        break
      case "ToolCall":
        // A call after an output was made with that output in view, but for those of the same step.
        if (paired.has(item) && !continues(item)) endStep()
        break
      case "ToolOutput": {
        const pair = paired.get(item)
        if (pair !== undefined) step.push(pair)
        break
      }
      case "Summary":
        endStep()
        system(`What was said before, in short:\n${item.text}`)
        break
      case "Handoff":
        break
    }
  }
  endStep()
  system(options.extra)
  return Prompt.fromMessages(messages)
}

const made = new WeakMap<Item, Prompt.Message>()

/** Made once for each item: every request of a long conversation has all of it, and they share the messages. */
const messageOf = (item: Message, options: Prompt.ProviderOptions): Prompt.Message => {
  const existing = made.get(item)
  if (existing !== undefined) return existing
  const fresh = message(item, options)
  made.set(item, fresh)
  return fresh
}

const textOf = ({ metadata, text }: Message): Prompt.TextPart =>
  Prompt.textPart({ text, ...(metadata === undefined ? undefined : { options: metadata }) })

const message = (item: Message, options: Prompt.ProviderOptions): Prompt.Message => {
  switch (item.role) {
    case "system":
      return Prompt.systemMessage({ content: item.text })
    case "user":
      return Prompt.userMessage({ content: [Prompt.textPart({ text: item.text })] })
    case "assistant":
      return Prompt.assistantMessage({ content: [textOf(item)], options })
  }
}

const stepMessages = (
  step: ReadonlyArray<pairs.Pair>,
  options: Prompt.ProviderOptions
): ReadonlyArray<Prompt.Message> => [
  Prompt.assistantMessage({
    content: step.map(({ call: { callId: id, metadata, name, params } }) =>
      Prompt.toolCallPart({
        id,
        name,
        params,
        providerExecuted: false,
        ...(metadata === undefined ? undefined : { options: metadata })
      })
    ),
    options
  }),
  Prompt.toolMessage({
    content: step.map(({ call, output }) =>
      Prompt.toolResultPart({
        id: call.callId,
        name: call.name,
        isFailure: output.isFailure,
        result: output.output,
        providerExecuted: false
      })
    )
  })
]

export const fromPrompt = (
  prompt: Prompt.Prompt,
  createdAt: number,
  id: (index: number) => string
): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  const next = () => ({ id: id(items.length), createdAt })
  const text = (role: "system" | "user" | "assistant", text: string, attached?: { readonly step: Step }) => {
    if (text.trim() !== "") items.push({ _tag: "Message", ...next(), role, text, interrupted: false, ...attached })
  }
  for (const message of prompt.content) {
    if (message.role === "system") {
      text("system", message.content)
      continue
    }
    const attached = message.role === "assistant" ? stepOf(message, `step-${id(items.length)}`) : undefined
    if (message.role !== "tool") text(message.role, written(message.content), attached)
    for (const part of message.content) {
      if (part.type === "tool-call") {
        const { id: callId, name, options, params } = part
        items.push({
          _tag: "ToolCall",
          ...next(),
          callId,
          name,
          params: Json.from(params),
          ...attached,
          ...metadataOf(options)
        })
      }
      if (part.type === "tool-result") {
        const { id: callId, isFailure, name, result } = part
        items.push({ _tag: "ToolOutput", ...next(), callId, name, output: Json.from(result), isFailure })
      }
    }
  }
  return items
}

const metadataOf = (options: Prompt.ProviderOptions) => Object.keys(options).length === 0 ? {} : { metadata: options }

/** A step where it says more than its order does. */
const stepOf = ({ options }: Prompt.AssistantMessage, id: string): { readonly step: Step } | undefined =>
  Object.keys(options).length > 0 ? { step: { id, ...metadataOf(options) } } : undefined

const written = (parts: ReadonlyArray<Prompt.UserMessagePart | Prompt.AssistantMessagePart>): string =>
  parts.flatMap((part) => part.type === "text" ? [part.text] : []).join("")
