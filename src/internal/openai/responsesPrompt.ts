/** A prompt as the items of the interface Responses. */
import type * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import type { ResponseInputContent, ResponseInputItem } from "openai/resources/responses/responses"
import type * as Failure from "../../Failure.ts"
import { messagesOf, type Order } from "../llm/attached.ts"
import * as metadata from "../llm/metadata.ts"
import { invalid } from "./client.ts"
import { itemOf } from "./hostedCalls.ts"
import { dataUrl, fileOf, paramsText, resultText } from "./wire.ts"

type Item = ResponseInputItem

const contentPart = (part: Prompt.UserMessagePart): Effect.Effect<ResponseInputContent, Failure.InvalidRequest> => {
  if (part.type === "text") return Effect.succeed({ type: "input_text", text: part.text })
  if (part.mediaType.startsWith("image/")) {
    return Effect.succeed({ type: "input_image", image_url: dataUrl(part), detail: "auto" })
  }
  if (part.mediaType === "application/pdf") {
    const file = fileOf(part)
    return Effect.succeed(
      "url" in file
        ? { type: "input_file", file_url: file.url }
        : { type: "input_file", filename: part.fileName ?? "file.pdf", file_data: dataUrl(part) }
    )
  }
  return Effect.fail(invalid("prompt: only images and PDF files can be sent"))
}

const output = (part: Prompt.ToolResultPart): Item => ({
  type: "function_call_output",
  call_id: part.id,
  output: resultText(part)
})

// llama.cpp's server knows what was said before in this form only; OpenAI takes it without the id and the status that
// its package asks for.
const said = (text: string, phase: unknown): Item =>
  ({
    type: "message",
    role: "assistant",
    content: [{ type: "output_text", text }],
    ...(phase === undefined ? undefined : { phase })
  }) as unknown as Item

/** What was thought before an item, for the model that has thought it. */
const thoughts = (fields: metadata.Fields | undefined): ReadonlyArray<Item> => {
  const { reasoning = [] } = fields ?? {}
  return Array.isArray(reasoning) ? reasoning as ReadonlyArray<unknown> as ReadonlyArray<Item> : []
}

const assistantItems = (message: Prompt.AssistantMessage, key: string): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  const step = metadata.of(key, message.options)
  // Thoughts without the item that followed from them are refused.
  let thought = false
  for (const part of message.content) {
    const fields = part.type === "tool-call" && part.providerExecuted ? metadata.of(key, part.options) : undefined
    const item = itemOf(fields)
    if (item !== undefined) items.push(...thoughts(fields), item as Item)
    if (!thought && (part.type === "text" || (part.type === "tool-call" && !part.providerExecuted))) {
      items.push(...thoughts(step))
      thought = true
    }
    if (part.type === "text" && part.text !== "") items.push(said(part.text, step?.["phase"]))
    if (part.type === "tool-call" && !part.providerExecuted) {
      items.push(...thoughts(metadata.of(key, part.options)))
      items.push({ type: "function_call", call_id: part.id, name: part.name, arguments: paramsText(part.params) })
    }
    if (part.type === "tool-result" && !part.providerExecuted) items.push(output(part))
  }
  return items
}

/** A call that is repeated has its thoughts again, and no id may come twice. */
const once = (items: ReadonlyArray<Item>): Array<Item> => {
  const known = new Set<string>()
  return items.map((item) => {
    if (item.type !== "reasoning" || !known.has(item.id)) {
      if (item.type === "reasoning") known.add(item.id)
      return item
    }
    const { id: _, ...rest } = item
    return rest as Item
  })
}

/** The items, in order. */
export const items = (
  prompt: Prompt.Prompt,
  { hosted, key, order }: {
    readonly key: string
    readonly order: Order
    /** The server takes back what it has run itself. */
    readonly hosted: boolean
  }
): Effect.Effect<Array<Item>, Failure.InvalidRequest> =>
  Effect.map(
    Effect.forEach(
      messagesOf(prompt, order, hosted ? key : undefined),
      (message): Effect.Effect<ReadonlyArray<Item>, Failure.InvalidRequest> => {
        switch (message.role) {
          case "system":
            return Effect.succeed([{ role: "system", content: message.content }])
          case "user":
            return Effect.map(Effect.forEach(message.content, contentPart), (content) => [{ role: "user", content }])
          case "assistant":
            return Effect.succeed(assistantItems(message, key))
          case "tool":
            return Effect.succeed(message.content.flatMap((part) => part.type === "tool-result" ? [output(part)] : []))
        }
      }
    ),
    (items) => once(items.flat())
  )
