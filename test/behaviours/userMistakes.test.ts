/** Mistakes that a program makes without an error of the compiler: each is told, by what to write instead. */
import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Failure, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const user = [Testing.say(1000, 2000, "Hello?"), Testing.press(6000, "1")]

it.effect.each<readonly [string, Pick<Agent.Options, "onEnter" | "onKey">]>(
  [
    ["onEnter", { onEnter: () => "Good evening!" }],
    ["onEnter", { onEnter: async () => "Good evening!" }],
    ["onKey", { onKey: async () => "You have pressed one." }]
  ]
)("tells that nobody says what %s gives", ([name, hooks]) =>
  Effect.gen(function*() {
    const agent = Agent.make({ instructions: "You answer.", ...hooks })
    const timeline = yield* Testing.scenario({ agent, user, llm: ["Hello!"] })
    assert.include(
      timeline.logs.map(({ cause }) => cause).join(),
      `${name} must not give a text, which nobody says: write session.say(…)`
    )
  }))

it.effect("says nothing of a hook that gives what say gives", () =>
  Effect.gen(function*() {
    const agent = Agent.make({ instructions: "You answer.", onEnter: async (session) => session.say("Good evening!") })
    const timeline = yield* Testing.scenario({ agent, user, llm: ["Hello!"] })
    assert.deepStrictEqual(timeline.logs.filter(({ level }) => level === "Warn"), [])
  }))

it.each([
  [{ needApproval: true }, /^book\.needApproval is not known: needsApproval may be meant$/],
  [{ paramters: Schema.Struct({}) }, /^book\.paramters is not known: parameters may be meant$/],
  [{ needsApproval: "yes" }, /^book\.needsApproval must be true, false, or a function of the parameters, not "yes"$/]
])("refuses a tool with a wrong option: %s", (wrong, message) => {
  try {
    Tools.functions({ book: { run: () => 1, ...wrong } as { readonly run: () => unknown } })
    assert.fail("it was taken")
  } catch (error) {
    assert.instanceOf(error, Failure.InvalidOptions)
    assert.match((error as Error).message, message)
  }
})

it.effect("holds a plain function to its approval, which may be async", () =>
  Effect.gen(function*() {
    const ran: Array<number> = []
    const agent = Agent.make({
      instructions: "You refund.",
      tools: Tools.functions({
        refund: {
          parameters: Schema.Struct({ euros: Schema.Int }),
          needsApproval: async ({ euros }) => euros > 100,
          run: ({ euros }) => void ran.push(euros)
        }
      }),
      onApproval: ({ params }) => (params as { readonly euros: number }).euros < 1000
    })
    const refund = (euros: number) => ({ name: "refund", params: { euros } })
    yield* Testing.scenario({
      agent,
      user: [Testing.say(1000, 2000, "Refund me.")],
      llm: [{ tools: [refund(20), refund(500), refund(5000)] }, "Some of it."]
    })
    assert.deepStrictEqual(ran, [20, 500])
  }))

it.effect("tells onUserTurn the language that was heard", () =>
  Effect.gen(function*() {
    const languages: Array<string | undefined> = []
    const agent = Agent.make({
      instructions: "You answer.",
      onUserTurn: ({ language }) => void languages.push(language)
    })
    yield* Testing.scenario({
      agent,
      user: [Testing.say(1000, 2000, "Hello?"), Testing.say(6000, 7000, "Guten Tag.", { language: "de" })],
      llm: ["Hello!", "Guten Tag!"],
      options: { turn: { preemption: { llm: false } } }
    })
    assert.deepStrictEqual(languages, [undefined, "de"])
  }))

it.effect.each<readonly [string, (session: any) => unknown]>([
  ["callState must be given what CallState.make gives, not a text", (session) => session.callState("order").get()],
  [
    "hangUp must be given its options as an object, not a text: write hangUp({ say: \"Goodbye!\" })",
    (session) => session.hangUp("Bye!")
  ],
  [
    "reply must be given its options as an object, not a text: write reply({ instructions: \"…\" })",
    (session) => session.reply("Greet.")
  ],
  [
    "say must be given its options as an object, not a text: write say(text, { when: \"now\" })",
    (session) => session.say("Hi.", "now")
  ],
  [
    "close must be given its options as an object, not true: write close({ drain: true })",
    (session) => session.close(true)
  ],
  [
    "update must be given its options as an object, not a text: write update({ instructions: \"…\" })",
    (session) => session.update("Be brief.")
  ],
  [
    "keys must be given its options as an object, not 4: write keys({ most: 4 })",
    (session) => session.keys(4)
  ],
  [
    "answeredBy must be given its options as an object, not a text: write answeredBy({ first: \"8 seconds\" })",
    (session) => session.answeredBy("8 seconds")
  ]
])("%s", ([message, ask]) =>
  Effect.gen(function*() {
    const agent = Agent.make({ instructions: "You answer.", onEnter: async (session) => void await ask(session) })
    const timeline = yield* Testing.scenario({ agent, user, llm: ["Hello!"] })
    assert.include(timeline.logs.map(({ cause }) => cause).join(), message)
    // The call goes on: nothing was done.
    assert.include(timeline.messages, "assistant: Hello!")
  }))
