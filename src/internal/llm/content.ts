/** What the servers that speak like OpenAI say in different ways. */
import * as Schema from "effect/Schema"
import type * as Llm from "./model.ts"

const Part = Schema.Struct({ type: Schema.optionalKey(Schema.Unknown), text: Schema.optionalKey(Schema.Unknown) })

/** Text, or parts of it: the thoughts of a model may be beside what it says. */
export const Content = Schema.Union([Schema.String, Schema.Array(Schema.Union([Schema.String, Part])), Part])

type Parts = ReadonlyArray<string | typeof Part.Type>

const isList = (content: typeof Content.Type): content is Parts => Array.isArray(content)

const partsOf = (content: typeof Content.Type | null | undefined): Parts =>
  content == null ? [] : isList(content) ? content : [content]

const isSaid = (type: unknown): boolean => type === "text" || type === "output_text" || type == null

/** The text that is to be said. */
export const textOf = (content: typeof Content.Type | null | undefined): string =>
  partsOf(content).map((part) =>
    typeof part === "string" ? part : isSaid(part.type) && typeof part.text === "string" ? part.text : ""
  ).join("")

/** Whether some of it is a thought. */
export const thinks = (content: typeof Content.Type | null | undefined): boolean =>
  partsOf(content).some((part) => typeof part !== "string" && !isSaid(part.type))

/** Whether a `finish_reason` is one: some servers tell an empty one with every chunk. */
export const ends = (reason: unknown): boolean => reason != null && reason !== "" && reason !== "null"

/** What a `finish_reason` means: of those that other servers have, too. */
export const finishReason = (reason: unknown): Llm.FinishReason | undefined => {
  // What is no text cannot be asked to become one.
  const told = typeof reason === "string" ? reason.toLowerCase() : typeof reason
  switch (ends(reason) ? told : undefined) {
    case undefined:
      return undefined
    case "stop":
    case "eos":
    case "eos_token":
    case "end_turn":
    case "stop_sequence":
      return "stop"
    case "length":
    case "max_tokens":
    case "model_length":
      return "length"
    case "tool_calls":
    case "tool_call":
    case "tool_use":
    case "function_call":
      return "tool-calls"
    case "content_filter":
    case "content-filter":
    case "safety":
    case "recitation":
    case "prohibited_content":
    case "blocklist":
    case "spii":
    case "refusal":
    case "sensitive":
      return "content-filter"
    case "error":
    case "malformed_function_call":
      return "error"
    default:
      return "other"
  }
}
