/** Counts what a model is used for, where it is really asked. */
import type * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Cost from "../../Cost.ts"
import { usage } from "../cost.ts"
import { isGuarded } from "../resilience/breaker.ts"
import { watched, type Watcher } from "../streams.ts"
import type * as Llm from "./model.ts"
import { wordsOf } from "./words.ts"

/** Counts that are no numbers are as good as not told. */
export const counted = (said: Llm.Delta): Llm.Delta => {
  if (said._tag !== "Finish" || said.usage === undefined) return said
  const { usage, ...finish } = said
  const sane = usageOf(usage)
  return sane === undefined ? finish : { ...finish, usage: sane }
}

const isCount = (tokens: number | null | undefined): tokens is number =>
  typeof tokens === "number" && Number.isFinite(tokens) && tokens >= 0

const isPart = (tokens: number | null | undefined, all: number): tokens is number => isCount(tokens) && tokens <= all

/** The counts that are told: one of input or output is enough, and a part is no more than the whole. */
export const usageOf = (told: {
  readonly inputTokens: number | null | undefined
  readonly outputTokens: number | null | undefined
  readonly cachedInputTokens?: number | null | undefined
  readonly reasoningTokens?: number | null | undefined
  readonly audioInputTokens?: number | null | undefined
  readonly cachedAudioInputTokens?: number | null | undefined
  readonly audioOutputTokens?: number | null | undefined
}): Llm.Usage | undefined => {
  const { cachedInputTokens: cached, inputTokens: input, outputTokens: output, reasoningTokens: reasoning } = told
  const { audioInputTokens: heard, audioOutputTokens: spoken, cachedAudioInputTokens: cachedHeard } = told
  if (!isCount(input ?? 0) || !isCount(output ?? 0) || (input == null && output == null)) return undefined
  return {
    inputTokens: input ?? 0,
    outputTokens: output ?? 0,
    ...(isPart(cached, input ?? 0) ? { cachedInputTokens: cached } : undefined),
    ...(isPart(reasoning, output ?? 0) ? { reasoningTokens: reasoning } : undefined),
    ...(isPart(heard, input ?? 0) ? { audioInputTokens: heard } : undefined),
    ...(isPart(cachedHeard, Math.min(heard ?? 0, cached ?? 0)) ? { cachedAudioInputTokens: cachedHeard } : undefined),
    ...(isPart(spoken, output ?? 0) ? { audioOutputTokens: spoken } : undefined)
  }
}

/** Tokens, where nobody tells them. */
const tokens = (characters: number): number => Math.ceil(characters / 4)

const lengthOf = (prompt: Prompt.Prompt): number =>
  prompt.content.reduce((sum, { content }) => {
    if (typeof content === "string") return sum + content.length
    const parts: ReadonlyArray<{ readonly type: string; readonly text?: unknown }> = content
    return parts.reduce((sum, part) => sum + (typeof part.text === "string" ? part.text.length : 0), sum)
  }, 0)

/** What is made of others tells what these have done. */
export const meteredReply = (
  service: Llm.Service,
  request: Llm.Request
): Stream.Stream<Llm.Delta, Llm.LlmError> => {
  if (isGuarded(service)) return service.reply(request)
  return watched(Effect.map(Cost.Meter, (report): Watcher<Llm.Delta, Llm.LlmError> => {
    let finish: Extract<Llm.Delta, { readonly _tag: "Finish" }> | undefined
    let written = 0
    return {
      saw: (deltas) => {
        for (const delta of deltas) {
          if (delta._tag === "Finish") finish = delta
          else written += delta._tag === "Text" || delta._tag === "Speech" ? wordsOf(delta).length : 1
        }
      },
      ended: (exit) => {
        // Who refuses a request asks nothing for it.
        if (Exit.isFailure(exit) && written === 0 && finish === undefined && !Exit.hasInterrupts(exit)) return
        const { reasoningTokens: _, ...told } = finish?.usage ?? {}
        const model = finish?.model ?? request.settings?.model ?? service.model
        report(usage("llm", { name: service.name, model }, {
          inputTokens: tokens(lengthOf(request.prompt)),
          outputTokens: tokens(written),
          ...told,
          estimated: finish?.usage === undefined
        }))
      }
    }
  }))(Stream.suspend(() => service.reply(request)))
}

/** For a service that claims to be resilient by itself, and that nobody has wrapped. */
export const meterLlm = (llm: Llm.Service): Llm.Service =>
  isGuarded(llm) ? llm : { ...llm, reply: (request) => meteredReply(llm, request) }
