/** The vocabulary that every noun states its options in. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Redacted, Result } from "effect"
import * as Check from "../../src/internal/options.ts"

interface Tea {
  readonly steep?: Duration.Input | undefined
  readonly cups: number
  readonly sugar?: number | undefined
  readonly kind?: "black" | "green" | undefined
  readonly iced?: boolean | undefined
  readonly pot?: { readonly litres?: number | undefined; readonly lidOpen?: boolean | undefined } | undefined
  readonly snack?: { readonly name?: string | undefined } | undefined
  readonly sips?: ReadonlyArray<number> | undefined
  readonly key?: Redacted.Redacted | undefined
  readonly url?: string | undefined
  readonly onSip?: (() => void) | undefined
}

const tea = Check.together(
  Check.struct<Tea>()({
    steep: Check.duration({ above: 0, most: 600_000, default: "3 minutes" }),
    cups: Check.required(Check.whole({ least: 1 })),
    sugar: Check.ratio({ default: 0.5 }),
    kind: Check.oneOf(["black", "green"], { default: "black" }),
    iced: Check.flag(),
    pot: Check.section(
      Check.struct<NonNullable<Tea["pot"]>>()({
        litres: Check.number({ above: 0, most: 5, unit: "l", default: 1 }),
        lidOpen: Check.flag({ default: false })
      })
    ),
    snack: Check.maybe(Check.struct<NonNullable<Tea["snack"]>>()({ name: Check.text() })),
    sips: Check.list(Check.number({ least: 1, most: 9 })),
    key: Check.key,
    url: Check.url(["https:"]),
    onSip: Check.asIs
  }),
  ({ cups, pot }) => ({ "pot.litres": pot.litres < cups / 10 ? "must be enough for the cups" : undefined })
)

const problems = (given: unknown): ReadonlyArray<string> =>
  Result.match(Check.read(tea, given as Tea), {
    onFailure: ({ problems }) => problems.map(({ detail, option }) => `${option} ${detail}`),
    onSuccess: () => []
  })

describe("options", () => {
  it("are filled in with their defaults, and times are milliseconds", () => {
    const onSip = () => {}
    assert.deepStrictEqual(Result.getOrThrow(Check.read(tea, { cups: 2, sugar: undefined, onSip })), {
      steep: 180_000,
      cups: 2,
      sugar: 0.5,
      kind: "black",
      iced: undefined,
      pot: { litres: 1, lidOpen: false },
      snack: undefined,
      sips: undefined,
      key: undefined,
      url: undefined,
      onSip
    })
  })

  it("are told all that is wrong with them at once, each by its name and with what to do", () => {
    assert.deepStrictEqual(
      problems({
        steep: "5 secs",
        cups: 1.5,
        sugar: Number.NaN,
        kind: "white",
        iced: "yes",
        pot: { litres: 7 },
        snack: { name: " " },
        sips: [3, 0],
        key: Redacted.make("two words"),
        url: "http://secret@host"
      }),
      [
        "steep must be a duration above 0 and at most 10 minutes, such as \"3 minutes\", not \"5 secs\"",
        "cups must be a whole number of 1 or more, not 1.5",
        "sugar must be a number from 0 to 1, not NaN",
        "kind must be one of black, green, not \"white\"",
        "iced must be true or false",
        "pot.litres must be a number above 0 and at most 5 l, not 7",
        "snack.name must be a text that is not empty",
        "sips.1 must be a number from 1 to 9, not 0",
        "key must be the key alone, without spaces or line breaks, as Redacted",
        "url must be a URL that begins with https://"
      ]
    )
  })

  it.each([
    Number.NaN,
    -1,
    0,
    "5",
    "soon",
    "-1 second",
    { seconds: Number.NaN },
    { seconds: "5" },
    { secs: 5 },
    {},
    [Number.NaN, 0],
    [1],
    true,
    null,
    () => 5
  ])("take no time that is none, where a Duration would be 0 (%j)", (steep) => {
    assert.lengthOf(problems({ cups: 1, steep }), 1)
  })

  it.each([
    [5, 5],
    [5n * 1_000_000n, 5],
    ["1.5 seconds", 1500],
    [{ seconds: 5, milliseconds: undefined }, 5000],
    [[1, 500_000_000], 1500],
    [Duration.seconds(2), 2000]
  ])("take a time in each way to write one (%s)", (steep, ms) => {
    assert.strictEqual(Result.getOrThrow(Check.read(tea, { cups: 1, steep: steep as Duration.Input })).steep, ms)
  })

  it.each<readonly [what: string, given: unknown, count: number]>([
    ["100 wrong values", { cups: 1, sips: Array.from({ length: 100 }, () => 0) }, 100],
    ["101 wrong values", { cups: 1, sips: Array.from({ length: 101 }, () => 0) }, 101],
    ["20,000 wrong values", { cups: 1, sips: Array.from({ length: 20_000 }, () => 0) }, 101],
    ["100,000 names", { cups: 1, ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])) }, 101],
    ["a name of a million letters", { cups: 1, ["k".repeat(1_000_000)]: 1 }, 1],
    ["four million samples", new Float64Array(4_000_000), 1]
  ])("are told the first hundred of all that is wrong, and how many more, soon: %s", (_, given, count) => {
    const before = performance.now()
    const result = Check.read(tea, given as Tea)
    assert.isBelow(performance.now() - before, 5000)
    if (Result.isSuccess(result)) assert.fail("nothing is wrong")
    const { problems } = result.failure
    assert.strictEqual(problems.length, count)
    if (count > 100) assert.match(problems.at(-1)?.detail ?? "", /^have \d+ more that are wrong$/)
  })

  it("that must be given are missed", () => {
    assert.deepStrictEqual(problems({}), ["cups is missing"])
    assert.deepStrictEqual(problems({ cups: undefined }), ["cups is missing"])
  })

  it("that are no options at all are told so", () => {
    assert.deepStrictEqual(problems({ cups: 1, pot: 5, snack: null, sips: 3 }), [
      "pot must be an object of options, such as { litres: … }, not 5",
      "snack must be an object of options, such as { name: … }, not null",
      "sips must be a list, not 3"
    ])
    for (const [given, shown] of [[null, "null"], [5, "5"], ["tea", "a text"], [[], "a list"]] as const) {
      assert.deepStrictEqual(problems(given), [
        `options must be an object of options, such as { steep: … }, not ${shown}`
      ])
    }
  })

  it("must fit each other, once each is right by itself", () => {
    assert.deepStrictEqual(problems({ cups: 20 }), ["pot.litres must be enough for the cups"])
  })

  it("have no other name, at any depth", () => {
    assert.deepStrictEqual(problems({ cups: 1, colour: undefined, pots: undefined }), [])
    assert.deepStrictEqual(
      problems({ cups: 1, colour: "red", pot: { lidopen: true, handle: 1 }, suger: 1, setep: 1 }),
      [
        "colour is not known",
        "suger is not known: sugar may be meant",
        "setep is not known: steep may be meant",
        "pot.lidopen is not known: lidOpen may be meant",
        "pot.handle is not known; there is litres, lidOpen"
      ]
    )
    assert.deepStrictEqual(problems({ cups: 1, lidOpen: true, sugar: 1, suger: 1, sips: [1, 0], snack: { nam: "" } }), [
      "lidOpen is not known: pot.lidOpen may be meant",
      "suger is not known",
      "snack.nam is not known; there is name",
      "sips.1 must be a number from 1 to 9, not 0"
    ])
  })

  it("may say what to write instead of a name that another library has", () => {
    const known = Check.instead(
      Check.struct<{ readonly cups: number }>()({ cups: Check.required(Check.whole()) }),
      { leaves: "cups may be meant" }
    )
    const read = Check.read(known, { cups: 1, leaves: 2 } as typeof known.Encoded)
    assert.isTrue(Result.isFailure(read))
    if (Result.isFailure(read)) {
      assert.deepStrictEqual(read.failure.problems, [{ option: "leaves", detail: "is not known: cups may be meant" }])
    }
  })

  it("may be something else beside, and a slip of the pen is one", () => {
    const wider = Check.together(
      Check.wider(
        Check.struct<{ readonly sugar: number; readonly pot?: Tea["pot"] }>()({
          sugar: Check.required(Check.ratio()),
          pot: Check.maybe(Check.struct<NonNullable<Tea["pot"]>>()({ litres: Check.number(), lidOpen: Check.flag() }))
        })
      ),
      () => ({})
    )
    const wrong = (given: object): ReadonlyArray<string> => {
      const read = Check.read(wider, given as typeof wider.Encoded)
      return Result.isFailure(read) ? read.failure.problems.map(({ detail, option }) => `${option} ${detail}`) : []
    }
    assert.deepStrictEqual(wrong({ sugar: 1, colour: "red", lidOpen: true }), [])
    assert.deepStrictEqual(wrong({ sugar: 1, suger: 1 }), [])
    assert.deepStrictEqual(wrong({ suger: 1 }), ["suger is not known: sugar may be meant", "sugar is missing"])
    assert.deepStrictEqual(wrong({ sugar: 1, pot: { handle: 1 } }), [
      "pot.handle is not known; there is litres, lidOpen"
    ])
    class Bowl {
      readonly sugar = 1
      readonly glaze = "blue"
    }
    assert.deepStrictEqual(wrong(new Bowl()), [])
    class Cup {
      readonly cups = 1
      readonly glaze = "blue"
      readonly suger = 1
    }
    assert.deepStrictEqual(problems(new Cup()), ["suger is not known: sugar may be meant"])
  })

  it("that may be given in short have no other name either", () => {
    interface Meal {
      readonly tea?: boolean | { readonly litres?: number | undefined } | undefined
    }
    const pot = Check.struct<{ readonly litres?: number | undefined }>()({ litres: Check.number() })
    const meal = Check.struct<Meal>()({
      tea: Check.shorthand(
        Check.or(false, pot),
        (given: boolean | { readonly litres?: number | undefined } | undefined) => given === true ? {} : given
      )
    })
    const wrong = (given: object): ReadonlyArray<string> => {
      const read = Check.read(meal, given)
      return Result.isFailure(read) ? read.failure.problems.map(({ detail, option }) => `${option} ${detail}`) : []
    }
    for (const tea of [true, false, undefined, {}, { litres: 2 }]) assert.deepStrictEqual(wrong({ tea }), [])
    assert.deepStrictEqual(wrong({ tea: { handle: 1 } }), ["tea.handle is not known; there is litres"])
    assert.deepStrictEqual(wrong({ tea: { liters: 1 } }), ["tea.liters is not known: litres may be meant"])
  })

  it("within others are named by the whole way to them", () => {
    const wrong = Result.getOrThrow(Result.flip(Check.read(tea, { cups: 0, pot: { litres: 9 } }, "breakfast.tea")))
    assert.strictEqual(
      wrong.message,
      "breakfast.tea.cups must be a whole number of 1 or more, not 0; " +
        "breakfast.tea.pot.litres must be a number above 0 and at most 5 l, not 9"
    )
  })
})
