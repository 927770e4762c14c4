import { assert, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { Agent, Pipeline, type Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"

// From eleven to ten in the evening, not on Mondays, by the clock of the restaurant and not by that of the server.
export const isOpen = (now: DateTime.DateTime): boolean => {
  const { hour, weekDay } = DateTime.toParts(DateTime.setZoneNamedUnsafe(now, "Europe/Berlin"))
  return weekDay !== 1 && hour >= 11 && hour < 22
}

export const waiter = Agent.make({
  instructions: "You take orders for a restaurant.",
  onEnter: async (session) => session.say("Trattoria Sole, what would you like?")
})

// Nobody is asked for an answer: what is said is kept, and given away at the end, also if the caller just hangs up.
export const machine = (keep: (number: string | undefined, message: string) => Promise<void>) => {
  const message: Array<string> = []
  return Agent.make({
    instructions: "You take messages.",
    onEnter: async (session) =>
      session.say("We are closed. Please leave a message, and press the hash key.", { protected: true }),
    onUserTurn: async ({ text }) => {
      message.push(text)
      return { reply: false }
    },
    onKey: async (key, session) => {
      if (key === "#") await session.hangUp({ say: "Thank you. Goodbye!" })
    },
    onExit: async (session) => {
      const caller = await session.participant()
      if (message.length > 0) await keep(caller?.attributes["sip.phoneNumber"], message.join(" "))
    }
  })
}

const messages: Array<string> = []
const keep = async (_number: string | undefined, message: string) => void messages.push(message)

export const entry = (_: Worker.Job) =>
  Effect.flatMap(DateTime.now, (now) => Pipeline.run(isOpen(now) ? waiter : machine(keep)))

it("knows when it is open", () => {
  assert.isTrue(isOpen(DateTime.makeUnsafe("2026-12-01T19:30:00Z")))
  assert.isFalse(isOpen(DateTime.makeUnsafe("2026-12-01T21:30:00Z")))
  assert.isFalse(isOpen(DateTime.makeUnsafe("2026-11-30T19:30:00Z")))
})

it.effect.each([Testing.press(14_000, "#"), Testing.leave(14_000)])(
  "keeps the message: $_tag",
  (end) =>
    Effect.gen(function*() {
      messages.length = 0
      const timeline = yield* Testing.scenario({
        room: { kind: "sip" },
        agent: machine(keep),
        user: [
          Testing.say(5000, 7000, "This is Ann."),
          Testing.say(9000, 12_000, "A table for four on Friday, please."),
          end
        ],
        llm: [],
        tts: { duration: 3000 }
      })
      assert.deepStrictEqual(messages, ["This is Ann. A table for four on Friday, please."])
      assert.isTrue(timeline.requests.every(({ outcome }) => outcome === "cancelled"))
    })
)
