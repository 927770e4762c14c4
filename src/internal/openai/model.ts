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
import { wordsOf } from "../llm/words.ts"
import { type Ask, type Named, paramsText, present, type Wire } from "./wire.ts"

type Part = Response.StreamPartEncoded

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

const usage = (told: Llm.Usage | undefined): Response.FinishPartEncoded["usage"] => {
  const { cachedInputTokens: cached, inputTokens: input, outputTokens: output, reasoningTokens: reasoning } = told ?? {}
  return {
    inputTokens: {
      total: input,
      uncached: input === undefined ? undefined : input - (cached ?? 0),
      cacheRead: cached,
      cacheWrite: undefined
    },
    outputTokens: { total: output, text: output === undefined ? undefined : output - (reasoning ?? 0), reasoning }
  }
}

/** A reply as parts of `effect/ai`. */
const partsOf = (named: () => Named) => {
  let begun = false
  let texting = false
  const first = (): ReadonlyArray<Part> => {
    if (begun) return []
    begun = true
    const { id, model } = named()
    return [present({
      type: "response-metadata" as const,
      id: typeof id === "string" ? id : undefined,
      modelId: model ?? undefined
    })]
  }
  const next = (delta: Llm.Delta): ReadonlyArray<Part> => {
    switch (delta._tag) {
      case "Text": {
        const part: Part = { type: "text-delta", id: "text", delta: delta.text }
        if (texting) return [part]
        texting = true
        return [{ type: "text-start", id: "text" }, part]
      }
      case "Speech":
        return wordsOf(delta) === "" ? [] : next({ _tag: "Text", text: wordsOf(delta) })
      case "ToolCall": {
        const { id, metadata, name, params } = delta
        return [
          { type: "tool-params-start", id, name },
          { type: "tool-params-delta", id, delta: paramsText(params) },
          { type: "tool-params-end", id },
          { type: "tool-call", id, name, params, ...(metadata === undefined ? undefined : { metadata }) }
        ]
      }
      // How the schemas of a tool there want to see them is the affair of whoever has made it: the answer is what counts.
      case "ProviderCall":
      case "ProviderResult":
        return []
      case "Finish": {
        const finish: Part = {
          type: "finish",
          reason: delta.reason ?? "unknown",
          usage: usage(delta.usage),
          ...(delta.metadata === undefined ? undefined : { metadata: delta.metadata })
        }
        return texting ? [{ type: "text-end", id: "text" }, finish] : [finish]
      }
    }
  }
  return (delta: Llm.Delta): ReadonlyArray<Part> => [...first(), ...next(delta)]
}

const partsBy = (wire: Wire, ask: Ask): Stream.Stream<Part, Failure.Reason> =>
  Stream.suspend(() => {
    let named: Named = {}
    const toParts = partsOf(() => named)
    return wire(ask, (told) => {
      named = { id: named.id ?? told.id, model: told.model ?? named.model }
    }).pipe(Stream.map(toParts), Stream.flattenIterable)
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
      partsBy(wire, askOf(options)).pipe(
        Stream.runCollect,
        Effect.mapBoth({ onFailure: aiError("generateText"), onSuccess: gathered })
      ),
    streamText: (options) => Stream.mapError(partsBy(wire, askOf(options)), aiError("streamText"))
  })

/** The `Llm`, which does without the validation of every part. */
export const llm = (options: {
  readonly name: string
  readonly model: string
  readonly hears: boolean
  readonly wire: Wire
  readonly prewarm: Effect.Effect<void, Failure.Reason>
}): Llm.Llm["Service"] => {
  const fail = (reason: Failure.Reason) => new Llm.LlmError({ provider: options.name, reason })
  return Llm.make({
    name: options.name,
    model: options.model,
    hears: options.hears,
    runsTools: true,
    prewarm: Effect.mapError(options.prewarm, fail),
    reply: ({ prompt, settings, toolChoice, tools }) =>
      options.wire({
        prompt,
        tools,
        toolChoice: toolChoice ?? "auto",
        responseFormat: { type: "text" },
        settings
      }, () => {}).pipe(Stream.mapError(fail))
  })
}
