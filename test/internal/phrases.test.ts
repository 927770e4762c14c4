/** Words that are still being said: whether they may become no more than a sign of listening. */
import { assert, describe, it } from "@effect/vitest"
import { Text } from "effect-voice"
import process from "node:process"
import { isLanguage, isQuestion, knows, mayBecomeSign } from "../../src/internal/text/phrases.ts"

describe("a text that is still being said", () => {
  it.each(Object.keys(Text.phrasebooks) as ReadonlyArray<keyof typeof Text.phrasebooks>)(
    "may become each sign of %s, and two of them, however little of it is there",
    (language) => {
      const { agreement, continuers } = Text.phrasebooks[language]
      for (const phrase of [...continuers, ...agreement]) {
        for (let length = 1; length <= phrase.length; length++) {
          const begun = phrase.slice(0, length)
          if (!/[\p{L}\p{N}]$/u.test(begun)) continue
          assert.isTrue(mayBecomeSign(begun, { language }), begun)
          assert.isTrue(mayBecomeSign(`${continuers[0]!}, ${begun}`, { language }), begun)
        }
      }
    }
  )

  it.each([
    ["Stop", false],
    ["Wait", false],
    ["Hold", false],
    ["What", false],
    ["yeah but", false],
    ["Mm-hm, and then", false],
    ["Mmmm", true],
    ["Yeaaah", true],
    ["Ok", true],
    ["uh", true],
    ["", true]
  ])("%s: %s", (text, may) => {
    assert.strictEqual(mayBecomeSign(text, { language: "en-US" }), may)
  })

  it("is nothing that is known in a language without phrases", () => {
    assert.isFalse(knows({ language: "tr" }))
    assert.isTrue(knows({}))
    assert.isTrue(knows({ language: "tr", more: { tr: { continuers: ["mhm"] } } }))
  })
})

describe("a sentence", () => {
  it.each([
    ["Möchten Sie das?", true],
    ["您要预订吗", true],
    ["您要预订吗。", true],
    ["可以吗？", true],
    ["예약할까요", true],
    ["있나요.", true],
    ["هل تريد ذلك؟", true],
    ["よろしいですか", true],
    ["好的。", false],
    ["네, 알겠습니다.", false]
  ])("%s asks: %s", (sentence, asks) => {
    assert.strictEqual(isQuestion(sentence), asks)
  })

  it.each(["\"", "'", "*", "**_"])("takes no time where a model writes %s without end", (sign) => {
    const text = `Is it so? ${sign.repeat(65_536 / sign.length)}!`
    const before = process.cpuUsage()
    assert.isFalse(isQuestion(text))
    const { system, user } = process.cpuUsage(before)
    assert.isBelow((system + user) / 1000, 500)
    assert.isTrue(isQuestion(text.slice(0, -1).replaceAll(" ", "")))
  })
})

describe("a tag of a language", () => {
  it("names one, or none, whatever a recogniser tells", () => {
    for (const tag of ["de", "en-US", "German"]) assert.isTrue(isLanguage(tag), tag)
    for (const tag of [undefined, null, 5, "", " ", "multi", "und", " Auto "]) {
      assert.isFalse(isLanguage(tag), String(tag))
    }
  })
})
