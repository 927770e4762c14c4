import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Failure, type Pipeline } from "effect-voice"
import * as Testing from "effect-voice/testing"

const told: Array<string> = []

export const desk = Agent.make({
  instructions: "You answer the phone of a small hotel.",
  // Once for each failure that no retry and no other provider has mended.
  onFailure: async ({ component, provider }) => void told.push(`${provider} (${component})`),
  // Once, when the session gives up: an operator may join the room now.
  onEscalation: async ({ component }) => void told.push(`given up: ${component}`)
})

export const options: Pipeline.Options = {
  failedReply: { text: "I did not get that. Once more, please?" },
  apology: { text: "Our line is broken. Please call again in an hour." },
  turn: { toleratedFailures: 1 }
}

it.effect("says so when a turn fails, and gives up when the next one fails, too", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(1000, 2000, "When is breakfast?"), Testing.say(9000, 10_000, "When is breakfast?")],
      llm: () => ({ fail: new Failure.Rejected({ status: 401 }) }),
      tts: { duration: 2000 },
      options
    })
    assert.deepStrictEqual(timeline.of("AgentSpeechCommitted").map(({ text }) => text), [
      "I did not get that. Once more, please?",
      "Our line is broken. Please call again in an hour."
    ])
    assert.deepStrictEqual(told, ["scripted-llm (llm)", "scripted-llm (llm)", "given up: llm"])
  }))
