import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** Calls somebody, and tells who has answered and when that was known. */
const call = (user: ReadonlyArray<Testing.UserAction>, options?: Session.AnsweredByOptions) =>
  Effect.gen(function*() {
    const known: Array<readonly [at: number, by: string]> = []
    const timeline = yield* Testing.scenario({
      room: { kind: "sip", direction: "outbound" },
      agent: Agent.make({
        instructions: "",
        onEnter: Session.Session.use((session) =>
          Effect.gen(function*() {
            const { by } = yield* session.answeredBy(options)
            known.push([yield* Effect.clockWith((clock) => clock.currentTimeMillis), by])
            yield* session.say(by === "person" ? "Good morning!" : "Please call us back.")
          })
        )
      }),
      user,
      llm: () => "Yes?",
      tts: { duration: 1000 }
    })
    return { known, timeline }
  })

const said = (timeline: Testing.Timeline) => timeline.messages.filter((line) => line.startsWith("assistant"))

describe("a call that was made", () => {
  it.effect("is answered by a person: known at the end of their turn, and greeted by the program alone", () =>
    Effect.gen(function*() {
      const { known, timeline } = yield* call([
        Testing.say(1000, 1500, "Hello?"),
        Testing.say(6000, 7000, "Who is it?")
      ])
      // 500 ms after the voice.
      assert.deepStrictEqual(known, [[2000, "person"]])
      assert.deepStrictEqual(said(timeline), ["assistant: Good morning!", "assistant: Yes?"])
      assert.strictEqual(timeline.requests.length, 1)
      assert.deepStrictEqual(timeline.warnings, [])
    }))

  it.effect("is answered by a machine: known when all of its greeting is said, however it pauses", () =>
    Effect.gen(function*() {
      const { known, timeline } = yield* call([
        Testing.say(1000, 2500, "You have reached Ann Miller."),
        Testing.say(3500, 6000, "I am out. Please leave a message after the tone."),
        Testing.say(7000, 8000, "Thank you.")
      ])
      // 1.5 s after the last word.
      assert.deepStrictEqual(known, [[9500, "voicemail"]])
      assert.deepStrictEqual(said(timeline), ["assistant: Please call us back."])
      assert.deepStrictEqual(timeline.requests, [])
    }))

  it.effect("is answered by a menu, by the network, and by nobody", () =>
    Effect.gen(function*() {
      const menu = yield* call([Testing.say(1000, 5000, "Welcome to Acme. For sales, press one.")])
      assert.deepStrictEqual(menu.known, [[6500, "menu"]])
      const network = yield* call([Testing.say(500, 3000, "The number you have dialed is not in service.")])
      assert.deepStrictEqual(network.known, [[4500, "unreachable"]])
      assert.deepStrictEqual((yield* call([])).known, [[5000, "nobody"]])
      assert.deepStrictEqual((yield* call([], { first: "2 seconds" })).known, [[2000, "nobody"]])
    }))

  it.effect("is answered with a sound and no word: a person's, when nothing more comes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* call([Testing.say(1000, 1300, "")])).known, [[6300, "person"]])
    }))

  it.effect("begins like a machine's and is a person's: known after the pause", () =>
    Effect.gen(function*() {
      const { known } = yield* call([Testing.say(1000, 3000, "You've reached the bakery, Ann speaking.")])
      assert.deepStrictEqual(known, [[4500, "person"]])
    }))

  it.effect("has a long greeting whose words do not tell: a voicemail's, or what the program says", () =>
    Effect.gen(function*() {
      const long = [Testing.say(1000, 9000, "Good day and welcome to our house, we are glad to hear from you.")]
      assert.deepStrictEqual((yield* call(long)).known, [[10_500, "voicemail"]])
      const asked: Array<unknown> = []
      const { known } = yield* call(long, {
        isMachine: async (greeting) => {
          asked.push(greeting)
          return false
        }
      })
      assert.deepStrictEqual(known, [[10_500, "person"]])
      assert.deepStrictEqual(asked, [{
        text: "Good day and welcome to our house, we are glad to hear from you.",
        speechMs: 8000
      }])
      const broken = yield* call(long, { isMachine: () => Effect.fail("no") })
      assert.deepStrictEqual(broken.known, [[10_500, "voicemail"]])
      assert.deepStrictEqual(broken.timeline.of("ProviderFailed").map(({ provider }) => provider), ["isMachine"])
      assert.deepStrictEqual((yield* call(long, { person: "10 seconds" })).known, [[9500, "person"]])
    }))

  it.effect("is over before it is known, and refuses wrong options", () =>
    Effect.gen(function*() {
      const { known, timeline } = yield* call([Testing.leave(2000, "left")])
      assert.deepStrictEqual(known, [[2000, "nobody"]])
      assert.deepStrictEqual(said(timeline), [])
      assert.strictEqual(timeline.of("SessionClosed")[0]?.reason, "participant_left")
      const wrong = yield* call([], { longest: "Infinity" })
      assert.deepStrictEqual(wrong.timeline.of("ProviderFailed").map(({ provider }) => provider), ["onEnter"])
    }))
})
