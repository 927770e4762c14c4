/**
 * Answers of Chat Completions, whole or in chunks, as pieces of a reply: what
 * every server that speaks like OpenAI says, each in its own way.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type * as Failure from "../../Failure.ts"
import { hint, maybe } from "../provider/hints.ts"
import { errorIn } from "../provider/told.ts"
import type { Piece } from "./assembly.ts"
import * as content from "./content.ts"
import * as metadata from "./metadata.ts"
import * as metering from "./metering.ts"
import type * as Llm from "./model.ts"

/** A count; some servers write numbers as text. */
export const Count = Schema.Union([
  Schema.Finite,
  Schema.Trim.check(Schema.isPattern(/^\d+(?:\.\d+)?$/)).pipe(Schema.decodeTo(Schema.FiniteFromString))
])

/** Counts of tokens by each of the names that servers have for them. */
export const Usage = Schema.Struct({
  prompt_tokens: hint(Count),
  completion_tokens: hint(Count),
  total_tokens: hint(Count),
  prompt_tokens_details: hint(Schema.Struct({ cached_tokens: hint(Count) })),
  completion_tokens_details: hint(Schema.Struct({ reasoning_tokens: hint(Count) })),
  input_tokens: hint(Count),
  output_tokens: hint(Count),
  input_tokens_details: hint(Schema.Struct({ cached_tokens: hint(Count) })),
  output_tokens_details: hint(Schema.Struct({ reasoning_tokens: hint(Count) })),
  // What DeepSeek and Moonshot had in their caches.
  prompt_cache_hit_tokens: hint(Count),
  cached_tokens: hint(Count)
})

export const usageOf = (usage: typeof Usage.Type | null | undefined): Llm.Usage | undefined => {
  const input = usage?.prompt_tokens ?? usage?.input_tokens
  const output = usage?.completion_tokens ?? usage?.output_tokens
  // Some count what was thought in the total alone; it is paid for as what is written.
  const rest = (usage?.total_tokens ?? 0) - (input ?? 0)
  return metering.usageOf({
    inputTokens: input,
    outputTokens: input == null || output == null || rest <= output ? output : rest,
    cachedInputTokens: usage?.prompt_tokens_details?.cached_tokens ?? usage?.input_tokens_details?.cached_tokens ??
      usage?.prompt_cache_hit_tokens ?? usage?.cached_tokens,
    reasoningTokens: usage?.completion_tokens_details?.reasoning_tokens ??
      usage?.output_tokens_details?.reasoning_tokens
  })
}

/** In one event, or in an answer that comes as a whole: looking at more would hold everybody else up. */
const mostCallParts = 1024

type Told = Readonly<Record<string, unknown>>

/** Calls as a list; some servers tell one by itself, or several by their numbers. */
const calls = (told: unknown): ReadonlyArray<Told> => {
  if (Array.isArray(told)) return told.filter(Predicate.isObject)
  if (!Predicate.isObject(told)) return []
  return "function" in told || "name" in told ? [told] : Object.values(told).filter(Predicate.isObject)
}

const Calls = Schema.Unknown.check(
  Schema.makeFilter((told) => !Array.isArray(told) || told.length <= mostCallParts)
)

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined

/** Some servers write numbers as text. */
const indexOf = (told: unknown): number | undefined => {
  const index = typeof told === "string" && told.trim() !== "" ? Number(told) : told
  return typeof index === "number" && Number.isFinite(index) ? index : undefined
}

/** What is told of a call: its name and parameters stand in `function`, or by themselves. */
const callPart = ({ function: inner, id, index, type: _, ...fields }: Told): Piece => {
  const flat = inner === undefined || inner === null
  const { arguments: params, input, name, parameters, ...more }: Told = flat
    ? fields
    : Predicate.isObject(inner)
    ? inner
    : {}
  return {
    _tag: "ToolCallPart",
    index: indexOf(index),
    id: textOf(id),
    name: textOf(name),
    params: params ?? parameters ?? input ?? undefined,
    fields: metadata.fieldsOf(flat ? more : { ...fields, function: metadata.fieldsOf(more) })
  }
}

/** Names of what a provider attaches to a step and may want to see again, beside those that are known. */
const attached = /^(?:reasoning|thinking|thought|encrypted)|_(?:signature|opaque)$/

