/** A `LanguageModel` of `effect/ai` used as an `Llm`: its parts as deltas, its errors as closed reasons. */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { assembled, type Piece } from "./assembly.ts"
import { united } from "./attached.ts"
import * as metadata from "./metadata.ts"
import { usageOf } from "./metering.ts"
import type * as Llm from "./model.ts"
import { LlmError } from "./model.ts"

const statusOf = (reason: AiError.AiErrorReason): number | undefined =>
  "http" in reason ? reason.http?.response?.status : undefined

const rejected = (status: number, retryAfter?: Duration.Duration): Failure.Rejected =>
  new Failure.Rejected({
    status,
    ...(retryAfter === undefined || !Duration.isFinite(retryAfter)
      ? undefined
      : { retryAfterMs: Duration.toMillis(retryAfter) })
  })

/**
 * What went wrong, without what was said: descriptions, bodies and URLs of an
 * `AiError` may hold the conversation or a key.
 */
const reasonOf = (error: unknown): Failure.Reason => {
  if (!AiError.isAiError(error)) return new Failure.InvalidResponse({ detail: "a part of the reply is malformed" })
  const { reason } = error
  switch (reason._tag) {
    case "RateLimitError":
      return rejected(statusOf(reason) ?? 429, reason.retryAfter)
    case "QuotaExhaustedError":
      return rejected(402)
    case "AuthenticationError":
      return rejected(statusOf(reason) ?? (reason.kind === "InsufficientPermissions" ? 403 : 401))
    case "InternalProviderError":
      return rejected(statusOf(reason) ?? 500)
    case "NetworkError":
      return reason.reason === "TransportError"
        ? new Failure.Disconnected({})
        : new Failure.InvalidRequest({ detail: `the request could not be built: ${reason.reason}` })
    case "InvalidRequestError":
      return new Failure.InvalidRequest({
        detail: reason.parameter === undefined
          ? "the provider refuses the request as it is"
          : `the provider refuses the request because of "${reason.parameter}"`
      })
    case "ContentPolicyError":
      return new Failure.InvalidRequest({ detail: "the provider refuses the request by its content policy" })
    case "InvalidResponseError":
    case "InvalidOutputError":
    case "StructuredOutputError":
      return new Failure.InvalidResponse({ detail: reason._tag })
    case "UnsupportedSchemaError":
    case "ToolConfigurationError":
    case "ToolkitRequiredError":
    case "InvalidUserInputError":
    case "ToolNotFoundError":
    case "ToolParameterValidationError":
    case "InvalidToolResultError":
    case "ToolResultEncodingError":
      return new Failure.InvalidRequest({ detail: `the model cannot take the prompt or its tools: ${reason._tag}` })
    case "UnknownError": {
      const status = statusOf(reason)
      return status === undefined ? new Failure.Broken({}) : rejected(status)
    }
  }
}

/** Tools without what they need to run: here they are only described. */
type Described = Tool.Tool<string, {
  readonly parameters: typeof Tool.EmptyParams
  readonly success: typeof Tool.EmptyParams
  readonly failure: typeof Tool.EmptyParams
  readonly failureMode: "error"
}>

type Part = Response.StreamPart<Record<string, Described>, "deferred">

const finishReason = (reason: Response.FinishReason): Llm.FinishReason | undefined => {
  switch (reason) {
    case "unknown":
      return undefined
    case "pause":
      return "other"
    default:
      return reason
  }
}

/** The end of a reply; what is not told is absent. */
const finishOf = (
  { reason, usage: { inputTokens, outputTokens } }: Pick<Response.FinishPartEncoded, "reason" | "usage">
): Extract<Llm.Delta, { readonly _tag: "Finish" }> => {
  const why = finishReason(reason)
  const usage = usageOf({
    inputTokens: inputTokens.total,
    outputTokens: outputTokens.total,
    cachedInputTokens: inputTokens.cacheRead,
    reasoningTokens: outputTokens.reasoning
  })
  return {
    _tag: "Finish",
    ...(why === undefined ? undefined : { reason: why }),
    ...(usage === undefined ? undefined : { usage })
  }
}

const hasAny = (metadata: Response.ProviderMetadata | undefined): boolean => Object.keys(metadata ?? {}).length > 0

/** What is attached to a text; its beginning is a sign of life. */
const textFields = (told: Response.ProviderMetadata | undefined): ReadonlyArray<Piece> => [
  { _tag: "Thought", fields: hasAny(told) ? metadata.fieldsOf({ options: told }) : undefined }
]

/** What is attached to a part; marked as its provider's in any case. */
const markedWith = (key: string, told: Response.ProviderMetadata): Llm.Metadata =>
  metadata.marked(key, hasAny(told) ? metadata.fieldsOf({ options: told }) : undefined)

