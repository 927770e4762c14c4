/** A prompt as the items of a conversation that is spoken with OpenAI. */
import type * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import type { ConversationItem, RealtimeConversationItemUserMessage } from "openai/resources/realtime/realtime"
import * as Audio from "../../Audio.ts"
import type * as Failure from "../../Failure.ts"
import { fromFile } from "../audio/wav.ts"
import { isAudio, isTranscript, withoutTranscript } from "../llm/heard.ts"
import { invalid } from "./client.ts"
import { dataUrl, fileOf, paramsText, resultText } from "./wire.ts"

/** The audio of both directions. */
export const format = { sampleRate: 24_000, channels: 1 } as const satisfies Audio.Format

/** One item that the conversation is to have. */
export interface Item {
  /** Two items of one key mean the same: the audio of what was said does not count. */
  readonly key: string
  /** What the assistant has said. */
  readonly said?: string | undefined
  readonly make: (id: string) => ConversationItem
}

/** A prompt, taken apart. */
export interface Told {
  readonly instructions: string
  readonly items: ReadonlyArray<Item>
}

type Content = RealtimeConversationItemUserMessage.Content

/** What was said, whatever stands between the words. */
export const plain = (said: string): string => said.trim().replaceAll(/\s+/g, " ")

export const saidKey = (text: string): string => `assistant ${plain(text)}`

export const callKey = (id: string): string => `call ${id}`

const systemItem = (text: string): Item => ({
  key: `system ${text}`,
  make: (id) => ({ id, type: "message", role: "system", content: [{ type: "input_text", text }] })
})

/** What can be sent, made when it is: the server has most of a conversation already. */
type Sendable = () => Content

const audioPart = (part: Prompt.FilePart, transcript: string | undefined): Effect.Effect<Sendable, Failure.Reason> =>
  Effect.suspend(() => {
    const bytes = part.data instanceof Uint8Array
      ? Result.succeed(part.data)
      : typeof part.data === "string"
      ? Base64.decode(part.data)
      : undefined
    const file = bytes === undefined || Result.isFailure(bytes) ? undefined : Audio.decodeWav(fromFile(bytes.success))
    if (file === undefined || Result.isFailure(file)) {
      return Effect.fail(invalid("prompt: only audio that is a WAV file, by its data, can be sent"))
    }
    const { success: frame } = file
    return Effect.succeed(() => {
      const converter = Audio.converter({ to: format })
      const heard = Audio.toBytes(Audio.concat([...converter.push([frame]), ...converter.flush()]))
      return {
        type: "input_audio",
        audio: Base64.encode(heard),
        ...(transcript === undefined ? undefined : { transcript })
      }
    })
  })

const contentPart = (
  part: Prompt.UserMessagePart,
  transcript: string | undefined
): Effect.Effect<Sendable, Failure.Reason> => {
  if (part.type === "text") return Effect.succeed(() => ({ type: "input_text", text: part.text }))
  if (isAudio(part)) return audioPart(part, transcript)
  if (part.mediaType.startsWith("image/") && "base64" in fileOf(part)) {
    return Effect.succeed(() => ({ type: "input_image", image_url: dataUrl(part) }))
  }
  return Effect.fail(invalid("prompt: only images and WAV files, by their data, can be sent"))
}

const keyOf = (part: Prompt.UserMessagePart): string => part.type === "text" ? part.text : dataUrl(part)

const userItem = ({ content }: Prompt.UserMessage): Effect.Effect<Item, Failure.Reason> => {
  const words = content.filter(isTranscript)
  const transcript = words.length === 0 || !content.some(isAudio) ? undefined : words.map(({ text }) => text).join("\n")
  const meant = words.length === 0 ? content : content.filter((part) => !isAudio(part))
  return Effect.map(
    Effect.forEach(withoutTranscript(content), (part) => contentPart(part, transcript)),
    (parts): Item => ({
      key: `user ${meant.map(keyOf).join("\n")}`,
      make: (id) => ({ id, type: "message", role: "user", content: parts.map((make) => make()) })
    })
  )
}

const assistantItems = ({ content }: Prompt.AssistantMessage): ReadonlyArray<Item> => {
  const said = content.flatMap((part) => part.type === "text" ? [part.text] : []).join("")
  const message: Item = {
    key: saidKey(said),
    said: plain(said),
    make: (id) => ({ id, type: "message", role: "assistant", content: [{ type: "output_text", text: said }] })
  }
  const calls = content.flatMap((part): ReadonlyArray<Item> =>
    part.type !== "tool-call" || part.providerExecuted ? [] : [{
      key: callKey(part.id),
      make: (id) => ({
        id,
        type: "function_call",
        call_id: part.id,
        name: part.name,
        arguments: paramsText(part.params)
      })
    }]
  )
  return said.trim() === "" ? calls : [message, ...calls]
}

const resultItems = ({ content }: Prompt.ToolMessage): ReadonlyArray<Item> =>
  content.flatMap((part): ReadonlyArray<Item> => {
    if (part.type !== "tool-result") return []
    const output = resultText(part)
    return [{
      key: `output ${part.id} ${output}`,
      make: (id) => ({ id, type: "function_call_output", call_id: part.id, output })
    }]
  })

const itemsOf = (message: Prompt.Message): Effect.Effect<ReadonlyArray<Item>, Failure.Reason> => {
  switch (message.role) {
    case "system":
      return Effect.succeed([systemItem(message.content)])
    case "user":
      return Effect.map(userItem(message), (item) => [item])
    case "assistant":
      return Effect.succeed(assistantItems(message))
    case "tool":
      return Effect.succeed(resultItems(message))
  }
}

/** The first system messages are the instructions, all else is what was said and done. */
export const toldBy = ({ content }: Prompt.Prompt): Effect.Effect<Told, Failure.Reason> => {
  const begins = content.findIndex(({ role }) => role !== "system")
  const first = begins === -1 ? content : content.slice(0, begins)
  const instructions = first.flatMap((message) => message.role === "system" ? [message.content] : []).join("\n\n")
  return Effect.map(
    Effect.forEach(content.slice(first.length), itemsOf),
    (items) => ({ instructions, items: items.flat() })
  )
}
