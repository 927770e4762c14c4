/** What models write as the parameters of a call, and what the tool gets of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Tools } from "effect-voice"

type Given = Schema.Top | { readonly [key: string]: unknown }

const got = (parameters: Given, params: unknown) =>
  Tools.execute(
    Tools.functions({ book: { parameters: parameters as Schema.Top, run: (params: unknown) => params ?? null } }),
    { id: "call-1", name: "book", params: params as Schema.Json }
  )

const struct = Schema.Struct
const Int = struct({ n: Schema.Int })
const Size = struct({ size: Schema.Literals(["small", "large"]) })
const Room = struct({ kind: Schema.Literal("room"), beds: Schema.optionalKey(Schema.Int) })
const Table = struct({ kind: Schema.Literal("table"), seats: Schema.Int })
const object = (schema: object) => ({ type: "object", ...schema })
interface Tree {
  readonly n: number
  readonly of?: ReadonlyArray<Tree> | undefined
}
const Tree: Schema.Codec<Tree> = struct({
  n: Schema.Int,
  of: Schema.optional(Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)))
})

type Row = readonly [what: string, parameters: Given, params: unknown, expected: Schema.Json]

const understood: ReadonlyArray<Row> = [
  ["a number as a text", Int, { n: "3" }, { n: 3 }],
  ["with blanks and a sign", Int, { n: " +3 " }, { n: 3 }],
  [
    "a number as a text, held to its bounds",
    struct({ n: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })) }),
    { n: "5" },
    { n: 5 }
  ],
  ["numbers as texts in a list", struct({ l: Schema.Array(Schema.Finite) }), { l: ["1", "2.5"] }, { l: [1, 2.5] }],
  [
    "numbers as texts by any name",
    struct({ r: Schema.Record(Schema.String, Schema.Int) }),
    { r: { a: "1", b: null } },
    { r: { a: 1 } }
  ],
  ["true as a text", struct({ b: Schema.Boolean }), { b: "True" }, { b: true }],
  ["yes", struct({ b: Schema.Boolean }), { b: "yes" }, { b: true }],
  ["no", struct({ b: Schema.Boolean }), { b: "No" }, { b: false }],
  ["1", struct({ b: Schema.Boolean }), { b: 1 }, { b: true }],
  ["another case", Size, { size: "Small" }, { size: "small" }],
  ["blanks around", Size, { size: " large\n" }, { size: "large" }],
  ["a number of a few as a text", struct({ floor: Schema.Literals([1, 2]) }), { floor: "2" }, { floor: 2 }],
  ["one for a list", struct({ l: Schema.Array(Schema.String) }), { l: "cot" }, { l: ["cot"] }],
  ["one object for a list", struct({ l: Schema.Array(Room) }), { l: { kind: "Room", beds: "2" } }, {
    l: [{ kind: "room", beds: 2 }]
  }],
  ["a list of one for an object", struct({ o: Room }), { o: [{ kind: "room" }] }, { o: { kind: "room" } }],
  ["a list of one for all of it", Int, [{ n: 3 }], { n: 3 }],
  ["the same as a text", Int, "[{\"n\": 3}]", { n: 3 }],
  ["an object encoded twice, and broken", struct({ o: Room }), { o: "{kind: 'room'}" }, { o: { kind: "room" } }],
  ["three times", struct({ o: struct({ l: Schema.Array(Schema.Int) }) }), { o: "{\"l\": \"[1]\"}" }, { o: { l: [1] } }],
  ["one of two objects, encoded twice", struct({ u: Schema.Union([Room, Table]) }), {
    u: "{\"kind\":\"table\",\"seats\":\"2\"}"
  }, { u: { kind: "table", seats: 2 } }],
  ["null within one of two objects", struct({ u: Schema.Union([Room, Table]) }), { u: { kind: "room", beds: null } }, {
    u: { kind: "room" }
  }],
  ["a text where a number or a text may be", struct({ u: Schema.Union([Schema.Int, Schema.String]) }), { u: "3" }, {
    u: "3"
  }],
  ["null as a word", struct({ n: Schema.NullOr(Schema.Int) }), { n: "null" }, { n: null }],
  ["None for what may be absent", struct({ n: Schema.optional(Schema.Int) }), { n: "None" }, {}],
  ["nothing for what may be absent", struct({ n: Schema.optional(Schema.Int) }), { n: "" }, {}],
  ["an empty text where a text may be", struct({ s: Schema.optional(Schema.String) }), { s: "" }, { s: "" }],
  ["the word null where a text may be", struct({ s: Schema.NullOr(Schema.String) }), { s: "null" }, { s: "null" }],
  ["what may be null left out", struct({ n: Schema.NullOr(Schema.Int) }), {}, { n: null }],
  ["what may be undefined left out", struct({ n: Schema.UndefinedOr(Schema.Int) }), {}, {}],
  ["left out, within a list", struct({ l: Schema.Array(struct({ n: Schema.NullOr(Schema.Int) })) }), { l: [{}] }, {
    l: [{ n: null }]
  }],
  ["null for a default, in a tree", Tree, { n: 1, of: [{ n: "2", of: null }] }, { n: 1, of: [{ n: 2 }] }],
  ["another spelling of a name", struct({ roomNumber: Schema.Int }), { room_number: 3 }, { roomNumber: 3 }],
  ["of one that may be absent", struct({ city: Schema.String, max_price: Schema.optionalKey(Schema.Int) }), {
    city: "Oslo",
    maxPrice: 90
  }, { city: "Oslo", max_price: 90 }],
  ["of a name that is there, too", struct({ room_number: Schema.Int }), { room_number: 3, roomNumber: 4 }, {
    room_number: 3
  }],
  ["parameters in parameters", Int, { parameters: { n: 3 } }, { n: 3 }],
  ["in arguments, as a text", Int, { arguments: "{\"n\": 3}" }, { n: 3 }],
  ["in the name of the tool", Int, { book: { n: 3 } }, { n: 3 }],
  ["a field of that name", struct({ input: struct({ n: Schema.Int }) }), { input: { n: 3 } }, { input: { n: 3 } }],
  ["a comment", Int, "{\"n\": 3 // it's {three}\n}", { n: 3 }],
  ["a comment before a value", Int, "{\"n\": /* \"of\" */ 3}", { n: 3 }],
  ["an address, which is no comment", struct({ s: Schema.String }), "{s: https://a.io/b}", { s: "https://a.io/b" }],
  ["a text with slashes", struct({ s: Schema.String }), "{'s': 'a // b'}", { s: "a // b" }],
  ["an apostrophe within", struct({ s: Schema.String }), "{'s': 'it's me'}", { s: "it's me" }],
  ["apostrophes in a list", struct({ l: Schema.Array(Schema.String) }), "{'l': ['it's', 'o'clock']}", {
    l: ["it's", "o'clock"]
  }],
  ["a date alone", struct({ d: Schema.Date }), { d: "2026-05-01" }, { d: "2026-05-01T00:00:00.000Z" }],
  ["a long id as a number", struct({ s: Schema.String }), "{\"s\": 12345678901234567890}", {
    s: "12345678901234567890"
  }],
  ["what is not known", Int, { n: 3, more: 1, __proto__: null }, { n: 3 }],
  ["a JSON Schema: a number as a text", object({ properties: { n: { type: "integer" } } }), { n: "3" }, { n: 3 }],
  ["nullable, as OpenAPI has it", object({ properties: { s: { type: "string", nullable: true } }, required: ["s"] }), {
    s: null
  }, { s: null }],
  [
    "a default behind a reference",
    object({
      properties: { a: { $ref: "#/$defs/A" } },
      $defs: { A: { type: "object", properties: { n: { type: "integer", default: 7 } } } }
    }),
    { a: {} },
    { a: { n: 7 } }
  ],
  ["a default in a part of all", object({ allOf: [{ properties: { n: { type: "integer", default: 1 } } }] }), {}, {
    n: 1
  }],
  [
    "a default in a list",
    object({ properties: { l: { type: "array", items: { type: "object", properties: { n: { default: 1 } } } } } }),
    { l: [{}, { n: 2 }] },
    { l: [{ n: 1 }, { n: 2 }] }
  ],
  [
    "a default in itself",
    object({ properties: { of: { $ref: "#" }, n: { type: "integer", default: 1 } } }),
    { of: {} },
    { of: { n: 1 }, n: 1 }
  ],
  [
    "what cannot be translated, in part",
    object({ properties: { n: { type: "integer" }, s: { not: { type: "integer" } } } }),
    { n: "3", s: "x" },
    { n: 3, s: "x" }
  ]
]

