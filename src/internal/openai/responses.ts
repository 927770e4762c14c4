/**
 * Responses, streamed: OpenAI's own newer interface. Nothing is stored there,
 * the whole prompt is sent every time.
 */
import type * as Response from "effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import type { ResponseCreateParamsStreaming } from "openai/resources/responses/responses"
import * as Failure from "../../Failure.ts"
import { toldReason } from "../provider/told.ts"
import { doneMark, events } from "./client.ts"
import { items } from "./responsesPrompt.ts"
import * as tools from "./tools.ts"
import { type Ask, maybe, type Part, present, sampled, type Sampling, usage, type Wire } from "./wire.ts"

const Outcome = Schema.Struct({
  id: maybe(Schema.String),
  model: maybe(Schema.String),
  error: maybe(Schema.Unknown),
  incomplete_details: maybe(Schema.Struct({ reason: maybe(Schema.String) })),
  usage: maybe(Schema.Struct({
    input_tokens: maybe(Schema.Finite),
    output_tokens: maybe(Schema.Finite),
    input_tokens_details: maybe(Schema.Struct({ cached_tokens: maybe(Schema.Finite) })),
    output_tokens_details: maybe(Schema.Struct({ reasoning_tokens: maybe(Schema.Finite) }))
  }))
})

const Event = Schema.Struct({
  type: Schema.String,
  delta: maybe(Schema.Unknown),
  output_index: maybe(Schema.Finite),
  content_index: maybe(Schema.Finite),
  response: maybe(Outcome),
  item: maybe(Schema.Struct({
    type: maybe(Schema.String),
    call_id: maybe(Schema.String),
    name: maybe(Schema.String),
    arguments: maybe(Schema.String)
  }))
})

type Event = typeof Event.Type

const decode = Schema.decodeUnknownEffect(Event)

const toolChoice = (choice: tools.Choice): ResponseCreateParamsStreaming["tool_choice"] =>
  typeof choice === "string" ? choice : { type: "function", name: choice.name }

const toolFields = (described: ReadonlyArray<tools.Described>, ask: Ask, { parallelToolCalls }: Sampling) =>
  described.length === 0 ? {} : present({
    tools: described.map(({ description, name, parameters, strict }) => ({
      type: "function" as const,
      name,
      description,
      parameters,
      strict
    })),
    tool_choice: toolChoice(tools.choiceOf(ask.toolChoice)),
    parallel_tool_calls: parallelToolCalls
  })

const formatFields = (format: Ask["responseFormat"], { strict }: Sampling) =>
  format.type === "text" ? Effect.succeed({}) : Effect.map(tools.answerSchema(format.schema), (schema) => ({
    text: { format: { type: "json_schema" as const, name: format.objectName, schema, strict } }
  }))

const bodyOf = Effect.fnUntraced(function*(ask: Ask, sampling: Sampling, described: ReadonlyArray<tools.Described>) {
  return present({
    model: sampling.model,
    input: yield* items(ask.prompt),
    stream: true as const,
    store: false,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    max_output_tokens: sampling.maxTokens,
    ...(sampling.reasoningEffort === undefined ? undefined : { reasoning: { effort: sampling.reasoningEffort } }),
    ...toolFields(described, ask, sampling),
    ...(yield* formatFields(ask.responseFormat, sampling)),
    ...sampling.extra
  }) as ResponseCreateParamsStreaming
})

const finishReason = (outcome: typeof Outcome.Type | null | undefined, called: boolean): Response.FinishReason => {
  switch (outcome?.incomplete_details?.reason) {
    case null:
    case undefined:
      return called ? "tool-calls" : "stop"
    case "max_output_tokens":
      return "length"
    case "content_filter":
      return "content-filter"
    default:
      return "other"
  }
}

/** Puts the events of one answer together. */
class Answer {
  private readonly described: ReadonlyArray<tools.Described>
  private calls = 0
  private begun = false
  private texting = false
  private spaced = true
  private place = ""
  private finished = false