const Said = Schema.StructWithRest(
  Schema.Struct({
    content: maybe(content.Content),
    refusal: hint(Schema.String),
    tool_calls: maybe(Calls),
    // What a call was before there were several.
    function_call: maybe(Schema.Unknown),
    extra_content: maybe(Schema.Unknown),
    provider_specific_fields: maybe(Schema.Unknown)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/** Where PHP writes nothing, it writes a list of nothing. */
const Delta = Schema.Union([Said, Schema.Tuple([])])

/** Google says so of a text that is a thought, and would take it for one if it had it back with that. */
const thoughtIn = (extra: unknown): { readonly isThought: boolean; readonly extra: unknown } => {
  if (!Predicate.isObject(extra) || !Predicate.isObject(extra["google"])) return { isThought: false, extra }
  const { thought, ...google } = extra["google"]
  const { google: _, ...others } = extra
  const rest = Object.keys(google).length === 0 ? others : { ...others, google }
  return { isThought: thought === true, extra: Object.keys(rest).length === 0 ? undefined : rest }
}

const saidParts = (said: typeof Delta.Type | null | undefined): ReadonlyArray<Piece> => {
  if (said === null || said === undefined || Array.isArray(said)) return []
  const {
    content: written,
    extra_content,
    function_call: call,
    provider_specific_fields,
    refusal,
    tool_calls,
    ...rest
  } = said as typeof Said.Type
  const { extra, isThought } = thoughtIn(extra_content)
  const text = isThought ? "" : content.textOf(written) || refusal
  const fields = metadata.fieldsOf({
    ...Object.fromEntries(Object.entries(rest).filter(([name]) => attached.test(name))),
    extra_content: extra,
    provider_specific_fields
  })
  const told = calls(tool_calls)
  return [
    ...(fields === undefined && !isThought && !content.thinks(written) ? [] : [{ _tag: "Thought", fields } as const]),
    ...(text ? [{ _tag: "Text", text } as const] : []),
    ...(told.length > 0 ? told : Predicate.isObject(call) ? [{ function: call }] : []).map(callPart)
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
  choices: Schema.NonEmptyArray(Schema.Struct({ message: Delta, finish_reason: maybe(Schema.Unknown) })),
  usage: hint(Usage)
})

export const completionParts = ({ choices, model, usage }: typeof Completion.Type): ReadonlyArray<Piece> => [
  ...saidParts(choices[0].message),
  finish({ model, reason: choices[0].finish_reason, usage })
]

/** An error that says what it is; any other is as good as no answer. */
export const completionFailure = (json: unknown): Failure.Reason | undefined =>
  Predicate.isObject(json) && "error" in json && typeof json.error === "string" ? undefined : errorIn(json)

const Choice = Schema.Struct({
  delta: maybe(Delta),
  message: maybe(Delta),
  // As the interface before this one has it.
  text: hint(Schema.String),
  finish_reason: maybe(Schema.Unknown),
  // Where Moonshot counts.
  usage: hint(Usage)
})

/** One event of an answer in pieces; the last one may be but a count of tokens. */
export const Chunk = Schema.Struct({
  id: maybe(Schema.Unknown),
  model: hint(Schema.String),
  choices: maybe(Schema.Array(Schema.NullOr(Choice))),
  usage: hint(Usage),
  // Where Groq counts, unless it is asked to do it as the others.
  x_groq: hint(Schema.Struct({ usage: hint(Usage) }))
})

export type Chunk = typeof Chunk.Type

const isBeat = (chunk: object): boolean => Object.keys(chunk).every((name) => name === "type")

/** What is no error, and yet has nothing of an answer, is none. */
export const StrictChunk = Schema.Unknown.check(
  Schema.makeFilter((chunk) =>
    Predicate.isObject(chunk) &&
    ("choices" in chunk || ("usage" in chunk && Predicate.isObject(chunk.usage)) || isBeat(chunk))
  )
).pipe(Schema.decodeTo(Chunk, SchemaTransformation.passthrough({ strict: false })))

const deltaParts = (choice: typeof Choice.Type | undefined): ReadonlyArray<Piece> => {
  if (choice === undefined) return []
  const { delta, message, text } = choice
  if (message != null) return [...saidParts(delta), { _tag: "Whole", pieces: saidParts(message) }]
  return delta == null && text ? [{ _tag: "Text", text }] : saidParts(delta)
}

export const chunkParts = ({ choices, model, usage: told, x_groq: groq }: Chunk): ReadonlyArray<Piece> => {
  const choice = choices?.find(Predicate.isNotNull)
  const usage = told ?? choice?.usage ?? groq?.usage
  const parts = deltaParts(choice)
  if (content.ends(choice?.finish_reason)) return [...parts, finish({ model, reason: choice?.finish_reason, usage })]
  return usage == null ? parts : [
    ...parts,
    { _tag: "Usage", usage: usageOf(usage), model: model ?? undefined, last: choice === undefined }
  ]
}
