/** What the servers that speak like OpenAI say in different ways. */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Llm from "./model.ts"

const Part = Schema.Struct({
  type: Schema.optionalKey(Schema.Unknown),
  text: Schema.optionalKey(Schema.Unknown),
  refusal: Schema.optionalKey(Schema.Unknown)
})

/** Text, or parts of it: the thoughts of a model may be beside what it says. A number is one that a server took it for. */
export const Content = Schema.Union([
  Schema.String,
  Schema.Finite,
  Schema.Boolean,
  Schema.Array(Schema.NullOr(Schema.Union([Schema.String, Part]))),
  Part
])

type Parts = ReadonlyArray<string | typeof Part.Type | null>

const isList = (content: typeof Content.Type): content is Parts => Array.isArray(content)

const partsOf = (content: typeof Content.Type | null | undefined): Parts => {
  if (content === null || content === undefined || typeof content === "boolean") return []
  if (typeof content === "number") return [String(content)]
  return isList(content) ? content : [content]
}

const isSaid = ({ type }: typeof Part.Type): boolean =>
  type === undefined || type === null || type === "refusal" ||
  (typeof type === "string" && /^(?:output_)?text(?:_delta)?$/.test(type))

/** A text, or an object that holds one. */
const textIn = (text: unknown): string => {
  if (typeof text === "string") return text
  return Predicate.hasProperty(text, "value") && typeof text.value === "string" ? text.value : ""
}

/** The text that is to be said. */
export const textOf = (content: typeof Content.Type | null | undefined): string =>
  partsOf(content).map((part) => {
    if (part === null || typeof part === "string") return part ?? ""
    return isSaid(part) ? textIn(part.text) || textIn(part.refusal) : ""
  }).join("")

/** Whether some of it is a thought. */
export const thinks = (content: typeof Content.Type | null | undefined): boolean =>
  partsOf(content).some((part) => part !== null && typeof part !== "string" && !isSaid(part))

/** A `finish_reason` as one word; "" where it is none: some servers tell such a one with every chunk. */
const wordOf = (reason: unknown): string => {
  // What is no text cannot be asked to become one.
  if (typeof reason !== "string") return reason === null || reason === undefined ? "" : typeof reason
  const word = reason.trim().toLowerCase().replace(/^finish_?reason[._]/, "").replaceAll("-", "_")
  return word === "null" || word === "none" || word === "unspecified" ? "" : word
}

/** Whether a `finish_reason` is one. */
export const ends = (reason: unknown): boolean => wordOf(reason) !== ""

/** What a `finish_reason` means: of those that other servers have, too. */
export const finishReason = (reason: unknown): Llm.FinishReason | undefined => {
  switch (wordOf(reason)) {
    case "":
      return undefined
    case "stop":
    case "eos":
    case "eos_token":
    case "end_turn":
    case "end_of_turn":
    case "stop_sequence":
    case "complete":
    case "completed":
    case "finished":
    case "done":
      return "stop"
    case "length":
    case "max_tokens":
    case "max_output_tokens":
    case "max_length":
    case "model_length":
    case "token_limit":
    case "model_context_window_exceeded":
    case "context_length_exceeded":
      return "length"
    case "tool_calls":
    case "tool_call":
    case "tool_use":
    case "function_call":
    case "function_calls":
      return "tool-calls"
    case "content_filter":
    case "content_filtered":
    case "guardrail_intervened":
    case "error_toxic":
    case "image_safety":
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
    case "unexpected_tool_call":
    case "too_many_tool_calls":
      return "error"
    default:
      return "other"
  }
}
