import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Audio } from "effect-voice"
import { long, question, talk } from "./support/agents.ts"
import { caller, livekit, now, roomName, until } from "./support/people.ts"

const story =
  "Once upon a time there was a small hotel by the sea, and everybody who came there stayed a little longer than planned, " +
  "because the breakfast was good, and the beds were soft, and the sea told stories all night long."

describe.skipIf(livekit === undefined)("a conversation over WebRTC", () => {
  it.live("greets who comes, answers, is interrupted, and answers again", () =>
    Effect.gen(function*() {
      const room = roomName()
      const agent = yield* talk({ room, greeting: "Hello, how can I help?", script: [story, "Of course."] })
      const ann = yield* caller({ room })
      const greeted = yield* ann.hears("agent", 0)
      yield* ann.hearsSilence("agent", 700)
      assert.strictEqual(agent.of("AgentSpeechCommitted")[0]?.text, "Hello, how can I help?")

      yield* ann.says(question)
      const asked = now()
      const answered = yield* ann.hears("agent", asked)
      // End-pointing takes 500 ms of it; the rest is slack for a loaded machine.
      assert.isBelow(answered - asked, 3000)
      yield* until(() => now() - answered > 2000)

      const began = now()
      yield* ann.says(Audio.slice(long, 0, "2 seconds"))
      const silent = yield* ann.hearsSilence("agent", 400)
      assert.isBelow(silent - began, 1800)
      const again = yield* ann.hears("agent", silent + 200)
      yield* ann.hearsSilence("agent", 700)
      yield* until(() => agent.of("AgentSpeechCommitted").length === 3)
      const [, cut, last] = agent.of("AgentSpeechCommitted")
      assert.isTrue(cut!.interrupted)
      assert.isTrue(story.startsWith(cut!.text.slice(0, 20)) && cut!.text.length < story.length)
      assert.deepStrictEqual([last!.text, last!.interrupted], ["Of course.", false])
      assert.isAbove(again, silent)
      assert.isAbove(greeted, 0)

      yield* ann.leaves
      assert.strictEqual(yield* agent.session.ended, "participant_left")
    }).pipe(Effect.scoped))

  it.live("two agents talk with each other, each in its turn", () =>
    Effect.gen(function*() {
      const room = roomName()
      const one = yield* talk({
        room,
        identity: "one",
        script: ["That is good to hear.", "Tell me more.", "I see."],
        options: { participant: "two" }
      })
      const two = yield* talk({
        room,
        identity: "two",
        greeting: "Good morning, this is the second one.",
        script: ["And how are you today?", "Splendid.", "Well."],
        options: { participant: "one" }
      })
      yield* until(() => one.of("AgentSpeechCommitted").length >= 2 && two.of("AgentSpeechCommitted").length >= 2)
      assert.deepStrictEqual(two.of("AgentSpeechCommitted").slice(0, 2).map(({ text }) => text), [
        "Good morning, this is the second one.",
        "And how are you today?"
      ])
      assert.deepStrictEqual(one.of("AgentSpeechCommitted").slice(0, 2).map(({ text }) => text), [
        "That is good to hear.",
        "Tell me more."
      ])
    }).pipe(Effect.scoped))

  it.live("two callers in one room have a conversation each, on tracks of their own", () =>
    Effect.gen(function*() {
      const room = roomName()
      const ann = yield* caller({ room })
      const bob = yield* caller({ room, identity: "bob" })
      const first = yield* talk({ room, identity: "desk-1", script: ["To Ann."], options: { participant: "ann" } })
      const second = yield* talk({ room, identity: "desk-2", script: ["To Bob."], options: { participant: "bob" } })
      yield* until(() => first.of("SessionStarted").length > 0 && second.of("SessionStarted").length > 0)
      yield* Effect.sleep(500)
      yield* ann.says(question)
      yield* ann.hears("desk-1", 0)
      yield* ann.hearsSilence("desk-1", 700)
      assert.strictEqual(bob.loudMs("desk-2"), 0)
      assert.deepStrictEqual(second.of("UserSpeechCommitted"), [])
      yield* bob.says(question)
      yield* bob.hears("desk-2", 0)
      assert.strictEqual(first.of("UserSpeechCommitted").length, 1)
      assert.strictEqual(second.of("UserSpeechCommitted").length, 1)
    }).pipe(Effect.scoped))
})
