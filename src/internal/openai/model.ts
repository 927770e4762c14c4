/** One wire as the two services that stand on it. */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import type * as Response from "effect/ai/Response"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Failure from "../../Failure.ts"
import * as Llm from "../../Llm.ts"
import { finishOf } from "../llm/adapter.ts"
import type { Ask, Part, Wire } from "./wire.ts"

const http = (status: number) => ({ response: { status, headers: {} } })

const rejection = ({ retryAfterMs, status }: Failure.Rejected): AiError.AiErrorReason => {
  if (status === 401) return new AiError.AuthenticationError({ kind: "InvalidKey", http: http(status) })
  if (status === 403) return new AiError.AuthenticationError({ kind: "InsufficientPermissions", http: http(status) })
  if (status === 402) return new AiError.QuotaExhaustedError({ http: http(status) })
  if (status === 429) {
    return new AiError.RateLimitError({
      http: http(status),
      ...(retryAfterMs === undefined ? undefined : { retryAfter: Duration.millis(retryAfterMs) })
    })
  }
  return status >= 500
    ? new AiError.InternalProviderError({ description: `status ${status}`, http: http(status) })
    : new AiError.UnknownError({ description: `status ${status}`, http: http(status) })
}

const aiReason = (reason: Failure.Reason): AiError.AiErrorReason => {
  switch (reason._tag) {
    case "Rejected":
      return rejection(reason)
    case "InvalidRequest":
      return new AiError.InvalidRequestError({ description: reason.detail })
    case "InvalidResponse":
      return new AiError.InvalidResponseError({ description: reason.detail })
    case "Disconnected":
    case "EndedEarly":
    case "TimedOut":
    case "Unavailable":
      return new AiError.NetworkError({
        reason: "TransportError",
        method: "POST",
        url: "",
        description: reason.message
      })
    case "Broken":
    case "Exhausted":
      return new AiError.UnknownError({ description: reason.message })
  }
}

const aiError = (method: string) => (reason: Failure.Reason): AiError.AiError =>
  AiError.make({ module: "OpenAiLlm", method, reason: aiReason(reason) })

const askOf = (options: LanguageModel.ProviderOptions): Ask => ({
  prompt: options.prompt,
  tools: options.tools,
  toolChoice: options.toolChoice,
  responseFormat: options.responseFormat
})

/** The parts of a whole answer, where they have come in pieces. */
const gathered = (parts: ReadonlyArray<Part>): Array<Response.PartEncoded> => {
  const text = parts.reduce((text, part) => part.type === "text-delta" ? text + part.delta : text, "")
  const rest = parts.flatMap((part): ReadonlyArray<Response.PartEncoded> =>
    part.type === "tool-call" || part.type === "response-metadata" || part.type === "finish" ? [part] : []
  )
  return text === "" ? [...rest] : [{ type: "text", text }, ...rest]
}

/** The `LanguageModel` of `effect/ai`. */
export const languageModel = (wire: Wire): Effect.Effect<LanguageModel.LanguageModel> =>
  LanguageModel.make({
    codecTransformer: toCodecOpenAI,
    supportsSystemMessagesInHistory: Effect.succeed(true),
    generateText: (options) =>
      wire(askOf(options)).pipe(
        Stream.runCollect,
        Effect.mapBoth({ onFailure: aiError("generateText"), onSuccess: gathered })
      ),
    streamText: (options) => Stream.mapError(wire(askOf(options)), aiError("streamText"))
  })

const deltas = () => {
  let model: string | undefined
  return (part: Part): ReadonlyArray<Llm.Delta> => {
    switch (part.type) {
      case "response-metadata":
        model = part.modelId
        return []
      case "text-delta":
        return [{ _tag: "Text", text: part.delta }]
      case "tool-call":
        return [{ _tag: "ToolCall", id: part.id, name: part.name, params: part.params }]
      case "finish":
        return [{ ...finishOf(part), ...(model === undefined ? undefined : { model }) }]
      default:
        return []
    }
  }
}

/** The `Llm`, which does without the validation of every part. */
export const llm = (options: {
  readonly name: string
  readonly model: string
  readonly wire: Wire
  readonly prewarm: Effect.Effect<void, Failure.Reason>
}): Llm.Llm["Service"] => {
  const fail = (reason: Failure.Reason) => new Llm.LlmError({ provider: options.name, reason })
  return Llm.make({
    name: options.name,
    model: options.model,
    prewarm: Effect.mapError(options.prewarm, fail),
    reply: ({ prompt, settings, toolChoice, tools }) =>
      Stream.suspend(() => {
        const toDeltas = deltas()
        return options.wire({
          prompt,
          tools,
          toolChoice: toolChoice ?? "auto",
          responseFormat: { type: "text" },
          settings
        }).pipe(
          Stream.map(toDeltas),
          Stream.flattenIterable,
          Stream.mapError(fail)
        )
      })
  })
}
