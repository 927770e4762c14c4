/** A turn whose last words cannot end a sentence, where no detector listens. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Text, type Turn } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** When the words of 500 to 1500 ms became a turn, from the end of the voice. */
const waited = (text: string, language = "en", endpointing: Turn.Options["endpointing"] = {}) =>
  Effect.map(
    Testing.scenario({
      user: [Testing.say(500, 1500, text)],
      stt: { language },
      llm: () => "Yes.",
      options: { turn: { endpointing } }
    }),
    (timeline) => timeline.of("UserSpeechCommitted").map(({ at }) => at - 1500)
  )

describe("words that end no sentence", () => {
  it.effect.each<readonly [text: string, language: string, wait: number]>([
    ["I would like a", "en", 1500],
    ["I would like, uhm,", "en", 1500],
    ["Two nights and.", "en", 1500],
    ["Two nights and…", "en", 1500],
    ["I would like a room.", "en", 500],
    ["Where are you from?", "en", 500],
    ["What is it made of ?", "en", 500],
    ["Ich hätte gern ein Zimmer und", "de", 1500],
    // A prefix of verbs, too: "ich steige ein".
    ["Ich hätte gern ein", "de", 500],
    // Its own language alone counts.
    ["I would like a", "sv", 500],
    // These alone are a hesitation.
    ["Uhm.", "en", 3000]
  ])("%s (%s) is over after %d ms", ([text, language, wait]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* waited(text, language), [wait])
    }))

  it.effect("wait no longer than maxDelay, and no shorter than minDelay", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* waited("I would like a", "en", { maxDelay: "700 millis" }), [700])
      assert.deepStrictEqual(yield* waited("I would like a", "en", { minDelay: "2 seconds" }), [2000])
    }))

  it.effect("are one turn with what follows", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "I would like a"), Testing.say(2600, 3200, "quiet room.")],
        llm: () => "Seven is quiet."
      })
      assert.deepStrictEqual(timeline.messages, ["user: I would like a quiet room.", "assistant: Seven is quiet."])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("are known in each language that has a list", () =>
    Effect.gen(function*() {
      const books = Object.entries(Text.phrasebooks).filter(([, { unfinished }]) => unfinished.length > 0)
      assert.isAtLeast(books.length, 10)
      for (const [language, { hesitations, unfinished }] of books) {
        for (const word of [unfinished[0]!, unfinished.at(-1)!].filter((one) => !hesitations.includes(one))) {
          assert.deepStrictEqual(yield* waited(`Paris ${word}`, language), [1500], `${language}: ${word}`)
        }
      }
    }))
})
