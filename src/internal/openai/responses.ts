/**
 * Responses, streamed: OpenAI's own newer interface. Nothing is stored there,
 * the whole prompt is sent every time.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import type { ResponseCreateParamsStreaming } from "openai/resources/responses/responses"
import * as Failure from "../../Failure.ts"
import { assembled, doneMark, type Piece } from "../llm/assembly.ts"
import * as content from "../llm/content.ts"
import * as metadata from "../llm/metadata.ts"
import { usageOf } from "../llm/metering.ts"
import type * as Llm from "../llm/model.ts"
import { hint } from "../provider/hints.ts"
import { toldReason } from "../provider/told.ts"
import { events } from "./client.ts"
import { callOf, kindOf } from "./hostedCalls.ts"
import { adapted, learnt, type Lessons } from "./learning.ts"
import { items } from "./responsesPrompt.ts"
import * as tools from "./tools.ts"
import { type Ask, keyOf, maybe, present, type Sampling, type Wire } from "./wire.ts"

const Item = Schema.Struct({
  type: maybe(Schema.String),
  id: maybe(Schema.String),
  call_id: maybe(Schema.String),
  name: maybe(Schema.String),
  arguments: maybe(Schema.Unknown),
  phase: maybe(Schema.String),
  summary: maybe(Schema.Unknown),
  content: maybe(Schema.Unknown),
  encrypted_content: maybe(Schema.Unknown)
})

type Item = typeof Item.Type

const Outcome = Schema.Struct({
  id: maybe(Schema.String),
  model: hint(Schema.String),
  error: maybe(Schema.Unknown),
  incomplete_details: maybe(Schema.Struct({ reason: maybe(Schema.String) })),
  usage: hint(Schema.Struct({
    input_tokens: hint(Schema.Finite),
    output_tokens: hint(Schema.Finite),
    input_tokens_details: hint(Schema.Struct({ cached_tokens: hint(Schema.Finite) })),
    output_tokens_details: hint(Schema.Struct({ reasoning_tokens: hint(Schema.Finite) }))
  })),
  output: hint(Schema.Array(Item))
})

const Event = Schema.Struct({
  type: Schema.String,
  delta: maybe(Schema.Unknown),
  output_index: maybe(Schema.Finite),
  content_index: maybe(Schema.Finite),
  response: maybe(Outcome),
  item: maybe(Item)
})

type Event = typeof Event.Type

const decode = Schema.decodeUnknownEffect(Event)

const toolChoice = (choice: tools.Choice): ResponseCreateParamsStreaming["tool_choice"] =>
  typeof choice === "string" ? choice : { type: "function", name: choice.name }

/** The tools of a request: those that the program runs, and those that OpenAI does. */
interface Offered {
  readonly described: ReadonlyArray<tools.Described>
  readonly hosted: ReadonlyArray<tools.Hosted>
}

const toolFields = ({ described, hosted }: Offered, ask: Ask, { parallelToolCalls }: Sampling) =>
  described.length + hosted.length === 0 ? {} : present({
    tools: [
      ...described.map(({ description, name, parameters, strict }) => ({
        type: "function" as const,
        name,
        description,
        parameters,
        strict
      })),
      ...hosted.map(({ hosted }) => hosted)
    ],
    tool_choice: toolChoice(tools.choiceOf(ask.toolChoice)),
    parallel_tool_calls: parallelToolCalls
  })

const formatFields = (format: Ask["responseFormat"], { strict }: Sampling) =>
  format.type === "text" ? Effect.succeed({}) : Effect.map(tools.answerSchema(format.schema), (schema) => ({
    text: { format: { type: "json_schema" as const, name: format.objectName, schema, strict } }
  }))

/** Models that think are asked for what they have thought, in a form that can go back; others refuse the question. */
const hasThoughts = ({ model, reasoningEffort }: Sampling): boolean =>
  reasoningEffort !== undefined || /^(o\d|gpt-(?:[5-9]|\d\d)(?!.*chat))/.test(model.slice(model.lastIndexOf("/") + 1))

