/** History to prompt and back. */
import * as Prompt from "effect/ai/Prompt"
import type { Item, PromptOptions } from "../../History.ts"
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
  const endStep = () => {
    if (step.length === 0) return
    messages.push(...stepMessages(step.toSorted((a, b) => place.get(a.call)! - place.get(b.call)!)))
    step = []
  }

  system(options.instructions)
  for (const item of items) {
    switch (item._tag) {
      case "Message":
        if (item.text.trim() === "" || saysNothing(item.setAside)) break
        endStep()
        messages.push(messageOf(item))
        break
      case "ToolCall":
        // A call after an output was made with that output in view.
        if (paired.has(item)) endStep()
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
const messageOf = (item: Extract<Item, { readonly _tag: "Message" }>): Prompt.Message => {
  const existing = made.get(item)
  if (existing !== undefined) return existing
  const fresh = message(item.role, item.text)
  made.set(item, fresh)
  return fresh
}

const message = (role: "system" | "user" | "assistant", text: string): Prompt.Message => {
  switch (role) {
    case "system":
      return Prompt.systemMessage({ content: text })
    case "user":
      return Prompt.userMessage({ content: [Prompt.textPart({ text })] })
    case "assistant":
      return Prompt.assistantMessage({ content: [Prompt.textPart({ text })] })
  }
}

const stepMessages = (step: ReadonlyArray<pairs.Pair>): ReadonlyArray<Prompt.Message> => [
  Prompt.assistantMessage({
    content: step.map(({ call }) =>
      Prompt.toolCallPart({ id: call.callId, name: call.name, params: call.params, providerExecuted: false })
    )
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
  const text = (role: "system" | "user" | "assistant", text: string) => {
    if (text.trim() !== "") items.push({ _tag: "Message", ...next(), role, text, interrupted: false })
  }
  for (const message of prompt.content) {
    if (message.role === "system") {
      text("system", message.content)
      continue
    }
    if (message.role !== "tool") {
      text(message.role, textOf(message.content))
    }
    for (const part of message.content) {
      if (part.type === "tool-call") {
        const { id: callId, name, params } = part
        items.push({ _tag: "ToolCall", ...next(), callId, name, params: Json.from(params) })
      }
      if (part.type === "tool-result") {
        const { id: callId, isFailure, name, result } = part
        items.push({ _tag: "ToolOutput", ...next(), callId, name, output: Json.from(result), isFailure })
      }
    }
  }
  return items
}

const textOf = (parts: ReadonlyArray<Prompt.UserMessagePart | Prompt.AssistantMessagePart>): string =>
  parts.flatMap((part) => part.type === "text" ? [part.text] : []).join("")
