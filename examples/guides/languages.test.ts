import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"

// Another recogniser is the option `stt`; one of several languages needs none.
export const german = Agent.make({
  name: "german",
  language: "de",
  voice: "Anna",
  instructions: "Du nimmst Anrufe für ein kleines Hotel an. Antworte auf Deutsch."
})

// A recogniser of several languages tells which one it heard, for instance `DeepgramStt.layer({ language: "multi" })`.
export const english = Agent.make({
  name: "english",
  voice: "Emma",
  instructions: "You answer the phone of a small hotel.",
  onEnter: async (session) => session.say("Sea View Hotel, how can I help?"),
  onUserTurn: async ({ language }, session) => {
    if (language?.startsWith("de")) await session.handoff(german) // who answers this turn, too
  }
})

it.effect("answers in German whoever speaks German", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: english,
      user: [
        Testing.say(3000, 4500, "Ich hätte gern ein Zimmer.", { language: "de" }),
        Testing.say(9000, 10_000, "Für zwei Nächte.", { language: "de" })
      ],
      llm: ["Gern. Für wie viele Nächte?", "Zimmer sieben."],
      tts: { duration: 1500 },
      options: { turn: { preemption: { llm: false } } }
    })
    assert.deepStrictEqual(timeline.messages, [
      "assistant: Sea View Hotel, how can I help?",
      "user: Ich hätte gern ein Zimmer.",
      "handoff: german",
      "assistant: Gern. Für wie viele Nächte?",
      "user: Für zwei Nächte.",
      "assistant: Zimmer sieben."
    ])
    assert.deepStrictEqual(timeline.speeches.map(({ voice }) => voice), ["Emma", "Anna", "Anna"])
  }))
