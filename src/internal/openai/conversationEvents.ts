/** What OpenAI's server tells of a conversation that it keeps. */
import * as Schema from "effect/Schema"
import { Count } from "../llm/chunks.ts"
import { own } from "../own.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"

const text = maybe(Schema.String)
const id = hint(Schema.String)
const count = hint(Count)

const Tokens = Schema.Struct({ audio_tokens: count, cached_tokens: count })

const Wrong = Schema.Struct({
  code: maybe(Schema.Unknown),
  type: maybe(Schema.Unknown),
  param: maybe(Schema.Unknown),
  message: maybe(Schema.Unknown)
})

const Output = Schema.Struct({
  id,
  type: id,
  status: id,
  call_id: id,
  name: id,
  arguments: maybe(Schema.Unknown)
})

export type Output = typeof Output.Type

const Event = Schema.Struct({
  type: id,
  response_id: id,
  item_id: id,
  delta: text,
  text: id,
  transcript: id,
  arguments: maybe(Schema.Unknown),
  item: hint(Output),
  response: hint(Schema.Struct({
    id,
    status: id,
    output: hint(Schema.Array(Output)),
    status_details: hint(Schema.Struct({ reason: id, error: hint(Wrong) })),
    usage: hint(Schema.Struct({
      input_tokens: count,
      output_tokens: count,
      input_token_details: hint(Schema.Struct({ ...Tokens.fields, cached_tokens_details: hint(Tokens) })),
      output_token_details: hint(Tokens)
    }))
  })),
  error: hint(Schema.Struct({ ...Wrong.fields, event_id: id })),
  // Beside the type, where an error is told by itself.
  code: maybe(Schema.Unknown),
  message: maybe(Schema.Unknown)
})

export type Event = typeof Event.Type

export const decode = decodeJson(Event)

/** Names that events had before, and still have with some servers. */
const otherNames: Readonly<Record<string, string>> = {
  "response.audio.delta": "response.output_audio.delta",
  "response.audio_transcript.delta": "response.output_audio_transcript.delta",
  "response.audio_transcript.done": "response.output_audio_transcript.done",
  "response.text.delta": "response.output_text.delta",
  "response.text.done": "response.output_text.done"
}

/** The name of an event as it is now. */
export const kindOf = ({ type }: Event): string | undefined => type == null ? undefined : own(otherNames, type) ?? type
