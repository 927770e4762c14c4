import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"

describe("a picture of a timeline", () => {
  it.effect("shows who spoke, what was understood, what was decided, and what was heard", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [
          Testing.say(500, 1500, "Tell me <a> story & more."),
          Testing.cough(5700, 5800),
          Testing.say(7000, 7800, "Stop!")
        ],
        llm: ["Once upon a time there was a king.", "All right."],
        tts: [{ duration: 10_000 }, { duration: 1000 }]
      })
      const svg = Testing.picture(timeline, { title: "Stop" })
      for (
        const part of [
          ">Stop</title>",
          "Tell me &lt;a&gt; story &amp; more.",
          ">turn<",
          ">pause<",
          ">cut<",
          "class=\"noise\""
        ]
      ) {
        assert.include(svg, part)
      }
      // Every stretch that was heard is a bar; nothing is drawn outside.
      assert.strictEqual(svg.match(/class="agent"/g)?.length, timeline.audible.length)
      for (const [, at] of svg.matchAll(/ x="([\d.]+)"/g)) assert.isAtMost(Number(at), 960)
      assert.notInclude(svg, "NaN")
      const part = Testing.picture(timeline, { from: 6500, to: 9000, width: 500 })
      assert.notInclude(part, "Tell me")
      assert.include(part, "width=\"500\"")
      assert.notInclude(Testing.picture(yield* Testing.scenario({})), "NaN")
    }))

  it.effect("says the words of a speech once, though a noise has paused it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Tell me a story."), Testing.cough(7000, 7700)],
        llm: ["Once upon a time there was a king."],
        tts: { duration: 10_000 }
      })
      const svg = Testing.picture(timeline)
      assert.strictEqual(svg.match(/class="agent"/g)?.length, 2)
      assert.strictEqual(svg.match(/>Once upon/g)?.length, 1)
      assert.include(svg, ">…<")
    }))
})
