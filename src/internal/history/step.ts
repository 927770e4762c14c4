/** Where an item of a history comes from: the answer of the model, and what its provider has attached. */
import * as Schema from "effect/Schema"
import { Metadata } from "../llm/model.ts"

/**
 * One answer of the model: what it said and the calls that it made with that.
 *
 * **Details**
 *
 * Calls with the same `id` become one message of a prompt. `metadata` is what the
 * provider has attached to the answer, for itself alone (`Llm.Metadata`).
 *
 * @category models
 * @since 0.1.0
 */
export const Step = Schema.Struct({ id: Schema.String, metadata: Schema.optionalKey(Metadata) })

/**
 * @category models
 * @since 0.1.0
 */
export type Step = typeof Step.Type

/** Of every item. */
export const fields = {
  id: Schema.String,
  createdAt: Schema.Finite
}

/** What a provider has attached. */
export const metadata = Schema.optionalKey(Metadata)

/** Of what the model has said and called. */
export const ofModel = {
  ...fields,
  step: Schema.optionalKey(Step),
  metadata
}
