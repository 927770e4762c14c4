import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Session, Task, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const wish = Testing.say(1000, 2000, "A room, please.")

const sales = (onEnter: (session: Session.Plain) => Promise<unknown>) =>
  Agent.make({ name: "sales", instructions: "", onEnter })

const says = sales(async (session) => session.say("Sales here."))
const replies = sales(async (session) => session.reply())
const passesOn = Agent.make({
  name: "front",
  instructions: "",
  tools: Tools.functions({ onward: { run: async (_, { session }) => session.handoff(says) } }),
  onEnter: async (session) => session.reply()
})
const lingers = sales(async () => {})

const name = Task.make(Agent.make({ name: "name", instructions: "Ask for the name." }), {
  result: Schema.Struct({ name: Schema.String })
})
const outer = Task.make(
  Agent.make({
    name: "outer",
    instructions: "",
    tools: Tools.functions({ ask: { run: async (_, { session }) => (await session.perform(name)).name } })
  }),
  { result: Schema.Struct({ name: Schema.String }) }
)

const tools = Tools.functions({
  later: { run: () => Effect.andThen(Effect.sleep(300), Session.Session.use((session) => session.handoff(says))) },
  says: { run: async (_, { session }) => session.handoff(says) },
  replies: { run: async (_, { session }) => session.handoff(replies) },
  passesOn: { run: async (_, { session }) => session.handoff(passesOn) },
  lingers: { run: async (_, { session }) => session.handoff(lingers) },
  book: { run: async (_, { session }) => (await session.perform(name)).name },
  nested: { run: async (_, { session }) => (await session.perform(outer)).name },
  bye: { run: async (_, { session }) => session.hangUp({ say: "Goodbye!" }) },
  look: { run: async () => "found" },
  note: { voice: { result: "silent" }, run: async (_, { session }) => session.say("Noted.") },
  slow: {
    voice: { result: "silent" },
    run: () => Effect.andThen(Session.Session.use((session) => session.say("Noted.")), Effect.sleep(3000))
  },
  lookAloud: { run: async (_, { session }) => session.say("I look.") }
})

const call = (user: ReadonlyArray<Testing.UserAction>, llm: NonNullable<Testing.LlmScript>, options: {
  readonly duration?: number
  readonly onExit?: (session: Session.Plain) => Promise<unknown>
} = {}) =>
  Testing.scenario({
    agent: Agent.make({
      name: "desk",
      instructions: "",
      tools,
      onEnter: async (session) => session.say("Hello."),
      onExit: options.onExit
    }),
    user,
    llm,
    tts: { duration: options.duration ?? 400 }
  })

/** The turns, with what was heard first since each, as the events of the floor tell. */
const measured = (timeline: Testing.Timeline) => {
  const started = timeline.of("AgentStartedSpeaking")
  for (const { record } of timeline.of("TurnMeasured")) {
    const { endOfUtterance, firstSentence, llmFirstToken, playoutStart, tools, total, ttsFirstByte } = record
    assert.strictEqual(endOfUtterance + tools + llmFirstToken + firstSentence + ttsFirstByte + playoutStart, total)
    assert.strictEqual(total, record.audibleAt - record.userStoppedAt)
    const first = started.find(({ at }) => at > record.committedAt)
    assert.deepStrictEqual([record.speech, record.audibleAt], [first?.speech, first?.at])
  }
  assert.deepStrictEqual(Testing.invariants(timeline), [])
  return timeline.turns.map(({ steps, toolCalls, turn }) => ({ turn, steps, toolCalls }))
}

const asks = (name: string) => ({ tools: [{ name }] })
const completes = { tools: [{ name: "complete_task", params: { name: "Ann" } }] }
const answer = Testing.say(8000, 9000, "My name is Ann.")

