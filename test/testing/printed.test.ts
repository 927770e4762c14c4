import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"

const agent = Agent.make({ instructions: "" })
const words = (timeline: Testing.Timeline) =>
  timeline.print().split("\n").filter((line) => line.includes("AgentTranscript"))

describe("what a timeline prints", () => {
  it.effect("has a line for each speech of the agent, from its first word to its last", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [Testing.say(500, 1500, "Hello?"), Testing.say(6000, 7000, "And?")],
        llm: ["Good evening to you.", "That is all."]
      })
      const all = timeline.of("AgentTranscript")
      const speeches = Object.values(Object.groupBy(all, ({ speech }) => speech)).map((pieces = []) => ({
        from: pieces[0]!.at,
        until: pieces.findLast(({ text }) => text !== "")!.at,
        text: pieces.map(({ text }) => text).join("")
      }))
      assert.isAbove(all.length, 4)
      assert.deepStrictEqual(
        words(timeline).map((line) => {
          const [, from, text, until] = /^ *(\d+) .* text=(".*") final=true until=(\d+)$/.exec(line) ?? []
          return { from: Number(from), until: Number(until), text: JSON.parse(text ?? "null") }
        }),
        speeches
      )
      assert.strictEqual(timeline.print().split("\n").length, timeline.events.length - all.length + speeches.length)
    }))

  it.effect("shows between which words something else happened", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [Testing.say(500, 1500, "Hello?"), Testing.say(3200, 4800, "Stop, stop it, please!")],
        llm: ["Good evening to you, and to all who are with you today.", "Yes?"],
        tts: { duration: 6000 }
      })
      const lines = timeline.print().split("\n")
      const started = lines.findLastIndex((line) => line.includes("UserStartedSpeaking"))
      const before = lines.slice(0, started).filter((line) => line.includes("AgentTranscript"))
      const heard = timeline.of("AgentTranscript").filter(({ at }) =>
        at < timeline.of("UserStartedSpeaking").at(-1)!.at
      )
      assert.isNotEmpty(heard)
      assert.strictEqual(before.length, 1)
      assert.include(before[0], `text=${JSON.stringify(heard.map(({ text }) => text).join(""))}`)
    }))
})
