/** What both interfaces of the language models share. */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as Base64 from "effect/encoding/Base64"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"

/** One request to a model. */
export interface Ask {
  readonly prompt: Prompt.Prompt
  readonly tools: ReadonlyArray<Tool.Any>
  readonly toolChoice: LanguageModel.ToolChoice<string>
  readonly responseFormat: LanguageModel.ProviderOptions["responseFormat"]
  readonly settings?: Llm.Settings | undefined
}

export type Part = Response.StreamPartEncoded

/** Sends a request, and gives the answer as it comes, with `finish` as its last part. */
export type Wire = (ask: Ask) => Stream.Stream<Part, Failure.Reason>

/** How the model is asked, with defaults filled in. */
export interface Sampling {
  readonly model: string
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly maxTokens: number | undefined
  readonly frequencyPenalty: number | undefined
  readonly presencePenalty: number | undefined
  readonly seed: number | undefined
  readonly stop: ReadonlyArray<string> | undefined
  readonly reasoningEffort: string | undefined
  readonly parallelToolCalls: boolean | undefined
  readonly strict: boolean
  /** The server is OpenAI's own, which knows the newest names of settings. */
  readonly isOpenAi: boolean
  readonly extra: Readonly<Record<string, Schema.Json>> | undefined
}

const defaultTemperature = 0.7

/** Models that think first refuse a temperature. */
const hasTemperature = (model: string): boolean => !/^(o\d|gpt-5(?!.*chat))/.test(model)

/** The settings of one request laid over those of the layer, and the defaults beneath them. */
export const sampled = (sampling: Sampling, settings: Llm.Settings | undefined): Sampling => {
  const model = settings?.model ?? sampling.model
  const told = settings?.temperature ?? sampling.temperature
  return {
    ...sampling,
    model,
    temperature: told ?? (hasTemperature(model) ? defaultTemperature : undefined),
    maxTokens: settings?.maxTokens ?? sampling.maxTokens
  }
}

/** Leaves out what is undefined: servers count a null as a wrong value. */
export const present = <A extends object>(fields: A): A =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as A

/** A field that may be absent or null. */
export const maybe = <S extends Schema.Top>(schema: S): Schema.optionalKey<Schema.NullOr<S>> =>
  Schema.optionalKey(Schema.NullOr(schema))

/** The text that a model is given as the result of a tool. */
export const resultText = (part: Prompt.ToolResultPart): string => {
  if (part.modelOutput !== undefined) {
    return part.modelOutput.flatMap((output) => output.type === "text" ? [output.text] : []).join("\n")
  }
  return typeof part.result === "string" ? part.result : JSON.stringify(part.result ?? null)
}

/** The parameters of a call as the text that the model wrote. */
export const paramsText = (params: unknown): string =>
  typeof params === "string" ? params : JSON.stringify(params ?? {})

/** The bytes of a file in base64, or the address where they are. */
export const fileOf = (part: Prompt.FilePart): { readonly url: string } | { readonly base64: string } => {
  if (part.data instanceof URL) return { url: part.data.href }
  return { base64: typeof part.data === "string" ? part.data : Base64.encode(part.data) }
}

export const dataUrl = (part: Prompt.FilePart): string => {
  const file = fileOf(part)
  return "url" in file ? file.url : `data:${part.mediaType};base64,${file.base64}`
}

const count = (value: number | null | undefined): number | undefined =>
  typeof value === "number" && value >= 0 ? Math.round(value) : undefined

/** Tokens as a server counts them. */
export const usage = (told: {
  readonly input: number | null | undefined
  readonly output: number | null | undefined
  readonly cached: number | null | undefined
  readonly reasoning: number | null | undefined
}): Response.FinishPartEncoded["usage"] => {
  const input = count(told.input)
  const output = count(told.output)
  const cached = count(told.cached)
  const reasoning = count(told.reasoning)
  return {
    inputTokens: {
      total: input,
      uncached: input === undefined ? undefined : Math.max(0, input - (cached ?? 0)),
      cacheRead: cached,
      cacheWrite: undefined
    },
    outputTokens: {
      total: output,
      text: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0)),
      reasoning
    }
  }
}
