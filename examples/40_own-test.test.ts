/**
 * @title A test of your own agent: exact to the millisecond, done in milliseconds
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"

const agent = Agent.make({
  instructions: "You are patient.",
  onEnter: Session.Session.use((session) => session.say("Let me read you all of our terms and conditions."))
})

it.effect("stops when the caller says stop", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent,
      user: [Testing.say(4000, 5000, "Stop, please!")],
      llm: ["As you like."],
      tts: { duration: 10_000 }
    })
    const [terms, answer] = timeline.playbacks
    assert.isTrue(terms?.interrupted)
    assert.isAtMost(terms?.playedMs ?? Infinity, 4600)
    assert.isAbove(answer?.start ?? 0, 5000)
    assert.deepStrictEqual(timeline.messages.slice(-2), ["user: Stop, please!", "assistant: As you like."])
  }))
