import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Schema } from "effect"
import { Agent, Session, Task, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const Address = Schema.Struct({ address: Schema.String })

const askAddress = Task.make(
  Agent.make({ name: "address", instructions: "Ask for the e-mail address." }),
  {
    result: Address,
    check: ({ address }) => address.includes("@") ? undefined : "That is no e-mail address."
  }
)

/** A desk that asks for an address before it books. */
const desk = (task: Task.Task<typeof Address.Type> = askAddress, entered: Array<string> = []) =>
  Agent.make({
    name: "desk",
    instructions: "You book rooms.",
    tools: Tools.functions({
      book: {
        description: "Books a room",
        run: async (_, { session }) => {
          const { address } = await session.perform(task)
          return `booked, confirmed to ${address}`
        }
      }
    }),
    onEnter: async () => void entered.push("desk"),
    onExit: async () => void entered.push("desk left")
  })

const spoken = (timeline: Testing.Timeline) =>
  timeline.messages.filter((line) => /^(?:user|assistant|handoff)/.test(line))
const closed = (timeline: Testing.Timeline) => timeline.of("SessionClosed").map(({ reason }) => reason)
const sound = (timeline: Testing.Timeline) => {
  assert.deepStrictEqual(Testing.invariants(timeline), [])
  assert.deepStrictEqual(timeline.warnings, [])
}

describe("a task in a tool", () => {
  it.effect("has the conversation until its model knows the result, and gives it back", () =>
    Effect.gen(function*() {
      const entered: Array<string> = []
      const timeline = yield* Testing.scenario({
        agent: desk(askAddress, entered),
        user: [Testing.say(1000, 2000, "A room, please."), Testing.say(8000, 10_000, "It is ann at example dot com.")],
        llm: [
          { tools: [{ name: "book" }] },
          "What is your e-mail address?",
          { tools: [{ name: "complete_task", params: { address: "ann@example.com" } }] },
          "It is booked, Ann."
        ],
        tts: { duration: 2000 }
      })
      assert.deepStrictEqual(spoken(timeline), [
        "user: A room, please.",
        "handoff: address",
        "assistant: What is your e-mail address?",
        "user: It is ann at example dot com.",
        "handoff: desk",
        "assistant: It is booked, Ann."
      ])
      assert.deepStrictEqual(timeline.of("AgentChanged").map(({ from, to }) => [from, to]), [
        ["desk", "address"],
        ["address", "desk"]
      ])
      // The desk has entered once, and leaves at the end.
      assert.deepStrictEqual(entered, ["desk", "desk left"])
      // The user does not wait for calm: 500 ms for the turn, 300 for the model, 200 for the voice.
      assert.strictEqual(timeline.of("AgentStartedSpeaking").at(-1)!.at, 10_000 + 500 + 300 + 200)
      sound(timeline)
    }))

  it.effect("is told what is wrong with a result, and that it was given up", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: desk(),
        user: [
          Testing.say(1000, 2000, "A room, please."),
          Testing.say(8000, 9000, "It is Ann."),
          Testing.say(16_000, 18_000, "I do not tell you that.")
        ],
        llm: [
          { tools: [{ name: "book" }] },
          "What is your e-mail address?",
          { tools: [{ name: "complete_task", params: { address: "Ann" } }] },
          "I need the part with the at sign, too.",
          { tools: [{ name: "give_up_task" }] },
          "Then I cannot book."
        ],
        tts: { duration: 2000 }
      })
      const outputs = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls)
      assert.deepStrictEqual(outputs.map(({ isFailure, name, result }) => [name, isFailure, result]), [
        ["complete_task", true, "That is no e-mail address."],
        ["give_up_task", false, null],
        ["book", true, "the task address was given up: the user will not, or cannot, tell"]
      ])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Then I cannot book.")
      sound(timeline)
    }))

  it.effect("takes no time of the tool's, and is ended by a time of its own", () =>
    Effect.gen(function*() {
      const script = {
        user: [Testing.say(1000, 2000, "A room, please."), Testing.say(90_000, 92_000, "ann@example.com")],
        llm: [
          { tools: [{ name: "book" }] },
          "What is your e-mail address?",
          { tools: [{ name: "complete_task", params: { address: "ann@example.com" } }] },
          "It is booked."
        ],
        options: { toolTimeout: "10 seconds" as const }
      }
      const slow = yield* Testing.scenario({ ...script, agent: desk() })
      assert.strictEqual(slow.messages.at(-1), "assistant: It is booked.")
      sound(slow)
      const Kit = Tools.functions({
        book: {
          run: (_) =>
            Session.Session.use((session) => session.perform(askAddress)).pipe(
              Effect.timeoutOption("20 seconds"),
              Effect.map(({ _tag }) => _tag)
            )
        }
      })
      const limited = yield* Testing.scenario({
        ...script,
        agent: Agent.make({ name: "desk", instructions: "", tools: Kit }),
        llm: [
          { tools: [{ name: "book" }] },
          "What is your e-mail address?",
          "We go on without it.",
          "Thank you."
        ]
      })
      assert.deepStrictEqual(spoken(limited), [
        "user: A room, please.",
        "handoff: address",
        "assistant: What is your e-mail address?",
        "handoff: desk",
        "assistant: We go on without it.",
        "user: ann@example.com",
        "assistant: Thank you."
      ])
      sound(limited)
    }))

  it.effect("does not fill the time in which the user is asked, nor count them as waiting", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { kind: "sip" },
        agent: desk(),
        user: [Testing.say(1000, 2000, "A room, please.")],
        llm: [{ tools: [{ name: "book" }] }, "What is your e-mail address?"],
        tts: { duration: 2000 },
        until: 30_000
      })
      assert.deepStrictEqual(timeline.of("AgentSpeechCommitted").map(({ text }) => text), [
        "What is your e-mail address?"
      ])
      assert.strictEqual(timeline.of("UserStateChanged").at(-1)?.to, "away")
    }))

  it.effect("has an `onAway` of its own, for the user is asked", () =>
    Effect.gen(function*() {
      const away: Array<number> = []
      const task = Task.make(
        Agent.make({ name: "address", instructions: "", onAway: async ({ times }) => void away.push(times) }),
        { result: Address }
      )
      yield* Testing.scenario({
        agent: desk(task),
        user: [Testing.say(1000, 2000, "A room, please.")],
        llm: [{ tools: [{ name: "book" }] }, "What is your e-mail address?"],
        until: 40_000
      })
      assert.deepStrictEqual(away, [1, 2])
    }))
})