describe("a turn whose own reply says nothing is measured by what answers it", () => {
  it.effect.each(
    [
      ["an agent that says", [wish], [asks("says")], [{ turn: 1, steps: 1, toolCalls: 1 }]],
      ["an agent that replies", [wish], [asks("replies"), "Sales."], [{ turn: 1, steps: 2, toolCalls: 1 }]],
      [
        "tools before",
        [wish],
        [asks("look"), asks("look"), asks("replies"), "Sales."],
        [{ turn: 1, steps: 4, toolCalls: 3 }]
      ],
      ["one agent after the other", [wish], [asks("passesOn"), asks("onward")], [{ turn: 1, steps: 2, toolCalls: 2 }]],
      ["a goodbye", [wish], [asks("bye")], [{ turn: 1, steps: 1, toolCalls: 1 }]],
      ["words of a silent tool", [wish], [asks("note")], [{ turn: 1, steps: 1, toolCalls: 1 }]],
      [
        "a task, and its end",
        [wish, answer],
        [asks("book"), "Who are you?", completes, "It is booked."],
        [{ turn: 1, steps: 2, toolCalls: 1 }, { turn: 2, steps: 2, toolCalls: 1 }]
      ],
      [
        "a task within a task",
        [wish, answer],
        [asks("nested"), asks("ask"), "Who are you?", completes, completes, "It is booked."],
        [{ turn: 1, steps: 3, toolCalls: 2 }, { turn: 2, steps: 3, toolCalls: 2 }]
      ],
      [
        "a task that is given up",
        [wish, answer],
        [asks("book"), "Who are you?", asks("give_up_task"), "Then not."],
        [{ turn: 1, steps: 2, toolCalls: 1 }, { turn: 2, steps: 2, toolCalls: 1 }]
      ]
    ] as const
  )("by %s", ([, user, llm, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(measured(yield* call(user, llm)), [...expected])
    }))

  it.effect("with the time of the hand-off among that of the tools", () =>
    Effect.gen(function*() {
      const { turns } = yield* call([wish], [asks("later")])
      const { endOfUtterance, firstSentence, llmFirstToken, tools, total, ttsFirstByte } = turns[0]!
      assert.deepStrictEqual([endOfUtterance, tools, llmFirstToken, firstSentence, ttsFirstByte, total], [
        500,
        300,
        0,
        0,
        200,
        1000
      ])
    }))

  it.effect("also where the user interrupts that", () =>
    Effect.gen(function*() {
      const timeline = yield* call([wish, Testing.say(3100, 4500, "Stop, stop, please!")], [asks("says"), "Yes?"], {
        duration: 3000
      })
      assert.deepStrictEqual(timeline.turns.map(({ interrupted, turn }) => [turn, interrupted]), [[1, true], [
        2,
        false
      ]])
    }))

  it.effect("by the goodbye of the agent that leaves", () =>
    Effect.gen(function*() {
      const timeline = yield* call([wish], [asks("says")], {
        onExit: async (session) => session.say("I connect you.")
      })
      assert.deepStrictEqual(measured(timeline), [{ turn: 1, steps: 1, toolCalls: 1 }])
    }))

  it.effect("by its own words, where it has some", () =>
    Effect.gen(function*() {
      const timeline = yield* call([wish], [{ text: "I connect you.", tools: [{ name: "says" }] }])
      assert.deepStrictEqual(measured(timeline), [{ turn: 1, steps: 1, toolCalls: 1 }])
    }))

  it.effect("by the reply, where a tool has said something before it", () =>
    Effect.gen(function*() {
      const timeline = yield* call([wish], [asks("lookAloud"), "Found it."])
      const speeches = timeline.of("SpeechCreated").filter(({ source }) => source === "turn").map(({ speech }) =>
        speech
      )
      assert.deepStrictEqual(timeline.turns.map(({ speech }) => speech), speeches)
    }))

  it.effect("by what its tool has said before it ends", () =>
    Effect.gen(function*() {
      const timeline = yield* call([wish], [asks("slow")])
      assert.deepStrictEqual(measured(timeline), [{ turn: 1, steps: 1, toolCalls: 1 }])
    }))
})

describe("a speech that nobody waited for measures nothing", () => {
  it.effect.each(
    [
      ["the next turn, after an agent that says nothing", [wish, answer], [asks("lingers"), "Yes?"], [2]],
      [
        "the next turn, where the user goes on before the answer",
        [
          wish,
          Testing.say(2900, 3900, "With a view, please.")
        ],
        [asks("replies"), "Sales.", "Of course."],
        [2]
      ],
      ["no turn, where nobody has said anything", [], [], []]
    ] as const
  )("but %s", ([, user, llm, expected]) =>
    Effect.gen(function*() {
      const timeline = yield* call(user, llm)
      assert.deepStrictEqual(timeline.turns.map(({ turn }) => turn), [...expected])
    }))

  /** The call goes to an agent that says nothing, and later somebody speaks all the same. */
  const later = (
    agent: Partial<Agent.Options>,
    script: Pick<Testing.Scenario<never, never, never>, "user" | "at" | "until">
  ) =>
    Testing.scenario({
      agent: Agent.make({
        name: "desk",
        instructions: "",
        tools: Tools.functions({
          go: {
            run: async (_, { session }) =>
              session.handoff(Agent.make({ instructions: "", onEnter: async () => {}, ...agent }))
          }
        })
      }),
      llm: [asks("go")],
      ...script
    })

  it.effect("but asks whether the user is there", () =>
    Effect.gen(function*() {
      const timeline = yield* later({
        onAway: async (_, session) => session.say("Are you there?"),
        turn: { awayAfter: "5 seconds" }
      }, { user: [wish], until: 10_000 })
      assert.include(timeline.messages, "assistant: Are you there?")
      assert.deepStrictEqual(timeline.turns, [])
    }))

  it.effect("but comes after a turn that gets no reply", () =>
    Effect.gen(function*() {
      const timeline = yield* later({ onUserTurn: async () => ({ reply: false }) }, {
        user: [wish, answer],
        at: [{ at: 12_000, do: (session) => session.say("By the way.") }]
      })
      assert.include(timeline.messages, "assistant: By the way.")
      assert.deepStrictEqual(timeline.turns, [])
    }))
})
