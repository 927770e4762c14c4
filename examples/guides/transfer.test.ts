import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** What connects a caller with another number: see below. It throws if nobody answers there. */
export type Transfer = (caller: string, number: string) => Promise<void>

// Made for each call: `entry: (job) => Pipeline.run(line(overLiveKit(job.room.name)))`.
export const line = (transfer: Transfer) =>
  Agent.make({
    instructions: "You take orders for a restaurant. If the caller wants a person, call to_person.",
    tools: Tools.functions({
      to_person: {
        description: "Connects the caller with a person of the restaurant",
        // The agent says nothing more after it.
        voice: { result: "silent" },
        run: async (_, { session }) => {
          const caller = await session.participant()
          const speech = await session.say("One moment, I put you through.", { protected: true })
          await speech.heard()
          try {
            await transfer(caller?.identity ?? "", "+4930123456")
          } catch {
            await session.say("Nobody answers there. Can I take your order?")
          }
        }
      }
    })
  })

const script = {
  room: { kind: "sip" as const },
  llm: [{ tools: [{ name: "to_person" }] }],
  tts: { duration: 1500 }
}

it.effect("connects the caller, who is then gone", () =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const timeline = yield* Testing.scenario({
      ...script,
      agent: line(async (caller, number) => void asked.push(`${caller} ${number}`)),
      user: [Testing.say(1000, 2000, "I want to talk to a person."), Testing.leave(8000)]
    })
    assert.deepStrictEqual(asked, ["caller +4930123456"])
    assert.include(timeline.messages, "assistant: One moment, I put you through.")
    assert.deepStrictEqual(timeline.of("SessionClosed").map(({ reason }) => reason), ["participant_left"])
  }))

it.effect("goes on if nobody answers there", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      ...script,
      agent: line(async () => Promise.reject(new Error("486 Busy Here"))),
      user: [Testing.say(1000, 2000, "I want to talk to a person.")]
    })
    assert.strictEqual(timeline.messages.at(-1), "assistant: Nobody answers there. Can I take your order?")
  }))