describe("a task beside other tools", () => {
  const both = (other: Tools.Functions<Record<string, unknown>>, script: Partial<Testing.Scenario>) =>
    Testing.scenario({
      agent: Agent.make({
        name: "desk",
        instructions: "",
        tools: [
          Tools.functions({ book: { run: async (_, { session }) => session.perform(askAddress) } }),
          Tools.functions(other)
        ]
      }),
      user: [Testing.say(1000, 2000, "A room, please."), Testing.say(12_000, 13_000, "ann at example dot com.")],
      tts: { duration: 1500 },
      ...script
    })
  const told = (timeline: Testing.Timeline) => timeline.of("ResultSettled").map(({ fate, name }) => [name, fate])

  it.effect("leaves their results to the agent that has asked for them", () =>
    Effect.gen(function*() {
      const timeline = yield* both({ note: { run: async () => "noted" } }, {
        llm: [
          { tools: [{ name: "book" }, { name: "note" }] },
          "What is your e-mail address?",
          { tools: [{ name: "complete_task", params: { address: "ann@example.com" } }] },
          "Noted and booked."
        ]
      })
      assert.deepStrictEqual(spoken(timeline), [
        "user: A room, please.",
        "handoff: address",
        "assistant: What is your e-mail address?",
        "user: ann at example dot com.",
        "handoff: desk",
        "assistant: Noted and booked."
      ])
      assert.deepStrictEqual(told(timeline), [["note", "told"], ["book", "told"]])
      sound(timeline)
    }))

  it.effect("may hang up at once: the call that waits for the task is not waited for", () =>
    Effect.gen(function*() {
      const task = Task.make(
        Agent.make({
          name: "address",
          instructions: "",
          tools: Tools.functions({ leave: { run: async (_, { session }) => session.hangUp({ say: "Goodbye!" }) } })
        }),
        { result: Address }
      )
      const timeline = yield* Testing.scenario({
        agent: desk(task),
        user: [Testing.say(1000, 2000, "A room, please."), Testing.say(8000, 9000, "Forget it.")],
        llm: [{ tools: [{ name: "book" }] }, "What is your e-mail address?", { tools: [{ name: "leave" }] }],
        tts: { duration: 1500 }
      })
      assert.strictEqual(spoken(timeline).at(-1), "assistant: Goodbye!")
      assert.deepStrictEqual(closed(timeline), ["hang_up"])
      // 500 ms for the turn, for which the model was asked early; 200 and 1500 for the voice.
      assert.strictEqual(timeline.of("SessionClosed")[0]?.at, 9000 + 500 + 200 + 1500)
    }))

  it.effect("may hand the conversation over for good: nobody tells what has come of the call", () =>
    Effect.gen(function*() {
      const billing = Agent.make({
        name: "billing",
        instructions: "",
        onEnter: async (session) => session.say("Billing.")
      })
      const task = Task.make(
        Agent.make({
          name: "address",
          instructions: "",
          tools: Tools.functions({ to_billing: { run: async (_, { session }) => session.handoff(billing) } })
        }),
        { result: Address }
      )
      const timeline = yield* Testing.scenario({
        agent: desk(task),
        user: [Testing.say(1000, 2000, "A room, please."), Testing.say(8000, 9000, "My bill is wrong.")],
        llm: [{ tools: [{ name: "book" }] }, "What is your e-mail address?", { tools: [{ name: "to_billing" }] }],
        tts: { duration: 1500 }
      })
      assert.deepStrictEqual(spoken(timeline).slice(-2), ["handoff: billing", "assistant: Billing."])
      assert.deepStrictEqual(told(timeline), [])
      sound(timeline)
    }))

  it.effect("refuses a second task of the same step", () =>
    Effect.gen(function*() {
      const timeline = yield* both({
        other: { run: async (_: unknown, { session }: Tools.PlainCall) => session.perform(askAddress) }
      }, {
        llm: [
          { tools: [{ name: "book" }, { name: "other" }] },
          "What is your e-mail address?",
          { tools: [{ name: "complete_task", params: { address: "ann@example.com" } }] },
          "Booked."
        ]
      })
      const calls = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls)
      assert.deepStrictEqual(
        calls.find(({ name }) => name === "other")?.result,
        "the conversation was handed over to address by another call"
      )
      assert.strictEqual(timeline.messages.at(-1), "assistant: Booked.")
      sound(timeline)
    }))
})

