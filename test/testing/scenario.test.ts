import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"

describe("a scenario", () => {
  it.effect("tells the course of one turn to the millisecond", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 2500, "Hello, how are you?")],
        llm: ["I am fine, thank you."],
        tts: { duration: 2000 }
      })
      timeline.expect(
        ["UserTranscript", 2700, { text: "Hello, how are you?", final: true }],
        ["UserStateChanged", 3000, { to: "listening" }],
        ["AgentStateChanged", 3000, { to: "thinking" }],
        ["AgentStateChanged", 3500, { to: "speaking" }],
        ["AgentStateChanged", 5500, { to: "listening" }],
        ["AgentSpeechCommitted", 5500, { text: "I am fine, thank you.", interrupted: false }]
      )
    }))
})
