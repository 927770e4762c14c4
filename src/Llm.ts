/**
 * Large language models.
 *
 * An `Llm` turns a prompt and tools into text deltas and tool calls. It never
 * runs a tool: whoever asked does. Interrupting the stream closes the request.
 * Prompts and tools are those of `effect/ai`, so any `LanguageModel` is an
 * `Llm` (`fromLanguageModel`).
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import * as Failure from "./Failure.ts"

/**
 * Tokens that a reply took.
 *
 * @category models
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  inputTokens: Schema.Finite,
  outputTokens: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type

/**
 * A piece of a reply.
 *
 * **Details**
 *
 * `ToolCall.params` is what the model wrote, unvalidated: usually an object,
 * from some models a string of JSON. `Finish` comes at most once, last.
 *
 * @category models
 * @since 0.1.0
 */
export type Delta =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "ToolCall"; readonly id: string; readonly name: string; readonly params: unknown }
  | { readonly _tag: "Finish"; readonly usage?: Usage | undefined }

/**
 * What is asked of the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly prompt: Prompt.Prompt
  readonly tools: ReadonlyArray<Tool.Any>
  /** `none` forbids tools, `required` demands one. @default "auto" */
  readonly toolChoice?: "auto" | "none" | "required" | undefined
}

/**
 * Every way an `Llm` fails.
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
 * Service that writes replies.
 *
 * **Details**
 *
 * `resilient` says that it already retries and fails over, so that the pipeline
 * must not.
 *
 * @category services
 * @since 0.1.0
 */
export class Llm extends Context.Service<Llm, {
  readonly name: string
  readonly resilient: boolean
  readonly reply: (request: Request) => Stream.Stream<Delta, LlmError>
}>()("effect-voice/Llm") {}
