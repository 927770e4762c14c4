/** What both interfaces of the language models share. */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import * as Base64 from "effect/encoding/Base64"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"
import { openAi } from "../config/defaults.ts"
import * as metadata from "../llm/metadata.ts"

export { maybe } from "../provider/hints.ts"

/** One request to a model. */
export interface Ask {
  readonly prompt: Prompt.Prompt
  readonly tools: ReadonlyArray<Tool.Any>
  readonly toolChoice: LanguageModel.ToolChoice<string>
  readonly responseFormat: LanguageModel.ProviderOptions["responseFormat"]
  readonly settings?: Llm.Settings | undefined
}

/** What a server says of its answer, apart from the answer. */
export interface Named {
  readonly id?: unknown
  readonly model?: string | null | undefined
}

/** Sends a request, and gives the answer as it comes, with `Finish` as its last delta. */
export type Wire = (ask: Ask, told: (named: Named) => void) => Stream.Stream<Llm.Delta, Failure.Reason>

/** How the model is asked, with defaults filled in. */
export interface Sampling {
  readonly name: string
  readonly baseUrl: string | undefined
  readonly api: string
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

export const defaultTemperature = 0.7

/** What is attached to an answer means something to the same model of the same server alone. */
export const keyOf = ({ api, baseUrl, model, name }: Sampling): string => metadata.keyOf(name, baseUrl, api, model)

/** The settings of one request laid over those of the layer, and the defaults beneath them. */
export const sampled = (sampling: Sampling, settings: Llm.Settings | undefined): Sampling => {
  const model = settings?.model ?? sampling.model
  const told = settings?.temperature ?? sampling.temperature
  return {
    ...sampling,
    model,
    // Nobody has asked for a temperature: other models may refuse one, or have a better one of their own.
    temperature: told ?? (model === openAi.model ? defaultTemperature : undefined),
    maxTokens: settings?.maxTokens ?? sampling.maxTokens
  }
}

/** Leaves out what is undefined: servers count a null as a wrong value. */
export const present = <A extends object>(fields: A): A =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as A

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
