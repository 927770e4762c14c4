/**
 * @title Before each reply: passages found for it, words put right, a veto
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"

const handbook = [
  { about: "breakfast", passage: "Breakfast is served from seven until ten." },
  { about: "parking", passage: "Parking costs fifteen euros a night." }
]

const agent = Agent.make({
  instructions: "You answer the telephone of a hotel.",
  onUserTurn: ({ text }) =>
    Effect.gen(function*() {
      if (/^(just a moment|hold on)/i.test(text)) return { reply: false }
      const corrected = text.replace(/harper hotel/i, "Harbour Hotel")
      // A search takes its time: it is spent on the Clock, so a test knows how much.
      yield* Effect.sleep("80 millis")
      const found = handbook.filter(({ about }) => corrected.toLowerCase().includes(about))
      return { text: corrected, context: found.map(({ passage }) => passage).join("\n") }
    })
})

const program = Effect.gen(function*() {
  const timeline = yield* Testing.scenario({
    agent,
    user: [
      Testing.say(500, 2500, "Is this the Harper Hotel?"),
      Testing.say(8000, 9000, "Just a moment, please."),
      Testing.say(14_000, 15_000, "When is breakfast?")
    ],
    llm: ({ prompt }) =>
      JSON.stringify(prompt).includes("seven until ten") ? "From seven until ten." : "Yes, it is. How can I help you?",
    tts: { duration: 1500 }
  })
  yield* Console.log(timeline.messages.join("\n"))
})

NodeRuntime.runMain(program)
