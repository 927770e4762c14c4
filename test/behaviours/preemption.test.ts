/** A reply that is made before its turn is committed, and is kept only if it still answers it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Look = Tool.make("look", { success: Schema.String })
const Kit = Toolkit.make(Look)

describe("a reply made before the turn is over", () => {
  it.effect("a guess that calls a tool stands behind the words that it answers", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Kit }),
        user: [Testing.say(500, 2000, "Look it up", { finalDelay: 100 })],
        llm: [{ text: "Let me check.", tools: [{ name: "look" }], firstToken: 10, total: 20 }, "Found."],
        options: { turn: { preemption: { llm: true } } }
      }).pipe(Effect.provide(Kit.toLayer({ look: () => Effect.succeed("it") })))
      assert.deepStrictEqual(timeline.messages, [
        "user: Look it up",
        "assistant: Let me check.",
        "call: look",
        "output: look",
        "assistant: Found."
      ])
      const roles = timeline.requests[1]!.prompt.content.map(({ role }) => role)
      assert.deepStrictEqual(roles.filter((role) => role !== "system"), ["user", "assistant", "assistant", "tool"])
    }))

  it.effect.each(["instructions", "agent"])(
    "a guess made before the %s changed is not used",
    (what) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 2000, "Who are you?", { finalDelay: 100 })],
          llm: ({ prompt }) => JSON.stringify(prompt).includes("NEW") ? "The new one." : "The old one.",
          options: { turn: { preemption: { llm: true } } },
          at: [{
            at: 2300,
            do: (session) =>
              what === "agent"
                ? session.handoff(Agent.make({ name: "b", instructions: "NEW" }))
                : session.update({ instructions: "NEW" })
          }]
        })
        assert.include(timeline.messages, "assistant: The new one.")
        assert.notInclude(timeline.messages, "assistant: The old one.")
      })
  )

  it.effect.each([["Hello", ["Hi there.", ""]], ["Hello again", ["Hi there again.", ""]]] as const)(
    "a guess keeps its words to itself until it is wanted (%s)",
    ([text, told]) =>
      Effect.gen(function*() {
        const again = text.includes("again")
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 2000, text, {
            transcripts: again
              ? [{ at: 1000, text: "Hello" }, { at: 1600, text: "again" }]
              : [{ at: 1600, text: "Hello" }]
          })],
          llm: ({ text }) => text.includes("again") ? "Hi there again." : "Hi there.",
          options: { syncTranscript: false, turn: { preemption: { llm: true } } }
        })
        const said = timeline.of("AgentTranscript")
        assert.deepStrictEqual(said.filter(({ final }) => !final).map(({ text }) => text).join(""), told[0])
        assert.deepStrictEqual(said.filter(({ final }) => final).length, 1)
        assert.isTrue(said.every(({ at }) => at >= 2500))
      })
  )
})
