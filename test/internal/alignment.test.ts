import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Tts } from "effect-voice"
import * as Alignment from "../../src/internal/alignment.ts"
import { heardAt, makeUtterance, type Utterance } from "../../src/internal/pipeline/utterance.ts"

const timed = (...entries: ReadonlyArray<readonly [text: string, start: number, end: number]>) =>
  entries.map(([text, start, end]): Tts.TimedText => ({ text, start, end }))

const letters = (text: string, ms: number) =>
  timed(...[...text].map((letter, i) => [letter, i * ms, (i + 1) * ms] as const))

describe("heard", () => {
  const sentence = timed(["Hello", 0, 400], [" there", 400, 800], [" you", 1000, 1200])
  it.each<readonly [string, ReadonlyArray<Tts.TimedText>, number, string]>([
    ["nothing at the start", sentence, 0, ""],
    ["not yet the middle of a word", sentence, 199, ""],
    ["the middle of a word", sentence, 200, "Hello"],
    ["the next word", sentence, 600, "Hello there"],
    ["a gap", sentence, 999, "Hello there"],
    ["the end", sentence, 1200, "Hello there you"],
    [
      "two stretches of words",
      timed(["Let me ", 0, 400], ["check on", 400, 900], [" it", 900, 1100]),
      950,
      "Let me check on"
    ],
    ["words inside a stretch, by their share", timed(["abcd efgh ij", 0, 1200]), 699, "abcd"],
    ["words inside a stretch, at the middle", timed(["abcd efgh ij", 0, 1200]), 700, "abcd efgh"],
    ["punctuation belongs to its word", timed(["Yes, sure.", 0, 1000]), 300, "Yes,"],
    ["letter by letter, before the middle", letters("Hello you", 100), 240, ""],
    ["letter by letter, after the middle", letters("Hello you", 100), 260, "Hello"],
    ["a word over two stretches", timed(["sun", 0, 300], ["ny day", 300, 900]), 240, ""],
    ["a word over two stretches, in its middle", timed(["sun", 0, 300], ["ny day", 300, 900]), 250, "sunny"],
    ["Chinese by character", timed(["这是第一句话。", 0, 700]), 349, "这是第"],
    ["Chinese keeps its full stop", timed(["好。对", 0, 300]), 150, "好。"],
    ["Japanese among Latin words", timed(["テスト OK です", 0, 900]), 600, "テスト OK"],
    ["Korean by word", timed(["안녕 하세요", 0, 600]), 200, "안녕"],
    ["a character beyond the basic plane is not cut", timed(["𠀀𠀁", 0, 400]), 200, "𠀀"],
    ["no alignment", [], 1000, ""],
    ["stretches without text", timed(["", 0, 100], [" ", 100, 200], ["a", 200, 300]), 250, " a"],
    ["a later word is not heard before an earlier one", timed(["a", 500, 600], [" b", 0, 100]), 200, ""],
    ["stretches without length", timed(["Hi", 0, 200], ["!", 200, 200]), 200, "Hi!"]
  ])("%s", (_, alignment, position, expected) => assert.strictEqual(Alignment.heard(alignment, position), expected))

  it.each<readonly [number, number, string]>([
    [0, 1000, ""],
    [500, 1000, "one two"],
    [1000, 1000, "one two three"],
    [2000, 1000, "one two three"],
    [10, 0, ""]
  ])(
    "in proportion: %d of %d ms",
    (played, total, expected) =>
      assert.strictEqual(Alignment.heardInProportion("one two three", played, total), expected)
  )
})

describe("releases", () => {
  it("a word is released when it begins, without the end of the text", () => {
    const first = Alignment.releases(timed(["It is", 0, 200]))
    const both = Alignment.releases(timed(["It is", 0, 200], [" sunny", 200, 400]))
    assert.deepStrictEqual(both, [{ at: 0, text: "It" }, { at: 120, text: " is" }, { at: 200, text: " sunny" }])
    assert.deepStrictEqual(first, both.slice(0, 2))
  })

  it("never goes back in time", () => {
    assert.deepStrictEqual(Alignment.releases(timed(["a", 100, 200], [" b", 50, 90])), [
      { at: 100, text: "a" },
      { at: 100, text: " b" }
    ])
  })
})

