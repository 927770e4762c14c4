/**
 * Chat Completions, streamed: the interface that every compatible server has.
 * Text is passed on as it comes; calls of tools when the answer is whole.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import type { ChatCompletionCreateParamsStreaming } from "openai/resources/chat/completions"
import * as Failure from "../../Failure.ts"
import { assembled, type Piece } from "../llm/assembly.ts"
import { Chunk, chunkParts } from "../llm/chunks.ts"
import { doneMark } from "../provider/lines.ts"
import { messages } from "./chatPrompt.ts"
import { events } from "./client.ts"
import { adapted, learnt, type Lessons, orderOf } from "./learning.ts"
import * as tools from "./tools.ts"
import { type Ask, keyOf, present, type Sampling, type Wire } from "./wire.ts"

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

const bodyOf = Effect.fnUntraced(function*(
  ask: Ask,
  sampling: Sampling,
  described: ReadonlyArray<tools.Described>,
  lessons: Lessons
) {
  const { maxTokens } = sampling
  const body: ChatCompletionCreateParamsStreaming = present({
    model: sampling.model,
    messages: yield* messages(ask.prompt, {
      key: keyOf(sampling),
      thoughts: described.length > 0,
      order: orderOf(lessons)
    }),
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

const decoded = (event: unknown) =>
  Effect.mapError(decode(event), () => new Failure.InvalidResponse({ detail: "a chunk has another shape" }))

/** Asks by Chat Completions. */
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
    const key = keyOf(mine)
    yield* tools.noneHosted(ask.tools)
    const described = yield* tools.describe(ask.tools, mine.strict)
    const body = adapted(yield* bodyOf(ask, mine, described, lessons), lessons)
    return assembled(
      { key, finishes: true, paramsOf: (name, params) => tools.paramsOf(described, name, params) },
      events((signal) => client.chat.completions.create(body, { signal }), () => false).pipe(
        Stream.mapEffect((event): Effect.Effect<ReadonlyArray<Piece> | typeof doneMark, Failure.Reason> =>
          event === doneMark ? Effect.succeed(doneMark) : Effect.map(decoded(event), (chunk) => {
            told(chunk)
            return chunkParts(chunk)
          })
        )
      )
    )
  }))