const refused: ReadonlyArray<readonly [what: string, parameters: Given, params: unknown, why: string]> = [
  ["a number in words", Int, { n: "three" }, "n: Expected number"],
  ["a number with signs that may mean two things", Int, { n: "1,000" }, "n: Expected number"],
  [
    "a number for a text, for it may have lost zeros",
    struct({ zip: Schema.String }),
    { zip: 2139 },
    "zip: Expected string"
  ],
  ["half a number for a whole one", Int, { n: "2.5" }, "n: Expected number"],
  ["a number that is too long", Int, "{\"n\": 12345678901234567890}", "n: Expected number"],
  ["beyond its bounds, as a text", struct({ n: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })) }), {
    n: "12"
  }, "n: Expected number"],
  ["maybe", struct({ b: Schema.Boolean }), { b: "maybe" }, "b: Expected boolean"],
  ["none of a few", Size, { size: "medium" }, "size: Expected \"small\" | \"large\""],
  ["several in one text", struct({ l: Schema.Array(Schema.String) }), { l: "cot, crib" }, "l: Expected array"],
  ["null for what must be there", Int, { n: null }, "n: Expected number"],
  ["left out, beside what may be null", struct({ a: Schema.NullOr(Schema.Int), n: Schema.Int }), {}, "n is missing"],
  ["a list of two for an object", Int, [{ n: 1 }, { n: 2 }], "expected object, got array"],
  [
    "two spellings at once",
    struct({ roomNumber: Schema.Int }),
    { room_number: 3, "room-number": 4 },
    "roomNumber is missing"
  ],
  ["a day in words", struct({ d: Schema.Date }), { d: "tomorrow" }, "d: Expected a valid Date"],
  [
    "a JSON Schema: what is missing behind a reference",
    object({
      properties: { a: { $ref: "#/$defs/A" } },
      $defs: { A: { type: "object", properties: { n: {} }, required: ["n"] } }
    }),
    { a: {} },
    "a.n is missing"
  ],
  [
    "in the definitions of draft 07",
    object({ properties: { a: { $ref: "#/definitions/Age" } }, definitions: { Age: { type: "integer" } } }),
    { a: "old" },
    "a: Expected Age"
  ],
  [
    "in another field",
    object({ properties: { a: { $ref: "#/properties/b" }, b: { type: "integer" } } }),
    { a: "x" },
    "a: Expected b"
  ],
  [
    "in itself",
    object({ properties: { of: { $ref: "#" }, n: { type: "integer" } } }),
    { of: { of: { n: "x" } } },
    "of.of.n: Expected number"
  ],
  [
    "beside what cannot be translated",
    object({ properties: { n: { type: "integer" } }, if: { required: ["n"] }, else: {} }),
    { n: "x" },
    "n: Expected number"
  ],
  [
    "a field that has the name of such a word",
    object({ properties: { if: { type: "integer" } }, not: { required: ["x"] } }),
    { if: "x" },
    "if: Expected number"
  ],
  ["another constant", object({ properties: { a: { const: "x" } } }), { a: "y" }, "a: Expected \"x\""],
  [
    "not all of all",
    object({ allOf: [{ properties: { a: { type: "integer" } }, required: ["a"] }] }),
    {},
    "a is missing"
  ],
  ["below the least", object({ properties: { n: { type: "integer", minimum: 1 } } }), { n: "0" }, "n: Expected number"]
]

