import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Tts } from "effect-voice"
import * as Alignment from "../../src/internal/alignment.ts"
import { makeFitting, pushInParts } from "../../src/internal/fitted.ts"
import { heardAt, makeUtterance } from "../../src/internal/pipeline/utterance.ts"

const evenly = (told: ReadonlyArray<string>): ReadonlyArray<Tts.TimedText> =>
  told.map((text, i) => ({ text, start: i * 100, end: (i + 1) * 100 }))

const fit = (text: string, told: ReadonlyArray<string>, totalMs = told.length * 100) => {
  const fitting = makeFitting(() => text)
  const known = evenly(told).flatMap((one) => fitting.push([one]))
  return { known, all: [...known, ...fitting.end(totalMs)] }
}

const join = (alignment: ReadonlyArray<Tts.TimedText>) => alignment.map(({ text }) => text).join("")

describe("what a voice tells of its words", () => {
  it.each<readonly [string, string, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["as it should", "Yeah, I can.", ["Yeah,", " I", " can."], ["Yeah,", " I", " can."]],
    ["with the space before or after", "Yeah, I can.", ["Yeah, ", "I ", "can."], ["Yeah, ", "I ", "can."]],
    ["without spaces", "Yeah, I can.", ["Yeah,", "I", "can."], ["Yeah,", " I", " can."]],
    ["a sign given to both sides", "Yeah, I can.", ["Yeah,", ", I can", "."], ["Yeah,", " I can."]],
    ["without signs", "Yeah, I can! Sure?", ["Yeah", "I can", "Sure"], ["Yeah", ",", " I can!", " Sure?"]],
    ["with two spaces", "Yeah, I can.", ["Yeah,  ", "  I  can."], ["Yeah,", " I can."]],
    ["in capitals", "Yeah, I can.", ["YEAH,", "I", "CAN."], ["Yeah,", " I", " can."]],
    ["without accents", "Où est l’hôtel ?", ["Ou", "est", "l'", "hotel"], ["Où", " est", " l’", "hôtel"]],
    ["letters in parts", "Café au lait", ["Cafe\u0301", " au", " lait"], ["Café", " au", " lait"]],
    ["letter by letter", "So, no.", [..."So, no."], [..."So, no."]],
    ["a word over two stretches", "a sunny day", ["a", "sun", "ny day"], ["a", " sun", "ny day"]],
    ["what was said for a number", "It is 21 now.", ["It is", "twenty", "one", "now."], ["It is", " 21", " now."]],
    ["a word more", "So, can you?", ["So,", "um", "can", "you?"], ["So,", " can", " you?"]],
    ["a word less", "So, er, can you?", ["So,", "can", "you?"], ["So,", " er,", " can", " you?"]],
    ["stretches that say nothing", "So, no.", ["", " ", "So,", "…", " no."], ["So,", " no."]],
    ["Chinese", "好。我来。", ["好", "。", "我来"], ["好", "。", "我来"]],
    ["Thai with its marks", "สวัสดี ครับ", ["สวัสดี", "ครับ"], ["สวัสดี", " ครับ"]]
  ])("is put upon the text: %s", (_, text, told, fitted) => {
    const { known, all } = fit(text, told)
    assert.deepStrictEqual(known.map((one) => one.text), fitted)
    assert.strictEqual(join(all), text)
  })

  it("keeps the times of what it tells, and gives what was passed over the time between", () => {
    const fitting = makeFitting(() => "It is 21 now.")
    const times = [["It is", 0, 300], ["twenty", 300, 600], ["one", 600, 700], ["now.", 750, 900]] as const
    assert.deepStrictEqual(fitting.push(times.map(([text, start, end]) => ({ text, start, end }))), [
      { text: "It is", start: 0, end: 300 },
      { text: " 21", start: 300, end: 750 },
      { text: " now.", start: 750, end: 900 }
    ])
  })

  it("gives what nobody told the time up to the end, and follows text that grows", () => {
    let text = "One moment."
    const fitting = makeFitting(() => text)
    assert.strictEqual(join(fitting.push(evenly(["One", "moment."]))), "One moment.")
    text += " Here it is."
    assert.deepStrictEqual(fitting.end(900), [{ text: " Here it is.", start: 200, end: 900 }])
    assert.deepStrictEqual(fitting.end(900), [])
  })

  const vowels = [
    "a",
    "I",
    "can",
    "Yeah,",
    "no.",
    "It’s",
    "sunny",
    "21",
    "—",
    "“Well”,",
    "o’clock",
    "Åsa",
    "ja!",
    "(yes)",
    "…"
  ]
  const words = Schema.NonEmptyArray(Schema.Struct({
    word: Schema.Literals(vowels as ReadonlyArray<string> as [string]),
    space: Schema.Literals([" ", "  ", "\n"])
  }))
  const manner = Schema.Struct({
    capitals: Schema.Boolean,
    signs: Schema.Literals(["kept", "dropped", "twice"]),
    space: Schema.Literals(["none", "before", "after", "both"])
  })
  const position = Schema.Int.check(Schema.isBetween({ minimum: -10, maximum: 3000 }))
  const hasLetter = /[\p{L}\p{N}]/u

  it.prop(
    "is heard as the text was spoken, at every cut, in whatever manner it is told",
    { words, manner, at: position },
    ({ at, manner, words }) => {
      const text = words.map(({ space, word }, i) => i === 0 ? word : space + word).join("")
      // A sign of its own has no stretch.
      const spoken = words.map(({ word }) => word)
      const times = evenly(spoken)
      const told = times.flatMap((one, i): ReadonlyArray<Tts.TimedText> => {
        if (!hasLetter.test(one.text)) return []
        const before = manner.signs === "twice" ? /[^\p{L}\p{N}]*$/u.exec(spoken[i - 1] ?? "")?.[0] ?? "" : ""
        const bare = manner.signs === "dropped"
          ? one.text.replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "")
          : one.text
        const cased = manner.capitals ? bare.toUpperCase() : bare
        const left = manner.space === "before" || manner.space === "both" ? " " : ""
        const right = manner.space === "after" || manner.space === "both" ? " " : ""
        return [{ ...one, text: left + before + cased + right }]
      })
      const fitting = makeFitting(() => text)
      const utterance = {
        ...makeUtterance("s", 0),
        pieces: [{ raw: text, spoken: text }],
        raw: text,
        spoken: text,
        audioMs: times.length * 100
      }
      for (const one of told) {
        utterance.alignment.push(...fitting.push([one]))
        assert.isTrue(text.startsWith(join(utterance.alignment)))
        assert.isTrue(text.startsWith(heardAt(utterance, at)))
      }
      if (utterance.alignment.length > 0) utterance.alignment.push(...fitting.end(utterance.audioMs))
      utterance.complete = true
      const whole = join(utterance.alignment)
      assert.isTrue(whole === text || whole === "" && told.length === 0)
      const heard = heardAt(utterance, at)
      assert.isTrue(text.startsWith(heard))
      // By the word, as the one who tells it well is heard: signs between two words go with either.
      const wordsOf = (part: string) => part.match(/[\p{L}\p{N}’]+/gu) ?? []
      const well = times.filter(({ end, start }) => (start + end) / 2 <= at).map((one) => one.text).join(" ")
      if (told.length === times.length) {
        assert.deepStrictEqual(wordsOf(heard), wordsOf(well), JSON.stringify([at, told, utterance.alignment]))
      }
      for (const { at: when, text: piece } of Alignment.releases(utterance.alignment)) {
        assert.isTrue(when >= 0 && piece !== "")
      }
    },
    { arbitrary: { runs: 3000 } }
  )

  it.effect("in one long message is placed as it is in many short ones", () =>
    Effect.gen(function*() {
      const text = "So it is. ".repeat(1000)
      const told = evenly(Array.from({ length: 3000 }, (_, i) => ["So ", "it ", "is. "][i % 3]!))
      const parts: Array<ReadonlyArray<Tts.TimedText>> = []
      yield* pushInParts(makeFitting(() => text), told, (fitted) => void parts.push(fitted))
      assert.deepStrictEqual(parts.flat(), makeFitting(() => text).push(told))
      assert.strictEqual(join(parts.flat()), text)
      assert.isAtLeast(parts.length, 5)
    }))

  it.prop("anything that is told joins to the text, in order of time", {
    text: Schema.String,
    told: Schema.Array(
      Schema.Union([Schema.String, Schema.Literals(["Yeah,", ", I", "can", " ", "a", "𠀀", "é", "ß"])])
    )
  }, ({ text, told }) => {
    const { known, all } = fit(text, told)
    assert.isTrue(text.startsWith(join(known)))
    assert.strictEqual(join(all), text)
    all.reduce((last, { end, start }) => {
      assert.isTrue(start <= end && start >= 0)
      return Math.max(last, end)
    }, 0)
  }, { arbitrary: { runs: 2000 } })
})
