/** How an answer of a server is read, event by event. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"
import { assembled, type Piece } from "../llm/assembly.ts"
import { doneMark } from "../provider/lines.ts"

export type Format = "json" | "sse" | "ndjson"

/** How an answer is read. */
export interface Answer {
  readonly format: Format
  readonly parts: (text: string) => Effect.Effect<ReadonlyArray<Piece>, Failure.Reason>
  /** Whether every answer says itself that it is finished: one that does not was cut off. */
  readonly finishes: boolean
}

export const answer = <A>(options: {
  readonly format: Format
  readonly schema: Schema.Codec<A, unknown>
  readonly parts: (value: A) => ReadonlyArray<Piece>
  readonly finishes: boolean
  /** What an answer tells that is an error. @default nothing */
  readonly failure?: ((json: unknown) => Failure.Reason | undefined) | undefined
}): Answer => {
  const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
  const decode = Schema.decodeUnknownEffect(options.schema)
  const malformed = new Failure.InvalidResponse({
    detail: options.format === "json"
      ? "the answer is not the JSON that was expected"
      : "an event is not the JSON that was expected"
  })
  const { failure, finishes, format } = options
  return {
    format,
    finishes,
    parts: (text) =>
      Effect.flatMap(Effect.mapError(parse(text), () => malformed), (json) => {
        const reason = failure?.(json)
        return reason === undefined
          ? Effect.map(Effect.mapError(decode(json), () => malformed), options.parts)
          : Effect.fail(reason)
      })
  }
}

/** The deltas of the texts of an answer's events. */
export const deltas = <R>(
  { finishes, parts }: Answer,
  key: string,
  events: Stream.Stream<string, Failure.Reason, R>
): Stream.Stream<Llm.Delta, Failure.Reason, R> =>
  assembled(
    { key, finishes },
    Stream.mapEffect(
      events,
      (text): Effect.Effect<ReadonlyArray<Piece> | typeof doneMark, Failure.Reason> =>
        text.trim() === doneMark ? Effect.succeed(doneMark) : parts(text)
    )
  )
