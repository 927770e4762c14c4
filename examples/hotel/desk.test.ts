import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"
import { desk } from "./agent.ts"
import { options } from "./call.ts"
import { KitLive } from "./rooms.ts"

const story = "We are a small hotel by the sea, with a long history and many stories."
const book = { room: 7, nights: 2, name: "Ann" }

describe("the desk", () => {
  it.effect("finds a room, books it, and says goodbye", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: desk,
        user: [
          Testing.say(3000, 5000, "A room for two nights from the first of May, please."),
          Testing.say(10_000, 12_000, "Room seven. My name is Ann."),
          Testing.say(17_000, 18_000, "Thank you, that is all.")
        ],
        llm: [
          { tools: [{ name: "find_rooms", params: { from: "2027-05-01", nights: 2 } }] },
          "Room seven or nine?",
          { tools: [{ name: "book_room", params: book }] },
          "Room seven is yours.",
          { tools: [{ name: "hang_up" }] }
        ],
        tts: { duration: 1500 }
      })
      assert.includeMembers([...timeline.messages], ["assistant: Room seven is yours.", "assistant: Goodbye!"])
      assert.deepStrictEqual(timeline.of("SessionClosed").map(({ reason }) => reason), ["hang_up"])
      for (const { total } of timeline.turns) assert.isBelow(total, 2000)
    }).pipe(Effect.provide(KitLive)))

  it.effect("stops when the caller speaks, and has said what was heard", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: desk,
        options,
        user: [Testing.say(6000, 7000, "Tell me all about you."), Testing.say(10_000, 11_000, "Stop, please.")],
        llm: [`${story} And so on.`, "As you like."],
        tts: { duration: 5000 }
      })
      const told = timeline.of("AgentSpeechCommitted").find(({ interrupted }) => interrupted)
      assert.isDefined(told)
      assert.isTrue(story.startsWith(told!.text) && told!.text.length < story.length)
      assert.strictEqual(timeline.messages.at(-1), "assistant: As you like.")
    }).pipe(Effect.provide(KitLive)))

  it.effect("answers from what was looked up, though the model is lost once", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: desk,
        user: [Testing.say(3000, 4000, "When is breakfast?")],
        // A guess before the end of the turn would use up a reply.
        options: { turn: { preemption: { llm: false } } },
        llm: [{ fail: true }, "From seven to ten."]
      })
      assert.include(timeline.messages, "assistant: From seven to ten.")
      assert.include(JSON.stringify(timeline.requests.at(-1)?.prompt), "included")
    }).pipe(Effect.provide(KitLive)))
})