  constructor(described: ReadonlyArray<tools.Described>) {
    this.described = described
  }

  push(event: Event): ReadonlyArray<Part> {
    const { item, response } = event
    switch (event.type) {
      case "response.created": {
        if (this.begun) return []
        this.begun = true
        return [present({
          type: "response-metadata" as const,
          id: response?.id ?? undefined,
          modelId: response?.model ?? undefined
        })]
      }
      case "response.output_text.delta":
      case "response.refusal.delta":
        return typeof event.delta === "string" && event.delta !== "" ? this.text(event.delta, event) : []
      case "response.output_item.done":
        return item?.type === "function_call" && item.name
          ? this.call(item.call_id || `call_${this.calls}`, item.name, item.arguments ?? "")
          : []
      case "response.completed":
      case "response.incomplete":
        return this.finish(response)
      default:
        return []
    }
  }

  private text(said: string, { content_index: part, output_index: item }: Event): ReadonlyArray<Part> {
    // A remark and the answer are two messages, and neither has a space for the other.
    const place = `${item ?? 0}/${part ?? 0}`
    const delta = !this.spaced && place !== this.place && /^\S/.test(said) ? ` ${said}` : said
    this.spaced = /\s$/.test(said)
    this.place = place
    return this.delta(delta)
  }

  private delta(delta: string): ReadonlyArray<Part> {
    const part: Part = { type: "text-delta", id: "text", delta }
    if (this.texting) return [part]
    this.texting = true
    return [{ type: "text-start", id: "text" }, part]
  }

  private call(id: string, name: string, text: string): ReadonlyArray<Part> {
    this.calls++
    return [
      { type: "tool-params-start", id, name },
      { type: "tool-params-delta", id, delta: text },
      { type: "tool-params-end", id },
      { type: "tool-call", id, name, params: tools.paramsOf(this.described, name, text) }
    ]
  }

  private finish(outcome: Event["response"]): ReadonlyArray<Part> {
    this.finished = true
    const { usage: told } = outcome ?? {}
    const finish: Part = {
      type: "finish",
      reason: finishReason(outcome, this.calls > 0),
      usage: usage({
        input: told?.input_tokens,
        output: told?.output_tokens,
        cached: told?.input_tokens_details?.cached_tokens,
        reasoning: told?.output_tokens_details?.reasoning_tokens
      })
    }
    return this.texting ? [{ type: "text-end", id: "text" }, finish] : [finish]
  }

  end(): Effect.Effect<ReadonlyArray<Part>, Failure.Reason> {
    if (this.finished) return Effect.succeed([])
    const output = this.texting || this.calls > 0
    return Effect.fail(output ? new Failure.Disconnected({ code: "UNFINISHED" }) : new Failure.EndedEarly({}))
  }
}

const decoded = Effect.fnUntraced(function*(event: unknown) {
  const known = yield* Effect.mapError(
    decode(event),
    () => new Failure.InvalidResponse({ detail: "an event has another shape" })
  )
  return known.type === "response.failed" ? yield* toldReason(known.response?.error ?? {}) : known
})

const isLast = (event: unknown) =>
  Predicate.isObject(event) && "type" in event &&
  (event.type === "response.completed" || event.type === "response.incomplete")

/** Asks by Responses. */
export const wire = (client: OpenAI, sampling: Sampling): Wire => (ask) =>
  Stream.unwrap(Effect.gen(function*() {
    const mine = sampled(sampling, ask.settings)
    const described = yield* tools.describe(ask.tools, mine.strict)
    const body = yield* bodyOf(ask, mine, described)
    const answer = new Answer(described)
    return events((signal) => client.responses.create(body, { signal }), isLast).pipe(
      Stream.filter((event) => event !== doneMark),
      Stream.mapEffect(decoded),
      Stream.map((event) => answer.push(event)),
      Stream.concat(Stream.fromEffect(Effect.suspend(() => answer.end()))),
      Stream.flattenIterable
    )
  }))
