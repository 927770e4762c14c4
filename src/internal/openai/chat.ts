/**
 * Chat Completions, streamed: the interface that every compatible server has.
 * Text is passed on as it comes; calls of tools when the answer is whole.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import type { ChatCompletionCreateParamsStreaming } from "openai/resources/chat/completions"
import * as Failure from "../../Failure.ts"
import { Calls } from "../llm/calls.ts"
import { Content, ends, finishReason, textOf } from "../llm/content.ts"
import { messages } from "./chatPrompt.ts"
import { doneMark, events } from "./client.ts"
import * as tools from "./tools.ts"
import { type Ask, maybe, paramsText, type Part, present, sampled, type Sampling, usage, type Wire } from "./wire.ts"

const CallDelta = Schema.Struct({
  index: maybe(Schema.Finite),
  id: maybe(Schema.String),
  function: maybe(Schema.Struct({ name: maybe(Schema.String), arguments: maybe(Schema.Unknown) }))
})

const Chunk = Schema.Struct({
  id: maybe(Schema.String),
  model: maybe(Schema.String),
  choices: maybe(Schema.Array(Schema.Struct({
    delta: maybe(Schema.Struct({
      content: maybe(Content),
      refusal: maybe(Schema.String),
      tool_calls: maybe(Schema.Array(CallDelta))
    })),
    finish_reason: maybe(Schema.String)
  }))),
  usage: maybe(Schema.Struct({
    prompt_tokens: maybe(Schema.Finite),
    completion_tokens: maybe(Schema.Finite),
    prompt_tokens_details: maybe(Schema.Struct({ cached_tokens: maybe(Schema.Finite) })),
    completion_tokens_details: maybe(Schema.Struct({ reasoning_tokens: maybe(Schema.Finite) }))
  }))
})

type Chunk = typeof Chunk.Type

const decode = Schema.decodeUnknownEffect(Chunk)

const toolChoice = (choice: tools.Choice): ChatCompletionCreateParamsStreaming["tool_choice"] =>
  typeof choice === "string" ? choice : { type: "function", function: { name: choice.name } }

const toolFields = (described: ReadonlyArray<tools.Described>, ask: Ask, { parallelToolCalls }: Sampling) =>
  described.length === 0 ? {} : present({
    tools: described.map(({ description, name, parameters, strict }) => ({
      type: "function" as const,
      function: present({ name, description, parameters, strict: strict ? true : undefined })
    })),
    tool_choice: toolChoice(tools.choiceOf(ask.toolChoice)),
    parallel_tool_calls: parallelToolCalls
  })

const formatFields = (format: Ask["responseFormat"], { strict }: Sampling) =>
  format.type === "text" ? Effect.succeed({}) : Effect.map(tools.answerSchema(format.schema), (schema) => ({
    response_format: { type: "json_schema" as const, json_schema: { name: format.objectName, schema, strict } }
  }))

const bodyOf = Effect.fnUntraced(function*(ask: Ask, sampling: Sampling, described: ReadonlyArray<tools.Described>) {
  const { maxTokens } = sampling
  const body: ChatCompletionCreateParamsStreaming = present({
    model: sampling.model,
    messages: yield* messages(ask.prompt),
    stream: true as const,
    stream_options: { include_usage: true },
    temperature: sampling.temperature,
    top_p: sampling.topP,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    seed: sampling.seed,
    stop: sampling.stop === undefined ? undefined : [...sampling.stop],
    // The old name is refused by OpenAI's newest models, the new one is unknown to many other servers.
    ...(sampling.isOpenAi ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
    ...(sampling.reasoningEffort === undefined ? undefined : { reasoning_effort: sampling.reasoningEffort }),
    ...toolFields(described, ask, sampling),
    ...(yield* formatFields(ask.responseFormat, sampling)),
    ...sampling.extra
  }) as ChatCompletionCreateParamsStreaming
  return body
})

/** Puts the chunks of one answer together. */
class Answer {
  private readonly described: ReadonlyArray<tools.Described>
  private readonly calls = new Calls()
  private begun = false
  private texting = false
  private finished: string | undefined
  private done = false
  /** The last that came was a count of tokens alone, as at the end of an answer. */
  private counted = false
  private usage: Chunk["usage"]