describe("the parameters of a call", () => {
  it.effect.each(understood)("are understood: %s", ([, parameters, params, expected]) =>
    Effect.gen(function*() {
      const { isFailure, output } = yield* got(parameters, params)
      assert.deepStrictEqual([output, isFailure], [expected, false])
    }))

  it.effect.each(refused)(
    "are refused, as they were written: %s",
    ([, parameters, params, why]) =>
      Effect.gen(function*() {
        const { isFailure, output } = yield* got(parameters, params)
        assert.isTrue(isFailure, JSON.stringify(output))
        assert.include(String(output), `Invalid parameters for tool book: `)
        assert.include(String(output), why)
      })
  )

  it.effect(
    "are not read without end where a schema has alternatives within alternatives",
    () =>
      Effect.gen(function*() {
        interface Any {
          readonly a?: Any | undefined
          readonly b?: Any | undefined
        }
        const Any: Schema.Codec<Any> = Schema.Union([
          struct({ a: Schema.optionalKey(Schema.suspend((): Schema.Codec<Any> => Any)), x: Schema.Literal(1) }),
          struct({ a: Schema.optionalKey(Schema.suspend((): Schema.Codec<Any> => Any)), y: Schema.Literal(1) })
        ]) as Schema.Codec<any>
        const deep = Array.from({ length: 40 }).reduce<object>((a) => ({ a, z: 1 }), {})
        const { output } = yield* got(struct({ any: Any }), { any: deep })
        assert.include(String(output), "Invalid parameters for tool book: any")
      })
  )
})
