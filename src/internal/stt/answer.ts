/** How a recogniser's answer is read. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Failure from "../../Failure.ts"
import { maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import type * as Stt from "./model.ts"

export interface Answer {
  readonly decode: (text: string) => Effect.Effect<Stt.Recognition, Failure.Reason>
}

export const json = <A>(schema: Schema.Codec<A, unknown>, recognition: (answer: A) => Stt.Recognition): Answer => {
  const decode = decodeJson(schema)
  return { decode: (text) => Effect.map(decode(text), recognition) }
}

/** The words, with single spaces between them. */
export const plain: Answer = {
  decode: (text) => Effect.succeed({ text: text.trim().replaceAll(/\s+/g, " ") })
}

/** `{ transcript, confidence? }`, as most small servers have it. */
export const transcript: Answer = json(
  Schema.Struct({ transcript: Schema.String, confidence: maybe(Schema.Finite) }),
  ({ confidence, transcript }) => ({ text: transcript, confidence: confidence ?? undefined })
)
