/** A prompt as the messages of Chat Completions. */
import type * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import type { ChatCompletionContentPart, ChatCompletionMessageParam } from "openai/resources/chat/completions"
import type * as Failure from "../../Failure.ts"
import { type Attached, callOf, complete, messagesOf, stepFields } from "../llm/attached.ts"
import { withoutTranscript } from "../llm/heard.ts"
import { invalid } from "./client.ts"
import { dataUrl, fileOf, resultText } from "./wire.ts"

type Message = ChatCompletionMessageParam

const audioFormat = (mediaType: string): "wav" | "mp3" | undefined => {
  if (/^audio\/(wav|x-wav|wave)$/.test(mediaType)) return "wav"
  return /^audio\/(mpeg|mp3)$/.test(mediaType) ? "mp3" : undefined
}

const contentPart = (
  part: Prompt.UserMessagePart
): Effect.Effect<ChatCompletionContentPart, Failure.InvalidRequest> => {
  if (part.type === "text") return Effect.succeed({ type: "text", text: part.text })
  const file = fileOf(part)
  if (part.mediaType.startsWith("image/")) {
    return Effect.succeed({ type: "image_url", image_url: { url: dataUrl(part) } })
  }
  const format = audioFormat(part.mediaType)
  if (format !== undefined && "base64" in file) {
    return Effect.succeed({ type: "input_audio", input_audio: { data: file.base64, format } })
  }
  if (part.mediaType === "application/pdf" && "base64" in file) {
    return Effect.succeed({
      type: "file",
      file: { filename: part.fileName ?? "file.pdf", file_data: dataUrl(part) }
    })
  }
  return Effect.fail(invalid("prompt: only images, and wav, mp3 and PDF files by their data, can be sent"))
}

const userMessage = ({ content }: Prompt.UserMessage): Effect.Effect<Message, Failure.InvalidRequest> => {
  const parts = withoutTranscript(content)
  const texts = parts.flatMap((part) => part.type === "text" ? [part.text] : [])
  // Many servers take the plain string only.
  return texts.length === parts.length
    ? Effect.succeed({ role: "user", content: texts.join("\n") })
    : Effect.map(Effect.forEach(parts, contentPart), (content) => ({ role: "user", content }))
}

const result = (part: Prompt.ToolResultPart): Message => ({
  role: "tool",
  tool_call_id: part.id,
  content: resultText(part)
})

const assistantMessages = (message: Prompt.AssistantMessage, attached: Attached): ReadonlyArray<Message> => {
  const text = message.content.flatMap((part) => part.type === "text" ? [part.text] : []).join("")
  const calls = message.content.flatMap((part) =>
    part.type === "tool-call" && !part.providerExecuted
      ? [callOf(part, attached.key)]
      : []
  )
  if (text === "" && calls.length === 0) return []
  const results = message.content.flatMap((part) =>
    part.type === "tool-result" && !part.providerExecuted ? [result(part)] : []
  )
  return [
    {
      role: "assistant",
      ...stepFields(message, attached),
      content: text === "" ? null : text,
      ...(calls.length === 0 ? undefined : { tool_calls: calls })
    },
    ...results
  ]
}

/** The messages, in order. */
export const messages = (
  prompt: Prompt.Prompt,
  attached: Attached
): Effect.Effect<Array<Message>, Failure.InvalidRequest> =>
  Effect.map(
    Effect.forEach(
      messagesOf(prompt, attached.order ?? "any"),
      (message): Effect.Effect<ReadonlyArray<Message>, Failure.InvalidRequest> => {
        switch (message.role) {
          case "system":
            return Effect.succeed([{ role: "system", content: message.content }])
          case "user":
            return Effect.map(userMessage(message), (message) => [message])
          case "assistant":
            return Effect.succeed(assistantMessages(message, attached))
          case "tool":
            return Effect.succeed(message.content.flatMap((part) => part.type === "tool-result" ? [result(part)] : []))
        }
      }
    ),
    (messages) => complete(messages.flat())
  )
