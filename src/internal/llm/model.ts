/** What a language model is to a conversation, as `Llm` shows it. */
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"

/**
 * Tokens that a reply took.
 *
 * **Details**
 *
 * `cachedInputTokens` are those of `inputTokens` that the provider had in its
 * cache, `reasoningTokens` those of `outputTokens` that nobody hears; each only
 * where the provider tells it. `audioInputTokens` are
 * those of `inputTokens` that were heard, `cachedAudioInputTokens` those of them
 * that were in the cache, and `audioOutputTokens` those of `outputTokens` that
 * the model spoke itself.
 *
 * @category models
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  inputTokens: Schema.Finite,
  outputTokens: Schema.Finite,
  cachedInputTokens: Schema.optionalKey(Schema.Finite),
  reasoningTokens: Schema.optionalKey(Schema.Finite),
  audioInputTokens: Schema.optionalKey(Schema.Finite),
  cachedAudioInputTokens: Schema.optionalKey(Schema.Finite),
  audioOutputTokens: Schema.optionalKey(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type

/**
 * Why a reply ended.
 *
 * **Details**
 *
 * - `stop`: the model finished its answer.
 * - `tool-calls`: it waits for the tools that it has called.
 * - `length`: it was cut at the most tokens it may take, thoughts included.
 * - `content-filter`: the provider's filter has taken the rest, or all of it.
 * - `error`: the provider says that something went wrong, and nothing more.
 * - `other`: a reason that is none of these.
 *
 * @category models
 * @since 0.1.0
 */
export const FinishReason = Schema.Literals(["stop", "length", "content-filter", "tool-calls", "error", "other"])

/**
 * @category models
 * @since 0.1.0
 */
export type FinishReason = typeof FinishReason.Type

/**
 * Data that a provider attaches to a call, a text or a step, and needs back in later prompts:
 * signatures of thoughts, items of reasoning, ids.
 *
 * **Details**
 *
 * Only the provider knows its meaning. Each provider uses a key of its own, so another provider
 * does not find it. In a prompt it stands in the `options` of a message (that of a step) and of its
 * parts.
 *
 * @category models
 * @since 0.1.0
 */
export const Metadata = Schema.Record(Schema.String, Schema.NullOr(Schema.Json))

/**
 * @category models
 * @since 0.1.0
 */
export type Metadata = typeof Metadata.Type

/**
 * A piece of a reply.
 *
 * **Details**
 *
 * `ToolCall.params` is what the model wrote, unvalidated: usually an object,
 * from some models a string of JSON. `Finish` comes at most once, last; its
 * `reason` is why, and its `model` the one that has answered, where the provider
 * tells. `metadata` is what the provider wants to see again: of a text, of a call,
 * and with the `Finish` of the whole step.
 *
 * `Speech` comes from a model that speaks itself: the next words, the next audio, or both, and no
 * synthesiser is asked. The words may be ahead of the audio. All frames of a reply have one format,
 * and a reply is either `Text` or `Speech`: a session fails one that is both, with `InvalidResponse`.
 *
 * `ProviderCall` is a tool that the provider runs itself, such as a search: nobody else runs it,
 * and the reply goes on. It may come again with the same id, when more is known of it;
 * `ProviderResult` is its result. Both go back to the same provider if they have `metadata`.
 *
 * @category models
 * @since 0.1.0
 */
export type Delta =
  | { readonly _tag: "Text"; readonly text: string; readonly metadata?: Metadata | undefined }
  | {
    readonly _tag: "Speech"
    readonly text?: string | undefined
    readonly frame?: Audio.Frame | undefined
    readonly metadata?: Metadata | undefined
  }
  | {
    readonly _tag: "ToolCall"
    readonly id: string
    readonly name: string
    readonly params: unknown
    readonly metadata?: Metadata | undefined
  }
  | {
    readonly _tag: "ProviderCall"
    readonly id: string
    readonly name: string
    readonly params: unknown
    readonly metadata?: Metadata | undefined
  }
  | {
    readonly _tag: "ProviderResult"
    readonly id: string
    readonly name: string
    readonly result: unknown
    readonly isFailure: boolean
    readonly metadata?: Metadata | undefined
  }
  | {
    readonly _tag: "Finish"
    readonly reason?: FinishReason | undefined
    readonly usage?: Usage | undefined
    readonly model?: string | undefined
    readonly metadata?: Metadata | undefined
  }

/**
 * Settings of one request. They replace those of the layer.
 *
 * **Details**
 *
 * A provider leaves out what it does not know. A `Llm.fallback` passes them on;
 * `model` is one provider's own name, so only the first one gets it.
 *
 * @category options
 * @since 0.1.0
 */
export interface Settings {
  /** Model by the provider's name for it. @default the layer's own */
  readonly model?: string | undefined
  /** Randomness, from 0; the highest value is the provider's. @default the layer's own */
  readonly temperature?: number | undefined
  /** Most tokens of the reply. @default the layer's own */
  readonly maxTokens?: number | undefined
}

/**
 * A request to the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly prompt: Prompt.Prompt
  readonly tools: ReadonlyArray<Tool.Any>
  /** `none` forbids tools, `required` demands one. @default "auto" */
  readonly toolChoice?: "auto" | "none" | "required" | undefined
  /** @default the layer's own */
  readonly settings?: Settings | undefined
}

/**
 * The error of an `Llm`.
 *
 * @category errors
 * @since 0.1.0
 */
export class LlmError extends Schema.TaggedError<LlmError>("effect-voice/Llm/LlmError")("LlmError", {
  provider: Schema.String,
  reason: Failure.Reason
}) {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `${this.provider}: ${this.reason.message}`
  }
}

/**
 * The functions and facts of an `Llm`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly name: string
  readonly model?: string | undefined
  readonly resilient: boolean
  readonly hears?: boolean | undefined
  readonly prewarm?: Effect.Effect<void, LlmError> | undefined
  readonly reply: (request: Request) => Stream.Stream<Delta, LlmError>
}