describe("a task in a hook", () => {
  it.effect("comes before all else in onEnter, and cannot be awaited in onUserTurn", () =>
    Effect.gen(function*() {
      const consent = Task.make(
        Agent.make({
          name: "consent",
          instructions: "",
          onEnter: async (session) => session.say("May we record this call?")
        }),
        { result: Schema.Struct({ agreed: Schema.Boolean }) }
      )
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          name: "desk",
          instructions: "",
          onEnter: async (session) => {
            const { agreed } = await session.perform(consent)
            await session.say(agreed ? "Thank you. How can I help?" : "Then we do not. How can I help?")
          }
        }),
        user: [Testing.say(6000, 7000, "Yes, you may.")],
        llm: [{ tools: [{ name: "complete_task", params: { agreed: true } }] }],
        tts: { duration: 2000 }
      })
      assert.deepStrictEqual(spoken(timeline), [
        "handoff: consent",
        "assistant: May we record this call?",
        "user: Yes, you may.",
        "handoff: desk",
        "assistant: Thank you. How can I help?"
      ])
      sound(timeline)
      const refused: Array<unknown> = []
      yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onUserTurn: async (_, session) => {
            await session.perform(consent).catch(({ message }: Error) => refused.push(message))
          }
        }),
        user: [Testing.say(1000, 2000, "Hello.")],
        llm: ["Hello!"]
      })
      assert.deepStrictEqual(refused, [
        "the task consent cannot be awaited in onUserTurn: the user's turns wait for that"
      ])
    }))
})

describe("a task that comes to nothing", () => {
  const lost = (handle: (session: Session.Session["Service"]) => Effect.Effect<unknown, unknown>) =>
    Effect.gen(function*() {
      const left: Array<string> = []
      const exits = (name: string) => ({ name, onExit: Effect.sync(() => void left.push(name)) })
      const task = Task.make(Agent.make({ ...exits("address"), instructions: "" }), { result: Address })
      let failure: unknown
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ ...exits("desk"), instructions: "", onEnter: Effect.void }),
        llm: () => "Yes?",
        at: [
          {
            at: 1000,
            do: (session) =>
              session.perform(task).pipe(
                Effect.catch((error) => Effect.sync(() => void (failure = error)))
              )
          },
          { at: 5000, do: handle }
        ],
        until: 15_000
      })
      return { timeline, left, reason: failure instanceof Task.TaskError ? failure.reason : failure }
    })

  it.effect("tells that another agent has the conversation: all others leave, the one that talked first", () =>
    Effect.gen(function*() {
      const billing = Agent.make({ name: "billing", instructions: "" })
      const { left, reason, timeline } = yield* lost((session) => session.handoff(billing))
      assert.strictEqual(reason, "HandedOver")
      assert.deepStrictEqual(left, ["address", "desk"])
      assert.deepStrictEqual(timeline.of("AgentChanged").map(({ to }) => to), ["address", "billing"])
    }))

  it.effect("tells that the session has ended, and every agent leaves", () =>
    Effect.gen(function*() {
      const { left, reason } = yield* lost((session) => session.close())
      assert.strictEqual(reason, "SessionEnded")
      assert.deepStrictEqual(left, ["address", "desk"])
    }))

  it.effect("is not performed after the end", () =>
    Effect.gen(function*() {
      let reason: unknown
      yield* Testing.scenario({
        at: [{
          at: 1000,
          do: (session) =>
            Effect.gen(function*() {
              yield* session.close()
              yield* session.ended
              reason = (yield* Effect.flip(session.perform(askAddress))).reason
            })
        }]
      })
      assert.strictEqual(reason, "SessionEnded")
    }))
})

