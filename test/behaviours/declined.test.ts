import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"

const words = ["First of all.", "Then this.", "And that.", "Also those.", "At last."]
const user = words.map((text, i) => Testing.say(1000 + i * 5000, 2000 + i * 5000, text))

const asked = (declines: (text: string) => boolean, options?: Testing.Scenario["options"]) =>
  Testing.scenario({
    agent: Agent.make({
      instructions: "",
      onUserTurn: ({ text }) => declines(text) ? { reply: false } : undefined
    }),
    user,
    llm: () => "I see.",
    tts: { duration: 500 },
    options
  })

describe("turns that nobody is to answer", () => {
  it.effect("are not guessed at any more after the second in a row", () =>
    Effect.gen(function*() {
      const timeline = yield* asked(() => true)
      assert.lengthOf(timeline.requests, 2)
      assert.deepStrictEqual(timeline.messages, words.map((text) => `user: ${text}`))
    }))

  it.effect("are guessed at again once a turn was answered", () =>
    Effect.gen(function*() {
      const answered = new Set([words[2]])
      const timeline = yield* asked((text) => !answered.has(text))
      // Two guesses, a reply without one, and two guesses again.
      assert.lengthOf(timeline.requests, 5)
      assert.deepStrictEqual(timeline.turns.map(({ preempted }) => preempted), [false])
    }))

  it.effect("cost nothing without preemption", () =>
    Effect.gen(function*() {
      const timeline = yield* asked(() => true, { turn: { preemption: { llm: false } } })
      assert.lengthOf(timeline.requests, 0)
    }))
})

const story = "Once upon a time there was a king who lived in a castle with many people and animals."

const over = (text: string, agent?: Agent.Agent) =>
  Testing.scenario({
    agent: agent ??
      Agent.make({
        instructions: "",
        onUserTurn: ({ text }) => text.includes("story") ? undefined : { reply: false }
      }),
    user: [Testing.say(500, 1500, "Tell me a story."), Testing.say(6000, 7000, text)],
    llm: [story],
    tts: { duration: 10_000 }
  })

const toldWhole = (timeline: Testing.Timeline): boolean => timeline.messages.includes(`assistant: ${story}`)

describe("words over the agent that nobody is to answer", () => {
  it.effect("let it go on", () =>
    Effect.gen(function*() {
      assert.isTrue(toldWhole(yield* over("Somebody is at the door, I think.")))
    }))

  it.effect("end what it says where they tell it to stop", () =>
    Effect.gen(function*() {
      const timeline = yield* over("Stop!")
      assert.isFalse(toldWhole(timeline))
      assert.strictEqual(timeline.of("AgentStartedSpeaking").length, 1)
      assert.deepStrictEqual(timeline.of("FalseInterruption"), [])
      assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["interrupted"])
    }))

  it.effect("end what it says where the hook says so", () =>
    Effect.gen(function*() {
      const timeline = yield* over(
        "Somebody is at the door, I think.",
        Agent.make({
          instructions: "",
          onUserTurn: async ({ text }, session) => {
            if (text.includes("story")) return
            await session.interrupt()
            return { reply: false }
          }
        })
      )
      assert.isFalse(toldWhole(timeline))
    }))
})
