/** What may be wrong with a voice activity detector: one error, whose reason says which. */
import * as Schema from "effect/Schema"
import { InvalidOptions } from "../../Failure.ts"

/**
 * The model could not be loaded.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelUnavailable
  extends Schema.TaggedError<ModelUnavailable>("effect-voice/Vad/ModelUnavailable")("ModelUnavailable", {
    path: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `The voice activity model ${this.path} cannot be used: ${this.detail}`
  }
}

/**
 * The model failed on a window.
 *
 * @category errors
 * @since 0.1.0
 */
export class InferenceFailed
  extends Schema.TaggedError<InferenceFailed>("effect-voice/Vad/InferenceFailed")("InferenceFailed", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The voice activity model failed: ${this.detail}`
  }
}

/**
 * Every way a `Vad` fails.
 *
 * @category errors
 * @since 0.1.0
 */
export class VadError extends Schema.TaggedError<VadError>("effect-voice/Vad/VadError")("VadError", {
  reason: Schema.Union([ModelUnavailable, InferenceFailed, InvalidOptions])
}) {
  get isRetryable(): boolean {
    return this.reason._tag === "InferenceFailed"
  }
  override get message(): string {
    return this.reason.message
  }
}

export const invalidOptions = (reason: InvalidOptions): VadError => new VadError({ reason })

export const inferenceFailed = (detail: string): VadError => new VadError({ reason: new InferenceFailed({ detail }) })

export const modelUnavailable = (path: string, detail: string): VadError =>
  new VadError({ reason: new ModelUnavailable({ path, detail }) })
