import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"

describe("blanks without end, as of a model that has lost its way", () => {
  it.effect.each([
    ["before the words", "BLANKSHi there.", "Hi there."],
    ["between them", "Hi BLANKSthere.", "Hi BLANKSthere."],
    ["behind them", "Hi there.BLANKS", "Hi there."]
  ].flatMap(([where, text, message]) => [" ", "\n", " \n\t"].map((blank) => ({ where, text, message, blank }))))(
    "are not what the voice is asked for: $where, $blank",
    ({ blank, message, text }) =>
      Effect.gen(function*() {
        const blanks = blank.repeat(1000)
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          user: [Testing.say(500, 2500, "Hello?")],
          llm: [text!.replace("BLANKS", blanks)]
        })
        const [playback] = timeline.playbacks
        assert.isBelow(playback!.end! - playback!.start, 1000)
        assert.deepStrictEqual(timeline.messages, ["user: Hello?", `assistant: ${message!.replace("BLANKS", blanks)}`])
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )
})
