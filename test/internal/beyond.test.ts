/** What a late final transcript adds to the interim one that was used in its place. */
import { assert, describe, it } from "@effect/vitest"
import { beyond } from "../../src/internal/text/beyond.ts"
import { diceOf } from "../support/dice.ts"

describe("beyond", () => {
  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ["", "Book it.", "Book it."],
    ["book it", "Book it.", ""],
    ["book it", "Book it, for two.", "for two."],
    ["Book it for two", "Book it.", ""],
    // What was misheard is not said again, wherever in the words it stands.
    ["look a table", "Book a table for two.", "for two."],
    ["I would like a red car", "I would like to rent a car tomorrow.", "tomorrow."],
    ["what is the whether", "What is the weather in Paris?", "in Paris?"],
    // Words of another utterance are all new, however many were used.
    ["yes", "No, not that one.", "No, not that one."],
    ["what is the time", "Cancel it.", "Cancel it."],
    ["on Monday", "The third of May, please.", "The third of May, please."],
    ["no", "November.", "November."],
    // A mark that stands alone is no word.
    ["bonjour", "Bonjour ! Une table.", "Une table."],
    // Scripts without spaces.
    ["はい", "はい、そうです。", "そうです。"],
    ["ちょっと", "ちょっと待ってください", "待ってください"],
    ["明日の", "明日の会議室を予約", "会議室を予約"],
    ["Room 7", "Room 7、お願いします", "お願いします"]
  ]
  for (const [earlier, later, more] of cases) {
    it(`of "${later}" after "${earlier}" is "${more}"`, () => {
      assert.strictEqual(beyond(earlier, later), more)
    })
  }

  const words = ["book", "it", "for", "two", "naïve", "don't", "7", "はい", "待って", "B2", "É"]
  const others = ["table", "please", "noon", "水", "9"]
  const some = (d: ReturnType<typeof diceOf>, from: ReadonlyArray<string>, most: number): string =>
    Array.from({ length: d.int(1, most) }, () => d.pick(from)).join(" ")

  it("is all that comes behind words that are told again, and nothing else", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const d = diceOf(seed)
      const said = some(d, words, 12)
      const more = some(d, others, 8)
      const mark = d.pick(["", ",", "!", " ?"])
      assert.strictEqual(beyond(said, `${said.toUpperCase()}${mark} ${more}.`), `${more}.`, `seed ${seed}`)
    }
  })

  it("is nothing where there are fewer words than were used", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const d = diceOf(seed)
      const said = some(d, words, 12)
      assert.strictEqual(beyond(`${said} ${some(d, words, said.split(" ").length)}`, said), "", `seed ${seed}`)
    }
  })

  it("is everything where no word is the same", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const d = diceOf(seed)
      const more = some(d, others, 8)
      assert.strictEqual(beyond(some(d, words, 12), more), more, `seed ${seed}`)
    }
  })

  it("is an end of the transcript, whatever the two are", () => {
    const signs = [...words, ...others, " ", "  ", "\n", "…", "?", "👍", "\ud83d", "e\u0301", "กำ", "-", "'", "​"]
    for (let seed = 1; seed <= 1000; seed++) {
      const d = diceOf(seed)
      const any = () => Array.from({ length: d.int(0, 11) }, () => d.pick(signs)).join("")
      const later = any()
      const more = beyond(any(), later)
      assert.isTrue(later.trim().endsWith(more), `seed ${seed}`)
      assert.strictEqual(more, more.trim(), `seed ${seed}`)
    }
  })

  it("is found in a turn of any length", () => {
    const long = (seed: number) => Array.from({ length: 3000 }, (_, i) => `w${(i * seed) % 97}`).join(" ")
    assert.strictEqual(beyond(long(3), `${long(3)} and more`), "and more")
    assert.isString(beyond(long(3), long(5)))
  })
})
