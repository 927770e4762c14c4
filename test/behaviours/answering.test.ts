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
      assert.deepStrictEqual((yield* call(long, { person: "10 seconds" })).known, [[10_000, "person"]])
    }))

  type Case = readonly [
    name: string,
    user: ReadonlyArray<Testing.UserAction>,
    known: readonly [at: number, by: Session.AnsweredBy["by"]]
  ]
  const say = Testing.say

  it.effect.each<Case>([
    ["who asks", [say(1000, 3000, "Hello, who is calling, please?")], [3500, "person"]],
    ["who asks at the end of a long greeting", [
      say(1000, 9000, "Good morning, Sea View Hotel in Brighton, my name is Ann, how may I help you today?")
    ], [10_500, "person"]],
    ["who tells their name", [say(1000, 2000, "Ann Miller.")], [2500, "person"]],
    ["who says more, after a breath", [say(1000, 2500, "Hello, this is Ann Miller speaking.")], [3500, "person"]],
    ["who is heard twice", [say(1000, 1500, "Hello?"), say(2500, 3000, "Hello?")], [2000, "person"]],
    ["whom no recogniser understands", [say(1000, 2200, "")], [7200, "person"]],
    ["late", [say(4900, 5300, "Hello?")], [5800, "person"]],
    ["in Russian", [say(1000, 1500, "Алло?")], [2000, "person"]],
    ["who works at a voicemail company's desk", [
      say(1000, 3000, "Thank you for calling Acme, this is Tom, how can I help?")
    ], [4500, "person"]]
  ])("is answered by a person: %s", ([, user, known]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* call(user)).known, [known])
    }))

  it.effect.each<Case>([
    ["that takes a breath before it says so", [
      say(1000, 2200, "Hi, this is Ann Miller."),
      say(3000, 6000, "I can't come to the phone right now.")
    ], [7500, "voicemail"]],
    ["that takes three", [
      say(1000, 2200, "Hi, this is Ann Miller."),
      say(3000, 4000, "I am out of the office."),
      say(4800, 6000, "Leave a message after the beep.")
    ], [7500, "voicemail"]],
    ["in Polish", [say(1000, 4000, "Proszę zostawić wiadomość po sygnale.")], [5500, "voicemail"]],
    ["in Russian", [say(1000, 4000, "Оставьте сообщение после сигнала.")], [5500, "voicemail"]],
    ["of a language that nobody knows here", [say(1000, 8000, "Jätä viesti äänimerkin jälkeen, kiitos soitostasi.")], [
      9500,
      "voicemail"
    ]],
    ["that says how to leave a message, by keys, too", [
      say(1000, 6000, "Please leave a message after the tone, or press 1 for more options.")
    ], [7500, "voicemail"]],
    ["of a mailbox that nobody has set up", [
      say(1000, 5000, "The person you have called has a voice mailbox that has not been set up yet.")
    ], [6500, "unreachable"]],
    ["of the network, which then asks for a message", [
      say(1000, 4000, "The person you are calling is not available."),
      say(4800, 7000, "Please leave a message after the tone.")
    ], [8500, "voicemail"]],
    ["of the network", [say(1000, 4000, "The person you are calling is not available.")], [5500, "unreachable"]],
    ["that has messages for its owner", [
      say(1000, 6000, "To hear your messages, press 1. To quit voicemail, press pound.")
    ], [7500, "menu"]],
    ["that wants keys, in Russian", [say(1000, 4000, "Для связи с оператором нажмите ноль.")], [5500, "menu"]],
    ["whose greeting has no end: its words are not known, and it is over in time all the same", [
      say(1000, 100_000, "Please leave a message after the tone.")
    ], [46_050, "nobody"]]
  ])("is answered by a machine: %s", ([, user, [at, by]]) =>
    Effect.gen(function*() {
      const { known, timeline } = yield* call(user)
      assert.deepStrictEqual(known, [[at, by]])
      assert.deepStrictEqual(timeline.requests.filter((request) => request.at < at), [])
    }))

  it.effect.each<Case>([
    ["music that ends", [say(1000, 13_000, "")], [14_500, "nobody"]],
    ["the tone of a fax", [
      say(1000, 1500, ""),
      say(4500, 5000, ""),
      say(8000, 8500, ""),
      say(11_500, 19_000, "")
    ], [20_500, "nobody"]],
    ["a beep alone", [say(1000, 1400, "")], [6400, "person"]]
  ])("is answered by what is no voice: %s", ([, user, known]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* call(user)).known, [known])
    }))

  it.effect("is over at each moment, and then nobody is greeted", () =>
    Effect.gen(function*() {
      for (const at of [200, 1200, 2100, 2600, 3100, 4200]) {
        const { known, timeline } = yield* call([
          say(1000, 2000, "Hi, this is Ann Miller."),
          say(2900, 4000, "Please leave a message."),
          Testing.leave(at, "left")
        ])
        assert.deepStrictEqual(known, [[at, "nobody"]], `${at}`)
        assert.deepStrictEqual(said(timeline), [])
        assert.strictEqual(timeline.left, "")
      }
    }))

  it.effect("asks no model in advance meanwhile, and what the program changes in that time stays", () =>
    Effect.gen(function*() {
      for (const llm of [true, false]) {
        const timeline = yield* Testing.scenario({
          room: { kind: "sip", direction: "outbound" },
          agent: Agent.make({
            instructions: "",
            onEnter: Session.Session.use((session) => session.answeredBy())
          }),
          at: [{ at: 500, do: (session) => session.update({ turn: { preemption: { llm } } }) }],
          user: [
            say(1000, 3000, "Hello, who is calling, please?"),
            say(6000, 8000, "Are you still there?")
          ],
          llm: () => "Yes.",
          until: 12_000
        })
        const before = timeline.requests.filter(({ at }) => at < 4000)
        assert.deepStrictEqual(before, [])
        const [first] = timeline.requests
        const turn = timeline.of("UserSpeechCommitted").at(-1)!
        assert.strictEqual((first?.at ?? Infinity) < turn.at, llm)
      }
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