const bodyOf = Effect.fnUntraced(function*(
  ask: Ask,
  sampling: Sampling,
  offered: Offered,
  lessons: Lessons
) {
  return present({
    model: sampling.model,
    input: yield* items(ask.prompt, {
      key: keyOf(sampling),
      ordered: lessons.has("roles"),
      hosted: !lessons.has("hosted")
    }),
    stream: true as const,
    store: false,
    ...(hasThoughts(sampling) ? { include: ["reasoning.encrypted_content"] } : undefined),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    max_output_tokens: sampling.maxTokens,
    ...(sampling.reasoningEffort === undefined ? undefined : { reasoning: { effort: sampling.reasoningEffort } }),
    ...toolFields(offered, ask, sampling),
    ...(yield* formatFields(ask.responseFormat, sampling)),
    ...sampling.extra
  }) as ResponseCreateParamsStreaming
})

const finishReason = (type: string, outcome: Event["response"]): Llm.FinishReason => {
  switch (outcome?.incomplete_details?.reason) {
    case null:
    case undefined:
      return type === "response.completed" ? "stop" : "other"
    case "max_output_tokens":
      return "length"
    case "content_filter":
      return "content-filter"
    default:
      return "other"
  }
}

const finishOf = ({ response, type }: Event): Piece => ({
  _tag: "Finish",
  reason: finishReason(type, response),
  model: response?.model ?? undefined,
  usage: usageOf({
    inputTokens: response?.usage?.input_tokens,
    outputTokens: response?.usage?.output_tokens,
    cachedInputTokens: response?.usage?.input_tokens_details?.cached_tokens,
    reasoningTokens: response?.usage?.output_tokens_details?.reasoning_tokens
  })
})

/** An item of reasoning as it can go back: nothing is stored there, so it must hold what was thought. */
const thoughtOf = ({ content, encrypted_content, id, summary }: Item): metadata.Fields | undefined =>
  encrypted_content == null && content == null ? undefined : metadata.fieldsOf({
    type: "reasoning",
    id,
    summary: summary ?? [],
    encrypted_content,
    content
  })

/** What a call is known by. */
const nameOf = ({ call_id, id }: Item): string => call_id ?? id ?? ""

const decodeContent = Schema.decodeUnknownOption(content.Content)

const textIn = (told: unknown): string => content.textOf(Option.getOrNull(decodeContent(told)))

/** Reads the events of one answer. */
class Reader {
  #spaced = true
  #place = ""
  readonly #key: string
  readonly #hosted: ReadonlyArray<tools.Hosted>
  /** Items of reasoning that belong to the next item. */
  #thoughts: Array<metadata.Fields> = []
  #said = false
  readonly #called = new Set<string>()

  constructor(key: string, hosted: ReadonlyArray<tools.Hosted>) {
    this.#key = key
    this.#hosted = hosted
  }

