/** Fields of answers that may not be there. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** May be absent, or null. */
export const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const nothing = Effect.succeedSome(null)

/** The same of what is told beside the words: of another shape it is as good as absent, and no reason to lose them. */
export const hint = <S extends Schema.Top>(schema: S) =>
  Schema.optionalKey(Schema.NullOr(schema).pipe(Schema.catchDecoding(() => nothing)))
