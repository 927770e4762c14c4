/**
 * @title Push to talk: a turn is over when the button is released
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import * as Testing from "effect-voice/testing"

const program = Effect.gen(function*() {
  const timeline = yield* Testing.scenario({
    options: { turn: { detection: "manual" } },
    // Long pauses, which would end a turn if silence did.
    user: [
      Testing.say(500, 1500, "A table for four,"),
      Testing.say(5000, 6000, "on the terrace,"),
      Testing.say(9000, 10_000, "no, forget it."),
      Testing.say(12_000, 13_000, "Just a coffee.")
    ],
    at: [
      { at: 6500, do: (session) => session.commitTurn() },
      { at: 10_500, do: (session) => session.clearTurn },
      { at: 13_500, do: (session) => session.commitTurn() }
    ],
    llm: ({ text }) => `Noted: ${text}`,
    tts: { duration: 1000 }
  })
  for (const { at, text } of timeline.of("UserSpeechCommitted")) yield* Console.log(`${at} ms  ${text}`)
})

NodeRuntime.runMain(program)