  constructor(described: ReadonlyArray<tools.Described>) {
    this.described = described
  }

  push(chunk: Chunk): ReadonlyArray<Part> {
    const parts: Array<Part> = []
    if (!this.begun) {
      this.begun = true
      parts.push(present({
        type: "response-metadata" as const,
        id: chunk.id ?? undefined,
        modelId: chunk.model ?? undefined
      }))
    }
    if (chunk.usage) this.usage = chunk.usage
    const choice = chunk.choices?.[0]
    const text = textOf(choice?.delta?.content) || choice?.delta?.refusal
    if (text) {
      if (!this.texting) parts.push({ type: "text-start", id: "text" })
      this.texting = true
      parts.push({ type: "text-delta", id: "text", delta: text })
    }
    this.calls.push((choice?.delta?.tool_calls ?? []).map(({ function: told, id, index }) => ({
      index: index ?? undefined,
      id: id ?? undefined,
      name: told?.name ?? undefined,
      params: told?.arguments
    })))
    if (ends(choice?.finish_reason)) this.finished = choice?.finish_reason ?? undefined
    this.counted = choice === undefined && (chunk.usage ? true : this.counted)
    return parts
  }

  /** Some servers say that they are done, and no reason. */
  finish(): ReadonlyArray<Part> {
    this.done = true
    return []
  }

  get isFinished(): boolean {
    return this.finished !== undefined
  }

  /** Nothing is missing if the connection is lost now. */
  get isWhole(): boolean {
    return this.isFinished || this.counted
  }

  readonly end: Effect.Effect<ReadonlyArray<Part>, Failure.Reason> = Effect.gen({ self: this }, function*() {
    const output = this.texting || this.calls.size > 0
    if (this.finished === undefined && !(output && (this.done || this.counted))) {
      return yield* output ? new Failure.Disconnected({ code: "UNFINISHED" }) : new Failure.EndedEarly({})
    }
    const calls = yield* this.calls.end
    const parts: Array<Part> = this.texting ? [{ type: "text-end", id: "text" }] : []
    for (const { id, name, params } of calls) {
      parts.push(
        { type: "tool-params-start", id, name },
        { type: "tool-params-delta", id, delta: paramsText(params) },
        { type: "tool-params-end", id },
        { type: "tool-call", id, name, params: tools.paramsOf(this.described, name, params) }
      )
    }
    parts.push({
      type: "finish",
      reason: finishReason(this.finished, calls.length > 0) ?? "unknown",
      usage: usage({
        input: this.usage?.prompt_tokens,
        output: this.usage?.completion_tokens,
        cached: this.usage?.prompt_tokens_details?.cached_tokens,
        reasoning: this.usage?.completion_tokens_details?.reasoning_tokens
      })
    })
    return parts
  })
}

/** How long a count of tokens is waited for after the reason of the end: some servers leave the connection open. */
const counting = "1 second"

const decoded = (event: unknown) =>
  Effect.mapError(decode(event), () => new Failure.InvalidResponse({ detail: "a chunk has another shape" }))

/** Asks by Chat Completions. */
export const wire = (client: OpenAI, sampling: Sampling): Wire => (ask) =>
  Stream.unwrap(Effect.gen(function*() {
    const mine = sampled(sampling, ask.settings)
    const described = yield* tools.describe(ask.tools, mine.strict)
    const body = yield* bodyOf(ask, mine, described)
    const answer = new Answer(described)
    const finished = Deferred.makeUnsafe<void>()
    return events((signal) => client.chat.completions.create(body, { signal }), () => false).pipe(
      Stream.mapEffect((event) =>
        event === doneMark
          ? Effect.sync(() => answer.finish())
          : Effect.tap(
            Effect.map(decoded(event), (chunk) => answer.push(chunk)),
            () => answer.isFinished ? Deferred.succeed(finished, undefined) : Effect.void
          )
      ),
      // What is lost after the last word was not awaited.
      Stream.catch((reason) => reason._tag === "Disconnected" && answer.isWhole ? Stream.empty : Stream.fail(reason)),
      Stream.interruptWhen(Effect.andThen(Deferred.await(finished), Effect.sleep(counting))),
      Stream.concat(Stream.fromEffect(answer.end)),
      Stream.flattenIterable
    )
  }))
