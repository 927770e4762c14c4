/** What may be wrong with a turn detector: one error, whose reason says which. */
import * as Schema from "effect/Schema"
import { InvalidOptions } from "../../Failure.ts"

/**
 * The model could not be loaded.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelUnavailable
  extends Schema.TaggedError<ModelUnavailable>("effect-voice/TurnDetector/ModelUnavailable")("ModelUnavailable", {
    path: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `The turn detection model ${this.path} cannot be used: ${this.detail}`
  }
}

/**
 * The model failed on a pause.
 *
 * @category errors
 * @since 0.1.0
 */
export class InferenceFailed
  extends Schema.TaggedError<InferenceFailed>("effect-voice/TurnDetector/InferenceFailed")("InferenceFailed", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The turn detection model failed: ${this.detail}`
  }
}

/**
 * More pauses wait for the model than it judges in time. The delays of
 * `turn.endpointing` decide instead.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overloaded
  extends Schema.TaggedError<Overloaded>("effect-voice/TurnDetector/Overloaded")("Overloaded", {})
{
  override get message(): string {
    return "The turn detection model has more pauses to judge than it can in time: run fewer calls in a process"
  }
}

/**
 * Every way a turn detector of this package fails.
 *
 * @category errors
 * @since 0.1.0
 */
export class TurnDetectorError
  extends Schema.TaggedError<TurnDetectorError>("effect-voice/TurnDetector/TurnDetectorError")("TurnDetectorError", {
    reason: Schema.Union([ModelUnavailable, InferenceFailed, Overloaded, InvalidOptions])
  })
{
  get isRetryable(): boolean {
    return this.reason._tag === "InferenceFailed" || this.reason._tag === "Overloaded"
  }
  override get message(): string {
    return this.reason.message
  }
}

export const invalidOptions = (reason: InvalidOptions): TurnDetectorError => new TurnDetectorError({ reason })

export const inferenceFailed = (detail: string): TurnDetectorError =>
  new TurnDetectorError({ reason: new InferenceFailed({ detail }) })

export const modelUnavailable = (path: string, detail: string): TurnDetectorError =>
  new TurnDetectorError({ reason: new ModelUnavailable({ path, detail }) })

export const overloaded: TurnDetectorError = new TurnDetectorError({ reason: new Overloaded({}) })
