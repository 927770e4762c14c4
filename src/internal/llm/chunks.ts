/**
 * Answers of Chat Completions, whole or in chunks, as pieces of a reply: what
 * every server that speaks like OpenAI says, each in its own way.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type * as Failure from "../../Failure.ts"
import { hint } from "../provider/hints.ts"
import { errorIn } from "../provider/told.ts"
import type { Piece } from "./assembly.ts"
import * as content from "./content.ts"
import * as metadata from "./metadata.ts"
import * as metering from "./metering.ts"
import type * as Llm from "./model.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Usage = Schema.Struct({
  prompt_tokens: hint(Schema.Finite),
  completion_tokens: hint(Schema.Finite),
  prompt_tokens_details: hint(Schema.Struct({ cached_tokens: hint(Schema.Finite) })),
  completion_tokens_details: hint(Schema.Struct({ reasoning_tokens: hint(Schema.Finite) })),
  // DeepSeek's own name for what it had in its cache.
  prompt_cache_hit_tokens: hint(Schema.Finite)
})

const usageOf = (usage: typeof Usage.Type | null | undefined): Llm.Usage | undefined =>
  metering.usageOf({
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
    cachedInputTokens: usage?.prompt_tokens_details?.cached_tokens ?? usage?.prompt_cache_hit_tokens,
    reasoningTokens: usage?.completion_tokens_details?.reasoning_tokens
  })

const CallPart = Schema.StructWithRest(
  Schema.Struct({
    index: optional(Schema.Union([Schema.Finite, Schema.String])),
    id: optional(Schema.String),
    type: optional(Schema.Unknown),
    function: optional(Schema.StructWithRest(
      Schema.Struct({ name: optional(Schema.String), arguments: optional(Schema.Unknown) }),
      [Schema.Record(Schema.String, Schema.Unknown)]
    ))
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/** In one event, or in an answer that comes as a whole: looking at more would hold everybody else up. */
const mostCallParts = 1024

const CallParts = Schema.Array(Schema.Unknown).check(Schema.isMaxLength(mostCallParts)).pipe(
  Schema.decodeTo(Schema.Array(CallPart), SchemaTransformation.passthrough({ strict: false }))
)

/** Some servers write numbers as text. */
const indexOf = (told: number | string | null | undefined): number | undefined => {
  const index = typeof told === "string" && told.trim() !== "" ? Number(told) : told
  return typeof index === "number" && Number.isFinite(index) ? index : undefined
}

const callPart = ({ function: told, id, index, type: _, ...fields }: typeof CallPart.Type): Piece => {
  const { arguments: params, name, ...more } = told ?? {}
  return {
    _tag: "ToolCallPart",
    index: indexOf(index),
    id: id ?? undefined,
    name: name ?? undefined,
    params: params ?? undefined,
    fields: metadata.fieldsOf({ ...fields, function: metadata.fieldsOf(more) })
  }
}

const Said = Schema.Struct({
  content: optional(content.Content),
  refusal: optional(Schema.String),
  tool_calls: optional(CallParts),
  // What a call was before there were several.
  function_call: optional(Schema.Struct({ name: optional(Schema.String), arguments: optional(Schema.Unknown) })),
  reasoning_content: optional(Schema.Unknown),
  reasoning: optional(Schema.Unknown),
  reasoning_details: optional(Schema.Unknown),
  thinking_blocks: optional(Schema.Unknown),
  extra_content: optional(Schema.Unknown),
  provider_specific_fields: optional(Schema.Unknown)
})

const saidParts = (said: typeof Said.Type | null | undefined): ReadonlyArray<Piece> => {
  const { content: written, function_call: call, refusal, tool_calls: calls, ...rest } = said ?? {}
  const text = content.textOf(written) || refusal
  const fields = metadata.fieldsOf(rest)
  return [
    ...(fields === undefined && !content.thinks(written) ? [] : [{ _tag: "Thought", fields } as const]),
    ...(text ? [{ _tag: "Text", text } as const] : []),
    ...(calls ?? (call == null ? [] : [{ function: call }])).map(callPart)
  ]
}

const finish = ({ model, reason, usage }: {
  readonly model: string | null | undefined
  readonly reason: unknown
  readonly usage: typeof Usage.Type | null | undefined
}): Piece => ({
  _tag: "Finish",
  reason: content.finishReason(reason),
  usage: usageOf(usage),
  model: model ?? undefined
})

/** A whole answer. */
export const Completion = Schema.Struct({
  model: hint(Schema.String),
  choices: Schema.NonEmptyArray(Schema.Struct({ message: Said, finish_reason: optional(Schema.Unknown) })),
  usage: hint(Usage)
})

export const completionParts = ({ choices, model, usage }: typeof Completion.Type): ReadonlyArray<Piece> => [
  ...saidParts(choices[0].message),
  finish({ model, reason: choices[0].finish_reason, usage })
]

/** An error that says what it is; any other is as good as no answer. */
export const completionFailure = (json: unknown): Failure.Reason | undefined =>
  Predicate.isObject(json) && "error" in json && typeof json.error === "string" ? undefined : errorIn(json)

/** One event of an answer in pieces; the last one may be but a count of tokens. */
export const Chunk = Schema.Struct({
  id: optional(Schema.Unknown),
  model: hint(Schema.String),
  choices: optional(Schema.Array(Schema.Struct({
    delta: optional(Said),
    message: optional(Said),
    finish_reason: optional(Schema.Unknown)
  }))),
  usage: hint(Usage),
  // Where Groq counts, unless it is asked to do it as the others.
  x_groq: hint(Schema.Struct({ usage: hint(Usage) }))
})

export type Chunk = typeof Chunk.Type

/** What is no error, and yet has nothing of an answer, is none. */
export const StrictChunk = Chunk.check(Schema.makeFilter((chunk) => "choices" in chunk || chunk.usage != null))

export const chunkParts = ({ choices, model, usage: told, x_groq: groq }: Chunk): ReadonlyArray<Piece> => {
  const usage = told ?? groq?.usage
  const choice = choices?.[0]
  const whole = choice?.delta == null && choice?.message != null
  const parts: ReadonlyArray<Piece> = whole
    ? [{ _tag: "Whole", pieces: saidParts(choice.message) }]
    : saidParts(choice?.delta)
  if (content.ends(choice?.finish_reason)) return [...parts, finish({ model, reason: choice?.finish_reason, usage })]
  return usage == null ? parts : [
    ...parts,
    { _tag: "Usage", usage: usageOf(usage), model: model ?? undefined, last: choice === undefined }
  ]
}