describe("tasks in tasks", () => {
  it.effect("give the conversation back one after the other, in any order", () =>
    Effect.gen(function*() {
      const task = (name: string) =>
        Task.make(Agent.make({ name, instructions: "", onEnter: Effect.void }), { result: Address })
      const whole = yield* Testing.scenario({
        agent: Agent.make({ name: "desk", instructions: "" }),
        at: [{
          at: 1000,
          do: (session) =>
            Effect.gen(function*() {
              const outer = yield* Effect.forkChild(session.perform(task("outer")))
              yield* Effect.sleep(1000)
              const inner = yield* Effect.forkChild(session.perform(task("inner")))
              yield* Effect.sleep(1000)
              // The outer one ends first: the inner one keeps the conversation.
              yield* Fiber.interrupt(outer)
              assert.strictEqual(yield* session.agent, "inner")
              yield* Fiber.interrupt(inner)
              assert.strictEqual(yield* session.agent, "desk")
            })
        }]
      })
      assert.deepStrictEqual(whole.failures, [])
      assert.deepStrictEqual(whole.of("AgentChanged").map(({ to }) => to), ["outer", "inner", "desk"])
    }))

  it.effect("have what each was given, and turn-taking of their own", () =>
    Effect.gen(function*() {
      class Book extends Context.Service<Book, { readonly has: (address: string) => boolean }>()(
        "effect-voice/test/behaviours/tasks.test/Book"
      ) {}
      const known = Task.make(
        Agent.make({ name: "known", instructions: "", turn: { endpointing: { minDelay: "1500 millis" } } }).pipe(
          Agent.provide(Layer.succeed(Book, { has: (address) => address === "ann@example.com" }))
        ),
        {
          result: Address,
          check: ({ address }) => Effect.map(Effect.serviceOption(Book), () => address === "" ? "empty" : undefined)
        }
      )
      const timeline = yield* Testing.scenario({
        agent: desk(known),
        user: [
          Testing.say(1000, 2000, "A room, please."),
          Testing.say(8000, 9000, "ann@example.com"),
          Testing.say(20_000, 21_000, "Thank you.")
        ],
        llm: [
          { tools: [{ name: "book" }] },
          "Your address?",
          { tools: [{ name: "complete_task", params: { address: "ann@example.com" } }] },
          "It is booked.",
          "You are welcome."
        ]
      })
      const commits = timeline.of("UserSpeechCommitted").map(({ at }) => at)
      assert.deepStrictEqual(commits, [2500, 10_500, 21_500])
      assert.deepStrictEqual(closed(timeline), ["closed"])
      sound(timeline)
    }))
})

describe("what is no task", () => {
  it("is refused by name, all at once", () => {
    const wrong = (make: () => unknown) => {
      try {
        make()
        return "taken"
      } catch (error) {
        return (error as Error).message
      }
    }
    const agent = Agent.make({ instructions: "" })
    assert.match(
      wrong(() => Task.make(agent, { result: Schema.String as any })),
      /result must be a schema of an object/
    )
    assert.match(wrong(() => Task.make({} as any, { result: {} as any, check: 1 as any })), /agent.*result.*check/s)
  })

  it.effect("dies where it is performed", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onEnter: (session) => session.perform(desk() as any) })
      })
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ provider }) => provider), ["onEnter"])
    }))
})

