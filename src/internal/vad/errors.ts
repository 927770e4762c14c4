import * as Schema from "effect/Schema"

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
    return `No voice activity model at ${this.path}: ${this.detail}`
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
 * An option has a value that the detector cannot work with.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption
  extends Schema.TaggedError<InvalidOption>("effect-voice/Vad/InvalidOption")("InvalidOption", {
    option: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `${this.option}: ${this.detail}`
  }
}

/**
 * Every way a `Vad` fails.
 *
 * @category errors
 * @since 0.1.0
 */
export class VadError extends Schema.TaggedError<VadError>("effect-voice/Vad/VadError")("VadError", {
  reason: Schema.Union([ModelUnavailable, InferenceFailed, InvalidOption])
}) {
  get isRetryable(): boolean {
    return this.reason._tag === "InferenceFailed"
  }
  override get message(): string {
    return this.reason.message
  }
}

export const invalidOption = (option: string, detail: string): VadError =>
  new VadError({ reason: new InvalidOption({ option, detail }) })

export const inferenceFailed = (detail: string): VadError => new VadError({ reason: new InferenceFailed({ detail }) })

export const modelUnavailable = (path: string, detail: string): VadError =>
  new VadError({ reason: new ModelUnavailable({ path, detail }) })
