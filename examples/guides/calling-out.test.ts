import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, type Event, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

// One reminder: what it is about comes with the job, as metadata.
export const reminder = (booking: { readonly guest: string; readonly day: string }) =>
  Agent.make({
    instructions:
      `You call ${booking.guest} about the room that is booked for ${booking.day}. Ask whether they will come.`,
    tools: Tools.functions({
      confirm: {
        description: "Notes that the guest will come, and ends the call",
        run: async (_, { session }) => session.hangUp({ say: "See you then. Goodbye!" })
      }
    }),
    onEnter: async (session) =>
      session.say(`Good morning, this is the Sea View Hotel. Your room is booked for ${booking.day}: will you come?`)
  })

it.effect("reminds a guest, hears the answer, and hangs up", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      room: { kind: "sip", direction: "outbound" },
      agent: reminder({ guest: "Ann", day: "Friday" }),
      user: [Testing.say(5000, 6000, "Yes, we will.")],
      llm: [{ tools: [{ name: "confirm" }] }],
      tts: { duration: 3000 }
    })
    assert.deepStrictEqual(timeline.messages.filter((line) => /^(user|assistant)/.test(line)), [
      "assistant: Good morning, this is the Sea View Hotel. Your room is booked for Friday: will you come?",
      "user: Yes, we will.",
      "assistant: See you then. Goodbye!"
    ])
    assert.strictEqual(timeline.of("SessionClosed").length, 1)
  }))

// What became of the call is what `Pipeline.run` gives, and what the event `SessionClosed` tells.
export const again = (outcome: Event.CloseReason): boolean =>
  outcome === "unanswered" || outcome === "busy" || outcome === "call_failed"

it.effect.each(["unanswered", "busy", "refused", "failed"] as const)(
  "knows of a call that nobody took: %s",
  (status) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { kind: "sip", direction: "outbound", call: "ringing" },
        agent: reminder({ guest: "Ann", day: "Friday" }),
        user: [Testing.callStatus(12_000, status)]
      })
      const [closed] = timeline.of("SessionClosed")
      assert.strictEqual(closed?.reason, status === "failed" ? "call_failed" : status)
      assert.strictEqual(again(closed?.reason ?? "closed"), status !== "refused")
      // Nobody was there: the agent has not entered.
      assert.deepStrictEqual(timeline.messages, [])
    })
)
