/** Words that are still being said: whether they may become no more than a sign of listening. */
import { assert, describe, it } from "@effect/vitest"
import { Text } from "effect-voice"
import { isLanguage, knows, mayBecomeSign } from "../../src/internal/text/phrases.ts"

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
    assert.isFalse(knows({ language: "pl" }))
    assert.isTrue(knows({}))
    assert.isTrue(knows({ language: "pl", more: { pl: { continuers: ["mhm"] } } }))
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