describe("properties", () => {
  const pieces = Schema.Array(Schema.Struct({
    text: Schema.Union([
      Schema.String,
      Schema.Literals(["Hello", " you", " ", "这是", "テスト", "a b c", " .", "𠀀", "e\u0301", "สวัสดี"])
    ]),
    gap: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 })),
    length: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 900 }))
  }))
  const align = (entries: typeof pieces.Type) => {
    let now = 0
    return entries.map(({ gap, length, text }): Tts.TimedText => {
      const start = now + gap
      now = start + length
      return { text, start, end: now }
    })
  }
  const join = (alignment: ReadonlyArray<Tts.TimedText>) => alignment.map((entry) => entry.text).join("")
  const position = Schema.Int.check(Schema.isBetween({ minimum: -10, maximum: 6000 }))
  const options = { arbitrary: { runs: 500 } }

  it.prop("what was heard is a prefix, and grows", { pieces, a: position, b: position }, ({ a, b, pieces }) => {
    const alignment = align(pieces)
    const early = Alignment.heard(alignment, Math.min(a, b))
    const late = Alignment.heard(alignment, Math.max(a, b))
    assert.isTrue(join(alignment).startsWith(late))
    assert.isTrue(late.startsWith(early))
    assert.strictEqual(late, late.trimEnd())
  }, options)

  it.prop("everything was heard at the end", { pieces }, ({ pieces }) => {
    const alignment = align(pieces)
    assert.strictEqual(Alignment.heard(alignment, (alignment.at(-1)?.end ?? 0) + 1), join(alignment).trimEnd())
  }, options)

  it.prop(
    "releases join to the text, and what is heard has been released",
    { pieces, a: position },
    ({ a, pieces }) => {
      const alignment = align(pieces)
      const released = Alignment.releases(alignment)
      const text = join(alignment)
      assert.strictEqual(released.map((piece) => piece.text).join(""), text.trim() === "" ? "" : text)
      const shown = released.filter((piece) => piece.at <= a).map((piece) => piece.text).join("")
      assert.isTrue(shown.startsWith(Alignment.heard(alignment, a)))
    },
    options
  )

  it.prop(
    "in proportion is a prefix that grows",
    { text: Schema.String, a: position, b: position },
    ({ a, b, text }) => {
      const early = Alignment.heardInProportion(text, Math.min(a, b), 3000)
      const late = Alignment.heardInProportion(text, Math.max(a, b), 3000)
      assert.isTrue(text.startsWith(late) && late.startsWith(early))
    },
    options
  )
})

describe("a voice that knows the time of a sentence when it has ended", () => {
  const first = "The room is ready. "
  const second = "Breakfast is at seven."
  const speaking = (complete: boolean): Utterance => ({
    ...makeUtterance("s", 0),
    pieces: [{ raw: first, spoken: first }, { raw: second, spoken: second }],
    alignment: timed([first, 0, 1000]),
    raw: first + second,
    spoken: first + second,
    audioMs: complete ? 2000 : 1500,
    complete
  })

  it.each<readonly [string, Utterance, number, string]>([
    ["within the sentence whose time is known", speaking(false), 500, "The room"],
    ["at its end", speaking(false), 1000, "The room is ready."],
    ["in the next one, whose audio is still coming", speaking(false), 1500, "The room is ready. Breakfast"],
    ["in the next one, whose audio is there", speaking(true), 1500, "The room is ready. Breakfast is"],
    ["at the end of all", speaking(true), 2000, "The room is ready. Breakfast is at seven."]
  ])("is heard in proportion %s", (_, utterance, playedMs, heard) => {
    assert.strictEqual(heardAt(utterance, playedMs), heard)
  })

  it("is heard to the end only there", () => {
    const utterance = speaking(true)
    for (let played = 0; played < 1800; played += 50) {
      assert.notStrictEqual(heardAt(utterance, played), utterance.raw)
    }
  })
})