  read(event: Event, raw: unknown): ReadonlyArray<Piece> {
    switch (event.type) {
      case "response.output_item.added":
        return event.item == null || kindOf(event.item) === undefined
          ? []
          : this.#call(event.item, raw).filter(({ _tag }) => _tag === "ProviderCall")
      case "response.output_text.delta":
      case "response.refusal.delta":
        return typeof event.delta === "string" && event.delta !== "" ? [this.#text(event.delta, event)] : []
      case "response.output_item.done":
        return event.item == null ? [] : this.#item(event.item, raw)
      case "response.completed":
      case "response.incomplete":
        return [...this.#rest(event.response?.output ?? []), finishOf(event)]
      default:
        return isThinking(event.type) ? [{ _tag: "Thought" }] : []
    }
  }

  #text(said: string, { content_index: part, output_index: item }: Event): Piece {
    // A remark and the answer are two messages, and neither has a space for the other.
    const place = `${item ?? 0}/${part ?? 0}`
    const text = !this.#spaced && place !== this.#place && /^\S/.test(said) ? ` ${said}` : said
    this.#spaced = /\s$/.test(said)
    this.#place = place
    this.#said = true
    return { _tag: "Text", text }
  }

  /** What a server that streams nothing tells at the end alone. */
  #rest(output: ReadonlyArray<Item>): ReadonlyArray<Piece> {
    const silent = !this.#said
    return output.flatMap((item, output_index): ReadonlyArray<Piece> => {
      if (item.type === "function_call") return this.#called.has(nameOf(item)) ? [] : this.#item(item, item)
      const said = silent && item.type === "message" ? textIn(item.content) : ""
      return said === "" ? [] : [this.#text(said, { type: "", output_index })]
    })
  }

  /** What OpenAI runs itself, with the thoughts before it. */
  #call(item: Item, raw: unknown): ReadonlyArray<Llm.Delta> {
    return callOf(raw, { key: this.#key, hosted: this.#hosted, thoughts: this.#thoughts, id: item.id ?? "" })
  }

  #item(item: Item, raw: unknown): ReadonlyArray<Piece> {
    if (kindOf(item) !== undefined) {
      const told = this.#call(item, raw)
      this.#thoughts = []
      return told
    }
    if (item.type === "reasoning") {
      const thought = thoughtOf(item)
      if (thought !== undefined) this.#thoughts.push(thought)
      return [{ _tag: "Thought" }]
    }
    const fields = metadata.fieldsOf({
      reasoning: this.#thoughts.length === 0 ? undefined : this.#thoughts,
      phase: item.phase
    })
    if (item.type === "message") {
      this.#thoughts = []
      return [{ _tag: "Thought", fields }]
    }
    if (item.type !== "function_call" || !item.name) return []
    this.#thoughts = []
    this.#called.add(nameOf(item))
    return [{ _tag: "WholeCall", id: item.call_id ?? "", name: item.name, params: item.arguments ?? "", fields }]
  }
}

/** What tells that the model is at work, though there is nothing to say. */
const isThinking = (type: string): boolean => /reasoning|arguments|custom_tool|_call\.|queued|in_progress/.test(type)

const decoded = Effect.fnUntraced(function*(event: unknown) {
  const known = yield* Effect.mapError(
    decode(event),
    () => new Failure.InvalidResponse({ detail: "an event has another shape" })
  )
  if (known.type === "response.failed") return yield* toldReason(known.response?.error ?? {})
  return { known, item: Predicate.isObject(event) && "item" in event ? event.item : undefined }
})

const isLast = (event: unknown) =>
  Predicate.isObject(event) && "type" in event &&
  (event.type === "response.completed" || event.type === "response.incomplete")

/** Asks by Responses. */
export const wire = (client: OpenAI, sampling: Sampling): Wire =>
  learnt(sampling, (mine, ask, told, lessons) => asked(client, mine, ask, told, lessons))

const asked = (
  client: OpenAI,
  mine: Sampling,
  ask: Ask,
  told: Parameters<Wire>[1],
  lessons: Lessons
): ReturnType<Wire> =>
  Stream.unwrap(Effect.gen(function*() {
    const described = yield* tools.describe(ask.tools, mine.strict)
    const hosted = yield* tools.hosted(ask.tools)
    const body = adapted(yield* bodyOf(ask, mine, { described, hosted }, lessons), lessons)
    const key = keyOf(mine)
    const reader = new Reader(key, hosted)
    return assembled(
      { key, finishes: true, paramsOf: (name, params) => tools.paramsOf(described, name, params) },
      events((signal) => client.responses.create(body, { signal }), isLast).pipe(
        Stream.filter((event) => event !== doneMark),
        Stream.mapEffect(decoded),
        Stream.map(({ item, known }) => {
          if (known.response != null) told(known.response)
          return reader.read(known, item)
        })
      )
    )
  }))
