import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"

it.effect("stops when the caller says stop", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      user: [Testing.say(500, 1500, "Tell me a story."), Testing.say(6000, 6800, "Stop!")],
      llm: ["Once upon a time there was a king.", "All right."],
      tts: { duration: 10_000 }
    })
    timeline.expect(["AgentPaused", 6500])
    assert.deepStrictEqual(timeline.messages[1], "assistant: Once upon a time—")
  }))
