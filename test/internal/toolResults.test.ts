import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { Tool } from "effect/ai"
import { fromFunction } from "../../src/internal/tools/entry.ts"
import * as Json from "../../src/internal/tools/json.ts"

const encoding = (success: Schema.Top) => fromFunction<never>(Tool.make("look", { success }), () => Effect.void).encode

describe("the result of a tool", () => {
  it.effect("is walked through once where its schema keeps it as it is", () =>
    Effect.gen(function*() {
      let reads = 0
      const result = {
        get room() {
          reads++
          return 7
        }
      }
      assert.deepStrictEqual(yield* encoding(Schema.Any)(result), { room: 7 })
      assert.strictEqual(reads, 1)
    }))

  it.effect.each<readonly [what: string, schema: Schema.Top, result: unknown, json: Schema.Json]>([
    ["plain", Schema.Struct({ room: Schema.Int }), { room: 7 }, { room: 7 }],
    ["with more than its schema names", Schema.Struct({ room: Schema.Int }), { room: 7, key: 1 }, { room: 7 }],
    ["a date", Schema.DateTimeUtc, DateTime.makeUnsafe(0), "1970-01-01T00:00:00.000Z"],
    ["a number that is a text", Schema.FiniteFromString, 7, "7"],
    ["not there", Schema.Struct({ room: Schema.optional(Schema.Int) }), { room: undefined }, { room: null }],
    [
      "of a class",
      Schema.Any,
      new (class {
        room = 7
      })(),
      { room: 7 }
    ]
  ])("is what JSON makes of it: %s", ([, schema, result, json]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* encoding(schema)(result), json)
    }))

  it.effect.each<readonly [what: string, schema: Schema.Top, result: unknown, why: string]>([
    ["too many values", Schema.Array(Schema.Int), new Array(300_000).fill(1), "it has more than 262144 values"],
    ["too many in a map", Schema.Any, new Map([[1, new Array(300_000).fill(1)]]), "it has more than 262144 values"],
    ["a number that is none", Schema.Any, { room: Number.NaN }, "it holds a number that is none (NaN)"],
    ["a map", Schema.Any, { rooms: new Map() }, "it holds a value of the kind Map"]
  ])("is refused, and says why: %s", ([, schema, result, why]) =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(encoding(schema)(result))
      assert.strictEqual((refused as { readonly why?: string }).why, why)
    }))

  it("is copied if it is plain, or else known to be too large", () => {
    const plain = { room: [1, "a", null, true] }
    const { copy } = Json.sizeUp(plain)
    assert.deepStrictEqual(copy, plain)
    assert.notStrictEqual(copy, plain)
    assert.deepStrictEqual(Json.sizeUp(new Map()), { tooLarge: undefined })
    assert.include(Json.sizeUp("a".repeat(5_000_000)).tooLarge, "characters")
  })
})
