/** What the servers that speak like OpenAI say in different ways. */
import * as Schema from "effect/Schema"

/** Text, or parts of it: the thoughts of a model may be beside what it says. */
export const Content = Schema.Union([
  Schema.String,
  Schema.Array(Schema.Union([
    Schema.String,
    Schema.Struct({ type: Schema.optionalKey(Schema.Unknown), text: Schema.optionalKey(Schema.Unknown) })
  ]))
])

const isSaid = (type: unknown): boolean => type === "text" || type === "output_text" || type == null

/** The text that is to be said. */
export const textOf = (content: typeof Content.Type | null | undefined): string =>
  typeof content === "string" || content == null ?
    content ?? "" :
    content.map((part) =>
      typeof part === "string" ? part : isSaid(part.type) && typeof part.text === "string" ? part.text : ""
    ).join("")

/** Whether a `finish_reason` is one: some servers tell an empty one with every chunk. */
export const ends = (reason: string | null | undefined): boolean => reason != null && reason !== "" && reason !== "null"
