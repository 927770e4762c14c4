/** A `LanguageModel` of `effect/ai` used as an `Llm`: its parts as deltas, its errors as closed reasons. */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Duration from "effect/Duration"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { usageOf } from "./metering.ts"
import type * as Llm from "./model.ts"

const statusOf = (reason: AiError.AiErrorReason): number | undefined =>
  "http" in reason ? reason.http?.response?.status : undefined

const rejected = (status: number, retryAfter?: Duration.Duration): Failure.Rejected =>
  new Failure.Rejected({
    status,
    ...(retryAfter === undefined ? undefined : { retryAfterMs: Duration.toMillis(retryAfter) })
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
export const finishOf = (
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

const deltasOf = (part: Part): ReadonlyArray<Llm.Delta> => {
  switch (part.type) {
    case "text-delta":
      return [{ _tag: "Text", text: part.delta }]
    case "tool-call":
      return part.providerExecuted ? [] : [{ _tag: "ToolCall", id: part.id, name: part.name, params: part.params }]
    case "finish": {
      return [finishOf(part)]
    }
    default:
      return []
  }
}

export const replyOf = (
  model: LanguageModel.LanguageModel,
  request: Llm.Request,
  fail: (reason: Failure.Reason) => Llm.LlmError
): Stream.Stream<Llm.Delta, Llm.LlmError> =>
  model.streamText({
    prompt: request.prompt,
    toolkit: Toolkit.make(...request.tools as ReadonlyArray<Described>),
    toolChoice: request.toolChoice ?? "auto",
    disableToolCallResolution: true,
    toolCallValidation: "deferred"
  }).pipe(
    Stream.mapError((error) => fail(reasonOf(error))),
    Stream.flatMap((part) =>
      part.type === "error"
        ? Stream.fail(fail(AiError.isAiError(part.error) ? reasonOf(part.error) : new Failure.Broken({})))
        : Stream.fromIterable(deltasOf(part))
    )
  )