/** Reads the parts of one reply; what was thought is kept for who has thought it. */
const reader = (key: string) => {
  const thoughts = new Map<string, { readonly index: number; text: string; options: Response.ProviderMetadata }>()
  const thought = (id: string, more: string, options: Response.ProviderMetadata): ReadonlyArray<Piece> => {
    const one = thoughts.get(id) ?? { index: thoughts.size, text: "", options: {} }
    thoughts.set(id, { index: one.index, text: one.text + more, options: metadata.join(one.options, options) ?? {} })
    return [{ _tag: "Thought" }]
  }
  return (part: Part): ReadonlyArray<Piece> => {
    switch (part.type) {
      case "text-delta":
        return [...(hasAny(part.metadata) ? textFields(part.metadata) : []), { _tag: "Text", text: part.delta }]
      case "text-start":
      case "text-end":
        return textFields(part.metadata)
      case "reasoning-start":
      case "reasoning-end":
        return thought(part.id, "", part.metadata)
      case "reasoning-delta":
        return thought(part.id, part.delta, part.metadata)
      case "tool-params-delta":
        return [{ _tag: "Thought" }]
      case "tool-call":
        return [
          part.providerExecuted
            ? {
              _tag: "ProviderCall",
              id: part.id,
              name: part.name,
              params: part.params,
              metadata: markedWith(key, part.metadata)
            }
            : {
              _tag: "WholeCall",
              id: part.id,
              name: part.name,
              params: part.params,
              ...(hasAny(part.metadata) ? { fields: metadata.fieldsOf({ options: part.metadata }) } : undefined)
            }
        ]
      case "tool-result":
        // What comes before the result is a sign of life.
        return [
          part.preliminary || !part.providerExecuted ? { _tag: "Thought" } : {
            _tag: "ProviderResult",
            id: part.id,
            name: part.name,
            result: part.encodedResult,
            isFailure: part.isFailure,
            metadata: markedWith(key, part.metadata)
          }
        ]
      case "finish": {
        const reasoning = [...thoughts.values()].map(({ options, text }) => ({ text, options }))
        const fields = metadata.fieldsOf({ reasoning: reasoning.length === 0 ? undefined : reasoning })
        return [{ _tag: "Thought", fields }, finishOf(part)]
      }
      default:
        return []
    }
  }
}

const optionsIn = (fields: metadata.Fields | undefined): { readonly options?: Prompt.ProviderOptions } => {
  const options = fields?.["options"]
  return Predicate.isObject(options) ? { options: options as Prompt.ProviderOptions } : {}
}

/** What the model has attached, where it stood in its own reply. */
const restored = (message: Prompt.Message, key: string): Prompt.Message => {
  if (message.role !== "assistant") return message
  const step = metadata.of(key, message.options)
  const reasoning = step?.["reasoning"]
  const thoughts = (Array.isArray(reasoning) ? reasoning : []).flatMap((one) =>
    Predicate.isObject(one) && typeof one["text"] === "string"
      ? [Prompt.reasoningPart({ text: one["text"], ...optionsIn(one as metadata.Fields) })]
      : []
  )
  return Prompt.assistantMessage({
    ...(step === undefined ? { options: message.options } : undefined),
    content: [
      ...thoughts,
      ...message.content.map((part): Prompt.AssistantMessagePart => {
        if (part.type === "text" && step !== undefined) return Prompt.textPart({ ...part, ...optionsIn(step) })
        if (part.type !== "tool-call" && part.type !== "tool-result") return part
        const fields = metadata.of(key, part.options)
        if (fields === undefined) return part
        return part.type === "tool-call"
          ? Prompt.toolCallPart({ ...part, options: {}, ...optionsIn(fields) })
          : Prompt.toolResultPart({ ...part, options: {}, ...optionsIn(fields) })
      })
    ]
  })
}

export const replyOf = (
  model: LanguageModel.LanguageModel,
  key: string,
  request: Llm.Request,
  fail: (reason: Failure.Reason) => Llm.LlmError
): Stream.Stream<Llm.Delta, Llm.LlmError> =>
  assembled({ key, finishes: false, paramsOf: (_, params) => params }, partsOf(model, key, request, fail)).pipe(
    Stream.mapError((error) => error instanceof LlmError ? error : fail(error))
  )

const partsOf = (
  model: LanguageModel.LanguageModel,
  key: string,
  request: Llm.Request,
  fail: (reason: Failure.Reason) => Llm.LlmError
): Stream.Stream<ReadonlyArray<Piece>, Llm.LlmError> =>
  Stream.suspend(() => {
    const read = reader(key)
    return model.streamText({
      prompt: Prompt.fromMessages(united(request.prompt, key).map((message) => restored(message, key))),
      toolkit: Toolkit.make(...request.tools as ReadonlyArray<Described>),
      toolChoice: request.toolChoice ?? "auto",
      disableToolCallResolution: true,
      toolCallValidation: "deferred"
    }).pipe(
      Stream.mapError((error) => fail(reasonOf(error))),
      Stream.mapEffect((part) =>
        part.type === "error"
          ? Effect.fail(fail(AiError.isAiError(part.error) ? reasonOf(part.error) : new Failure.Broken({})))
          : Effect.succeed(read(part))
      )
    )
  })
