/** Half a character, as of a text that was cut: many servers refuse each request that has one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const half = "a \ud83d"

/** Halves, as JSON writes them. */
const halves = /\\ud[89a-f]/

describe("half a character", () => {
  const results: ReadonlyArray<readonly [string, () => unknown]> = [
    ["as a result", () => half],
    ["within a result", () => ({ of: [half], [half]: 1 })],
    ["within one that writes itself", () => ({ at: 0, toJSON: () => ({ of: [half] }) })],
    ["as what a tool fails with", () => {
      throw new Tools.ToolError({ message: half })
    }]
  ]
  it.effect.each(results)("reaches no model: %s", ([, run]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: `You are the desk. ${half}`, tools: Tools.functions({ look: { run } }) }),
        user: [Testing.type(500, half), Testing.type(6000, "And?")],
        at: [{ at: 100, do: (session) => session.say(Stream.make("Hello ", half)) }],
        llm: ({ step }) => step === 0 ? { tools: [{ name: "look", params: { of: half } }] } : "It is so."
      })
      assert.isAtLeast(timeline.requests.length, 4)
      for (const { prompt } of timeline.requests) assert.notMatch(JSON.stringify(prompt), halves)
      assert.include(JSON.stringify(timeline.requests.at(-1)!.prompt), "a \ufffd")
    }))
})