describe("a sequence of tasks", () => {
  const askNights = Task.make(Agent.make({ name: "nights", instructions: "Ask for the nights." }), {
    result: Schema.Struct({ nights: Schema.Int })
  })
  const booking = Task.sequence({ stay: askNights, guest: askAddress })
  const reception = (task: typeof booking = booking) =>
    Agent.make({
      name: "desk",
      instructions: "You book rooms.",
      tools: Tools.functions({
        book: {
          description: "Books a room",
          run: async (_, { session }) => {
            const { guest, stay } = await session.perform(task)
            return `${stay.nights} nights, confirmed to ${guest.address}`
          }
        }
      })
    })
  const nights = (nights: number) => ({ tools: [{ name: "complete_task", params: { nights } }] })
  const ann = { tools: [{ name: "complete_task", params: { address: "ann@example.com" } }] }
  const back = { tools: [{ name: "go_back", params: { to: "stay" } }] }
  const toolsOf = (timeline: Testing.Timeline) =>
    timeline.requests.map(({ tools }) => tools.map(({ name }) => name).join(" "))
  const booked = (timeline: Testing.Timeline) =>
    timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls).find(({ name }) => name === "book")?.result

  it.effect("gives each result by its name", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: reception(),
        user: [
          Testing.say(1000, 2000, "A room, please."),
          Testing.say(8000, 9000, "Two nights."),
          Testing.say(16_000, 18_000, "Ann at example dot com.")
        ],
        llm: [{ tools: [{ name: "book" }] }, "How many nights?", nights(2), "Your address?", ann, "It is booked."],
        tts: { duration: 2000 }
      })
      assert.strictEqual(booked(timeline), "2 nights, confirmed to ann@example.com")
      assert.deepStrictEqual(spoken(timeline).slice(-3), [
        "user: Ann at example dot com.",
        "handoff: desk",
        "assistant: It is booked."
      ])
      // The first has nothing to go back to.
      assert.deepStrictEqual(toolsOf(timeline), [
        "book",
        "complete_task give_up_task",
        "complete_task give_up_task",
        "go_back complete_task give_up_task",
        "go_back complete_task give_up_task",
        "book"
      ])
      sound(timeline)
    }))

  it.effect("goes back to what the user wants to change, and keeps the rest", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: reception(),
        user: [
          Testing.say(1000, 2000, "A room, please."),
          Testing.say(8000, 9000, "Two nights."),
          Testing.say(16_000, 18_000, "Sorry, three nights."),
          Testing.say(26_000, 28_000, "Ann at example dot com.")
        ],
        llm: [
          { tools: [{ name: "book" }] },
          "How many nights?",
          nights(2),
          "Your address?",
          back,
          // The agent that has been gone back to knows what was said.
          nights(3),
          "Three, then. And your address?",
          ann,
          "It is booked."
        ],
        tts: { duration: 2000 }
      })
      assert.strictEqual(booked(timeline), "3 nights, confirmed to ann@example.com")
      assert.strictEqual(timeline.messages.at(-1), "assistant: It is booked.")
      sound(timeline)
    }))

  it.effect("goes back twenty times at most", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: reception(),
        user: [Testing.say(1000, 2000, "A room, please.")],
        llm: ({ tools }) => {
          const has = (wanted: string) => tools.some(({ name }) => name === wanted)
          if (has("book")) return { tools: [{ name: "book" }] }
          return has("go_back") ? back : nights(1)
        },
        tts: { duration: 2000 },
        until: 200_000
      })
      const calls = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls)
      assert.strictEqual(calls.filter(({ name }) => name === "go_back").length, 20)
    }))

  it.effect("ends with the task that is given up", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: reception(),
        user: [Testing.say(1000, 2000, "A room, please."), Testing.say(8000, 9000, "I do not know yet.")],
        llm: [{ tools: [{ name: "book" }] }, "How many nights?", { tools: [{ name: "give_up_task" }] }, "Call again."],
        tts: { duration: 2000 }
      })
      assert.strictEqual(booked(timeline), "the task nights was given up: the user will not, or cannot, tell")
      sound(timeline)
    }))

  it.effect("may be a step of another, and needs what its steps need", () =>
    Effect.gen(function*() {
      const whole = Task.sequence({ booking, again: Task.sequence({ stay: askNights }) })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          name: "desk",
          instructions: "",
          tools: Tools.functions({
            book: { description: "Books", run: async (_, { session }) => session.perform(whole) }
          })
        }),
        user: [Testing.say(1000, 2000, "A room, please.")],
        llm: [{ tools: [{ name: "book" }] }, nights(1), ann, nights(3), "Done."]
      })
      assert.deepStrictEqual(booked(timeline), {
        booking: { stay: { nights: 1 }, guest: { address: "ann@example.com" } },
        again: { stay: { nights: 3 } }
      })
    }))

  it("is refused without steps, and with what is no task", () => {
    assert.throws(() => Task.sequence({}), /steps must have a task for each value/)
    const agent: any = Agent.make({ instructions: "" })
    assert.throws(() => Task.sequence({ stay: agent }), /steps\.stay must be made by Task\.make/)
  })
})
